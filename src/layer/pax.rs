//! Extended headers (POSIX pax interchange format, "pax Extended Header") and the keys that matter to images.

use crate::model::Part;

/// What extended headers say about the next member.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Extended {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    pub mtime: Option<i64>,
    /// The logical size of a sparse file (`GNU.sparse.realsize`, `GNU.sparse.size`).
    pub sparse_size: Option<u64>,
    /// The real name of a sparse file (`GNU.sparse.name`).
    pub sparse_name: Option<Vec<u8>>,
    pub sparse: bool,
    pub xattrs: Vec<(Box<str>, Box<str>)>,
    /// Attributes and records that may hold any text, raw.
    pub texts: Vec<(Part, Vec<u8>)>,
}

impl Extended {
    /// Adds the records of one pax header: `length SP key=value LF`, the length counting itself.
    ///
    /// # Errors
    /// What is wrong, as a fragment.
    pub fn add_records(&mut self, mut records: &[u8]) -> Result<(), &'static str> {
        while !records.is_empty() {
            let space =
                memchr::memchr(b' ', &records[..records.len().min(21)]).ok_or("a pax record lacks its length")?;
            let length: usize = number(&records[..space])
                .and_then(|length| usize::try_from(length).ok())
                .ok_or("a pax record's length is no number")?;
            if length <= space + 1 || length > records.len() || records[length - 1] != b'\n' {
                return Err("a pax record's length is wrong");
            }
            let record = &records[space + 1..length - 1];
            records = &records[length..];
            let equals = memchr::memchr(b'=', record).ok_or("a pax record lacks its `=`")?;
            self.set(&record[..equals], &record[equals + 1..])?;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let unsigned = || number(value).ok_or("a pax number is no number");
        match key {
            // An empty value takes the key back: the ustar field counts.
            b"path" => self.path = (!value.is_empty()).then(|| value.to_vec()),
            b"linkpath" => self.link = (!value.is_empty()).then(|| value.to_vec()),
            b"size" => self.size = Some(unsigned()?),
            b"uid" => self.uid = Some(unsigned()?),
            b"gid" => self.gid = Some(unsigned()?),
            b"mtime" => self.mtime = Some(seconds(value).ok_or("a pax time is no number")?),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.sparse_size = Some(unsigned()?),
            b"GNU.sparse.name" => self.sparse_name = Some(value.to_vec()),
            _ if key.starts_with(b"GNU.sparse.") => self.sparse = true,
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    let name = crate::model::encode_path(name);
                    self.texts.push((Part::Attribute(name.clone()), value.to_vec()));
                    self.xattrs.push((name.into(), hex(value)));
                } else if !is_time(key, value) {
                    let part = match key {
                        b"uname" | b"gname" => Part::Owner,
                        _ => Part::Record(crate::model::encode_path(key)),
                    };
                    self.texts.push((part, value.to_vec()));
                }
            }
        }
        self.sparse |= self.sparse_size.is_some() || self.sparse_name.is_some();
        Ok(())
    }
}

/// Whether it is a time or a number that most archives have: nothing to search.
fn is_time(key: &[u8], value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-')) && !key.is_empty()
}

fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whole seconds of a decimal time, rounded towards the past as the file system does.
fn seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let part = fraction.bytes().any(|byte| byte != b'0');
    Some(if whole.starts_with('-') && part { seconds - 1 } else { seconds })
}

fn hex(bytes: &[u8]) -> Box<str> {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_by_their_length() {
        let mut extended = Extended::default();
        extended
            .add_records(b"12 path=a\nb\n20 mtime=-1.5000000\n29 SCHILY.xattr.user.x=\x00\xff\n\n\n")
            .expect_err("cut");
        let mut extended = Extended::default();
        extended.add_records(b"12 path=a\nb\n17 mtime=-1.5000\n26 SCHILY.xattr.user.x=\x00\xff\n").expect("good");
        assert_eq!(extended.path.as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(extended.mtime, Some(-2));
        assert_eq!(extended.xattrs, [("user.x".into(), "00ff".into())]);
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        for bad in [&b"5 a=b\n"[..], b"7 a=b\n", b"x a=b\n", b"0 \n", b"99999999999999999999999 a=b\n", b"6 a b\n"] {
            assert!(Extended::default().add_records(bad).is_err(), "{bad:?}");
        }
    }
}
