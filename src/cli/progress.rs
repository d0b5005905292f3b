//! The progress bar: on a terminal, for work that takes a while, and nowhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::inspect::Progress;

/// Bytes below which no bar is worth its flicker.
const WORTH_SHOWING: u64 = 50_000_000;

pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar over that many bytes; without a total it only spins.
    pub fn new(interactive: bool, total: Option<u64>) -> Self {
        if !interactive || total.is_some_and(|total| total < WORTH_SHOWING) {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
        let template = match total {
            Some(_) => "reading {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "reading {spinner} {bytes} {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// A bar over that many bytes, with another word for what is done.
    pub fn labelled(interactive: bool, total: u64, word: &str) -> Self {
        let bar = Self::new(interactive, Some(total));
        if !bar.0.is_hidden()
            && let Ok(style) = ProgressStyle::with_template(&format!(
                "{word} {{bar:30}} {{bytes}}/{{total_bytes}} {{bytes_per_sec}} {{eta}}"
            ))
        {
            bar.0.set_style(style);
        }
        bar
    }

    /// Adds bytes.
    pub fn add(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}
