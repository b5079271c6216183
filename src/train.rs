//! THE training loop. It knows no file and prints nothing; it calls back after every batch and every epoch.

use std::time::Instant;

use candle_core::{Device, Result as TensorResult, Tensor};
use kernels::timeline::span;

use crate::data::{Dataset, PixelDraw, Pixels};
use crate::engine::Backend;
use crate::evaluate::{BATCH, LatentEvaluation, Measurement, evaluate};
use crate::metrics::{CodeMetrics, EpochRecord, Split, TimingRecord};
use crate::model::{Model, StepId};
use crate::objective::{Control, Moment, Objective, Time, Value};
use crate::optimizer::Optimizer;
use crate::pass::{Batch, Pass};
use crate::rng::{Purpose, Stream};
use crate::terms::Ledgers;

/// What is trained on what, for how long. Fixed for the whole run.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// What is minimised.
    pub objective: Objective,
    /// Images to train and to measure on.
    pub data: &'a Dataset,
    /// How bytes become pixels.
    pub pixels: Pixels,
    /// Images per step; the last step of an epoch may have fewer.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: u32,
    /// The seed of order, noise and pixels.
    pub seed: u64,
}

impl Task<'_> {
    /// Batches of an epoch, the short last one counted.
    pub fn steps_per_epoch(&self) -> u64 {
        self.data.train.len().div_ceil(self.batch_size) as u64
    }

    /// The time of the last step of `epoch`: a schedule is shown as it was for the last step made.
    pub fn end_of(&self, epoch: u32) -> Time {
        Time::end_of(epoch, self.data.train.len(), self.batch_size)
    }

    /// Images of a full batch: fewer than asked for where there are no more.
    pub fn full_batch(&self) -> usize {
        self.batch_size.min(self.data.train.len().max(1))
    }
}

/// Sums of an epoch in progress, each image counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EpochSums {
    /// Images so far.
    pub images: u64,
    /// Both ledgers, summed over the images.
    pub ledgers: Ledgers,
    /// The energies, summed over the images.
    pub energy: f64,
}

impl EpochSums {
    fn add(&mut self, batch: &BatchResult) {
        self.images += batch.images as u64;
        self.ledgers.add(&batch.ledgers, batch.images);
        self.energy += batch.images as f64 * batch.energy;
    }

    /// Averages over the images so far.
    pub fn means(&self) -> Ledgers {
        self.ledgers.divided_by(self.images as f64)
    }
}

/// How far the training is: all that must be saved to go on to the same bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResumePoint {
    /// The last epoch whose records were handed out; none before the untrained model was measured.
    pub recorded: Option<u32>,
    /// Batches done in the epoch after it.
    pub batches: usize,
    /// Sums over those batches.
    pub sums: EpochSums,
    /// Seconds spent on those batches.
    pub train_s: f64,
}

/// Everything that changes while training.
#[derive(Clone, Debug)]
pub struct State {
    /// The parameters.
    pub model: Model,
    /// The optimiser with its moments.
    pub optimizer: Optimizer,
    /// What finds a weight of the objective: [`Objective::control`] at the start.
    pub control: Control,
    /// How far it is.
    pub progress: ResumePoint,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop after this batch; the state can be saved and resumed.
    Stop,
}

/// Told about the training as it goes.
pub trait Observer {
    /// What can go wrong on the observer's side.
    type Error: From<candle_core::Error>;

