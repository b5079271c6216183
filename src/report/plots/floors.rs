//! R and K with their bounds: the floor of a decoder that ignores z, and the entropy of the pixels.

use super::group::Group;
use crate::report::run_set::{Floors, Outcome, Quantity};
use crate::text::significant;
use figure::layout::{Axis, Entry, Grid, Layout};
use figure::scale::{Origin, Scale};
use figure::{Color, Dash, Figure, Fill, Shape};

/// The legend label, the color and the shape of an outcome.
fn style(outcome: Outcome) -> (&'static str, Color, Shape) {
    let rgb = |rgb| Color::Rgb(rgb);
    match outcome {
        Outcome::AllCodes => ("all codes used", rgb([0x00, 0x9e, 0x73]), Shape::Circle),
        Outcome::DeadCodes => ("some codes unused", rgb([0xe6, 0x9f, 0x00]), Shape::Triangle),
        Outcome::OneCode => ("one code used", rgb([0xd5, 0x5e, 0x00]), Shape::Square),
        Outcome::Unstable => ("unstable", rgb([0x00, 0x72, 0xb2]), Shape::Diamond),
        Outcome::AllActive => ("all latents active", rgb([0x00, 0x9e, 0x73]), Shape::Circle),
        Outcome::SomeActive => ("some latents active", rgb([0xe6, 0x9f, 0x00]), Shape::Triangle),
        Outcome::Collapsed => ("collapsed", rgb([0xd5, 0x5e, 0x00]), Shape::Square),
        Outcome::NoneActive => ("no latent active", rgb([0x56, 0xb4, 0xe9]), Shape::TriangleDown),
        Outcome::Untrained => ("untrained", rgb([0xcc, 0x79, 0xa7]), Shape::Diamond),
        Outcome::Diverged | Outcome::Running | Outcome::Interrupted | Outcome::NotJudged => {
            ("no verdict", rgb([0x88, 0x88, 0x88]), Shape::TriangleDown)
        }
    }
}

pub(super) fn figure(group: &Group<'_>) -> Result<Figure, String> {
    let (completed, mut notes) = group.completed();
    let floors: Vec<Floors> = completed.iter().map(|(run, _)| run.floors).collect();
    if floors.iter().all(|f| f.collapsed.is_none() && f.entropy.is_none()) {
        return Err(if completed.is_empty() {
            "no run is finished".into()
        } else if completed.iter().all(|(run, _)| run.manifest.is_none()) {
            "the table has no floors (columns collapsed_floor, entropy_floor); merge the runs again".into()
        } else {
            "this reconstruction has no known floor".into()
        });
    }
    let placed: Vec<_> = completed.iter().filter_map(|&(run, row)| Some((run, row, group.weight(run)?))).collect();
    if placed.is_empty() {
        return Err("no run has an effective weight above 0, and the axis is logarithmic".into());
    }
    if placed.len() < completed.len() {
        notes.push(format!(
            "Runs not drawn because their effective weight is not above 0: {}.",
            completed.len() - placed.len()
        ));
    }
    let mut legend = vec![Entry::Heading("Verdict".into())];
    for outcome in Outcome::ALL {
        if placed.iter().any(|(run, ..)| run.outcome() == outcome) {
            let (label, color, shape) = style(outcome);
            let shape = Some((shape, Fill::Solid));
            legend.push(Entry::Key { color, shape, dash: None, label: label.into() });
        }
    }
    let (collapsed, entropy) =
        (distinct(floors.iter().map(|f| f.collapsed)), distinct(floors.iter().map(|f| f.entropy)));
    legend.push(Entry::Heading("Bounds".into()));
    let key = |dash, label: String| Entry::Key { color: Color::Text, shape: None, dash: Some(dash), label };
    if !collapsed.is_empty() {
        let label = format!("{} of a decoder that ignores z ({}); its K is 0", group.symbol(), list(&collapsed));
        legend.push(key(Dash::Dashed, label));
    }
    if !entropy.is_empty() {
        legend.push(key(Dash::Dotted, format!("entropy of the pixels ({}): a lower bound", list(&entropy))));
    }

    let caption = group.caption(&format!("{} and K beside their bounds", group.symbol()), notes);
    let mut layout = Layout::new(&caption, Grid { columns: 2, rows: 1, width: 320.0, height: 260.0 }, &legend);
    let bounds = collapsed.iter().chain(&entropy).copied();
    let recon = Scale::linear(placed.iter().map(|(_, row, _)| row.recon()).chain(bounds), Origin::Zero);
    let kl = Scale::linear(placed.iter().map(|(_, row, _)| row.kl()).chain([0.0]), Origin::Data);
    for (column, quantity, scale) in [(0, Quantity::Recon, recon), (1, Quantity::Kl, kl)] {
        let x = Axis { label: group.weight_label().into(), scale: group.weight_scale() };
        let y = Axis { label: quantity.label(group.unit).into(), scale };
        let heading = format!("{}, test images, last epoch", quantity.symbol(group.unit));
        let panel = layout.panel((0, column), &heading, x, y);
        let (dashed, dotted) = match quantity {
            Quantity::Recon => (collapsed.clone(), entropy.clone()),
            Quantity::Kl | Quantity::NegElbo => (vec![0.0], Vec::new()),
        };
        for (values, dash) in [(dashed, Dash::Dashed), (dotted, Dash::Dotted)] {
            for line in values.iter().filter_map(|&v| panel.horizontal(v)) {
                layout.figure.line(line.to_vec(), Color::Text, 1.3, dash);
            }
        }
        for (run, row, weight) in &placed {
            let Some(at) = quantity.value(row).and_then(|v| panel.point(*weight, v)) else { continue };
            let (verdict, color, shape) = style(run.outcome());
            let tooltip = format!("{}; {verdict}", group.tooltip(run, row));
            layout.figure.mark(at, shape, color, Fill::Solid, Some(tooltip));
        }
    }
    Ok(layout.figure)
}

/// The bounds that differ visibly, at most four: test subsets have bounds of their own.
fn distinct(values: impl Iterator<Item = Option<f64>>) -> Vec<f64> {
    let mut all: Vec<f64> = values.flatten().filter(|v| v.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    all.dedup_by(|a, b| (*a - *b).abs() <= 1e-3 * b.abs());
    all.truncate(4);
    all
}

fn list(values: &[f64]) -> String {
    values.iter().map(|&v| significant(v)).collect::<Vec<_>>().join(", ")
}
