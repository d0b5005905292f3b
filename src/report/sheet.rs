//! A sheet of terminal lines. Whatever is put on it is escaped, so no caller can forget to.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::escape::{defused, visible};

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const UNKNOWN: Style = AnsiColor::Magenta.on_default().bold();
pub(super) const INFO: Style = AnsiColor::Cyan.on_default();
pub(super) const OK: Style = AnsiColor::Green.on_default();

/// Lines of text with styles.
pub(super) struct Sheet {
    color: bool,
    width: Option<usize>,
    done: String,
    line: String,
    column: usize,
}

impl Sheet {
    pub(super) fn new(color: bool, width: Option<usize>) -> Self {
        // Narrower than this nothing can be laid out; the terminal wraps by itself.
        Self { color, width: width.map(|width| width.max(40)), done: String::new(), line: String::new(), column: 0 }
    }

    /// Columns left in the current line; very many when lines are not wrapped.
    pub(super) fn room(&self) -> usize {
        self.width.map_or(usize::MAX, |width| width.saturating_sub(self.column))
    }

    /// Adds text to the current line.
    pub(super) fn put(&mut self, style: Style, text: &str) -> &mut Self {
        let text = visible(text);
        self.column += text.chars().count();
        if self.color && style != PLAIN && !text.trim().is_empty() {
            _ = write!(self.line, "{}{text}{}", style.render(), style.render_reset());
        } else {
            self.line.push_str(&text);
        }
        self
    }

    /// Adds text without a style.
    pub(super) fn plain(&mut self, text: &str) -> &mut Self {
        self.put(PLAIN, text)
    }

    /// Adds blanks up to `column`, at least `least` of them.
    pub(super) fn tab(&mut self, column: usize, least: usize) -> &mut Self {
        let blanks = column.saturating_sub(self.column).max(least);
        self.put(PLAIN, &" ".repeat(blanks))
    }

    /// Adds text, cut with `…` where the line ends.
    pub(super) fn fit(&mut self, style: Style, text: &str) -> &mut Self {
        let text = visible(text);
        let room = self.room();
        if text.chars().count() <= room {
            return self.put(style, &text);
        }
        let kept: String = text.chars().take(room.saturating_sub(1)).collect();
        self.put(style, kept.trim_end()).put(style, "…")
    }

    /// Ends the current line.
    pub(super) fn end(&mut self) {
        self.done.push_str(defused(self.line.trim_end()).as_ref());
        self.done.push('\n');
        self.line.clear();
        self.column = 0;
    }

    /// Adds an empty line, unless the sheet is empty or ends with one.
    pub(super) fn gap(&mut self) {
        if !self.done.is_empty() && !self.done.ends_with("\n\n") {
            self.done.push('\n');
        }
    }

    /// Adds prose behind what the line has, wrapped between words; further lines start with `margin` and blanks.
    /// Ends the line. Line breaks of the text are kept; indented lines are not wrapped.
    pub(super) fn prose(&mut self, margin: &str, style: Style, text: &str) {
        let indent = self.column;
        let mut first = true;
        let mut fenced = false;
        for line in text.trim().lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                continue;
            }
            if !first {
                self.continue_at(margin, indent);
            }
            first = false;
            if fenced || line.starts_with("    ") {
                self.put(style, if fenced { "    " } else { "" }).put(style, line.trim_end());
                continue;
            }
            let mut start = true;
            for word in line.split_whitespace() {
                let width = visible(word).chars().count() + usize::from(!start);
                if !start && width > self.room() {
                    self.continue_at(margin, indent);
                    start = true;
                }
                self.put(style, if start { "" } else { " " }).put(style, word);
                start = false;
            }
        }
        self.end();
    }

    fn continue_at(&mut self, margin: &str, indent: usize) {
        self.end();
        self.put(DIM, margin).tab(indent, 0);
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if !self.line.is_empty() {
            self.end();
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_and_keeps_its_margin() {
        let mut sheet = Sheet::new(false, Some(40));
        sheet.plain("   = help: ");
        sheet.prose("   |", PLAIN, "copy only what runs, and list the rest in `.dockerignore`\n\n    USER 1000");
        insta::assert_snapshot!(sheet.finish(), @r"
           = help: copy only what runs, and list
           |       the rest in `.dockerignore`
           |
           |           USER 1000
        ");
    }

    #[test]
    fn whatever_is_put_on_a_sheet_stays_in_its_line() {
        let mut sheet = Sheet::new(false, Some(80));
        sheet.plain("  ").put(ERROR, "::error::a\nb\x1b[2J").end();
        assert_eq!(sheet.finish(), "  \\x3a:error::a\\nb\\x1b[2J\n");
    }

    #[test]
    fn what_does_not_fit_is_cut_visibly() {
        let mut sheet = Sheet::new(false, Some(40));
        sheet.plain(&"x".repeat(30)).fit(PLAIN, "RUN apt-get update");
        assert_eq!(sheet.finish(), format!("{}RUN apt-g…\n", "x".repeat(30)));
    }
}
