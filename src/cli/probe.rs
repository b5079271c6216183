//! `vae-bench probe`: what the user's own loss function optimises, found by running it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::explain::{Explained, explained};
use super::json::object;
use super::run_args::count;
use super::train::{MNIST_PIXELS, RunArgs, train};
use crate::error::{Error, ExitCode, Result};
use crate::explain::{Explanation, to_text};
use crate::probe::finding::Scored;
use crate::probe::text::{Line, effective, formula, lines, refusal_lines};
use crate::probe::{
    Effect, Finding, Job, Layout, Outcome, Plan, Precision, Python, Refusal, Shape, Started, as_run, identify,
};
use crate::spec::{RunSpec, Settings, cell_text};
use crate::terminal::{print, print_text, say};
use crate::text::shell_quote;

const EXAMPLES: &str = "\
Examples:
  vae-bench probe train.py:loss_function
  vae-bench probe model.py:VAE.loss_function --args recon,x,mean,logvar --set M_N=0.00025
  vae-bench probe -e 'F.mse_loss(recon, x) + 0.1 * torch.mean(-0.5 * (1 + logvar - mu**2 - logvar.exp()))'
  vae-bench probe train.py:loss_function --train --epochs 1     and train the same objective here

It runs the code of FILE.py, as `python FILE.py` would, as you and with all that you may do.";

/// Arguments of `probe`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProbeArgs {
    /// The function, as FILE.py:FUNCTION or FILE.py:Class.method
    #[arg(value_name = "FILE.py:FUNCTION", required_unless_present = "expression", conflicts_with = "expression")]
    pub target: Option<String>,
    /// An expression in recon, x, mu, logvar (and z, B, D, d) in place of a function
    #[arg(short = 'e', long, value_name = "EXPR", allow_hyphen_values = true)]
    pub expression: Option<String>,
    /// The Python that has the libraries of the function
    #[arg(long, value_name = "PROGRAM", default_value = "python3", env = "VAE_BENCH_PYTHON", hide_env = true)]
    pub python: String,
    /// What the function is given, in its order: recon, x, mean, logvar, z, key, model, or expressions of them
    #[arg(long, value_name = "LIST")]
    pub args: Option<String>,
    /// A value for another argument, or self.NAME of a method's object; B, D and d stand for the sizes
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// What a model that the function calls returns
    #[arg(long, value_name = "LIST", default_value = "recon,mean,logvar")]
    pub model_returns: String,
    /// The library whose tensors it takes: torch, tensorflow, jax or numpy [default: as it imports]
    #[arg(long, value_name = "NAME")]
    pub framework: Option<String>,
    /// Shape of the images [default: the first that the function takes]
    #[arg(long, value_enum)]
    pub layout: Option<Layout>,
    /// Channels and side of an image
    #[arg(long, value_name = "CxSIDE", default_value = "1x28", value_parser = image)]
    pub image: (usize, usize),
    /// Run only the imports, functions, classes and constants of FILE.py, for scripts that train when imported
    #[arg(long)]
    pub definitions_only: bool,
    /// End the code after so many seconds
    #[arg(long, value_name = "S", default_value = "120", value_parser = count::<u64>)]
    pub time_limit: u64,
    /// Also say what the weights become on images of so many pixels
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    pub pixels: Option<usize>,
    /// Train the same objective here
    #[arg(long)]
    pub train: bool,
    /// How: network, data, optimiser.
    #[command(flatten)]
    pub run: RunArgs,
}

/// "3x64": channels and side.
fn image(text: &str) -> Result<(usize, usize), String> {
    let hint = || "write channels and side such as 1x28 or 3x64".to_owned();
    let (channels, side) = text.split_once('x').ok_or_else(hint)?;
    let side = side.split_once('x').map_or(side, |(side, _)| side);
    match (channels.trim().parse(), side.trim().parse()) {
        (Ok(channels @ 1..=16), Ok(side @ 4..=512)) => Ok((channels, side)),
        _ => Err(hint()),
    }
}

/// The settings that are the objective's own, which only the probe may say.
const FOUND: [&str; 17] = [
    "model",
    "preset",
    "loss",
    "sigma2",
    "laplace-scale",
    "log-mse-scale",
    "reduction",
    "recon-weight",
    "kl-estimator",
    "kl-reduction",
    "kl-weight",
    "beta",
    "free-bits",
    "capacity",
    "gamma",
    "geco-tolerance",
    "target-kl",
];

