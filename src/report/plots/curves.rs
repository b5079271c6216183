//! Learning curves in both ledgers: the terms that the optimiser saw above, their comparable counterparts below.

use super::group::Group;
use crate::metrics::{EpochRecord, Split};
use crate::model::ModelName;
use crate::report::run_set::{Outcome, Quantity, Run};
use crate::terms::Term;
use figure::chart::{Axis, Chart, Content, Entry, Plot};
use figure::scale::{Origin, Scale, drawable};
use figure::{Color, Dash, Fill, Shape};

/// What a panel shows.
struct Curve {
    name: &'static str,
    heading: &'static str,
    axis: String,
    value: fn(&EpochRecord) -> Option<f64>,
    spacing: Spacing,
}

/// The scale of a panel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spacing {
    /// Logarithmic, for the objective ledger: runs differ by factors of B and 1/D.
    Log,
    /// Linear, around the data.
    Linear,
    /// Linear, from 0.
    FromZero,
}

/// With more runs the training curves are left out, which would hide those of the test images.
const MAX_RUNS_WITH_TRAINING: usize = 24;
/// With more epochs the curves are lines without marks.
const MAX_EPOCHS_WITH_MARKS: u32 = 24;
/// The orders of magnitude that a logarithmic panel shows.
const ORDERS: f64 = 1e6;

pub(super) fn chart(group: &Group<'_>) -> Result<Chart, String> {
    let rows = || group.runs.iter().flat_map(|run| &run.metrics);
    let last = rows().map(|row| row.epoch).max().ok_or("no run has an epoch yet")?;
    // The untrained model is far from all later epochs.
    let first = rows().map(|row| row.epoch).filter(|&e| e >= 1).min().unwrap_or(0);
    if first == last {
        return Err(
            "there is one epoch and so no curve; a table of all epochs is what `merge` writes without --final".into()
        );
    }
    let few_runs = group.runs.len() <= MAX_RUNS_WITH_TRAINING;
    let splits: &[Split] = if few_runs { &[Split::Train, Split::Test] } else { &[Split::Test] };
    let marks = last - first < MAX_EPOCHS_WITH_MARKS && few_runs;
    let mut panels = Vec::new();
    for curve in contents(group) {
        let points = |run: &Run, split: Split| -> Vec<(f64, f64)> {
            let rows = run.metrics.iter().filter(|row| row.split == split && row.epoch >= first);
            rows.filter_map(|row| Some((f64::from(row.epoch), (curve.value)(row).filter(|v| drawable(*v))?))).collect()
        };
        let mut values: Vec<f64> = Vec::new();
        for run in group.runs {
            splits.iter().for_each(|&split| values.extend(points(run, split).into_iter().map(|(_, value)| value)));
        }
        let y = scale(curve.spacing, values.clone());
        let off = values.into_iter().filter(|value| y.is_off(*value)).count();
        let mut content = Vec::new();
        for &split in splits {
            for run in group.runs {
                content.extend(draw(group, run, split, &points(run, split), marks));
            }
        }
        panels.push(Plot {
            name: curve.name.into(),
            heading: curve.heading.into(),
            x: Axis { label: "epoch".into(), scale: Scale::integers(first, last) },
            y: Axis { label: curve.axis, scale: y },
            content,
            labels: Vec::new(),
            note: off_note(curve.name, off),
        });
    }
    let caption = group.caption("Learning curves: as optimised, and as comparable", notes(group, first));
    let mut legend = group.legend(Some(Dash::Solid));
    if few_runs {
        let key =
            |dash, label: &str| Entry::Key { color: Color::Text, shape: None, dash: Some(dash), label: label.into() };
        legend.push(Entry::Heading("Images".into()));
        legend.extend([key(Dash::Solid, "test"), key(Dash::Dashed, "training")]);
    }
    Ok(Chart { caption, legend, panels, columns: 3, size: (250.0, 180.0) })
}

/// How many values the logarithmic axis of a panel leaves out.
fn off_note(panel: &str, off: usize) -> Option<String> {
    let values = match off {
        0 => return None,
        1 => "1 value is".to_owned(),
        _ => format!("{off} values are"),
    };
    Some(format!("{panel}: {values} below the logarithmic axis: not above 0, or less than a millionth of the largest."))
}

fn notes(group: &Group<'_>, first: u32) -> Vec<String> {
    let mut notes = Vec::new();
    if first >= 1 && group.runs.iter().flat_map(|run| &run.metrics).any(|row| row.epoch == 0) {
        notes.push("The untrained model (epoch 0) is left out.".to_owned());
    }
    if group.runs.len() > MAX_RUNS_WITH_TRAINING {
        notes.push(format!("Test images only: the training curves of {} runs would hide them.", group.runs.len()));
    }
    let diverged: Vec<&str> =
        group.runs.iter().filter(|run| run.outcome() == Outcome::Diverged).map(|run| run.name.as_str()).collect();
    if !diverged.is_empty() {
        let more = if diverged.len() > 3 { format!(" and {} more", diverged.len() - 3) } else { String::new() };
        let names = diverged[..diverged.len().min(3)].join(", ");
        notes.push(format!("Diverged, with a cross at the last finite epoch if there is one: {names}{more}."));
    }
    notes
}

