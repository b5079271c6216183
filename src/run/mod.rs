//! One spec, end to end: its directory, its training, its records; resumed where it stopped, skipped where it is done.

mod checkpoint;
mod holder;
mod lock;
mod memory;
mod model_file;
mod recorder;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use candle_core::{DType, Device};
use candle_nn::Optimizer as _;

pub use holder::{Holder, holder};
pub use lock::remove_dead_lock;
pub use memory::{check as check_memory, check_side_by_side};
pub use model_file::read_model;

use crate::data::{Dataset, PixelStats};
use crate::engine::Backend;
use crate::error::{Error, Result};
use crate::evaluate::{BATCH, Measurement, evaluate};
use crate::files::write_atomically;
use crate::metrics::{EpochRecord, LatentRecord, Split};
use crate::model::{Model, OutputBias, Start, Vae};
use crate::optimizer::Optimizer;
use crate::records::{
    DataFacts, Host, Manifest, ObjectiveFacts, RunDir, RunRecord, Status, TIMING_HEADER, Versions, latents_table,
    metrics_header, now,
};
use crate::spec::RunSpec;
use crate::spec::presets::PresetName;
use crate::terms::Term;
use crate::train::{Outcome, ResumePoint, State, Task, train};
use crate::verdict::{Evidence, Verdict};
use checkpoint::TableLengths;
use lock::Lock;
use recorder::Recorder;

/// What to do with a run that is already finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone.
    Keep,
    /// Throw it away and run again.
    Repeat,
}

/// One run to be done.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// What determines the result; its data source is the one of `data`.
    pub spec: &'a RunSpec,
    /// The images.
    pub data: &'a Dataset,
    /// Where the images were found, if the user said.
    pub data_dir: Option<&'a Path>,
    /// The preset that was named.
    pub preset: Option<PresetName>,
    /// The directory that holds run directories.
    pub out: &'a Path,
    /// Where tensors live.
    pub device: &'a Device,
    /// The device as typed.
    pub device_name: &'a str,
    /// Threads at work.
    pub threads: usize,
    /// The command as typed.
    pub argv: &'a [String],
    /// What to do if it is done already.
    pub existing: Existing,
}

/// How a run ended, this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Completed,
    /// The objective became non-finite.
    Diverged,
    /// Stopped by a signal, with a checkpoint.
    Interrupted,
}

/// Whether this call did the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// It was finished before; nothing was computed.
    None,
    /// It began at the beginning.
    Fresh,
    /// It went on after the given epoch.
    Resumed {
        /// The last epoch that was recorded before.
        after_epoch: u32,
    },
}

/// A run after [`execute`].
#[derive(Clone, Debug)]
pub struct Finished {
    /// Where it is.
    pub dir: RunDir,
    /// What it says of itself.
    pub record: RunRecord,
    /// How it ended.
    pub ending: Ending,
    /// Whether this call did the work.
    pub effort: Effort,
}

/// A moment within an epoch, for a person to watch.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The epoch, from 1.
    pub epoch: u32,
    /// All epochs.
    pub epochs: u32,
    /// Training images seen in it.
    pub images: u64,
    /// Training images of an epoch.
    pub epoch_images: u64,
    /// R so far in the epoch.
    pub recon: f64,
    /// K so far in the epoch.
    pub kl: f64,
}

/// Told what a person may want to see while a run is under way.
pub trait Display: Send {
    /// A run begins or goes on.
    fn start(&mut self, dir: &RunDir, effort: Effort);
    /// A batch was done.
    fn batch(&mut self, moment: &Moment);
    /// An epoch was done and measured in `seconds`.
    fn epoch(&mut self, records: &[EpochRecord], epochs: u32, seconds: Option<f64>);
    /// Something went wrong that does not stop the run.
    fn warn(&mut self, message: &str);
}