    /// A batch was trained on.
    fn batch(&mut self, task: &Task<'_>, state: &State) -> Flow;

    /// An epoch was trained and measured; `timing` is none for epoch 0, the untrained model.
    fn epoch(
        &mut self,
        task: &Task<'_>,
        state: &State,
        records: &[EpochRecord],
        timing: Option<TimingRecord>,
    ) -> Result<Flow, Self::Error>;
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Completed,
    /// The observer said stop.
    Interrupted,
    /// The objective became non-finite in this epoch (0: the untrained model).
    Diverged {
        /// The epoch.
        epoch: u32,
    },
}

/// Trains from `state` to the end of the task, or until the observer stops it, or until the objective is not finite.
pub fn train<O: Observer>(task: &Task<'_>, state: &mut State, observer: &mut O) -> Result<Outcome, O::Error> {
    kernels::awake(|| epochs(task, state, observer))
}

/// [`train`], on whatever threads are awake.
fn epochs<O: Observer>(task: &Task<'_>, state: &mut State, observer: &mut O) -> Result<Outcome, O::Error> {
    let to = Destination { backend: state.model.backend().clone(), noise_dim: state.model.noise_dim() };
    if state.progress.recorded.is_none() {
        let (test, _) = measure(task, state, 0)?;
        if !test.objective().is_finite() {
            return Ok(Outcome::Diverged { epoch: 0 });
        }
        state.progress.recorded = Some(0);
        if observer.epoch(task, state, &[test], None)? == Flow::Stop {
            return Ok(Outcome::Interrupted);
        }
    }
    while let Some(last) = state.progress.recorded
        && last < task.epochs
    {
        let epoch = last + 1;
        let order = Stream::new(task.seed, Purpose::Shuffle, u64::from(epoch), 0).permutation(task.data.train.len());
        let mut batches = order.chunks(task.batch_size).enumerate().skip(state.progress.batches).peekable();
        let mut prepared = None;
        while let Some((index, indices)) = batches.next() {
            let start = Instant::now();
            let batch = match prepared.take() {
                Some(batch) => batch,
                None => prepare(task, &to, epoch, index, indices)?,
            };
            let step_span = span("step");
            let pass = state.model.pass(&batch, &task.objective.recon)?;
            // The next batch is made ready beside the rest of the step: an objective is the work of one thread, for which the
            // others would wait.
            let (trained, next) = rayon::join(
                || step(task, state, pass),
                || batches.peek().map(|(index, indices)| prepare(task, &to, epoch, *index, indices)).transpose(),
            );
            step_span.end();
            prepared = next?;
            let Some(trained) = trained? else { return Ok(Outcome::Diverged { epoch }) };
            state.progress.sums.add(&trained);
            state.progress.batches = index + 1;
            state.progress.train_s += start.elapsed().as_secs_f64();
            if observer.batch(task, state) == Flow::Stop {
                return Ok(Outcome::Interrupted);
            }
        }
        let train = train_row(task, state, epoch)?;
        let (test, eval_s) = measure(task, state, epoch)?;
        if !(train.objective().is_finite() && test.objective().is_finite()) {
            return Ok(Outcome::Diverged { epoch });
        }
        let train_s = state.progress.train_s;
        let timing = TimingRecord { epoch, train_s, eval_s, images_per_s: task.data.train.len() as f64 / train_s };
        state.progress = ResumePoint { recorded: Some(epoch), ..ResumePoint::default() };
        if observer.epoch(task, state, &[train, test], Some(timing))? == Flow::Stop {
            return Ok(Outcome::Interrupted);
        }
    }
    Ok(Outcome::Completed)
}

/// What batches are made for.
struct Destination {
    backend: Backend,
    /// Numbers of noise per image.
    noise_dim: usize,
}

/// The first batch that a training of `model` on `task` sees.
///
/// # Errors
/// Where a tensor cannot be made.
pub fn first_batch(task: &Task<'_>, model: &Model) -> TensorResult<Batch> {
    let to = Destination { backend: model.backend().clone(), noise_dim: model.noise_dim() };
    let order = Stream::new(task.seed, Purpose::Shuffle, 1, 0).permutation(task.data.train.len());
    prepare(task, &to, 1, 0, &order[..task.full_batch().min(order.len())])
}

/// Batch number `batch` of an epoch: the images numbered `indices`, and their noise.
fn prepare(task: &Task<'_>, to: &Destination, epoch: u32, batch: usize, indices: &[u32]) -> TensorResult<Batch> {
    let _span = span("next batch");
    let (pixels, seed, images) = (task.pixels, task.seed, indices.len());
    let draw = PixelDraw { pixels, seed, purpose: Purpose::BinarizeTrain, epoch: u64::from(epoch) };
    let Destination { backend, noise_dim } = to;
    let x = draw.batch(&task.data.train, indices, backend.dtype(), backend.device())?;
    let mut noise = vec![0f32; images * *noise_dim];
    Stream::new(seed, Purpose::TrainNoise, u64::from(epoch), batch as u64).fill_normal(&mut noise);
    let noise = Tensor::from_vec(noise, (images, *noise_dim), &Device::Cpu)?
        .to_dtype(backend.dtype())?
        .to_device(backend.device())?;
    Ok(Batch { x, noise })
}

/// What a step leaves of its batch.
struct BatchResult {
    images: usize,
    ledgers: Ledgers,
    energy: f64,
}

/// One optimiser step after its forward pass: value, gradients, update. None where the objective is not finite, and then
/// no step is made.
fn step(task: &Task<'_>, state: &mut State, mut pass: Pass) -> TensorResult<Option<BatchResult>> {
    let of_objective = span("objective");
    let time = Time { step: state.optimizer.steps(), steps_per_epoch: task.steps_per_epoch() };
    let Value { loss, ledgers, energy, control } = task.objective.value(&pass, time, state.control)?;
    if !ledgers.objective().is_finite() {
        return Ok(None);
    }
    let slopes = loss.backward()?;
    of_objective.end();
    let gradients = pass.tape.gradients(&slopes)?;
    state.optimizer.step_with(&gradients)?;
    drop(gradients);
    state.control = control;
    let epoch = u64::from(state.progress.recorded.unwrap_or(0)) + 1;
    let at = StepId { seed: task.seed, epoch, batch: state.progress.batches as u64 };
    state.model.after_step(&pass, at)?;
    Ok(Some(BatchResult { images: pass.energy.dim(0)?, ledgers, energy }))
}

/// The test row of `epoch`, and the seconds it took.
fn measure(task: &Task<'_>, state: &State, epoch: u32) -> TensorResult<(EpochRecord, f64)> {
    let start = Instant::now();
    let draw =
        PixelDraw { pixels: task.pixels, seed: task.seed, purpose: Purpose::BinarizeTest, epoch: u64::from(epoch) };
    let on = Measurement { images: &task.data.test, draw, seed: task.seed, epoch: u64::from(epoch), batch: BATCH };
    let result = evaluate(&state.model, &task.objective, &on)?;
    // The objective of a set is that of a full batch with its averages: the size of evaluation batches leaves no trace.
    let moment = task.objective.moment(task.end_of(epoch), state.control)?;
    let ledgers = task.objective.ledgers(&result.averages, task.full_batch(), moment)?;
    let (energy, log_sigma) = (result.averages.energy, result.averages.log_sigma);
    let mut row = record(task, (epoch, moment), Split::Test, ledgers, energy, log_sigma);
    match &result.latents {
        LatentEvaluation::Gaussian(latents) => row.active_units = Some(latents.active_units),
        LatentEvaluation::Codes(codes) => {
            row.codes.perplexity = Some(codes.uses.perplexity());
            row.codes.codes_used = Some(codes.uses.used());
        }
    }
    Ok((row, start.elapsed().as_secs_f64()))
}

/// The training row of `epoch`, whose batches are all in the sums.
fn train_row(task: &Task<'_>, state: &State, epoch: u32) -> TensorResult<EpochRecord> {
    let sums = &state.progress.sums;
    let energy = sums.energy / sums.images as f64;
    let moment = task.objective.moment(task.end_of(epoch), state.control)?;
    Ok(record(task, (epoch, moment), Split::Train, sums.means(), energy, state.model.log_sigma()?))
}

/// A row of the table, without what is measured on the test images alone; the effective values are those at the end of
/// the epoch.
fn record(
    task: &Task<'_>,
    (epoch, moment): (u32, Moment),
    split: Split,
    ledgers: Ledgers,
    energy: f64,
    log_sigma: Option<f64>,
) -> EpochRecord {
    EpochRecord {
        epoch,
        split,
        ledgers,
        neg_elbo: task.objective.neg_elbo(&ledgers),
        bits_per_dim: task.objective.bits_per_dim(&ledgers),
        beta_effective: task.objective.beta_effective(task.full_batch(), moment),
        beta_sigma2: task.objective.beta_sigma2(task.full_batch(), moment, Some(energy), log_sigma),
        active_units: None,
        codes: CodeMetrics {
            commitment_ratio: task.objective.commitment_ratio(task.full_batch()),
            ..CodeMetrics::default()
        },
        multiplier: moment.multiplier.found(),
    }
}
