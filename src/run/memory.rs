//! Refuses a model that cannot fit before anything is allocated for it.

use std::path::Path;

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
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(left_to_groups(Path::new("/sys/fs/cgroup"), &groups).map_or(kib * 1024, |left| left.min(kib * 1024)))
}

/// What the limits of this process's control groups, and of those above them, leave of their memory: none without limits.
/// `groups` is the text of /proc/self/cgroup, `root` where the groups are mounted, as version 1 or 2.
fn left_to_groups(root: &Path, groups: &str) -> Option<u128> {
    let number = |path: &Path| -> Option<u128> { std::fs::read_to_string(path).ok()?.trim().parse().ok() };
    let left = |dir: &Path, limit: &str, used: &str| -> Option<u128> {
        Some(number(&dir.join(limit))?.saturating_sub(number(&dir.join(used)).unwrap_or(0)))
    };
    let of_line = |line: &str| -> Option<u128> {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        let (mount, limit, used) = match controllers {
            "" => (root.to_owned(), "memory.max", "memory.current"),
            "memory" => (root.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => return None,
        };
        let group = Path::new(group.trim_start_matches('/'));
        group.ancestors().filter_map(|group| left(&mount.join(group), limit, used)).min()
    };
    groups.lines().filter_map(of_line).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_of_the_control_groups_above_a_process_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |group: &str, file: &str, text: &str| {
            std::fs::create_dir_all(root.path().join(group)).unwrap();
            std::fs::write(root.path().join(group).join(file), text).unwrap();
        };
        assert_eq!(left_to_groups(root.path(), "0::/user/run\n"), None);
        write("user/run", "memory.max", "max\n");
        assert_eq!(left_to_groups(root.path(), "0::/user/run\n"), None, "no limit");
        write("user", "memory.max", "1000\n");
        assert_eq!(left_to_groups(root.path(), "0::/user/run\n"), Some(1000), "that of the group above");
        write("user/run", "memory.max", "700\n");
        write("user/run", "memory.current", "100\n");
        assert_eq!(left_to_groups(root.path(), "0::/user/run\n"), Some(600), "less what is used");
        assert_eq!(left_to_groups(root.path(), "0::/\n"), None);
        write("memory/job", "memory.limit_in_bytes", "500\n");
        assert_eq!(left_to_groups(root.path(), "5:cpu:/job\n4:memory:/job\n0::/\n"), Some(500), "version 1");
    }
}
