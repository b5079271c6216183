//! Progress of many runs on stderr: a bar for each worker and one for the whole on a terminal, a line per run elsewhere.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::bar_terminal::bars_on_stderr;
use super::display::Style;
use super::json::print_object;
use crate::metrics::Split;
use crate::report::json_summary;
use crate::run::{Finished, Outcome, RunProgress, Started};
use crate::sweep::{Planned, RunOutcome, Watcher, rough};
use crate::terminal::{self, print, say, stderr_is_live, stderr_line};

/// Positions of the bar of the whole.
const STEPS: u64 = 10_000;

/// How much of the sweep is done, and how long the rest may take.
struct Meter {
    start: Instant,
    runs: usize,
    ended: usize,
    /// Work of all runs: epochs times images times parameters.
    total: f64,
    /// Work done by this process.
    done: f64,
    /// For each worker: the part of its run that was done before, and the work it has done since.
    under_way: Vec<(f64, f64)>,
}

impl Meter {
    fn new(runs: &[&Planned], jobs: usize) -> Self {
        let total = runs.iter().map(|run| work(run)).sum();
        Meter { start: Instant::now(), runs: runs.len(), ended: 0, total, done: 0.0, under_way: vec![(0.0, 0.0); jobs] }
    }

    fn began(&mut self, worker: usize, run: &Planned, started: Started) {
        let before = match started {
            Started::Resumed { after_epoch } | Started::Continued { after_epoch } => {
                f64::from(after_epoch) / f64::from(run.spec.training().epochs.max(1))
            }
            Started::Fresh | Started::Finished => 0.0,
        };
        self.total -= before * work(run);
        self.under_way[worker] = (before, 0.0);
    }

    fn moment(&mut self, worker: usize, run: &Planned, moment: &RunProgress) {
        let epochs = f64::from(moment.epoch - 1) + moment.images as f64 / moment.epoch_images.max(1) as f64;
        let (before, done) = &mut self.under_way[worker];
        *done = (epochs / f64::from(moment.epochs.max(1)) - *before).max(0.0) * work(run);
    }

    fn ended(&mut self, worker: usize, run: &Planned) {
        let (before, _) = std::mem::take(&mut self.under_way[worker]);
        self.done += (1.0 - before) * work(run);
        self.ended += 1;
    }

    fn fraction(&self) -> f64 {
        let under_way: f64 = self.under_way.iter().map(|(_, done)| done).sum();
        if self.total > 0.0 { ((self.done + under_way) / self.total).min(1.0) } else { 0.0 }
    }

    fn left(&self) -> Option<Duration> {
        let fraction = self.fraction();
        let seconds = self.start.elapsed().as_secs_f64() * (1.0 - fraction) / fraction;
        (fraction > 0.0).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
    }

    fn eta(&self) -> String {
        if self.ended == self.runs {
            return String::new();
        }
        self.left().map_or_else(String::new, |left| format!("   ETA {}", rough(left)))
    }
}

/// The cost of a run, up to a factor that all runs share.
fn work(run: &Planned) -> f64 {
    /// Of MNIST; other data sets are one size within a sweep.
    const ALL_IMAGES: usize = 60_000;
    let parameters = run.spec.architecture(run.pixels).parameter_count() as f64;
    let images = run.spec.data().train_size.unwrap_or(ALL_IMAGES) as f64;
    f64::from(run.spec.training().epochs) * images * parameters
}

/// The display of this style for these runs, `jobs` side by side.
pub(super) fn watcher(style: Style, runs: &[&Planned], jobs: usize) -> Box<dyn Watcher> {
    let meter = Mutex::new(Meter::new(runs, jobs));
    match style {
        Style::Quiet => Box::new(Lines { meter, shown: Shown::Failures }),
        Style::Json => Box::new(Lines { meter, shown: Shown::Json }),
        Style::Auto if stderr_is_live() => Box::new(Bars::new(meter, jobs)),
        Style::Auto => Box::new(Lines { meter, shown: Shown::All }),
    }
}

