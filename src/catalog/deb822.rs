//! Stanzas of `Field: value` lines (deb822(5)), as dpkg, opkg and Debian's copyright files use them.

/// One stanza.
#[derive(Debug, Default)]
pub(super) struct Stanza<'a> {
    /// Line of its first field, counted from 1.
    pub line: usize,
    fields: Vec<(&'a str, Vec<&'a str>)>,
}

impl<'a> Stanza<'a> {
    /// The lines of a field, whatever the case of its name: the rest of its first line, then the continuation lines without
    /// their leading blank.
    pub fn lines(&self, name: &str) -> &[&'a str] {
        let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, lines)| lines.as_slice())
    }

    /// A field as one line; empty when it is not there.
    pub fn text(&self, name: &str) -> String {
        self.lines(name).join(" ").trim().to_owned()
    }

    /// The first line of a field, if it says anything.
    pub fn first(&self, name: &str) -> Option<&'a str> {
        self.lines(name).first().copied().filter(|line| !line.is_empty())
    }

    /// Whether it has no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// All stanzas of a text. A line that is neither field nor continuation is told to `odd` with its number.
pub(super) fn stanzas<'a>(text: &'a str, odd: &mut dyn FnMut(usize)) -> Vec<Stanza<'a>> {
    let mut stanzas = Vec::new();
    let mut open = Stanza::default();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            if !open.is_empty() {
                stanzas.push(std::mem::take(&mut open));
            }
        } else if let Some(more) = line.strip_prefix([' ', '\t']) {
            match open.fields.last_mut() {
                Some((_, lines)) => lines.push(more),
                None => odd(at + 1),
            }
        } else if let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.is_empty()) {
            if open.is_empty() {
                open.line = at + 1;
            }
            open.fields.push((name.trim(), vec![value.trim()]));
        } else if !line.starts_with('#') {
            odd(at + 1);
        }
    }
    if !open.is_empty() {
        stanzas.push(open);
    }
    stanzas
}
