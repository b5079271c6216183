//! Progress on stderr: a bar on a terminal, one aligned line per epoch elsewhere, JSON lines on stdout, or nothing.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::bar_terminal::bars_on_stderr;
use super::json::print_object;
use crate::metrics::{EpochRecord, Split};
use crate::records::RunDir;
use crate::run::{Display, RunProgress, Started};
use crate::sweep::rough;
use crate::terminal::{self, say, stderr_is_live, stderr_line};
use crate::text::thousands;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A bar where stderr is a terminal, lines elsewhere.
    Auto,
    /// Nothing.
    Quiet,
    /// One JSON object per record, on stdout.
    Json,
}

/// The display of this style for an objective whose reconstruction is called `symbol` (R or S).
pub fn display(style: Style, symbol: &'static str) -> Box<dyn Display> {
    match style {
        Style::Quiet => Box::new(Silent),
        Style::Json => Box::new(Json),
        Style::Auto if stderr_is_live() => Box::new(Bar { bar: None, symbol, clock: None }),
        Style::Auto => Box::new(Lines { symbol }),
    }
}

fn start_line(dir: &RunDir, started: Started) -> Option<String> {
    match started {
        Started::Resumed { after_epoch } => {
            Some(format!("resuming {} after epoch {after_epoch}", dir.path().display()))
        }
        Started::Continued { after_epoch } => Some(format!(
            "continuing after epoch {after_epoch} of the finished run of {after_epoch} epochs, as {}",
            dir.path().display()
        )),
        Started::Fresh | Started::Finished => None,
    }
}

/// "epoch  3/10   train R  109.641  K 22.3817   test R  107.004  K 22.9105   -ELBO  129.915   1.5 s"
fn epoch_line(records: &[EpochRecord], epochs: u32, seconds: Option<f64>, symbol: &str) -> String {
    let width = epochs.to_string().len();
    let epoch = records.first().map_or(0, |row| row.epoch);
    let mut line = format!("epoch {epoch:>width$}/{epochs}");
    let part = |split: Split| match records.iter().find(|row| row.split == split) {
        Some(row) => format!("   {} {symbol} {:>8.3}  K {:>8.4}", name(split), row.recon(), row.kl()),
        None => String::new(),
    };
    line.push_str(&part(Split::Train));
    line.push_str(&part(Split::Test));
    if let Some(value) = records.iter().find(|row| row.split == Split::Test).and_then(|row| row.neg_elbo) {
        line.push_str(&format!("   -ELBO {value:>8.3}"));
    }
    if let Some(seconds) = seconds {
        line.push_str(&format!("   {seconds:.1} s"));
    }
    line
}

fn name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Test => "test",
    }
}

struct Silent;

impl Display for Silent {
    fn start(&mut self, _: &RunDir, _: Started) {}
    fn batch(&mut self, _: &RunProgress) {}
    fn epoch(&mut self, _: &[EpochRecord], _: u32, _: Option<f64>) {}
    fn warn(&mut self, message: &str) {
        terminal::warn(message);
    }
}

struct Json;

impl Display for Json {
    fn start(&mut self, _: &RunDir, _: Started) {}
    fn batch(&mut self, _: &RunProgress) {}
    fn epoch(&mut self, records: &[EpochRecord], _: u32, _: Option<f64>) {
        for row in records {
            print_object("epoch", row);
        }
    }
    fn warn(&mut self, message: &str) {
        terminal::warn(message);
    }
}

struct Lines {
    symbol: &'static str,
}

impl Display for Lines {
    fn start(&mut self, dir: &RunDir, started: Started) {
        if let Some(line) = start_line(dir, started) {
            say(&line);
        }
    }
    fn batch(&mut self, _: &RunProgress) {}
    fn epoch(&mut self, records: &[EpochRecord], epochs: u32, seconds: Option<f64>) {
        say(&epoch_line(records, epochs, seconds, self.symbol));
    }
    fn warn(&mut self, message: &str) {
        terminal::warn(message);
    }
}

struct Bar {
    bar: Option<ProgressBar>,
    symbol: &'static str,
    clock: Option<Clock>,
}

/// The speed of the run so far: what the time that is left is estimated from.
struct Clock {
    /// The first batch that was shown, and the part of the run that was done then.
    begun: (Instant, f64),
    /// The first batch of the epoch that was shown, and its images.
    epoch: (Instant, u64),
}

impl Clock {
    fn new(moment: &RunProgress) -> Self {
        let now = Instant::now();
        Clock { begun: (now, part(moment)), epoch: (now, moment.images) }
    }

    /// "11,297 images/s", once there are two batches to tell by.
    fn rate(&self, moment: &RunProgress) -> Option<String> {
        let (begun, images) = self.epoch;
        let rate = (moment.images.checked_sub(images)?) as f64 / begun.elapsed().as_secs_f64();
        (rate.is_finite() && rate > 0.0).then(|| format!("{} images/s", thousands(rate.round() as u64)))
    }

    /// The time until the last epoch is done and measured.
    fn left(&self, moment: &RunProgress) -> Option<Duration> {
        let (begun, before) = self.begun;
        let done = part(moment);
        let seconds = begun.elapsed().as_secs_f64() * (1.0 - done) / (done - before);
        Duration::try_from_secs_f64(seconds).ok().filter(|_| done > before)
    }
}

/// The part of the whole run that is done.
fn part(moment: &RunProgress) -> f64 {
    let epochs = f64::from(moment.epoch - 1) + moment.images as f64 / moment.epoch_images.max(1) as f64;
    epochs / f64::from(moment.epochs.max(1))
}

impl Bar {
    fn show(&self, line: &str) {
        match &self.bar {
            // Line by line: one that is padded to the width of the terminal must not go on in the next.
            Some(bar) => stderr_line(line).lines().for_each(|line| bar.println(line)),
            None => say(line),
        }
    }
}

impl Display for Bar {
    fn start(&mut self, dir: &RunDir, started: Started) {
        if let Some(line) = start_line(dir, started) {
            self.show(&line);
        }
    }

    fn batch(&mut self, moment: &RunProgress) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(moment.epoch_images), bars_on_stderr(10));
            // As wide as the terminal and no wider, so that it is one line that can be replaced.
            let template = "{prefix} {bar:16} {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(format!("epoch {}/{}", moment.epoch, moment.epochs));
            bar
        });
        bar.set_position(moment.images);
        let clock = self.clock.get_or_insert_with(|| Clock::new(moment));
        if clock.epoch.1 > moment.images {
            clock.epoch = (Instant::now(), moment.images);
        }
        let left = clock.left(moment).map(|left| format!("{} left", rough(left)));
        let parts =
            [clock.rate(moment), left, Some(format!("{} {:.2}  K {:.3}", self.symbol, moment.recon, moment.kl))];
        bar.set_message(parts.into_iter().flatten().collect::<Vec<_>>().join("  "));
    }

    fn epoch(&mut self, records: &[EpochRecord], epochs: u32, seconds: Option<f64>) {
        self.show(&epoch_line(records, epochs, seconds, self.symbol));
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn warn(&mut self, message: &str) {
        self.show(&format!("warning: {message}"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
