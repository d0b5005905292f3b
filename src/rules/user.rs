//! The user that a container of the image starts as, resolved as the runtime does it.
//!
//! The config says `user[:group]`. A number is taken as it is, a name must be in the image's own `/etc/passwd` or
//! `/etc/group`; nothing at all is uid 0.

use crate::model::{Account, GapKind, ImageFacts};

use super::words::code;

/// The largest id that runtimes accept.
const LARGEST: i64 = i32::MAX as i64;

/// Who the container starts as.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// This id.
    Uid(u32),
    /// Nobody: the container does not start. The text says why, as a fragment.
    Missing(String),
    /// The file that would tell was not seen. The text says why.
    Unseen(String),
}

/// An account file.
enum Lines<'a, T> {
    Seen(&'a [T]),
    Absent,
    Unseen(String),
}

/// The user part of `config.User`.
pub(super) fn name(image: &ImageFacts) -> &str {
    image.config.user.split(':').next().unwrap_or_default()
}

/// Resolves the user part of `config.User`.
pub(super) fn resolve(image: &ImageFacts) -> Resolved {
    resolve_name(image, name(image))
}

/// Resolves a user name or number; nothing at all is uid 0.
pub(super) fn resolve_name(image: &ImageFacts, name: &str) -> Resolved {
    if image.platform.os == "windows" {
        return Resolved::Unseen("accounts of Windows images are not read".to_owned());
    }
    if name.is_empty() {
        return Resolved::Uid(0);
    }
    let accounts = accounts(image);
    // Runtimes that look names up first would take an account whose name is this number.
    if let Lines::Seen(accounts) = accounts {
        let mut ids = accounts.iter().filter(|account| account.name == name).map(|account| account.uid);
        if let Some(uid) = ids.next() {
            return match ids.find(|other| *other != uid) {
                None => Resolved::Uid(uid),
                Some(other) => Resolved::Unseen(format!(
                    "`/etc/passwd` has two accounts {}, with the ids `{uid}` and `{other}`: which one counts is up to the runtime",
                    code(name)
                )),
            };
        }
    }
    if let Some(number) = numeric(name) {
        return match u32::try_from(number) {
            Ok(uid) if number <= LARGEST => Resolved::Uid(uid),
            _ => Resolved::Missing(format!("{} is no user id: ids go from `0` to `{LARGEST}`", code(name))),
        };
    }
    match accounts {
        Lines::Seen(_) => Resolved::Missing(format!("`/etc/passwd` of the image has no account {}", code(name))),
        Lines::Absent => {
            Resolved::Missing(format!("the image has no `/etc/passwd`, so the name {} means nothing", code(name)))
        }
        Lines::Unseen(why) => Resolved::Unseen(why),
    }
}

/// Whether the group part of `config.User` can be resolved: an error is why it cannot, as [`Resolved`] has it.
pub(super) fn resolve_group(image: &ImageFacts) -> Result<(), Resolved> {
    resolve_group_of(image, &image.config.user)
}

/// The same of any `user[:group]`.
pub(super) fn resolve_group_of(image: &ImageFacts, text: &str) -> Result<(), Resolved> {
    let mut parts = text.split(':').skip(1);
    let name = parts.next().unwrap_or_default();
    if parts.next().is_some() {
        return Err(Resolved::Missing(format!("{} has more than one colon", code(text))));
    }
    if name.is_empty() {
        return Ok(());
    }
    if let Some(number) = numeric(name) {
        let fits = (0..=LARGEST).contains(&number);
        let problem = || Resolved::Missing(format!("{} is no group id: ids go from `0` to `{LARGEST}`", code(name)));
        return if fits { Ok(()) } else { Err(problem()) };
    }
    match lines(image, image.groups.as_deref(), "etc/group") {
        Lines::Seen(groups) if groups.iter().any(|group| group.name == name) => Ok(()),
        Lines::Seen(_) => Err(Resolved::Missing(format!("`/etc/group` of the image has no group {}", code(name)))),
        Lines::Absent => Err(Resolved::Missing(format!(
            "the image has no `/etc/group`, so the group name {} means nothing",
            code(name)
        ))),
        Lines::Unseen(why) => Err(Resolved::Unseen(why)),
    }
}

/// The accounts that the image has; an error says why they are not known.
pub(super) fn known_accounts(image: &ImageFacts) -> Result<&[Account], String> {
    match accounts(image) {
        Lines::Seen(accounts) => Ok(accounts),
        Lines::Absent => Ok(&[]),
        Lines::Unseen(why) => Err(why),
    }
}

