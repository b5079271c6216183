//! `vae-bench eval`: what a trained model has learned, on the test images.

use std::path::PathBuf;

use clap::Args;
use nalgebra::DMatrix;
use serde_json::json;

use super::data::DataDirArg;
use super::eval_codes;
use super::evaluated_run::EvaluatedRun;
use super::json::print_object;
use super::progress::{Progress, Visibility};
use super::run_args::count;
use super::run_names::RunsIn;
use super::threads::pool;
use crate::data::{PixelStats, eigenvalues};
use crate::error::{Error, ExitCode, Result};
use crate::evaluate::{GaussianEvaluation, LatentEvaluation};
use crate::importance::{ImportanceEstimate, importance_weighted_nll};
use crate::objective::{Moment, Time};
use crate::run::{last_measurement, write_latents};
use crate::terminal::{print_line, print_text, say, warn};
use crate::terms::{Ledgers, Term};
use crate::text::significant;

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A finished run: its directory, its name, or the beginning of its name
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where it is looked up.
    #[command(flatten)]
    pub runs: RunsIn,
    /// Where the data is, if not where it was
    #[command(flatten)]
    pub data: DataDirArg,
    /// Samples of z per image for the importance-weighted estimate of -log p(x): the bound falls with them; 0 leaves it out
    #[arg(long, value_name = "N", default_value = "64", value_parser = count::<u32>, allow_negative_numbers = true)]
    pub samples: u32,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Also paint what the model makes of images, into RUN/images
    #[arg(long)]
    pub images: bool,
    /// No progress on stderr
    #[arg(long)]
    pub quiet: bool,
}

/// A direction of the latent space is active if the posterior means' variance along it exceeds this.
const ACTIVE_DIRECTION: f64 = 0.05;

/// Measures the run in `args.run`.
pub(super) fn run(args: &EvalArgs) -> Result<ExitCode> {
    let dir = args.runs.find(&args.run)?;
    pool(None)?.install(|| {
        let evaluated = EvaluatedRun::read(&dir, args.data.data_dir.as_deref())?;
        let EvaluatedRun { spec, model, objective, found, .. } = &evaluated;
        let ledgers = objective.ledgers(&found.averages, spec.training().batch_size, Moment::as_written(Time::END))?;
        let on = last_measurement(spec, &evaluated.data);
        let found_is_finite = ledgers.canonical.iter().all(|(_, value)| value.is_finite());
        let samples = u64::from(args.samples) * on.images.len() as u64;
        let visibility = if args.quiet || args.json { Visibility::Hidden } else { Visibility::Shown };
        let progress = Progress::new("samples", samples, visibility);
        let iw = importance_weighted_nll(model, objective, &on, args.samples, &|done| progress.add(done))?;
        progress.finish();
        if !(found_is_finite && iw.is_none_or(|iw| iw.nll.is_finite())) {
            let path = dir.model();
            return Err(Error::Run(format!(
                "{}: its weights give numbers that are not finite; repeat the run with --force",
                path.display()
            )));
        }
        let grey_entropy = objective.recon.entropy_floor(&PixelStats::of(on.images, on.draw.pixels));
        let grey_entropy = grey_entropy.filter(|&nats| nats > 0.0);
        match &found.latents {
            LatentEvaluation::Gaussian(latents) => {
                report(args, latents, &ledgers, objective.neg_elbo(&ledgers), iw, grey_entropy);
            }
            LatentEvaluation::Codes(codes) => eval_codes::report(args, spec, codes, &ledgers, objective, grey_entropy),
        }
        // Runs of older versions have none; where one cannot be written, nothing that was asked for is lost.
        if matches!(found.latents, LatentEvaluation::Gaussian(_))
            && !dir.latents().exists()
            && let Err(why) = write_latents(&dir, &evaluated.latents)
        {
            warn(&why.to_string());
        }
        if args.images {
            let line = evaluated.paint(&dir)?;
            if args.json { say(&line) } else { print_line(&line) }
        }
        Ok(ExitCode::Done)
    })
}

/// `grey_entropy` is the entropy of grey pixels that a Bernoulli likelihood takes for probabilities.
fn report(
    args: &EvalArgs,
    found: &GaussianEvaluation,
    ledgers: &Ledgers,
    neg_elbo: Option<f64>,
    iw: Option<ImportanceEstimate>,
    grey_entropy: Option<f64>,
) {
    let term = |term| ledgers.canonical.get(term).copied().unwrap_or(f64::NAN);
    let (recon, kl) = (term(Term::Recon), term(Term::Kl));
    let latents = found.kl_per_latent.len();
    let directions = eigenvalues(DMatrix::from_row_slice(latents, latents, &found.mean_covariance));
    let active = directions.iter().filter(|&&variance| variance > ACTIVE_DIRECTION).count();
    if args.json {
        let line = json!({
            "recon": recon,
            "kl": kl,
            "neg_elbo": neg_elbo,
            "iw_nll": iw.map(|iw| iw.nll),
            "iw_nll_se_images": iw.and_then(|iw| iw.se_images),
            "iw_nll_se_noise": iw.and_then(|iw| iw.se_noise),
            "iw_samples": iw.map(|_| args.samples),
            "active_units": found.active_units,
            "active_directions": active,
            "direction_variances": directions,
            "kl_per_latent": found.kl_per_latent,
        });
        print_object("evaluation", line);
        return;
    }
    let symbol = if neg_elbo.is_some() { "R" } else { "S" };
    let mut text = format!("test {symbol}              {recon:.4}\ntest K              {kl:.4}\n");
    if let Some(value) = neg_elbo {
        text.push_str(&format!("test -ELBO          {value:.4}\n"));
    }
    if let Some(iw) = iw {
        text.push_str(&iw_lines(&iw, args.samples));
    }
    if let Some(nats) = grey_entropy {
        text.push_str(&format!(
            "                    of grey pixels bce is a cross-entropy and no likelihood: none of these goes below the\n\
             \x20                   pixels' own entropy, {nats:.1} nats; --binarize dynamic makes it a\n\
             \x20                   likelihood, and --loss discretized-logistic is one of grey pixels\n"
        ));
    }
    let list = |values: &[f64]| values.iter().map(|&v| significant(v)).collect::<Vec<_>>().join(" ");
    let mut by_latent = found.kl_per_latent.clone();
    by_latent.sort_by(|a, b| b.total_cmp(a));
    text.push_str(&format!(
        "active units        {} of {latents} (variance of the posterior mean above 0.01)\n\
         active directions   {active} of {latents} (eigenvalue of its covariance above {ACTIVE_DIRECTION})\n\
         KL per latent       {}\n\
         eigenvalues         {}\n",
        found.active_units,
        list(&by_latent),
        list(&directions)
    ));
    print_text(&text);
}

/// The importance-weighted estimate with its standard errors, where there is more than one image or sample.
fn iw_lines(iw: &ImportanceEstimate, samples: u32) -> String {
    let errors: Vec<String> = [(iw.se_images, "over images"), (iw.se_noise, "over noise")]
        .into_iter()
        .filter_map(|(error, over)| Some(format!("{} {over}", significant(error?))))
        .collect();
    let errors = if errors.is_empty() { String::new() } else { format!(", standard error {}", errors.join(", ")) };
    format!(
        "test -log p(x)      {:.4}{errors}\n                    \
         (importance-weighted, {samples} samples per image: in expectation an upper bound)\n",
        iw.nll
    )
}
