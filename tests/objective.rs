//! The mathematics of the objective against independent references in f64.

use candle_core::{DType, Device, Tensor, Var};
use vae_bench::model::{Activation, Architecture, Forward, Init, Posterior, Vae};
use vae_bench::objective::{Likelihood, Objective, Reduction, kl};
use vae_bench::rng::{Purpose, Stream};

const LIKELIHOODS: [Likelihood; 4] = [
    Likelihood::Bernoulli,
    Likelihood::SquaredError,
    Likelihood::Gaussian { sigma2: 1.0 },
    Likelihood::Gaussian { sigma2: 0.1 },
];
const REDUCTIONS: [Reduction; 3] = [Reduction::Sum, Reduction::Mean, Reduction::BatchSum];

fn tensor(values: &[f64], rows: usize) -> Tensor {
    Tensor::from_slice(values, (rows, values.len() / rows), &Device::Cpu).unwrap()
}

fn kl_of(mean: f64, sigma: f64) -> f64 {
    let posterior = Posterior { mean: tensor(&[mean], 1), logvar: tensor(&[2.0 * sigma.ln()], 1) };
    kl(&posterior).unwrap().to_vec1::<f64>().unwrap()[0]
}

#[test]
fn kl_has_its_closed_form_values() {
    // 1/2 (mean^2 + sigma^2 - 1 - ln sigma^2)
    for (mean, sigma, expected) in [(0.0, 1.0, 0.0), (1.5, 1.0, 1.125), (0.0, 0.1, 1.807_585), (0.0, 2.0, 0.806_853)] {
        assert!((kl_of(mean, sigma) - expected).abs() < 1e-6, "KL({mean}, {sigma}) = {}", kl_of(mean, sigma));
    }
}

#[test]
fn both_algebraic_forms_of_the_kl_agree_and_it_is_never_negative() {
    // The other form, as pytorch/examples writes it: -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    let mut stream = Stream::new(1, Purpose::TrainNoise, 0, 0);
    let mut values = [0f32; 2000];
    stream.fill_normal(&mut values);
    for pair in values.chunks_exact(2) {
        let (mean, logvar) = (f64::from(pair[0]) * 2.0, f64::from(pair[1]) * 3.0);
        let other = -0.5 * (1.0 + logvar - mean.powi(2) - logvar.exp());
        let ours = kl_of(mean, (0.5 * logvar).exp());
        assert!((ours - other).abs() <= 1e-9 * other.max(1.0), "{mean} {logvar}: {ours} {other}");
        assert!(ours >= 0.0);
    }
}

/// R of one pixel from the definition, in f64. PyTorch:
/// `F.binary_cross_entropy_with_logits(l, x, reduction='none')`, `F.mse_loss(l, x, reduction='none')`,
/// `F.gaussian_nll_loss(l, x, var, full=True, reduction='none')`.
fn reference(likelihood: Likelihood, l: f64, x: f64) -> f64 {
    match likelihood {
        Likelihood::Bernoulli => l.max(0.0) - l * x + (-l.abs()).exp().ln_1p(),
        Likelihood::SquaredError => (x - l).powi(2),
        Likelihood::Gaussian { sigma2 } => {
            (x - l).powi(2) / (2.0 * sigma2) + 0.5 * (2.0 * std::f64::consts::PI * sigma2).ln()
        }
    }
}

