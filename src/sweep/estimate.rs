//! How long the rest of a sweep may take, from the recorded times of its runs on disk, if there are any.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::plan::Planned;
use super::state::epochs_done;
use crate::files::{MOST_TEXT, read_regular};
use crate::records::{RunDir, parse_timing};

/// Runs sampled per model size.
const SAMPLED: usize = 10;

/// What the time of an epoch depends on, apart from the processor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shape {
    hidden: Vec<usize>,
    latent_dim: usize,
    batch_size: usize,
    images: (Option<usize>, Option<usize>),
}

impl Shape {
    fn of(run: &Planned) -> Self {
        let (data, network) = (run.spec.data(), run.spec.network());
        Shape {
            hidden: network.hidden.clone(),
            latent_dim: run.spec.family().latent_dim(),
            batch_size: run.spec.training().batch_size,
            images: (data.train_size, data.test_size),
        }
    }
}

/// Times of epochs recorded on disk.
#[derive(Clone, Debug, Default)]
pub struct EpochTimes {
    /// Seconds of each epoch that was sampled.
    seconds: HashMap<Shape, Vec<f64>>,
    runs: usize,
}

/// The time that is left, and how it was estimated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// With the given number of runs side by side.
    pub left: Option<Duration>,
    /// How it was estimated, in words.
    pub basis: String,
}

impl EpochTimes {
    /// Reads the times of `runs`, whose directories are in `out`.
    pub fn read<'a>(runs: impl Iterator<Item = &'a Planned>, out: &Path) -> Self {
        let mut times = EpochTimes::default();
        let mut sampled: HashMap<Shape, usize> = HashMap::new();
        for run in runs {
            let shape = Shape::of(run);
            let sampled = sampled.entry(shape.clone()).or_default();
            if *sampled >= SAMPLED {
                continue;
            }
            let Ok(text) = read_regular(&RunDir::new(out.join(&run.id)).timing(), MOST_TEXT) else { continue };
            let rows = parse_timing(&text).unwrap_or_default();
            if rows.is_empty() {
                continue;
            }
            *sampled += 1;
            times.runs += 1;
            times.seconds.entry(shape).or_default().extend(rows.iter().map(|row| row.train_s + row.eval_s));
        }
        times
    }

    /// Seconds of an epoch of `run`, where a run of its shape has been done.
    fn epoch(&self, run: &Planned) -> Option<f64> {
        let mut seconds = self.seconds.get(&Shape::of(run))?.clone();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied()
    }

    /// Seconds that are left of `run`.
    pub fn left(&self, run: &Planned, out: &Path) -> Option<f64> {
        let done = epochs_done(&RunDir::new(out.join(&run.id)));
        Some(self.epoch(run)? * f64::from(run.spec.training().epochs.saturating_sub(done)))
    }

    /// The time that `remaining` takes, `jobs` side by side.
    pub fn estimate(&self, remaining: &[&Planned], out: &Path, jobs: usize) -> Estimate {
        let known: Vec<f64> = remaining.iter().filter_map(|run| self.left(run, out)).collect();
        if remaining.is_empty() {
            return Estimate { left: Some(Duration::ZERO), basis: "nothing is left to do".into() };
        }
        if known.is_empty() {
            return Estimate {
                left: None,
                basis: "unknown until one run of this size has finished an epoch here".into(),
            };
        }
        // A run of a size never seen counts as the mean of the others.
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let unknown = remaining.len() - known.len();
        let sum = known.iter().sum::<f64>() + mean * unknown as f64;
        let longest = known.iter().copied().fold(mean, f64::max);
        let seconds = (sum / jobs.max(1) as f64).max(longest);
        let mut basis = format!("from the clocks of {} runs here", self.runs);
        if unknown > 0 {
            basis.push_str(&format!(", the mean for {unknown} runs of sizes not seen yet"));
        }
        Estimate { left: Duration::try_from_secs_f64(seconds).ok(), basis }
    }
}

/// A time for people: two units at most ("4 min 10 s").
pub fn rough(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil() as u64;
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        6000..=359_999 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} days {} h", seconds / 86400, seconds / 3600 % 24),
    }
}
