//! `vae-bench eval`: what a trained model has learned, on the test images.

use candle_core::{DType, Device};
use nalgebra::DMatrix;
use serde_json::json;

use super::args::EvalArgs;
use super::{pool, print};
use crate::data::{Loaded, PixelDraw, eigenvalues, load};
use crate::error::{Error, ExitCode, Result};
use crate::evaluate::{BATCH, Evaluation, Measurement, evaluate};
use crate::metrics::significant;
use crate::objective::Time;
use crate::records::{RunDir, RunRecord};
use crate::rng::Purpose;
use crate::run::read_model;
use crate::spec::RunSpec;

/// A direction of the latent space is active if the posterior means' variance along it exceeds this.
const ACTIVE_DIRECTION: f64 = 0.05;

/// Measures the run in `args.run`.
pub(super) fn eval(args: &EvalArgs) -> Result<ExitCode> {
    let dir = RunDir::new(&args.run);
    let run = RunRecord::read(&dir)?;
    let spec = RunSpec::resolve(&run.settings)?;
    let data_dir = args.data.data_dir.as_deref().or(run.settings.data_dir.as_deref());
    pool(None)?.install(|| {
        let Loaded { dataset, .. } = load(spec.data().source, data_dir)?;
        if dataset.files != run.manifest.data.files {
            return Err(Error::Data(format!(
                "{}: was trained on other data than this; name the data's directory with --data-dir",
                args.run.display()
            )));
        }
        let data = dataset.subset(spec.data().train_size, spec.data().test_size, spec.seed())?;
        let model = read_model(&dir, &spec, data.pixels())?;
        let epoch = u64::from(spec.training().epochs);
        let draw = PixelDraw { pixels: spec.data().pixels, seed: spec.seed(), purpose: Purpose::BinarizeTest, epoch };
        let on = Measurement { images: &data.test, draw, seed: spec.seed(), epoch, batch: BATCH };
        // The factors in front of the terms play no part in R and K, nor does the variance that one may need.
        let objective = spec.objective_for(data.pixels(), f64::NAN);
        let found = evaluate(&model, &objective, &on, DType::F32, &Device::Cpu)?;
        let log_sigma = model.log_sigma_value()?;
        let ledgers = objective.ledgers(&found.averages, log_sigma, spec.training().batch_size, Time::END)?;
        report(args, &found, ledgers.recon, objective.neg_elbo(ledgers.recon, ledgers.kl));
        Ok(ExitCode::Done)
    })
}

fn report(args: &EvalArgs, found: &Evaluation, recon: f64, neg_elbo: Option<f64>) {
    let latents = found.kl_per_latent.len();
    let directions = eigenvalues(DMatrix::from_row_slice(latents, latents, &found.mean_covariance));
    let active = directions.iter().filter(|&&variance| variance > ACTIVE_DIRECTION).count();
    if args.json {
        let line = json!({
            "recon": recon,
            "kl": found.averages.kl,
            "neg_elbo": neg_elbo,
            "active_units": found.active_units,
            "active_directions": active,
            "direction_variances": directions,
            "kl_per_latent": found.kl_per_latent,
        });
        print(format!("{line}\n").as_bytes());
        return;
    }
    let symbol = if neg_elbo.is_some() { "R" } else { "S" };
    let mut text = format!("test {symbol}              {recon:.4}\ntest K              {:.4}\n", found.averages.kl);
    if let Some(value) = neg_elbo {
        text.push_str(&format!("test -ELBO          {value:.4}\n"));
    }
    let list = |values: &[f64]| values.iter().map(|&v| significant(v)).collect::<Vec<_>>().join(" ");
    let mut kl = found.kl_per_latent.clone();
    kl.sort_by(|a, b| b.total_cmp(a));
    text.push_str(&format!(
        "active units        {} of {latents} (variance of the posterior mean above 0.01)\n\
         active directions   {active} of {latents} (eigenvalue of its covariance above {ACTIVE_DIRECTION})\n\
         KL per latent       {}\n\
         eigenvalues         {}\n",
        found.active_units,
        list(&kl),
        list(&directions)
    ));
    print(text.as_bytes());
}