#[test]
fn every_reconstruction_equals_its_definition_from_zero_to_extreme_outputs() {
    for likelihood in LIKELIHOODS {
        for l in [0.0, 1e-6, -1e-6, 0.5, -3.0, 30.0, -30.0, 100.0, -100.0, 1e4, -1e4] {
            for x in [0.0, 0.25, 1.0] {
                let expected = reference(likelihood, l, x);
                for dtype in [DType::F32, DType::F64] {
                    let typed = |v: f64| tensor(&[v], 1).to_dtype(dtype).unwrap();
                    let found = likelihood.recon(&typed(l), &typed(x)).unwrap().to_dtype(DType::F64).unwrap();
                    let found = found.to_vec1::<f64>().unwrap()[0];
                    let gap = (found - expected).abs();
                    assert!(
                        gap <= 1e-5 * expected.abs() + 1e-30,
                        "{likelihood:?} l={l} x={x} {dtype:?}: {found} {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_whole_image_is_the_sum_of_its_pixels() {
    let (mut l, mut x) = ([0f32; 3 * 784], [0f32; 3 * 784]);
    let mut stream = Stream::new(3, Purpose::TrainNoise, 0, 0);
    stream.fill_normal(&mut l);
    x.iter_mut().for_each(|x| *x = stream.uniform());
    let shaped = |v: &[f32]| Tensor::from_slice(v, (3, 784), &Device::Cpu).unwrap();
    for likelihood in LIKELIHOODS {
        let found = likelihood.recon(&shaped(&l), &shaped(&x)).unwrap().to_vec1::<f32>().unwrap();
        for (row, found) in found.into_iter().enumerate() {
            let pixels = row * 784..(row + 1) * 784;
            let expected: f64 = pixels.map(|i| reference(likelihood, f64::from(l[i]), f64::from(x[i]))).sum();
            assert!((f64::from(found) - expected).abs() < 1e-5 * expected.abs(), "{likelihood:?}: {found} {expected}");
        }
    }
}

/// A small model in f64 with its input, noise and objective.
struct Small {
    model: Vae,
    x: Tensor,
    noise: Tensor,
    objective: Objective,
}

const BATCH: usize = 3;
const PIXELS: usize = 5;

fn small(likelihood: Likelihood, reduction: Reduction, kl_reduction: Reduction, activation: Activation) -> Small {
    let architecture = Architecture { pixels: PIXELS, hidden: vec![4], latent_dim: 2, activation };
    let x: Vec<f64> = (0..BATCH * PIXELS).map(|i| f64::from((i * 7 % 11) as u8) / 11.0).collect();
    let noise: Vec<f64> = (0..BATCH * 2).map(|i| f64::from((i * 5 % 7) as u8) / 3.0 - 1.0).collect();
    Small {
        model: Vae::new(&architecture, Init::Glorot, 4, None, DType::F64, &Device::Cpu).unwrap(),
        x: tensor(&x, BATCH),
        noise: tensor(&noise, BATCH),
        objective: Objective { likelihood, reduction, kl_reduction, beta: 0.7, pixels: PIXELS, latent_dim: 2 },
    }
}

impl Small {
    fn value(&self) -> Tensor {
        let forward: Forward = self.model.forward(&self.x, &self.noise).unwrap();
        self.objective.value(&self.objective.losses(&forward, &self.x).unwrap()).unwrap()
    }

    /// All gradients in one vector.
    fn gradients(&self) -> Vec<f64> {
        let gradients = self.value().backward().unwrap();
        let flat = |p: &Var| gradients.get(p).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        self.model.parameters().into_iter().flat_map(|(_, p)| flat(p)).collect()
    }

    /// The same by central differences.
    fn differences(&self) -> Vec<f64> {
        let step = 1e-6;
        let mut all = Vec::new();
        for (_, parameter) in self.model.parameters() {
            let shape = parameter.shape().clone();
            let values = parameter.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            let at = |i: usize, delta: f64| {
                let mut moved = values.clone();
                moved[i] += delta;
                parameter.set(&Tensor::from_vec(moved, shape.clone(), &Device::Cpu).unwrap()).unwrap();
                self.value().to_scalar::<f64>().unwrap()
            };
            all.extend((0..values.len()).map(|i| (at(i, step) - at(i, -step)) / (2.0 * step)).collect::<Vec<_>>());
            parameter.set(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap();
        }
        all
    }
}

#[test]
fn gradients_of_every_loss_and_reduction_match_finite_differences() {
    for likelihood in LIKELIHOODS {
        for reduction in REDUCTIONS {
            for kl_reduction in REDUCTIONS {
                // Smooth activations: a difference across the kink of a relu proves nothing.
                let small = small(likelihood, reduction, kl_reduction, Activation::Tanh);
                for (ours, theirs) in small.gradients().into_iter().zip(small.differences()) {
                    let gap = (ours - theirs).abs();
                    assert!(
                        gap < 1e-7 * theirs.abs().max(1.0),
                        "{likelihood:?} {reduction:?} {kl_reduction:?}: {ours} {theirs}"
                    );
                }
            }
        }
    }
}

#[test]
fn gradients_through_every_activation_match_finite_differences() {
    for activation in [Activation::Relu, Activation::Tanh, Activation::Softplus] {
        let small = small(Likelihood::Bernoulli, Reduction::Sum, Reduction::Sum, activation);
        for (ours, theirs) in small.gradients().into_iter().zip(small.differences()) {
            assert!((ours - theirs).abs() < 1e-7 * theirs.abs().max(1.0), "{activation:?}: {ours} {theirs}");
        }
    }
}

#[test]
fn batch_sum_gradients_are_b_times_those_of_sum() {
    for likelihood in LIKELIHOODS {
        let sum = small(likelihood, Reduction::Sum, Reduction::Sum, Activation::Relu).gradients();
        let batch = small(likelihood, Reduction::BatchSum, Reduction::BatchSum, Activation::Relu).gradients();
        for (sum, batch) in sum.into_iter().zip(batch) {
            assert!((batch - BATCH as f64 * sum).abs() <= 1e-12 * batch.abs().max(1.0), "{batch} {sum}");
        }
    }
}

#[test]
fn the_value_is_the_sum_of_the_objective_ledger_for_every_reduction() {
    for reduction in REDUCTIONS {
        for kl_reduction in REDUCTIONS {
            let small = small(Likelihood::Bernoulli, reduction, kl_reduction, Activation::Relu);
            let losses = {
                let forward = small.model.forward(&small.x, &small.noise).unwrap();
                small.objective.losses(&forward, &small.x).unwrap()
            };
            let mean = |t: &Tensor| t.mean_all().unwrap().to_scalar::<f64>().unwrap();
            let ledgers = small.objective.ledgers(mean(&losses.recon), mean(&losses.kl), BATCH);
            let value = small.objective.value(&losses).unwrap().to_scalar::<f64>().unwrap();
            assert!((ledgers.recon_term + ledgers.kl_term - value).abs() < 1e-12);
        }
    }
}

#[test]
fn the_effective_beta_of_the_textbook_mistakes_is_what_the_arithmetic_says() {
    let objective = |likelihood, reduction, kl_reduction, beta, latent_dim| Objective {
        likelihood,
        reduction,
        kl_reduction,
        beta,
        pixels: 784,
        latent_dim,
    };
    use Likelihood::{Bernoulli, Gaussian, SquaredError};
    use Reduction::{BatchSum, Mean, Sum};
    let beta = |o: Objective| o.beta_effective(128).unwrap();
    assert_eq!(beta(objective(Bernoulli, Sum, Sum, 1.0, 20)), 1.0);
    assert_eq!(beta(objective(Bernoulli, BatchSum, BatchSum, 1.0, 20)), 1.0);
    assert!((beta(objective(Bernoulli, Mean, Sum, 1.0, 20)) - 784.0).abs() < 1e-9);
    assert!((beta(objective(Bernoulli, Mean, Mean, 1.0, 2)) - 392.0).abs() < 1e-9);
    assert!((beta(objective(Gaussian { sigma2: 0.5 }, Mean, Sum, 1.0, 20)) - 784.0).abs() < 1e-9);
    // Squared error fixes only beta * sigma^2 = b / (2a).
    assert_eq!(objective(SquaredError, Sum, Sum, 1.0, 20).beta_effective(128), None);
    assert_eq!(objective(SquaredError, Sum, Sum, 1.0, 20).beta_sigma2(128), Some(0.5));
    assert!((objective(SquaredError, Mean, Sum, 1.0, 20).beta_sigma2(128).unwrap() - 392.0).abs() < 1e-9);
    assert_eq!(objective(Gaussian { sigma2: 0.5 }, Sum, Sum, 2.0, 20).beta_sigma2(128), Some(1.0));
}

#[test]
fn the_collapsed_floor_is_the_least_that_a_constant_output_reaches() {
    // Three images of two pixels; the best constant output is the mean, and its loss is computed image by image.
    let images = [[0.0, 0.2], [1.0, 0.4], [0.5, 0.9]];
    let mean: Vec<f64> = (0..2).map(|i| images.iter().map(|image| image[i]).sum::<f64>() / 3.0).collect();
    let variance: Vec<f64> =
        (0..2).map(|i| images.iter().map(|image| (image[i] - mean[i]).powi(2)).sum::<f64>() / 3.0).collect();
    for likelihood in LIKELIHOODS {
        let output = |i: usize| match likelihood {
            Likelihood::Bernoulli => (mean[i] / (1.0 - mean[i])).ln(),
            _ => mean[i],
        };
        let total: f64 =
            images.iter().flat_map(|image| (0..2).map(|i| reference(likelihood, output(i), image[i]))).sum();
        let floor = likelihood.collapsed_floor(&mean, &variance);
        assert!((floor - total / 3.0).abs() < 1e-12, "{likelihood:?}: {floor} {}", total / 3.0);
    }
}
