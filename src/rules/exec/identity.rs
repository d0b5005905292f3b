//! Who a process runs as: ids from the image's own account files.

use crate::model::ImageFacts;
use crate::rules::user::{self, Resolved};
use crate::rules::words::code;

/// The ids of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct Who {
    pub uid: u32,
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

impl Who {
    /// The superuser.
    pub fn root() -> Self {
        Self { uid: 0, gid: 0, groups: Vec::new() }
    }

    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    pub fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// As the subject of a sentence.
    pub fn words(&self) -> String {
        format!("uid `{}`", self.uid)
    }
}

/// Why there are no ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) enum NoOne {
    /// There is no such account or group; why, as a fragment.
    Missing(String),
    /// The files that would tell were not seen; why.
    Unseen(String),
}

impl From<Resolved> for NoOne {
    fn from(problem: Resolved) -> Self {
        match problem {
            Resolved::Missing(why) => Self::Missing(why),
            Resolved::Unseen(why) => Self::Unseen(why),
            Resolved::Uid(uid) => Self::Unseen(format!("uid `{uid}` is known, its groups are not")),
        }
    }
}

/// Who the image starts as.
pub(in crate::rules) fn of_image(image: &ImageFacts) -> Result<Who, NoOne> {
    of(image, &image.config.user)
}

/// The ids behind `user[:group]`, as container runtimes, `gosu` and `su-exec` read it. Without a group these are the
/// account's own and those that list it as a member; a number without an account gets group 0.
pub(in crate::rules) fn of(image: &ImageFacts, text: &str) -> Result<Who, NoOne> {
    let name = text.split(':').next().unwrap_or_default();
    let accounts = image.accounts.as_deref().unwrap_or_default();
    let by_name = accounts.iter().find(|account| account.name == name);
    let twice = accounts.iter().filter(|account| account.name == name).count() > 1;
    let uid = match (user::resolve_name(image, name), by_name) {
        (Resolved::Uid(uid), _) => uid,
        // That it is open who counts is told by the rules about users; what the first may not do is wrong in any case.
        (Resolved::Unseen(_), Some(first)) if twice => first.uid,
        (problem, _) => return Err(problem.into()),
    };
    user::resolve_group_of(image, text).map_err(NoOne::from)?;
    let account = by_name.or_else(|| accounts.iter().find(|account| account.uid == uid));
    let groups = image.groups.as_deref().unwrap_or_default();
    if let Some(group) = text.split(':').nth(1).filter(|group| !group.is_empty()) {
        let known = groups.iter().find(|known| known.name == group).map(|known| known.gid);
        let gid = known.or_else(|| group.parse().ok()).unwrap_or_default();
        return Ok(Who { uid, gid, groups: Vec::new() });
    }
    let member = |group: &&crate::model::Group| account.is_some_and(|account| group.members.contains(&account.name));
    Ok(Who {
        uid,
        gid: account.map_or(0, |account| account.gid),
        groups: groups.iter().filter(member).map(|group| group.gid).collect(),
    })
}

/// The home folder of a uid: what the account says, else `/`.
pub(in crate::rules) fn home(image: &ImageFacts, uid: u32) -> String {
    let accounts = image.accounts.as_deref().unwrap_or_default();
    let name = user::name(image);
    let found = accounts
        .iter()
        .find(|account| account.name == name && account.uid == uid)
        .or_else(|| accounts.iter().find(|account| account.uid == uid));
    found.map(|account| account.home.clone()).filter(|home| !home.is_empty()).unwrap_or_else(|| "/".to_owned())
}

/// What is wrong with a user that something switches to.
pub(super) fn trouble(user: &str, why: &str) -> String {
    format!("which switches to the user {}: {why}", code(user))
}
