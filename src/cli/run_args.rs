//! The flags of a run: their groups, their help, and the settings that they make.

use std::path::PathBuf;

use clap::Args;

use crate::device::DeviceChoice;
use crate::spec::Settings;

/// The flags of a run. Every one may be missing; defaults come last.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What determines its result.
    #[command(flatten)]
    given: Settings,

    /// TOML file of settings whose keys are these flags' names, such as a run's config.toml
    #[arg(long, value_name = "FILE", help_heading = "Running", env = "VAE_BENCH_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,
    /// Directory that holds run directories
    #[arg(
        long,
        value_name = "DIR",
        default_value = "results/runs",
        help_heading = "Running",
        env = "VAE_BENCH_OUT",
        hide_env = true
    )]
    pub out: PathBuf,
    /// Threads; the results do not depend on them [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, help_heading = "Running", env = "VAE_BENCH_THREADS", hide_env = true)]
    pub threads: Option<usize>,
    /// cpu, cuda:N or metal
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "cpu",
        help_heading = "Running",
        env = "VAE_BENCH_DEVICE",
        hide_env = true
    )]
    pub device: DeviceChoice,
    /// Repeat a run that is already finished
    #[arg(long, help_heading = "Running")]
    pub force: bool,
    /// Also paint what the trained model makes of images, into the run's images folder
    #[arg(long, help_heading = "Running")]
    pub images: bool,
    /// No progress on stderr
    #[arg(long, short, help_heading = "Running", conflicts_with = "json")]
    pub quiet: bool,
    /// One JSON object a row, and one for the end, on stdout
    #[arg(long, help_heading = "Running")]
    pub json: bool,
}

impl RunArgs {
    /// The flags that were given.
    pub fn settings(&self) -> Settings {
        self.given.clone()
    }
}

pub(super) fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "not a number; write one such as 0.5 or 1e-3".to_owned())
}

pub(super) fn count<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| "not a whole number in range; write one such as 0, 1 or 20".to_owned())
}

/// More threads than any machine has are a slip of the finger.
const MAX_THREADS: usize = 1024;

pub(super) fn threads(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(n) if (1..=MAX_THREADS).contains(&n) => Ok(n),
        _ => Err(format!("write a whole number from 1 to {MAX_THREADS}, or leave it out for all processors")),
    }
}
