//! History lines as people wrote them in the Dockerfile, as far as the builder kept it.

/// Cleans `created_by`: `/bin/sh -c #(nop)  CMD […]`, `RUN |1 A=b /bin/sh -c x # buildkit`, `/bin/sh -c x` become
/// `CMD […]`, `RUN x`, `RUN x`. Unknown forms stay as they are.
#[must_use]
pub fn instruction(created_by: &str) -> String {
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
    if let Some((_, rest)) = text.split_once("/bin/sh -c #(nop)") {
        return rest.trim().to_owned();
    }
    let run = text.strip_prefix("RUN ");
    let body = run.unwrap_or(text);
    let body = without_build_arguments(body);
    match (body.strip_prefix("/bin/sh -c "), run) {
        (Some(command), _) => format!("RUN {}", command.trim()),
        (None, Some(_)) => format!("RUN {}", body.trim()),
        (None, None) => body.trim().to_owned(),
    }
}

/// Drops `|2 NAME=value OTHER=value ` from the front: the build arguments a `RUN` saw.
fn without_build_arguments(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('|') else { return text };
    match rest.find("/bin/sh -c ") {
        Some(at) => &rest[at..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::instruction;

    #[test]
    fn builders_dialects_become_dockerfile_lines() {
        assert_eq!(instruction("/bin/sh -c #(nop)  CMD [\"bash\"]"), "CMD [\"bash\"]");
        assert_eq!(instruction("RUN |1 V=1 /bin/sh -c apt-get update # buildkit"), "RUN apt-get update");
        assert_eq!(instruction("/bin/sh -c set -eux; make"), "RUN set -eux; make");
        assert_eq!(instruction("COPY . /app # buildkit"), "COPY . /app");
        assert_eq!(instruction("|0 /bin/sh -c true"), "RUN true");
        assert_eq!(instruction("mmdebstrap"), "mmdebstrap");
        assert_eq!(instruction(""), "");
    }
}
