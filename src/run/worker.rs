//! The work on a run whose directory is ours: its start, its training, its end.

use std::sync::atomic::AtomicBool;

use candle_core::DType;
use candle_nn::Optimizer as _;

use super::checkpoint;
use super::clean::{self, FinishedCheckpoint};
use super::facts::{self, Floors};
use super::job::{Job, Outcome, Started};
use super::lock::Lock;
use super::measure::last_measurement;
use super::model_file;
use super::progress::Display;
use super::ready::Ready;
use super::recorder::{Recorder, Recording};
use crate::data::{FileDigest, PixelStats};
use crate::engine::Backend;
use crate::error::{Error, Result};
use crate::evaluate::{LatentEvaluation, evaluate};
use crate::files::{Disk, MOST_TEXT, read_regular};
use crate::metrics::{EpochRecord, Split};
use crate::model::{self, Model, OutputBias};
use crate::optimizer::Optimizer;
use crate::records::{Manifest, RunDir, Status, codes_table, latents_table, now, parse_metrics, sha256};
use crate::streams::start_from_data;
use crate::train::{self, ResumePoint, State, Task, train};
use crate::verdict::{Evidence, ObjectiveJudgement, ScheduleInUse, Verdict};

/// A job whose directory is ours.
pub(super) struct Worker<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) id: &'a str,
    pub(super) dir: &'a RunDir,
    pub(super) lock: &'a Lock,
    /// Behind the fence of the lock.
    pub(super) disk: Disk,
    pub(super) task: Task<'a>,
    /// Where the bias of the last decoder layer begins, unless as `--init` has it.
    output_bias: Option<Vec<f32>>,
    floors: Floors,
}

impl<'a> Worker<'a> {
    pub(super) fn new(job: &'a Job<'a>, id: &'a str, dir: &'a RunDir, lock: &'a Lock) -> Result<Self> {
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
        let floors = Floors {
            collapsed: objective.recon.collapsed_floor(&train_stats, &test_stats)?,
            entropy: objective.recon.entropy_floor(&test_stats),
        };
        let bias_of = |mean| objective.recon.output_for_mean(mean) as f32;
        let output_bias = match job.spec.network().output_bias {
            OutputBias::Zero => None,
            OutputBias::DataMean => Some(train_stats.means().into_iter().map(bias_of).collect()),
        };
        Ok(Worker { job, id, dir, lock, disk: lock.disk(), task, output_bias, floors })
    }

    pub(super) fn work(&self, display: &mut dyn Display, stop: &AtomicBool) -> Result<(Outcome, Started)> {
        let Ready { mut state, tables, manifest, started } = self.start(display)?;
        display.start(self.dir, started);
        let columns = facts::columns(self.job.spec);
        let run = Recording {
            dir: self.dir,
            id: self.id,
            columns: &columns,
            disk: &self.disk,
            lock: self.lock,
            attempt: manifest.attempt,
        };
        let mut recorder = Recorder::new(run, tables, display, stop);
        let ending = train(&self.task, &mut state, &mut recorder)?;
        match ending {
            train::Outcome::Interrupted => recorder.checkpoint(&state)?,
            train::Outcome::Completed | train::Outcome::Diverged { .. } => recorder.finish()?,
        }
        let outcome = self.end(ending, &state, &recorder, manifest)?;
        if let (Outcome::Completed, FinishedCheckpoint::Drop) = (outcome, self.job.checkpoint) {
            clean::remove(self.dir, &self.disk)?;
        }
        Ok((outcome, started))
    }

