//! `vae-bench presets`: the conventions of public code bases with their weights.

use clap::Args;
use serde_json::json;

use super::json::print_object;
use super::train::MNIST_PIXELS;
use crate::error::{Error, ExitCode, Result};
use crate::explain::{Context, explain, explain_codes};
use crate::report::Table;
use crate::spec::RunSpec;
use crate::spec::presets::{PRESETS, Preset, VQ_PRESETS};
use crate::terminal::{print_text, stdout_width};
use crate::text::significant;

/// Arguments of `presets`.
#[derive(Debug, Args)]
pub struct PresetsArgs {
    /// One JSON object per preset
    #[arg(long)]
    pub json: bool,
}

/// Variance of MNIST's training pixels around their common mean, for the presets that divide by it.
const MNIST_VARIANCE: f64 = 0.094_93;

/// Lists the presets at MNIST's size; touches no data.
pub(super) fn run(args: &PresetsArgs) -> Result<ExitCode> {
    let mut table =
        Table::new(["preset", "a", "b", "effective", "at 784 pixels", "objective"]).left(&[0, 3, 5]).optional(&[1, 2]);
    for preset in PRESETS {
        let e = explain(&spec(preset)?, Some(preset), &on())?;
        if args.json {
            print_preset(
                preset,
                json!({
                    "recon_weight": e.recon_weight,
                    "kl_weight": e.kl_weight,
                    "beta_effective": e.beta_effective,
                    "beta_sigma2": e.beta_sigma2,
                    "beta_sigma2_per_mse": e.beta_sigma2_per_mse,
                    "latent_dim": e.latent_dim,
                    "batch_size": e.batch_size,
                }),
            );
        }
        let (name, value) = match (e.beta_sigma2, e.beta_effective, e.beta_sigma2_per_mse) {
            (Some(value), None, _) => ("beta*sigma2", significant(value)),
            (_, _, Some(value)) => ("beta*sigma2", format!("{} MSE", significant(value))),
            (_, Some(value), None) => ("beta", significant(value)),
            (None, None, None) => ("", String::new()),
        };
        let (a, b) = (significant(e.recon_weight), significant(e.kl_weight));
        table.row([preset.name.to_owned(), a, b, name.to_owned(), value, preset.objective.to_owned()]);
    }
    let mut vq_table = Table::new(["vq preset", "a", "w_cb", "w_cm", "rho", "N x d", "K", "objective"]).left(&[0, 7]);
    for preset in VQ_PRESETS {
        let Some(e) = explain_codes(&spec(preset)?, Some(preset), &on()) else { continue };
        let weights = e.weights;
        if args.json {
            print_preset(
                preset,
                json!({
                    "model": e.model,
                    "recon_weight": weights.recon_weight,
                    "codebook_weight": weights.codebook_weight,
                    "commitment_weight": weights.commitment_weight,
                    "commitment_ratio": weights.commitment_ratio,
                    "codes": e.codes,
                    "code_dim": e.code_dim,
                    "codebook_size": e.codebook_size,
                    "rate_nats": e.rate_nats,
                    "batch_size": e.batch_size,
                }),
            );
        }
        vq_table.row([
            preset.name.to_owned(),
            significant(weights.recon_weight),
            weights.codebook_weight.map_or_else(|| "EMA".to_owned(), significant),
            significant(weights.commitment_weight),
            significant(weights.commitment_ratio),
            format!("{} x {}", e.codes, e.code_dim),
            e.codebook_size.to_string(),
            preset.objective.to_owned(),
        ]);
    }
    if !args.json {
        let width = stdout_width();
        print_text(&format!("{}\n{}", table.fit(width), vq_table.fit(width)));
        print_text(
            "\na weighs R (S for squared errors), b weighs K. Of a VQ-VAE w_cb and w_cm weigh C, the distance of the codes from \
              their entries, and rho = w_cm/a. `vae-bench explain --preset NAME` tells more, `--json` gives sources.\n",
        );
    }
    Ok(ExitCode::Done)
}

/// The run that the preset is.
fn spec(preset: &Preset) -> Result<RunSpec> {
    RunSpec::resolve(&preset.settings().map_err(|why| Error::Run(format!("{}: {why}", preset.name)))?)
}

/// What the presets are explained for.
fn on() -> Context<'static> {
    Context { pixels: MNIST_PIXELS, data_variance: MNIST_VARIANCE, data: None, carry_to: None }
}

/// Prints the preset as one object: where it is from, then its `numbers`.
fn print_preset(preset: &Preset, numbers: serde_json::Value) {
    let mut line = json!({
        "preset": preset.name,
        "source": preset.source,
        "line": preset.line,
        "objective": preset.objective,
        "note": preset.note,
    });
    if let (Some(line), serde_json::Value::Object(numbers)) = (line.as_object_mut(), numbers) {
        line.extend(numbers);
    }
    print_object("preset", line);
}
