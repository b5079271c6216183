//! K against R: the rate-distortion plane, colored by effective weight.

use std::collections::BTreeMap;

use super::group::{Coloring, Group, mark_size, series_shape};
use crate::report::run_set::{Quantity, Run, WEIGHT_SETTINGS, beta_lines, reduction_label, same_weight, settings_key};
use figure::labels::place_labels;
use figure::layout::{Axis, Entry, Grid, Layout};
use figure::scale::{Origin, Scale};
use figure::{Anchor, Color, Dash, Figure, Fill, Item, Point};

/// With more series only presets are labelled beside their points.
const MAX_LABELLED: usize = 12;

pub(super) fn figure(group: &Group<'_>) -> Result<Figure, String> {
    let (done, mut notes) = group.completed();
    if done.is_empty() {
        return Err("no run is finished".into());
    }
    let floors: Vec<f64> =
        done.iter().flat_map(|(run, _)| [run.floors.collapsed, run.floors.entropy]).flatten().collect();
    let x = Scale::linear(done.iter().map(|(_, row)| row.recon).chain(floors), Origin::Data);
    let y = Scale::linear(done.iter().map(|(_, row)| row.kl), Origin::Zero);

    let coloring = if group.has_weights() { Coloring::Weight(group.weight_scale()) } else { Coloring::Plain };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    done.iter().for_each(|(run, _)| *counts.entry(reduction_label(&run.settings)).or_default() += 1);
    let mut reductions: Vec<String> = counts.keys().cloned().collect();
    // The most frequent first: its marks are the largest, and the others are drawn over them.
    reductions.sort_by_key(|label| std::cmp::Reverse(counts[label]));
    let index = |run: &Run| reductions.iter().position(|r| *r == reduction_label(&run.settings)).unwrap_or(0);
    let mut legend = vec![Entry::Heading("Reduction".into())];
    for (i, label) in reductions.iter().enumerate() {
        let shape = Some((series_shape(i), Fill::Hollow));
        legend.push(Entry::Key { color: Color::Text, shape, dash: None, label: label.clone() });
    }
    legend.extend(group.legend(&coloring, |_| (None, None)));

    let heading = format!("K against {}, test images, last epoch", group.symbol());
    let mut labels = labels(group, &done.iter().map(|(run, _)| *run).collect::<Vec<_>>());
    let all = labels.len();
    labels.retain(|_, label| !label.is_empty());
    if all > MAX_LABELLED && !labels.is_empty() {
        notes.push("Only presets are labelled.".to_owned());
    }
    // Labels that do not fit are dropped; the tooltip still names them.
    let caption = group.caption("Rate and distortion", notes);
    let mut layout = Layout::new(&caption, Grid { columns: 1, rows: 1, width: 560.0, height: 380.0 }, &legend);
    let axis = |quantity: Quantity, scale| Axis { label: quantity.label(group.unit).into(), scale };
    let panel = layout.panel((0, 0), &heading, axis(Quantity::Recon, x), axis(Quantity::Kl, y));
    let f = &mut layout.figure;

    let mut bounds = Vec::new();
    for (run, _) in &done {
        bounds.extend(run.floors.collapsed.map(|v| (v, "a decoder that ignores z")));
        bounds.extend(run.floors.entropy.filter(|v| *v > 0.0).map(|v| (v, "entropy of the pixels")));
    }
    bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    bounds.dedup_by(|a, b| a.1 == b.1 && (a.0 - b.0).abs() < 1e-3 * b.0.abs());
    let mut occupied = Vec::new();
    // Test subsets have floors of their own; more lines than a few would be a grid.
    for (value, name) in bounds.into_iter().take(4) {
        if let Some([bottom, top]) = panel.vertical(value) {
            occupied.extend(between(bottom, top));
            f.line(vec![bottom, top], Color::Muted, 1.2, Dash::Dashed);
            let right = top.0 > panel.bounds().0.0 + 280.0;
            let (dx, anchor) = if right { (-5.0, Anchor::End) } else { (5.0, Anchor::Start) };
            f.text((top.0 + dx, top.1 + 14.0), format!("{name}: {value:.1}"), 11.0, anchor, Color::Muted);
            let side = if right { -1.0 } else { 1.0 };
            occupied.extend((0..16).map(|i| (top.0 + side * 10.0 * f64::from(i), top.1 + 10.0)));
        }
    }
    for line in curve(group, &done.iter().map(|(run, _)| *run).collect::<Vec<_>>()) {
        for piece in panel.line(&line) {
            occupied.extend(piece.windows(2).flat_map(|pair| between(pair[0], pair[1])));
            f.line(piece, Color::Muted, 1.0, Dash::Solid);
        }
    }
    let mut points = Vec::new();
    let mut ordered = done.clone();
    ordered.sort_by_key(|(run, _)| index(run));
    for (run, row) in &ordered {
        let Some(at) = panel.point(row.recon, row.kl) else { continue };
        let (color, tooltip) = (group.color(run, &coloring), Some(group.tooltip(run, row)));
        let shape = series_shape(index(run));
        f.items.push(Item::Mark { at, shape, size: mark_size(index(run)), color, fill: Fill::Solid, tooltip });
        points.push(at);
    }
    let wanted: Vec<_> = labels
        .into_iter()
        .filter_map(|(i, label)| {
            let row = group.series[i].runs.iter().find_map(|run| run.result())?;
            Some((panel.point(row.recon, row.kl)?, label))
        })
        .collect();
    points.extend(occupied);
    place_labels(f, &wanted, &points, panel.bounds());
    Ok(layout.figure)
}

