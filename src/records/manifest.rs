//! `run.json`: how a run came about, for people and scripts. Everything with a clock or a machine in it lives here.

use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::data::{DatasetName, FileDigest};
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::verdict::Verdict;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Under way, or killed.
    Running,
    /// Stopped by a signal; the same command resumes it.
    Interrupted,
    /// All epochs are done; written last of all.
    Completed,
    /// The objective became non-finite.
    Diverged,
}

/// What made the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    /// This program.
    pub vae_bench: String,
    /// The candle libraries.
    pub candle: String,
    /// Commit of the source it was built from, where it was built in a checkout.
    pub git_commit: Option<String>,
}

/// Where it ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The machine's name.
    pub name: Option<String>,
    /// Operating system.
    pub os: String,
    /// Processor family.
    pub arch: String,
    /// Processor model, where the system tells.
    pub cpu: Option<String>,
    /// Logical processors.
    pub cores: usize,
}

/// The data that was used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Which data set.
    pub name: DatasetName,
    /// Training images used.
    pub train_images: usize,
    /// Test images used.
    pub test_images: usize,
    /// D.
    pub pixels: usize,
    /// Where a decoder that ignores z ends on the test images: R (or S) of the best constant output, where there is one.
    pub collapsed_floor: Option<f64>,
    /// R of the test images' own pixels, that no model goes below, where the loss has one: their entropy.
    #[serde(default)]
    pub entropy_floor: Option<f64>,
    /// SHA-256 of the uncompressed files.
    pub files: Vec<FileDigest>,
}

/// The objective's numbers, under the names that `explain --json` uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveFacts {
    /// a, for a full batch.
    pub recon_weight: f64,
    /// b, for a full batch.
    pub kl_weight: f64,
    /// b / a, where the loss is a likelihood.
    pub beta_effective: Option<f64>,
    /// beta * sigma^2, in the Gaussian family.
    pub beta_sigma2: Option<f64>,
}

/// The whole of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run's name.
    pub run: String,
    /// Where it stands.
    pub status: Status,
    /// What came out; none while it runs.
    pub verdict: Option<Verdict>,
    /// The objective's numbers.
    pub objective: ObjectiveFacts,
    /// The data.
    pub data: DataFacts,
    /// What made the program.
    pub versions: Versions,
    /// Where it ran.
    pub host: Host,
    /// The device.
    pub device: String,
    /// Threads of the processor.
    pub threads: usize,
    /// The command as typed.
    pub argv: Vec<String>,
    /// First start, UTC.
    pub started: String,
    /// Last change of status, UTC.
    pub updated: String,
}

impl Versions {
    /// Those of this program.
    pub fn current() -> Self {
        Versions {
            vae_bench: env!("CARGO_PKG_VERSION").to_owned(),
            candle: env!("VAE_BENCH_CANDLE").to_owned(),
            git_commit: option_env!("VAE_BENCH_COMMIT").filter(|c| !c.is_empty()).map(str::to_owned),
        }
    }
}

impl Host {
    /// This machine.
    pub fn current() -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        Host {
            name: host_name(),
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// The name of this machine, where the system tells.
pub fn host_name() -> Option<String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    kernel.map(|text| text.trim().to_owned()).or_else(|| std::env::var("HOSTNAME").ok())
}

/// The time now, UTC, to the second.
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

impl Manifest {
    /// Reads `run.json`.
    ///
    /// # Errors
    /// Why it cannot be used, as a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|e| e.to_string())?;
        serde_json::from_slice(&text).map_err(|e| e.to_string())
    }

    /// Writes `run.json` in one piece.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|e| Error::Run(format!("run.json cannot be serialised ({e})")))?;
        text.push(b'\n');
        write_atomically(path, &text)
    }
}
