//! THE training loop. It knows no file and prints nothing; it calls back after every batch and every epoch.

use std::time::Instant;

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use crate::data::{Dataset, PixelDraw, Pixels};
use crate::evaluate::{BATCH, Measurement, evaluate, scalar, sum};
use crate::metrics::{EpochRecord, Split, TimingRecord};
use crate::model::Vae;
use crate::objective::{Averages, Ledgers, Objective, Time};
use crate::optimizer::Optimizer;
use crate::rng::{Purpose, Stream};

/// What is trained on what, for how long. Fixed for the whole run.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// What is minimised.
    pub objective: Objective,
    /// Images to train and to measure on.
    pub data: &'a Dataset,
    /// How bytes become pixels.
    pub pixels: Pixels,
    /// Images a step; the last of an epoch may have fewer.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: u32,
    /// The seed of order, noise and pixels.
    pub seed: u64,
    /// The type of all tensors.
    pub dtype: DType,
    /// Where they live.
    pub device: &'a Device,
}

impl Task<'_> {
    /// Batches of an epoch, the short last one counted.
    pub fn steps_per_epoch(&self) -> u64 {
        self.data.train.len().div_ceil(self.batch_size) as u64
    }

    /// The time after the last step of `epoch`.
    fn end_of(&self, epoch: u32) -> Time {
        let steps_per_epoch = self.steps_per_epoch();
        // A schedule is shown as it was for the last step made; before the first, as for that one.
        let step = (u64::from(epoch) * steps_per_epoch).saturating_sub(1);
        Time { step, steps_per_epoch }
    }
}

/// Sums of an epoch in progress, each image counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LedgerSums {
    /// Images so far.
    pub images: u64,
    /// Sum of a * R.
    pub recon_term: f64,
    /// Sum of b * K.
    pub kl_term: f64,
    /// Sum of R.
    pub recon: f64,
    /// Sum of the energies.
    pub energy: f64,
    /// Sum of K.
    pub kl: f64,
}

impl LedgerSums {
    fn add(&mut self, batch: &Ledgers, energy: f64, images: usize) {
        let n = images as f64;
        self.images += images as u64;
        self.recon_term += n * batch.recon_term;
        self.kl_term += n * batch.kl_term;
        self.recon += n * batch.recon;
        self.energy += n * energy;
        self.kl += n * batch.kl;
    }

    /// Averages over the images so far.
    pub fn means(&self) -> Ledgers {
        let n = self.images as f64;
        Ledgers { recon_term: self.recon_term / n, kl_term: self.kl_term / n, recon: self.recon / n, kl: self.kl / n }
    }
}

/// How far the training is: all that must be saved to go on to the same bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The last epoch whose records were handed out; none before the untrained model was measured.
    pub recorded: Option<u32>,
    /// Batches done in the epoch after it.
    pub batches: usize,
    /// Sums over those batches.
    pub sums: LedgerSums,
    /// Seconds spent on those batches.
    pub train_s: f64,
}

/// Everything that changes while training.
#[derive(Clone, Debug)]
pub struct State {
    /// The parameters.
    pub model: Vae,
    /// The optimiser with its moments.
    pub optimizer: Optimizer,
    /// How far it is.
    pub progress: Progress,
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
    if state.progress.recorded.is_none() {
        let (test, _) = measure(task, state, 0)?;
        if !test.objective.is_finite() {
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
                None => Batch::prepare(task, epoch, index, indices)?,
            };
            // The next batch is made ready beside this one's step.
            let (ledgers, next) = rayon::join(
                || step(task, state, &batch),
                || batches.peek().map(|(index, indices)| Batch::prepare(task, epoch, *index, indices)).transpose(),
            );
            prepared = next?;
            let ledgers = ledgers?;
            let Some((ledgers, energy)) = ledgers else { return Ok(Outcome::Diverged { epoch }) };
            state.progress.sums.add(&ledgers, energy, indices.len());
            state.progress.batches = index + 1;
            state.progress.train_s += start.elapsed().as_secs_f64();
            if observer.batch(task, state) == Flow::Stop {
                return Ok(Outcome::Interrupted);
            }
        }
        let train = train_row(task, state, epoch)?;
        let (test, eval_s) = measure(task, state, epoch)?;
        if !(train.objective.is_finite() && test.objective.is_finite()) {
            return Ok(Outcome::Diverged { epoch });
        }
        let train_s = state.progress.train_s;
        let timing = TimingRecord { epoch, train_s, eval_s, images_per_s: task.data.train.len() as f64 / train_s };
        state.progress = Progress { recorded: Some(epoch), ..Progress::default() };
        if observer.epoch(task, state, &[train, test], Some(timing))? == Flow::Stop {
            return Ok(Outcome::Interrupted);
        }
    }
    Ok(Outcome::Completed)
}

