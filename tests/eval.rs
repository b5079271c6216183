//! `eval`: the importance-weighted estimate against a plain one, its standard errors, and what is printed of it.

mod support;

use candle_core::{DType, Device, Tensor};
use support::World;
use vae_bench::data::synthetic::{Split, digits};
use vae_bench::data::{Binarize, Images, PixelDraw, PixelRange, Pixels};
use vae_bench::engine::{Backend, Engine};
use vae_bench::evaluate::Measurement;
use vae_bench::importance::{ImportanceEstimate, importance_weighted_nll};
use vae_bench::model::{Activation, Architecture, Init, LatentShape, LogSigma, Model, Start, Vae};
use vae_bench::objective::{Objective, OutputMap, ReconLoss};
use vae_bench::pass::{Batch, Latents, Sampling};
use vae_bench::rng::{Purpose, Stream};

const LATENTS: usize = 5;

fn images() -> Images {
    let drawn = digits(7, Split::Test, 23);
    Images::new(drawn.pixels, drawn.labels, 28, 28).unwrap()
}

fn on(images: &Images, seed: u64, batch: usize) -> Measurement<'_> {
    let pixels = Pixels { binarize: Binarize::None, range: PixelRange::Unit };
    let draw = PixelDraw { pixels, seed: 1, purpose: Purpose::BinarizeTest, epoch: 0 };
    Measurement { images, draw, seed, epoch: 3, batch }
}

fn model(loss: ReconLoss, activation: Activation, engine: Engine) -> Model {
    let architecture = Architecture {
        pixels: 784,
        hidden: vec![24, 12],
        latents: LatentShape::Gaussian { latent_dim: LATENTS, sampling: Sampling::Standard },
        activation,
        log_sigma: if loss.learns_sigma() { LogSigma::Learned } else { LogSigma::Absent },
    };
    let start = Start { init: Init::Pytorch, seed: 4, output_bias: None };
    let backend = Backend::new(engine, DType::F32, &Device::Cpu).unwrap();
    Model::Vae(Vae::new(&architecture, &start, &backend).unwrap())
}

/// The definition, a whole pass for every sample: log-mean-exp of log p(x|z) + log p(z) - log q(z|x).
fn plain(model: &Model, objective: &Objective, on: &Measurement<'_>, samples: usize) -> f64 {
    let mut total = 0.0;
    for index in 0..on.images.len() as u32 {
        let x = on.draw.batch(on.images, &[index], DType::F32, &Device::Cpu).unwrap();
        let mut stream = Stream::new(on.seed, Purpose::ImportanceNoise, on.epoch, u64::from(index));
        let log_weights: Vec<f64> = (0..samples)
            .map(|_| {
                let mut noise = vec![0f32; LATENTS];
                stream.fill_normal(&mut noise);
                let noise = Tensor::from_vec(noise, (1, LATENTS), &Device::Cpu).unwrap();
                let pass = model.pass(&Batch { x: x.clone(), noise }, &objective.recon).unwrap();
                let Latents::Gaussian(latents) = &pass.latents else { panic!("a VAE is Gaussian") };
                let energy = pass.energy.to_dtype(DType::F64).unwrap();
                let log_sigma = pass.log_sigma.as_ref().map(|p| p.to_dtype(DType::F64).unwrap());
                let recon_nll = objective.recon.recon(&energy, log_sigma.as_ref()).unwrap();
                let log_ratio = latents.log_ratio().unwrap().to_dtype(DType::F64).unwrap();
                -(recon_nll + log_ratio).unwrap().to_vec1::<f64>().unwrap()[0]
            })
            .collect();
        let largest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mean = log_weights.iter().map(|w| (w - largest).exp()).sum::<f64>() / samples as f64;
        total -= largest + mean.ln();
    }
    total / on.images.len() as f64
}

fn estimate(model: &Model, objective: &Objective, on: &Measurement<'_>, samples: u32) -> ImportanceEstimate {
    importance_weighted_nll(model, objective, on, samples, &|_| {}).unwrap().unwrap()
}

#[test]
fn many_samples_at_a_time_give_what_a_whole_pass_for_each_gives() {
    let images = images();
    let cases = [
        (ReconLoss::Bce, OutputMap::Identity, Activation::Relu),
        (ReconLoss::Gaussian { sigma2: 0.1 }, OutputMap::Identity, Activation::Tanh),
        (ReconLoss::Gaussian { sigma2: 0.1 }, OutputMap::Sigmoid, Activation::Softplus),
        (ReconLoss::GaussianLearned, OutputMap::Identity, Activation::Softplus),
        (ReconLoss::Laplace { scale: 0.3 }, OutputMap::Identity, Activation::Relu),
        (ReconLoss::ContinuousBernoulli, OutputMap::Identity, Activation::Relu),
    ];
    for (loss, output, activation) in cases {
        let mut objective = Objective::neg_elbo_of(loss, 784, LATENTS);
        objective.recon.output = output;
        for engine in [Engine::Fused, Engine::Candle] {
            let model = model(loss, activation, engine);
            // 1 sample, fewer than are decoded at a time, and more; Candle's own layers take long.
            let counts: &[usize] = if engine == Engine::Fused { &[1, 13, 600] } else { &[1, 13] };
            for &samples in counts {
                let expected = plain(&model, &objective, &on(&images, 1, 23), samples);
                let found = estimate(&model, &objective, &on(&images, 1, 23), samples as u32).nll;
                let gap = (found / expected - 1.0).abs();
                assert!(gap < 1e-6, "{loss:?} {output:?} {engine:?} {samples}: {found} is not {expected}");
            }
        }
    }
}

