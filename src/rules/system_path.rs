//! Folders that belong to the system and not to an application.

/// File systems of the kernel and the boot loader: neither they nor anything below them.
const KERNEL: &[&str] = &["proc", "sys", "dev", "boot"];

/// A path without `.`, `..`, doubled and outer slashes.
pub(super) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The part of the system that a cleaned path is: below a file system of the kernel, or one of `whole` itself.
pub(super) fn part<'a>(path: &'a str, whole: &[&str]) -> Option<&'a str> {
    let first = path.split('/').next().unwrap_or_default();
    if KERNEL.contains(&first) { Some(first) } else { whole.contains(&path).then_some(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_before_they_are_compared() {
        assert_eq!(clean("/a//./b/../../proc/"), "proc");
        assert_eq!(clean("/.."), "");
        assert_eq!(part("proc/1", &[]), Some("proc"));
        assert_eq!(part("process", &["usr"]), None);
        assert_eq!(part("usr", &["usr"]), Some("usr"));
        assert_eq!(part("usr/src", &["usr"]), None);
    }
}