/// What to write into the Dockerfile so that the image runs as this uid, or as any that is not root.
pub(super) fn advice(image: &ImageFacts, uid: Option<u32>, name: Option<&str>) -> String {
    let accounts = image.accounts.as_deref().unwrap_or_default();
    let ordinary = |account: &&Account| (1_000..60_000).contains(&account.uid) || account.name == "nonroot";
    let found = match (uid, name) {
        (Some(uid), Some(name)) => accounts.iter().find(|account| account.uid == uid && account.name == name),
        (Some(uid), None) => accounts.iter().find(|account| account.uid == uid),
        (None, Some(name)) => accounts.iter().find(|account| account.name == name && account.uid != 0),
        (None, None) => accounts.iter().find(ordinary),
    };
    if let Some(account) = found {
        let (name, uid) = (code(&account.name), account.uid);
        return format!("the image has the user {name} ({uid}): end the Dockerfile with `USER {uid}`");
    }
    let (uid, name) = (uid.unwrap_or(1_000), name.unwrap_or("app"));
    let has = |path: &str| image.resolve(path).is_some();
    let command = if has("usr/sbin/useradd") {
        format!("useradd --uid {uid} --create-home {name}")
    } else if has("usr/sbin/adduser") || has("bin/busybox") {
        format!("adduser -D -u {uid} {name}")
    } else if has("bin/sh") || image.tree_gap().is_some() {
        format!("echo '{name}:x:{uid}:{uid}::/:/sbin/nologin' >> /etc/passwd")
    } else {
        return format!(
            "the image has no shell to make an account with: `USER {uid}:{uid}` needs none, or \
             `COPY --from=build /etc/passwd /etc/passwd` brings one along"
        );
    };
    format!("`RUN {}`, then end the Dockerfile with `USER {uid}`", command.replace('`', "'"))
}

fn numeric(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn accounts(image: &ImageFacts) -> Lines<'_, Account> {
    lines(image, image.accounts.as_deref(), "etc/passwd")
}

fn lines<'a, T>(image: &'a ImageFacts, found: Option<&'a [T]>, path: &str) -> Lines<'a, T> {
    let resolved = image.resolve(path);
    let Some(found) = found else {
        let unread = |gap: &&crate::model::Gap| gap.kind == GapKind::Document && gap.path == resolved;
        let gap = resolved.as_ref().and_then(|_| image.gaps.iter().find(unread)).or_else(|| image.tree_gap());
        return match (gap, resolved) {
            (Some(gap), _) => Lines::Unseen(gap.detail.clone()),
            (None, Some(_)) => Lines::Unseen(format!("`/{path}` could not be read")),
            (None, None) => Lines::Absent,
        };
    };
    // A layer that was not seen and lies above the file may have replaced it.
    let changed = resolved.and_then(|path| image.file(&path)).map(|file| file.changed);
    let above = |layer: Option<u32>| layer.zip(changed).is_none_or(|(layer, changed)| layer >= changed);
    match image.gaps.iter().find(|gap| gap.kind.hides_files() && above(gap.layer)) {
        Some(gap) => Lines::Unseen(gap.detail.clone()),
        None => Lines::Seen(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::image::image;

    const PASSWD: &str =
        "0644 0:0 etc/passwd \"root:x:0:0::/root:/bin/sh\\ntoor:x:0:0::/:\\napp:x:1000:1000::/:\\n7:x:0:0::/:\\n\"";

    #[test]
    fn users_resolve_as_the_runtime_does_it() {
        let uid = |user: &str| resolve(&image(&format!("user {user}\n{PASSWD}")));
        for (user, expected) in [
            ("", 0),
            (":1000", 0),
            ("0:1000", 0),
            ("00", 0),
            ("+0", 0),
            ("-0", 0),
            ("root:root", 0),
            ("toor", 0),
            ("app", 1000),
            ("app:0", 1000),
            ("1000", 1000),
            ("4242", 4242),
            ("7", 0),
        ] {
            assert_eq!(uid(user), Resolved::Uid(expected), "{user}");
        }
        let twice = |user: &str| {
            resolve(&image(&format!(
                "user {user}\n0644 0:0 etc/passwd \"app:x:1000:1::/:\\nb:x:5:5::/:\\nb:x:5:6::/:\\napp:x:0:0::/:\\n\""
            )))
        };
        assert!(matches!(twice("app"), Resolved::Unseen(why) if why.contains("`1000` and `0`")));
        assert_eq!(twice("b"), Resolved::Uid(5), "two lines, one id");
        for user in ["nobody", "-1", "2147483648", "99999999999999999999", "App", "$USER"] {
            assert!(matches!(uid(user), Resolved::Missing(_)), "{user}");
        }
    }

    #[test]
    fn a_hidden_account_file_is_not_an_absent_one() {
        let unread = format!("user app\nlayer a\n{PASSWD}\nlayer b\ngap layer 1 was not there");
        assert_eq!(resolve(&image(&unread)), Resolved::Unseen("was not there".to_owned()));
        let below = format!("user app\nlayer a\nlayer b\n{PASSWD}\ngap layer 0 was not there");
        assert_eq!(resolve(&image(&below)), Resolved::Uid(1000), "what lies above an unseen layer is certain");
        let directory = "user app\n0755 0:0 etc/passwd/";
        assert!(matches!(resolve(&image(directory)), Resolved::Unseen(_)));
        assert!(matches!(resolve(&image("user app")), Resolved::Missing(_)));
        assert!(matches!(resolve(&image("platform windows/amd64\nuser app")), Resolved::Unseen(_)));
    }

    #[test]
    fn advice_names_what_the_image_has() {
        let advice = |text: &str| advice(&image(text), None, None);
        assert_eq!(advice(PASSWD), "the image has the user `app` (1000): end the Dockerfile with `USER 1000`");
        assert!(advice("0755 0:0 bin/busybox").starts_with("`RUN adduser -D -u 1000 app`"));
        assert!(advice("0755 0:0 usr/sbin/useradd").starts_with("`RUN useradd --uid 1000 --create-home app`"));
        assert!(advice("").contains("`USER 1000:1000`"));
    }
}
