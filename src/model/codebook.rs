//! A codebook: its sizes, how it begins, and the moving average that updates it in place of a gradient.
//!
//! "EMA" is not one rule. Every code base keeps an average count c of the uses of an entry and an average sum m of the
//! vectors that it was nearest to, both with a decay g, and sets the entry to m / c; they differ in where the averages
//! begin ([`EmaStart`]), which decides what becomes of an entry that no vector uses.

use candle_core::{Device, Result, Tensor, Var};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::rng::{Purpose, Stream};

/// What is added to every count before it divides; 1e-5 in every code base that was read.
pub const EPSILON: f32 = 1e-5;

/// Lloyd iterations of [`CodebookInit::KMeans`].
const ITERATIONS: usize = 20;

/// What updates the codebook, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CodebookUpdate {
    /// the optimiser, by the gradient of the codebook term
    Gradient,
    /// an exponential moving average of the vectors that an entry is nearest to; there is no codebook term
    Ema,
}

/// Where the moving averages of counts and sums begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum EmaStart {
    /// counts 1, sums the initial entries: an unused entry stays (lucidrains)
    Ones,
    /// counts 0, sums the initial entries: an unused entry jumps to 99,000 times its length (rosinality, TensorFlow Probability)
    Zeros,
    /// as zeros, and the counts kept after smoothing: 577 times at step 100 (zalandoresearch, pythae)
    Smoothed,
    /// both 0 and debiased as Adam's moments are: an unused entry goes to the origin (sonnet)
    Debiased,
}

/// How the entries begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CodebookInit {
    /// uniform in +-1/K (most code)
    Uniform,
    /// standard normal (rosinality, zalandoresearch's EMA)
    Normal,
    /// uniform in +-0.05 (keras-io)
    #[value(name = "uniform-0.05")]
    #[serde(rename = "uniform-0.05")]
    UniformTwentieth,
    /// Glorot & Bengio 2010: uniform in +-sqrt(6/(K + d)) (TensorFlow Probability)
    Glorot,
    /// vectors of the first batch under the initial encoder (jukebox)
    FirstBatch,
    /// k-means of those vectors (karpathy)
    KMeans,
}

/// The rule by which a model's codebook changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CodebookRule {
    /// By its gradient.
    Gradient,
    /// By moving averages.
    Ema(Ema),
}

/// A moving average's constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ema {
    /// g, the decay.
    pub decay: f64,
    /// Where it begins.
    pub start: EmaStart,
    /// An entry with an average count below this becomes a random vector of the batch (jukebox); none: never.
    pub restart_below: Option<f64>,
}

/// The sizes of a discrete latent space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeShape {
    /// N, codes of an image.
    pub codes: usize,
    /// d, numbers of a code.
    pub code_dim: usize,
    /// K, entries of the codebook.
    pub codebook_size: usize,
    /// How the codebook changes.
    pub rule: CodebookRule,
    /// How it begins.
    pub init: CodebookInit,
}

/// The step that random numbers belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepId {
    /// The seed of the run.
    pub seed: u64,
    /// The epoch, from 1.
    pub epoch: u64,
    /// The batch, from 0.
    pub batch: u64,
}

impl CodebookInit {
    /// Whether the entries are made from the vectors of the first batch.
    pub fn needs_data(self) -> bool {
        match self {
            CodebookInit::FirstBatch | CodebookInit::KMeans => true,
            CodebookInit::Uniform | CodebookInit::Normal | CodebookInit::UniformTwentieth | CodebookInit::Glorot => {
                false
            }
        }
    }

    /// The entries, `[K, d]`, as they are before any data is seen; `index` is the number of the parameter layer.
    pub(super) fn draw(self, size: usize, dim: usize, seed: u64, index: usize) -> Vec<f32> {
        let mut stream = Stream::new(seed, Purpose::Init, 0, index as u64);
        let mut values = vec![0f32; size * dim];
        let mut uniform = |bound: f64| {
            values.iter_mut().for_each(|value| *value = (2.0 * stream.uniform() - 1.0) * bound as f32);
        };
        match self {
            CodebookInit::Normal => stream.fill_normal(&mut values),
            CodebookInit::UniformTwentieth => uniform(0.05),
            CodebookInit::Glorot => uniform((6.0 / (size + dim) as f64).sqrt()),
            CodebookInit::Uniform | CodebookInit::FirstBatch | CodebookInit::KMeans => uniform(1.0 / size as f64),
        }
        values
    }

