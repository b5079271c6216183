//! The training loop as a library: what a scale does to a trajectory, and what a batch size does not do to a measure.

use candle_nn::Optimizer as _;
use vae_bench::data::synthetic::{Split, digits};
use vae_bench::data::{Binarize, Dataset, DatasetName, Images, PixelDraw, PixelRange, Pixels};
use vae_bench::engine::Backend;
use vae_bench::evaluate::{Evaluation, LatentEvaluation, Measurement, evaluate};
use vae_bench::metrics::{EpochRecord, TimingRecord};
use vae_bench::model::{Architecture, Model, Start, Vae};
use vae_bench::objective::{LatentAverages, Objective};
use vae_bench::optimizer::Optimizer;
use vae_bench::rng::Purpose;
use vae_bench::spec::{RunSpec, Settings};
use vae_bench::terms::Term;
use vae_bench::train::{Flow, Observer, ResumePoint, State, Task, train};

const STEPS: usize = 50;
const PIXELS: Pixels = Pixels { binarize: Binarize::None, range: PixelRange::Unit };

fn images(split: Split, n: usize) -> Images {
    let drawn = digits(3, split, n);
    Images::new(drawn.pixels, drawn.labels, 28, 28).unwrap()
}

fn data() -> Dataset {
    Dataset::new(DatasetName::Synthetic, images(Split::Train, 16 * STEPS), images(Split::Test, 103), Vec::new())
}

/// R and K of every batch of the first epoch.
#[derive(Default)]
struct Trajectory(Vec<(f64, f64)>);

impl Observer for Trajectory {
    type Error = candle_core::Error;

    fn batch(&mut self, _: &Task<'_>, state: &State) -> Flow {
        // Sums over the epoch so far; the last batch alone is the difference.
        let sums = &state.progress.sums.ledgers.canonical;
        self.0.push((*sums.get(Term::Recon).unwrap(), *sums.get(Term::Kl).unwrap()));
        Flow::Continue
    }

    fn epoch(
        &mut self,
        _: &Task<'_>,
        _: &State,
        _: &[EpochRecord],
        _: Option<TimingRecord>,
    ) -> Result<Flow, candle_core::Error> {
        Ok(Flow::Continue)
    }
}

fn state(spec: &RunSpec, architecture: &Architecture) -> State {
    let start = Start { init: spec.network().init, seed: spec.seed(), output_bias: None };
    let model = Model::Vae(Vae::new(architecture, &start, &Backend::FUSED).unwrap());
    let parameters: Vec<_> = model.parameters().iter().map(|(_, p)| p.clone()).collect();
    let optimizer = Optimizer::new(parameters, spec.training().optimizer).unwrap();
    State { optimizer, model, control: spec.objective_for(784, 1.0).control(), progress: ResumePoint::default() }
}

/// Sums of R and of K over the first 1, 2, ... 50 steps of the run that `toml` asks for.
fn trajectory(toml: &str) -> Vec<(f64, f64)> {
    let data = data();
    let base = "hidden = [64]\nlatent-dim = 5\nbatch-size = 16\nepochs = 1\n";
    let spec = RunSpec::resolve(&Settings::parse(&format!("{base}{toml}")).unwrap()).unwrap();
    let task = Task {
        objective: spec.objective_for(784, f64::NAN),
        data: &data,
        pixels: PIXELS,
        batch_size: spec.training().batch_size,
        epochs: 1,
        seed: spec.seed(),
    };
    let mut seen = Trajectory::default();
    train(&task, &mut state(&spec, &spec.architecture(784)), &mut seen).unwrap();
    assert_eq!(seen.0.len(), STEPS);
    seen.0
}

/// The largest relative distance in R, or distance in K in nats an image, between two trajectories.
fn distance(a: &[(f64, f64)], b: &[(f64, f64)]) -> f64 {
    let gaps = a.iter().zip(b).zip(1..).map(|((a, b), step)| {
        let images = 16.0 * f64::from(step);
        ((a.0 - b.0) / a.0).abs().max((a.1 - b.1).abs() / images)
    });
    gaps.fold(0.0, f64::max)
}

