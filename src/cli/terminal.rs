//! What the terminal is, and what is said on stderr.

use std::io::{IsTerminal, Write};

use crate::report::Context;

use super::{ColorChoice, Failure, LogFormat};

/// What is known about the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    /// Colours on stdout.
    pub color: bool,
    /// Colours on stderr.
    pub color_stderr: bool,
    /// Columns of stdout, when it is a terminal.
    pub width: Option<usize>,
    /// A progress bar may be shown.
    pub interactive: bool,
    /// More is wanted.
    pub verbose: bool,
}

impl Terminal {
    #[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
    pub fn look(choice: ColorChoice, verbose: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colored = |is_terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !plain,
        };
        let (stdout, stderr) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let measured = || terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
        Self {
            color: colored(stdout),
            color_stderr: colored(stderr),
            width: stdout.then(|| columns.unwrap_or_else(measured)),
            interactive: stderr,
            verbose,
        }
    }

    /// What a report is told about the place that it is written to: this terminal, or a file.
    pub fn context(&self, to_terminal: bool) -> Context<'static> {
        Context {
            color: to_terminal && self.color,
            width: self.width.filter(|_| to_terminal),
            tool_version: env!("CARGO_PKG_VERSION"),
            verbose: self.verbose,
            ..Context::default()
        }
    }

    /// One line on stderr.
    pub fn say(line: &str) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// An error and what to do next, on stderr.
    pub fn complain(&self, failure: &Failure) {
        let (red, bold, reset) = if self.color_stderr { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        Self::say(&format!("{red}error{reset}{bold}:{reset} {}", printable(&failure.message)));
        if let Some(hint) = &failure.hint {
            Self::say(&format!("  = help: {}", printable(hint)));
        }
    }
}

/// Text from outside without control characters; line ends stay.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter }).collect()
}

/// Sends what the program says to stderr.
pub(super) fn start_log(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // A second start in one process keeps the first.
    let _ = match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.without_time().with_ansi(false).try_init(),
    };
}
