//! Texts of `Name: value` lines with continued lines: the headers of Python metadata (RFC 822) and R's DCF.

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The name, in lower case.
    pub name: String,
    /// The value, continuation lines joined by newlines.
    pub value: String,
    /// Its first line, from 1.
    pub line: usize,
}

/// Most fields of one text.
const FIELDS: usize = 20_000;

/// The fields up to the first empty line, and what is behind it. Lines that are none are given by their number.
pub(super) fn read(text: &str) -> (Vec<Header>, &str, Vec<usize>) {
    let mut fields: Vec<Header> = Vec::new();
    let mut strange = Vec::new();
    let mut rest = text;
    let mut number = 0;
    while !rest.is_empty() && fields.len() < FIELDS {
        let (line, behind) = rest.split_once('\n').unwrap_or((rest, ""));
        let line = line.strip_suffix('\r').unwrap_or(line);
        number += 1;
        rest = behind;
        if line.trim().is_empty() {
            if fields.is_empty() {
                continue;
            }
            return (fields, rest, strange);
        }
        if line.starts_with([' ', '\t']) {
            if let Some(field) = fields.last_mut() {
                field.value.push('\n');
                field.value.push_str(line.trim());
            }
        } else if let Some((name, value)) =
            line.split_once(':').filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace))
        {
            fields.push(Header { name: name.to_ascii_lowercase(), value: value.trim().to_owned(), line: number });
        } else if strange.len() < 8 {
            strange.push(number);
        }
    }
    (fields, rest, strange)
}

/// The first field of this name (in lower case) that is not empty.
pub(super) fn first<'a>(fields: &'a [Header], name: &str) -> Option<&'a str> {
    fields.iter().find(|field| field.name == name && !field.value.is_empty()).map(|field| field.value.as_str())
}

/// All fields of this name (in lower case).
pub(super) fn all<'a>(fields: &'a [Header], name: &'a str) -> impl Iterator<Item = &'a Header> {
    fields.iter().filter(move |field| field.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_end_at_the_empty_line_and_values_may_go_on() {
        let (fields, body, strange) = read("A: 1\r\nb-C: x: y\n  z\nnonsense\n\nbody\n");
        assert_eq!(
            fields.iter().map(|field| (&*field.name, &*field.value, field.line)).collect::<Vec<_>>(),
            [("a", "1", 1), ("b-c", "x: y\nz", 2)]
        );
        assert_eq!(body, "body\n");
        assert_eq!(strange, [4]);
    }
}
