//! Layers on top of each other (OCI image-spec, layer.md, "Applying Changesets"): one tree that grows with distinct
//! paths, and a record of everything that went out of sight.
//!
//! Whiteouts hide lower layers only, whatever their place in the archive. Parents are found through the tree, symbolic
//! links followed inside the image root; the last part of a name is never followed. All names of a file share one inode,
//! whose bytes are out of sight only when its last name is.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::{Entry, Gap, GapKind, How, Kind, LayerFacts, Note, NoteKind, basename, parent};

/// Most symbolic links that are followed for one name, as in the kernel.
const MAX_HOPS: usize = 40;
const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

/// A member of a layer: index of the layer, index of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub layer: u32,
    pub entry: u32,
}

/// A path of the final tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// The member that describes it; none for a directory that is only implied.
    pub origin: Option<Origin>,
    /// Layer since which the path exists without interruption.
    pub added: u16,
    /// Layer that last wrote it.
    pub changed: u16,
}

/// A name of a file that has several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// The member that holds the content.
    pub content: Origin,
    /// The index (in [`Overlaid::placed`]) of the name that stands for the file; none for that name itself.
    pub same_as: Option<u32>,
}

/// A member that is shipped but not in the final tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OutOfSight {
    pub origin: Origin,
    pub by: u32,
    pub how: How,
}

/// The result.
#[derive(Debug)]
pub(super) struct Overlaid {
    pub placed: Vec<Placed>,
    /// Resolved paths of those placed (by index) that are not where their member says.
    pub paths: BTreeMap<u32, Box<str>>,
    /// Those placed (by index) that share their content with other names.
    pub names: BTreeMap<u32, Name>,
    pub hidden: Vec<OutOfSight>,
    pub notes: Vec<Note>,
    pub gaps: Vec<Gap>,
}

/// Applies layers bottom first; `None` stands for a layer that could not be seen.
pub(super) fn overlay(layers: &[Option<Arc<LayerFacts>>]) -> Overlaid {
    let capacity = layers.iter().flatten().map(|layer| layer.entries.len()).max().unwrap_or(0);
    let mut tree = Tree::new(layers, capacity);
    for (index, layer) in layers.iter().enumerate() {
        if let Some(layer) = layer {
            tree.apply(u32::try_from(index).unwrap_or(NONE), layer);
        }
    }
    tree.finish()
}

struct Node<'a> {
    name: &'a str,
    parent: u32,
    first_child: u32,
    previous: u32,
    next: u32,
    inode: u32,
    /// Index of the entry in layer `changed`; `NONE` for an implied directory.
    entry: u32,
    added: u16,
    changed: u16,
    directory: bool,
    /// Its place in the tree is the path its member names.
    as_written: bool,
}

struct Inode {
    origin: Origin,
    names: u32,
}

struct Tree<'a> {
    layers: &'a [Option<Arc<LayerFacts>>],
    nodes: Vec<Node<'a>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    inodes: Vec<Inode>,
    /// Hard links to what is no regular file, such as a symbolic link: the member that says what it is.
    same: BTreeMap<Origin, Origin>,
    hidden: Vec<OutOfSight>,
    notes: Vec<Note>,
    gaps: Vec<Gap>,
    /// The folder that was resolved last: archives list a folder's members one after the other.
    recent: Option<(&'a str, Found)>,
}

/// A folder, and whether the way to it met no link.
#[derive(Clone, Copy)]
struct Found {
    node: u32,
    straight: bool,
}

/// What `.wh.` names mean.
enum Whiteout<'a> {
    Opaque,
    Of(&'a str),
    Ignored,
    Odd,
}

fn whiteout(name: &str) -> Option<Whiteout<'_>> {
    let rest = name.strip_prefix(".wh.")?;
    Some(match rest {
        ".wh..opq" => Whiteout::Opaque,
        ".wh.aufs" | ".wh.plnk" | ".wh.orph" => Whiteout::Ignored,
        "" | "." | ".." => Whiteout::Odd,
        rest => Whiteout::Of(rest),
    })
}

