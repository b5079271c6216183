//! R and K beside what bounds them: where a decoder that ignores z ends, and what no model goes below.

use super::Group;
use crate::report::study::{Floors, Quantity};
use crate::text::significant;
use figure::layout::{Axis, Entry, Grid, Layout};
use figure::scale::{Origin, Scale};
use figure::{Color, Dash, Figure, Fill, Shape};

/// A verdict as it is written in tables, in words, and its mark.
const VERDICTS: [(&str, &str, [u8; 3], Shape); 5] = [
    ("healthy", "healthy: all latents active", [0x00, 0x9e, 0x73], Shape::Circle),
    ("partly-collapsed", "partly collapsed", [0xe6, 0x9f, 0x00], Shape::Triangle),
    ("collapsed", "collapsed", [0xd5, 0x5e, 0x00], Shape::Square),
    ("unconverged", "untrained", [0xcc, 0x79, 0xa7], Shape::Diamond),
    ("", "no verdict", [0x88, 0x88, 0x88], Shape::TriangleDown),
];

pub(super) fn figure(group: &Group<'_>) -> Result<Figure, String> {
    let (done, mut notes) = group.finished();
    let floors: Vec<Floors> = done.iter().map(|(run, _)| run.floors).collect();
    if floors.iter().all(|f| f.collapsed.is_none() && f.entropy.is_none()) {
        return Err(if done.is_empty() {
            "no run of it is finished".into()
        } else if done.iter().all(|(run, _)| run.manifest.is_none()) {
            "the table has no floors (columns collapsed_floor, entropy_floor); merge the runs again".into()
        } else {
            "this reconstruction has no known floor".into()
        });
    }
    let placed: Vec<_> = done.iter().filter_map(|&(run, row)| Some((run, row, group.weight(run)?))).collect();
    if placed.is_empty() {
        return Err("no run of it has an effective weight above 0 to be placed by".into());
    }
    if placed.len() < done.len() {
        notes.push(format!("Without an effective weight above 0, and not drawn: {}.", done.len() - placed.len()));
    }
    let mark = |verdict: &str| VERDICTS.iter().position(|v| v.0 == verdict).unwrap_or(VERDICTS.len() - 1);
    let mut legend = vec![Entry::Heading("Verdict".into())];
    for (i, &(_, label, rgb, shape)) in VERDICTS.iter().enumerate() {
        if placed.iter().any(|(run, ..)| mark(&run.verdict) == i) {
            let shape = Some((shape, Fill::Solid));
            legend.push(Entry::Key { color: Color::Rgb(rgb), shape, dash: None, label: label.into() });
        }
    }
    let (collapsed, entropy) =
        (distinct(floors.iter().map(|f| f.collapsed)), distinct(floors.iter().map(|f| f.entropy)));
    legend.push(Entry::Heading("Bounds".into()));
    let key = |dash, label: String| Entry::Key { color: Color::Text, shape: None, dash: Some(dash), label };
    if !collapsed.is_empty() {
        let label = format!("{} of a decoder that ignores z ({}); its K is 0", group.symbol, list(&collapsed));
        legend.push(key(Dash::Dashed, label));
    }
    if !entropy.is_empty() {
        legend.push(key(Dash::Dotted, format!("entropy of the pixels ({}): no model is below", list(&entropy))));
    }

    let words = group.around(&format!("{} and K beside their bounds", group.symbol), notes);
    let mut layout = Layout::new(&words, Grid { columns: 2, rows: 1, width: 320.0, height: 260.0 }, &legend);
    let bounds = collapsed.iter().chain(&entropy).copied();
    let recon = Scale::linear(placed.iter().map(|(_, row, _)| row.recon).chain(bounds), Origin::Zero);
    let kl = Scale::linear(placed.iter().map(|(_, row, _)| row.kl).chain([0.0]), Origin::Data);
    for (column, quantity, scale) in [(0, Quantity::Recon, recon), (1, Quantity::Kl, kl)] {
        let x = Axis { label: group.weight_label().into(), scale: group.weights() };
        let y = Axis { label: quantity.label(group.symbol), scale };
        let heading = format!("{}, test images, last epoch", quantity.symbol(group.symbol));
        let panel = layout.panel((0, column), &heading, x, y);
        let (dashed, dotted) = match quantity {
            Quantity::Recon => (collapsed.clone(), entropy.clone()),
            _ => (vec![0.0], Vec::new()),
        };
        for (values, dash) in [(dashed, Dash::Dashed), (dotted, Dash::Dotted)] {
            for line in values.iter().filter_map(|&v| panel.horizontal(v)) {
                layout.figure.line(line.to_vec(), Color::Text, 1.3, dash);
            }
        }
        for (run, row, weight) in &placed {
            let Some(at) = quantity.value(row).and_then(|v| panel.point(*weight, v)) else { continue };
            let (_, verdict, rgb, shape) = VERDICTS[mark(&run.verdict)];
            let tip = format!("{}; {verdict}", group.tip(run, row));
            layout.figure.mark(at, shape, Color::Rgb(rgb), Fill::Solid, Some(tip));
        }
    }
    Ok(layout.figure)
}

/// Bounds that differ visibly; of many (each run on a test subset of its own) the first few.
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
