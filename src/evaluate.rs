//! What is measured on a model whose weights stand still.

use candle_core::{DType, Device, Result, Tensor};

use crate::data::{Images, PixelDraw};
use crate::metrics::{CodeRecord, LatentRecord};
use crate::model::{Model, VqVae};
use crate::objective::value::{scalar, sum};
use crate::objective::{Averages, CodeUse, KlTerm, LatentAverages, LatentTerms, Objective};
use crate::pass::{Batch, GaussianLatents, Latents, Pass};
use crate::rng::{Purpose, Stream};

/// Images per batch: few enough that the batch stays within the caches. What is measured does not depend on it, but for the last
/// digits of a KL with free bits, whose estimate is averaged per batch in single precision.
pub const BATCH: usize = 500;

/// A latent is active if the variance of its posterior mean over the data exceeds this (Burda et al. 2016, section 5.2).
pub const ACTIVE_VARIANCE: f64 = 0.01;

/// What was measured on a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// What the ledgers are made of, with one sample of z an image.
    pub averages: Averages,
    /// The latent side.
    pub latents: LatentEvaluation,
}

/// The latent side of an [`Evaluation`], by the family of the model.
#[derive(Clone, Debug, PartialEq)]
pub enum LatentEvaluation {
    /// Of a VAE.
    Gaussian(GaussianEvaluation),
    /// Of a VQ-VAE.
    Codes(CodeEvaluation),
}

/// The latents of a VAE over a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianEvaluation {
    /// K of every latent, `[latent_dim]`, in nats.
    pub kl_per_latent: Vec<f64>,
    /// Latents that carry information.
    pub active_units: u32,
    /// Covariance of the posterior means over the images, `[latent_dim * latent_dim]`.
    pub mean_covariance: Vec<f64>,
}

/// The codes of a VQ-VAE over a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeEvaluation {
    /// How often each entry was the nearest.
    pub uses: CodeUse,
    /// The length of each entry.
    pub lengths: Vec<f64>,
}

impl GaussianEvaluation {
    /// The latents one by one.
    pub fn latents(&self) -> Vec<LatentRecord> {
        let variances = self.mean_covariance.iter().step_by(self.kl_per_latent.len() + 1);
        let latents = self.kl_per_latent.iter().zip(variances).zip(1..);
        latents.map(|((&kl, &mean_variance), latent)| LatentRecord { latent, kl, mean_variance }).collect()
    }
}

