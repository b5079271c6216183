//! The sheet of `plot --kind digits`: the same test images through every model.

use std::path::Path;

use super::evaluated_run::EvaluatedRun;
use crate::choice::Choice;
use crate::error::{Error, Result};
use crate::objective::{Loss, LossScale, PenaltyName, Reduction};
use crate::records::RunDir;
use crate::report::run_set::{Run, RunSet, Series, series};
use crate::report::sheets::side_by_side;
use crate::text::significant;
use figure::Figure;

/// The most models that make a readable sheet.
const MOST_MODELS: usize = 12;

/// The order of the models of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SheetOrder<'a> {
    /// From the weakest KL to the strongest.
    Weight,
    /// As the directories are given, each under its name here.
    Given(&'a [&'a str]),
}

/// The sheet of the same test digits, reconstructed by every run in `dirs`.
///
/// # Errors
/// No runs or too many, runs of different test images, and whatever keeps a model or its data from being read.
pub(super) fn same_digits(dirs: &[RunDir], sheet: SheetOrder<'_>, data_dir: Option<&Path>) -> Result<Figure> {
    if dirs.is_empty() {
        return Err(Error::Run(
            "--kind digits decodes images: it needs run directories, a merged table has no models".into(),
        ));
    }
    if dirs.len() > MOST_MODELS {
        return Err(Error::Usage(format!(
            "--kind digits: {} runs make no sheet that one can look at; name at most {MOST_MODELS}",
            dirs.len()
        )));
    }
    let evaluated = dirs.iter().map(|dir| EvaluatedRun::read(dir, data_dir)).collect::<Result<Vec<_>>>()?;
    for pair in evaluated.windows(2) {
        let sees =
            |s: &EvaluatedRun| (s.record.manifest.data.files.clone(), s.spec.data().pixels, s.spec.data().test_size);
        if sees(&pair[0]) != sees(&pair[1]) {
            return Err(Error::Run(format!(
                "{} and {} were tested on other images; name runs of the same data, binarisation and --test-size",
                pair[0].record.manifest.run, pair[1].record.manifest.run
            )));
        }
    }
    let set = RunSet::read(dirs, &[])?;
    let runs: Vec<&Run> = set.runs.iter().collect();
    let series = series(&runs);
    let caption = |one: &EvaluatedRun| {
        let name = &one.record.manifest.run;
        let run = set.runs.iter().find(|run| run.name == *name);
        let own = series.iter().find(|s| s.runs.iter().any(|run| run.name == *name));
        let mut lines = vec![own.map_or_else(|| name.clone(), |s| s.label.clone())];
        if let (Some(s), Some(run)) = (own.filter(|s| s.runs.len() > 1), run) {
            lines[0] = format!("{}, {}", s.label, run.seed());
        }
        lines.extend(run.and_then(loss_line));
        if let Some(weight) = run.and_then(Run::effective_weight) {
            lines.push(format!("{} = {}", weight.symbol(), significant(weight.value())));
        }
        if let Some((run, row)) = run.and_then(|run| Some((run, run.last()?))) {
            lines.push(format!("{} {:.1}, K {:.1}", run.recon_unit().symbol(), row.recon(), row.kl()));
        }
        lines
    };
    let mut models: Vec<_> = evaluated.iter().map(|s| (s.trained(), caption(s))).collect();
    match sheet {
        SheetOrder::Weight => {
            let weight = |name: &str| {
                set.runs.iter().find(|r| r.name == name).and_then(Run::effective_weight).map_or(0.0, |w| w.value())
            };
            let names: Vec<String> = evaluated.iter().map(|s| s.record.manifest.run.clone()).collect();
            let mut order: Vec<usize> = (0..models.len()).collect();
            order.sort_by(|&a, &b| weight(&names[a]).total_cmp(&weight(&names[b])));
            models = order.iter().map(|&i| models[i].clone()).collect();
        }
        SheetOrder::Given(names) => {
            for ((_, caption), name) in models.iter_mut().zip(names) {
                if let Some(line) = caption.first_mut() {
                    *line = format!("{name}: {line}");
                }
            }
        }
    }
    side_by_side(&title(&series), &models)?.ok_or_else(|| Error::Run("no run to decode with".into()))
}

/// What the sheet shows: which models ignore their input, where some do and some do not.
fn title(series: &[Series<'_>]) -> String {
    let used = |s: &Series<'_>, wanted: bool| s.runs.iter().all(|run| run.outcome().uses_latents() == Some(wanted));
    let labels = |wanted| series.iter().filter(|s| used(s, wanted)).map(|s| s.label.as_str()).collect::<Vec<_>>();
    let (ignoring, using) = (labels(false), labels(true));
    if ignoring.is_empty() || using.is_empty() || ignoring.len() + using.len() < series.len() {
        return "The same digits through each model".into();
    }
    match ignoring[..] {
        [one] => format!("{one}: the model ignores its input and draws one digit for all"),
        _ => format!("{}: these models ignore their input and draw one digit for all", ignoring.join("; ")),
    }
}

/// The loss of a run as one line of PyTorch, where it is no more than two reduced terms: "bce.mean() + kl.sum(1).mean()".
fn loss_line(run: &Run) -> Option<String> {
    let settings = &run.settings;
    let reduced = |term: &str, reduction: Reduction| match reduction {
        Reduction::Sum => format!("{term}.sum(1).mean()"),
        Reduction::Mean => format!("{term}.mean()"),
        Reduction::BatchSum => format!("{term}.sum()"),
    };
    let loss = settings.loss.filter(|loss| matches!(loss, Loss::Bce | Loss::Mse))?;
    let is_one = |factor: Option<LossScale>| factor.is_none_or(|factor| factor == LossScale::Number(1.0));
    let more =
        settings.free_bits.is_some() || settings.warmup.is_some() || settings.chosen_penalty() != PenaltyName::Beta;
    if more || !is_one(settings.recon_weight) || !is_one(settings.kl_weight) {
        return None;
    }
    let (reduction, beta) = (settings.reduction?, settings.beta?.get());
    let beta = if beta == 1.0 { String::new() } else { format!("{} * ", significant(beta)) };
    let kl = settings.kl_reduction.unwrap_or(reduction.kl_default());
    Some(format!("{} + {beta}{}", reduced(&loss.name(), reduction), reduced("kl", kl)))
}
