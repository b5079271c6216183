//! Trains a small VAE on 2,000 of the built-in synthetic digits and prints the rows of `metrics.csv`. No file is
//! written: `vae_bench::run` is the layer that adds a directory, a lock and checkpoints.
//!
//!     cargo run --release --example train_in_20_lines

use std::error::Error;

use candle_nn::Optimizer as _;
use vae_bench::data::{DataSource, load};
use vae_bench::engine::Backend;
use vae_bench::metrics::{EpochRecord, TimingRecord};
use vae_bench::model::{Model, Start, Vae};
use vae_bench::optimizer::Optimizer;
use vae_bench::spec::{RunSpec, Settings};
use vae_bench::train::{Flow, Observer, ResumePoint, State, Task, train};

/// Prints every row as the training loop hands it out.
struct Printer;

impl Observer for Printer {
    type Error = candle_core::Error;

    fn batch(&mut self, _: &Task<'_>, _: &State) -> Flow {
        Flow::Continue
    }

    fn epoch(
        &mut self,
        _: &Task<'_>,
        _: &State,
        rows: &[EpochRecord],
        _: Option<TimingRecord>,
    ) -> Result<Flow, candle_core::Error> {
        for row in rows {
            println!("{} {:?}: R {:.2}, K {:.2}", row.epoch, row.split, row.recon(), row.kl());
        }
        Ok(Flow::Continue)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Settings speak the language of the flags. A spec is what they resolve to: complete, valid, immutable.
    let settings = Settings::parse("latent-dim = 10\nepochs = 2\ntrain-size = 2000\ntest-size = 500")?;
    let spec = RunSpec::resolve(&settings)?;
    let (seed, training, wanted) = (spec.seed(), spec.training(), spec.data());
    let data = load(DataSource::Synthetic, None)?.dataset.subset(wanted.train_size, wanted.test_size, seed)?;

    // The model gives a pass, the objective weighs it, the optimiser steps.
    let start = Start { init: spec.network().init, seed, output_bias: None };
    let model = Model::Vae(Vae::new(&spec.architecture(data.pixels()), &start, &Backend::FUSED)?);
    let parameters = model.parameters().iter().map(|(_, parameter)| parameter.clone()).collect();
    let optimizer = Optimizer::new(parameters, training.optimizer)?;
    let task = Task {
        // The second argument is the variance of the data; only `--recon-weight 1/data-variance` reads it.
        objective: spec.objective_for(data.pixels(), f64::NAN),
        data: &data,
        pixels: wanted.pixels,
        batch_size: training.batch_size,
        epochs: training.epochs,
        seed,
    };
    let control = task.objective.control();
    let mut state = State { model, optimizer, control, progress: ResumePoint::default() };
    let outcome = train(&task, &mut state, &mut Printer)?;
    println!("{outcome:?}");
    Ok(())
}
