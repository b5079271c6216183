//! Masses of grey pixels: a logistic or Gaussian density, integrated over the bin of each of the 256 grey levels.
//!
//! P(k) = F((x + 1/510 - mean) / scale) - F((x - 1/510 - mean) / scale) with x = k/255 and F the distribution function; the
//! bins of levels 0 and 255 are open towards the ends, so that the 256 masses sum to 1 (Kingma et al. 2016, appendix; Salimans
//! et al. 2017, section 2.1). Unlike a density, the NLL is never below 0.

use std::f64::consts::{LN_2, PI, SQRT_2};

use candle_core::{D, DType, Result, Tensor};
use rayon::prelude::*;

use super::output::OutputMap;

/// The distribution whose mass is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins {
    /// F(t) = 1 / (1 + exp(-t)).
    Logistic,
    /// F(t) = 1/2 erfc(-t / sqrt(2)).
    Gaussian,
}

/// Half the width of a bin of pixels in [0, 1].
const HALF: f64 = 0.5 / 255.0;

impl Bins {
    /// -log P of the grey level `x` (a multiple of 1/255) in nats under this `mean` and `scale`, and its derivative in the mean.
    pub fn nll(self, x: f64, mean: f64, scale: f64) -> (f64, f64) {
        // The ends of the bin, where it has them, in units of the scale.
        let lower = (x > HALF).then_some((x - HALF - mean) / scale);
        let upper = (x < 1.0 - HALF).then_some((x + HALF - mean) / scale);
        let (value, slope) = match self {
            Bins::Logistic => logistic(lower, upper),
            Bins::Gaussian => gaussian(lower, upper),
        };
        // Both ends move by -1/scale with the mean.
        (value, -slope / scale)
    }

    /// The sum of -log P over the pixels of every image, `[batch]`, for the decoder's last layer `output` and the pixels `x` in
    /// [0, 1], both `[batch, pixels]`. Each pixel is computed in f64.
    ///
    /// # Errors
    /// Where shapes differ or a tensor cannot be read.
    pub fn per_image(self, output: &Tensor, x: &Tensor, map: OutputMap, scale: f64) -> Result<Tensor> {
        let mean = map.mean(output)?;
        let numbers = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let (means, pixels) = (numbers(&mean)?, numbers(x)?);
        if means.len() != pixels.len() {
            candle_core::bail!("{} means for {} pixels", means.len(), pixels.len())
        }
        let (values, slopes): (Vec<f64>, Vec<f64>) =
            means.par_iter().zip(&pixels).map(|(&mean, &x)| self.nll(x, mean, scale)).unzip();
        let tensor = |all: Vec<f64>| Tensor::from_vec(all, x.shape(), x.device())?.to_dtype(mean.dtype());
        // The value at these means, and a line through it with the right slope: what Candle differentiates.
        let line = ((&mean - mean.detach())? * tensor(slopes)?)?;
        (line + tensor(values)?)?.sum(D::Minus1)
    }
}

/// log(1 + exp(t)).
fn softplus(t: f64) -> f64 {
    t.max(0.0) + (-t.abs()).exp().ln_1p()
}

fn sigmoid(t: f64) -> f64 {
    if t >= 0.0 { 1.0 / (1.0 + (-t).exp()) } else { t.exp() / (1.0 + t.exp()) }
}

/// -log of the mass between the ends, and its derivative as both ends move together. With both ends the mass is
/// sigmoid(upper) * sigmoid(-lower) * (1 - exp(lower - upper)), so that no difference is taken.
fn logistic(lower: Option<f64>, upper: Option<f64>) -> (f64, f64) {
    let below = upper.map_or((0.0, 0.0), |t| (softplus(-t), -sigmoid(-t)));
    let above = lower.map_or((0.0, 0.0), |t| (softplus(t), sigmoid(t)));
    let width = match (lower, upper) {
        (Some(lower), Some(upper)) => -(-(lower - upper).exp_m1()).ln(),
        (Some(_), None) | (None, Some(_)) | (None, None) => 0.0,
    };
    (below.0 + above.0 + width, below.1 + above.1)
}

/// The same for a Gaussian.
fn gaussian(lower: Option<f64>, upper: Option<f64>) -> (f64, f64) {
    match (lower, upper) {
        (None, None) => (0.0, 0.0),
        (None, Some(upper)) => {
            let log_mass = log_tail(-upper);
            (-log_mass, -(log_density(upper) - log_mass).exp())
        }
        (Some(lower), None) => {
            let log_mass = log_tail(lower);
            (-log_mass, (log_density(lower) - log_mass).exp())
        }
        (Some(lower), Some(upper)) => {
            let (centre, half) = (0.5 * (lower + upper), 0.5 * (upper - lower));
            if half <= 1.0 && centre.abs() * half <= 1.0 {
                return narrow_bin(centre, half);
            }
            // Mirrored so that the bin lies in the upper tail, where the tail beyond its far end is the smaller.
            let is_mirrored = lower + upper < 0.0;
            let (near, far) = if is_mirrored { (-upper, -lower) } else { (lower, upper) };
            let (log_near, log_far) = (log_tail(near), log_tail(far));
            let log_mass = log_near + (-(log_far - log_near).exp_m1()).ln();
            let slope = (log_density(near) - log_mass).exp() - (log_density(far) - log_mass).exp();
            (-log_mass, if is_mirrored { -slope } else { slope })
        }
    }
}