#[test]
fn neither_batches_nor_threads_change_a_bit() {
    let images = images();
    let objective = Objective::neg_elbo_of(ReconLoss::Bce, 784, LATENTS);
    let model = model(ReconLoss::Bce, Activation::Relu, Engine::Fused);
    for samples in [3, 700] {
        let at = |batch, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| estimate(&model, &objective, &on(&images, 1, batch), samples))
        };
        let first = at(23, 1);
        for (batch, threads) in [(23, 2), (23, 4), (1, 1), (5, 3), (500, 2)] {
            assert_eq!(at(batch, threads), first, "{samples} samples, batches of {batch}, {threads} threads");
        }
    }
}

#[test]
fn the_standard_error_over_noise_is_the_spread_over_seeds() {
    let images = images();
    let objective = Objective::neg_elbo_of(ReconLoss::Gaussian { sigma2: 1.0 }, 784, LATENTS);
    let model = model(ReconLoss::Bce, Activation::Relu, Engine::Fused);
    let found: Vec<_> = (1..=60).map(|seed| estimate(&model, &objective, &on(&images, seed, 23), 64)).collect();
    let mean = found.iter().map(|e| e.nll).sum::<f64>() / 60.0;
    let spread = (found.iter().map(|e| (e.nll - mean).powi(2)).sum::<f64>() / 59.0).sqrt();
    let told = (found.iter().map(|e| e.se_noise.unwrap().powi(2)).sum::<f64>() / 60.0).sqrt();
    // The standard deviation of 60 has a standard error of 9%; three of them.
    assert!((spread / told - 1.0).abs() < 0.28, "{spread} over seeds, {told} told");
    assert!(found.iter().all(|e| e.se_images.unwrap() > 0.0));
    assert_eq!(estimate(&model, &objective, &on(&images, 1, 23), 1).se_noise, None, "one sample tells of no spread");
}

#[test]
fn the_estimate_comes_with_its_errors_and_for_grey_pixels_with_a_caveat() {
    let world = World::new();
    world.run(&["--loss", "bce"]).expect(0);
    let run = world.only_run();
    let run = run.to_str().unwrap();
    let text = world.vae_bench(&["eval", run]).expect(0).stdout;
    for words in ["standard error", "over images", "over noise", "in expectation an upper bound", "no likelihood"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("at most"), "{text}");
    let json = world.vae_bench(&["eval", run, "--json"]).expect(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let (images, noise) = (&json["iw_nll_se_images"], &json["iw_nll_se_noise"]);
    assert!(images.as_f64().unwrap() > noise.as_f64().unwrap() && noise.as_f64().unwrap() > 0.0, "{json}");
    let none = world.vae_bench(&["eval", run, "--json", "--samples", "0"]).expect(0).stdout;
    let none: serde_json::Value = serde_json::from_str(&none).unwrap();
    assert!(none["iw_nll"].is_null() && none["iw_nll_se_images"].is_null() && none["iw_nll_se_noise"].is_null());

    let binary = World::new();
    binary.run(&["--loss", "bce", "--binarize", "static"]).expect(0);
    let text = binary.vae_bench(&["eval", binary.only_run().to_str().unwrap()]).expect(0).stdout;
    assert!(text.contains("standard error") && !text.contains("no likelihood"), "{text}");
}

#[test]
fn a_long_estimate_says_every_tenth_unless_it_is_to_be_quiet() {
    let world = World::new();
    world.run(&["--epochs", "0"]).expect(0);
    let run = world.only_run();
    let eval = ["eval", run.to_str().unwrap(), "--samples", "5000"];
    let lines = world.vae_bench(&eval).expect(0).stderr;
    let expected: Vec<_> = (1..=10).map(|tenth| format!("{}% of 1000000 samples", 10 * tenth)).collect();
    let mut found: Vec<_> = lines.lines().collect();
    // Two threads may pass two tenths at the same time.
    found.sort_by_key(|line| line.split('%').next().unwrap().parse::<u32>().unwrap());
    assert_eq!(found, expected);
    for quiet in ["--quiet", "--json"] {
        assert_eq!(world.vae_bench(&[&eval[..], &[quiet]].concat()).expect(0).stderr, "");
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused_with_the_files_name() {
    let world = World::new();
    world.run(&["--epochs", "1"]).expect(0);
    let run = world.only_run();
    // As a run of an earlier version, without digests: else the changed file is refused before its numbers are looked at.
    let manifest = run.join("run.json");
    let mut facts: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    for key in ["generation", "attempt", "request", "files", "sha256"] {
        facts.as_object_mut().unwrap().remove(key);
    }
    std::fs::write(&manifest, facts.to_string()).unwrap();
    let path = run.join("model.safetensors");
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let bias = tensors.get_mut("mean.bias").unwrap();
    *bias = (&*bias * f64::NAN).unwrap();
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let refused = world.vae_bench(&["eval", run.to_str().unwrap(), "--json"]).expect(1);
    refused.error_with(&["model.safetensors", "mean.bias", "NaN", "--force"]);
    // Finite ones whose results are not.
    let huge = (tensors["mean.bias"].zeros_like().unwrap() + 3e38).unwrap();
    tensors.insert("mean.bias".to_owned(), huge);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    world.vae_bench(&["eval", run.to_str().unwrap()]).expect(1).error_with(&["model.safetensors", "not finite"]);
}
