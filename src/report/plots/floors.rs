//! R and K with their bounds: the floor of a decoder that ignores z, and the entropy of the pixels.

use super::group::Group;
use crate::model::ModelName;
use crate::report::run_set::{Floors, Quantity, Run};
use figure::chart::{Axis, Chart, Content, Entry, Plot};
use figure::scale::{Origin, Scale};
use figure::{Color, Dash, Fill, Shape};

pub(super) fn chart(group: &Group<'_>) -> Result<Chart, String> {
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
            "Runs not drawn because they have no {} above 0: {}.",
            group.weight_words(),
            completed.len() - placed.len()
        ));
    }
    let (collapsed, entropy) =
        (distinct(floors.iter().map(|f| f.collapsed)), distinct(floors.iter().map(|f| f.entropy)));
    let drawn: Vec<&Run> = placed.iter().map(|(run, ..)| *run).collect();
    let mut legend = group.legend_of(&drawn, None);
    let key = |fill, label: &str| Entry::Key {
        color: Color::Text,
        shape: Some((Shape::Circle, fill)),
        dash: None,
        label: label.into(),
    };
    let (what, used, unused) = if drawn.iter().all(|run| run.model() == ModelName::VqVae) {
        ("Codebook", "several entries are used", "one entry is used, or not judged")
    } else {
        ("Latents", "some are active", "none is active, or not judged")
    };
    legend.push(Entry::Heading(what.into()));
    legend.push(key(Fill::Solid, used));
    legend.push(key(Fill::Hollow, unused));

    let bounds = collapsed.iter().chain(&entropy).copied();
    let recon = Scale::linear(placed.iter().map(|(_, row, _)| row.recon()).chain(bounds), Origin::Zero);
    let kl = Scale::linear(placed.iter().map(|(_, row, _)| row.kl()).chain([0.0]), Origin::Zero);
    let mut panels = Vec::new();
    for (quantity, scale) in [(Quantity::Recon, recon), (Quantity::Kl, kl)] {
        let mut content = Vec::new();
        if quantity == Quantity::Recon {
            let level = |y: f64, name: &str, dash| Content::Level { y, label: format!("{name}: {y:.1}"), dash };
            content.extend(collapsed.iter().map(|&y| level(y, "a decoder that ignores z", Dash::Dashed)));
            content.extend(entropy.iter().map(|&y| level(y, "entropy of the pixels", Dash::Dotted)));
        }
        for (run, row, weight) in &placed {
            let (style, outcome) = (group.style(run), run.outcome());
            content.extend(quantity.value(row).map(|value| Content::Mark {
                at: (*weight, value),
                shape: style.shape,
                size: style.size,
                color: style.color,
                fill: if outcome.uses_latents() == Some(true) { Fill::Solid } else { Fill::Hollow },
                tooltip: Some(format!("{}; {}", group.tooltip(run, row), outcome.label())),
            }));
        }
        let x = Scale::log(placed.iter().map(|(.., weight)| *weight));
        panels.push(Plot {
            name: if quantity == Quantity::Recon { "recon" } else { "kl" }.into(),
            heading: String::new(),
            x: Axis { label: group.weight_label().into(), scale: x },
            y: Axis { label: quantity.label(group.unit).into(), scale },
            content,
            labels: Vec::new(),
            note: None,
        });
    }
    let caption = group.caption(&format!("{} and K beside what bounds them", group.symbol()), notes);
    Ok(Chart { caption, legend, panels, columns: 2, size: (340.0, 250.0) })
}

/// The bounds that differ visibly, at most four: test subsets have bounds of their own.
fn distinct(values: impl Iterator<Item = Option<f64>>) -> Vec<f64> {
    let mut all: Vec<f64> = values.flatten().filter(|v| v.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    all.dedup_by(|a, b| (*a - *b).abs() <= 1e-3 * b.abs());
    all.truncate(4);
    all
}