/// Does `job`, or finds it done; `stop` ends it after the current batch.
///
/// # Errors
/// [`Error::Io`] where the directory cannot be written, [`Error::Busy`] where another process works on it. All but the
/// last are noted in the directory, if that can be written.
pub fn execute(job: &Job<'_>, display: &mut dyn Display, stop: &AtomicBool) -> Result<Finished> {
    let id = job.spec.run_id(&job.data.digest());
    let dir = RunDir::new(job.out.join(&id));
    if let (Some(ending), Existing::Keep) = (ending_on_disk(&dir), job.existing) {
        remove_dead_lock(&dir);
        let record = RunRecord::read(&dir)?;
        return Ok(Finished { dir, record, ending, effort: Effort::None });
    }
    let done = attempt(job, &id, &dir, display, stop);
    match &done {
        Err(Error::Busy(_)) => {}
        Err(why) => {
            // Where even this cannot be written, the caller's report must do.
            let _ = std::fs::write(dir.failure(), format!("{why}\n"));
        }
        Ok(_) => {}
    }
    let (ending, effort) = done?;
    Ok(Finished { record: RunRecord::read(&dir)?, dir, ending, effort })
}

fn attempt(
    job: &Job<'_>,
    id: &str,
    dir: &RunDir,
    display: &mut dyn Display,
    stop: &AtomicBool,
) -> Result<(Ending, Effort)> {
    for path in [dir.path().to_owned(), dir.checkpoint_dir()] {
        std::fs::create_dir_all(&path).map_err(|e| Error::output(&path, "create", e))?;
    }
    let lock = Lock::take(dir)?;
    // Another process may have finished it between the look and the lock.
    if let (Some(ending), Existing::Keep) = (ending_on_disk(dir), job.existing) {
        return Ok((ending, Effort::None));
    }
    let _ = std::fs::remove_file(dir.failure());
    Worker::new(job, id, dir, &lock)?.work(display, stop)
}

/// How the run in `dir` ended, if it did.
fn ending_on_disk(dir: &RunDir) -> Option<Ending> {
    match Manifest::read(&dir.manifest()).ok()?.status {
        Status::Completed => Some(Ending::Completed),
        Status::Diverged => Some(Ending::Diverged),
        Status::Running | Status::Interrupted => None,
    }
}

/// What a finished run of `spec` was last measured on.
pub fn last_measurement<'a>(spec: &RunSpec, data: &'a Dataset) -> Measurement<'a> {
    let epoch = u64::from(spec.training().epochs);
    Measurement { images: &data.test, draw: spec.last_test_draw(), seed: spec.seed(), epoch, batch: BATCH }
}

/// Writes `latents.csv`.
pub fn write_latents(dir: &RunDir, latents: &[LatentRecord]) -> Result<()> {
    write_atomically(&dir.latents(), &latents_table(latents)?)
}

/// A job whose directory is ours.
struct Worker<'a> {
    job: &'a Job<'a>,
    id: &'a str,
    dir: &'a RunDir,
    lock: &'a Lock,
    task: Task<'a>,
    train_stats: PixelStats,
    floor: Option<f64>,
    entropy_floor: Option<f64>,
}

impl<'a> Worker<'a> {
    fn new(job: &'a Job<'a>, id: &'a str, dir: &'a RunDir, lock: &'a Lock) -> Result<Self> {
        let training = job.spec.training();
        let pixels = job.spec.data().pixels;
        let train_stats = PixelStats::of(&job.data.train, pixels);
        let objective = job.spec.objective_for(job.data.pixels(), job.spec.data_variance(&train_stats)?);
        let task = Task {
            objective,
            data: job.data,
            pixels,
            batch_size: training.batch_size,
            epochs: training.epochs,
            seed: job.spec.seed(),
        };
        let test_stats = PixelStats::of(&job.data.test, pixels);
        let floor = objective.recon.collapsed_floor(&train_stats, &test_stats)?;
        let entropy_floor = objective.recon.entropy_floor(&test_stats);
        Ok(Worker { job, id, dir, lock, task, train_stats, floor, entropy_floor })
    }

