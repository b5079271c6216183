//! K, the divergence of the approximate posterior from the prior.

use candle_core::{D, Result, Tensor};

use crate::model::Posterior;

/// K of every image, `[batch]`: KL(N(mean, exp(logvar)) || N(0, 1)) summed over latents, in nats, never negative.
///
/// Kingma & Welling 2014, appendix B: 1/2 * sum_j (mean_j^2 + sigma_j^2 - 1 - log sigma_j^2).
pub fn kl(posterior: &Posterior) -> Result<Tensor> {
    let Posterior { mean, logvar } = posterior;
    let per_latent = ((mean.sqr()? + logvar.exp()?)? - logvar.affine(1.0, 1.0)?)?;
    per_latent.sum(D::Minus1)? * 0.5
}