/// What a step needs: pixels `[images, pixels]` and standard normal noise `[images, latent_dim]`.
struct Batch {
    x: Tensor,
    noise: Tensor,
    images: usize,
}

impl Batch {
    /// Batch number `batch` of an epoch: the images numbered `indices`.
    fn prepare(task: &Task<'_>, epoch: u32, batch: usize, indices: &[u32]) -> TensorResult<Self> {
        let (pixels, seed, images) = (task.pixels, task.seed, indices.len());
        let draw = PixelDraw { pixels, seed, purpose: Purpose::BinarizeTrain, epoch: u64::from(epoch) };
        let x = draw.batch(&task.data.train, indices, task.dtype, task.device)?;
        let mut noise = vec![0f32; images * task.objective.latent_dim];
        Stream::new(seed, Purpose::TrainNoise, u64::from(epoch), batch as u64).fill_normal(&mut noise);
        let noise = Tensor::from_vec(noise, (images, task.objective.latent_dim), &Device::Cpu)?
            .to_dtype(task.dtype)?
            .to_device(task.device)?;
        Ok(Batch { x, noise, images })
    }
}

/// One optimiser step; none where the objective is not finite, and then no step is made.
fn step(task: &Task<'_>, state: &mut State, batch: &Batch) -> TensorResult<Option<(Ledgers, f64)>> {
    let mut losses = task.objective.losses(&state.model, &batch.x, &batch.noise)?;
    let n = batch.images as f64;
    let kl = sum(&losses.kl)? / n;
    let averages = Averages {
        energy: sum(&losses.energy)? / n,
        kl,
        weighed_kl: if task.objective.weighs_plain_kl() {
            kl
        } else {
            scalar(&task.objective.constrained_kl(&losses)?)?
        },
    };
    let time = Time { step: state.optimizer.steps(), steps_per_epoch: task.steps_per_epoch() };
    let log_sigma = state.model.log_sigma_value()?;
    let ledgers = task.objective.ledgers(&averages, log_sigma, batch.images, time)?;
    if !(ledgers.recon_term + ledgers.kl_term).is_finite() {
        return Ok(None);
    }
    let log_sigma = state.model.log_sigma().map(|p| p.as_tensor());
    let store = task.objective.value(&losses, log_sigma, time)?.backward()?;
    let gradients = state.model.gradients(&mut losses.way_back, &store)?;
    let parameters: Vec<_> = state.model.parameters().into_iter().map(|(_, p)| p).collect();
    state.optimizer.step(&parameters, &gradients)?;
    Ok(Some((ledgers, averages.energy)))
}

/// The test row of `epoch`, and the seconds it took.
fn measure(task: &Task<'_>, state: &State, epoch: u32) -> TensorResult<(EpochRecord, f64)> {
    let start = Instant::now();
    let draw =
        PixelDraw { pixels: task.pixels, seed: task.seed, purpose: Purpose::BinarizeTest, epoch: u64::from(epoch) };
    let on = Measurement { images: &task.data.test, draw, seed: task.seed, epoch: u64::from(epoch), batch: BATCH };
    let result = evaluate(&state.model, &task.objective, &on, task.dtype, task.device)?;
    // The objective of a set is that of a full batch with its averages: the size of evaluation batches leaves no trace.
    let time = task.end_of(epoch);
    let log_sigma = state.model.log_sigma_value()?;
    let ledgers = task.objective.ledgers(&result.averages, log_sigma, task.batch_size, time)?;
    let row = record(task, epoch, Split::Test, &ledgers, result.averages.energy, log_sigma, Some(result.active_units));
    Ok((row, start.elapsed().as_secs_f64()))
}

/// The training row of `epoch`, whose batches are all in the sums.
fn train_row(task: &Task<'_>, state: &State, epoch: u32) -> TensorResult<EpochRecord> {
    let sums = &state.progress.sums;
    let energy = sums.energy / sums.images as f64;
    Ok(record(task, epoch, Split::Train, &sums.means(), energy, state.model.log_sigma_value()?, None))
}

/// A row of the table; the effective values are those at the end of the epoch.
fn record(
    task: &Task<'_>,
    epoch: u32,
    split: Split,
    ledgers: &Ledgers,
    energy: f64,
    log_sigma: Option<f64>,
    active_units: Option<u32>,
) -> EpochRecord {
    let Ledgers { recon_term, kl_term, recon, kl } = *ledgers;
    let time = task.end_of(epoch);
    EpochRecord {
        epoch,
        split,
        objective: recon_term + kl_term,
        recon_term,
        kl_term,
        recon,
        kl,
        neg_elbo: task.objective.neg_elbo(recon, kl),
        beta_effective: task.objective.beta_effective(task.batch_size, time),
        beta_sigma2: task.objective.beta_sigma2(task.batch_size, time, Some(energy), log_sigma),
        active_units,
    }
}