fn scale(spacing: Spacing, values: Vec<f64>) -> Scale {
    let largest = values.iter().copied().fold(0.0, f64::max);
    match spacing {
        Spacing::Log if largest > 0.0 => Scale::log(values.into_iter().filter(|v| *v > largest / ORDERS)),
        Spacing::Log | Spacing::Linear => Scale::linear(values, Origin::Data),
        Spacing::FromZero => Scale::linear(values, Origin::Zero),
    }
}

fn contents(group: &Group<'_>) -> Vec<Curve> {
    const OPTIMISED: &str = "As optimised";
    const COMPARABLE: &str = "As comparable";
    let s = group.symbol();
    let quantised = group.runs.iter().all(|run| run.model() == ModelName::VqVae);
    let last = if group.quantities.contains(&Quantity::NegElbo) {
        Curve {
            name: "elbo",
            heading: COMPARABLE,
            axis: "−ELBO = R + K (nats per image)".into(),
            value: |r| r.neg_elbo,
            spacing: Spacing::Linear,
        }
    } else if quantised {
        Curve {
            name: "codes-used",
            heading: COMPARABLE,
            axis: "entries used (test images)".into(),
            value: |r| r.codes.codes_used.map(f64::from),
            spacing: Spacing::FromZero,
        }
    } else {
        Curve {
            name: "active-units",
            heading: COMPARABLE,
            axis: "active latents (test images)".into(),
            value: |r| r.active_units.map(f64::from),
            spacing: Spacing::FromZero,
        }
    };
    let curve = |name, heading, axis: String, value, spacing| Curve { name, heading, axis, value, spacing };
    // K of a VQ-VAE is a constant, and the term that the encoder sees is the commitment.
    let (term, rate) = if quantised {
        let perplexity = "perplexity of the codes (test images)".into();
        (
            curve("commitment-term", OPTIMISED, "w_cm · C".into(), |r| r.weighted(Term::Commitment), Spacing::Log),
            curve("perplexity", COMPARABLE, perplexity, |r| r.codes.perplexity, Spacing::FromZero),
        )
    } else {
        (
            curve("kl-term", OPTIMISED, "b · K".into(), |r| r.weighted(Term::Kl), Spacing::Log),
            curve("kl", COMPARABLE, "K (nats per image)".into(), |r| Some(r.kl()), Spacing::FromZero),
        )
    };
    let settings = || group.runs.iter().map(|run| &run.settings);
    let found = settings().any(|settings| settings.geco_tolerance.is_some() || settings.target_kl.is_some());
    // lambda moves over orders of magnitude, beta from 0.
    let spacing =
        if settings().any(|settings| settings.geco_tolerance.is_some()) { Spacing::Log } else { Spacing::FromZero };
    let axis = "lambda of GECO, beta of ControlVAE".to_owned();
    let multiplier = found.then(|| curve("multiplier", OPTIMISED, axis, |r| r.multiplier, spacing));
    let mut all = vec![
        curve("recon-term", OPTIMISED, format!("a · {s}"), |r| r.weighted(Term::Recon), Spacing::Log),
        term,
        curve("objective", OPTIMISED, "objective".into(), |r| Some(r.objective()), Spacing::Log),
        curve("recon", COMPARABLE, group.unit.short_label().into(), |r| Some(r.recon()), Spacing::Linear),
        rate,
        last,
    ];
    all.extend(multiplier);
    all
}

/// The curve of one run on one split.
fn draw(group: &Group<'_>, run: &Run, split: Split, points: &[(f64, f64)], marks: bool) -> Vec<Content> {
    let style = group.style(run);
    let color = style.color;
    let (dash, width, split_name) = match split {
        Split::Test => (Dash::Solid, 1.6, "test"),
        Split::Train => (Dash::Dashed, 1.0, "train"),
    };
    // Without marks the line itself has the tooltip.
    let tooltip = (!marks && split == Split::Test).then(|| run.last().map(|row| group.tooltip(run, row))).flatten();
    let mut content = vec![Content::Line { points: points.to_vec(), color, width, dash, tooltip }];
    // A dashed line identifies the training curve; only a single point needs a mark.
    if points.len() == 1 || (marks && split == Split::Test) {
        let (size, fill) = match split {
            Split::Test => (0.8 * style.size, Fill::Solid),
            Split::Train => (2.4, Fill::Hollow),
        };
        for &(epoch, value) in points {
            let row = run.metrics.iter().find(|row| row.split == split && f64::from(row.epoch) == epoch);
            let tooltip = row.map(|row| format!("epoch {epoch} {split_name}, {}", group.tooltip(run, row)));
            content.push(Content::Mark { at: (epoch, value), shape: style.shape, size, color, fill, tooltip });
        }
    }
    if run.outcome() == Outcome::Diverged
        && split == Split::Test
        && let Some(&(epoch, value)) = points.last()
    {
        let tooltip = Some(format!("{}: diverged after epoch {epoch}", run.name));
        let at = (epoch, value);
        content.push(Content::Mark { at, shape: Shape::Cross, size: 5.0, color, fill: Fill::Solid, tooltip });
    }
    content
}
