//! Progress on stderr: a bar on a terminal, one aligned line an epoch elsewhere, JSON lines on stdout, or nothing.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::metrics::{EpochRecord, Split};
use crate::records::RunDir;
use crate::run::{Display, RunProgress, Started};
use crate::terminal::{self, print, say};
use crate::text::printable;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A bar where stderr is a terminal, lines elsewhere.
    Auto,
    /// Nothing.
    Quiet,
    /// One JSON object a record, on stdout.
    Json,
}

/// The display of this style for an objective whose reconstruction is called `symbol` (R or S).
pub fn display(style: Style, symbol: &'static str) -> Box<dyn Display> {
    match style {
        Style::Quiet => Box::new(Silent),
        Style::Json => Box::new(Json),
        Style::Auto if std::io::stderr().is_terminal() => Box::new(Bar { bar: None, symbol }),
        Style::Auto => Box::new(Lines { symbol }),
    }
}

fn start_line(dir: &RunDir, started: Started) -> Option<String> {
    match started {
        Started::Resumed { after_epoch } => {
            Some(format!("resuming {} after epoch {after_epoch}", dir.path().display()))
        }
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
        None => " ".repeat(3 + name(split).len() + 3 + 8 + 4 + 8),
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
            if let Ok(line) = serde_json::to_string(row) {
                print(line + "\n");
            }
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
}

impl Bar {
    fn show(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(printable(line)),
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
            let bar = ProgressBar::with_draw_target(Some(moment.epoch_images), ProgressDrawTarget::stderr_with_hz(10));
            let template = "{prefix} {bar:24} {pos}/{len} images  {per_sec}  ETA {eta}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(format!("epoch {}/{}", moment.epoch, moment.epochs));
            bar
        });
        bar.set_position(moment.images);
        bar.set_message(format!("{} {:.2}  K {:.3}", self.symbol, moment.recon, moment.kl));
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
