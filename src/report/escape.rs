//! What an image may not do to the reader of a report: control terminals, reorder text, speak to a CI runner, break markup.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character acts on a terminal or on the order and visibility of text instead of being text: control
/// characters, bidirectional controls, invisible formatting, line and paragraph separators, tag characters.
pub(crate) fn is_dangerous(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text in one line with every dangerous character written as an escape, such as `\x1b`, `\n`, `\u{202e}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            letter if !is_dangerous(letter) => safe.push(letter),
            letter if u32::from(letter) < 0x100 => _ = write!(safe, "\\x{:02x}", u32::from(letter)),
            letter => _ = write!(safe, "\\u{{{:x}}}", u32::from(letter)),
        }
    }
    Cow::Owned(safe)
}

/// A finished line in which no CI runner sees a command: GitHub reads `::` at the start of a line (behind blanks) and
/// `##[` anywhere, Azure `##vso[` anywhere.
pub(super) fn defused(line: &str) -> Cow<'_, str> {
    let body = line.trim_start();
    if !body.starts_with("::") && !line.contains("##[") && !line.contains("##vso[") {
        return Cow::Borrowed(line);
    }
    let mut safe = line.replace("##[", "#\\x23[").replace("##vso[", "#\\x23vso[");
    if body.starts_with("::") {
        safe.replace_range(line.len() - body.len()..=line.len() - body.len(), "\\x3a");
    }
    Cow::Owned(safe)
}

/// JSON text with dangerous characters as `\uXXXX`. They occur only inside strings, so the value stays the same.
pub(crate) fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    for letter in text.chars() {
        if letter != '\n' && is_dangerous(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(letter);
        }
    }
    safe.replace("##[", "#\\u0023[").replace("##vso[", "#\\u0023vso[")
}

/// Text for XML content and attribute values. Characters that XML 1.0 forbids are escaped as [`visible`] does; `#` and
/// `::`, by which CI runners know commands, become references.
pub(crate) fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in visible(text).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '#' => safe.push_str("&#35;"),
            '\u{fffe}' | '\u{ffff}' => _ = write!(safe, "\\u{{{:x}}}", u32::from(letter)),
            letter => safe.push(letter),
        }
    }
    safe.replace("::", "&#58;:")
}

/// The message of a workflow command of GitHub Actions.
pub(super) fn command_message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command of GitHub Actions.
pub(super) fn command_property(text: &str) -> String {
    command_message(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text for Markdown, in a table or outside: no markup, no HTML, no link, no mention.
pub(super) fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in visible(text).chars() {
        match letter {
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '~' | '[' | ']' | '#' | '@' | '\\' | '$' => {
                _ = write!(safe, "&#{};", u32::from(letter));
            }
            letter => safe.push(letter),
        }
    }
    // A bare address becomes a link by itself.
    safe.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// A fragment in which values stand in backticks, for Markdown: the values become `<code>`.
pub(super) fn markdown_fragment(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let paired = parts.len() % 2 == 1;
    let mut safe = String::with_capacity(text.len() * 2);
    for (at, part) in parts.iter().enumerate() {
        if paired && at % 2 == 1 {
            _ = write!(safe, "<code>{}</code>", markdown(part));
        } else {
            safe.push_str(&markdown(part));
            if !paired && at + 1 < parts.len() {
                safe.push_str("&#96;");
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_and_bidirectional_characters_become_visible() {
        assert_eq!(visible("a\x1b[31mb\r\n\tc"), "a\\x1b[31mb\\r\\n\\tc");
        assert_eq!(visible("evil\u{202e}txt.exe\u{9b}\u{2066}\u{7f}"), "evil\\u{202e}txt.exe\\x9b\\u{2066}\\x7f");
        assert_eq!(visible("Grüße 漢字 🎉"), "Grüße 漢字 🎉");
    }

    #[test]
    fn runners_see_no_commands() {
        assert_eq!(defused("   ::error::x"), "   \\x3a:error::x");
        assert_eq!(defused("a ##[add-mask]x ##vso[task]"), "a #\\x23[add-mask]x #\\x23vso[task]");
        assert_eq!(defused("a::b ## c"), "a::b ## c");
    }

    #[test]
    fn markup_is_inert() {
        assert_eq!(xml("<a b='\"'>&\x01\u{ffff}"), "&lt;a b=&apos;&quot;&apos;&gt;&amp;\\x01\\u{ffff}");
        assert_eq!(command_property("a:b,c%\r\n"), "a%3Ab%2Cc%25%0D%0A");
        assert_eq!(markdown("<b>|x|[y](z) @me\n"), "&#60;b&#62;&#124;x&#124;&#91;y&#93;(z) &#64;me&#92;n");
        assert_eq!(markdown_fragment("user `a|b` is"), "user <code>a&#124;b</code> is");
        assert_eq!(markdown_fragment("a ` b"), "a &#96; b");
    }

    proptest! {
        #[test]
        fn escaped_json_means_the_same(text in any::<String>()) {
            let plain = serde_json::to_string(&text).expect("strings serialise");
            let back: String = serde_json::from_str(&json(&plain)).expect("still JSON");
            prop_assert_eq!(back, text);
        }

        #[test]
        fn nothing_dangerous_is_left(text in any::<String>()) {
            prop_assert!(!visible(&text).chars().any(is_dangerous));
            prop_assert!(!markdown(&text).contains(['<', '>', '|', '`']));
        }
    }
}
