//! The first screen: one finding, the numbers behind it, and the plot that shows it.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::findings::{finding, lowest_neg_elbo, main_group, overview};
use super::plots::picture;
use crate::model::ModelName;
use crate::report::plots::{Axes, Kind, Variable, draw};
use crate::report::run_set::{Outcome, Run, RunSet, describe_group, name_of_group, series};
use crate::text::significant;
use figure::chart::Chart;

pub(super) fn section(set: &RunSet, title: &str) -> Markup {
    let Some((key, runs)) = main_group(set) else { return html! {} };
    let said = finding(&runs);
    let all: Vec<&Run> = set.runs.iter().collect();
    let plot = key_plot(set, &key);
    html! {
        section #main.opening tabindex="-1" aria-labelledby="headline" {
            div {
                p.kicker { (title) }
                h1 #headline { (said.headline) }
                @for sentence in &said.more { p { (sentence) } }
                p.muted { (overview(&all)) " " (about(set, &key)) }
                (tiles(&runs))
            }
            @if let Some(chart) = plot {
                figure {
                    h2.plain { (chart.caption.title) }
                    (picture(&chart))
                    figcaption { (chart.notes().join(" ")) }
                }
            }
        }
    }
}

/// Data, epochs, seeds and date, as far as all runs share them.
fn about(set: &RunSet, key: &str) -> String {
    let mut parts = Vec::new();
    parts.push(match set.groups().len() {
        1 => describe_group(key),
        n => format!("{n} groups of comparable runs; this is the largest: {}", describe_group(key)),
    });
    if let Some(train) = same(set.runs.iter().map(|run| run.manifest.as_ref().map(|m| m.data.train_images)))
        && let Some(train) = train
    {
        parts.push(format!("{train} training images"));
    }
    if let Some(epochs) = same(set.runs.iter().map(|run| run.settings.epochs)).flatten() {
        parts.push(if epochs == 1 { "1 epoch".to_owned() } else { format!("{epochs} epochs") });
    }
    let seeds: BTreeSet<u64> = set.runs.iter().filter_map(|run| run.settings.seed).collect();
    parts.push(match seeds.len() {
        0 => "no seed".to_owned(),
        1 => format!("seed {}", seeds.iter().next().copied().unwrap_or_default()),
        n => format!("{n} seeds"),
    });
    let ends = set.runs.iter().filter_map(|run| run.manifest.as_ref()).map(|m| m.updated.as_str());
    parts.extend(ends.max().and_then(|last| last.get(..10)).map(|day| format!("last run of {day}")));
    format!("{}.", parts.join("; "))
}

/// The value, where it is the same everywhere.
fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

/// The key numbers of a group.
fn tiles(runs: &[&Run]) -> Markup {
    let done: Vec<&Run> = runs.iter().copied().filter(|run| run.result().is_some()).collect();
    let mut tiles: Vec<(String, String, String)> = Vec::new();
    if let Some(lowest) = lowest_neg_elbo(runs) {
        let weight = lowest.run.effective_weight().map_or_else(String::new, |w| w.to_string());
        tiles.push((format!("{:.1}", lowest.value), "lowest −ELBO, nats per image".into(), weight));
        if let Some(row) = lowest.run.result() {
            tiles.push((format!("{:.1}", row.recon()), "its R".into(), "reconstruction, nats".into()));
            let rate = match lowest.run.model() {
                ModelName::Vae => "KL, nats",
                ModelName::VqVae => "N ln K, nats",
            };
            tiles.push((format!("{:.1}", row.kl()), "its K".into(), rate.into()));
        }
    } else if let Some(run) = done.iter().min_by(|a, b| recon(a).total_cmp(&recon(b))) {
        let symbol = run.recon_unit().symbol();
        let weight = run.effective_weight().map_or_else(String::new, |w| w.to_string());
        tiles.push((format!("{:.1}", recon(run)), format!("lowest {symbol}, per image"), weight));
    }
    let vaes = done.iter().filter(|run| run.model() == ModelName::Vae);
    let judged = vaes.filter_map(|run| run.outcome().uses_latents());
    let (collapsed, all) = judged.fold((0, 0), |(dead, all), used| (dead + usize::from(!used), all + 1));
    if all > 1 {
        tiles.push((format!("{collapsed} of {all}"), "runs collapsed".into(), String::new()));
    }
    let quantised = done.iter().filter(|run| run.model() == ModelName::VqVae).count();
    if quantised > 1 {
        let every = done.iter().filter(|run| run.outcome() == Outcome::AllCodes).count();
        tiles.push((format!("{every} of {quantised}"), "VQ-VAEs use every entry".into(), String::new()));
    }
    let configurations = series(runs).len();
    if configurations > 1 {
        tiles.push((configurations.to_string(), "configurations".into(), format!("{} runs", runs.len())));
    }
    let floors: Vec<f64> = runs.iter().filter_map(|run| run.floors.collapsed).collect();
    if let Some(first) = floors.first().filter(|first| floors.iter().all(|f| (f - **first).abs() < 1e-3 * first.abs()))
    {
        let symbol = runs[0].recon_unit().symbol();
        tiles.push((
            significant((first * 10.0).round() / 10.0),
            format!("{symbol} without z"),
            "the average image".into(),
        ));
    }
    html! {
        dl.tiles {
            @for (value, name, more) in tiles {
                div { dt { (name) } dd { b { (value) } @if !more.is_empty() { span { (more) } } } }
            }
        }
    }
}

fn recon(run: &Run) -> f64 {
    run.result().map_or(f64::MAX, |row| row.recon())
}

/// The plot that shows the finding: −ELBO, or S, against what varies; the learning curve of a single configuration.
fn key_plot(set: &RunSet, key: &str) -> Option<Chart> {
    let name = name_of_group(key);
    let of = |kind, axes: &Axes| {
        let plots = draw(kind, set, axes).plots;
        plots.into_iter().find(|plot| plot.name.ends_with(&name)).map(|plot| plot.chart)
    };
    let quantity = |chart: &Chart| ["elbo", "recon"].into_iter().find(|name| chart.panel_names().contains(name));
    let both = |model: ModelName| set.runs.iter().any(|run| run.comparable == key && run.model() == model);
    // Rates of two families of models are compared in the plane.
    if both(ModelName::Vae) && both(ModelName::VqVae) {
        return of(Kind::RateDistortion, &Axes::default());
    }
    let weights: Vec<Variable> = "beta-effective".parse().into_iter().collect();
    let against = |x: Vec<Variable>| {
        let axes = |y: &str| Axes { x: x.clone(), y: y.parse().into_iter().collect(), color: None, facet: None };
        of(Kind::Terms, &axes("elbo")).or_else(|| of(Kind::Terms, &axes("recon")))
    };
    let chosen = of(Kind::Terms, &Axes::default());
    match chosen {
        Some(chart) if chart.panels.iter().any(|panel| panel.x.label.contains("b / ")) => against(weights),
        Some(_) => against(Vec::new()),
        None => {
            let chart = of(Kind::Curves, &Axes::default())?;
            let name = quantity(&chart)?.to_owned();
            Some(chart.only(&[name]))
        }
    }
}
