//! The mathematics of the objective against independent references in f64.

use candle_core::{D, DType, Device, Tensor, Var};
use vae_bench::data::{Binarize, Images, PixelRange, PixelStats, Pixels};
use vae_bench::model::{Activation, Architecture, Init, LogSigma, Posterior, Sampling, Vae, WayBack};
use vae_bench::objective::{
    Averages, Constraint, FreeBits, KlEstimator, Length, Likelihood, LogMseScale, Objective, OutputMap, Quotient,
    Reduction, Rise, Shape, Time, log_ratio,
};
use vae_bench::rng::{Purpose, Stream};

const PI: f64 = std::f64::consts::PI;

const LIKELIHOODS: [Likelihood; 10] = [
    Likelihood::Bernoulli,
    Likelihood::ContinuousBernoulli,
    Likelihood::SquaredError,
    Likelihood::Gaussian { sigma2: 1.0 },
    Likelihood::Gaussian { sigma2: 0.1 },
    Likelihood::GaussianLearned,
    Likelihood::GaussianOptimal,
    Likelihood::LogMse { scale: LogMseScale::Bare },
    Likelihood::LogMse { scale: LogMseScale::HalfPixels },
    Likelihood::Laplace { scale: 0.3 },
];
const REDUCTIONS: [Reduction; 3] = [Reduction::Sum, Reduction::Mean, Reduction::BatchSum];
/// What `log_sigma` is set to where it is learned.
const LOG_SIGMA: f64 = -0.8;

fn tensor(values: &[f64], rows: usize) -> Tensor {
    Tensor::from_slice(values, (rows, values.len() / rows), &Device::Cpu).unwrap()
}