impl<'a> Tree<'a> {
    fn new(layers: &'a [Option<Arc<LayerFacts>>], capacity: usize) -> Self {
        let root = Node {
            name: "",
            parent: ROOT,
            first_child: NONE,
            previous: NONE,
            next: NONE,
            inode: NONE,
            entry: NONE,
            added: 0,
            changed: 0,
            directory: true,
            as_written: false,
        };
        let mut nodes = Vec::with_capacity(capacity + 1);
        nodes.push(root);
        Self {
            layers,
            nodes,
            free: Vec::new(),
            index: HashTable::with_capacity(capacity),
            hasher: DefaultHashBuilder::default(),
            inodes: Vec::with_capacity(capacity),
            same: BTreeMap::new(),
            hidden: Vec::new(),
            notes: Vec::new(),
            gaps: Vec::new(),
            recent: None,
        }
    }

    fn apply(&mut self, layer: u32, facts: &'a LayerFacts) {
        // Most layers delete nothing: one look at the bytes spares two looks at every name.
        let finder = memchr::memmem::Finder::new(".wh.");
        let deletes = facts.entries.iter().any(|entry| finder.find(entry.path.as_bytes()).is_some());
        for entry in facts.entries.iter().filter(|_| deletes) {
            match whiteout(basename(&entry.path)) {
                Some(Whiteout::Opaque) => self.hide_children(layer, &entry.path),
                Some(Whiteout::Of(name)) => self.hide_name(layer, &entry.path, name),
                Some(Whiteout::Odd) => {
                    self.note(NoteKind::OddWhiteout, layer, &entry.path, "a whiteout that names nothing");
                }
                Some(Whiteout::Ignored) | None => {}
            }
        }
        self.recent = None;
        for (at, entry) in facts.entries.iter().enumerate() {
            if !deletes || whiteout(basename(&entry.path)).is_none() {
                self.place(layer, u32::try_from(at).unwrap_or(NONE), entry);
            }
        }
    }

    fn note(&mut self, kind: NoteKind, layer: u32, path: &str, detail: &str) {
        self.notes.push(Note { kind, layer: Some(layer), path: Some(path.to_owned()), detail: detail.to_owned() });
    }

    /// A member that is placed nowhere. Only the first hundred are named.
    fn gap(&mut self, layer: u32, path: &str, detail: &str) {
        if self.gaps.len() < 100 {
            let path = Some(path.to_owned());
            self.gaps.push(Gap { kind: GapKind::LayerDamaged, layer: Some(layer), path, detail: detail.to_owned() });
        }
    }

    fn hash(&self, parent: u32, name: &str) -> u64 {
        self.hasher.hash_one((parent, name))
    }

    fn child(&self, parent: u32, name: &str) -> Option<u32> {
        let hash = self.hash(parent, name);
        self.index
            .find(hash, |node| {
                let node = &self.nodes[*node as usize];
                node.parent == parent && node.name == name
            })
            .copied()
    }

    /// The member that says what a node is.
    fn origin_of(&self, node: u32) -> Option<Origin> {
        let Node { entry, changed, .. } = self.nodes[node as usize];
        let own = Origin { layer: u32::from(changed), entry };
        (entry != NONE).then(|| self.same.get(&own).copied().unwrap_or(own))
    }