/// A probe under one layout of the images.
struct Attempt {
    layout: Layout,
    precision: Precision,
    outcome: Outcome,
}

/// Runs the function, says what it is, and trains the same where that is asked for.
pub(super) fn run(args: &ProbeArgs) -> Result<ExitCode> {
    if args.pixels == Some(0) {
        return Err(Error::Usage("--pixels 0: give a whole number of 1 or more".into()));
    }
    let run_settings = args.run.settings()?;
    for (key, value) in run_settings.given() {
        if FOUND.contains(&key.as_str()) {
            return Err(Error::Usage(format!(
                "--{key} {}: the objective is what probe finds; to hand a number to your function, write --set NAME=VALUE",
                cell_text(&value, ",")
            )));
        }
    }
    let job = job(args)?;
    let name = args.target.clone().unwrap_or_else(|| "the expression".to_owned());
    if !args.run.running.quiet {
        say(&format!("probe runs {name} in {}: its code can do all that you can do", args.python));
    }
    let begun = Instant::now();
    let limit = Duration::from_secs(args.time_limit);
    let mut python = match Python::start(&args.python, &job, limit, args.image.0)? {
        Started::Ready(python) => *python,
        Started::Raised(text) => {
            crate::terminal::say_lines(text.trim_end());
            let hint = if args.definitions_only {
                ""
            } else {
                "; where it trains or reads files when imported, try --definitions-only"
            };
            return Err(Error::Run(format!("{name} failed while it was loaded: its own words are above{hint}")));
        }
    };
    let loaded = begun.elapsed();
    let attempts = attempts(&mut python, args.image)?;
    let took = begun.elapsed().saturating_sub(loaded);
    let ready = python.ready.clone();
    let printed = python.printed();
    drop(python);

    let shown = attempts.iter().position(|a| matches!(a.outcome, Outcome::Found(_)));
    let shown = shown.or_else(|| attempts.iter().position(|a| matches!(a.outcome, Outcome::Refused(_))));
    let Some(shown) = shown else {
        let text = attempts.into_iter().find_map(|a| match a.outcome {
            Outcome::Failed(text) => Some(text),
            Outcome::Found(_) | Outcome::Refused(_) => None,
        });
        if !printed.trim().is_empty() {
            crate::terminal::say_lines(printed.trim_end());
        }
        let text = text.unwrap_or_default();
        let hint = if text.contains("object has no attribute") {
            "; an attribute of its object is given with --set self.NAME=VALUE"
        } else {
            ""
        };
        crate::terminal::say_lines(text.trim_end());
        return Err(Error::Run(format!(
            "{name} failed, with images as {}: its own words are above{hint}",
            ready.layouts.iter().map(|l| l.shape(args.image.0, args.image.1)).collect::<Vec<_>>().join(", ")
        )));
    };
    let (channels, side) = args.image;
    let mut head: Vec<Line> = vec![
        (
            "probe",
            format!(
                "{name}, {} {}, in {}; asked in {:.1} s, loaded in {:.1} s",
                ready.framework,
                ready.version,
                attempts[shown].precision.name(),
                took.as_secs_f64(),
                loaded.as_secs_f64()
            ),
        ),
        (
            "given",
            format!(
                "{}; images as {}",
                if ready.arguments.is_empty() { "recon, x, mu, logvar".to_owned() } else { ready.arguments.join(", ") },
                attempts[shown].layout.shape(channels, side)
            ),
        ),
    ];
    head.extend(elsewhere(&attempts, shown, args.image));
    match &attempts[shown].outcome {
        Outcome::Found(finding) => say_found(args, &run_settings, finding, head, &ready.sampling, &attempts[shown]),
        Outcome::Refused(refusal) => {
            say_refused(args, refusal, head);
            Ok(ExitCode::RunFailed)
        }
        Outcome::Failed(text) => Err(Error::Run(text.clone())),
    }
}

fn job(args: &ProbeArgs) -> Result<Job> {
    let (file, function) = match &args.target {
        None => (None, None),
        Some(target) => match target.rsplit_once(':') {
            Some((file, function)) if !file.is_empty() && !function.is_empty() => {
                (Some(PathBuf::from(file)), Some(function.to_owned()))
            }
            _ => {
                return Err(Error::Usage(format!(
                    "{target}: name the function too, as FILE.py:FUNCTION or FILE.py:Class.method"
                )));
            }
        },
    };
    Ok(Job {
        file,
        function,
        expression: args.expression.clone(),
        args: args.args.clone(),
        set: args.set.clone(),
        model_returns: args.model_returns.clone(),
        framework: args.framework.clone(),
        definitions_only: args.definitions_only,
        layout: args.layout,
    })
}

