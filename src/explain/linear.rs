//! The optimum of a linear VAE under a Gaussian likelihood: probabilistic PCA (Tipping & Bishop 1999; Lucas et al. 2019,
//! "Don't blame the ELBO!").

/// beta * sigma^2: fixed, or growing with the squared error that it is fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// A number.
    Fixed(f64),
    /// This many times S, the squared error of an image.
    PerSquaredError(f64),
}

/// Where a linear VAE ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// s = beta * sigma^2: directions of a smaller variance are dropped.
    pub threshold: f64,
    /// Directions kept.
    pub kept: usize,
    /// S = sum of the dropped eigenvalues + kept * s.
    pub recon: f64,
    /// K = sum over the kept of 1/2 ln(lambda / s), in nats.
    pub kl: f64,
}

/// Eigenvalues below this part of the largest are rounding noise of directions without variance.
const NOISE: f64 = 1e-10;

/// The optimum for a covariance with these `eigenvalues` (descending) and at most `latents` directions. None where sigma is
/// fitted and the latents can take up every direction that varies: the error, and sigma with it, then has no least value
/// but 0.
pub fn predict(eigenvalues: &[f64], latents: usize, scale: Scale) -> Option<Prediction> {
    let noise = eigenvalues.first().copied().unwrap_or(0.0) * NOISE;
    let varying = eigenvalues.partition_point(|&lambda| lambda > noise);
    let eigenvalues = &eigenvalues[..varying];
    let threshold = match scale {
        Scale::Fixed(s) => s,
        Scale::PerSquaredError(share) => fitted(eigenvalues, latents, share)?,
    };
    let kept = eigenvalues.iter().take(latents).filter(|&&lambda| lambda > threshold).count();
    let (above, below) = eigenvalues.split_at(kept);
    Some(Prediction {
        threshold,
        kept,
        recon: below.iter().sum::<f64>() + kept as f64 * threshold,
        // From +0: the sum of nothing is -0 in IEEE arithmetic.
        kl: above.iter().fold(0.0, |sum, lambda| sum + 0.5 * (lambda / threshold).ln()),
    })
}

/// The s with s = share * S(s): the largest number of kept directions that is consistent with itself.
fn fitted(eigenvalues: &[f64], latents: usize, share: f64) -> Option<f64> {
    let most = latents.min(eigenvalues.len());
    let mut dropped: f64 = eigenvalues[most..].iter().sum();
    for kept in (0..=most).rev() {
        // S = dropped + kept * s and s = share * S.
        let rest = 1.0 - share * kept as f64;
        if rest > 0.0 {
            if kept == eigenvalues.len() {
                return None;
            }
            let s = share * dropped / rest;
            if kept == 0 || eigenvalues[kept - 1] > s {
                return Some(s);
            }
        }
        if kept > 0 {
            dropped += eigenvalues[kept - 1];
        }
    }
    Some(share * dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_scale_keeps_what_exceeds_it() {
        let found = predict(&[4.0, 2.0, 1.0, 0.5], 3, Scale::Fixed(1.5)).unwrap();
        // S = 1 + 0.5 + 2 * 1.5; K = 1/2 (ln(4/1.5) + ln(2/1.5)).
        assert_eq!(found.kept, 2);
        assert!((found.recon - 4.5).abs() < 1e-12);
        assert!((found.kl - 0.5 * ((4.0f64 / 1.5).ln() + (2.0f64 / 1.5).ln())).abs() < 1e-12);
        assert_eq!(predict(&[4.0, 2.0], 1, Scale::Fixed(5.0)).unwrap().kept, 0);
        assert_eq!(predict(&[4.0, 2.0], 1, Scale::Fixed(1.0)).unwrap().kept, 1, "no more than there are latents");
    }

    #[test]
    fn a_fitted_scale_is_the_maximum_likelihood_of_probabilistic_pca() {
        // sigma^2 = the mean of the dropped eigenvalues (Tipping & Bishop 1999, equation 8): (1 + 0.5 + 0.3) / 3.
        let found = predict(&[4.0, 2.0, 1.0, 0.5, 0.3], 2, Scale::PerSquaredError(1.0 / 5.0)).unwrap();
        assert!((found.threshold - 0.6).abs() < 1e-12, "{found:?}");
        assert_eq!(found.kept, 2);
    }

    #[test]
    fn the_bare_logarithm_collapses() {
        // s = S/2: of a total variance of 7.8 that is 3.9, and a kept direction would need twice as much.
        let found = predict(&[3.0, 2.0, 1.5, 1.0, 0.3], 2, Scale::PerSquaredError(0.5)).unwrap();
        assert_eq!(found.kept, 0);
        assert!((found.recon - 7.8).abs() < 1e-12);
    }

    #[test]
    fn rounding_noise_is_no_prediction() {
        // Three directions vary; what stands behind them is noise of either sign, as a solver leaves it.
        let noisy = [3.0, 2.0, 1.0, 4e-16, -1e-17, -3e-16];
        for latents in [3, 4, 6] {
            // Under one unit of beta a fitted sigma goes to 0 once every direction that varies can be kept.
            assert_eq!(predict(&noisy, latents, Scale::PerSquaredError(1.0 / 6.0)), None, "{latents} latents");
            // Where keeping them all contradicts itself (share * kept > 1), the collapsed solution is the same at any number.
            let found = predict(&noisy, latents, Scale::PerSquaredError(0.9)).unwrap();
            assert_eq!((found.kept, found.threshold), (0, 0.9 * 6.0), "{latents} latents");
        }
        assert_eq!(predict(&noisy, 6, Scale::Fixed(0.5)).unwrap().kept, 3);
    }
}