    fn entry_of(&self, node: u32) -> Option<&'a Entry> {
        let origin = self.origin_of(node)?;
        self.layers.get(origin.layer as usize)?.as_ref()?.entries.get(origin.entry as usize)
    }

    fn add(&mut self, parent: u32, name: &'a str, layer: u32) -> u32 {
        let layer = u16::try_from(layer).unwrap_or(u16::MAX);
        let next = self.nodes[parent as usize].first_child;
        let node = Node {
            name,
            parent,
            first_child: NONE,
            previous: NONE,
            next,
            inode: NONE,
            entry: NONE,
            added: layer,
            changed: layer,
            directory: true,
            as_written: false,
        };
        let at = if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            at
        } else {
            self.nodes.push(node);
            u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
        };
        if next != NONE {
            self.nodes[next as usize].previous = at;
        }
        self.nodes[parent as usize].first_child = at;
        let hash = self.hash(parent, name);
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        self.index.insert_unique(hash, at, |node| {
            let node = &nodes[*node as usize];
            hasher.hash_one((node.parent, node.name))
        });
        at
    }

    /// The folder that `path` leads to, links followed; folders that do not exist are made when `layer` is given.
    /// `None` when it does not exist, or when links loop.
    fn folder(&mut self, path: &'a str, layer: Option<u32>) -> Option<Found> {
        if path.is_empty() {
            return Some(Found { node: ROOT, straight: true });
        }
        if let Some((recent, found)) = self.recent
            && recent == path
        {
            return Some(found);
        }
        let found = self.walk(path, layer, true)?;
        if layer.is_some() {
            self.recent = Some((path, found));
        }
        Some(found)
    }

    /// Follows `path` from the root. With `follow_last` unset, a link in the last part is the answer itself.
    fn walk(&mut self, path: &'a str, layer: Option<u32>, follow_last: bool) -> Option<Found> {
        let mut pending: Vec<&'a str> = path.split('/').rev().collect();
        let mut at = ROOT;
        let mut hops = 0;
        while let Some(part) = pending.pop() {
            match part {
                "" | "." => continue,
                ".." => {
                    at = self.nodes[at as usize].parent;
                    continue;
                }
                _ => {}
            }
            let Some(found) = self.child(at, part) else {
                at = self.add(at, part, layer?);
                continue;
            };
            let is_last = pending.is_empty();
            let entry = self.entry_of(found).filter(|_| !self.nodes[found as usize].directory);
            match entry {
                Some(Entry { kind: Kind::Symlink, link: Some(target), .. }) if follow_last || !is_last => {
                    hops += 1;
                    if hops > MAX_HOPS {
                        return None;
                    }
                    if target.starts_with('/') {
                        at = ROOT;
                    }
                    pending.extend(target.split('/').rev());
                }
                Some(_) if !is_last || (follow_last && layer.is_some()) => {
                    // Something that is no folder stands where a folder is needed: the folder replaces it.
                    let layer = layer?;
                    self.remove(found, layer, How::Deleted);
                    at = self.add(at, part, layer);
                }
                _ => at = found,
            }
        }
        Some(Found { node: at, straight: hops == 0 })
    }

    fn place(&mut self, layer: u32, at: u32, entry: &'a Entry) {
        let origin = Origin { layer, entry: at };
        let Some(Found { node: folder, straight }) = self.folder(parent(&entry.path), Some(layer)) else {
            self.gap(layer, &entry.path, "symbolic links above it loop: it is placed nowhere");
            self.hidden.push(OutOfSight { origin, by: layer, how: How::Deleted });
            return;
        };
        let inode = match entry.kind {
            Kind::File => {
                self.inodes.push(Inode { origin, names: 0 });
                u32::try_from(self.inodes.len() - 1).unwrap_or(NONE)
            }
            Kind::Hardlink => {
                let target = entry.link.as_deref().unwrap_or_default();
                let found = self.walk(target, None, false).map(|found| found.node);
                let Some(target) = found.filter(|node| !self.nodes[*node as usize].directory) else {
                    self.gap(layer, &entry.path, "a hard link whose target does not exist: it is placed nowhere");
                    return;
                };
                let inode = self.nodes[target as usize].inode;
                if inode == NONE
                    && let Some(same) = self.origin_of(target)
                {
                    // A further name of a link or a device: the same thing again.
                    self.same.insert(origin, same);
                }
                inode
            }
            _ => NONE,
        };
        let name = basename(&entry.path);
        let existing = self.child(folder, name);
        let directory = entry.is_directory();
        let node = match existing {
            Some(node) if directory && self.nodes[node as usize].directory => node,
            Some(node) if inode != NONE && self.nodes[node as usize].inode == inode => node,
            Some(node) => {
                let added = self.nodes[node as usize].added;
                let how = self.reason(node, layer, entry);
                self.remove(node, layer, how);
                let node = self.add(folder, name, layer);
                self.nodes[node as usize].added = added;
                node
            }
            None => self.add(folder, name, layer),
        };
        if existing.is_some() || entry.kind == Kind::Symlink {
            self.recent = None;
        }
        let slot = &mut self.nodes[node as usize];
        slot.entry = at;
        slot.changed = u16::try_from(layer).unwrap_or(u16::MAX);
        slot.directory = directory;
        slot.as_written = straight && !self.same.contains_key(&origin);
        if slot.inode != inode {
            slot.inode = inode;
            self.inodes[inode as usize].names += 1;
        }
    }

    /// How the node goes out of sight when `entry` takes its place.
    fn reason(&self, node: u32, layer: u32, entry: &Entry) -> How {
        let old = &self.nodes[node as usize];
        if u32::from(old.changed) == layer {
            return How::Duplicate;
        }
        match self.entry_of(node) {
            Some(old) if old.kind == Kind::File && entry.kind == Kind::File => {
                if old.size == entry.size && old.sha256.is_some() && old.sha256 == entry.sha256 {
                    How::Rewritten
                } else {
                    How::Overwritten
                }
            }
            _ => How::Overwritten,
        }
    }

    fn hide_children(&mut self, layer: u32, path: &'a str) {
        let Some(Found { node: folder, .. }) = self.folder(parent(path), None) else { return };
        let mut child = self.nodes[folder as usize].first_child;
        while child != NONE {
            let next = self.nodes[child as usize].next;
            self.remove(child, layer, How::Deleted);
            child = next;
        }
    }

    fn hide_name(&mut self, layer: u32, path: &'a str, name: &str) {
        let found = self.folder(parent(path), None).and_then(|folder| self.child(folder.node, name));
        match found {
            Some(node) => self.remove(node, layer, How::Deleted),
            None => self.note(NoteKind::OddWhiteout, layer, path, "a whiteout that hides nothing"),
        }
    }

    /// Takes a node and everything below it out of the tree; what is below always counts as deleted.
    fn remove(&mut self, node: u32, by: u32, how: How) {
        self.recent = None;
        let mut stack = vec![(node, how)];
        while let Some((at, how)) = stack.pop() {
            let mut child = self.nodes[at as usize].first_child;
            while child != NONE {
                stack.push((child, How::Deleted));
                child = self.nodes[child as usize].next;
            }
            self.vanish(at, by, how);
            self.unlink(at);
        }
    }

    fn vanish(&mut self, at: u32, by: u32, how: How) {
        let node = &self.nodes[at as usize];
        if node.inode != NONE {
            let inode = &mut self.inodes[node.inode as usize];
            inode.names -= 1;
            if inode.names == 0 {
                self.hidden.push(OutOfSight { origin: inode.origin, by, how });
            }
        } else if !node.directory && node.entry != NONE {
            let origin = Origin { layer: u32::from(node.changed), entry: node.entry };
            self.hidden.push(OutOfSight { origin, by, how });
        }
    }

    fn unlink(&mut self, at: u32) {
        let node = &self.nodes[at as usize];
        let (name, parent, previous, next) = (node.name, node.parent, node.previous, node.next);
        if previous == NONE {
            // A parent that was removed before its children no longer heads a list of this node.
            if self.nodes[parent as usize].first_child == at {
                self.nodes[parent as usize].first_child = next;
            }
        } else {
            self.nodes[previous as usize].next = next;
        }
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        let hash = self.hash(parent, name);
        if let Ok(slot) = self.index.find_entry(hash, |node| *node == at) {
            slot.remove();
        }
        self.free.push(at);
    }

    fn path(&self, node: u32) -> String {
        let mut parts = Vec::new();
        let mut at = node;
        while at != ROOT {
            parts.push(self.nodes[at as usize].name);
            at = self.nodes[at as usize].parent;
        }
        parts.reverse();
        parts.join("/")
    }

    fn finish(mut self) -> Overlaid {
        let mut placed = Vec::with_capacity(self.index.len());
        let mut paths = BTreeMap::new();
        let mut names: BTreeMap<u32, (u32, Origin)> = BTreeMap::new();
        // Per inode with several names: the index that stands for it, preferring the name its own member has.
        let mut standing: BTreeMap<u32, u32> = BTreeMap::new();
        let mut stack: Vec<Stop> = Vec::new();
        self.push_children(ROOT, &mut stack);
        while let Some(stop) = stack.pop() {
            if stop.below {
                self.push_children(stop.node, &mut stack);
                continue;
            }
            let at = stop.node;
            let node = &self.nodes[at as usize];
            let origin = self.origin_of(at);
            let index = u32::try_from(placed.len()).unwrap_or(NONE);
            placed.push(Placed { origin, added: node.added, changed: node.changed });
            if !node.as_written {
                paths.insert(index, self.path(at).into_boxed_str());
            }
            if node.inode != NONE && self.inodes[node.inode as usize].names > 1 {
                let content = self.inodes[node.inode as usize].origin;
                names.insert(index, (node.inode, content));
                if origin == Some(content) {
                    standing.insert(node.inode, index);
                } else {
                    standing.entry(node.inode).or_insert(index);
                }
            } else if node.inode != NONE && origin != Some(self.inodes[node.inode as usize].origin) {
                // The last name left is a hard link: it is the file now.
                names.insert(index, (node.inode, self.inodes[node.inode as usize].origin));
                standing.insert(node.inode, index);
            }
        }
        let names = names
            .into_iter()
            .map(|(index, (inode, content))| {
                let same_as = standing.get(&inode).copied().filter(|standing| *standing != index);
                (index, Name { content, same_as })
            })
            .collect();
        self.hidden.sort_unstable();
        self.notes.sort();
        Overlaid { placed, paths, names, hidden: self.hidden, notes: self.notes, gaps: self.gaps }
    }

    /// Puts the children of a folder on the stack, so that they come off it in the order of their paths.
    fn push_children(&self, folder: u32, stack: &mut Vec<Stop>) {
        let from = stack.len();
        let mut child = self.nodes[folder as usize].first_child;
        while child != NONE {
            let node = &self.nodes[child as usize];
            stack.push(Stop { node: child, below: false });
            if node.first_child != NONE {
                stack.push(Stop { node: child, below: true });
            }
            child = node.next;
        }
        let name = |stop: &Stop| self.nodes[stop.node as usize].name.as_bytes();
        stack[from..].sort_unstable_by(|left, right| by_path((name(right), right.below), (name(left), left.below)));
    }
}

