//! How values are written into messages.

use crate::model::{ImageFacts, format_bytes};

/// Most characters of a value that a message shows.
const MOST: usize = 100;

/// A value in backticks, on one line, shortened when it is long.
pub(super) fn code(value: impl AsRef<str>) -> String {
    code_within(value.as_ref(), MOST)
}

/// The same with at most so many characters of the value.
pub fn code_within(value: &str, most: usize) -> String {
    let mut text = String::from("`");
    for (count, letter) in value.chars().enumerate() {
        if count == most {
            text.push('…');
            break;
        }
        match letter {
            '`' => text.push('\''),
            letter if letter.is_control() => text.extend(letter.escape_default()),
            letter => text.push(letter),
        }
    }
    text.push('`');
    text
}

/// Values in backticks: `a`, `b` and `c`. Above ten the rest is only counted.
pub(super) fn codes<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let mut values: Vec<String> = values.into_iter().map(code).collect();
    if values.len() > 10 {
        let rest = values.len() - 9;
        values.truncate(9);
        values.push(format!("{rest} more"));
    }
    match values.pop() {
        None => String::new(),
        Some(last) if values.is_empty() => last,
        Some(last) => format!("{} and {last}", values.join(", ")),
    }
}

/// A byte count in backticks.
pub(super) fn bytes(count: u64) -> String {
    format!("`{}`", format_bytes(count))
}

/// One thing or several: `1 file`, `2 files`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A layer and the instruction that made it.
pub(super) fn layer(image: &ImageFacts, index: u32) -> String {
    let instruction = usize::try_from(index).ok().and_then(|index| image.layers.get(index)?.instruction.as_deref());
    match instruction.filter(|text| !text.is_empty()) {
        Some(instruction) => format!("layer {index} ({})", code(instruction)),
        None => format!("layer {index}"),
    }
}

/// A key as a part of a JSON pointer (RFC 6901).
pub(super) fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_on_one_line_and_in_their_backticks() {
        assert_eq!(code("a`b\nc\u{1b}"), "`a'b\\nc\\u{1b}`");
        assert_eq!(code("x".repeat(200)).chars().count(), MOST + 3);
        assert_eq!(codes(["a"]), "`a`");
        assert_eq!(codes(["a", "b", "c"]), "`a`, `b` and `c`");
        assert!(codes((0..20).map(|number| number.to_string())).ends_with("`8` and 11 more"));
        assert_eq!(pointer("a/b~c"), "a~1b~0c");
    }
}