    /// The entries, `[size, dim]`, made from `vectors`, `[n, dim]`, of the first batch. Where there are fewer vectors than
    /// entries, they repeat.
    pub(super) fn entries_of(self, vectors: &[f32], size: usize, dim: usize, seed: u64) -> Vec<f32> {
        let count = vectors.len() / dim.max(1);
        let order = Stream::new(seed, Purpose::CodebookStart, 0, 0).permutation(count);
        let vector = |i: u32| &vectors[i as usize * dim..][..dim];
        let mut entries: Vec<f32> = order.iter().cycle().take(size).flat_map(|&i| vector(i)).copied().collect();
        if self == CodebookInit::KMeans {
            for _ in 0..ITERATIONS {
                lloyd(vectors, dim, &mut entries);
            }
        }
        entries
    }
}

/// One iteration of k-means; an entry without vectors stays.
fn lloyd(vectors: &[f32], dim: usize, entries: &mut [f32]) {
    let size = entries.len() / dim.max(1);
    let (mut sums, mut counts) = (vec![0f64; entries.len()], vec![0u32; size]);
    for vector in vectors.chunks_exact(dim.max(1)) {
        let gap = |entry: &[f32]| entry.iter().zip(vector).fold(0.0, |sum, (e, z)| sum + (e - z) * (e - z));
        let mut nearest = (0, f32::INFINITY);
        for (k, entry) in entries.chunks_exact(dim).enumerate() {
            let distance = gap(entry);
            if distance < nearest.1 {
                nearest = (k, distance);
            }
        }
        counts[nearest.0] += 1;
        sums[nearest.0 * dim..][..dim].iter_mut().zip(vector).for_each(|(sum, &z)| *sum += f64::from(z));
    }
    for ((entry, sum), &count) in entries.chunks_exact_mut(dim.max(1)).zip(sums.chunks_exact(dim.max(1))).zip(&counts) {
        if count > 0 {
            entry.iter_mut().zip(sum).for_each(|(e, sum)| *e = (sum / f64::from(count)) as f32);
        }
    }
}

/// The moving averages of a codebook: what a checkpoint saves of them.
#[derive(Clone, Debug)]
pub(super) struct Averages {
    /// `[K]`
    pub(super) counts: Var,
    /// `[K, d]`
    pub(super) sums: Var,
    /// The same average of 1: what debiasing divides by, `[1]`.
    pub(super) weight: Var,
}

impl Averages {
    /// The averages of a codebook that begins with `entries`.
    pub(super) fn new(ema: Ema, entries: &Tensor) -> Result<Self> {
        let size = entries.dim(0)?;
        let (counts, sums) = match ema.start {
            EmaStart::Ones => (1f32, entries.copy()?),
            EmaStart::Zeros | EmaStart::Smoothed => (0.0, entries.copy()?),
            EmaStart::Debiased => (0.0, entries.zeros_like()?),
        };
        let filled = |n: usize, value: f32| Var::from_tensor(&Tensor::full(value, n, &Device::Cpu)?);
        let sums = sums.to_dtype(candle_core::DType::F32)?.to_device(&Device::Cpu)?;
        Ok(Averages { counts: filled(size, counts)?, sums: Var::from_tensor(&sums)?, weight: filled(1, 0.0)? })
    }