/// A step of the way through the tree: a path itself, or everything below it. In the order of whole paths other names
/// can stand between the two: `a`, `a-b`, `a/x`.
struct Stop {
    node: u32,
    below: bool,
}

/// Compares two names of one folder as whole paths compare: what is below a name has a `/` behind it.
fn by_path(left: (&[u8], bool), right: (&[u8], bool)) -> std::cmp::Ordering {
    let common = left.0.len().min(right.0.len());
    let behind = |(name, below): (&[u8], bool)| name.get(common).copied().or(below.then_some(b'/'));
    left.0[..common].cmp(&right.0[..common]).then_with(|| behind(left).cmp(&behind(right)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, FileHash};

    /// Layers as text: `f path content`, `d path`, `l path target`, `h path target`.
    fn layer(text: &str) -> Option<Arc<LayerFacts>> {
        let entries = text
            .lines()
            .map(|line| {
                let mut words = line.split_whitespace();
                let kind = match words.next() {
                    Some("f") => Kind::File,
                    Some("d") => Kind::Directory,
                    Some("l") => Kind::Symlink,
                    Some("h") => Kind::Hardlink,
                    other => panic!("{other:?}"),
                };
                let path = words.next().expect("path");
                let rest = words.next();
                let content = rest.filter(|_| kind == Kind::File).unwrap_or_default();
                Entry {
                    path: path.into(),
                    kind,
                    mode: 0o644,
                    uid: 0,
                    gid: 0,
                    size: content.len() as u64,
                    mtime: 0,
                    sha256: (kind == Kind::File).then(|| {
                        let mut raw = [0; 32];
                        raw[..content.len()].copy_from_slice(content.as_bytes());
                        FileHash(raw)
                    }),
                    link: rest.filter(|_| matches!(kind, Kind::Symlink | Kind::Hardlink)).map(Into::into),
                    xattrs: Box::default(),
                }
            })
            .collect();
        Some(Arc::new(LayerFacts {
            diff_id: Digest::of(text.as_bytes()),
            unpacked_size: 0,
            entries,
            documents: Vec::new(),
            hits: Vec::new(),
            catalog: Vec::new(),
            startup: crate::model::LayerStartup::default(),
            scanned: crate::model::ScanLedger::default(),
            asides: Vec::new(),
            supplied: Vec::new(),
            notes: Vec::new(),
            gaps: Vec::new(),
        }))
    }

    /// The final tree as `path@added-changed`, and the hidden members as `path@layer by how`.
    fn stacked(layers: &[&str]) -> (Vec<String>, Vec<String>) {
        let layers: Vec<_> = layers.iter().map(|text| layer(text)).collect();
        let overlaid = overlay(&layers);
        let name = |origin: Origin| {
            let layer = layers[origin.layer as usize].as_ref().expect("layer");
            layer.entries[origin.entry as usize].path.to_string()
        };
        let mut tree: Vec<String> = overlaid
            .placed
            .iter()
            .enumerate()
            .map(|(index, placed)| {
                let index = u32::try_from(index).expect("small");
                let path = overlaid
                    .paths
                    .get(&index)
                    .map_or_else(|| name(placed.origin.expect("member")), ToString::to_string);
                let same =
                    overlaid.names.get(&index).map_or(String::new(), |found| format!("={}", name(found.content)));
                format!("{path}@{}-{}{same}", placed.added, placed.changed)
            })
            .collect();
        tree.sort();
        let hidden = overlaid
            .hidden
            .iter()
            .map(|out| format!("{}@{} by {} {:?}", name(out.origin), out.origin.layer, out.by, out.how))
            .collect();
        (tree, hidden)
    }

    #[test]
    fn whiteouts_hide_lower_layers_whatever_their_place_in_the_archive() {
        let (tree, hidden) = stacked(&["d a\nf a/x 1\nf a/y 2", "f a/x 3\nf a/.wh.x -\nf a/.wh..wh..opq -"]);
        assert_eq!(tree, ["a/x@1-1", "a@0-0"]);
        assert_eq!(hidden, ["a/x@0 by 1 Deleted", "a/y@0 by 1 Deleted"]);
    }

    #[test]
    fn a_file_in_place_of_a_folder_hides_all_below_and_back() {
        let (tree, hidden) = stacked(&["d a\nd a/b\nf a/b/x 1", "f a 2", "d a\nf a/z 3"]);
        assert_eq!(tree, ["a/z@2-2", "a@0-2"]);
        assert_eq!(hidden, ["a/b/x@0 by 1 Deleted", "a@1 by 2 Overwritten"]);
    }

    #[test]
    fn folders_merge_and_keep_their_age() {
        let (tree, hidden) = stacked(&["d a\nf a/x 1", "d a\nf a/y 2", "f a/x 1"]);
        assert_eq!(tree, ["a/x@0-2", "a/y@1-1", "a@0-1"]);
        assert_eq!(hidden, ["a/x@0 by 2 Rewritten"]);
    }

    #[test]
    fn parents_resolve_through_links_inside_the_root() {
        let (tree, _) = stacked(&[
            "d usr\nd usr/lib\nl lib usr/lib\nl up ../../../usr",
            "f lib/x 1\nf up/y 2\nf lib/.wh.nothing -",
        ]);
        assert_eq!(tree, ["lib@0-0", "up@0-0", "usr/lib/x@1-1", "usr/lib@0-0", "usr/y@1-1", "usr@0-0"]);
        let (tree, hidden) = stacked(&["d usr\nd usr/lib\nf usr/lib/x 1\nl lib /usr/lib", "f lib/.wh.x -"]);
        assert_eq!(tree, ["lib@0-0", "usr/lib@0-0", "usr@0-0"]);
        assert_eq!(hidden, ["usr/lib/x@0 by 1 Deleted"]);
    }

    #[test]
    fn links_that_loop_place_nothing_and_end() {
        let (tree, hidden) = stacked(&["l a b\nl b a\nf a/x 1"]);
        assert_eq!(tree, ["a@0-0", "b@0-0"]);
        assert_eq!(hidden.len(), 1);
    }

    #[test]
    fn content_is_hidden_only_with_its_last_name() {
        let (tree, hidden) = stacked(&["f a 1\nh b a", "f .wh.a -"]);
        assert_eq!(tree, ["b@0-0=a"]);
        assert!(hidden.is_empty(), "{hidden:?}");
        let (tree, hidden) = stacked(&["f a 1", "h b a", "f .wh.a -\nf .wh.b -"]);
        assert!(tree.is_empty());
        assert_eq!(hidden, ["a@0 by 2 Deleted"]);
    }

    #[test]
    fn the_last_of_two_members_with_one_name_counts() {
        let (tree, hidden) = stacked(&["f a 1\nf a 22"]);
        assert_eq!(tree, ["a@0-0"]);
        assert_eq!(hidden, ["a@0 by 0 Duplicate"]);
    }

    #[test]
    fn missing_parents_are_implied() {
        let (tree, _) = stacked(&["f a/b/c 1"]);
        assert_eq!(tree.len(), 3);
        assert!(tree.contains(&"a/b/c@0-0".to_owned()));
    }

    #[test]
    fn what_was_deleted_and_added_again_is_new() {
        let (tree, _) = stacked(&["f a 1", "f .wh.a -", "f a 1"]);
        assert_eq!(tree, ["a@2-2"]);
    }

    #[test]
    fn a_further_name_of_a_link_belongs_to_the_layer_that_gave_it() {
        let (tree, hidden) = stacked(&["l a b", "h c a", "f .wh.c -"]);
        assert_eq!(tree, ["a@0-0"]);
        assert_eq!(hidden, ["c@1 by 2 Deleted"]);
        let (tree, _) = stacked(&["l a b\nf c 1", "h c a\nh d c"]);
        assert_eq!(tree, ["a@0-0", "c@0-1", "d@1-1"]);
    }
}
