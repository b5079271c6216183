//! The importance-weighted estimate against closed forms.

use candle_core::{Device, Tensor};
use vae_bench::data::{Binarize, Images, PixelDraw, PixelRange, Pixels};
use vae_bench::engine::Backend;
use vae_bench::evaluate::Measurement;
use vae_bench::importance::importance_weighted_nll;
use vae_bench::model::{Activation, Architecture, Init, LatentShape, LogSigma, Model, Start, Vae};
use vae_bench::objective::{LogMseScale, Objective, ReconLoss};
use vae_bench::pass::Sampling;
use vae_bench::rng::Purpose;

const PIXELS: usize = 4;
const SIGMA2: f64 = 0.05;
/// Orthogonal columns, so that the exact posterior has a diagonal covariance.
const W: [[f64; 2]; PIXELS] = [[0.5, 0.1], [0.5, -0.1], [-0.2, 0.3], [0.2, 0.3]];
const B: [f64; PIXELS] = [0.4, 0.5, 0.6, 0.3];

fn images() -> Images {
    let bytes = (0..12 * PIXELS).map(|i| (i * 37 % 256) as u8).collect();
    Images::new(bytes, vec![0; 12], 2, 2).unwrap()
}

fn objective(loss: ReconLoss) -> Objective {
    Objective::neg_elbo_of(loss, PIXELS, 2)
}

fn linear(sampling: Sampling) -> Model {
    let architecture = Architecture {
        pixels: PIXELS,
        hidden: vec![],
        latents: LatentShape::Gaussian { latent_dim: 2, sampling },
        activation: Activation::Relu,
        log_sigma: LogSigma::Absent,
    };
    let start = Start { init: Init::Glorot, seed: 4, output_bias: None };
    Model::Vae(Vae::new(&architecture, &start, &Backend::FUSED).unwrap())
}

fn set(model: &Model, name: &str, values: &[f64]) {
    let (_, parameter) = model.parameters().iter().find(|(n, _)| n == name).unwrap();
    let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    parameter.set(&Tensor::from_vec(values, parameter.shape().clone(), &Device::Cpu).unwrap()).unwrap();
}

/// x = W z + B + noise, with q(z|x) the exact posterior: probabilistic PCA (Tipping & Bishop 1999, equation 7),
/// q = N(M^-1 W^T (x - B), sigma^2 M^-1) with M = W^T W + sigma^2 I. With `spread`, q is that much wider.
fn pca(spread: f64) -> Model {
    let model = linear(Sampling::Standard);
    set(&model, "decoder.0.weight", &W.concat());
    set(&model, "decoder.0.bias", &B);
    let m = [0, 1].map(|j| W.iter().map(|row| row[j] * row[j]).sum::<f64>() + SIGMA2);
    let mean: Vec<f64> = (0..2).flat_map(|j| (0..PIXELS).map(move |i| W[i][j] / m[j])).collect();
    set(&model, "mean.weight", &mean);
    set(&model, "mean.bias", &[0, 1].map(|j| -(0..PIXELS).map(|i| W[i][j] / m[j] * B[i]).sum::<f64>()));
    set(&model, "logvar.weight", &[0.0; 2 * PIXELS]);
    set(&model, "logvar.bias", &[0, 1].map(|j| (SIGMA2 / m[j] * spread).ln()));
    model
}

/// -log N(x; B, W W^T + sigma^2 I), averaged over images: by its two directions of variance and the rest.
fn exact_nll(images: &Images) -> f64 {
    let norms = [0, 1].map(|j| W.iter().map(|row| row[j] * row[j]).sum::<f64>());
    let per_image = |i: usize| {
        let d: Vec<f64> = images.image(i).iter().zip(B).map(|(&x, b)| f64::from(x) / 255.0 - b).collect();
        let along = [0, 1].map(|j| (0..PIXELS).map(|p| W[p][j] * d[p]).sum::<f64>().powi(2) / norms[j]);
        let rest = d.iter().map(|d| d * d).sum::<f64>() - along[0] - along[1];
        let log_det: f64 = norms.iter().map(|n| (n + SIGMA2).ln()).sum::<f64>() + 2.0 * SIGMA2.ln();
        let mahalanobis = along[0] / (norms[0] + SIGMA2) + along[1] / (norms[1] + SIGMA2) + rest / SIGMA2;
        0.5 * (4.0 * (2.0 * std::f64::consts::PI).ln() + log_det + mahalanobis)
    };
    (0..images.len()).map(per_image).sum::<f64>() / images.len() as f64
}

fn estimate(model: &Model, loss: ReconLoss, samples: u32, batch: usize) -> Option<f64> {
    let images = images();
    let pixels = Pixels { binarize: Binarize::None, range: PixelRange::Unit };
    let draw = PixelDraw { pixels, seed: 1, purpose: Purpose::BinarizeTest, epoch: 0 };
    let on = Measurement { images: &images, draw, seed: 1, epoch: 0, batch };
    importance_weighted_nll(model, &objective(loss), &on, samples, &|_| {}).unwrap().map(|found| found.nll)
}

const GAUSSIAN: ReconLoss = ReconLoss::Gaussian { sigma2: SIGMA2 };

#[test]
fn with_the_exact_posterior_one_sample_gives_the_exact_likelihood() {
    let exact = exact_nll(&images());
    for samples in [1, 5] {
        let found = estimate(&pca(1.0), GAUSSIAN, samples, 5).unwrap();
        assert!((found - exact).abs() < 1e-4, "{samples}: {found} is not {exact}");
    }
}

#[test]
fn with_a_wrong_posterior_more_samples_come_nearer_from_above() {
    let exact = exact_nll(&images());
    let gaps = [1, 10, 2000].map(|samples| estimate(&pca(3.0), GAUSSIAN, samples, 12).unwrap() - exact);
    // KL(q||p(z|x)) of the wider q: (3 - 1 - ln 3) / 2 for each of two latents.
    let elbo_gap = 2.0 - 3f64.ln();
    assert!((gaps[0] - elbo_gap).abs() < 0.8, "{gaps:?} {elbo_gap}");
    assert!(gaps[0] > gaps[1] && gaps[1] > gaps[2] && gaps[2].abs() < 0.02, "{gaps:?}");
}

#[test]
fn the_estimate_does_not_depend_on_the_batch() {
    let at = |batch| estimate(&pca(2.0), GAUSSIAN, 7, batch).unwrap();
    assert!((at(12) - at(5)).abs() < 1e-9 && (at(12) - at(1)).abs() < 1e-6);
}

#[test]
fn what_has_no_likelihood_or_another_noise_has_no_estimate() {
    for loss in [ReconLoss::Mse, ReconLoss::LogMse { scale: LogMseScale::Bare }, ReconLoss::GaussianOptimal] {
        assert_eq!(estimate(&pca(1.0), loss, 3, 12), None);
    }
    assert_eq!(estimate(&linear(Sampling::Keras201605), GAUSSIAN, 3, 12), None);
}
