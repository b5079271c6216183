//! `vae-bench presets`: the conventions of public code bases with their weights.

use clap::Args;
use serde_json::json;

use super::json::print_object;
use super::train::MNIST_PIXELS;
use crate::error::{Error, ExitCode, Result};
use crate::explain::{Context, explain, explain_codes};
use crate::report::Table;
use crate::spec::RunSpec;
use crate::spec::presets::{PRESETS, VQ_PRESETS};
use crate::terminal::{print_text, stdout_width};
use crate::text::significant;

/// Arguments of `presets`.
#[derive(Debug, Args)]
pub struct PresetsArgs {
    /// One JSON object per preset
    #[arg(long)]
    pub json: bool,
}

/// Lists the presets at MNIST's size; touches no data.
pub(super) fn run(args: &PresetsArgs) -> Result<ExitCode> {
    /// Variance of MNIST's training pixels around their common mean, for the one preset that divides by it.
    const MNIST_VARIANCE: f64 = 0.094_93;
    let mut table =
        Table::new(["preset", "a", "b", "effective", "at 784 pixels", "objective"]).left(&[0, 3, 5]).optional(&[1, 2]);
    for preset in PRESETS {
        let settings = preset.settings().map_err(|why| Error::Run(format!("{}: {why}", preset.name)))?;
        let spec = RunSpec::resolve(&settings)?;
        let on = Context { pixels: MNIST_PIXELS, data_variance: MNIST_VARIANCE, data: None, carry_to: None };
        let e = explain(&spec, Some(preset), &on)?;
        if args.json {
            let line = json!({
                "preset": preset.name,
                "source": preset.source,
                "line": preset.line,
                "objective": preset.objective,
                "note": preset.note,
                "recon_weight": e.recon_weight,
                "kl_weight": e.kl_weight,
                "beta_effective": e.beta_effective,
                "beta_sigma2": e.beta_sigma2,
                "beta_sigma2_per_mse": e.beta_sigma2_per_mse,
                "latent_dim": e.latent_dim,
                "batch_size": e.batch_size,
            });
            print_object("preset", line);
            continue;
        }
        let (name, value) = match (e.beta_sigma2, e.beta_effective, e.beta_sigma2_per_mse) {
            (Some(value), None, _) => ("beta*sigma2", significant(value)),
            (_, _, Some(value)) => ("beta*sigma2", format!("{} MSE", significant(value))),
            (_, Some(value), None) => ("beta", significant(value)),
            (None, None, None) => ("", String::new()),
        };
        table.row([
            preset.name.to_owned(),
            significant(e.recon_weight),
            significant(e.kl_weight),
            name.to_owned(),
            value,
            preset.objective.to_owned(),
        ]);
    }
    let vq_table = vq_table(args, MNIST_VARIANCE)?;
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

/// The presets of VQ-VAEs, which have three weights; with `--json` printed at once.
fn vq_table(args: &PresetsArgs, data_variance: f64) -> Result<Table> {
    let mut table = Table::new(["vq preset", "a", "w_cb", "w_cm", "rho", "N x d", "K", "objective"]).left(&[0, 7]);
    for preset in VQ_PRESETS {
        let settings = preset.settings().map_err(|why| Error::Run(format!("{}: {why}", preset.name)))?;
        let spec = RunSpec::resolve(&settings)?;
        let on = Context { pixels: MNIST_PIXELS, data_variance, data: None, carry_to: None };
        let Some(e) = explain_codes(&spec, Some(preset), &on) else { continue };
        let weights = e.weights;
        if args.json {
            let line = json!({
                "preset": preset.name,
                "source": preset.source,
                "line": preset.line,
                "objective": preset.objective,
                "note": preset.note,
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
            });
            print_object("preset", line);
            continue;
        }
        table.row([
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
    Ok(table)
}
