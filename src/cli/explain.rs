//! `vae-bench explain` and `vae-bench presets`.

use serde_json::json;

use super::args::{ExplainArgs, ExplainWhat, PresetsArgs};
use super::{MNIST_PIXELS, banner, layered, pool, print};
use crate::data::{Dataset, Loaded, load};
use crate::error::{Error, ExitCode, Result};
use crate::explain::{Context, DataSummary, Explanation, explain as explain_spec, kl_text, to_text};
use crate::report::Table;
use crate::spec::RunSpec;
use crate::spec::presets::PRESETS;
use crate::text::significant;

/// Explains an objective, or one KL.
pub(super) fn explain(args: &ExplainArgs) -> Result<ExitCode> {
    if let Some(ExplainWhat::Kl { mean, logvar }) = args.what {
        if !(mean.is_finite() && logvar.is_finite()) {
            return Err(Error::Usage("explain kl: --mean and --logvar must be finite numbers".into()));
        }
        print(kl_text(mean, logvar).as_bytes());
        return Ok(ExitCode::Done);
    }
    if args.pixels == Some(0) {
        return Err(Error::Usage("--pixels 0: give a whole number of 1 or more".into()));
    }
    let settings = layered(&args.run)?;
    let spec = RunSpec::resolve(&settings)?;
    let explanation = pool(args.run.threads)?.install(|| -> Result<Explanation> {
        let Loaded { dataset, warning } = load(spec.data().source, settings.data_dir.as_deref())?;
        if let (Some(warning), false) = (warning, args.run.quiet) {
            banner(&warning);
        }
        let dataset: Dataset = dataset.subset(spec.data().train_size, spec.data().test_size, spec.seed())?;
        let data = DataSummary::of(&dataset, spec.data().pixels)?;
        let preset = settings.preset.map(|name| name.preset());
        let on = Context {
            pixels: dataset.pixels(),
            data_variance: spec.data_variance(&data.train)?,
            data: Some(&data),
            carry_to: args.pixels,
        };
        explain_spec(&spec, preset, &on)
    })?;
    if args.run.json {
        let json = serde_json::to_string_pretty(&explanation)
            .map_err(|e| Error::Run(format!("the explanation cannot be written as JSON ({e})")))?;
        print(format!("{json}\n").as_bytes());
    } else {
        print(to_text(&explanation).as_bytes());
    }
    Ok(ExitCode::Done)
}

/// Lists the presets at MNIST's size; touches no data.
pub(super) fn presets(args: &PresetsArgs) -> Result<ExitCode> {
    /// Variance of MNIST's training pixels around their common mean, for the one preset that divides by it.
    const MNIST_VARIANCE: f64 = 0.094_93;
    let mut table = Table::new(["preset", "a", "b", "effective", "at 784 pixels", "objective"]).left(&[0, 3, 5]);
    for preset in PRESETS {
        let settings = preset.settings().map_err(|why| Error::Run(format!("{}: {why}", preset.name)))?;
        let spec = RunSpec::resolve(&settings)?;
        let on = Context { pixels: MNIST_PIXELS, data_variance: MNIST_VARIANCE, data: None, carry_to: None };
        let e = explain_spec(&spec, Some(preset), &on)?;
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
            print(format!("{line}\n").as_bytes());
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
    if !args.json {
        print(table.to_string().as_bytes());
        print(
            b"\na weighs R (S for squared errors), b weighs K. `vae-bench explain --preset NAME` tells more, `--json` gives \
              sources.\n",
        );
    }
    Ok(ExitCode::Done)
}
