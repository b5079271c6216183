//! The importance-weighted bound: how far below -ELBO the negative log-likelihood lies.

use candle_core::{DType, Device, Result, Tensor};
use kernels::dispatch::Isa;
use kernels::latent::{self, Noise};
use rayon::prelude::*;

use crate::engine::decoder::FusedDecoder;
use crate::evaluate::Measurement;
use crate::model::{Model, Vae};
use crate::objective::{Objective, ReconTerm};
use crate::pass::Sampling;
use crate::rng::{Purpose, Stream};

/// Samples that are decoded at a time: their output layer takes 1.6 MB at 784 pixels and stays in the second-level
/// cache, and the decoder's weights are packed once for all of them. What is estimated does not depend on it.
const ROWS: usize = 512;

/// Groups of samples for the standard error over noise, where there are so many samples.
const GROUPS: usize = 16;

/// An estimate of -log p(x), averaged over images, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImportanceEstimate {
    /// The importance-weighted bound: in expectation an upper bound of -log p(x).
    pub nll: f64,
    /// Its standard error over images: the standard deviation of the images' estimates over the square root of their
    /// number. It says how another set of test images could differ. None for one image.
    pub se_images: Option<f64>,
    /// Its standard error over the noise of z, by a delete-a-group jackknife of every image's log-mean-exp (see
    /// [`importance_weighted_nll`]). It says how another seed could differ. None for one sample.
    pub se_noise: Option<f64>,
}

/// -log 1/k sum_j p(x, z_j) / q(z_j|x) with k = `samples` draws of z from q(z|x), in nats, averaged over images: -ELBO's
/// estimate at k = 1, and in expectation an upper bound of -log p(x) that falls with k (Burda, Grosse & Salakhutdinov
/// 2016, equation 8 and theorem 1).
///
/// The standard error over noise is that of the delete-a-group jackknife: the samples of an image are dealt to at most
/// sixteen groups, the estimate is repeated without each group, and the variance is that of the pseudo-values, groups of
/// unequal size weighed as by Busing, Meijer & van der Leeden (1999, "Delete-m jackknife for unequal m", equation 8).
/// The noise of one image is independent of that of another, so variances add up.
///
/// None where there is no p(x|z) to weigh with (`mse`, `log-mse`; `gaussian-optimal`, whose sigma depends on the images
/// of the batch), or where z is not drawn from q(z|x) (`keras-2016-05`, and a VQ-VAE,
/// whose posterior is one-hot: all samples are the same, and the estimate would be R + N ln K itself).
///
/// An image is encoded once, and its samples are decoded many at a time. Every image has a noise stream of its own, and
/// its samples are added in their order, so the result does not depend on batches or threads. `progress` is called with
/// the number of samples done since it was called last, from any thread.
///
/// # Errors
/// Where a tensor cannot be made.
pub fn importance_weighted_nll(
    model: &Model,
    objective: &Objective,
    on: &Measurement<'_>,
    samples: u32,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Option<ImportanceEstimate>> {
    let Model::Vae(vae) = model else { return Ok(None) };
    if !objective.recon.loss.weighs_each_image() || vae.sampling() != Sampling::Standard || samples == 0 {
        return Ok(None);
    }
    let estimator = Estimator {
        vae,
        recon: &objective.recon,
        log_sigma: vae.log_sigma()?,
        fused: vae.fused_decoder(&objective.recon)?,
        samples: samples as usize,
        on,
    };
    let images_at_once = (ROWS / estimator.samples).max(1);
    let all: Vec<u32> = (0..on.images.len() as u32).collect();
    let mut found: Vec<ImageEstimate> = Vec::with_capacity(all.len());
    for indices in all.chunks(on.batch.max(1)) {
        let x = on.draw.batch(on.images, indices, vae.backend().dtype(), vae.backend().device())?;
        let posterior = vae.encode(&x)?;
        let (x, mean, logvar) = (floats(&x)?, floats(&posterior.mean)?, floats(&posterior.logvar)?);
        let (pixels, latents) = (x.len() / indices.len(), vae.latent_dim());
        let parts: Vec<_> = indices
            .chunks(images_at_once)
            .zip(x.chunks(images_at_once * pixels.max(1)))
            .zip(mean.chunks(images_at_once * latents).zip(logvar.chunks(images_at_once * latents)))
            .map(|((indices, x), (mean, logvar))| Part { indices, x, mean, logvar })
            .collect();
        let estimates = parts.into_par_iter().with_max_len(1).map(|part| estimator.estimate(&part, progress));
        for estimates in estimates.collect::<Result<Vec<_>>>()? {
            found.extend(estimates);
        }
    }
    Ok(Some(average(&found)))
}

/// The mean over images, and its standard errors.
fn average(found: &[ImageEstimate]) -> ImportanceEstimate {
    let n = found.len() as f64;
    let nll = found.iter().map(|image| image.nll).sum::<f64>() / n;
    let squares = found.iter().map(|image| (image.nll - nll).powi(2)).sum::<f64>();
    let variances = found.iter().map(|image| image.noise_variance).sum::<Option<f64>>();
    ImportanceEstimate {
        nll,
        se_images: (found.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt()),
        se_noise: variances.map(|sum| sum.sqrt() / n),
    }
}

/// What is the same for all images.
struct Estimator<'a> {
    vae: &'a Vae,
    recon: &'a ReconTerm,
    log_sigma: Option<f64>,
    /// None where no kernel computes this loss.
    fused: Option<FusedDecoder>,
    samples: usize,
    on: &'a Measurement<'a>,
}