    fn work(&self, display: &mut dyn Display, stop: &AtomicBool) -> Result<(Ending, Effort)> {
        let (mut state, lengths, effort) = self.resume_or_begin(display)?;
        display.start(self.dir, effort);
        let mut recorder = Recorder::open(self.dir, self.id, lengths, display, stop, self.lock)?;
        let outcome = train(&self.task, &mut state, &mut recorder)?;
        let last = recorder.last_test;
        if outcome == Outcome::Interrupted {
            recorder.checkpoint(&state)?;
        }
        self.lock.check(self.dir)?;
        let mut manifest = Manifest::read(&self.dir.manifest()).unwrap_or_else(|_| self.manifest());
        let ending = match outcome {
            Outcome::Completed => {
                model_file::write_model(self.dir, &state.model, self.job.spec)?;
                write_latents(self.dir, &self.measure_latents(&state.model)?)?;
                manifest.status = Status::Completed;
                manifest.verdict = self.verdict(last)?;
                Ending::Completed
            }
            Outcome::Interrupted => {
                manifest.status = Status::Interrupted;
                Ending::Interrupted
            }
            Outcome::Diverged { epoch } => {
                // The weights that led here are worth nothing; the last checkpoint's are the last good ones.
                if epoch > 0 {
                    let mut good = self.untrained()?;
                    checkpoint::load(&self.dir.checkpoint(), self.id, &mut good)
                        .map_err(|why| Error::Run(format!("{}: {why}", self.dir.checkpoint().display())))?;
                    model_file::write_model(self.dir, &good.model, self.job.spec)?;
                }
                manifest.status = Status::Diverged;
                manifest.verdict = Some(Verdict::Diverged { epoch });
                Ending::Diverged
            }
        };
        manifest.updated = now();
        manifest.write(&self.dir.manifest())?;
        Ok((ending, effort))
    }

    /// The state of the checkpoint if there is a good one, or the untrained model in an empty directory.
    fn resume_or_begin(&self, display: &mut dyn Display) -> Result<(State, TableLengths, Effort)> {
        let mut state = self.untrained()?;
        if self.dir.checkpoint().is_file() && self.job.existing == Existing::Keep {
            match checkpoint::load(&self.dir.checkpoint(), self.id, &mut state).and_then(|lengths| {
                self.check_tables(lengths)?;
                Ok((lengths, state.progress.recorded.ok_or("it holds no recorded epoch")?))
            }) {
                Ok((lengths, after_epoch)) => {
                    let mut manifest = Manifest::read(&self.dir.manifest()).unwrap_or_else(|_| self.manifest());
                    manifest.status = Status::Running;
                    manifest.updated = now();
                    manifest.write(&self.dir.manifest())?;
                    return Ok((state, lengths, Effort::Resumed { after_epoch }));
                }
                Err(why) => {
                    display.warn(&format!(
                        "{}: the checkpoint cannot be used ({why}); starting this run anew",
                        self.dir.checkpoint().display()
                    ));
                    state = self.untrained()?;
                }
            }
        }
        let stale = [self.dir.checkpoint(), self.dir.model(), self.dir.latents(), self.dir.manifest()];
        for path in stale.iter().filter(|path| path.exists()) {
            std::fs::remove_file(path).map_err(|e| Error::output(path, "remove", e))?;
        }
        write_atomically(&self.dir.config(), self.config().as_bytes())?;
        write_atomically(&self.dir.metrics(), metrics_header().as_bytes())?;
        write_atomically(&self.dir.timing(), TIMING_HEADER.as_bytes())?;
        self.manifest().write(&self.dir.manifest())?;
        let lengths = TableLengths { metrics: metrics_header().len() as u64, timing: TIMING_HEADER.len() as u64 };
        Ok((state, lengths, Effort::Fresh))
    }