    /// Takes in the vectors `z`, `[codes, d]`, of a batch with the entries that they were nearest to; gives the new
    /// entries, `[K, d]`, of which those that are used too little are vectors of the batch.
    pub(super) fn update(&self, ema: Ema, z: &[f32], codes: &[u32], at: StepId) -> Result<Vec<f32>> {
        let mut counts = self.counts.to_vec1::<f32>()?;
        let mut sums = self.sums.flatten_all()?.to_vec1::<f32>()?;
        let dim = sums.len() / counts.len().max(1);
        let keep = ema.decay as f32;
        let add = (1.0 - ema.decay) as f32;
        let (mut uses, mut totals) = (vec![0f32; counts.len()], vec![0f32; sums.len()]);
        for (z, &code) in z.chunks_exact(dim.max(1)).zip(codes) {
            uses[code as usize] += 1.0;
            totals[code as usize * dim..][..dim].iter_mut().zip(z).for_each(|(total, z)| *total += z);
        }
        let average = |values: &mut [f32], new: &[f32]| {
            values.iter_mut().zip(new).for_each(|(value, new)| *value = keep * *value + add * new);
        };
        average(&mut counts, &uses);
        average(&mut sums, &totals);
        let weight = keep * self.weight.to_vec1::<f32>()?.first().copied().unwrap_or(0.0) + add;
        // Laplace smoothing: no entry has a count of 0, and the counts keep their sum.
        let smoothed = |counts: &[f32]| -> Vec<f32> {
            let total = counts.iter().fold(0f32, |sum, c| sum + c);
            let all = total + counts.len() as f32 * EPSILON;
            counts.iter().map(|c| (c + EPSILON) / all * total).collect()
        };
        let divisors = match ema.start {
            EmaStart::Ones | EmaStart::Zeros => smoothed(&counts),
            EmaStart::Smoothed => {
                counts = smoothed(&counts);
                counts.clone()
            }
            // Both averages are divided by the weight; in m / c it cancels but for the smoothing.
            EmaStart::Debiased => {
                let unbiased: Vec<f32> = counts.iter().map(|c| c / weight).collect();
                smoothed(&unbiased).into_iter().map(|c| c * weight).collect()
            }
        };
        let mut entries = sums.clone();
        for (entry, divisor) in entries.chunks_exact_mut(dim.max(1)).zip(&divisors) {
            entry.iter_mut().for_each(|e| *e /= divisor);
        }
        if let Some(below) = ema.restart_below {
            let vectors = z.len() / dim.max(1);
            let order = Stream::new(at.seed, Purpose::CodebookRestart, at.epoch, at.batch).permutation(vectors);
            let dead = (0..counts.len()).filter(|&k| counts[k] < below as f32);
            for (k, &i) in dead.zip(order.iter().cycle()) {
                entries[k * dim..][..dim].copy_from_slice(&z[i as usize * dim..][..dim]);
            }
        }
        let shape = self.sums.shape().clone();
        self.counts.set(&Tensor::from_vec(counts, uses.len(), &Device::Cpu)?)?;
        self.sums.set(&Tensor::from_vec(sums, shape, &Device::Cpu)?)?;
        self.weight.set(&Tensor::new(&[weight], &Device::Cpu)?)?;
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: StepId = StepId { seed: 1, epoch: 1, batch: 0 };

    fn averages(ema: Ema) -> Averages {
        let entries = Tensor::new(&[[1f32, 2.0], [-3.0, 0.5], [4.0, 4.0]], &Device::Cpu).unwrap();
        Averages::new(ema, &entries).unwrap()
    }

    /// Five vectors on entry 0, none on entry 1, three on entry 2.
    fn batch() -> (Vec<f32>, Vec<u32>) {
        let z = [[0.5f32, 1.5]; 5].into_iter().chain([[3.0, 5.0]; 3]).flatten().collect();
        (z, vec![0, 0, 0, 0, 0, 2, 2, 2])
    }

    #[test]
    fn the_four_starts_of_a_moving_average_are_those_of_their_code_bases() {
        // In PyTorch, float64, e0 = [[1, 2], [-3, .5], [4, 4]], g = .99, eps = 1e-5, n = [5, 0, 3], s = sums of z:
        //   lap = lambda c: (c + eps) / (c.sum() + 3 * eps) * c.sum()
        //   c = g * c + (1 - g) * n; m = g * m + (1 - g) * s; w = g * w + (1 - g)
        //   ones, zeros: e = m / lap(c)        from c = 1 or 0, m = e0
        //   smoothed:    c = lap(c); e = m / c from c = 0, m = e0
        //   debiased:    e = (m / w) / lap(c / w) from c = 0, m = 0, w = 0
        let expected: [(EmaStart, usize, [f64; 6]); 11] = [
            (EmaStart::Ones, 1, [0.975_961_8, 1.975_962, -2.999_999, 0.499_999_9, 3.970_588, 4.029_412]),
            (EmaStart::Ones, 100, [0.551_761, 1.551_763, -2.999_933, 0.499_988_8, 3.161_396, 4.838_608]),
            (EmaStart::Ones, 1146, [0.500_001_9, 1.500_004, -1.496_436, 0.249_406, 3.000_005, 4.999_999]),
            (EmaStart::Zeros, 1, [20.303_55, 41.107_19, -297_111.4, 49_518.56, 135.005_6, 137.005_7]),
            (EmaStart::Zeros, 100, [0.615_475_2, 1.730_952, -109_810.4, 18_301.73, 3.769_826, 5.769_827]),
            (EmaStart::Zeros, 1146, [0.500_002_9, 1.500_007, -2.985_767, 0.497_627_8, 3.000_015, 5.000_015]),
            (EmaStart::Smoothed, 1, [20.303_55, 41.107_19, -297_111.4, 49_518.56, 135.005_6, 137.005_7]),
            (EmaStart::Smoothed, 100, [0.615_581_2, 1.731_25, -1_732.752, 288.792, 3.769_98, 5.770_064]),
            (EmaStart::Debiased, 1, [0.500_000_9, 1.500_003, 0.0, 0.0, 3.000_001, 5.000_002]),
            (EmaStart::Debiased, 100, [0.500_000_9, 1.500_003, 0.0, 0.0, 3.000_001, 5.000_002]),
            (EmaStart::Debiased, 1146, [0.500_000_9, 1.500_003, 0.0, 0.0, 3.000_001, 5.000_002]),
        ];
        let (z, codes) = batch();
        for (start, steps, expected) in expected {
            let ema = Ema { decay: 0.99, start, restart_below: None };
            let averages = averages(ema);
            let found = (0..steps).fold(Vec::new(), |_, _| averages.update(ema, &z, &codes, STEP).unwrap());
            for (found, expected) in found.into_iter().zip(expected) {
                let gap = (f64::from(found) - expected).abs();
                // In f32, and the unused entry divides by what is left of a decay.
                assert!(gap <= 2e-4 * expected.abs().max(1.0), "{start:?} {steps}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn an_unused_entry_is_thrown_out_left_or_moved_to_the_origin_by_the_start_alone() {
        let (z, codes) = batch();
        let length_after = |start: EmaStart, decay: f64, steps: usize| {
            let ema = Ema { decay, start, restart_below: None };
            let averages = averages(ema);
            let entries = (0..steps).fold(Vec::new(), |_, _| averages.update(ema, &z, &codes, STEP).unwrap());
            f64::from(entries[2].hypot(entries[3])) / (9.25f64).sqrt()
        };
        assert!((length_after(EmaStart::Zeros, 0.99, 1) / 99_000.0 - 1.0).abs() < 1e-3);
        assert!((length_after(EmaStart::Zeros, 0.99, 1_146) - 1.0).abs() < 0.01);
        assert!((length_after(EmaStart::Smoothed, 0.99, 100) - 577.0).abs() < 1.0);
        assert_eq!(length_after(EmaStart::Debiased, 0.99, 1), 0.0);
        // "Does nothing" lasts while the average count is large beside epsilon: 1,146 steps at 0.99, 52 at 0.8.
        assert!((length_after(EmaStart::Ones, 0.99, 500) - 1.0).abs() < 0.01);
        assert!((length_after(EmaStart::Ones, 0.99, 1_146) - 0.5).abs() < 0.01);
        assert!((length_after(EmaStart::Ones, 0.8, 52) - 0.5).abs() < 0.03);
    }

    #[test]
    fn dead_entries_become_vectors_of_the_batch_under_their_own_stream() {
        let (z, codes) = batch();
        let ema = Ema { decay: 0.5, start: EmaStart::Ones, restart_below: Some(1.0) };
        let entries = averages(ema).update(ema, &z, &codes, STEP).unwrap();
        // Counts after one step: 3, 0.5 and 2.
        assert!(entries[2..4] == [0.5, 1.5] || entries[2..4] == [3.0, 5.0], "{entries:?}");
        assert_eq!(entries, averages(ema).update(ema, &z, &codes, STEP).unwrap());
        let kept = Ema { restart_below: Some(0.4), ..ema };
        assert!(averages(kept).update(kept, &z, &codes, STEP).unwrap()[2] < -2.9);
    }

    #[test]
    fn a_codebook_of_the_first_batch_has_its_vectors_or_their_means() {
        let z: Vec<f32> = [[0.0f32, 0.0], [0.2, 0.0], [5.0, 5.0], [5.2, 5.0]].into_iter().flatten().collect();
        let of = |init: CodebookInit, size: usize| init.entries_of(&z, size, 2, 3);
        assert!(of(CodebookInit::FirstBatch, 3).chunks(2).all(|entry| z.chunks(2).any(|vector| vector == entry)));
        assert_eq!(of(CodebookInit::FirstBatch, 9).len(), 18, "vectors repeat where there are too few");
        let mut means = of(CodebookInit::KMeans, 2);
        if means[0] > 1.0 {
            means.rotate_left(2);
        }
        let expected = [0.1, 0.0, 5.1, 5.0];
        assert!(means.iter().zip(expected).all(|(found, want)| (found - want).abs() < 1e-6), "{means:?}");
    }
}
