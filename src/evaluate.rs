//! What is measured on a model whose weights stand still.

use candle_core::{DType, Device, Result, Tensor};

use crate::data::{Images, PixelDraw};
use crate::metrics::LatentRecord;
use crate::model::Vae;
use crate::objective::{Averages, Constraint, FreeBits, Objective};
use crate::rng::{Purpose, Stream};

/// Images a batch that keep it within the caches. What is measured does not depend on it.
pub const BATCH: usize = 500;

/// A latent is active if the variance of its posterior mean over the data exceeds this (Burda et al. 2016, section 5.2).
pub const ACTIVE_VARIANCE: f64 = 0.01;

/// Averages over a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// What the ledgers are made of, with one sample of z an image.
    pub averages: Averages,
    /// K of every latent, `[latent_dim]`, in nats.
    pub kl_per_latent: Vec<f64>,
    /// Latents that carry information.
    pub active_units: u32,
    /// Covariance of the posterior means over the images, `[latent_dim * latent_dim]`.
    pub mean_covariance: Vec<f64>,
}

impl Evaluation {
    /// The latents one by one.
    pub fn latents(&self) -> Vec<LatentRecord> {
        let variances = self.mean_covariance.iter().step_by(self.kl_per_latent.len() + 1);
        let latents = self.kl_per_latent.iter().zip(variances).zip(1..);
        latents.map(|((&kl, &mean_variance), latent)| LatentRecord { latent, kl, mean_variance }).collect()
    }
}

/// What a model is measured on, and with which noise.
#[derive(Clone, Copy, Debug)]
pub struct Measurement<'a> {
    /// The images.
    pub images: &'a Images,
    /// How they become pixels.
    pub draw: PixelDraw,
    /// The seed of the noise.
    pub seed: u64,
    /// The epoch of the noise.
    pub epoch: u64,
    /// Images at a time; [`BATCH`] unless there is a reason.
    pub batch: usize,
}

/// Measures `model` on all images.
///
/// Every image has a noise stream of its own and sums are taken in the images' order, in f64.
pub fn evaluate(
    model: &Vae,
    objective: &Objective,
    on: &Measurement<'_>,
    dtype: DType,
    device: &Device,
) -> Result<Evaluation> {
    let latents = objective.latent_dim;
    let (mut energy, mut weighed) = (0.0, 0.0);
    let mut kl_sums = vec![0.0; latents];
    let mut mean_sums = vec![0.0; latents];
    let mut mean_products = vec![0.0; latents * latents];
    let all: Vec<u32> = (0..on.images.len() as u32).collect();
    for indices in all.chunks(on.batch.max(1)) {
        let x = on.draw.batch(on.images, indices, dtype, device)?;
        let mut noise = vec![0f32; indices.len() * latents];
        for (row, &index) in noise.chunks_exact_mut(latents).zip(indices) {
            Stream::new(on.seed, Purpose::EvalNoise, on.epoch, u64::from(index)).fill_normal(row);
        }
        let noise =
            Tensor::from_vec(noise, (indices.len(), latents), &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?;
        let losses = objective.losses(model, &x, &noise)?;
        energy += sum(&losses.energy)?;
        if !objective.weighs_plain_kl() {
            weighed += scalar(&objective.constrained_kl(&losses)?)? * indices.len() as f64;
        }
        for row in losses.kl.to_dtype(DType::F64)?.to_vec2::<f64>()? {
            row.iter().zip(&mut kl_sums).for_each(|(value, sum)| *sum += value);
        }
        for row in losses.posterior_mean.to_dtype(DType::F64)?.to_vec2::<f64>()? {
            row.iter().zip(&mut mean_sums).for_each(|(value, sum)| *sum += value);
            for (a, products) in row.iter().zip(mean_products.chunks_exact_mut(latents)) {
                row.iter().zip(products).for_each(|(b, product)| *product += a * b);
            }
        }
    }
    let n = on.images.len() as f64;
    let mean_covariance: Vec<f64> = (0..latents * latents)
        .map(|i| mean_products[i] / n - mean_sums[i / latents] / n * (mean_sums[i % latents] / n))
        .collect();
    let active = (0..latents).filter(|j| mean_covariance[j * latents + j] > ACTIVE_VARIANCE).count();
    let kl_per_latent: Vec<f64> = kl_sums.iter().map(|sum| sum / n).collect();
    // Free bits over a batch mean are, for a set, over the set's mean: no trace of the evaluation's own batches.
    let weighed_kl = match objective.constraint {
        Constraint::FreeBits(FreeBits::PerLatentBatch(nats)) => kl_per_latent.iter().map(|k| k.max(nats)).sum(),
        _ => weighed / n,
    };
    let kl = kl_per_latent.iter().sum();
    let weighed_kl = if objective.weighs_plain_kl() { kl } else { weighed_kl };
    let averages = Averages { energy: energy / n, kl, weighed_kl };
    Ok(Evaluation { averages, kl_per_latent, active_units: active as u32, mean_covariance })
}

/// The sum of all elements in f64, in their order.
pub(crate) fn sum(values: &Tensor) -> Result<f64> {
    Ok(values.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?.iter().sum())
}

/// A scalar in f64.
pub(crate) fn scalar(value: &Tensor) -> Result<f64> {
    value.to_dtype(DType::F64)?.to_scalar::<f64>()
}