/// Points along a line, close enough together that no label fits between them.
fn between(a: Point, b: Point) -> impl Iterator<Item = Point> {
    let steps = ((b.0 - a.0).hypot(b.1 - a.1) / 8.0).ceil().max(1.0);
    (0..=steps as usize).map(move |i| i as f64 / steps).map(move |t| (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)))
}

/// The labels of the series by index: all if they are few, else those of presets.
fn labels(group: &Group<'_>, done: &[&Run]) -> BTreeMap<usize, String> {
    let few = group.series.len() <= MAX_LABELLED;
    let named = group
        .series
        .iter()
        .enumerate()
        .filter(|(_, s)| done.iter().any(|run| s.runs.iter().any(|r| r.name == run.name)));
    named
        .map(|(i, s)| {
            let preset = s.runs[0].settings.preset.is_some();
            (i, if preset || few { s.label.clone() } else { String::new() })
        })
        .collect()
}

/// Fewer points are not joined: a line between distant points would suggest measurements that do not exist.
const MIN_CURVE_POINTS: usize = 4;

/// The mean points of equal effective weights in ascending order, one curve for each setting of network and training.
fn curve(group: &Group<'_>, done: &[&Run]) -> Vec<Vec<(f64, f64)>> {
    let without: Vec<&str> = WEIGHT_SETTINGS.into_iter().chain(["seed"]).collect();
    let mut lines: BTreeMap<Vec<String>, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for line in beta_lines(done) {
        let key = settings_key(&line.runs[0].settings, &without);
        let points = line.runs.iter().filter_map(|run| Some((group.weight(run)?, run.result()?)));
        lines.entry(key).or_default().extend(points.map(|(w, row)| (w, row.recon, row.kl)));
    }
    lines
        .into_values()
        .map(|mut points| {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut means: Vec<(f64, f64)> = Vec::new();
            for same in points.chunk_by(|a, b| same_weight(a.0, b.0)) {
                let n = same.len() as f64;
                means.push((same.iter().map(|p| p.1).sum::<f64>() / n, same.iter().map(|p| p.2).sum::<f64>() / n));
            }
            means
        })
        .filter(|means| means.len() >= MIN_CURVE_POINTS)
        .collect()
}
