//! Progress of a long computation on stderr: a bar on a terminal, a line for every tenth elsewhere.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bar_terminal::bars_on_stderr;
use crate::terminal::{say, stderr_is_live};
use indicatif::{ProgressBar, ProgressStyle};

/// Below this there is nothing to wait for, and no line.
const WORTH_A_LINE: u64 = 1_000_000;

/// Whether progress is shown at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    /// On stderr.
    Shown,
    /// Nowhere.
    Hidden,
}

/// How much is done of `total`.
pub(super) struct Progress {
    unit: &'static str,
    total: u64,
    done: AtomicU64,
    shown: Shown,
}

enum Shown {
    Not,
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// Nothing is done yet of `total`, counted in `unit`.
    pub(super) fn new(unit: &'static str, total: u64, visibility: Visibility) -> Self {
        let shown = match (visibility, stderr_is_live()) {
            (Visibility::Hidden, _) => Shown::Not,
            (Visibility::Shown, true) => {
                let bar = ProgressBar::with_draw_target(Some(total), bars_on_stderr(10));
                if let Ok(style) =
                    ProgressStyle::with_template("{bar:24} {percent}%  {human_pos}/{human_len} {msg}  ETA {eta}")
                {
                    bar.set_style(style.progress_chars("=> "));
                }
                bar.set_message(unit);
                Shown::Bar(bar)
            }
            (Visibility::Shown, false) if total >= WORTH_A_LINE => Shown::Lines,
            (Visibility::Shown, false) => Shown::Not,
        };
        Progress { unit, total, done: AtomicU64::new(0), shown }
    }

    /// So much more is done.
    pub(super) fn add(&self, more: u64) {
        let before = self.done.fetch_add(more, Ordering::Relaxed);
        match &self.shown {
            Shown::Not => {}
            Shown::Bar(bar) => bar.inc(more),
            Shown::Lines => {
                let tenths = |done: u64| u128::from(done) * 10 / u128::from(self.total.max(1));
                if tenths(before + more) > tenths(before) {
                    say(&format!("{}% of {} {}", tenths(before + more) * 10, self.total, self.unit));
                }
            }
        }
    }

    /// Takes a bar away.
    pub(super) fn finish(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