/// The same for a bin around `centre` in which the density changes little, where the difference of two tails would cancel: the
/// mass is density(centre) * half * the integral of exp(-centre*half*u - (half*u)^2 / 2) over u from -1 to 1, by
/// Gauss-Legendre quadrature with eight nodes, to about 1e-14.
fn narrow_bin(centre: f64, half: f64) -> (f64, f64) {
    const NODES: [(f64, f64); 4] = [
        (0.183_434_642_495_649_8, 0.362_683_783_378_362),
        (0.525_532_409_916_329, 0.313_706_645_877_887_3),
        (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
        (0.960_289_856_497_536_3, 0.101_228_536_290_376_3),
    ];
    let (mut integral, mut first_moment) = (0.0, 0.0);
    for (node, weight) in NODES.into_iter().flat_map(|(node, weight)| [(node, weight), (-node, weight)]) {
        let u = half * node;
        let part = weight * (-centre * u - 0.5 * u * u).exp();
        integral += part;
        first_moment += part * u;
    }
    (-log_density(centre) - (half * integral).ln(), centre + first_moment / integral)
}

/// log of the standard normal density.
fn log_density(t: f64) -> f64 {
    -0.5 * t * t - 0.5 * (2.0 * PI).ln()
}

/// log of the standard normal's mass above `t`: log(1/2 erfc(t / sqrt(2))).
fn log_tail(t: f64) -> f64 {
    if t < 0.0 { (-log_tail(-t).exp()).ln_1p() } else { log_erfc(t / SQRT_2) - LN_2 }
}

/// log erfc(z) for z >= 0, to about 1e-12.
fn log_erfc(z: f64) -> f64 {
    /// From here on the continued fraction has converged after [`TERMS`].
    const FAR: f64 = 2.0;
    const TERMS: u32 = 80;
    if z < FAR {
        // erf z = 2/sqrt(pi) exp(-z^2) sum_n 2^n z^(2n+1) / (2n+1)!! (Abramowitz & Stegun 7.1.6), whose terms are positive.
        let (mut term, mut sum, mut n) = (z, z, 0.0);
        while term > 1e-17 * sum {
            n += 1.0;
            term *= 2.0 * z * z / (2.0 * n + 1.0);
            sum += term;
        }
        (-2.0 / PI.sqrt() * (-z * z).exp() * sum).ln_1p()
    } else {
        // erfc z = exp(-z^2)/sqrt(pi) / (z + (1/2)/(z + 1/(z + (3/2)/(z + ...)))) (Abramowitz & Stegun 7.1.14).
        let fraction = (1..=TERMS).rev().fold(z, |below, n| z + 0.5 * f64::from(n) / below);
        -z * z - 0.5 * PI.ln() - fraction.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_the_normal_has_its_tabulated_logarithms() {
        // scipy.stats.norm.logsf(t)
        for (t, expected) in [
            (-3.0, -0.001_350_809_964_748_192_5),
            (0.0, -LN_2),
            (1.0, -1.841_021_645_009_263_4),
            (2.8, -5.969_652_046_675_208),
            (2.9, -6.284_058_234_947_419),
            (5.0, -15.064_998_393_988_725),
            (20.0, -203.917_155_371_097_3),
            (100.0, -5_005.524_208_694_205),
        ] {
            let found = log_tail(t);
            assert!((found - expected).abs() < 1e-10 * expected.abs(), "{t}: {found} {expected}");
        }
    }

    #[test]
    fn the_masses_of_256_levels_sum_to_one_and_none_is_above_it() {
        for bins in [Bins::Logistic, Bins::Gaussian] {
            for scale in [1e-3, 0.05, 1.0, 30.0] {
                for mean in [-0.3, 0.0, 0.2, 0.5, 1.0, 1.4] {
                    let nll = |k: u32| bins.nll(f64::from(k) / 255.0, mean, scale).0;
                    let sum: f64 = (0..256).map(|k| (-nll(k)).exp()).sum();
                    assert!((sum - 1.0).abs() < 1e-9, "{bins:?} {scale} {mean}: {sum}");
                    assert!((0..256).all(|k| nll(k) >= 0.0), "{bins:?} {scale} {mean}");
                }
            }
        }
    }
}
