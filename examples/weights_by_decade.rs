//! Draws the histogram of results/wild: how many surveyed repositories have an effective weight within each decade.
//!
//!     cargo run --release --example weights_by_decade -- results/wild/survey.csv results/wild

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use figure::chart::{Axis, Caption, Chart, Content, Entry, Plot};
use figure::scale::{Origin, Scale};
use figure::svg::{SvgTarget, svg};
use figure::{Color, Dash, Fill, Shape, Theme, raster};
use serde::Deserialize;

/// What the histogram reads of a row; copies of another row are not counted.
#[derive(Deserialize)]
struct Row {
    copy_of: String,
    loss: String,
    effective: Option<f64>,
    rule: String,
}

/// The decades by their exponents; smaller and larger numbers are counted with the first and the last.
const DECADES: std::ops::RangeInclusive<i32> = -4..=5;
/// What the rule says, in the order in which a column is stacked.
const RULES: [(&str, &str); 3] = [("no", "the rule says: no collapse"), ("partly", "partly"), ("yes", "collapse")];

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(table), Some(out)) = (words.next(), words.next()) else {
        return Err("name the table and a directory: weights_by_decade -- results/wild/survey.csv results/wild".into());
    };
    let rows: Vec<Row> = csv::Reader::from_path(&table)?.deserialize().collect::<Result<_, _>>()?;
    let own: Vec<&Row> = rows.iter().filter(|row| row.copy_of.is_empty()).collect();
    let numbers = own.iter().filter(|row| row.effective.is_some()).count();
    let panel = |loss: &str, heading: &str, label: &str| {
        let of_loss: Vec<&Row> = own.iter().filter(|row| row.loss == loss).copied().collect();
        histogram(&of_loss, heading, label)
    };
    let chart = Chart {
        caption: Caption {
            title: "Effective weights of public VAE code, by decade".into(),
            subtitle: format!("{numbers} repositories, read and not run; not a random sample"),
            notes: vec!["Each block is a repository. Squared errors are in units of pixels in [0, 1]. 1e0.. is from 1 to below 10.".into()],
            description: "Histogram of the effective weights in results/wild/survey.csv".into(),
        },
        legend: RULES
            .iter()
            .enumerate()
            .map(|(i, (_, label))| Entry::Key {
                color: Color::Category(i),
                shape: Some((Shape::Square, Fill::Solid)),
                dash: None,
                label: (*label).into(),
            })
            .collect(),
        panels: vec![panel("bce", "BCE", "effective beta"), panel("mse", "Squared error", "beta·σ²")],
        columns: 2,
        size: (300.0, 300.0),
    };
    let figure = chart.figure(None);
    let path = |extension: &str| Path::new(&out).join(format!("weights-by-decade.{extension}"));
    std::fs::write(path("svg"), svg(&figure, SvgTarget::File(Theme::Light)))?;
    std::fs::write(path("png"), raster::png(&figure, Theme::Light, raster::SCREEN)?)?;
    Ok(())
}

/// One panel: a column of marks for each decade, one per row.
fn histogram(rows: &[&Row], heading: &str, label: &str) -> Plot {
    let mut columns: BTreeMap<i32, Vec<usize>> = DECADES.map(|decade| (decade, Vec::new())).collect();
    for row in rows {
        let Some(effective) = row.effective else { continue };
        let decade = (effective.log10() + 1e-9).floor() as i32;
        let rule = RULES.iter().position(|(name, _)| *name == row.rule).unwrap_or(0);
        columns.entry(decade.clamp(*DECADES.start(), *DECADES.end())).or_default().push(rule);
    }
    let names: Vec<String> = columns.keys().map(|decade| format!("1e{decade}..")).collect();
    let highest = columns.values().map(Vec::len).max().unwrap_or(0) as f64;
    let mut content = Vec::new();
    let mut labels = Vec::new();
    for (i, rules) in columns.values_mut().enumerate() {
        rules.sort_unstable();
        let x = i as f64;
        content.extend(rules.iter().enumerate().map(|(height, &rule)| Content::Line {
            points: vec![(x, height as f64), (x, height as f64 + 0.8)],
            color: Color::Category(rule),
            width: 16.0,
            dash: Dash::Solid,
            tooltip: None,
        }));
        if !rules.is_empty() {
            labels.push(((x, rules.len() as f64), rules.len().to_string()));
        }
    }
    Plot {
        name: heading.to_lowercase(),
        heading: heading.into(),
        x: Axis { label: label.into(), scale: Scale::names(names) },
        y: Axis { label: "repositories".into(), scale: Scale::linear([0.0, highest], Origin::Zero) },
        content,
        labels,
        note: None,
    }
}
