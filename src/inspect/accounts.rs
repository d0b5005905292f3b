//! `/etc/passwd`, `/etc/group` (`passwd(5)`, `group(5)`) and `os-release(5)`.

use std::collections::BTreeMap;

use crate::model::{Account, Group};

/// Most lines of an account file that are read.
const MAX_LINES: usize = 100_000;

/// Lines that are accounts, in order. Lines that are not (comments, too few fields, ids that are no numbers) are skipped
/// as every C library skips them.
pub(super) fn parse_passwd(bytes: &[u8]) -> Vec<Account> {
    lines(bytes)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, gid, _, home, shell, ..] = fields[..] else { return None };
            Some(Account {
                name: name.to_owned(),
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
                home: home.to_owned(),
                shell: shell.to_owned(),
            })
        })
        .collect()
}

/// Names and lines (from 1) of the accounts of a shadow or passwd file whose second field, the password, is empty.
pub(super) fn without_password(bytes: &[u8]) -> Vec<(String, u32)> {
    let numbered = bytes.split(|byte| *byte == b'\n').take(MAX_LINES).zip(1..);
    numbered
        .filter_map(|(line, number)| {
            let mut fields = line.split(|byte| *byte == b':');
            let (name, password) = (fields.next()?, fields.next()?);
            let is_account = !name.is_empty() && !name.starts_with(b"#") && fields.next().is_some();
            (is_account && password.is_empty()).then(|| (String::from_utf8_lossy(name).into_owned(), number))
        })
        .collect()
}

/// Lines that are groups, in order.
pub(super) fn parse_group(bytes: &[u8]) -> Vec<Group> {
    lines(bytes)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, gid, ..] = fields[..] else { return None };
            let members = fields.get(3).copied().unwrap_or_default();
            Some(Group {
                name: name.to_owned(),
                gid: gid.parse().ok()?,
                members: members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            })
        })
        .collect()
}

/// Keys and unquoted values.
pub(super) fn parse_os_release(bytes: &[u8]) -> BTreeMap<String, String> {
    lines(bytes)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            let value = value.trim();
            let inner = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
            Some((key.trim().to_owned(), inner.unwrap_or(value).replace("\\\"", "\"").replace("\\$", "$")))
        })
        .collect()
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = String> + '_ {
    bytes
        .split(|byte| *byte == b'\n')
        .take(MAX_LINES)
        .map(|line| String::from_utf8_lossy(line).trim_end_matches('\r').to_owned())
        .filter(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_files_are_read_as_the_c_library_reads_them() {
        let accounts =
            parse_passwd(b"root:x:0:0:root:/root:/bin/sh\n# note\nbroken\nx:x:abc:0::/:\napp:x:1000:1000::/app:\n");
        let names: Vec<_> = accounts.iter().map(|account| (account.name.as_str(), account.uid)).collect();
        assert_eq!(names, [("root", 0), ("app", 1000)]);
        let groups = parse_group(b"root:x:0:\nwheel:x:10:a,b\n\xff\xfe\n");
        assert_eq!(groups[1].members, ["a", "b"]);
    }

    #[test]
    fn os_release_values_lose_their_quotes() {
        let release = parse_os_release(b"ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n# x=y\nVERSION_ID='12'\n");
        assert_eq!(release["ID"], "debian");
        assert_eq!(release["PRETTY_NAME"], "Debian GNU/Linux 12");
        assert_eq!(release["VERSION_ID"], "12");
        assert_eq!(release.len(), 3);
    }
}
