//! What decides how processes start, out of one layer's files: heads of programs, texts of scripts and service tables,
//! accounts without a password. Put together for the final tree after the overlay.

use std::sync::Arc;

use crate::catalog::HEAD;
use crate::model::{Head, LayerFacts, LayerStartup, OpenAccount, Program, StartText, Startup, basename};
use crate::secrets::Scanner;

use super::overlay::{Origin, Overlaid};
use super::program::{SHEBANG, program_head};
use super::{accounts, mask};

/// Most bytes of one text.
const MAX_TEXT: usize = 64 << 10;
/// Most bytes of all texts of a layer.
const MAX_TEXTS: usize = 4 << 20;
/// Most texts of a layer, those that are cut off entirely included.
const MAX_TEXT_COUNT: usize = 20_000;
/// Most programs of a layer.
const MAX_HEADS: usize = 500_000;
/// Most bytes of a password file that are looked at.
const MAX_SHADOW: usize = 1 << 20;
/// Most accounts without a password that are named.
const MAX_OPEN: usize = 1_000;
/// Most bytes of an ELF file that are looked at.
const MAX_ELF: u64 = 64 << 20;

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Nothing,
    Elf,
    Script { text: bool },
    Text,
    Passwords,
}

/// Most bytes that are wanted of a file with this path and these first [`HEAD`] bytes (or all of it); 0 for nothing.
pub(super) fn wanted(path: &str, head: &[u8]) -> u64 {
    match want(path, head) {
        Want::Nothing => 0,
        Want::Elf => MAX_ELF,
        Want::Script { text: false } => SHEBANG as u64,
        Want::Script { text: true } | Want::Text => MAX_TEXT as u64,
        Want::Passwords => MAX_SHADOW as u64,
    }
}

fn want(path: &str, head: &[u8]) -> Want {
    if head.starts_with(b"\x7fELF") {
        return Want::Elf;
    }
    if head.starts_with(b"#!") {
        let line = head.get(2..).unwrap_or_default();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let table = is_table(path);
        return Want::Script { text: table || (names_shell(line) && is_own(path)) };
    }
    match path {
        "etc/shadow" | "etc/passwd" => Want::Passwords,
        _ if is_table(path) || (has_extension(path, ".sh") && is_own(path)) => Want::Text,
        _ => Want::Nothing,
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    path.as_bytes().ends_with(extension.as_bytes())
}

/// Whether a first line starts a shell, also through `env` or a helper of a supervision suite.
fn names_shell(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    line.split_whitespace().take(4).any(|word| {
        matches!(
            basename(word),
            "sh" | "bash" | "dash" | "ash" | "ksh" | "mksh" | "zsh" | "busybox" | "with-contenv" | "execlineb"
        )
    })
}

/// Tables of services, jobs and library folders.
fn is_table(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("etc/") else {
        return path.starts_with("var/spool/cron/") || basename(path) == "supervisord.conf";
    };
    let folders =
        ["supervisor", "cron.d/", "crontabs/", "services.d/", "s6-overlay/", "cont-init.d/", "service/", "sv/"];
    folders.iter().any(|folder| rest.starts_with(folder))
        || matches!(rest, "crontab" | "ld.so.conf")
        || (rest.starts_with("ld.so.conf.d/") && has_extension(rest, ".conf"))
        || (rest.starts_with("ld-musl-") && has_extension(rest, ".path"))
        || basename(rest) == "supervisord.conf"
}

/// Whether a script is likely one of the image's own: not a distribution's, not a library's.
fn is_own(path: &str) -> bool {
    let name = basename(path);
    let folders = ["usr/bin/", "usr/sbin/", "bin/", "sbin/"];
    if folders.iter().any(|folder| path.starts_with(folder)) {
        return has_extension(name, ".sh") || name.contains("entrypoint") || name.starts_with("docker-");
    }
    let foreign = [
        "usr/lib/",
        "usr/lib32/",
        "usr/lib64/",
        "usr/libexec/",
        "usr/share/",
        "usr/src/",
        "usr/include/",
        "lib/",
        "lib64/",
        "var/lib/",
        "etc/init.d/",
        "etc/cron.",
        "etc/kernel/",
        "etc/profile.d/",
        "etc/X11/",
        "usr/local/lib/",
        "usr/local/share/",
        "nix/store/",
    ];
    let below = ["/node_modules/", "/site-packages/", "/dist-packages/", "/.git/", "/vendor/", "/testdata/"];
    !foreign.iter().any(|folder| path.starts_with(folder)) && !below.iter().any(|folder| path.contains(folder))
}

/// Collects through one layer.
#[derive(Default)]
pub(crate) struct StartupCollector {
    found: LayerStartup,
    text_bytes: usize,
}

impl StartupCollector {
    /// Takes a file: its beginning as far as [`wanted`] says, and its size.
    pub fn file(&mut self, entry: u32, path: &str, bytes: &[u8], size: u64) {
        match want(path, &bytes[..bytes.len().min(HEAD)]) {
            Want::Nothing => {}
            Want::Elf => self.head(entry, bytes, size),
            Want::Script { text } => {
                self.head(entry, bytes, size);
                if text {
                    self.text(entry, bytes, size);
                }
            }
            Want::Text => self.text(entry, bytes, size),
            Want::Passwords => {
                let open = accounts::without_password(&bytes[..bytes.len().min(MAX_SHADOW)]);
                let room = MAX_OPEN.saturating_sub(self.found.open_accounts.len());
                self.found.open_accounts.extend(open.into_iter().take(room).map(|(name, line)| (entry, name, line)));
            }
        }
    }

    fn head(&mut self, entry: u32, bytes: &[u8], size: u64) {
        if self.found.heads.len() >= MAX_HEADS {
            self.found.cut = true;
            return;
        }
        self.found.heads.extend(program_head(bytes, size).map(|head| (entry, head)));
    }

    fn text(&mut self, entry: u32, bytes: &[u8], size: u64) {
        if self.found.texts.len() >= MAX_TEXT_COUNT {
            self.found.cut = true;
            return;
        }
        let room = MAX_TEXT.min(MAX_TEXTS.saturating_sub(self.text_bytes));
        let kept = &bytes[..bytes.len().min(room)];
        self.text_bytes += kept.len();
        let cut = (kept.len() as u64) < size;
        self.found.texts.push((entry, String::from_utf8_lossy(kept).into(), cut));
    }

    /// Everything, without what looks like a secret.
    pub fn finish(mut self, scanner: &Scanner) -> LayerStartup {
        for (_, text, cut) in &mut self.found.texts {
            if scanner.is_none() {
                // A text that nobody searched for secrets is not kept.
                (*text, *cut) = ("".into(), true);
            }
            mask::blot(scanner, text);
        }
        for (_, head) in &mut self.found.heads {
            if let Head::Script(line) = head
                && line.len() > 40
            {
                mask::blot(scanner, line);
            }
        }
        self.found
    }
}

/// Puts the layers together: every path of the final tree has what the layer says that last wrote its content.
pub(super) fn put_together(facts: &[Option<Arc<LayerFacts>>], overlaid: &Overlaid) -> Startup {
    let mut startup = Startup::default();
    for (layer, facts) in facts.iter().enumerate() {
        let (Ok(layer), Some(facts)) = (u32::try_from(layer), facts) else { continue };
        startup.cut |= facts.startup.cut;
        for (entry, name, line) in &facts.startup.open_accounts {
            let Some(of) = facts.entries.get(*entry as usize) else { continue };
            startup.open_accounts.push(OpenAccount { layer, path: of.path.clone(), name: name.clone(), line: *line });
        }
    }
    let of = |origin: Origin| facts.get(origin.layer as usize)?.as_ref().map(|facts| &facts.startup);
    for (index, placed) in overlaid.placed.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let content = overlaid.names.get(&index).map(|name| name.content).or(placed.origin);
        let Some((content, found)) = content.and_then(|content| Some((content, of(content)?))) else { continue };
        let head = found.heads.binary_search_by_key(&content.entry, |(entry, _)| *entry).ok();
        let text = found.texts.binary_search_by_key(&content.entry, |(entry, ..)| *entry).ok();
        if head.is_none() && text.is_none() {
            continue;
        }
        let entry = |origin: Origin| facts.get(origin.layer as usize)?.as_ref()?.entries.get(origin.entry as usize);
        let written = || placed.origin.and_then(entry).map(|entry| entry.path.clone());
        let Some(path) = overlaid.paths.get(&index).cloned().or_else(written) else { continue };
        if let Some((_, head)) = head.and_then(|at| found.heads.get(at)) {
            startup.programs.push(Program { path: path.clone(), head: head.clone() });
        }
        if let Some((_, text, cut)) = text.and_then(|at| found.texts.get(at)) {
            startup.texts.push(StartText { path, text: text.clone(), cut: *cut });
        }
    }
    sort(&mut startup);
    startup
}