/// Some images: their numbers, pixels `[images, pixels]`, and posterior, `[images, latents]` each.
struct Part<'a> {
    indices: &'a [u32],
    x: &'a [f32],
    mean: &'a [f32],
    logvar: &'a [f32],
}

/// The estimate of one image.
#[derive(Clone, Copy)]
struct ImageEstimate {
    nll: f64,
    /// None for one sample.
    noise_variance: Option<f64>,
}

impl Estimator<'_> {
    fn estimate(&self, part: &Part, progress: &(dyn Fn(u64) + Sync)) -> Result<Vec<ImageEstimate>> {
        let images = part.indices.len();
        let open = |&index: &u32| Stream::new(self.on.seed, Purpose::ImportanceNoise, self.on.epoch, u64::from(index));
        let mut streams: Vec<_> = part.indices.iter().map(open).collect();
        let mut weights = vec![Weights::new(self.samples); images];
        let at_once = self.samples.min((ROWS / images).max(1));
        for first in (0..self.samples).step_by(at_once) {
            let samples = at_once.min(self.samples - first);
            let draws = Draws::new(part, &mut streams, samples);
            let energies = self.energies(part, &draws, samples)?;
            for ((energies, costs), weights) in
                energies.chunks_exact(samples).zip(draws.log_ratios.chunks_exact(samples)).zip(&mut weights)
            {
                for ((&energy, log_ratio), sample) in energies.iter().zip(costs).zip(first..) {
                    let recon_nll = self.recon.recon(&f64::from(energy), self.log_sigma.as_ref())?;
                    weights.add(sample, -(recon_nll + log_ratio));
                }
            }
            progress((images * samples) as u64);
        }
        Ok(weights.iter().map(|weights| weights.estimate(self.samples)).collect())
    }

    /// The energy of every draw, image after image.
    fn energies(&self, part: &Part, draws: &Draws, samples: usize) -> Result<Vec<f32>> {
        let images = part.indices.len();
        if let Some(decoder) = &self.fused {
            return Ok(decoder.energies(&draws.z, part.x, images));
        }
        let (dtype, device) = (self.vae.backend().dtype(), self.vae.backend().device());
        let to_backend = |tensor: Tensor| tensor.to_dtype(dtype)?.to_device(device);
        let (rows, pixels) = (images * samples, part.x.len() / images);
        let z = to_backend(Tensor::from_slice(&draws.z, (rows, self.vae.latent_dim()), &Device::Cpu)?)?;
        let x = to_backend(Tensor::from_slice(part.x, (images, 1, pixels), &Device::Cpu)?)?;
        let x = x.broadcast_as((images, samples, pixels))?.reshape((rows, pixels))?;
        floats(&crate::pass::DecoderLoss::per_image(self.recon, &self.vae.decode(&z)?, &x)?)
    }
}

/// Samples of z, image after image.
struct Draws {
    /// `[images * samples, latents]`
    z: Vec<f32>,
    /// log q(z|x) - log p(z), `[images * samples]`
    log_ratios: Vec<f64>,
}

impl Draws {
    fn new(part: &Part, streams: &mut [Stream], samples: usize) -> Self {
        let latents = part.mean.len() / part.indices.len();
        let repeated =
            |rows: &[f32]| rows.chunks_exact(latents).flat_map(|row| row.repeat(samples)).collect::<Vec<_>>();
        let (mean, logvar) = (repeated(part.mean), repeated(part.logvar));
        let mut noise = vec![0f32; mean.len()];
        noise.chunks_exact_mut(samples * latents).zip(streams).for_each(|(rows, stream)| stream.fill_normal(rows));
        let (mut z, mut kl) = (vec![0f32; mean.len()], vec![0f32; mean.len()]);
        latent::sample(Isa::best(), Noise::STANDARD, &mean, &logvar, &noise, &mut z, &mut kl);
        // log N(z; mean, sigma^2) - log N(z; 0, 1) with z = mean + sigma * noise: the log(2 pi) of both cancel.
        let log_ratio = |((z, noise), logvar): ((&[f32], &[f32]), &[f32])| {
            let terms = z.iter().zip(noise).zip(logvar);
            0.5 * terms
                .map(|((&z, &noise), &logvar)| f64::from(z).powi(2) - f64::from(noise).powi(2) - f64::from(logvar))
                .sum::<f64>()
        };
        let rows = z.chunks_exact(latents).zip(noise.chunks_exact(latents)).zip(logvar.chunks_exact(latents));
        let log_ratios = rows.map(log_ratio).collect();
        Draws { z, log_ratios }
    }
}