    /// Writes what the training has led to, and `run.json` last of all.
    fn end(
        &self,
        ending: train::Outcome,
        state: &State,
        recorder: &Recorder<'_>,
        mut manifest: Manifest,
    ) -> Result<Outcome> {
        let (metrics, timing) = recorder.digests();
        let tables = [("metrics.csv", metrics), ("timing.csv", timing)];
        let outcome = match ending {
            train::Outcome::Completed => {
                manifest.files.extend(tables.map(|(file, sha256)| FileDigest { file: file.to_owned(), sha256 }));
                let (file, table) = self.measure_latents(&state.model)?;
                manifest.files.push(self.write_file(file, &table)?);
                manifest.files.push(self.write_model(&state.model)?);
                manifest.status = Status::Completed;
                let rows = self.rows()?;
                manifest.verdict = Some(Verdict::judge(&self.evidence(&rows)));
                manifest.final_metrics = last_test_row(&rows);
                Outcome::Completed
            }
            train::Outcome::Interrupted => {
                manifest.status = Status::Interrupted;
                Outcome::Interrupted
            }
            train::Outcome::Diverged { epoch } => {
                manifest.files.extend(tables.map(|(file, sha256)| FileDigest { file: file.to_owned(), sha256 }));
                // The weights that led here are worth nothing; the last checkpoint's are the last good ones.
                if epoch > 0 {
                    let mut good = self.untrained()?;
                    checkpoint::load(&self.dir.checkpoint(), self.id, &self.task, &mut good)
                        .map_err(|why| Error::Run(format!("{}: {why}", self.dir.checkpoint().display())))?;
                    manifest.files.push(self.write_model(&good.model)?);
                }
                manifest.status = Status::Diverged;
                let rows = self.rows()?;
                manifest.verdict = Some(Verdict::diverged(epoch, &self.evidence(&rows)));
                manifest.final_metrics = last_test_row(&rows);
                Outcome::Diverged
            }
        };
        manifest.updated = now();
        manifest.write(&self.disk, &self.dir.manifest())?;
        Ok(outcome)
    }

    fn write_model(&self, model: &Model) -> Result<FileDigest> {
        self.write_file("model.safetensors", &model_file::serialize(model, self.job.spec)?)
    }

    /// Writes `file` of the run, and gives its digest.
    fn write_file(&self, file: &str, bytes: &[u8]) -> Result<FileDigest> {
        self.disk.replace(&self.dir.path().join(file), bytes)?;
        Ok(FileDigest { file: file.to_owned(), sha256: sha256(bytes) })
    }

    pub(super) fn untrained(&self) -> Result<State> {
        let spec = self.job.spec;
        let architecture = spec.architecture(self.job.data.pixels());
        let start =
            model::Start { init: spec.network().init, seed: spec.seed(), output_bias: self.output_bias.as_deref() };
        let backend = Backend::new(spec.network().engine, DType::F32, self.job.device)?;
        let mut model = Model::new(&architecture, &start, &backend)?;
        start_from_data(&mut model, spec, self.job.data)?;
        let parameters: Vec<_> = model.parameters().iter().map(|(_, p)| p.clone()).collect();
        let optimizer = Optimizer::new(parameters, spec.training().optimizer)?;
        Ok(State { optimizer, model, control: self.task.objective.control(), progress: ResumePoint::default() })
    }

    /// The rows that were recorded.
    fn rows(&self) -> Result<Vec<EpochRecord>> {
        let path = self.dir.metrics();
        let text = read_regular(&path, MOST_TEXT).map_err(|e| Error::input(&path, "read", e))?;
        parse_metrics(&text).map_err(|why| Error::Run(format!("{}: {why}", path.display())))
    }

    /// What the verdict on `rows` is made from.
    fn evidence<'r>(&self, rows: &'r [EpochRecord]) -> Evidence<'r> {
        let task = &self.task;
        Evidence {
            rows,
            latent_dim: self.job.spec.family().latent_dim(),
            codebook_size: self.job.spec.family().codebook_size(),
            floor: self.floors.collapsed,
            objective: ObjectiveJudgement::of(&task.objective, task.full_batch(), task.end_of(task.epochs)),
            schedule: ScheduleInUse::of(&task.objective),
        }
    }

    /// The table of the trained model's latents, or of its codebook, on the test images as the last epoch saw them: its
    /// file, and the bytes.
    fn measure_latents(&self, model: &Model) -> Result<(&'static str, Vec<u8>)> {
        let on = last_measurement(self.job.spec, self.job.data);
        Ok(match evaluate(model, &self.task.objective, &on)?.latents {
            LatentEvaluation::Gaussian(found) => ("latents.csv", latents_table(&found.latents())?),
            LatentEvaluation::Codes(found) => ("codes.csv", codes_table(&found.codes())?),
        })
    }

    /// `run.json` of a run that begins.
    pub(super) fn manifest(&self) -> Manifest {
        facts::manifest(self.job, self.id, &self.task, self.floors)
    }
}

/// The last row of the test images as `run.json` holds it.
fn last_test_row(rows: &[EpochRecord]) -> Option<serde_json::Value> {
    serde_json::to_value(rows.iter().rfind(|row| row.split == Split::Test)?).ok()
}
