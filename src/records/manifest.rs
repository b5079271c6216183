//! `run.json`: how a run came about, for people and scripts. Everything with a clock or a machine in it lives here.

use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::digest;
use crate::data::{DatasetName, FileDigest};
use crate::error::{Error, Result};
use crate::files::{Disk, MOST_TEXT, read_regular};
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
    /// The version of the arithmetic, [`crate::spec::NUMERICS`]; none in runs of earlier versions.
    #[serde(default)]
    pub numerics: Option<u32>,
}

/// Where it ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The machine's name, where it was asked for (`--record-host`), and in runs of earlier versions.
    pub name: Option<String>,
    /// Operating system.
    pub os: String,
    /// Processor family.
    pub arch: String,
    /// Processor model, where the system tells.
    pub cpu: Option<String>,
    /// Logical processors.
    pub cores: usize,
    /// The instruction set of the kernels; none in runs of earlier versions.
    #[serde(default)]
    pub isa: Option<String>,
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
    /// b, for a full batch; none of a VQ-VAE.
    pub kl_weight: Option<f64>,
    /// b / a, where the loss is a likelihood.
    pub beta_effective: Option<f64>,
    /// beta * sigma^2, in the Gaussian family.
    pub beta_sigma2: Option<f64>,
    /// The weight on a VQ-VAE's codebook term, for a full batch; none where moving averages make the codebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codebook_weight: Option<f64>,
    /// The weight on its commitment term, for a full batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_weight: Option<f64>,
    /// rho = w_cm / a.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment_ratio: Option<f64>,
}

/// The whole of `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run's name.
    pub run: String,
    /// Where it stands.
    pub status: Status,
    /// What came out; none while it runs.
    #[serde(default, deserialize_with = "Verdict::read_any")]
    pub verdict: Option<Verdict>,
    /// The last row of the test images, under the names of the columns of `metrics.csv`; none while it runs.
    #[serde(default, rename = "final", skip_serializing_if = "Option::is_none")]
    pub final_metrics: Option<serde_json::Value>,
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
    /// The generation of the lock under which this was written: of two writers the one with the larger number is the later.
    /// None in records of versions that kept none, which are not verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// The generation that began the run at its first epoch; a checkpoint of another attempt does not belong to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
    /// Why that attempt was begun.
    #[serde(default, skip_serializing_if = "Request::is_plain")]
    pub request: Request,
    /// SHA-256 of the run's files: of `config.toml` from the start, of the others from the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileDigest>,
}

/// Why a run was begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// It had not been done.
    #[default]
    Plain,
    /// `--force`: it was done, and is repeated.
    Force,
}

impl Request {
    fn is_plain(&self) -> bool {
        *self == Request::Plain
    }
}

/// The version of the JSON that this program writes, `run.json` as well as `--json`: raised when a name or a meaning changes
/// or goes, not when one is added.
pub const SCHEMA: u32 = 1;

/// `run.json` as it is written: what it is, then its fields.
#[derive(Serialize)]
struct Typed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: u32,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

/// What stands between the fields of `run.json` and the SHA-256 of the text before it.
const SEAL: &str = ",\n  \"sha256\": \"";

impl Versions {
    /// Those of this program.
    pub fn current() -> Self {
        Versions {
            vae_bench: env!("CARGO_PKG_VERSION").to_owned(),
            candle: env!("VAE_BENCH_CANDLE").to_owned(),
            git_commit: option_env!("VAE_BENCH_COMMIT").filter(|c| !c.is_empty()).map(str::to_owned),
            numerics: Some(crate::spec::NUMERICS),
        }
    }
}

impl Host {
    /// This machine, under `name` if under any: records are made to be shared, and a machine's name is its owner's.
    pub fn current(name: Option<String>) -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        Host {
            name,
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            isa: Some(kernels::Isa::best().name().to_owned()),
        }
    }
}

/// The name of this machine, where the system tells.
pub fn host_name() -> Option<String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    kernel.map(|text| text.trim().to_owned()).or_else(|| std::env::var("HOSTNAME").ok())
}