/// Sorts the lists by path, as their look-up needs it.
pub(super) fn sort(startup: &mut Startup) {
    startup.programs.sort_by(|one, other| one.path.cmp(&other.path));
    startup.texts.sort_by(|one, other| one.path.cmp(&other.path));
    startup.open_accounts.sort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_own_scripts_are_kept_and_those_of_distributions_are_not() {
        let text = |path: &str, head: &str| want(path, head.as_bytes());
        for path in [
            "etc/supervisor/conf.d/a.conf",
            "etc/supervisord.conf",
            "srv/supervisord.conf",
            "etc/cron.d/x",
            "etc/ld.so.conf",
        ] {
            assert_eq!(text(path, "[x]"), Want::Text, "{path}");
        }
        for path in ["app/run.sh", "entrypoint", "usr/local/bin/start", "usr/bin/docker-entrypoint.sh"] {
            assert_eq!(text(path, "#!/bin/sh\n"), Want::Script { text: true }, "{path}");
        }
        for path in ["usr/bin/ldd", "usr/share/a/b.sh", "opt/x/node_modules/a/b.sh", "var/lib/dpkg/info/a.postinst"] {
            assert_eq!(text(path, "#!/bin/sh\n"), Want::Script { text: false }, "{path}");
        }
        assert_eq!(text("app/a", "#!/usr/bin/env python3\n"), Want::Script { text: false });
        assert_eq!(text("app/a", "#!/usr/bin/env bash\n"), Want::Script { text: true });
        assert_eq!(text("app/a.py", "import a"), Want::Nothing);
        assert_eq!(text("etc/shadow", "root::"), Want::Passwords);
    }

    #[test]
    fn bounds_are_said() {
        let mut collector = StartupCollector::default();
        let large = format!("#!/bin/sh\n{}", "x".repeat(MAX_TEXT));
        for entry in 0..70 {
            collector.file(entry, "app/run.sh", large.as_bytes(), large.len() as u64);
        }
        let found = collector.finish(&Scanner::none());
        assert_eq!(found.texts.len(), 70);
        assert!(found.texts.iter().all(|(_, _, cut)| *cut));
        assert!(found.texts.iter().all(|(_, text, _)| text.is_empty()), "nobody searched them for secrets");
        assert_eq!(found.heads.len(), 70);
    }
}