/// Every layout that the library at hand uses, in double and then in single precision; the third layout only where the
/// others fail.
fn attempts(python: &mut Python, (channels, side): (usize, usize)) -> Result<Vec<Attempt>> {
    let plan = Plan::of(channels, side);
    let mut all: Vec<Attempt> = Vec::new();
    for (i, layout) in python.ready.layouts.clone().into_iter().enumerate() {
        if i == 2 && all.iter().any(|a| !matches!(a.outcome, Outcome::Failed(_))) {
            break;
        }
        python.layout = layout;
        for precision in [Precision::Double, Precision::Single] {
            python.precision = precision;
            let outcome = identify(python, &plan)?;
            let failed = matches!(outcome, Outcome::Failed(_));
            // Of two failures the second is said: the first may be about the type alone.
            if !failed || precision == Precision::Single {
                all.push(Attempt { layout, precision, outcome });
            }
            if !failed {
                break;
            }
        }
    }
    Ok(all)
}

/// What the function is under the other layouts that it takes, where that is something else.
fn elsewhere(attempts: &[Attempt], shown: usize, (channels, side): (usize, usize)) -> Vec<Line> {
    let Outcome::Found(here) = &attempts[shown].outcome else { return Vec::new() };
    let others = attempts.iter().enumerate().filter(|(i, _)| *i != shown);
    others
        .filter_map(|(_, other)| {
            let shape = other.layout.shape(channels, side);
            match &other.outcome {
                Outcome::Found(there) if formula(there) == formula(here) => None,
                Outcome::Found(there) => Some((
                    "BEWARE",
                    format!(
                        "with images as {shape} it is {}: say which you pass, with --layout {}",
                        formula(there),
                        crate::choice::Choice::name(&other.layout)
                    ),
                )),
                Outcome::Refused(why) => {
                    Some(("", format!("with images as {shape} it is no loss that is known: {}", why.reason)))
                }
                Outcome::Failed(_) => None,
            }
        })
        .collect()
}

/// The run settings with the objective that was found.
fn as_settings(run: &Settings, finding: &Finding) -> Result<Settings, String> {
    let completed = run.clone().completed().map_err(|e| e.to_string())?;
    let shape = Shape {
        batch: completed.batch_size.map_or(128, |n| n.get()),
        pixels: MNIST_PIXELS,
        latents: completed.latent_dim.map_or(20, |n| n.get()),
    };
    Ok(run.clone().or(as_run::settings(finding, shape)?))
}

/// The flags of the objective and of whatever else was given.
fn flags(settings: &Settings) -> String {
    let words = settings.given().into_iter().filter(|(key, _)| key != "data-dir").map(|(key, value)| {
        let text = cell_text(&value, ",");
        format!("--{key} {}", shell_quote(text.strip_suffix(".0").unwrap_or(&text)))
    });
    words.collect::<Vec<_>>().join(" ")
}

fn say_found(
    args: &ProbeArgs,
    run: &Settings,
    finding: &Finding,
    mut head: Vec<Line>,
    named: &str,
    attempt: &Attempt,
) -> Result<ExitCode> {
    head.extend(lines(finding, named));
    let same = as_settings(run, finding);
    let mut explanation: Option<Box<Explanation>> = None;
    let mut equals = Vec::new();
    match &same {
        Ok(settings) => {
            let spec = RunSpec::resolve(settings)?;
            equals = as_run::presets(&spec, finding).into_iter().map(|preset| preset.name).collect();
            let carried = args.pixels.filter(|_| as_run::carries(finding));
            explanation = match explained(&spec, settings, args.run.running.threads, args.run.running.quiet, carried)? {
                Explained::Vae(explanation) => Some(explanation),
                Explained::VqVae(_) => None,
            };
            if !equals.is_empty() {
                head.push(("equals", format!("the objective of {}", equals.join(", "))));
            }
            head.push(("flags", flags(settings)));
        }
        Err(why) => head.push(("flags", format!("none: {why}"))),
    }
    if let (Some(pixels), true) = (args.pixels, explanation.as_ref().is_none_or(|e| e.carried.is_none())) {
        head.push(("elsewhere", at_pixels(finding, pixels)));
    }
    if args.run.running.json {
        let json = object("probe", found_json(finding, &same, &equals, explanation.as_deref(), attempt));
        print(format!("{json:#}\n"));
    } else {
        print_text(&laid_out(&head));
        if let Some(explanation) = &explanation {
            print("\n");
            print_text(&to_text(explanation));
        }
    }
    match (args.train, same) {
        (false, _) => Ok(ExitCode::Done),
        (true, Ok(settings)) => train(&args.run, &settings),
        (true, Err(why)) => Err(Error::Run(format!("--train: {why}"))),
    }
}

