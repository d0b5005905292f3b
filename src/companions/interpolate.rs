//! Variables in compose files (compose-spec, 12-interpolation.md).

/// Writes out `$VAR`, `${VAR}`, `${VAR:-default}` as far as the text alone tells: `$$` is a dollar sign, a default
/// counts, since nothing is known of the environment. None when a variable without a default is in it.
pub(super) fn interpolate(text: &str) -> Option<String> {
    write_out(text, 0)
}

/// Deepest nesting of defaults in defaults.
const MAX_DEPTH: usize = 8;

fn write_out(text: &str, depth: usize) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if let Some(behind) = behind.strip_prefix('$') {
            out.push('$');
            rest = behind;
        } else if let Some(body) = behind.strip_prefix('{') {
            let end = closing(body)?;
            let inner = &body[..end];
            let name = inner.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')?;
            let default = inner[name..].strip_prefix(":-").or_else(|| inner[name..].strip_prefix('-'))?;
            if depth >= MAX_DEPTH {
                return None;
            }
            out.push_str(&write_out(default, depth + 1)?);
            rest = &body[end + 1..];
        } else if behind.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
            return None;
        } else {
            out.push('$');
            rest = behind;
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Where the brace that was opened is closed.
pub(super) fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => open += 1,
            '}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::interpolate;

    #[test]
    fn defaults_count_and_unknown_variables_do_not() {
        let of = |text: &str| interpolate(text);
        assert_eq!(of("app:${TAG:-1.0}").as_deref(), Some("app:1.0"));
        assert_eq!(of("${A-${B:-x}}y$$z 5$").as_deref(), Some("xy$z 5$"));
        assert_eq!(of("plain").as_deref(), Some("plain"));
        for unknown in ["app:${TAG}", "$TAG", "${TAG:?must}", "${TAG", "${A:-${B}}", "${}"] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        assert_eq!(of(&"${A:-".repeat(50)), None);
    }
}