impl CodeEvaluation {
    /// The entries one by one.
    pub fn codes(&self) -> Vec<CodeRecord> {
        let total = self.uses.counts.iter().sum::<u64>() as f64;
        let entries = self.uses.counts.iter().zip(&self.lengths).zip(1..);
        entries.map(|((&uses, &length), code)| CodeRecord { code, uses, share: uses as f64 / total, length }).collect()
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
///
/// # Errors
/// Where a tensor cannot be made.
pub fn evaluate(model: &Model, objective: &Objective, on: &Measurement<'_>) -> Result<Evaluation> {
    match (objective.latent, model) {
        (LatentTerms::Kl(kl), Model::Vae(_)) => evaluate_vae(model, objective, &kl, on),
        (LatentTerms::Vq(_), Model::VqVae(vq_vae)) => evaluate_vq_vae(model, vq_vae, objective, on),
        (LatentTerms::Kl(_), Model::VqVae(_)) | (LatentTerms::Vq(_), Model::Vae(_)) => {
            candle_core::bail!("a model and an objective of two families")
        }
    }
}

fn evaluate_vae(model: &Model, objective: &Objective, kl: &KlTerm, on: &Measurement<'_>) -> Result<Evaluation> {
    let mut sums = Sums::new(kl.latent_dim());
    for_each_pass(model, objective, on, |pass, images| {
        sums.energy += sum(&pass.energy)?;
        if let Latents::Gaussian(latents) = &pass.latents {
            if !kl.is_plain() {
                sums.estimate += scalar(&kl.estimate(latents)?)? * images as f64;
            }
            sums.add(latents)?;
        }
        Ok(())
    })?;
    let n = on.images.len() as f64;
    let (kl_per_latent, mean_covariance) = sums.averages(n);
    let latents = kl_per_latent.len();
    let active = (0..latents).filter(|j| mean_covariance[j * latents + j] > ACTIVE_VARIANCE).count();
    let total = kl_per_latent.iter().sum();
    let estimate = if kl.is_plain() { total } else { kl.estimate_of_set(sums.estimate / n, &kl_per_latent) };
    let averages = Averages {
        energy: sums.energy / n,
        log_sigma: model.log_sigma()?,
        latents: LatentAverages::Gaussian { kl: total, estimate },
    };
    let found = GaussianEvaluation { kl_per_latent, active_units: active as u32, mean_covariance };
    Ok(Evaluation { averages, latents: LatentEvaluation::Gaussian(found) })
}

fn evaluate_vq_vae(model: &Model, vq_vae: &VqVae, objective: &Objective, on: &Measurement<'_>) -> Result<Evaluation> {
    let entries = vq_vae.codebook().to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let (mut energy, mut distance, mut counts) = (0.0, 0.0, vec![0u64; entries.len()]);
    for_each_pass(model, objective, on, |pass, _| {
        energy += sum(&pass.energy)?;
        if let Latents::Codes(latents) = &pass.latents {
            distance += sum(&latents.commitment)?;
            latents.codes.iter().for_each(|&code| counts[code as usize] += 1);
        }
        Ok(())
    })?;
    let n = on.images.len() as f64;
    let averages = Averages {
        energy: energy / n,
        log_sigma: model.log_sigma()?,
        latents: LatentAverages::Codes { distance: distance / n },
    };
    let length = |entry: &Vec<f64>| entry.iter().map(|e| e * e).sum::<f64>().sqrt();
    let found = CodeEvaluation { uses: CodeUse { counts }, lengths: entries.iter().map(length).collect() };
    Ok(Evaluation { averages, latents: LatentEvaluation::Codes(found) })
}

/// Calls `take` with the pass of every batch, in the images' order, and the number of its images.
fn for_each_pass(
    model: &Model,
    objective: &Objective,
    on: &Measurement<'_>,
    mut take: impl FnMut(&Pass, usize) -> Result<()>,
) -> Result<()> {
    let all: Vec<u32> = (0..on.images.len() as u32).collect();
    for indices in all.chunks(on.batch.max(1)) {
        take(&model.pass(&batch(model, on, indices)?, &objective.recon)?, indices.len())?;
    }
    Ok(())
}

/// The pixels of the images numbered `indices`, and noise of which every image has a stream of its own.
fn batch(model: &Model, on: &Measurement<'_>, indices: &[u32]) -> Result<Batch> {
    let (backend, noise_dim) = (model.backend(), model.noise_dim());
    let x = on.draw.batch(on.images, indices, backend.dtype(), backend.device())?;
    let mut noise = vec![0f32; indices.len() * noise_dim];
    for (row, &index) in noise.chunks_exact_mut(noise_dim.max(1)).zip(indices) {
        Stream::new(on.seed, Purpose::EvalNoise, on.epoch, u64::from(index)).fill_normal(row);
    }
    let noise = Tensor::from_vec(noise, (indices.len(), noise_dim), &Device::Cpu)?;
    Ok(Batch { x, noise: noise.to_dtype(backend.dtype())?.to_device(backend.device())? })
}

/// Sums over images, in their order.
struct Sums {
    energy: f64,
    estimate: f64,
    /// K of every latent.
    kl: Vec<f64>,
    /// Posterior means, and their products two by two.
    means: Vec<f64>,
    products: Vec<f64>,
}

impl Sums {
    fn new(latents: usize) -> Self {
        let (kl, means, products) = (vec![0.0; latents], vec![0.0; latents], vec![0.0; latents * latents]);
        Sums { energy: 0.0, estimate: 0.0, kl, means, products }
    }

    fn add(&mut self, latents: &GaussianLatents) -> Result<()> {
        for row in latents.kl.to_dtype(DType::F64)?.to_vec2::<f64>()? {
            row.iter().zip(&mut self.kl).for_each(|(value, sum)| *sum += value);
        }
        for row in latents.posterior.mean.to_dtype(DType::F64)?.to_vec2::<f64>()? {
            row.iter().zip(&mut self.means).for_each(|(value, sum)| *sum += value);
            for (a, products) in row.iter().zip(self.products.chunks_exact_mut(row.len())) {
                row.iter().zip(products).for_each(|(b, product)| *product += a * b);
            }
        }
        Ok(())
    }

    /// K of every latent, and the covariance of the posterior means.
    fn averages(&self, n: f64) -> (Vec<f64>, Vec<f64>) {
        let latents = self.kl.len();
        let mean = |i: usize| self.means[i] / n;
        let covariance = |i: usize| self.products[i] / n - mean(i / latents) * mean(i % latents);
        (self.kl.iter().map(|sum| sum / n).collect(), (0..latents * latents).map(covariance).collect())
    }
}