    /// Whether the tables hold at least what the checkpoint says they held.
    fn check_tables(&self, lengths: TableLengths) -> Result<(), String> {
        for (path, expected) in [(self.dir.metrics(), lengths.metrics), (self.dir.timing(), lengths.timing)] {
            let found = std::fs::metadata(&path).map_err(|e| format!("{}: {e}", path.display()))?.len();
            if found < expected {
                return Err(format!("{} is shorter than it was", path.display()));
            }
        }
        Ok(())
    }

    fn untrained(&self) -> Result<State> {
        let spec = self.job.spec;
        let bias = match spec.network().output_bias {
            OutputBias::Zero => None,
            OutputBias::DataMean => Some(self.data_mean_bias()),
        };
        let architecture = spec.architecture(self.job.data.pixels());
        let start = Start { init: spec.network().init, seed: spec.seed(), output_bias: bias.as_deref() };
        let backend = Backend::new(spec.network().engine, DType::F32, self.job.device)?;
        let model = Model::Vae(Vae::new(&architecture, &start, &backend)?);
        let parameters: Vec<_> = model.parameters().iter().map(|(_, p)| p.clone()).collect();
        let optimizer = Optimizer::new(parameters, spec.training().optimizer)?;
        Ok(State { optimizer, model, progress: ResumePoint::default() })
    }

    fn data_mean_bias(&self) -> Vec<f32> {
        let means = self.train_stats.means();
        let objective = &self.task.objective;
        means.into_iter().map(|mean| objective.recon.output_for_mean(mean) as f32).collect()
    }

    fn verdict(&self, last: Option<(f64, f64, u32)>) -> Result<Option<Verdict>> {
        let evidence = match last {
            Some(evidence) => Some(evidence),
            // Resumed after the last epoch was recorded: its row is in the table.
            None => RunRecord::read(self.dir)?
                .metrics
                .iter()
                .rfind(|row| row.split == Split::Test)
                .and_then(|row| Some((row.recon(), row.kl(), row.active_units?))),
        };
        Ok(evidence.map(|(recon, kl, active_units)| {
            let latent_dim = self.job.spec.family().latent_dim();
            Verdict::judge(Evidence { recon, kl, active_units, latent_dim, floor: self.floor })
        }))
    }

    /// The latents of the trained model, on the test images as the last epoch saw them.
    fn measure_latents(&self, model: &Model) -> Result<Vec<LatentRecord>> {
        let on = last_measurement(self.job.spec, self.job.data);
        Ok(evaluate(model, &self.task.objective, &on)?.latents())
    }

    fn config(&self) -> String {
        let mut settings = self.job.spec.settings().clone();
        settings.preset = self.job.preset;
        settings.data_dir = self.job.data_dir.map(|dir| std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()));
        let toml = toml::to_string(&settings).unwrap_or_default();
        format!("# `vae-bench --config` on this file repeats the run.\n{toml}")
    }

    fn manifest(&self) -> Manifest {
        let (job, objective) = (self.job, &self.task.objective);
        let (end, batch) = (self.task.end_of(self.task.epochs), self.task.full_batch());
        let weights = objective.weights(batch, end);
        let started = now();
        Manifest {
            run: self.id.to_owned(),
            status: Status::Running,
            verdict: None,
            objective: ObjectiveFacts {
                recon_weight: weights.get(Term::Recon).copied().unwrap_or(0.0),
                kl_weight: weights.get(Term::Kl).copied().unwrap_or(0.0),
                beta_effective: objective.beta_effective(batch, end),
                beta_sigma2: objective.beta_sigma2(batch, end, None, None),
            },
            data: DataFacts {
                name: job.data.name.clone(),
                train_images: job.data.train.len(),
                test_images: job.data.test.len(),
                pixels: job.data.pixels(),
                collapsed_floor: self.floor,
                entropy_floor: self.entropy_floor,
                files: job.data.files.clone(),
            },
            versions: Versions::current(),
            host: Host::current(),
            device: job.device_name.to_owned(),
            threads: job.threads,
            argv: job.argv.to_vec(),
            updated: started.clone(),
            started,
        }
    }
}
