//! `vae-bench explain`: what an objective really is; trains nothing.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::json::object;
use super::run_args::{count, number};
use super::setting_args::{Layers, SettingArgs};
use super::threads::{pool, threads};
use crate::data::{Dataset, Loaded, load};
use crate::error::{Error, ExitCode, Result};
use crate::explain::{
    CodeExplanation, Context, DataSummary, Explanation, codes_to_text, explain, explain_codes, kl_text, to_text,
};
use crate::spec::{RunSpec, Settings};
use crate::terminal::{banner, print, print_text};

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ExplainArgs {
    /// One KL instead of an objective.
    #[command(subcommand)]
    pub what: Option<ExplainWhat>,
    /// The objective, as for a run.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Threads; the results do not depend on them [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, help_heading = "Running", env = "VAE_BENCH_THREADS", hide_env = true)]
    pub threads: Option<usize>,
    /// No warning about the data on stderr
    #[arg(long, short, help_heading = "Running")]
    pub quiet: bool,
    /// One JSON object (docs/json.md)
    #[arg(long, help_heading = "Running")]
    pub json: bool,
    /// Also say what these settings become on images of so many pixels
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub pixels: Option<usize>,
}

/// What else can be explained.
#[derive(Debug, Subcommand)]
pub enum ExplainWhat {
    /// Break one KL, of N(mean, exp(logvar)) from N(0, 1), into its terms
    Kl {
        /// Mean of the posterior
        #[arg(long, value_parser = number, allow_negative_numbers = true)]
        mean: f64,
        /// Logarithm of its variance
        #[arg(long, value_parser = number, allow_negative_numbers = true)]
        logvar: f64,
    },
}

/// An explanation by the family of its model.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Explained {
    Vae(Box<Explanation>),
    VqVae(Box<CodeExplanation>),
}

/// Explains an objective, or one KL.
pub(super) fn run(args: &ExplainArgs) -> Result<ExitCode> {
    if let Some(ExplainWhat::Kl { mean, logvar }) = args.what {
        if !(mean.is_finite() && logvar.is_finite()) {
            return Err(Error::Usage("explain kl: --mean and --logvar must be finite numbers".into()));
        }
        print(kl_text(mean, logvar));
        return Ok(ExitCode::Done);
    }
    if args.pixels == Some(0) {
        return Err(Error::Usage("--pixels 0: give a whole number of 1 or more".into()));
    }
    let Layers { flags, variables, file } = args.settings.layers()?;
    if args.pixels.is_some() && flags.over(variables).over(file).needs_pixels() {
        return Err(Error::Usage(
            "--pixels carries the same numbers to other images, and one written in pixels, such as 1/pixels, is another \
             number there; write the number, or leave --pixels out"
                .into(),
        ));
    }
    let settings = args.settings.settings()?;
    let spec = RunSpec::resolve(&settings)?;
    let explained = explained(&spec, &settings, args.threads, args.quiet, args.pixels)?;
    if args.json {
        let json = serde_json::to_string_pretty(&object("explanation", &explained))
            .map_err(|e| Error::Run(format!("the explanation cannot be written as JSON ({e})")))?;
        print(format!("{json}\n"));
    } else {
        print_text(&match &explained {
            Explained::Vae(explanation) => to_text(explanation),
            Explained::VqVae(explanation) => codes_to_text(explanation),
        });
    }
    Ok(ExitCode::Done)
}

/// Explains `spec`, which came of `settings`, on the data that they name.
pub(super) fn explained(
    spec: &RunSpec,
    settings: &Settings,
    threads: Option<usize>,
    quiet: bool,
    carry_to: Option<usize>,
) -> Result<Explained> {
    pool(threads)?.install(|| -> Result<Explained> {
        let Loaded { dataset, warning } = load(spec.data().source, settings.data_dir.as_deref())?;
        if let (Some(warning), false) = (warning, quiet) {
            banner(&warning);
        }
        let dataset: Dataset = dataset.named(settings.data_name.clone()).subset(
            spec.data().train_size,
            spec.data().test_size,
            spec.seed(),
        )?;
        let data = DataSummary::of(&dataset, spec.data().pixels)?;
        let preset = settings.preset.map(|name| name.preset());
        let on = Context {
            pixels: dataset.pixels(),
            data_variance: spec.data_variance(&data.train)?,
            data: Some(&data),
            carry_to,
        };
        Ok(match explain_codes(spec, preset, &on) {
            Some(codes) => Explained::VqVae(Box::new(codes)),
            None => Explained::Vae(Box::new(explain(spec, preset, &on)?)),
        })
    })
}
