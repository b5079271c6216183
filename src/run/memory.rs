//! Refuses a model that cannot fit before anything is allocated for it.

use std::path::{Path, PathBuf};

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
    let slots = training.rule.slots() as u128;
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

/// Free memory in bytes: what the system reports, or less where a control group has a limit.
fn available() -> Option<u128> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let system = available_in(&meminfo)?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = free_in_groups(Path::new("/sys/fs/cgroup"), &groups);
    Some(group.map_or(system, |group| group.min(system)))
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn available_in(meminfo: &str) -> Option<u128> {
    let line = meminfo.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u128 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// The names of a control group's files in one of the two versions of the interface.
struct Interface {
    /// Below the mount point of all groups.
    mount: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// The key in `memory.stat` of file pages that the system drops when memory is short.
    reclaimable: &'static str,
}

const VERSION_1: Interface = Interface {
    mount: "memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
};
const VERSION_2: Interface =
    Interface { mount: "", limit: "memory.max", usage: "memory.current", reclaimable: "inactive_file" };

/// What the limits of this process's control groups leave, in bytes; none where there is no limit.
///
/// `groups` is the content of `/proc/self/cgroup`: lines `0::PATH` (version 2) and `N:CONTROLLERS:PATH` (version 1). A
/// group is bound by the limits of all groups above it.
fn free_in_groups(mount: &Path, groups: &str) -> Option<u128> {
    let lines = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        match controllers {
            "" => Some((&VERSION_2, path)),
            _ => controllers.split(',').any(|name| name == "memory").then_some((&VERSION_1, path)),
        }
    });
    lines.flat_map(|(interface, path)| free_above(interface, &mount.join(interface.mount), path)).min()
}

/// What each limited group from `path` up to the top leaves.
fn free_above(interface: &Interface, top: &Path, path: &str) -> Vec<u128> {
    let number = |path: PathBuf| -> Option<u128> { std::fs::read_to_string(path).ok()?.trim().parse().ok() };
    // In a container the path is often that of the host, which is not to be seen; the top is the container's own group.
    let below: PathBuf = Path::new(path.trim_start_matches('/')).components().collect();
    let groups = below.ancestors().map(|group| top.join(group));
    let free = groups.filter_map(|group| {
        let limit = number(group.join(interface.limit))?;
        let usage = number(group.join(interface.usage)).unwrap_or(0);
        let stat = std::fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let reclaimable = stat.lines().find_map(|line| line.strip_prefix(interface.reclaimable)?.trim().parse().ok());
        Some(limit.saturating_sub(usage.saturating_sub(reclaimable.unwrap_or(0))))
    });
    free.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{RunSpec, Settings};

    const GIB: u128 = 1 << 30;

    #[test]
    fn the_estimate_counts_the_checkpoint_and_is_near_what_was_measured() {
        // Peaks of the resident set with Adam and 784 pixels: 1.86 GiB for --hidden 30000, 3.7 GiB for 60000.
        for (width, measured) in [(30_000, 1.86), (60_000, 3.71)] {
            let settings = Settings { hidden: Some(vec![width]), ..Settings::default() };
            let spec = RunSpec::resolve(&settings).unwrap();
            let found = needed(&spec.architecture(784), spec.training(), 60_000) as f64 / GIB as f64;
            assert!((measured..1.3 * measured).contains(&found), "{found} GiB for {width}, measured {measured}");
        }
    }

    #[test]
    fn available_memory_is_read_from_the_systems_own_line() {
        assert_eq!(available_in("MemTotal: 9 kB\nMemFree: 3 kB\nMemAvailable:    5 kB\n"), Some(5 * 1024));
        assert_eq!(available_in("MemTotal: 9 kB\n"), None);
    }

    /// A directory with these files, as a mount point of control groups.
    fn mount(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        dir
    }

    #[test]
    fn the_limit_of_any_group_above_counts_in_version_2() {
        let dir = mount(&[
            ("memory.max", "max\n"),
            ("user/memory.max", "4000\n"),
            ("user/memory.current", "3500\n"),
            ("user/memory.stat", "anon 1\ninactive_file 500\nslab 3\n"),
            ("user/job/memory.max", "9000\n"),
            ("user/job/memory.current", "10\n"),
        ]);
        // 4000 - (3500 - 500) above, 8990 of its own.
        assert_eq!(free_in_groups(dir.path(), "0::/user/job\n"), Some(1000));
        assert_eq!(free_in_groups(dir.path(), "0::/other\n"), None);
    }

    #[test]
    fn the_memory_controller_of_version_1_is_found_among_the_others() {
        let dir = mount(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/job/memory.limit_in_bytes", "2000\n"),
            ("memory/job/memory.usage_in_bytes", "700\n"),
            ("memory/job/memory.stat", "inactive_file 1\ntotal_inactive_file 200\n"),
        ]);
        let groups = "9:name=systemd:/x\n5:cpuset,memory:/job\n1:cpu:/\n0::/\n";
        assert_eq!(free_in_groups(dir.path(), groups), Some(1500));
        // A path of the host's that is not to be seen: the top is left, which has no real limit.
        assert_eq!(free_in_groups(dir.path(), "4:memory:/docker/1f\n"), Some(9_223_372_036_854_771_712));
    }
}