/// The end of a run in one line: outcome, name, test row, time.
fn end_line(run: &Planned, outcome: &RunOutcome, time: Duration) -> String {
    match outcome {
        RunOutcome::Done(finished) => {
            let symbol = run.spec.recon().loss.measure().symbol();
            let row = finished.record.metrics.iter().rfind(|row| row.split == Split::Test);
            let measured =
                row.map_or_else(String::new, |row| format!("   test {symbol} {:.3}  K {:.4}", row.recon(), row.kl()));
            let verdict = finished.record.manifest.verdict.map(|verdict| <&str>::from(verdict.headline()));
            let verdict = verdict.map_or_else(String::new, |verdict| format!("   {verdict}"));
            let how = match finished.started {
                Started::Finished => "   by another process".to_owned(),
                Started::Resumed { after_epoch } | Started::Continued { after_epoch } => {
                    format!("   {:.1} s after epoch {after_epoch}", time.as_secs_f64())
                }
                Started::Fresh => format!("   {:.1} s", time.as_secs_f64()),
            };
            format!("done    {}{measured}{verdict}{how}", run.id)
        }
        RunOutcome::Failed(why) | RunOutcome::DataFailed(why) => format!("FAILED  {}: {why}", run.id),
        RunOutcome::Saved => format!("saved   {}", run.id),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    Failures,
    Json,
}

struct Lines {
    meter: Mutex<Meter>,
    shown: Shown,
}

fn lock(meter: &Mutex<Meter>) -> MutexGuard<'_, Meter> {
    meter.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watcher for Lines {
    fn began(&self, worker: usize, run: &Planned, started: Started) {
        lock(&self.meter).began(worker, run, started);
    }

    fn progress(&self, worker: usize, run: &Planned, moment: &RunProgress) {
        lock(&self.meter).moment(worker, run, moment);
    }

    fn ended(&self, worker: usize, run: &Planned, outcome: &RunOutcome, time: Duration) {
        let mut meter = lock(&self.meter);
        meter.ended(worker, run);
        match (self.shown, outcome) {
            (Shown::All, _) => {
                let (width, n) = (meter.runs.to_string().len(), meter.ended);
                say(&format!("{n:>width$}/{}  {}{}", meter.runs, end_line(run, outcome, time), meter.eta()));
            }
            (Shown::Json, RunOutcome::Done(finished)) => {
                let Finished { record, dir, outcome: Outcome::Completed, .. } = &**finished else { return };
                print(format!("{}\n", json_summary(record, dir.path())));
            }
            (Shown::Json, RunOutcome::Failed(why) | RunOutcome::DataFailed(why)) => {
                print_object("run", json!({ "run": run.id, "status": "failed", "reason": why }));
            }
            (Shown::Json, RunOutcome::Saved) | (Shown::Failures, _) => {}
        }
    }

    fn waiting(&self, runs: usize, owner: &str) {
        if self.shown == Shown::All {
            say(&waiting_line(runs, owner));
        }
    }

    fn warn(&self, message: &str) {
        terminal::warn(message);
    }
}

fn waiting_line(runs: usize, owner: &str) -> String {
    let locked = match runs {
        1 => "1 run locked by another process (will take over if it dies)".to_owned(),
        _ => format!("{runs} runs locked by other processes (will take over if they die)"),
    };
    format!("waiting for {locked}: {owner}")
}

/// Bars on a terminal; finished runs scroll past above them.
struct Bars {
    meter: Mutex<Meter>,
    all: MultiProgress,
    whole: ProgressBar,
    workers: Vec<ProgressBar>,
}

impl Bars {
    fn new(meter: Mutex<Meter>, jobs: usize) -> Self {
        let all = MultiProgress::with_draw_target(bars_on_stderr(5));
        let bar = |length: u64, template: &str| {
            let bar = all.add(ProgressBar::new(length));
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        };
        let workers = (0..jobs).map(|_| bar(1, "  {bar:20} {wide_msg}")).collect();
        let whole = bar(STEPS, "{bar:22} {percent}%  {wide_msg}");
        Bars { meter, all, whole, workers }
    }

    fn show(&self, meter: &Meter) {
        self.whole.set_position((meter.fraction() * STEPS as f64) as u64);
        self.whole.set_message(format!("{} of {} runs{}", meter.ended, meter.runs, meter.eta()));
    }
}

impl Watcher for Bars {
    fn began(&self, worker: usize, run: &Planned, started: Started) {
        let mut meter = lock(&self.meter);
        meter.began(worker, run, started);
        self.workers[worker].set_message(run.id.clone());
        self.show(&meter);
    }

    fn progress(&self, worker: usize, run: &Planned, moment: &RunProgress) {
        let mut meter = lock(&self.meter);
        meter.moment(worker, run, moment);
        let bar = &self.workers[worker];
        bar.set_length(moment.epoch_images * u64::from(moment.epochs));
        bar.set_position(moment.epoch_images * u64::from(moment.epoch - 1) + moment.images);
        bar.set_message(format!("{}  epoch {}/{}  K {:.3}", run.id, moment.epoch, moment.epochs, moment.kl));
        self.show(&meter);
    }

    fn ended(&self, worker: usize, run: &Planned, outcome: &RunOutcome, time: Duration) {
        let mut meter = lock(&self.meter);
        meter.ended(worker, run);
        let _ = self.all.println(stderr_line(&end_line(run, outcome, time)));
        self.workers[worker].set_position(0);
        self.workers[worker].set_message("");
        self.show(&meter);
    }

    fn waiting(&self, runs: usize, owner: &str) {
        let _ = self.all.println(stderr_line(&waiting_line(runs, owner)));
    }

    fn warn(&self, message: &str) {
        let _ = self.all.println(stderr_line(&format!("warning: {message}")));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.workers.iter().chain([&self.whole]).for_each(ProgressBar::finish_and_clear);
    }
}
