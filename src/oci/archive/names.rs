//! Names of images in archives: tags, whole references, and how one picks the other.

/// Whether a text can be a tag (distribution-spec, "Pulling manifests").
fn is_tag(text: &str) -> bool {
    let mut letters = text.bytes();
    let first = letters.next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first && text.len() <= 128 && letters.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// The tag of a name such as `app:1.0` or `example.test:5000/app:1.0`; a name that is one word is a tag itself.
pub(super) fn tag_of(name: &str) -> Option<&str> {
    let name = name.split('@').next().unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = match last.split_once(':') {
        Some((_, tag)) => tag,
        None if last.len() == name.len() => name,
        None => return None,
    };
    is_tag(tag).then_some(tag)
}

/// The name without what Docker leaves out: its own host, and the folder of its own images.
fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// Whether `name` is what someone who wrote `asked` meant: the same text, the tag of the name, or the same reference.
pub(super) fn is_meant(asked: &str, name: &str) -> bool {
    if asked == name {
        return true;
    }
    if is_tag(asked) {
        return tag_of(name) == Some(asked);
    }
    familiar(asked) == familiar(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_every_form_of_name() {
        assert_eq!(tag_of("1.0"), Some("1.0"));
        assert_eq!(tag_of("app:1.0"), Some("1.0"));
        assert_eq!(tag_of("example.test:5000/team/app:1.0"), Some("1.0"));
        assert_eq!(tag_of("example.test:5000/team/app"), None);
        assert_eq!(tag_of("example.test/app:1.0@sha256:00"), Some("1.0"));
        assert_eq!(tag_of("app:\u{1b}[31m"), None);
        assert_eq!(tag_of(""), None);
    }

    #[test]
    fn tags_and_references_pick_names() {
        assert!(is_meant("1.0", "app:1.0"));
        assert!(is_meant("1.0", "docker.io/library/app:1.0"));
        assert!(is_meant("app:1.0", "docker.io/library/app:1.0"));
        assert!(is_meant("docker.io/team/app:1.0", "team/app:1.0"));
        assert!(!is_meant("1.0", "app:1.0.1"));
        assert!(!is_meant("app:1.0", "other.test/app:1.0"));
        assert!(!is_meant("app:1.0", "1.0"));
    }
}
