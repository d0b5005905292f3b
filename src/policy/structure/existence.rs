//! Tests of paths: `fileExistenceTests`.

use crate::model::{Entry, File, ImageFacts, Kind};
use crate::rules::{Fault, Seat};

use super::{Said, Test, shown};

/// Who must be able to execute a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Executor {
    Owner,
    Group,
    Other,
    Any,
}

impl Executor {
    fn bits(self) -> u16 {
        match self {
            Self::Owner => 0o100,
            Self::Group => 0o010,
            Self::Other => 0o001,
            Self::Any => 0o111,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Owner => "its owner",
            Self::Group => "its group",
            Self::Other => "others",
            Self::Any => "anybody",
        }
    }
}

/// A test of one path.
pub(super) struct ExistenceTest {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) should_exist: bool,
    pub(super) permissions: Option<String>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) executable_by: Option<Executor>,
}

/// What stands at a path; the last part is not followed when it is a link.
pub(super) enum Found<'a> {
    Nothing,
    /// The root itself, of which no layer says anything.
    Root,
    File(&'a File),
}

/// Looks a path up.
pub(super) fn look<'a>(image: &'a ImageFacts, path: &str) -> Found<'a> {
    let path = path.trim_end_matches('/');
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(name, "" | "." | "..") {
        return match image.resolve(path).as_deref() {
            None => Found::Nothing,
            Some("") => Found::Root,
            Some(place) => image.file(place).map_or(Found::Nothing, Found::File),
        };
    }
    let Some(folder) = image.resolve(folder) else { return Found::Nothing };
    let place = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    image.file(&place).map_or(Found::Nothing, Found::File)
}

impl ExistenceTest {
    fn fault(&self, found: Option<&File>, what: &str) -> Fault {
        let seat = found.map_or(Seat::Image, |file| Seat::File {
            path: file.entry.path.to_string(),
            layer: file.changed,
            line: None,
        });
        let message = format!("{}: {what}", shown(&self.name));
        Fault { subject: self.path.trim_matches('/').to_owned(), message, seat, fix: None }
    }

    fn asks_more(&self) -> bool {
        self.permissions.is_some() || self.uid.is_some() || self.gid.is_some() || self.executable_by.is_some()
    }

    fn attributes(&self, file: &File) -> Vec<Fault> {
        let Entry { mode, uid, gid, .. } = file.entry;
        let path = shown(&self.path);
        let mut faults = Vec::new();
        let mut wrong = |what: String| faults.push(self.fault(Some(file), &what));
        if let Some(wanted) = &self.permissions {
            let forms = forms(file.entry.kind, mode);
            if !forms.contains(wanted) {
                wrong(format!("{path} has the permissions `{}`, not {}", forms[0], shown(wanted)));
            }
        }
        if let Some(wanted) = self.uid.filter(|wanted| *wanted != uid) {
            wrong(format!("{path} belongs to the user `{uid}`, not `{wanted}`"));
        }
        if let Some(wanted) = self.gid.filter(|wanted| *wanted != gid) {
            wrong(format!("{path} belongs to the group `{gid}`, not `{wanted}`"));
        }
        if let Some(who) = self.executable_by.filter(|who| mode & who.bits() == 0) {
            wrong(format!("{path} cannot be executed by {}: its mode is `{mode:04o}`", who.word()));
        }
        faults
    }
}

impl Test for ExistenceTest {
    fn ask(&self, image: &ImageFacts) -> Said {
        // A layer that was not seen may add, change or remove every path.
        if let Some(gap) = image.tree_gap() {
            return Said::Open(gap.detail.clone());
        }
        let path = shown(&self.path);
        match (look(image, &self.path), self.should_exist) {
            (Found::Nothing, true) => Said::Fails(vec![self.fault(None, &format!("{path} is not in the image"))]),
            (Found::Root, false) => Said::Fails(vec![self.fault(None, &format!("{path} is in every image"))]),
            (Found::Root, true) if self.asks_more() => {
                Said::Open(format!("{}: no layer says what the attributes of {path} are", shown(&self.name)))
            }
            (Found::Nothing, false) | (Found::Root, true) => Said::Holds,
            (Found::File(file), false) => {
                Said::Fails(vec![self.fault(Some(file), &format!("{path} is in the image, and should not be"))])
            }
            (Found::File(file), true) => match self.attributes(file) {
                faults if faults.is_empty() => Said::Holds,
                faults => Said::Fails(faults),
            },
        }
    }
}

/// Permissions in the form of `ls`, and in the one of Go programs, which writes special bits in front.
pub(super) fn forms(kind: Kind, mode: u16) -> [String; 2] {
    let mut nine: Vec<char> = Vec::with_capacity(9);
    for shift in [6, 3, 0] {
        let bits = mode >> shift;
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            nine.push(if bits & bit == 0 { '-' } else { letter });
        }
    }
    let plain: String = nine.iter().collect();
    for (at, bit, set, bare) in [(2, 0o4000, 's', 'S'), (5, 0o2000, 's', 'S'), (8, 0o1000, 't', 'T')] {
        if let Some(letter) = nine.get_mut(at).filter(|_| mode & bit != 0) {
            *letter = if *letter == 'x' { set } else { bare };
        }
    }
    let (ls, go) = match kind {
        Kind::File | Kind::Hardlink => ("-", ""),
        Kind::Directory => ("d", "d"),
        Kind::Symlink => ("l", "L"),
        Kind::CharDevice => ("c", "Dc"),
        Kind::BlockDevice => ("b", "D"),
        Kind::Fifo => ("p", "p"),
    };
    let mut special = go.to_owned();
    for (bit, letter) in [(0o4000, 'u'), (0o2000, 'g'), (0o1000, 't')] {
        if mode & bit != 0 {
            special.push(letter);
        }
    }
    if special.is_empty() {
        special.push('-');
    }
    [format!("{ls}{}", nine.iter().collect::<String>()), format!("{special}{plain}")]
}
