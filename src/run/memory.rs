//! Refuses a model that cannot fit before anything is allocated for it.

use crate::error::{Error, Result};
use crate::model::Architecture;
use crate::spec::TrainingSpec;

/// Where the system does not tell: what any laptop has.
const ASSUMED_BYTES: u128 = 8 << 30;

/// Copies of an activation alive in one step: values, pre-activations, gradients, scratch of the losses.
const ACTIVATION_COPIES: u128 = 8;

/// Checks that parameters, gradients, optimiser state and one batch fit into the memory that is free.
///
/// # Errors
/// [`Error::Usage`] with both numbers and the flags to change.
pub fn check(architecture: &Architecture, training: &TrainingSpec, images: usize) -> Result<()> {
    let needed = needed(architecture, training, images);
    let free = available().unwrap_or(ASSUMED_BYTES);
    if needed > free {
        return Err(Error::Usage(format!(
            "this model of {} parameters needs about {} of memory and {} are free; make --hidden, \
             --latent-dim or --batch-size smaller",
            architecture.parameter_count(),
            gib(needed),
            gib(free)
        )));
    }
    Ok(())
}

/// Checks that the `jobs` largest of these runs fit into the memory that is free, beside each other.
///
/// # Errors
/// [`Error::Usage`] with both numbers and the flag to change.
pub fn check_side_by_side<'a>(
    runs: impl Iterator<Item = (Architecture, &'a TrainingSpec, usize)>,
    jobs: usize,
) -> Result<()> {
    let mut all: Vec<u128> =
        runs.map(|(architecture, training, images)| needed(&architecture, training, images)).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    let sum = all.iter().take(jobs).fold(0u128, |sum, bytes| sum.saturating_add(*bytes));
    let free = available().unwrap_or(ASSUMED_BYTES);
    if sum > free {
        return Err(Error::Usage(format!(
            "--jobs {jobs}: the largest runs beside each other need about {} of memory and {} are free; use fewer \
             --jobs, or make --hidden, --latent-dim or --batch-size smaller",
            gib(sum),
            gib(free)
        )));
    }
    Ok(())
}

/// Bytes of parameters, gradients, optimiser state, one batch, and a checkpoint on its way to disk.
fn needed(architecture: &Architecture, training: &TrainingSpec, images: usize) -> u128 {
    let slots = training.optimizer.rule.slots() as u128;
    // Values, gradients, a gradient's transposed copy, and the optimiser's state; then, while a checkpoint is written, a
    // copy of that state, and the file's bytes: values and state again.
    let copies = 3 + slots + slots + (1 + slots);
    let batch = training.batch_size.min(images) as u128;
    let floats = architecture
        .parameter_count()
        .saturating_mul(copies)
        .saturating_add(architecture.activation_count().saturating_mul(batch).saturating_mul(ACTIVATION_COPIES));
    floats.saturating_mul(4)
}

fn gib(bytes: u128) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

/// Free memory in bytes: what the system says, or less where a container has a limit.
fn available() -> Option<u128> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u128 = line.split_whitespace().nth(1)?.parse().ok()?;
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    Some(limit.map_or(kib * 1024, |limit: u128| limit.min(kib * 1024)))
}
