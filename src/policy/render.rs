//! Policy errors as a compiler shows them: place, the line itself, a caret, what to write instead.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::yaml::Span;

use super::error::visible;
use super::{PolicyError, PolicyErrors};

/// Most errors that are shown in full.
const MAX_SHOWN: usize = 25;

/// Renders policy errors for people, plain or with terminal colours. Ends with a line break.
#[must_use]
pub fn render(errors: &PolicyErrors, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut shown = String::new();
    for error in errors.errors().iter().take(MAX_SHOWN) {
        shown.push_str(&one(&renderer, error, errors));
        shown.push_str("\n\n");
    }
    let count = errors.errors().len();
    if count > MAX_SHOWN {
        let more = Level::ERROR.primary_title(format!("{} more errors are not shown", count - MAX_SHOWN));
        shown.push_str(&renderer.render(&[annotate_snippets::Group::with_title(more)]));
        shown.push('\n');
    } else {
        shown.pop();
    }
    shown
}

fn one(renderer: &Renderer, error: &PolicyError, errors: &PolicyErrors) -> String {
    let text = printable(errors.text(error.source));
    let elsewhere = error.related.as_ref().filter(|related| related.source != error.source);
    let other = elsewhere.map(|related| printable(errors.text(related.source))).unwrap_or_default();
    let mut snippet = Snippet::source(text.as_str())
        .path(visible(&error.file))
        .annotation(AnnotationKind::Primary.span(first_line(&text, error.span)));
    if let Some(related) = error.related.as_ref().filter(|related| related.source == error.source) {
        snippet = snippet.annotation(AnnotationKind::Context.span(first_line(&text, related.span)).label(related.what));
    }
    let mut group = Level::ERROR.primary_title(error.message.as_str()).element(snippet);
    if let Some(related) = elsewhere {
        let mark = AnnotationKind::Context.span(first_line(&other, related.span)).label(related.what);
        group = group.element(Snippet::source(other.as_str()).path(visible(&related.file)).annotation(mark));
    }
    if let Some(hint) = &error.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// The part of a span in its first line: a caret under a whole block says less.
fn first_line(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = span.start.min(text.len());
    let rest = text.get(start..span.end.min(text.len())).unwrap_or_default();
    let line = rest.split(['\n', '\r']).next().unwrap_or_default().trim_end();
    start..start + line.len()
}

/// Replaces terminal control characters that the renderer lets through (C1) by one of the same length in bytes.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if matches!(letter, '\u{80}'..='\u{9f}') { '\u{bf}' } else { letter }).collect()
}
