//! Learning curves in both ledgers: the terms that the optimiser saw above, their comparable counterparts below.

use super::group::{Coloring, Group, series_shape};
use crate::metrics::{EpochRecord, Split};
use crate::report::run_set::{Outcome, Quantity, Run};
use figure::layout::{Axis, Entry, Grid, Layout, Panel};
use figure::scale::{Origin, Scale, drawable};
use figure::{Color, Dash, Figure, Fill, Item, Shape};

/// The content of a panel.
struct Content {
    heading: String,
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

pub(super) fn figure(group: &Group<'_>) -> Result<Figure, String> {
    let rows = || group.runs.iter().flat_map(|run| &run.metrics);
    let last = rows().map(|row| row.epoch).max().ok_or("no run has an epoch yet")?;
    // The untrained model is far from all later epochs.
    let first = rows().map(|row| row.epoch).filter(|&e| e >= 1).min().unwrap_or(0);
    let few_runs = group.runs.len() <= MAX_RUNS_WITH_TRAINING;
    let splits: &[Split] = if few_runs { &[Split::Train, Split::Test] } else { &[Split::Test] };
    let marks = if last - first < MAX_EPOCHS_WITH_MARKS && few_runs { Marks::EveryEpoch } else { Marks::None };
    let curves = Curves { group, coloring: group.coloring(), marks, first, last };

    let caption = group.caption("Learning curves in both ledgers", notes(group, first));
    let legend = curves.legend(splits);
    let mut layout = Layout::new(&caption, Grid { columns: 3, rows: 2, width: 236.0, height: 180.0 }, &legend);
    for (i, content) in contents(group).into_iter().enumerate() {
        let points = |run: &Run, split: Split| -> Vec<(f64, f64)> {
            let rows = run.metrics.iter().filter(|row| row.split == split && row.epoch >= first);
            rows.filter_map(|row| Some((f64::from(row.epoch), (content.value)(row).filter(|v| drawable(*v))?)))
                .collect()
        };
        let values: Vec<f64> = group
            .runs
            .iter()
            .flat_map(|run| splits.iter().flat_map(|&split| points(run, split)).map(|(_, v)| v).collect::<Vec<_>>())
            .collect();
        let x = Axis { label: "epoch".into(), scale: Scale::integers(first, last) };
        let y = Axis { label: content.axis.clone(), scale: scale(content.spacing, values) };
        let panel = layout.panel((i / 3, i % 3), &content.heading, x, y);
        for &split in splits {
            for run in group.runs {
                curves.draw(&mut layout.figure, &panel, run, split, &points(run, split));
            }
        }
    }
    Ok(layout.figure)
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

fn contents(group: &Group<'_>) -> Vec<Content> {
    let s = group.symbol();
    let content = |heading: &str, axis: &str, value, spacing| Content {
        heading: heading.to_owned(),
        axis: axis.to_owned(),
        value,
        spacing,
    };
    let recon_term = format!("a · {s}");
    let last = if group.quantities.contains(&Quantity::NegElbo) {
        content("Canonical ledger: -ELBO", "R + K (nats per image)", |r| r.neg_elbo, Spacing::Linear)
    } else {
        let active: fn(&EpochRecord) -> Option<f64> = |r| r.active_units.map(f64::from);
        content("Latents in use", "active latents (test images)", active, Spacing::FromZero)
    };
    vec![
        content(
            &format!("Objective ledger: {recon_term}"),
            &format!("{recon_term} as optimised"),
            |r| Some(r.recon_term),
            Spacing::Log,
        ),
        content("Objective ledger: b · K", "b · K as optimised", |r| Some(r.kl_term), Spacing::Log),
        content("Objective ledger: their sum", "objective as optimised", |r| Some(r.objective), Spacing::Log),
        content(&format!("Canonical ledger: {s}"), group.unit.short_label(), |r| Some(r.recon), Spacing::Linear),
        content("Canonical ledger: K", "K (nats per image)", |r| Some(r.kl), Spacing::FromZero),
        last,
    ]
}

/// Whether curves have marks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    /// At every epoch.
    EveryEpoch,
    /// Only where a curve has a single point.
    None,
}

/// The style of all curves of a figure.
struct Curves<'a> {
    group: &'a Group<'a>,
    coloring: Coloring,
    marks: Marks,
    /// The first and the last epoch that are drawn.
    first: u32,
    last: u32,
}

impl Curves<'_> {
    /// The legend of the series and of the splits; a single epoch has marks instead of lines.
    fn legend(&self, splits: &[Split]) -> Vec<Entry> {
        let single = self.first == self.last;
        let mut legend = self.group.legend(&self.coloring, |i| {
            ((self.marks == Marks::EveryEpoch).then(|| (series_shape(i), Fill::Solid)), Some(Dash::Solid))
        });
        let mut key = |dash, fill, label: &str| {
            let (shape, dash) = if single { (Some((Shape::Circle, fill)), None) } else { (None, Some(dash)) };
            legend.push(Entry::Key { color: Color::Text, shape, dash, label: label.into() });
        };
        if splits.contains(&Split::Train) {
            key(Dash::Solid, Fill::Solid, "test images");
            key(Dash::Dashed, Fill::Hollow, "training images");
        }
        legend
    }

    /// Draws the curve of one run on one split.
    fn draw(&self, figure: &mut Figure, panel: &Panel, run: &Run, split: Split, points: &[(f64, f64)]) {
        let color = self.group.color(run, &self.coloring);
        let (dash, width, split_name) = match split {
            Split::Test => (Dash::Solid, 1.6, "test"),
            Split::Train => (Dash::Dashed, 1.0, "train"),
        };
        // Without marks the line itself has the tooltip.
        let on_line = (self.marks == Marks::None && split == Split::Test)
            .then(|| run.last().map(|row| self.group.tooltip(run, row)))
            .flatten();
        for points in panel.line(points) {
            figure.items.push(Item::Line { points, color, width, dash, tooltip: on_line.clone() });
        }
        let single = points.len() == 1;
        // A dashed line identifies the training curve; only a single point needs a mark.
        if single || (self.marks == Marks::EveryEpoch && split == Split::Test) {
            let (size, fill) = match split {
                Split::Test => (0.8 * self.group.size(run), Fill::Solid),
                Split::Train => (2.4, Fill::Hollow),
            };
            for &(epoch, value) in points {
                let Some(at) = panel.point(epoch, value) else { continue };
                let row = run.metrics.iter().find(|row| row.split == split && f64::from(row.epoch) == epoch);
                let tooltip = row.map(|row| format!("epoch {epoch} {split_name}, {}", self.group.tooltip(run, row)));
                let shape = self.group.shape(run, &self.coloring);
                figure.items.push(Item::Mark { at, shape, size, color, fill, tooltip });
            }
        }
        if run.outcome() == Outcome::Diverged
            && split == Split::Test
            && let Some(&(epoch, value)) = points.last()
            && let Some(at) = panel.point(epoch, value)
        {
            let tooltip = Some(format!("{}: diverged after epoch {epoch}", run.name));
            figure.items.push(Item::Mark { at, shape: Shape::Cross, size: 5.0, color, fill: Fill::Solid, tooltip });
        }
    }
}