fn at_pixels(finding: &Finding, pixels: usize) -> String {
    let shape = Shape { pixels, ..finding.first };
    match effective(finding) {
        Some(law) if law.single().is_some_and(|one| one.halves[0] == 0 && one.halves[2] == 0) => {
            format!("on images of {pixels} pixels its effective value is {}", crate::text::significant(law.at(shape)))
        }
        Some(law) => format!("on images of {pixels} pixels its effective value is {law} with D = {pixels}"),
        None => format!("its effective value on images of {pixels} pixels depends on the error"),
    }
}

fn laid_out(lines: &[Line]) -> String {
    lines.iter().map(|(name, text)| format!("{name:<12} {text}\n")).collect()
}

fn say_refused(args: &ProbeArgs, refusal: &Refusal, mut head: Vec<Line>) {
    head.extend(refusal_lines(refusal));
    if args.run.running.json {
        let json = json!({
            "identified": false,
            "reason": refusal.reason,
            "nearest": refusal.nearest.iter().map(scored).collect::<Vec<_>>(),
        });
        print(format!("{:#}\n", object("probe", json)));
    } else {
        print_text(&laid_out(&head));
    }
}

fn scored(of: &Scored) -> Value {
    json!({ "hypothesis": of.name, "residual": of.residual })
}

fn found_json(
    of: &Finding,
    same: &Result<Settings, String>,
    equals: &[&str],
    explanation: Option<&Explanation>,
    attempt: &Attempt,
) -> Value {
    let at = |batch, pixels, latents| Shape { batch, pixels, latents };
    let parameters = of.parameters.iter().map(|p| {
        let (recon, kl) = match p.effect {
            Effect::Powers { recon, kl } => (Some(recon), Some(kl)),
            Effect::Otherwise | Effect::Form => (None, None),
        };
        json!({ "name": p.name, "value": p.value, "power_in_recon_weight": recon, "power_in_kl_weight": kl })
    });
    let points = [(128, 784, 20), (128, 784, 2), (64, 784, 20), (128, 3072, 20)].map(|(b, p, d)| {
        let shape = at(b, p, d);
        json!({
            "batch_size": b, "pixels": p, "latent_dim": d,
            "recon_weight": of.recon_weight.at(shape),
            "kl_weight": of.kl_weight.at(shape),
            "effective": effective(of).map(|law| law.at(shape)),
        })
    });
    json!({
        "identified": true,
        "formula": formula(of),
        "recon": of.recon.to_string(),
        "likelihood": format!("{:?}", of.likelihood),
        "kl": of.kl.as_ref().map(ToString::to_string),
        "kl_symbol": of.kl.as_ref().map(|kl| kl.symbol()),
        "recon_weight": of.recon_weight.to_string(),
        "kl_weight": of.kl_weight.to_string(),
        "constant": of.constant.as_ref().map(ToString::to_string),
        "effective": effective(of).map(|law| law.to_string()),
        "at": points,
        "negated": of.negated,
        "total": of.returns.total,
        "sum_of": of.returns.sum_of,
        "per_image": of.returns.per_image,
        "random": of.returns.random,
        "parts": of.parts.iter().map(|p| json!({ "name": p.name, "weights": p.weights })).collect::<Vec<_>>(),
        "parameters": parameters.collect::<Vec<_>>(),
        "layout": crate::choice::Choice::name(&attempt.layout),
        "precision": attempt.precision.name(),
        "fixed": of.fixed.iter().map(|f| format!("{f:?}").to_lowercase()).collect::<Vec<_>>(),
        "notes": of.notes,
        "evidence": {
            "calls": of.evidence.calls,
            "worst_relative_error": of.evidence.worst,
            "recon": of.evidence.recon.iter().take(5).map(scored).collect::<Vec<_>>(),
            "kl": of.evidence.kl.iter().take(5).map(scored).collect::<Vec<_>>(),
        },
        "equals": equals,
        "flags": same.as_ref().ok().map(flags),
        "no_flags_because": same.as_ref().err(),
        "explanation": explanation,
    })
}
