//! `vae-bench` without a command: one run.

use clap::Args;

use super::display::{Style, display};
use super::evaluated_run::EvaluatedRun;
use super::print_config;
use super::running_args::{RunningArgs, recorded_argv};
use super::setting_args::SettingArgs;
use super::signals::stop_on_signals;
use super::sweep;
use super::sweep_args::SweepArgs;
use super::threads::pool;
use super::usage::require_utf8;
use crate::data::{Loaded, load_until, places};
use crate::device::DeviceChoice;
use crate::engine::Engine;
use crate::error::{ExitCode, Result};
use crate::report::{Epochs, Trend, json_summary, run_summary};
use crate::run::{Existing, Finished, FinishedCheckpoint, Job, Outcome, Started, check_memory, execute};
use crate::spec::{RunSpec, Settings};
use crate::terminal::{banner, is_one_stream, print, print_line, print_verdicts, say, stdout_is_live, stdout_width};

/// Pixels of an MNIST image: what memory is judged by before any data is read.
pub(super) const MNIST_PIXELS: usize = 784;

/// The flags of a run.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What determines its result.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Where and how.
    #[command(flatten)]
    pub running: RunningArgs,
    /// Several seeds, 1..3 or 1,5,9: the same run once per seed, as `sweep --grid seed=` does
    #[arg(long, value_name = "SEEDS", value_parser = seeds, help_heading = "Training", conflicts_with_all = ["seed", "force", "images"])]
    pub seeds: Option<String>,
    /// Print the settings of the run, each with where it comes from; train nothing
    #[arg(long, help_heading = "Running")]
    pub print_config: bool,
    /// Repeat a run that is already finished
    #[arg(long, help_heading = "Running")]
    pub force: bool,
    /// Also paint what the trained model makes of images, into the run's images folder
    #[arg(long, help_heading = "Running")]
    pub images: bool,
}

/// Reads `--seeds`.
pub(super) fn seeds(text: &str) -> Result<String, String> {
    if text.contains("..") || text.contains(',') {
        return Ok(text.to_owned());
    }
    Err(format!("write a range such as 1..{text}, both ends included, or a list such as 1,5,9; one seed is --seed"))
}

impl RunArgs {
    /// The settings. The fused engine belongs to the CPU: on another device the default is Candle's.
    pub(super) fn settings(&self) -> Result<Settings> {
        let mut all = self.settings.settings()?;
        if self.running.device != DeviceChoice::Cpu {
            all.engine = all.engine.or(Some(Engine::Candle));
        }
        Ok(all)
    }
}

/// Trains, or resumes, or finds the run done; then prints its table and verdict.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    if args.seeds.is_some() {
        return sweep::sweep(&SweepArgs::of_seeds(args));
    }
    if args.print_config {
        return print_config::run(&args.settings);
    }
    train(args, &args.settings()?)
}

/// The same with these settings in place of those of the arguments.
pub(super) fn train(args: &RunArgs, settings: &Settings) -> Result<ExitCode> {
    if let Some(dir) = &settings.data_dir {
        require_utf8("--data-dir", dir, "config.toml")?;
    }
    if args.running.json {
        require_utf8("--out", &args.running.out, "JSON")?;
    }
    let spec = RunSpec::resolve(settings)?;
    // Before any data is read; with the real sizes again after it.
    check_memory(&spec.architecture(MNIST_PIXELS), spec.training(), 1)?;
    let device = args.running.device.open()?;
    let pool = pool(args.running.threads)?;
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
            preset: settings.preset,
            out: &args.running.out,
            device: &device,
            device_name: &args.running.device.to_string(),
            threads: pool.current_num_threads(),
            host: &args.running.host(),
            argv: &recorded_argv(),
            existing: if args.force { Existing::Repeat } else { Existing::Keep },
            checkpoint: FinishedCheckpoint::Keep,
        };
        let symbol = spec.recon().loss.measure().symbol();
        execute(&job, &mut *display(args.running.style(), symbol), &stop)
    })?;
    args.running.label(&finished.dir)?;
    if let Some(dir) = &settings.data_dir {
        places::remember(&finished.record.manifest.data.files, dir);
    }
    let code = conclude(&finished, args);
    if args.images && finished.outcome == Outcome::Completed {
        let line =
            pool.install(|| EvaluatedRun::read(&finished.dir, settings.data_dir.as_deref())?.paint(&finished.dir))?;
        if args.running.json { say(&line) } else { print_line(&line) }
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
    if args.running.json {
        print(format!("{}\n", json_summary(record, dir.path())));
    } else {
        // Where a line for each epoch has just been shown, the table would say it all again.
        let is_told = *started == Started::Fresh && args.running.style() == Style::Auto && is_one_stream();
        let epochs = if is_told { Epochs::Hidden } else { Epochs::Shown };
        print_verdicts(&run_summary(record, dir.path(), epochs, trend(), stdout_width()));
    }
    if *started == Started::Finished && !args.running.quiet {
        say("this run was finished before and is not repeated; --force repeats it, and a larger --epochs continues it");
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
    if unicode && stdout_is_live() { Trend::Shown } else { Trend::Hidden }
}