#[test]
fn adam_without_eps_does_not_see_the_scale_of_an_objective() {
    // The same beta of 1, with a and b both 1, both 16 (the batch) and both 1/784.
    let sum = trajectory("reduction = 'sum'\nadam-eps = 1e-30");
    let batch_sum = trajectory("reduction = 'batch-sum'\nadam-eps = 1e-30");
    let both_means = trajectory("reduction = 'mean'\nkl-weight = '1/pixels'\nadam-eps = 1e-30");
    assert!(distance(&sum, &batch_sum) < 1e-3, "{}", distance(&sum, &batch_sum));
    assert!(distance(&sum, &both_means) < 1e-3, "{}", distance(&sum, &both_means));
    // Another beta is another trajectory.
    let other = trajectory("reduction = 'mean'\nadam-eps = 1e-30");
    assert!(distance(&sum, &other) > 1e-2, "{}", distance(&sum, &other));
}

#[test]
fn sgd_sees_the_scale_until_the_learning_rate_is_divided_by_it() {
    let sum = trajectory("optimizer = 'sgd'\nreduction = 'sum'\nlr = 1e-3");
    let scaled = trajectory("optimizer = 'sgd'\nreduction = 'mean'\nkl-weight = '1/pixels'\nlr = 1e-3");
    assert!(distance(&sum, &scaled) > 1e-2, "{}", distance(&sum, &scaled));
    let rescaled = trajectory("optimizer = 'sgd'\nreduction = 'mean'\nkl-weight = '1/pixels'\nlr = 0.784");
    assert!(distance(&sum, &rescaled) < 1e-3, "{}", distance(&sum, &rescaled));
}

#[test]
fn what_is_measured_on_a_frozen_model_does_not_depend_on_the_batch() {
    let test = images(Split::Test, 103);
    for toml in ["", "loss = 'gaussian-optimal'", "loss = 'mse'\nfree-bits = 'latent-batch:0.05'", "kl = 'monte-carlo'"]
    {
        let spec =
            RunSpec::resolve(&Settings::parse(&format!("hidden = [64]\nlatent-dim = 5\n{toml}")).unwrap()).unwrap();
        let objective: Objective = spec.objective_for(784, f64::NAN);
        let model = state(&spec, &spec.architecture(784)).model;
        let measured = |batch: usize| -> Evaluation {
            let draw = PixelDraw { pixels: PIXELS, seed: 1, purpose: Purpose::BinarizeTest, epoch: 0 };
            let on = Measurement { images: &test, draw, seed: 1, epoch: 0, batch };
            evaluate(&model, &objective, &on).unwrap()
        };
        let whole = measured(10_000);
        for batch in [1, 7, 128] {
            let part = measured(batch);
            assert_eq!(part.averages.energy.to_bits(), whole.averages.energy.to_bits(), "{toml}, batches of {batch}");
            let gaussian = |found: &Evaluation| match found.averages.latents {
                LatentAverages::Gaussian { kl, estimate } => (kl, estimate),
                LatentAverages::Codes { .. } => panic!("a VAE has no codes"),
            };
            let ((kl, estimate), (whole_kl, whole_estimate)) = (gaussian(&part), gaussian(&whole));
            assert_eq!(kl.to_bits(), whole_kl.to_bits(), "{toml}, batches of {batch}");
            let active = |found: &Evaluation| match &found.latents {
                LatentEvaluation::Gaussian(latents) => latents.active_units,
                LatentEvaluation::Codes(_) => panic!("a VAE has no codes"),
            };
            assert_eq!(active(&part), active(&whole));
            let gap = (estimate - whole_estimate).abs();
            assert!(gap < 1e-5 * whole_estimate.abs(), "{toml}, batches of {batch}: {gap}");
        }
    }
}