fn kl_of(mean: f64, sigma: f64) -> f64 {
    let posterior = Posterior { mean: tensor(&[mean], 1), logvar: tensor(&[2.0 * sigma.ln()], 1) };
    posterior.kl_per_latent().unwrap().to_vec2::<f64>().unwrap()[0][0]
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

#[test]
fn the_sampled_kl_is_right_for_one_sample_and_on_average_the_closed_form() {
    // torch.distributions: Normal(mean, sigma).log_prob(z) - Normal(0, 1).log_prob(z)
    let density =
        |z: f64, mean: f64, sigma: f64| -0.5 * ((z - mean) / sigma).powi(2) - sigma.ln() - 0.5 * (2.0 * PI).ln();
    let (mean, sigma) = (0.7, 0.4);
    let n = 100_000;
    let mut noise = vec![0f32; n];
    Stream::new(1, Purpose::TrainNoise, 0, 0).fill_normal(&mut noise);
    let z: Vec<f64> = noise.iter().map(|&e| mean + sigma * f64::from(e)).collect();
    let posterior = Posterior { mean: tensor(&vec![mean; n], n), logvar: tensor(&vec![2.0 * sigma.ln(); n], n) };
    let sampled = log_ratio(&posterior, &tensor(&z, n)).unwrap().to_vec1::<f64>().unwrap();
    for (z, sampled) in z.iter().zip(&sampled).take(1000) {
        assert!((sampled - (density(*z, mean, sigma) - density(*z, 0.0, 1.0))).abs() < 1e-12);
    }
    let average = sampled.iter().sum::<f64>() / n as f64;
    // The standard deviation of a sample is about 0.7, so five standard errors are 0.011.
    assert!((average - kl_of(mean, sigma)).abs() < 0.011, "{average} {}", kl_of(mean, sigma));
}

/// R (or S) of images from the definitions, pixel by pixel in f64. PyTorch, per pixel:
/// `F.binary_cross_entropy_with_logits(l, x, reduction='none')`, `F.mse_loss(l, x, reduction='none')`,
/// `F.gaussian_nll_loss(l, x, var, full=True, reduction='none')`, `-Laplace(l, b).log_prob(x)`,
/// `-ContinuousBernoulli(logits=l).log_prob(x)`; for `gaussian-optimal`, var is the mean of all squared errors.
fn reference(likelihood: Likelihood, l: &[f64], x: &[f64], images: usize) -> f64 {
    let n = images as f64;
    let pixels = l.len() as f64 / n;
    let squared: f64 = l.iter().zip(x).map(|(l, x)| (x - l).powi(2)).sum();
    let gaussian = |var: f64| squared / (2.0 * var) / n + 0.5 * pixels * (2.0 * PI * var).ln();
    let per_pixel = |f: fn(f64, f64) -> f64| l.iter().zip(x).map(|(&l, &x)| f(l, x)).sum::<f64>() / n;
    match likelihood {
        Likelihood::Bernoulli => per_pixel(bce),
        Likelihood::ContinuousBernoulli => per_pixel(continuous_bernoulli),
        Likelihood::SquaredError | Likelihood::LogMse { .. } => squared / n,
        Likelihood::Gaussian { sigma2 } => gaussian(sigma2),
        Likelihood::GaussianLearned => gaussian((2.0 * (-6.0 + (1.0 + (LOG_SIGMA + 6.0f64).exp()).ln())).exp()),
        Likelihood::GaussianOptimal => gaussian(squared / n / pixels),
        Likelihood::Laplace { scale } => {
            l.iter().zip(x).map(|(l, x)| (x - l).abs() / scale + (2.0 * scale).ln()).sum::<f64>() / n
        }
    }
}

fn bce(l: f64, x: f64) -> f64 {
    l.max(0.0) - l * x + (-l.abs()).exp().ln_1p()
}

/// bce less the log of C = 2 atanh(1 - 2p) / (1 - 2p) at p = sigmoid(l), in logits l / tanh(l/2). Near 0 both are log 2,
/// and their difference is l*(1/2 - x) + l^2/24 to sixteen digits.
fn continuous_bernoulli(l: f64, x: f64) -> f64 {
    if l.abs() < 1e-3 { l * (0.5 - x) + l * l / 24.0 } else { bce(l, x) - (l / (0.5 * l).tanh()).ln() }
}

/// R (or S) of images as the library has it, in the type `dtype`.
fn ours(likelihood: Likelihood, l: &[f64], x: &[f64], images: usize, dtype: DType) -> f64 {
    let typed = |v: &[f64]| tensor(v, images).to_dtype(dtype).unwrap();
    let energy = likelihood.energy().per_image(&typed(l), &typed(x), OutputMap::Identity).unwrap();
    let energy = energy.to_dtype(DType::F64).unwrap().mean_all().unwrap();
    let log_sigma = Tensor::new(LOG_SIGMA, &Device::Cpu).unwrap();
    let recon = likelihood.recon(&energy, l.len() / images, Some(&log_sigma)).unwrap();
    recon.to_scalar::<f64>().unwrap()
}

#[test]
fn every_reconstruction_equals_its_definition_from_zero_to_extreme_outputs() {
    for likelihood in LIKELIHOODS {
        for l in [0.0, 1e-6, -1e-6, 0.05, 0.5, -3.0, 30.0, -30.0, 100.0, -100.0, 1e4, -1e4] {
            for x in [0.0, 0.25, 1.0] {
                if likelihood == Likelihood::GaussianOptimal && l == x {
                    continue; // an error of 0 has no best variance
                }
                let expected = reference(likelihood, &[l], &[x], 1);
                for dtype in [DType::F32, DType::F64] {
                    let found = ours(likelihood, &[l], &[x], 1, dtype);
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
fn whole_images_equal_their_definition_to_a_hundred_thousandth() {
    let (mut l, mut x) = ([0f32; 3 * 784], [0f32; 3 * 784]);
    let mut stream = Stream::new(3, Purpose::TrainNoise, 0, 0);
    stream.fill_normal(&mut l);
    x.iter_mut().for_each(|x| *x = stream.uniform());
    let (l, x) = (l.map(f64::from), x.map(f64::from));
    for likelihood in LIKELIHOODS {
        let (found, expected) = (ours(likelihood, &l, &x, 3, DType::F32), reference(likelihood, &l, &x, 3));
        assert!((found - expected).abs() < 1e-5 * expected.abs(), "{likelihood:?}: {found} {expected}");
    }
}

#[test]
fn squared_error_on_the_symmetric_range_is_four_times_that_on_the_unit_range() {
    let (l, x) = ([0.2, 0.9, 0.4], [0.0, 1.0, 0.3]);
    let symmetric = |v: [f64; 3]| v.map(|v| 2.0 * v - 1.0);
    let unit = ours(Likelihood::SquaredError, &l, &x, 1, DType::F64);
    assert!((ours(Likelihood::SquaredError, &symmetric(l), &symmetric(x), 1, DType::F64) - 4.0 * unit).abs() < 1e-12);
}

#[test]
fn output_maps_have_inverses_and_stay_finite() {
    for map in [OutputMap::Identity, OutputMap::Sigmoid, OutputMap::Tanh] {
        for mean in [0.01, 0.3, 0.9] {
            let back = map.mean(&tensor(&[map.inverse(mean)], 1)).unwrap().to_vec2::<f64>().unwrap()[0][0];
            assert!((back - mean).abs() < 1e-12, "{map:?} {mean} {back}");
        }
        let ends = map.mean(&tensor(&[-1e4, 1e4], 1)).unwrap().to_vec2::<f64>().unwrap();
        assert!(ends[0].iter().all(|v| v.is_finite()), "{map:?}");
    }
}

/// A small model in f64 with its input, noise and objective.
struct Small {
    model: Vae,
    x: Tensor,
    noise: Tensor,
    objective: Objective,
    time: Time,
}

const BATCH: usize = 3;
const PIXELS: usize = 5;

fn objective(likelihood: Likelihood) -> Objective {
    Objective { kl_factor: 0.7.into(), ..Objective::neg_elbo_of(likelihood, PIXELS, 2) }
}

fn small(objective: Objective, activation: Activation) -> Small {
    let log_sigma = if objective.likelihood.learns_sigma() { LogSigma::Learned } else { LogSigma::Absent };
    let architecture = Architecture {
        pixels: PIXELS,
        hidden: vec![4],
        latent_dim: 2,
        activation,
        sampling: Sampling::Standard,
        log_sigma,
    };
    let x: Vec<f64> = (0..BATCH * PIXELS).map(|i| f64::from((i * 7 % 11) as u8) / 11.0).collect();
    let noise: Vec<f64> = (0..BATCH * 2).map(|i| f64::from((i * 5 % 7) as u8) / 3.0 - 1.0).collect();
    let model = Vae::new(&architecture, Init::Glorot, 4, None, DType::F64, &Device::Cpu).unwrap();
    let time = Time { step: 3, steps_per_epoch: 4 };
    Small { model, x: tensor(&x, BATCH), noise: tensor(&noise, BATCH), objective, time }
}

impl Small {
    fn value(&self) -> Tensor {
        let losses = self.objective.losses(&self.model, &self.x, &self.noise).unwrap();
        let log_sigma = self.model.log_sigma().map(|p| p.as_tensor());
        self.objective.value(&losses, log_sigma, self.time).unwrap()
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

    #[track_caller]
    fn assert_gradients(&self, what: &str) {
        for (ours, theirs) in self.gradients().into_iter().zip(self.differences()) {
            assert!((ours - theirs).abs() < 1e-6 * theirs.abs().max(1.0), "{what}: {ours} {theirs}");
        }
    }
}

#[test]
fn gradients_of_every_loss_and_reduction_match_finite_differences() {
    for likelihood in LIKELIHOODS {
        for reduction in REDUCTIONS {
            for kl_reduction in REDUCTIONS {
                // Smooth activations: a difference across the kink of a relu proves nothing.
                let objective =
                    Objective { reduction, kl_reduction, recon_factor: 1.3.into(), ..objective(likelihood) };
                small(objective, Activation::Tanh).assert_gradients(&format!("{objective:?}"));
            }
        }
    }
}

#[test]
fn gradients_of_every_output_estimator_constraint_and_schedule_match_finite_differences() {
    let base = objective(Likelihood::SquaredError);
    let rise = |shape| Some(Rise { shape, length: Length::Steps(10) });
    for objective in [
        Objective { output: OutputMap::Sigmoid, ..base },
        Objective { output: OutputMap::Tanh, ..base },
        Objective { kl_estimator: KlEstimator::MonteCarlo, ..base },
        Objective { constraint: Constraint::FreeBits(FreeBits::PerLatent(0.05)), ..base },
        Objective { constraint: Constraint::FreeBits(FreeBits::PerLatentBatch(0.05)), ..base },
        Objective { constraint: Constraint::FreeBits(FreeBits::PerImage(0.2)), ..base },
        Objective { constraint: Constraint::Capacity { nats: 5.0, rise: rise(Shape::Linear) }, ..base },
        Objective { warmup: rise(Shape::Cosine), ..base },
        Objective { warmup: rise(Shape::Cyclical), ..base },
    ] {
        small(objective, Activation::Tanh).assert_gradients(&format!("{objective:?}"));
    }
}

#[test]
fn gradients_through_every_activation_match_finite_differences() {
    for activation in [Activation::Relu, Activation::Tanh, Activation::Softplus] {
        small(objective(Likelihood::Bernoulli), activation).assert_gradients(&format!("{activation:?}"));
    }
}

#[test]
fn batch_sum_gradients_are_b_times_those_of_sum() {
    for likelihood in LIKELIHOODS {
        let with = |reduction| Objective { reduction, kl_reduction: reduction, ..objective(likelihood) };
        let sum = small(with(Reduction::Sum), Activation::Relu).gradients();
        let batch = small(with(Reduction::BatchSum), Activation::Relu).gradients();
        for (sum, batch) in sum.into_iter().zip(batch) {
            assert!((batch - BATCH as f64 * sum).abs() <= 1e-12 * batch.abs().max(1.0), "{batch} {sum}");
        }
    }
}

#[test]
fn the_value_is_the_sum_of_the_objective_ledger_for_every_objective() {
    for likelihood in LIKELIHOODS {
        for (reduction, kl_reduction) in REDUCTIONS.into_iter().flat_map(|a| REDUCTIONS.map(|b| (a, b))) {
            let small = small(Objective { reduction, kl_reduction, ..objective(likelihood) }, Activation::Relu);
            let losses = small.objective.losses(&small.model, &small.x, &small.noise).unwrap();
            let scalar = |t: Tensor| t.to_scalar::<f64>().unwrap();
            let averages = Averages {
                energy: scalar(losses.energy.mean_all().unwrap()),
                kl: scalar(losses.kl.sum(D::Minus1).unwrap().mean_all().unwrap()),
                weighed_kl: scalar(small.objective.constrained_kl(&losses).unwrap()),
            };
            let log_sigma = small.model.log_sigma_value().unwrap();
            let ledgers = small.objective.ledgers(&averages, log_sigma, BATCH, small.time).unwrap();
            assert!((ledgers.recon_term + ledgers.kl_term - scalar(small.value())).abs() < 1e-9);
        }
    }
}

#[test]
fn the_three_kinds_of_free_bits_differ_as_their_formulas_do() {
    // K_ij of two images and two latents, made from means alone: 1/2 mean^2.
    let k = [[0.1, 0.9], [0.5, 0.02]];
    let means: Vec<f64> = k.iter().flatten().map(|k: &f64| (2.0 * k).sqrt()).collect();
    let posterior = Posterior { mean: tensor(&means, 2), logvar: tensor(&[0.0; 4], 2) };
    let kl = posterior.kl_per_latent().unwrap();
    let posterior_mean = posterior.mean;
    let losses = vae_bench::objective::ImageLosses {
        energy: tensor(&[0.0; 2], 2),
        kl,
        sampled_kl: None,
        posterior_mean,
        way_back: WayBack::Candle,
    };
    let constrained = |free| {
        let objective = Objective { constraint: Constraint::FreeBits(free), ..objective(Likelihood::Bernoulli) };
        objective.constrained_kl(&losses).unwrap().to_scalar::<f64>().unwrap()
    };
    // Per latent and image: ((0.4 + 0.9) + (0.5 + 0.4)) / 2; per latent over the batch mean: max(0.3, 0.4) + max(0.46, 0.4);
    // on the image's total: (max(1.0, 0.7) + max(0.52, 0.7)) / 2.
    assert!((constrained(FreeBits::PerLatent(0.4)) - 1.1).abs() < 1e-12);
    assert!((constrained(FreeBits::PerLatentBatch(0.4)) - 0.86).abs() < 1e-12);
    assert!((constrained(FreeBits::PerImage(0.7)) - 0.85).abs() < 1e-12);
}

#[test]
fn schedules_rise_as_their_formulas_say() {
    let at = |shape, step| Rise { shape, length: Length::Epochs(2) }.at(Time { step, steps_per_epoch: 5 });
    for (shape, values) in [
        (Shape::Linear, [0.0, 0.5, 1.0, 1.0]),
        (Shape::Cosine, [0.0, 0.5, 1.0, 1.0]),
        (Shape::Cyclical, [0.0, 1.0, 0.0, 1.0]),
    ] {
        for (step, value) in [0, 5, 10, 15].into_iter().zip(values) {
            assert!((at(shape, step) - value).abs() < 1e-12, "{shape:?} {step}");
        }
        assert_eq!(Rise { shape, length: Length::Epochs(2) }.at(Time::END), 1.0);
    }
    assert!((at(Shape::Cosine, 2) - 0.5 * (1.0 - (0.2 * PI).cos())).abs() < 1e-12);
}

#[test]
fn the_effective_beta_of_the_textbook_mistakes_is_what_the_arithmetic_says() {
    use Likelihood::{Bernoulli, Gaussian, SquaredError};
    use Reduction::{BatchSum, Mean, Sum};
    let with = |likelihood, reduction, kl_reduction, kl_factor, latent_dim| Objective {
        reduction,
        kl_reduction,
        kl_factor: Quotient::from(kl_factor),
        pixels: 784,
        latent_dim,
        ..objective(likelihood)
    };
    let beta = |o: Objective| o.beta_effective(128, Time::END).unwrap();
    let beta_sigma2 = |o: Objective| o.beta_sigma2(128, Time::END, None, None);
    assert_eq!(beta(with(Bernoulli, Sum, Sum, 1.0, 20)), 1.0);
    assert_eq!(beta(with(Bernoulli, BatchSum, BatchSum, 1.0, 20)), 1.0);
    assert!((beta(with(Bernoulli, Mean, Sum, 1.0, 20)) - 784.0).abs() < 1e-9);
    assert!((beta(with(Bernoulli, Mean, Mean, 1.0, 2)) - 392.0).abs() < 1e-9);
    assert!((beta(with(Gaussian { sigma2: 0.5 }, Mean, Sum, 1.0, 20)) - 784.0).abs() < 1e-9);
    // Squared error fixes only beta * sigma^2 = b / (2a).
    assert_eq!(with(SquaredError, Sum, Sum, 1.0, 20).beta_effective(128, Time::END), None);
    assert_eq!(beta_sigma2(with(SquaredError, Sum, Sum, 1.0, 20)), Some(0.5));
    assert!((beta_sigma2(with(SquaredError, Mean, Sum, 1.0, 20)).unwrap() - 392.0).abs() < 1e-9);
    assert_eq!(beta_sigma2(with(Gaussian { sigma2: 0.5 }, Sum, Sum, 2.0, 20)), Some(1.0));
    // log(MSE): a local weight of 1/S on S; at MSE = 0.05 the bare one is D*MSE/2 and the one with D/2 is MSE itself.
    let log_mse = |scale| Objective { pixels: 784, kl_factor: 1.0.into(), ..objective(Likelihood::LogMse { scale }) };
    let at = |scale| log_mse(scale).beta_sigma2(128, Time::END, Some(784.0 * 0.05), None).unwrap();
    assert!((at(LogMseScale::Bare) - 784.0 * 0.05 / 2.0).abs() < 1e-9);
    assert!((at(LogMseScale::HalfPixels) - 0.05).abs() < 1e-12);
}

#[test]
fn the_collapsed_floor_is_the_loss_of_the_best_constant_output() {
    // Three training images of two pixels; the best constant output is their mean (the median for absolute errors).
    let train = [[0u8, 51], [255, 102], [102, 204]];
    let test = [[51u8, 255], [204, 0]];
    let stats = |images: &[[u8; 2]]| {
        let images = Images::new(images.concat(), vec![0; images.len()], 1, 2).unwrap();
        PixelStats::of(&images, Pixels { binarize: Binarize::None, range: PixelRange::Unit })
    };
    let mean: [f64; 2] = [(0.0 + 1.0 + 0.4) / 3.0, (0.2 + 0.4 + 0.8) / 3.0];
    let medians = [0.4, 0.4];
    let x: Vec<f64> = test.iter().flatten().map(|&byte| f64::from(byte) / 255.0).collect();
    for likelihood in LIKELIHOODS {
        let output = |i: usize| match likelihood {
            Likelihood::Bernoulli => (mean[i] / (1.0 - mean[i])).ln(),
            Likelihood::Laplace { .. } => medians[i],
            _ => mean[i],
        };
        let constant: Vec<f64> = (0..4).map(|i| output(i % 2)).collect();
        // A sigma that is learned ends at its best value too.
        let settled = if likelihood.learns_sigma() { Likelihood::GaussianOptimal } else { likelihood };
        let floor =
            Objective { pixels: 2, ..objective(likelihood) }.collapsed_floor(&stats(&train), &stats(&test)).unwrap();
        match likelihood {
            Likelihood::ContinuousBernoulli => assert_eq!(floor, None),
            _ => {
                let expected = reference(settled, &constant, &x, 2);
                assert!((floor.unwrap() - expected).abs() < 1e-12, "{likelihood:?}: {floor:?} {expected}");
            }
        }
    }
}

#[test]
fn the_kernels_and_plain_candle_give_the_same_value_and_gradients() {
    // The twin: the same weights, pixels and noise in f64, which Candle's own operations compute.
    let base = objective;
    let monte_carlo = |likelihood| Objective { kl_estimator: KlEstimator::MonteCarlo, ..base(likelihood) };
    let sigmoid = Objective { output: OutputMap::Sigmoid, ..base(Likelihood::SquaredError) };
    for (objective, activation, sampling) in [
        (base(Likelihood::Bernoulli), Activation::Relu, Sampling::Standard),
        (base(Likelihood::SquaredError), Activation::Relu, Sampling::Standard),
        (base(Likelihood::Gaussian { sigma2: 0.1 }), Activation::Tanh, Sampling::Standard),
        (base(Likelihood::GaussianLearned), Activation::Softplus, Sampling::Standard),
        (base(Likelihood::GaussianOptimal), Activation::Relu, Sampling::Keras201605),
        (base(Likelihood::ContinuousBernoulli), Activation::Softplus, Sampling::Standard),
        (base(Likelihood::Laplace { scale: 0.5 }), Activation::Tanh, Sampling::Keras201605),
        (monte_carlo(Likelihood::Bernoulli), Activation::Tanh, Sampling::Standard),
        (sigmoid, Activation::Relu, Sampling::Standard),
    ] {
        let likelihood = objective.likelihood;
        for hidden in [vec![], vec![40], vec![50, 30]] {
            let (pixels, latent_dim, batch) = (100, 7, 33);
            let objective = Objective { pixels, latent_dim, ..objective };
            let log_sigma = if likelihood.learns_sigma() { LogSigma::Learned } else { LogSigma::Absent };
            let architecture = Architecture { pixels, hidden, latent_dim, activation, sampling, log_sigma };
            let mut stream = Stream::new(5, Purpose::TrainNoise, 0, 0);
            let x: Vec<f32> = (0..batch * pixels).map(|_| stream.uniform()).collect();
            let mut noise = vec![0f32; batch * latent_dim];
            stream.fill_normal(&mut noise);
            let run = |dtype: DType| {
                let model = Vae::new(&architecture, Init::Pytorch, 4, None, dtype, &Device::Cpu).unwrap();
                let typed = |v: &[f32], n: usize| {
                    Tensor::from_slice(v, (batch, n), &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
                };
                let x = typed(&x, pixels);
                let log_sigma = model.log_sigma().map(|p| p.as_tensor());
                let mut losses = objective.losses(&model, &x, &typed(&noise, latent_dim)).unwrap();
                let value = objective.value(&losses, log_sigma, Time::default()).unwrap();
                let gradients = model.gradients(&mut losses.way_back, &value.backward().unwrap()).unwrap();
                let all: Vec<f64> = gradients.iter().flat_map(|g| g.to_vec().unwrap()).map(f64::from).collect();
                (value.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap(), all)
            };
            let ((fused, fused_gradients), (plain, gradients)) = (run(DType::F32), run(DType::F64));
            assert!((fused - plain).abs() < 1e-5 * plain.abs(), "{likelihood:?}: {fused} {plain}");
            let scale = gradients.iter().fold(0.0f64, |max, g| max.max(g.abs()));
            for (fused, plain) in fused_gradients.iter().zip(&gradients) {
                assert!((fused - plain).abs() < 2e-5 * scale, "{likelihood:?}: {fused} {plain}");
            }
            assert_eq!(fused_gradients.len(), gradients.len());
        }
    }
}
