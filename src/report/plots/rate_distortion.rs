//! The rate K against the distortion R: one point for every run, named where they are few.

use std::collections::BTreeMap;

use super::group::Group;
use crate::report::run_set::{Quantity, Run, WEIGHT_SETTINGS, lines_along, same_weight, settings_key};
use figure::chart::{Axis, Chart, Content, Plot};
use figure::scale::{Origin, Scale};
use figure::{Color, Dash, Fill, Point};

/// With more series only presets are named beside their points.
const MAX_LABELLED: usize = 12;
/// Fewer points are not joined: a line between distant points would suggest measurements that do not exist.
const MIN_CURVE_POINTS: usize = 4;
/// Test subsets have bounds of their own; more lines than a few would be a grid.
const MAX_BOUNDS: usize = 4;

pub(super) fn chart(group: &Group<'_>) -> Result<Chart, String> {
    let (done, mut notes) = group.completed();
    if done.is_empty() {
        return Err("no run is finished".into());
    }
    let runs: Vec<&Run> = done.iter().map(|(run, _)| *run).collect();
    let bounds = bounds(&runs);
    let recon = done.iter().map(|(_, row)| row.recon());
    let x = Scale::linear(recon.chain(bounds.iter().map(|(value, _)| *value)), Origin::Data);
    // Room above the runs for the names of the bounds.
    let highest = done.iter().map(|(_, row)| row.kl()).fold(0.0, f64::max);
    let y = Scale::linear(done.iter().map(|(_, row)| row.kl()).chain([1.1 * highest]), Origin::Zero);

    let mut content: Vec<Content> = bounds
        .into_iter()
        .map(|(x, name)| Content::Upright { x, label: format!("{name}: {x:.1}"), dash: Dash::Dashed })
        .collect();
    let curves = curves(group, &runs);
    if !curves.is_empty() {
        notes.push(
            "Lines join the means of runs that differ only in the weights of their terms, in the order of the effective weight."
                .to_owned(),
        );
    }
    let line = |points| Content::Line { points, color: Color::Muted, width: 1.0, dash: Dash::Solid, tooltip: None };
    content.extend(curves.into_iter().map(line));
    let mut ordered = done.clone();
    // The largest marks first, so that the others are drawn over them.
    ordered.sort_by(|(a, _), (b, _)| group.weighted_style(b).size.total_cmp(&group.weighted_style(a).size));
    for (run, row) in ordered {
        let style = group.weighted_style(run);
        content.push(Content::Mark {
            at: (row.recon(), row.kl()),
            shape: style.shape,
            size: style.size,
            color: style.color,
            fill: Fill::Solid,
            tooltip: Some(group.tooltip(run, row)),
        });
    }
    let labels = labels(group);
    if group.series.len() > MAX_LABELLED && !labels.is_empty() {
        notes.push("Only presets are named.".to_owned());
    }
    let axis = |quantity: Quantity, scale| Axis { label: quantity.label(group.unit).into(), scale };
    let plot = Plot {
        name: "rate-distortion".into(),
        heading: String::new(),
        x: axis(Quantity::Recon, x),
        y: axis(Quantity::Kl, y),
        content,
        labels,
        note: None,
    };
    let title = format!("Rate against distortion: K and {} of every run", group.symbol());
    let caption = group.caption(&title, notes);
    Ok(Chart { caption, legend: group.weighted_legend(), panels: vec![plot], columns: 1, size: (640.0, 400.0) })
}

/// The bounds of R that the runs have, each once.
fn bounds(runs: &[&Run]) -> Vec<(f64, &'static str)> {
    let mut bounds = Vec::new();
    for run in runs {
        bounds.extend(run.floors.collapsed.map(|v| (v, "a decoder that ignores z")));
        bounds.extend(run.floors.entropy.filter(|v| *v > 0.0).map(|v| (v, "entropy of the pixels")));
    }
    bounds.retain(|(value, _)| value.is_finite());
    bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    bounds.dedup_by(|a, b| a.1 == b.1 && (a.0 - b.0).abs() < 1e-3 * b.0.abs());
    bounds.truncate(MAX_BOUNDS);
    bounds
}

/// The names of the series at the first of their runs: all if they are few, else those of presets.
fn labels(group: &Group<'_>) -> Vec<(Point, String)> {
    let few = group.series.len() <= MAX_LABELLED;
    let named = group.series.iter().filter(|s| few || s.runs[0].settings.preset.is_some());
    named
        .filter_map(|s| {
            let row = s.runs.iter().find_map(|run| run.result())?;
            Some(((row.recon(), row.kl()), s.label.clone()))
        })
        .collect()
}

/// The mean points of equal effective weights in ascending order, one curve for each setting of network and training.
fn curves(group: &Group<'_>, done: &[&Run]) -> Vec<Vec<Point>> {
    let without: Vec<&str> = WEIGHT_SETTINGS.into_iter().chain(["seed"]).collect();
    let mut lines: BTreeMap<Vec<String>, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for line in lines_along(done, &["beta"]) {
        let key = settings_key(&line.runs[0].settings, &without);
        let points = line.runs.iter().filter_map(|run| Some((group.weight(run)?, run.result()?)));
        lines.entry(key).or_default().extend(points.map(|(w, row)| (w, row.recon(), row.kl())));
    }
    lines
        .into_values()
        .map(|mut points| {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut means: Vec<Point> = Vec::new();
            for same in points.chunk_by(|a, b| same_weight(a.0, b.0)) {
                let n = same.len() as f64;
                means.push((same.iter().map(|p| p.1).sum::<f64>() / n, same.iter().map(|p| p.2).sum::<f64>() / n));
            }
            means
        })
        .filter(|means| means.len() >= MIN_CURVE_POINTS)
        .collect()
}