/// The weights p(x, z) / q(z|x) of an image's samples, added up group by group.
#[derive(Clone)]
struct Weights {
    all: LogSumExp,
    groups: Vec<LogSumExp>,
}

impl Weights {
    fn new(samples: usize) -> Self {
        Weights { all: LogSumExp::default(), groups: vec![LogSumExp::default(); samples.min(GROUPS)] }
    }

    /// Adds the logarithm of the weight of sample number `sample`.
    fn add(&mut self, sample: usize, log_weight: f64) {
        self.all.add(log_weight);
        let group = sample % self.groups.len();
        self.groups[group].add(log_weight);
    }

    fn estimate(&self, samples: usize) -> ImageEstimate {
        let k = samples as f64;
        let nll = k.ln() - self.all.value();
        let count = self.groups.len();
        if count < 2 {
            return ImageEstimate { nll, noise_variance: None };
        }
        // Of every group: h = k / m, its own m samples left out, and the pseudo-value h * all - (h - 1) * without.
        let pseudo: Vec<(f64, f64)> = (0..count)
            .map(|group| {
                let own = ((samples - group).div_ceil(count)) as f64;
                let mut without = LogSumExp::default();
                let others = self.groups.iter().enumerate().filter(|&(other, _)| other != group);
                others.for_each(|(_, sum)| without.merge(*sum));
                let h = k / own;
                (h, h * nll - (h - 1.0) * ((k - own).ln() - without.value()))
            })
            .collect();
        let jackknife = pseudo.iter().map(|(h, value)| value / h).sum::<f64>();
        let variance = pseudo.iter().map(|(h, value)| (value - jackknife).powi(2) / (h - 1.0)).sum::<f64>();
        ImageEstimate { nll, noise_variance: Some(variance / count as f64) }
    }
}

/// log(sum of e^x), never overflowing: the sum is kept in units of its largest term.
#[derive(Clone, Copy)]
struct LogSumExp {
    largest: f64,
    sum: f64,
}

impl Default for LogSumExp {
    fn default() -> Self {
        LogSumExp { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSumExp {
    fn add(&mut self, x: f64) {
        self.merge(LogSumExp { largest: x, sum: 1.0 });
    }

    fn merge(&mut self, other: LogSumExp) {
        if other.largest > self.largest {
            self.sum = self.sum * (self.largest - other.largest).exp() + other.sum;
            self.largest = other.largest;
        } else {
            self.sum += other.sum * (other.largest - self.largest).exp();
        }
    }

    fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }
}

fn floats(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jackknife_of_single_samples_is_the_plain_one() {
        // Efron & Tibshirani 1993, equation 11.5: ((k-1)/k * sum (theta_(j) - mean of theta_())^2), on 5 weights.
        let logs = [0.3, -1.2, 0.9, 0.1, -0.4f64];
        let mut weights = Weights::new(5);
        logs.iter().enumerate().for_each(|(i, &log)| weights.add(i, log));
        let nll = |skip: usize| {
            let kept: Vec<f64> = logs.iter().enumerate().filter(|&(i, _)| i != skip).map(|(_, l)| l.exp()).collect();
            -(kept.iter().sum::<f64>() / kept.len() as f64).ln()
        };
        let without: Vec<f64> = (0..5).map(nll).collect();
        let mean = without.iter().sum::<f64>() / 5.0;
        let expected = 0.8 * without.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        let found = weights.estimate(5);
        assert!((found.noise_variance.unwrap() - expected).abs() < 1e-12, "{:?} {expected}", found.noise_variance);
        assert!((found.nll - nll(9)).abs() < 1e-12);
    }

    #[test]
    fn the_error_over_noise_is_the_spread_of_repeated_estimates() {
        // 200 estimates from 50 log-normal weights each: their standard deviation and the mean of the jackknife's
        // variances agree to the sampling error of either, 5% and 1.3%.
        let mut stream = Stream::new(1, Purpose::ImportanceNoise, 0, 0);
        let estimates: Vec<ImageEstimate> = (0..200)
            .map(|_| {
                let mut weights = Weights::new(50);
                let mut noise = [0f32; 50];
                stream.fill_normal(&mut noise);
                noise.iter().enumerate().for_each(|(i, &v)| weights.add(i, 0.5 * f64::from(v)));
                weights.estimate(50)
            })
            .collect();
        let mean = estimates.iter().map(|e| e.nll).sum::<f64>() / 200.0;
        let spread = (estimates.iter().map(|e| (e.nll - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        let jackknife = (estimates.iter().map(|e| e.noise_variance.unwrap()).sum::<f64>() / 200.0).sqrt();
        assert!((spread / jackknife - 1.0).abs() < 0.16, "{spread} {jackknife}");
    }
}
