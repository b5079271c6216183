//! K against R: under one network and one way of training, the runs of all reductions lie on one curve, and the
//! effective beta alone says where.

use std::collections::BTreeMap;

use super::{Coloring, Group, nested};
use crate::report::study::{Quantity, Run, beta_lines, reduction_label};
use figure::labels::place_labels;
use figure::layout::{Axis, Entry, Grid, Layout};
use figure::scale::{Origin, Scale};
use figure::{Anchor, Color, Dash, Figure, Fill, Item, Point, Shape};

/// So few settings are named beside their points, presets or not.
const MOST_NAMED: usize = 12;

pub(super) fn figure(group: &Group<'_>) -> Result<Figure, String> {
    let (done, mut notes) = group.finished();
    if done.is_empty() {
        return Err("no run of it is finished".into());
    }
    let floors: Vec<f64> =
        done.iter().flat_map(|(run, _)| [run.floors.collapsed, run.floors.entropy]).flatten().collect();
    let x = Scale::linear(done.iter().map(|(_, row)| row.recon).chain(floors), Origin::Data);
    let y = Scale::linear(done.iter().map(|(_, row)| row.kl), Origin::Zero);

    let coloring = if group.weighing.is_some() { Coloring::Weight(group.weights()) } else { Coloring::Plain };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    done.iter().for_each(|(run, _)| *counts.entry(reduction_label(&run.settings)).or_default() += 1);
    let mut reductions: Vec<String> = counts.keys().cloned().collect();
    // The most frequent first: its marks are the largest, and what lies on them is drawn over them.
    reductions.sort_by_key(|label| std::cmp::Reverse(counts[label]));
    let place = |run: &Run| reductions.iter().position(|r| *r == reduction_label(&run.settings)).unwrap_or(0);
    let mut legend = vec![Entry::Heading("Reduction".into())];
    for (i, label) in reductions.iter().enumerate() {
        let shape = Some((Shape::ALL[i % Shape::ALL.len()], Fill::Hollow));
        legend.push(Entry::Key { color: Color::Text, shape, dash: None, label: label.clone() });
    }
    legend.extend(group.legend(&coloring, |_| (None, None)));

    let heading = format!("K against {}, test images, last epoch", group.symbol);
    let mut names = names(group, &done.iter().map(|(run, _)| *run).collect::<Vec<_>>());
    let all_named = names.len();
    names.retain(|_, name| !name.is_empty());
    if all_named > MOST_NAMED && !names.is_empty() {
        notes.push("Presets are named; hover or see the table for the others.".to_owned());
    }
    // Notes come before the panel is drawn: a label without a place is seldom, and is told by its mark's own words.
    let words = group.around("Rate and distortion", notes);
    let mut layout = Layout::new(&words, Grid { columns: 1, rows: 1, width: 560.0, height: 380.0 }, &legend);
    let axis = |quantity: Quantity, scale| Axis { label: quantity.label(group.symbol), scale };
    let panel = layout.panel((0, 0), &heading, axis(Quantity::Recon, x), axis(Quantity::Kl, y));
    let f = &mut layout.figure;

    let mut bounds = Vec::new();
    for (run, _) in &done {
        bounds.extend(run.floors.collapsed.map(|v| (v, "a decoder that ignores z")));
        bounds.extend(run.floors.entropy.filter(|v| *v > 0.0).map(|v| (v, "entropy of the greys")));
    }
    bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    bounds.dedup_by(|a, b| a.1 == b.1 && (a.0 - b.0).abs() < 1e-3 * b.0.abs());
    let mut occupied = Vec::new();
    // Test subsets have floors of their own; a few lines guide, many would be a grid.
    for (value, name) in bounds.into_iter().take(4) {
        if let Some(line) = panel.vertical(value) {
            let top = line[1];
            occupied.extend(between(line[0], line[1]));
            f.line(line.to_vec(), Color::Muted, 1.2, Dash::Dashed);
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
    ordered.sort_by_key(|(run, _)| place(run));
    for (run, row) in &ordered {
        let Some(at) = panel.point(row.recon, row.kl) else { continue };
        let (color, tip) = (group.color(run, &coloring), Some(group.tip(run, row)));
        let shape = Shape::ALL[place(run) % Shape::ALL.len()];
        f.items.push(Item::Mark { at, shape, size: nested(place(run)), color, fill: Fill::Solid, tooltip: tip });
        points.push(at);
    }
    let wanted: Vec<_> = names
        .into_iter()
        .filter_map(|(i, name)| {
            let run = group.series[i].runs.iter().find_map(|run| Some((run, run.result()?)))?;
            Some((panel.point(run.1.recon, run.1.kl)?, name))
        })
        .collect();
    points.extend(occupied);
    place_labels(f, &wanted, &points, panel.bounds());
    Ok(layout.figure)
}

/// Points along a line, close enough together that no word fits between them.
fn between(a: Point, b: Point) -> impl Iterator<Item = Point> {
    let steps = ((b.0 - a.0).hypot(b.1 - a.1) / 8.0).ceil().max(1.0);
    (0..=steps as usize).map(move |i| i as f64 / steps).map(move |t| (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)))
}

/// What is written beside a series: its preset, or what sets it apart where there are few.
fn names(group: &Group<'_>, done: &[&Run]) -> BTreeMap<usize, String> {
    let few = group.series.len() <= MOST_NAMED;
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

/// Fewer points make no curve: a straight line between two would claim what nobody measured.
const LEAST_OF_A_CURVE: usize = 4;

/// Mean points of the settings along their weight, one line for each network and way of training.
fn curve(group: &Group<'_>, done: &[&Run]) -> Vec<Vec<(f64, f64)>> {
    const WEIGHTS: [&str; 7] = ["reduction", "kl_reduction", "recon_weight", "kl_weight", "beta", "seed", "preset"];
    let mut lines: BTreeMap<Vec<String>, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for line in beta_lines(done) {
        let key: Vec<String> = line.runs[0]
            .settings
            .cells()
            .into_iter()
            .filter(|(c, _)| !WEIGHTS.contains(&c.as_str()))
            .map(|(_, cell)| cell)
            .collect();
        let points = line.runs.iter().filter_map(|run| Some((group.weight(run)?, run.result()?)));
        lines.entry(key).or_default().extend(points.map(|(w, row)| (w, row.recon, row.kl)));
    }
    lines
        .into_values()
        .map(|mut points| {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut means: Vec<(f64, f64)> = Vec::new();
            for same in points.chunk_by(|a, b| (a.0 / b.0 - 1.0).abs() < 1e-6) {
                let n = same.len() as f64;
                means.push((same.iter().map(|p| p.1).sum::<f64>() / n, same.iter().map(|p| p.2).sum::<f64>() / n));
            }
            means
        })
        .filter(|means| means.len() >= LEAST_OF_A_CURVE)
        .collect()
}
