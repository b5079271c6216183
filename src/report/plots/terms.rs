//! The final R, K and -ELBO: against beta as written on the left, against the effective weight on the right.

use std::collections::BTreeMap;

use super::group::{Group, mark_size, series_shape};
use crate::metrics::EpochRecord;
use crate::report::run_set::{Quantity, Run, Series, beta_lines, reduction_label};
use crate::text::significant;
use figure::color::{MAX_CATEGORIES, category};
use figure::layout::{Axis, Entry, Grid, Layout};
use figure::scale::{Origin, Scale};
use figure::{Dash, Figure, Fill, Item};

/// The runs at one position of the axis.
struct Point<'a> {
    x: f64,
    runs: Vec<(&'a Run, &'a EpochRecord)>,
}

pub(super) fn figure(group: &Group<'_>) -> Result<Figure, String> {
    let (done, mut notes) = group.completed();
    let beta = |run: &Run| run.settings.beta.filter(|b| *b > 0.0);
    if done.is_empty() {
        return Err("no run is finished".into());
    }
    let placed: Vec<&Run> = done.iter().map(|(run, _)| *run).filter(|run| beta(run).is_some()).collect();
    if placed.is_empty() {
        return Err("no run has a beta above 0, and the axis is logarithmic".into());
    }
    if placed.len() < done.len() {
        let n = done.len() - placed.len();
        notes.push(format!("Runs not drawn because their beta is 0 or they have a capacity instead: {n}."));
    }
    let lines = beta_lines(&placed);
    let distinguishable = lines.len() <= MAX_CATEGORIES;
    let mut reductions: Vec<String> = lines.iter().map(|s| reduction_label(&s.runs[0].settings)).collect();
    reductions.sort();
    reductions.dedup();
    let style = |i: usize, s: &Series<'_>| {
        let index = if distinguishable {
            i
        } else {
            reductions.iter().position(|r| *r == reduction_label(&s.runs[0].settings)).unwrap_or(0)
        };
        (category(index), series_shape(index))
    };
    let key = |i: usize, label: &str| Entry::Key {
        color: category(i),
        shape: Some((series_shape(i), Fill::Solid)),
        dash: distinguishable.then_some(Dash::Solid),
        label: label.to_owned(),
    };
    let mut legend = vec![Entry::Heading("Reduction".into())];
    if distinguishable {
        legend.extend(lines.iter().enumerate().map(|(i, s)| key(i, &s.label)));
    } else {
        legend.extend(reductions.iter().enumerate().map(|(i, r)| key(i, r)));
        notes.push(format!(
            "{} combinations of settings besides beta: marks without lines, colored by reduction.",
            lines.len()
        ));
    }

    let mut columns = vec![("against beta as written", "beta as written")];
    if group.has_weights() {
        columns.push(("against the effective weight", group.weight_label()));
    }
    let position = |column: usize, run: &Run| if column == 0 { beta(run) } else { group.weight(run) };
    let mut seeds: Vec<usize> =
        lines.iter().flat_map(|s| points(s, |run| position(0, run))).map(|p| p.runs.len()).collect();
    seeds.sort_unstable();
    if let (Some(&least), Some(&most)) = (seeds.first(), seeds.last()) {
        notes.push(match (least, most) {
            (_, 1) => "Each mark is one run. Test images, last epoch.".to_owned(),
            _ => {
                let n = if least == most { format!("{least}") } else { format!("{least} to {most}") };
                format!("Marks are means over seeds (n = {n}); bars span the smallest to the largest value. Test images, last epoch.")
            }
        });
    }
    let caption = group.caption("Final terms against beta", notes);
    let grid = Grid { columns: columns.len(), rows: group.quantities.len(), width: 320.0, height: 170.0 };
    let mut layout = Layout::new(&caption, grid, &legend);
    for (row, &quantity) in group.quantities.iter().enumerate() {
        for (column, &(heading, label)) in columns.iter().enumerate() {
            let origin = if quantity == Quantity::Kl { Origin::Zero } else { Origin::Data };
            let values = placed.iter().filter_map(|run| quantity.value(run.result()?));
            let y = Axis { label: quantity.label(group.unit).into(), scale: Scale::linear(values, origin) };
            let scale = Scale::log(placed.iter().filter_map(|run| position(column, run)));
            let heading = format!("{} {heading}", quantity.symbol(group.unit));
            let panel = layout.panel((row, column), &heading, Axis { label: label.into(), scale }, y);
            for (i, line) in lines.iter().enumerate() {
                let (color, shape) = style(i, line);
                let points = points(line, |run| position(column, run));
                let means: Vec<(f64, f64)> =
                    points.iter().filter_map(|p| Some((p.x, summary(p, quantity)?.0))).collect();
                if distinguishable {
                    for piece in panel.line(&means) {
                        layout.figure.line(piece, color, 1.4, Dash::Solid);
                    }
                }
                for point in &points {
                    let Some((mean, least, most)) = summary(point, quantity) else { continue };
                    if let (Some(a), Some(b)) = (panel.point(point.x, least), panel.point(point.x, most))
                        && b.1 < a.1 - 1.0
                    {
                        layout.figure.line(vec![a, b], color, 1.4, Dash::Solid);
                        for (x, y) in [a, b] {
                            layout.figure.line(vec![(x - 4.0, y), (x + 4.0, y)], color, 1.4, Dash::Solid);
                        }
                    }
                    let Some(at) = panel.point(point.x, mean) else { continue };
                    let size = if distinguishable { mark_size(i) } else { 3.6 };
                    let tooltip = Some(tooltip(group, point, quantity, (mean, least, most)));
                    layout.figure.items.push(Item::Mark { at, shape, size, color, fill: Fill::Solid, tooltip });
                }
            }
        }
    }
    Ok(layout.figure)
}

/// The runs of a line by position, in ascending order; runs without a position are left out.
fn points<'a>(line: &Series<'a>, position: impl Fn(&Run) -> Option<f64>) -> Vec<Point<'a>> {
    let mut by_position: BTreeMap<u64, Point<'a>> = BTreeMap::new();
    for &run in &line.runs {
        let (Some(x), Some(row)) = (position(run), run.result()) else { continue };
        // The bits of positive numbers are in the order of the numbers.
        by_position.entry(x.to_bits()).or_insert_with(|| Point { x, runs: Vec::new() }).runs.push((run, row));
    }
    by_position.into_values().collect()
}

/// The mean, the smallest and the largest value at a point.
fn summary(point: &Point<'_>, quantity: Quantity) -> Option<(f64, f64, f64)> {
    let values: Vec<f64> = point.runs.iter().filter_map(|(_, row)| quantity.value(row)).collect();
    let least = values.iter().copied().reduce(f64::min)?;
    let most = values.iter().copied().reduce(f64::max)?;
    Some((values.iter().sum::<f64>() / values.len() as f64, least, most))
}

fn tooltip(group: &Group<'_>, point: &Point<'_>, quantity: Quantity, (mean, least, most): (f64, f64, f64)) -> String {
    let run = point.runs[0].0;
    let label = &group.series[group.series_of(run)].label;
    let symbol = quantity.symbol(group.unit);
    let n = point.runs.len();
    let spread = if n > 1 {
        format!(", mean of {n} seeds ({} to {})", significant(least), significant(most))
    } else {
        format!(", {}", run.seed())
    };
    let beta = run.settings.beta.map_or_else(String::new, |b| format!("; beta {} as written", significant(b)));
    let weight = run.effective_weight().map_or_else(String::new, |w| format!("; {w}"));
    format!("{label}: {symbol} {}{spread}{beta}{weight}", significant(mean))
}
