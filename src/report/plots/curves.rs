//! Learning curves in both ledgers: what the optimiser saw above, what can be compared below.

use super::{Coloring, Group};
use crate::metrics::{EpochRecord, Split};
use crate::report::study::Run;
use figure::layout::{Axis, Entry, Grid, Layout, Panel};
use figure::scale::{Origin, Scale, drawable};
use figure::{Color, Dash, Figure, Fill, Item, Shape};

/// What a panel shows.
struct Shown {
    heading: String,
    axis: String,
    value: fn(&EpochRecord) -> Option<f64>,
    ledger: Ledger,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ledger {
    /// Logarithmic: factors of B and 1/D set the runs apart.
    Objective,
    Canonical,
    /// Canonical, from 0.
    FromZero,
}

/// With more runs than this the training curves would hide those of the test images.
const MOST_WITH_TRAINING: usize = 24;
/// More epochs than this are a line without marks.
const MOST_MARKS: u32 = 24;
/// Orders of magnitude that a logarithmic panel shows.
const ORDERS: f64 = 1e6;

pub(super) fn figure(group: &Group<'_>) -> Result<Figure, String> {
    let rows = || group.runs.iter().flat_map(|run| &run.metrics);
    let last = rows().map(|row| row.epoch).max().ok_or("no run has an epoch yet")?;
    // The untrained model is far from everything that follows.
    let first = rows().map(|row| row.epoch).filter(|&e| e >= 1).min().unwrap_or(0);
    let splits: &[Split] =
        if group.runs.len() > MOST_WITH_TRAINING { &[Split::Test] } else { &[Split::Train, Split::Test] };
    let coloring = group.coloring();
    let marks = last - first < MOST_MARKS && group.runs.len() <= MOST_WITH_TRAINING;

    let mut notes = Vec::new();
    if first >= 1 && rows().any(|row| row.epoch == 0) {
        notes.push("The untrained model (epoch 0) is left out.".to_owned());
    }
    if splits.len() == 1 {
        notes.push(format!("Test images alone: the training curves of {} runs would hide them.", group.runs.len()));
    }
    let diverged: Vec<&&Run> = group.runs.iter().filter(|run| run.verdict == "diverged").collect();
    if !diverged.is_empty() {
        let names: Vec<&str> = diverged.iter().take(3).map(|run| run.name.as_str()).collect();
        let more = if diverged.len() > 3 { format!(" and {} more", diverged.len() - 3) } else { String::new() };
        notes.push(format!(
            "Diverged, with a cross at the last finite epoch where there is one: {}{more}.",
            names.join(", ")
        ));
    }
    let mut legend = group
        .legend(&coloring, |i| (marks.then(|| (Shape::ALL[i % Shape::ALL.len()], Fill::Solid)), Some(Dash::Solid)));
    let one = first == last;
    let mut key = |dash, fill, label: &str| {
        let (shape, dash) = if one { (Some((Shape::Circle, fill)), None) } else { (None, Some(dash)) };
        legend.push(Entry::Key { color: Color::Text, shape, dash, label: label.into() });
    };
    if splits.len() == 2 {
        key(Dash::Solid, Fill::Solid, "test images");
        key(Dash::Dashed, Fill::Hollow, "training images");
    }

    let words = group.around("Learning curves in both ledgers", notes);
    let mut layout = Layout::new(&words, Grid { columns: 3, rows: 2, width: 236.0, height: 180.0 }, &legend);
    for (i, shown) in panels(group).into_iter().enumerate() {
        let points = |run: &Run, split: Split| -> Vec<(f64, f64)> {
            let rows = run.metrics.iter().filter(|row| row.split == split && row.epoch >= first);
            rows.filter_map(|row| Some((f64::from(row.epoch), (shown.value)(row).filter(|v| drawable(*v))?))).collect()
        };
        let values: Vec<f64> = group
            .runs
            .iter()
            .flat_map(|run| splits.iter().flat_map(|&split| points(run, split)).map(|(_, v)| v).collect::<Vec<_>>())
            .collect();
        let largest = values.iter().copied().fold(0.0, f64::max);
        let y = match shown.ledger {
            Ledger::Objective if largest > 0.0 => Scale::log(values.into_iter().filter(|v| *v > largest / ORDERS)),
            Ledger::Objective | Ledger::Canonical => Scale::linear(values, Origin::Data),
            Ledger::FromZero => Scale::linear(values, Origin::Zero),
        };
        let x = Axis { label: "epoch".into(), scale: Scale::integers(first, last) };
        let panel = layout.panel((i / 3, i % 3), &shown.heading, x, Axis { label: shown.axis.clone(), scale: y });
        for &split in splits {
            for run in group.runs {
                draw_run(&mut layout.figure, &panel, group, run, split, &points(run, split), &coloring, marks);
            }
        }
    }
    Ok(layout.figure)
}

fn panels(group: &Group<'_>) -> Vec<Shown> {
    let s = group.symbol;
    let shown = |heading: &str, axis: &str, value, ledger| Shown {
        heading: heading.to_owned(),
        axis: axis.to_owned(),
        value,
        ledger,
    };
    let mut all = vec![
        shown(
            &format!("Objective ledger: a · {s}"),
            &format!("a · {s} as optimised"),
            |r| Some(r.recon_term),
            Ledger::Objective,
        ),
        shown("Objective ledger: b · K", "b · K as optimised", |r| Some(r.kl_term), Ledger::Objective),
        shown("Objective ledger: their sum", "objective as optimised", |r| Some(r.objective), Ledger::Objective),
    ];
    let recon = if s == "R" { "R (nats per image)" } else { "S (squared error per image)" };
    all.push(shown(&format!("Canonical ledger: {s}"), recon, |r| Some(r.recon), Ledger::Canonical));
    all.push(shown("Canonical ledger: K", "K (nats per image)", |r| Some(r.kl), Ledger::FromZero));
    all.push(if s == "R" {
        shown("Canonical ledger: -ELBO", "R + K (nats per image)", |r| r.neg_elbo, Ledger::Canonical)
    } else {
        shown("Latents in use", "active latents (test images)", |r| r.active_units.map(f64::from), Ledger::FromZero)
    });
    all
}

#[allow(clippy::too_many_arguments, reason = "one curve has this many sides")]
fn draw_run(
    figure: &mut Figure,
    panel: &Panel,
    group: &Group<'_>,
    run: &Run,
    split: Split,
    points: &[(f64, f64)],
    coloring: &Coloring,
    marks: bool,
) {
    let color = group.color(run, coloring);
    let (dash, width) = if split == Split::Test { (Dash::Solid, 1.6) } else { (Dash::Dashed, 1.0) };
    // Of many runs the line as a whole says what it is.
    let whole = (!marks && split == Split::Test).then(|| run.last().map(|row| group.tip(run, row))).flatten();
    for points in panel.line(points) {
        figure.items.push(Item::Line { points, color, width, dash, tooltip: whole.clone() });
    }
    let one = points.len() == 1;
    if marks || one {
        for &(epoch, value) in points {
            let Some(at) = panel.point(epoch, value) else { continue };
            let row = run.metrics.iter().find(|row| row.split == split && f64::from(row.epoch) == epoch);
            let split_name = if split == Split::Test { "test" } else { "train" };
            let tip = row.map(|row| format!("epoch {epoch} {split_name}, {}", group.tip(run, row)));
            let (size, fill) =
                if split == Split::Test { (0.8 * group.size(run), Fill::Solid) } else { (2.4, Fill::Hollow) };
            // A dashed line is mark enough for training, unless there is no line.
            if split == Split::Test || one {
                figure.items.push(Item::Mark {
                    at,
                    shape: group.shape(run, coloring),
                    size,
                    color,
                    fill,
                    tooltip: tip,
                });
            }
        }
    }
    if run.verdict == "diverged"
        && split == Split::Test
        && let Some(&(epoch, value)) = points.last()
        && let Some(at) = panel.point(epoch, value)
    {
        let tip = Some(format!("{}: diverged after epoch {epoch}", run.name));
        figure.items.push(Item::Mark { at, shape: Shape::Cross, size: 5.0, color, fill: Fill::Solid, tooltip: tip });
    }
}
