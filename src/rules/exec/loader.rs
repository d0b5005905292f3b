//! The dynamic loaders of glibc (`ld.so(8)`) and musl: whether every library that a program needs is found.

use std::collections::{BTreeSet, VecDeque};

use crate::model::{Elf, Head, Linkage, Linking, basename, parent};
use crate::rules::words::code;

use super::elf::multiarch;
use super::filesystem::{Access, FileSystem, Nowhere};
use super::identity::Who;

/// Most objects that one program may load.
const MAX_OBJECTS: usize = 2_048;
/// Most folders of one search list.
const MAX_FOLDERS: usize = 256;
/// Deepest `include` of ld.so.conf.
const MAX_INCLUDES: u32 = 8;

/// Why a program does not get its libraries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unlinked {
    /// A fragment behind the program's name.
    Fails(String),
    Unknown(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Glibc,
    Musl,
    Other,
}

/// What libraries are searched for.
pub(super) struct Loader<'l, 'a> {
    pub files: &'l FileSystem<'a>,
    pub who: Option<&'l Who>,
    /// `LD_LIBRARY_PATH`.
    pub library_path: Option<&'l str>,
    pub cwd: &'l str,
}

struct Object {
    /// Where it was found, and the folder of the name by which it was found.
    path: String,
    named_in: String,
    linking: Linking,
    loaded_by: Option<usize>,
}

impl Loader<'_, '_> {
    /// Whether the program at `path` gets its interpreter and all its libraries.
    pub fn check(&self, path: &str, elf: &Elf) -> Result<(), Unlinked> {
        let linking = match &elf.linkage {
            Linkage::Seen(linking) => linking,
            Linkage::Unseen(why) => return Err(Unlinked::Unknown(format!("{}: {why}", code(format!("/{path}"))))),
            // What is odd to this reader may be enough for a kernel.
            Linkage::Damaged(why) => {
                return Err(Unlinked::Unknown(format!("{} is damaged: {why}", code(format!("/{path}")))));
            }
        };
        let Some(interpreter) = &linking.interpreter else { return Ok(()) };
        let place = match self.files.look(interpreter, self.cwd, self.who) {
            Ok(place) => place,
            Err(Nowhere::Unknown(why)) => return Err(Unlinked::Unknown(why)),
            Err(_) => {
                let musl = if interpreter.contains("ld-musl") { "musl" } else { "glibc" };
                return Err(Unlinked::Fails(format!(
                    "whose loader {} is not in the image: it was built for {musl}",
                    code(interpreter)
                )));
            }
        };
        match self.files.image.startup.as_ref().and_then(|startup| startup.head(&place.path)) {
            Some(Head::Elf(found)) if found.machine == elf.machine && found.bits == elf.bits => {}
            Some(Head::Elf(_)) => {
                return Err(Unlinked::Fails(format!("whose loader {} is for another machine", code(interpreter))));
            }
            _ => return Err(Unlinked::Fails(format!("whose loader {} is no program", code(interpreter)))),
        }
        if self.who.is_some_and(|who| !place.allows(who, Access::Execute)) {
            return Err(Unlinked::Fails(format!("whose loader {} may not be executed", code(interpreter))));
        }
        self.libraries(path, elf, linking, interpreter, &place.path)
    }