/// The time now, UTC, to the second; a clock that stands before 1970 gives its first second.
pub fn now() -> String {
    stamp(SystemTime::now())
}

fn stamp(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time.max(SystemTime::UNIX_EPOCH)).to_string()
}

impl Manifest {
    /// Reads `run.json` and holds it against its own SHA-256, which only records of earlier versions lack.
    ///
    /// # Errors
    /// Why it cannot be used, as a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        Manifest::parse(&read_regular(path, MOST_TEXT).map_err(|e| e.to_string())?)
    }

    /// Reads `text`, what `run.json` holds, as [`Manifest::read`] does.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let manifest: Manifest = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        let sealed = match unsealed(text) {
            Some((body, sha256)) => digest::sha256(&body) == sha256,
            None => manifest.generation.is_none(),
        };
        if sealed { Ok(manifest) } else { Err("it was edited or damaged: its SHA-256 is another".to_owned()) }
    }

    /// Writes `run.json` in one piece.
    pub fn write(&self, disk: &Disk, path: &Path) -> Result<()> {
        disk.replace(path, &self.to_bytes()?)
    }

    /// The text of `run.json`, with the SHA-256 of all other fields as its last field.
    ///
    /// # Errors
    /// [`Error::Run`] where a field has no JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let body = serde_json::to_vec_pretty(&Typed { kind: "run", schema: SCHEMA, manifest: self })
            .map_err(|e| Error::Run(format!("run.json cannot be serialised ({e})")))?;
        let seal = format!("{SEAL}{}\"\n}}\n", digest::sha256(&body));
        let fields = body.strip_suffix(b"\n}").unwrap_or(&body);
        Ok([fields, seal.as_bytes()].concat())
    }
}

/// The text of `run.json` without its seal, and the SHA-256 that the seal says it has.
fn unsealed(text: &[u8]) -> Option<(Vec<u8>, &str)> {
    let at = text.windows(SEAL.len()).rposition(|window| window == SEAL.as_bytes())?;
    let sha256 = std::str::from_utf8(text.get(at + SEAL.len()..)?).ok()?.strip_suffix("\"\n}\n")?;
    Some(([text.get(..at)?, b"\n}"].concat(), sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            run: "bce".to_owned(),
            status: Status::Running,
            verdict: None,
            final_metrics: None,
            objective: ObjectiveFacts {
                recon_weight: 1.0,
                kl_weight: Some(1.0),
                beta_effective: None,
                beta_sigma2: None,
                codebook_weight: None,
                commitment_weight: None,
                commitment_ratio: None,
            },
            data: DataFacts {
                name: DatasetName::Synthetic,
                train_images: 1,
                test_images: 1,
                pixels: 1,
                collapsed_floor: Some(0.1),
                entropy_floor: None,
                files: Vec::new(),
            },
            versions: Versions::current(),
            host: Host::current(None),
            device: "cpu".to_owned(),
            threads: 1,
            argv: Vec::new(),
            started: "2026-01-01T00:00:00Z".to_owned(),
            updated: "2026-01-01T00:00:00Z".to_owned(),
            generation: Some(3),
            attempt: Some(1),
            request: Request::Plain,
            files: Vec::new(),
        }
    }

    #[test]
    fn a_clock_before_1970_gives_the_first_second_of_1970() {
        let before = SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(86_400 * 365);
        assert_eq!(stamp(before), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn every_flipped_bit_of_run_json_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        manifest().write(&Disk::default(), &path).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), manifest());
        let text = std::fs::read(&path).unwrap();
        for at in 0..text.len() * 8 {
            let mut damaged = text.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            std::fs::write(&path, &damaged).unwrap();
            assert!(Manifest::read(&path).is_err(), "bit {at}");
        }
    }

    #[test]
    fn a_record_of_an_earlier_version_is_read_without_a_seal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        let old = Manifest { generation: None, attempt: None, ..manifest() };
        std::fs::write(&path, serde_json::to_vec_pretty(&old).unwrap()).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), old);
    }
}
