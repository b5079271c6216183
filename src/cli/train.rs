//! `vae-bench` without a command: one run.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use super::display::{Style, display};
use super::evaluated_run::EvaluatedRun;
use super::signals::stop_on_signals;
use super::threads::{pool, threads};
use super::usage::require_utf8;
use crate::data::{Loaded, load_until};
use crate::device::DeviceChoice;
use crate::engine::Engine;
use crate::error::{ExitCode, Result};
use crate::report::{Trend, json_summary, run_summary};
use crate::run::{Existing, Finished, Job, Outcome, Started, check_memory, execute};
use crate::spec::{RunSpec, Settings};
use crate::terminal::{banner, print, print_line, print_text, say};

/// Pixels of an MNIST image: what memory is judged by before any data is read.
pub(super) const MNIST_PIXELS: usize = 784;

/// The flags of a run. Each may be missing; defaults come last.
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
    /// One JSON object per row, and one for the end, on stdout
    #[arg(long, help_heading = "Running")]
    pub json: bool,
}

impl RunArgs {
    /// The settings: flags over variables over the configuration file over the preset. The fused engine belongs to the
    /// CPU: on another device the default is Candle's.
    ///
    /// # Errors
    /// A configuration file that cannot be read, and settings that contradict each other.
    pub(super) fn settings(&self) -> Result<Settings> {
        let file = self.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
        let variables = Settings::from_variables(&self.given, |name| std::env::var_os(name))?;
        let mut all = self.given.clone().over(variables).over(file).with_preset()?;
        if self.device != DeviceChoice::Cpu {
            all.engine = all.engine.or(Some(Engine::Candle));
        }
        Ok(all)
    }

    fn style(&self) -> Style {
        match (self.quiet, self.json) {
            (true, _) => Style::Quiet,
            (_, true) => Style::Json,
            _ => Style::Auto,
        }
    }
}

/// Trains, or resumes, or finds the run done; then prints its table and verdict.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    train(args, &args.settings()?)
}

/// The same with these settings in place of those of the arguments.
pub(super) fn train(args: &RunArgs, settings: &Settings) -> Result<ExitCode> {
    if let Some(dir) = &settings.data_dir {
        require_utf8("--data-dir", dir, "config.toml")?;
    }
    if args.json {
        require_utf8("--out", &args.out, "JSON")?;
    }
    let spec = RunSpec::resolve(settings)?;
    // Before any data is read; with the real sizes again after it.
    check_memory(&spec.architecture(MNIST_PIXELS), spec.training(), 1)?;
    let device = args.device.open()?;
    let pool = pool(args.threads)?;
    let stop = stop_on_signals()?;

    let finished = pool.install(|| -> Result<Finished> {
        let Loaded { dataset, warning } = load_until(spec.data().source, settings.data_dir.as_deref(), &stop)?;
        if let Some(warning) = warning {
            banner(&warning);
        }
        let spec = spec.with_source(dataset.name.source());
        let dataset = dataset.named(settings.data_name.clone());
        let dataset = dataset.subset(spec.data().train_size, spec.data().test_size, spec.seed())?;
        check_memory(&spec.architecture(dataset.pixels()), spec.training(), dataset.train.len())?;
        let job = Job {
            spec: &spec,
            data: &dataset,
            data_dir: settings.data_dir.as_deref(),
            preset: settings.preset,
            out: &args.out,
            device: &device,
            device_name: &args.device.to_string(),
            threads: pool.current_num_threads(),
            argv: &std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>(),
            existing: if args.force { Existing::Repeat } else { Existing::Keep },
        };
        let symbol = spec.recon().loss.measure().symbol();
        execute(&job, &mut *display(args.style(), symbol), &stop)
    })?;
    let code = conclude(&finished, args);
    if args.images && finished.outcome == Outcome::Completed {
        let line =
            pool.install(|| EvaluatedRun::read(&finished.dir, settings.data_dir.as_deref())?.paint(&finished.dir))?;
        if args.json { say(&line) } else { print_line(&line) }
    }
    Ok(code)
}

/// What is said at the end of a run, and its exit code.
fn conclude(finished: &Finished, args: &RunArgs) -> ExitCode {
    let Finished { dir, record, outcome, started } = finished;
    if *outcome == Outcome::Interrupted {
        say(&format!("interrupted; the same command resumes {}", dir.path().display()));
        return ExitCode::Interrupted;
    }
    if args.json {
        print(format!("{}\n", json_summary(record, dir.path())));
    } else {
        print_text(&run_summary(record, dir.path(), trend()));
    }
    if *started == Started::Finished && !args.quiet {
        say("this run was finished before and is not repeated; --force repeats it");
    }
    match outcome {
        Outcome::Diverged => ExitCode::Diverged,
        Outcome::Completed | Outcome::Interrupted => ExitCode::Done,
    }
}

/// Blocks are for a person at a terminal that can show them; a script always gets the same lines.
fn trend() -> Trend {
    let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|locale| locale.to_lowercase().replace('-', "").contains("utf8"));
    if unicode && std::io::stdout().is_terminal() { Trend::Shown } else { Trend::Hidden }
}