    fn libraries(
        &self,
        path: &str,
        elf: &Elf,
        linking: &Linking,
        interpreter: &str,
        loader: &str,
    ) -> Result<(), Unlinked> {
        let name = basename(interpreter);
        let family = if name.starts_with("ld-musl-") {
            Family::Musl
        } else if name.starts_with("ld-linux")
            || name.starts_with("ld64.so")
            || name.starts_with("ld.so")
            || name.starts_with("ld-2.")
        {
            Family::Glibc
        } else {
            Family::Other
        };
        // A loader that lies elsewhere has other folders built in.
        let usual = ["lib", "lib64", "lib32", "libx32", "usr/lib", "usr/lib64", "usr/lib32"];
        let folder = parent(loader);
        let usual = usual.contains(&folder) || usual.contains(&parent(folder)) && folder.contains("-linux-");
        let defaults = match family {
            Family::Musl => self.musl_folders(name),
            Family::Glibc | Family::Other => self.glibc_folders(elf, folder),
        };
        let mut loaded: BTreeSet<String> = [name.to_owned()].into();
        let mut objects = vec![Object {
            path: path.to_owned(),
            named_in: parent(path).to_owned(),
            linking: linking.clone(),
            loaded_by: None,
        }];
        let mut queue: VecDeque<usize> = [0].into();
        while let Some(at) = queue.pop_front() {
            let needed = objects.get(at).map(|object| object.linking.needed.clone()).unwrap_or_default();
            for wanted in needed {
                if loaded.contains(&*wanted) || (family == Family::Musl && is_musl_itself(&wanted)) {
                    continue;
                }
                if objects.len() >= MAX_OBJECTS {
                    return Err(Unlinked::Unknown("it needs more libraries than are followed".to_owned()));
                }
                let (found, linking, named_in) = match self.find(&wanted, &objects, at, family, elf, &defaults) {
                    Ok(found) => found,
                    Err(Unlinked::Fails(_)) if family == Family::Other || !usual => {
                        let (loader, wanted) = (code(interpreter), code(wanted));
                        return Err(Unlinked::Unknown(format!(
                            "{loader} has folders of its own to look for {wanted} in"
                        )));
                    }
                    Err(why) => return Err(why),
                };
                loaded.insert(wanted.to_string());
                loaded.extend(linking.soname.as_deref().map(str::to_owned));
                objects.push(Object { path: found, named_in, linking, loaded_by: Some(at) });
                queue.push_back(objects.len() - 1);
            }
        }
        Ok(())
    }

    /// The library: its path, what it asks for, and the folder of the name by which it was found.
    fn find(
        &self,
        wanted: &str,
        objects: &[Object],
        by: usize,
        family: Family,
        elf: &Elf,
        defaults: &[String],
    ) -> Result<(String, Linking, String), Unlinked> {
        let mut folders: Vec<String> = Vec::new();
        let mut unclear = None;
        if wanted.contains('/') {
            folders.push(String::new());
        } else {
            self.search_list(objects, by, family, elf, &mut folders, &mut unclear);
            folders.extend_from_slice(defaults);
        }
        let mut foreign = None;
        for folder in folders.iter().take(MAX_FOLDERS) {
            let path = if wanted.contains('/') { wanted.to_owned() } else { format!("{folder}/{wanted}") };
            let place = match self.files.look(&path, self.cwd, self.who) {
                Ok(place) => place,
                Err(Nowhere::Unknown(why)) => {
                    unclear.get_or_insert(why);
                    continue;
                }
                Err(_) => continue,
            };
            if self.who.is_some_and(|who| !place.allows(who, Access::Read)) {
                foreign.get_or_insert(format!("{} may not be read", code(format!("/{}", place.path))));
                continue;
            }
            match self.files.image.startup.as_ref().and_then(|startup| startup.head(&place.path)) {
                Some(Head::Elf(found)) if found.machine == elf.machine && found.bits == elf.bits => {
                    return match &found.linkage {
                        Linkage::Seen(linking) => {
                            Ok((place.path, linking.clone(), parent(path.trim_start_matches('/')).to_owned()))
                        }
                        Linkage::Unseen(why) => Err(Unlinked::Unknown(format!("{}: {why}", code(&path)))),
                        Linkage::Damaged(why) => Err(Unlinked::Unknown(format!("{} is damaged: {why}", code(&path)))),
                    };
                }
                Some(Head::Elf(_)) => {
                    foreign.get_or_insert(format!("{} is for another machine", code(&path)));
                }
                // glibc's text files for the linker are no libraries, nor is anything else.
                _ => {
                    foreign.get_or_insert(format!("{} is no library", code(&path)));
                }
            }
        }
        if let Some(why) = unclear {
            return Err(Unlinked::Unknown(format!("{} is not found, but {why}", code(wanted))));
        }
        let by = objects.get(by).filter(|object| object.loaded_by.is_some());
        let by = by.map_or_else(String::new, |object| format!(" (for {})", code(format!("/{}", object.path))));
        let near = foreign.or_else(|| self.files.nearest(basename(wanted)));
        let near = near.map_or_else(String::new, |near| format!("; {near}"));
        Err(Unlinked::Fails(format!(
            "which needs the library {}{by}, and no folder of the loader has it{near}",
            code(wanted)
        )))
    }

