//! The mathematics of the objective against independent references in f64.

use candle_core::{DType, Device, Tensor, Var};
use vae_bench::data::{Binarize, Images, PixelRange, PixelStats, Pixels};
use vae_bench::engine::{Backend, Engine};
use vae_bench::model::{Activation, Architecture, Init, LatentShape, LogSigma, Model, Start, Vae};
use vae_bench::objective::{
    Control, ControlVae, Controller, FreeBits, Geco, KlEstimator, KlPenalty, LatentTerms, Length, LogMseScale, Measure,
    Moment, Objective, OutputMap, Ratio, ReconLoss, Reduction, Schedule, Shape, Time, Value,
};
use vae_bench::pass::{Batch, GaussianLatents, Pass, Posterior, Sampling};
use vae_bench::rng::{Purpose, Stream};
use vae_bench::terms::Term;

const PI: f64 = std::f64::consts::PI;

const LOSSES: [ReconLoss; 12] = [
    ReconLoss::Bce,
    ReconLoss::ContinuousBernoulli,
    ReconLoss::Mse,
    ReconLoss::Gaussian { sigma2: 1.0 },
    ReconLoss::Gaussian { sigma2: 0.1 },
    ReconLoss::GaussianLearned,
    ReconLoss::GaussianOptimal,
    ReconLoss::LogMse { scale: LogMseScale::Bare },
    ReconLoss::LogMse { scale: LogMseScale::HalfPixels },
    ReconLoss::Laplace { scale: 0.3 },
    ReconLoss::DiscretizedLogistic { scale: 0.2 },
    ReconLoss::DiscretizedGaussian { scale: 0.3 },
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
    let sampled = posterior.log_ratio(&tensor(&z, n)).unwrap().to_vec1::<f64>().unwrap();
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
/// `-ContinuousBernoulli(logits=l).log_prob(x)`; for `gaussian-optimal`, var is the mean of all squared errors. For the masses of
/// grey levels with F = `torch.sigmoid((x - l) / s)` or `Normal(l, s).cdf(x)` and h = 1/510:
/// `-log(where(x < h, F(x + h), where(x > 1 - h, 1 - F(x - h), F(x + h) - F(x - h))))`.
fn reference(loss: ReconLoss, l: &[f64], x: &[f64], images: usize) -> f64 {
    let n = images as f64;
    let pixels = l.len() as f64 / n;
    let squared: f64 = l.iter().zip(x).map(|(l, x)| (x - l).powi(2)).sum();
    let gaussian = |var: f64| squared / (2.0 * var) / n + 0.5 * pixels * (2.0 * PI * var).ln();
    let per_pixel = |f: fn(f64, f64) -> f64| l.iter().zip(x).map(|(&l, &x)| f(l, x)).sum::<f64>() / n;
    match loss {
        ReconLoss::Bce => per_pixel(bce),
        ReconLoss::ContinuousBernoulli => per_pixel(continuous_bernoulli),
        ReconLoss::Mse | ReconLoss::LogMse { .. } => squared / n,
        ReconLoss::Gaussian { sigma2 } => gaussian(sigma2),
        ReconLoss::GaussianLearned => gaussian((2.0 * (-6.0 + (1.0 + (LOG_SIGMA + 6.0f64).exp()).ln())).exp()),
        ReconLoss::GaussianOptimal => gaussian(squared / n / pixels),
        ReconLoss::Laplace { scale } => {
            l.iter().zip(x).map(|(l, x)| (x - l).abs() / scale + (2.0 * scale).ln()).sum::<f64>() / n
        }
        ReconLoss::DiscretizedLogistic { scale } => {
            l.iter()
                .zip(x)
                .map(|(l, x)| mass(*l, *x, scale, |t| -((-t).max(0.0) + (-t.abs()).exp().ln_1p())))
                .sum::<f64>()
                / n
        }
        ReconLoss::DiscretizedGaussian { scale } => {
            l.iter().zip(x).map(|(l, x)| mass(*l, *x, scale, log_normal_below)).sum::<f64>() / n
        }
    }
}

/// -log of the mass of a grey level by its definition, from the logarithm of a distribution function F that is symmetric,
/// F(-t) = 1 - F(t): by whichever of F(upper) - F(lower) = F(-lower) - F(-upper) cancels less.
fn mass(mean: f64, x: f64, scale: f64, log_below: impl Fn(f64) -> f64) -> f64 {
    let half = 0.5 / 255.0;
    let (lower, upper) = ((x - half - mean) / scale, (x + half - mean) / scale);
    if x < half {
        return -log_below(upper);
    }
    if x > 1.0 - half {
        return -log_below(-lower);
    }
    let (near, far) = if lower + upper > 0.0 { (-lower, -upper) } else { (upper, lower) };
    -(log_below(near) + (-(log_below(far) - log_below(near)).exp()).ln_1p())
}

/// log of the standard normal's mass below t, by Simpson's rule over the part of the density that counts: with u = distance
/// below t, exp(-(t - u)^2 / 2) is exp(-t^2/2) times exp(t u - u^2/2), which has fallen by exp(-50) at the end of the interval.
fn log_normal_below(t: f64) -> f64 {
    if t > 0.0 {
        return (-log_normal_below(-t).exp()).ln_1p();
    }
    let end = 50.0 / (-t).max(5.0);
    let steps = 20_000;
    let at = |i: u32| {
        let u = end * f64::from(i) / f64::from(steps);
        (t * u - 0.5 * u * u).exp()
    };
    let inner: f64 = (1..steps).map(|i| at(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    let integral = (at(0) + inner + at(steps)) * end / f64::from(steps) / 3.0;
    -0.5 * t * t - 0.5 * (2.0 * PI).ln() + integral.ln()
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
fn ours(loss: ReconLoss, l: &[f64], x: &[f64], images: usize, dtype: DType) -> f64 {
    let typed = |v: &[f64]| tensor(v, images).to_dtype(dtype).unwrap();
    let energy = loss.pixel_loss().per_image(&typed(l), &typed(x), OutputMap::Identity).unwrap();
    let energy = energy.to_dtype(DType::F64).unwrap().mean_all().unwrap();
    let log_sigma = Tensor::new(LOG_SIGMA, &Device::Cpu).unwrap();
    let recon = loss.recon(&energy, l.len() / images, Some(&log_sigma)).unwrap();
    recon.to_scalar::<f64>().unwrap()
}

#[test]
fn every_reconstruction_equals_its_definition_from_zero_to_extreme_outputs() {
    for loss in LOSSES {
        for l in [0.0, 1e-6, -1e-6, 0.05, 0.5, -3.0, 30.0, -30.0, 100.0, -100.0, 1e4, -1e4] {
            for x in [0.0, 0.25, 1.0] {
                if loss == ReconLoss::GaussianOptimal && l == x {
                    continue; // an error of 0 has no best variance
                }
                let expected = reference(loss, &[l], &[x], 1);
                for dtype in [DType::F32, DType::F64] {
                    let found = ours(loss, &[l], &[x], 1, dtype);
                    let gap = (found - expected).abs();
                    assert!(gap <= 1e-5 * expected.abs() + 1e-30, "{loss:?} l={l} x={x} {dtype:?}: {found} {expected}");
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
    for loss in LOSSES {
        let (found, expected) = (ours(loss, &l, &x, 3, DType::F32), reference(loss, &l, &x, 3));
        assert!((found - expected).abs() < 1e-5 * expected.abs(), "{loss:?}: {found} {expected}");
    }
}

#[test]
fn squared_error_on_the_symmetric_range_is_four_times_that_on_the_unit_range() {
    let (l, x) = ([0.2, 0.9, 0.4], [0.0, 1.0, 0.3]);
    let symmetric = |v: [f64; 3]| v.map(|v| 2.0 * v - 1.0);
    let unit = ours(ReconLoss::Mse, &l, &x, 1, DType::F64);
    assert!((ours(ReconLoss::Mse, &symmetric(l), &symmetric(x), 1, DType::F64) - 4.0 * unit).abs() < 1e-12);
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
    model: Model,
    batch: Batch,
    objective: Objective,
    time: Time,
}

const BATCH: usize = 3;
const PIXELS: usize = 5;

const GECO: Controller = Controller::Geco(Geco { tolerance: 0.2, rate: 0.1, decay: 0.9, initial: 1.7 });
const CONTROL_VAE: Controller =
    Controller::ControlVae(ControlVae { target: 0.1, kp: 0.2, ki: 0.3, beta_min: 0.5, beta_max: 9.0 });

/// An objective part by part.
#[derive(Clone, Copy, Debug)]
struct Parts {
    loss: ReconLoss,
    output: OutputMap,
    reduction: Reduction,
    recon_factor: f64,
    kl_reduction: Reduction,
    kl_factor: f64,
    estimator: KlEstimator,
    penalty: KlPenalty,
    pixels: usize,
    latent_dim: usize,
}

impl Parts {
    fn objective(self) -> Objective {
        let mut all = Objective::neg_elbo_of(self.loss, self.pixels, self.latent_dim);
        all.recon.output = self.output;
        all.recon.weight.reduction = self.reduction;
        all.recon.weight.scale = Ratio::from(self.recon_factor);
        let LatentTerms::Kl(mut kl) = all.latent else { panic!("a VAE has a KL") };
        kl.weight.reduction = self.kl_reduction;
        kl.weight.scale = Ratio::from(self.kl_factor);
        (kl.estimator, kl.penalty) = (self.estimator, self.penalty);
        all.latent = LatentTerms::Kl(kl);
        all
    }
}

fn objective(loss: ReconLoss) -> Parts {
    let (sum, penalty) = (Reduction::Sum, KlPenalty::Beta { beta: 1.0, warmup: None, free_bits: None });
    Parts {
        loss,
        output: OutputMap::Identity,
        reduction: sum,
        recon_factor: 1.0,
        kl_reduction: sum,
        kl_factor: 0.7,
        estimator: KlEstimator::Analytic,
        penalty,
        pixels: PIXELS,
        latent_dim: 2,
    }
}

fn small(parts: Parts, activation: Activation) -> Small {
    let log_sigma = if parts.loss.learns_sigma() { LogSigma::Learned } else { LogSigma::Absent };
    let architecture = Architecture {
        pixels: PIXELS,
        hidden: vec![4],
        latents: LatentShape::Gaussian { latent_dim: 2, sampling: Sampling::Standard },
        activation,
        log_sigma,
    };
    let x: Vec<f64> = (0..BATCH * PIXELS).map(|i| f64::from((i * 7 % 11) as u8) / 11.0).collect();
    let noise: Vec<f64> = (0..BATCH * 2).map(|i| f64::from((i * 5 % 7) as u8) / 3.0 - 1.0).collect();
    let start = Start { init: Init::Glorot, seed: 4, output_bias: None };
    let model = Model::Vae(Vae::new(&architecture, &start, &plain(DType::F64)).unwrap());
    let time = Time { step: 3, steps_per_epoch: 4 };
    let batch = Batch { x: tensor(&x, BATCH), noise: tensor(&noise, BATCH) };
    Small { model, batch, objective: parts.objective(), time }
}

/// Candle's own operations.
fn plain(dtype: DType) -> Backend {
    Backend::new(Engine::Candle, dtype, &Device::Cpu).unwrap()
}

impl Small {
    fn pass(&self) -> Pass {
        self.model.pass(&self.batch, &self.objective.recon).unwrap()
    }

    fn value(&self) -> Tensor {
        self.objective.value(&self.pass(), self.time, self.objective.control()).unwrap().loss
    }

    /// All gradients in one vector.
    fn gradients(&self) -> Vec<f64> {
        let gradients = self.value().backward().unwrap();
        let flat = |p: &Var| gradients.get(p).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        self.model.parameters().iter().flat_map(|(_, p)| flat(p)).collect()
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
    for loss in LOSSES {
        for reduction in REDUCTIONS {
            for kl_reduction in REDUCTIONS {
                // Smooth activations: a difference across the kink of a relu proves nothing.
                let objective = Parts { reduction, kl_reduction, recon_factor: 1.3, ..objective(loss) };
                small(objective, Activation::Tanh).assert_gradients(&format!("{objective:?}"));
            }
        }
    }
}

fn free(bits: FreeBits) -> KlPenalty {
    KlPenalty::Beta { beta: 1.0, warmup: None, free_bits: Some(bits) }
}

#[test]
fn gradients_of_every_output_estimator_constraint_and_schedule_match_finite_differences() {
    let base = objective(ReconLoss::Mse);
    let rise = |shape| Some(Schedule { shape, length: Length::Steps(10) });
    for objective in [
        Parts { output: OutputMap::Sigmoid, ..base },
        Parts { output: OutputMap::Tanh, ..base },
        Parts { estimator: KlEstimator::MonteCarlo, ..base },
        Parts { penalty: free(FreeBits::PerLatent(0.05)), ..base },
        Parts { penalty: free(FreeBits::PerLatentBatch(0.05)), ..base },
        Parts { penalty: free(FreeBits::PerImage(0.2)), ..base },
        Parts { penalty: KlPenalty::Found(GECO), reduction: Reduction::Mean, ..base },
        Parts { penalty: KlPenalty::Capacity { gamma: 0.9, nats: 5.0, rise: rise(Shape::Linear) }, ..base },
        Parts { penalty: KlPenalty::Beta { beta: 1.3, warmup: rise(Shape::Cosine), free_bits: None }, ..base },
        Parts { penalty: KlPenalty::Beta { beta: 1.3, warmup: rise(Shape::Cyclical), free_bits: None }, ..base },
    ] {
        small(objective, Activation::Tanh).assert_gradients(&format!("{objective:?}"));
    }
}

#[test]
fn gradients_through_every_activation_match_finite_differences() {
    for activation in [Activation::Relu, Activation::Tanh, Activation::Softplus] {
        small(objective(ReconLoss::Bce), activation).assert_gradients(&format!("{activation:?}"));
    }
}

#[test]
fn batch_sum_gradients_are_b_times_those_of_sum() {
    for loss in LOSSES {
        let with = |reduction| Parts { reduction, kl_reduction: reduction, ..objective(loss) };
        let sum = small(with(Reduction::Sum), Activation::Relu).gradients();
        let batch = small(with(Reduction::BatchSum), Activation::Relu).gradients();
        for (sum, batch) in sum.into_iter().zip(batch) {
            assert!((batch - BATCH as f64 * sum).abs() <= 1e-12 * batch.abs().max(1.0), "{batch} {sum}");
        }
    }
}

#[test]
fn the_value_is_the_sum_of_the_objective_ledger_for_every_objective() {
    for loss in LOSSES {
        for (reduction, kl_reduction) in REDUCTIONS.into_iter().flat_map(|a| REDUCTIONS.map(|b| (a, b))) {
            let small = small(Parts { reduction, kl_reduction, ..objective(loss) }, Activation::Relu);
            let Value { loss, ledgers, .. } = small.objective.value(&small.pass(), small.time, Control::Fixed).unwrap();
            let loss = loss.to_scalar::<f64>().unwrap();
            assert!((ledgers.objective() - loss).abs() < 1e-9 * loss.abs().max(1.0), "{ledgers:?} {loss}");
        }
    }
}

#[test]
fn geco_weighs_the_distance_from_its_tolerance_by_lambda_and_lambda_follows_the_reduced_loss() {
    for (reduction, kl_reduction) in REDUCTIONS.into_iter().flat_map(|a| REDUCTIONS.map(|b| (a, b))) {
        let parts = Parts { reduction, kl_reduction, penalty: KlPenalty::Found(GECO), ..objective(ReconLoss::Mse) };
        let small = small(parts, Activation::Relu);
        let plain = Moment::as_written(small.time);
        let written = small.objective.weights(BATCH, plain);
        let (a, b) = (written.get(Term::Recon).unwrap(), written.get(Term::Kl).unwrap());
        let Value { ledgers, control, .. } =
            small.objective.value(&small.pass(), small.time, small.objective.control()).unwrap();
        let (s, k) = (ledgers.canonical.get(Term::Recon).unwrap(), ledgers.canonical.get(Term::Kl).unwrap());
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0));
        close(*ledgers.weighted.get(Term::Recon).unwrap(), 1.7 * (a * s - 0.2));
        close(*ledgers.weighted.get(Term::Kl).unwrap(), b * k);
        let Control::Geco { lambda, average } = control else { panic!("{control:?}") };
        close(average.unwrap(), a * s - 0.2);
        close(lambda, 1.7 * (0.1 * (a * s - 0.2)).exp());
        // What is found is a part of the effective weight; before it is, there is none.
        let later = small.objective.moment(small.time, control).unwrap();
        close(small.objective.beta_sigma2(BATCH, later, None, None).unwrap(), b / (2.0 * a * lambda));
        assert_eq!(small.objective.beta_sigma2(BATCH, plain, None, None), None);
        assert!(small.objective.value(&small.pass(), small.time, Control::Fixed).is_err(), "a forgotten lambda");
    }
}

#[test]
fn control_vae_sees_the_reduced_kl_of_the_batch_that_it_weighs() {
    for kl_reduction in REDUCTIONS {
        let parts = Parts { kl_reduction, penalty: KlPenalty::Found(CONTROL_VAE), ..objective(ReconLoss::Bce) };
        let small = small(parts, Activation::Relu);
        let b = *small.objective.weights(BATCH, Moment::as_written(small.time)).get(Term::Kl).unwrap();
        let Value { ledgers, control, .. } =
            small.objective.value(&small.pass(), small.time, small.objective.control()).unwrap();
        let k = *ledgers.canonical.get(Term::Kl).unwrap();
        let error = 0.1 - b * k;
        let beta = (0.2 / (1.0 + error.exp()) - 0.3 * error + 0.5).clamp(0.5, 9.0);
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0));
        close(*ledgers.weighted.get(Term::Kl).unwrap(), beta * b * k);
        let moment = small.objective.moment(small.time, control).unwrap();
        close(moment.multiplier.value(), beta);
        close(small.objective.beta_effective(BATCH, moment).unwrap(), beta * b);
    }
}

#[test]
fn the_three_kinds_of_free_bits_differ_as_their_formulas_do() {
    // K_ij of two images and two latents, made from means alone: 1/2 mean^2.
    let k = [[0.1, 0.9], [0.5, 0.02]];
    let means: Vec<f64> = k.iter().flatten().map(|k: &f64| (2.0 * k).sqrt()).collect();
    let posterior = Posterior { mean: tensor(&means, 2), logvar: tensor(&[0.0; 4], 2) };
    let kl = posterior.kl_per_latent().unwrap();
    let latents = GaussianLatents { z: posterior.mean.clone(), posterior, kl };
    let constrained = |bits| {
        let objective = Parts { penalty: free(bits), ..objective(ReconLoss::Bce) }.objective();
        let LatentTerms::Kl(term) = objective.latent else { panic!("a VAE has a KL") };
        term.estimate(&latents).unwrap().to_scalar::<f64>().unwrap()
    };
    // Per latent and image: ((0.4 + 0.9) + (0.5 + 0.4)) / 2; per latent over the batch mean: max(0.3, 0.4) + max(0.46, 0.4);
    // on the image's total: (max(1.0, 0.7) + max(0.52, 0.7)) / 2.
    assert!((constrained(FreeBits::PerLatent(0.4)) - 1.1).abs() < 1e-12);
    assert!((constrained(FreeBits::PerLatentBatch(0.4)) - 0.86).abs() < 1e-12);
    assert!((constrained(FreeBits::PerImage(0.7)) - 0.85).abs() < 1e-12);
}

#[test]
fn schedules_rise_as_their_formulas_say() {
    let at = |shape, step| Schedule { shape, length: Length::Epochs(2) }.at(Time { step, steps_per_epoch: 5 });
    for (shape, values) in [
        (Shape::Linear, [0.0, 0.5, 1.0, 1.0]),
        (Shape::Cosine, [0.0, 0.5, 1.0, 1.0]),
        (Shape::Cyclical, [0.0, 1.0, 0.0, 1.0]),
    ] {
        for (step, value) in [0, 5, 10, 15].into_iter().zip(values) {
            assert!((at(shape, step) - value).abs() < 1e-12, "{shape:?} {step}");
        }
        assert_eq!(Schedule { shape, length: Length::Epochs(2) }.at(Time::END), 1.0);
    }
    assert!((at(Shape::Cosine, 2) - 0.5 * (1.0 - (0.2 * PI).cos())).abs() < 1e-12);
}

#[test]
fn the_effective_beta_of_the_textbook_mistakes_is_what_the_arithmetic_says() {
    use ReconLoss::{Bce, Gaussian, Mse};
    use Reduction::{BatchSum, Mean, Sum};
    let with = |loss, reduction, kl_reduction, kl_factor, latent_dim| Parts {
        reduction,
        kl_reduction,
        kl_factor,
        pixels: 784,
        latent_dim,
        ..objective(loss)
    };
    let beta = |o: Parts| o.objective().beta_effective(128, Moment::as_written(Time::END)).unwrap();
    let beta_sigma2 = |o: Parts| o.objective().beta_sigma2(128, Moment::as_written(Time::END), None, None);
    assert_eq!(beta(with(Bce, Sum, Sum, 1.0, 20)), 1.0);
    assert_eq!(beta(with(Bce, BatchSum, BatchSum, 1.0, 20)), 1.0);
    assert!((beta(with(Bce, Mean, Sum, 1.0, 20)) - 784.0).abs() < 1e-9);
    assert!((beta(with(Bce, Mean, Mean, 1.0, 2)) - 392.0).abs() < 1e-9);
    assert!((beta(with(Gaussian { sigma2: 0.5 }, Mean, Sum, 1.0, 20)) - 784.0).abs() < 1e-9);
    // Squared error fixes only beta * sigma^2 = b / (2a).
    assert_eq!(with(Mse, Sum, Sum, 1.0, 20).objective().beta_effective(128, Moment::as_written(Time::END)), None);
    assert_eq!(beta_sigma2(with(Mse, Sum, Sum, 1.0, 20)), Some(0.5));
    assert!((beta_sigma2(with(Mse, Mean, Sum, 1.0, 20)).unwrap() - 392.0).abs() < 1e-9);
    assert_eq!(beta_sigma2(with(Gaussian { sigma2: 0.5 }, Sum, Sum, 2.0, 20)), Some(1.0));
    // log(MSE): a local weight of 1/S on S; at MSE = 0.05 the bare one is D*MSE/2 and the one with D/2 is MSE itself.
    let log_mse = |scale| Parts { pixels: 784, kl_factor: 1.0, ..objective(ReconLoss::LogMse { scale }) };
    let at = |scale| {
        log_mse(scale).objective().beta_sigma2(128, Moment::as_written(Time::END), Some(784.0 * 0.05), None).unwrap()
    };
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
    for loss in LOSSES {
        let output = |i: usize| match loss {
            ReconLoss::Bce => (mean[i] / (1.0 - mean[i])).ln(),
            ReconLoss::Laplace { .. } => medians[i],
            // By a search over a grid, below.
            ReconLoss::DiscretizedLogistic { .. } | ReconLoss::DiscretizedGaussian { .. } => {
                let of_train = |c: f64| {
                    let x: Vec<f64> = train.iter().map(|image| f64::from(image[i]) / 255.0).collect();
                    reference(loss, &[c; 3], &x, 3)
                };
                let grid = |from: f64, step: f64| (0..=40u8).map(move |k| from + f64::from(k) * step);
                let least = |all: &mut dyn Iterator<Item = f64>| {
                    all.min_by(|a, b| of_train(*a).total_cmp(&of_train(*b))).unwrap()
                };
                let coarse = least(&mut grid(0.0, 0.025));
                let finer = least(&mut grid(coarse - 0.025, 0.00125));
                let finest = least(&mut grid(finer - 0.00125, 0.0000625));
                least(&mut grid(finest - 0.0000625, 0.000003125))
            }
            _ => mean[i],
        };
        let constant: Vec<f64> = (0..4).map(|i| output(i % 2)).collect();
        // A sigma that is learned ends at its best value too.
        let settled = if loss.learns_sigma() { ReconLoss::GaussianOptimal } else { loss };
        let floor = Parts { pixels: 2, ..objective(loss) }
            .objective()
            .recon
            .collapsed_floor(&stats(&train), &stats(&test))
            .unwrap();
        match loss {
            ReconLoss::ContinuousBernoulli => assert_eq!(floor, None),
            _ => {
                let expected = reference(settled, &constant, &x, 2);
                // The grid is within 2e-6 of the best constant on the training images.
                assert!(
                    (floor.unwrap() - expected).abs() < if loss.measure() == Measure::GreyMass { 1e-4 } else { 1e-12 },
                    "{loss:?}: {floor:?} {expected}"
                );
            }
        }
    }
}

#[test]
fn the_fused_engine_and_plain_candle_give_the_same_value_and_gradients_for_every_objective() {
    // The twin: the same weights, pixels and noise in f64, which Candle's own operations compute.
    let base = objective;
    let monte_carlo = |loss| Parts { estimator: KlEstimator::MonteCarlo, ..base(loss) };
    let bits = [FreeBits::PerLatent(0.05), FreeBits::PerLatentBatch(0.05), FreeBits::PerImage(0.4)];
    let capacity = KlPenalty::Capacity { gamma: 3.0, nats: 2.0, rise: None };
    let found = [GECO, CONTROL_VAE].map(KlPenalty::Found);
    let penalised = bits.map(free).into_iter().chain([capacity]).chain(found);
    let penalised = penalised.map(|penalty| Parts { penalty, ..base(ReconLoss::Bce) });
    let mapped = [OutputMap::Sigmoid, OutputMap::Tanh].map(|output| Parts { output, ..base(ReconLoss::Mse) });
    let sampled = [ReconLoss::Bce, ReconLoss::Mse].map(monte_carlo);
    let plain = LOSSES.map(base).into_iter();
    let objectives: Vec<Parts> = plain.chain(mapped).chain(sampled).chain(penalised).collect();
    let activations = [Activation::Relu, Activation::Tanh, Activation::Softplus].into_iter().cycle();
    for (parts, activation) in objectives.into_iter().zip(activations) {
        let sampling = match parts.estimator {
            KlEstimator::MonteCarlo => Sampling::Standard,
            KlEstimator::Analytic if activation == Activation::Tanh => Sampling::Keras201605,
            KlEstimator::Analytic => Sampling::Standard,
        };
        let loss = parts.loss;
        for hidden in [vec![], vec![40], vec![50, 30]] {
            let (pixels, latent_dim, batch) = (100, 7, 33);
            let objective = Parts { pixels, latent_dim, ..parts }.objective();
            let log_sigma = if loss.learns_sigma() { LogSigma::Learned } else { LogSigma::Absent };
            let latents = LatentShape::Gaussian { latent_dim, sampling };
            let architecture = Architecture { pixels, hidden, latents, activation, log_sigma };
            let mut stream = Stream::new(5, Purpose::TrainNoise, 0, 0);
            let x: Vec<f32> = (0..batch * pixels).map(|_| stream.uniform()).collect();
            let mut noise = vec![0f32; batch * latent_dim];
            stream.fill_normal(&mut noise);
            let run = |engine: Engine, dtype: DType| {
                let backend = Backend::new(engine, dtype, &Device::Cpu).unwrap();
                let start = Start { init: Init::Pytorch, seed: 4, output_bias: None };
                let model = Model::Vae(Vae::new(&architecture, &start, &backend).unwrap());
                let typed = |v: &[f32], n: usize| {
                    Tensor::from_slice(v, (batch, n), &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
                };
                let batch = Batch { x: typed(&x, pixels), noise: typed(&noise, latent_dim) };
                let mut pass = model.pass(&batch, &objective.recon).unwrap();
                let value = objective.value(&pass, Time::default(), objective.control()).unwrap().loss;
                let gradients = pass.tape.gradients(&value.backward().unwrap()).unwrap();
                let all: Vec<f64> = gradients.iter().flat_map(|g| g.to_vec().unwrap()).map(f64::from).collect();
                (value.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap(), all)
            };
            let ((fused, fused_gradients), (plain, gradients)) =
                (run(Engine::Fused, DType::F32), run(Engine::Candle, DType::F64));
            assert!((fused - plain).abs() < 1e-5 * plain.abs(), "{loss:?}: {fused} {plain}");
            let scale = gradients.iter().fold(0.0f64, |max, g| max.max(g.abs()));
            for (fused, plain) in fused_gradients.iter().zip(&gradients) {
                assert!((fused - plain).abs() < 2e-5 * scale, "{loss:?}: {fused} {plain}");
            }
            assert_eq!(fused_gradients.len(), gradients.len());
        }
    }
}
