//! The importance-weighted bound: how far below -ELBO the negative log-likelihood lies.

use candle_core::{DType, Device, Result, Tensor};

use crate::evaluate::Measurement;
use crate::model::Model;
use crate::objective::Objective;
use crate::pass::{Batch, Latents, Sampling};
use crate::rng::{Purpose, Stream};

/// -log 1/K sum_k p(x, z_k) / q(z_k|x) with K = `samples`, in nats, averaged over images: -ELBO's estimate at K = 1, and
/// the closer to -log p(x) from above the larger K (Burda, Grosse & Salakhutdinov 2016, equation 8).
///
/// None where there is no p(x|z) to weigh with (`mse`, `log-mse`; `gaussian-optimal`, whose sigma depends on the images
/// beside), or where z is not drawn from q(z|x) (`keras-2016-05`).
///
/// Every image has a noise stream of its own, so the result does not depend on batches or threads.
///
/// # Errors
/// Where a tensor cannot be made.
pub fn importance_weighted_nll(
    model: &Model,
    objective: &Objective,
    on: &Measurement<'_>,
    samples: u32,
) -> Result<Option<f64>> {
    let Model::Vae(vae) = model;
    if !objective.recon.loss.weighs_each_image() || vae.sampling() != Sampling::Standard || samples == 0 {
        return Ok(None);
    }
    let latents = vae.latent_dim();
    let all: Vec<u32> = (0..on.images.len() as u32).collect();
    let mut total = 0.0;
    for indices in all.chunks(on.batch.max(1)) {
        let x = on.draw.batch(on.images, indices, DType::F32, &Device::Cpu)?;
        let mut streams: Vec<_> = indices
            .iter()
            .map(|&index| Stream::new(on.seed, Purpose::ImportanceNoise, on.epoch, u64::from(index)))
            .collect();
        let mut weights = vec![LogSumExp::default(); indices.len()];
        for _ in 0..samples {
            let mut noise = vec![0f32; indices.len() * latents];
            noise.chunks_exact_mut(latents).zip(&mut streams).for_each(|(row, stream)| stream.fill_normal(row));
            let noise = Tensor::from_vec(noise, (indices.len(), latents), &Device::Cpu)?;
            let pass = model.pass(&Batch { x: x.clone(), noise }, &objective.recon)?;
            let Latents::Gaussian(latents) = &pass.latents;
            let energy = pass.energy.to_dtype(DType::F64)?;
            let log_sigma = pass.log_sigma.as_ref().map(|p| p.to_dtype(DType::F64)).transpose()?;
            // -log p(x|z) + log q(z|x) - log p(z)
            let recon_nll = objective.recon.recon(&energy, log_sigma.as_ref())?;
            let cost = (recon_nll + latents.log_ratio()?.to_dtype(DType::F64)?)?.to_vec1::<f64>()?;
            weights.iter_mut().zip(cost).for_each(|(weight, cost)| weight.add(-cost));
        }
        total -= weights.iter().map(|weight| weight.value() - f64::from(samples).ln()).sum::<f64>();
    }
    Ok(Some(total / on.images.len() as f64))
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
        if x > self.largest {
            self.sum = self.sum * (self.largest - x).exp() + 1.0;
            self.largest = x;
        } else {
            self.sum += (x - self.largest).exp();
        }
    }

    fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }
}