    /// Folders that objects and environment name, in the loader's order.
    fn search_list(
        &self,
        objects: &[Object],
        by: usize,
        family: Family,
        elf: &Elf,
        folders: &mut Vec<String>,
        unclear: &mut Option<String>,
    ) {
        let environment = self.library_path.unwrap_or_default();
        let mut add = |list: &str, object: &Object, folders: &mut Vec<String>| {
            for folder in list.split([':', ';']).filter(|folder| !folder.is_empty()).take(MAX_FOLDERS) {
                for folder in expand(folder, object, elf) {
                    if folder.contains('$') {
                        unclear.get_or_insert(format!("the search path {} is not understood", code(&folder)));
                    } else {
                        folders.push(folder);
                    }
                }
            }
        };
        let Some(object) = objects.get(by) else { return };
        let chain = || {
            let mut next = Some(by);
            let mut left = MAX_OBJECTS;
            std::iter::from_fn(move || {
                let object = objects.get(next?)?;
                left = left.checked_sub(1)?;
                next = object.loaded_by;
                Some(object)
            })
        };
        let split = |folders: &mut Vec<String>| {
            folders.extend(environment.split([':', ';']).filter(|folder| !folder.is_empty()).map(str::to_owned));
        };
        if family == Family::Musl {
            split(folders);
            for object in chain() {
                let path = object.linking.runpath.as_deref().or(object.linking.rpath.as_deref());
                add(path.unwrap_or_default(), object, folders);
            }
            return;
        }
        if object.linking.runpath.is_none() {
            for object in chain().filter(|object| object.linking.runpath.is_none()) {
                add(object.linking.rpath.as_deref().unwrap_or_default(), object, folders);
            }
        }
        split(folders);
        add(object.linking.runpath.as_deref().unwrap_or_default(), object, folders);
    }

    fn glibc_folders(&self, elf: &Elf, loader: &str) -> Vec<String> {
        let mut folders = Vec::new();
        self.configured("/etc/ld.so.conf", 0, &mut folders);
        for triplet in multiarch(elf) {
            folders.extend([format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")]);
        }
        if elf.bits == 64 {
            folders.extend(["/lib64", "/usr/lib64"].map(str::to_owned));
        }
        folders.extend(["/lib", "/usr/lib", "/lib32", "/usr/lib32"].map(str::to_owned));
        folders.push(format!("/{loader}"));
        folders
    }

    /// The folders that `ld.so.conf` lists, its includes first to last.
    fn configured(&self, path: &str, depth: u32, folders: &mut Vec<String>) {
        let Some(text) = self.text(path) else { return };
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if folders.len() >= MAX_FOLDERS || line.is_empty() || line.starts_with("hwcap") {
                continue;
            }
            let Some(patterns) = line.strip_prefix("include ") else {
                folders
                    .extend(line.split([':', ',', ' ', '\t']).filter(|part| part.starts_with('/')).map(str::to_owned));
                continue;
            };
            for pattern in patterns.split_whitespace().filter(|_| depth < MAX_INCLUDES) {
                for file in super::subjects::matching(self.files, pattern, "/etc") {
                    self.configured(&file, depth + 1, folders);
                }
            }
        }
    }

    fn musl_folders(&self, loader: &str) -> Vec<String> {
        let name = loader.strip_suffix(".so.1").unwrap_or(loader);
        let text = self.text(&format!("/etc/{name}.path"));
        let text = text.unwrap_or("/lib:/usr/local/lib:/usr/lib");
        text.split([':', '\n']).filter(|folder| !folder.is_empty()).take(MAX_FOLDERS).map(str::to_owned).collect()
    }

    fn text(&self, path: &str) -> Option<&str> {
        let place = self.files.look(path, "/", None).ok()?;
        self.files.image.startup.as_ref()?.text(&place.path).map(crate::model::StartText::whole_lines)
    }
}

/// musl brings these libraries in its loader.
fn is_musl_itself(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("lib") else { return false };
    let rest = rest.split('.').next().unwrap_or_default();
    matches!(rest, "c" | "pthread" | "rt" | "m" | "dl" | "util" | "xnet")
}

/// A folder of a search path with `$ORIGIN` and `$LIB` filled in.
fn expand(folder: &str, object: &Object, elf: &Elf) -> Vec<String> {
    let origins = [format!("/{}", parent(&object.path)), format!("/{}", object.named_in)];
    let mut folders: Vec<String> = Vec::new();
    for origin in origins {
        let with = folder.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin);
        if with.contains("$LIB") || with.contains("${LIB}") {
            let lib = if elf.bits == 64 { "lib64" } else { "lib" };
            let names = multiarch(elf).iter().map(|triplet| format!("lib/{triplet}")).chain([lib.to_owned()]);
            folders.extend(names.map(|name| with.replace("${LIB}", &name).replace("$LIB", &name)));
        } else {
            folders.push(with);
        }
    }
    folders.dedup();
    folders
}
