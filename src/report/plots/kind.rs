//! The kinds of plots, and drawing them for each group of comparable runs.

use clap::ValueEnum;

use super::group::Group;
use super::terms::Axes;
use super::{curves, floors, latents, rate_distortion, terms};
use crate::report::run_set::{RunSet, name_of_group};
use figure::chart::Chart;

/// A kind of plot, with its name on the command line and in its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// learning curves: R, K, -ELBO, train and test, both ledgers
    Curves,
    /// K against R, colored by effective beta, presets named
    RateDistortion,
    /// final R, K and -ELBO against the setting that varies, or against --x, with the spread over seeds
    Terms,
    /// K of every latent, sorted, with the active ones
    Latents,
    /// R and K beside the floors of a collapsed model and of the pixels' entropy
    Floors,
    /// the same test digits through every run (reads models and data; asked for alone)
    Digits,
}

/// A plot of a group of comparable runs.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The kind.
    pub kind: Kind,
    /// The name of its files, without an extension: of the kind, the data and what R measures. It does not depend on
    /// which other groups there are.
    pub name: String,
    /// What is drawn.
    pub chart: Chart,
}

/// Plots of one kind, or of several.
#[derive(Clone, Debug, Default)]
pub struct Plots {
    /// The plots.
    pub plots: Vec<Plot>,
    /// A sentence about each plot that could not be drawn.
    pub notes: Vec<String>,
}

impl Kind {
    /// The kinds that are drawn from records alone, in the order in which a page shows them.
    pub const FROM_RECORDS: [Kind; 5] = [Kind::Terms, Kind::RateDistortion, Kind::Curves, Kind::Latents, Kind::Floors];

    /// The name of its files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Curves => "curves",
            Kind::RateDistortion => "rate-distortion",
            Kind::Terms => "terms",
            Kind::Latents => "latents",
            Kind::Floors => "floors",
            Kind::Digits => "digits",
        }
    }
}

/// Draws one kind of plot for each group of comparable runs; `axes` are those of [`Kind::Terms`].
pub fn draw(kind: Kind, set: &RunSet, axes: &Axes) -> Plots {
    let mut drawn = Plots::default();
    for (comparable, runs) in &set.groups() {
        let group = Group::new(comparable, runs, set);
        let chart = match kind {
            Kind::Curves => curves::chart(&group),
            Kind::RateDistortion => rate_distortion::chart(&group),
            Kind::Terms => terms::chart(&group, axes),
            Kind::Latents => latents::chart(&group),
            Kind::Floors => floors::chart(&group),
            Kind::Digits => Err("digits are drawn from models and data, not from records".to_owned()),
        };
        let first = if kind == Kind::Terms { axes.file_name() } else { kind.name().to_owned() };
        let name = format!("{first}-{}", name_of_group(comparable));
        // Groups that differ in their test images alone have one name: the key tells them apart.
        let name = match drawn.plots.iter().any(|plot| plot.name == name) {
            true => format!("{first}-{}", comparable.replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
            false => name,
        };
        match chart {
            _ if drawn.plots.iter().any(|plot| plot.name == name) => {
                drawn.notes.push(format!("no second plot {name}: {comparable:?} is nearly the name of another group"));
            }
            Ok(chart) => drawn.plots.push(Plot { kind, name, chart }),
            Err(why) => drawn.notes.push(format!("no plot {name}: {why}")),
        }
    }
    drawn
}
