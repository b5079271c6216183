//! The kinds of plots, and drawing them for each group of comparable runs.

use super::group::Group;
use super::{curves, floors, latents, rate_distortion, terms};
use crate::report::run_set::RunSet;
use figure::Figure;

/// A kind of plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both ledgers over the epochs.
    Curves,
    /// K against R.
    RateDistortion,
    /// The final R, K and -ELBO against beta as written and against the effective weight.
    Terms,
    /// K of every latent.
    Latents,
    /// R and K with their bounds.
    Floors,
}

/// A finished plot.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The name of its files, without an extension.
    pub name: String,
    /// The figure.
    pub figure: Figure,
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
    /// All kinds, in the order in which a page shows them.
    pub const ALL: [Kind; 5] = [Kind::RateDistortion, Kind::Terms, Kind::Curves, Kind::Latents, Kind::Floors];

    /// The name of its files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Curves => "curves",
            Kind::RateDistortion => "rate-distortion",
            Kind::Terms => "terms",
            Kind::Latents => "latents",
            Kind::Floors => "floors",
        }
    }
}

/// Draws one kind of plot for each group of comparable runs.
pub fn draw(kind: Kind, set: &RunSet) -> Plots {
    let groups = set.groups();
    let mut drawn = Plots::default();
    for (comparable, runs) in &groups {
        let group = Group::new(comparable, runs);
        let figure = match kind {
            Kind::Curves => curves::figure(&group),
            Kind::RateDistortion => rate_distortion::figure(&group),
            Kind::Terms => terms::figure(&group),
            Kind::Latents => latents::figure(&group),
            Kind::Floors => floors::figure(&group),
        };
        let name = match groups.len() {
            1 => kind.name().to_owned(),
            _ => format!("{}-{}", kind.name(), file_name(comparable)),
        };
        match figure {
            _ if drawn.plots.iter().any(|plot| plot.name == name) => {
                drawn.notes.push(format!("no second plot {name}: {comparable:?} is nearly the name of another group"));
            }
            Ok(figure) => drawn.plots.push(Plot { name, figure }),
            Err(why) => drawn.notes.push(format!("no plot {name}: {why}")),
        }
    }
    drawn
}

/// `text` reduced to characters that file names may contain on every system.
fn file_name(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
