//! The plots of a study, each from its records alone.
//!
//! What cannot be compared (grey with binarised pixels, a density with a mass, a likelihood with a squared error) never
//! shares axes: every group of comparable runs has a picture of its own.

mod curves;
mod floors;
mod latents;
mod rate_distortion;
mod terms;

use crate::metrics::EpochRecord;
use crate::report::study::{Quantity, Run, Series, Study, Weighing, describe_group, series};
use crate::text::significant;
use figure::Figure;
use figure::color::{MAX_CATEGORIES, category, gradient};
use figure::layout::{Caption, Entry};
use figure::scale::Scale;
use figure::{Color, Dash, Fill, Shape};

/// A kind of plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both ledgers over the epochs.
    Curves,
    /// K against R.
    RateDistortion,
    /// The final R, K and -ELBO against beta as written and against the effective one.
    Terms,
    /// K of every latent.
    Latents,
    /// R and K beside their bounds.
    Floors,
}

/// A finished plot.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The name of its file, without what follows the dot.
    pub name: String,
    /// The picture.
    pub figure: Figure,
}

/// Plots, and a sentence for every one that could not be drawn.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// What was drawn.
    pub plots: Vec<Plot>,
    /// What was not, and why.
    pub notes: Vec<String>,
}

impl Kind {
    /// All of them, in the order in which they tell the story.
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

/// Draws one kind of plot, a picture for every group of comparable runs.
pub fn draw(kind: Kind, study: &Study) -> Drawn {
    let groups = study.groups();
    let mut drawn = Drawn::default();
    for (comparable, runs) in &groups {
        let group = Group::of(comparable, runs);
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

/// The radius of the marks of series `i`.
fn nested(i: usize) -> f64 {
    (5.2 - 0.8 * i as f64).max(2.8)
}

/// What may stand in a file's name on every system.
fn file_name(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// Comparable runs, and how they are told apart.
struct Group<'a> {
    /// In words.
    words: String,
    runs: &'a [&'a Run],
    series: Vec<Series<'a>>,
    /// What most of them are weighed by, where something weighs any.
    weighing: Option<Weighing>,
    symbol: &'static str,
    quantities: &'static [Quantity],
}

/// How a run is coloured.
enum Coloring {
    /// By its series.
    Series,
    /// By its weight.
    Weight(Scale),
    /// Not at all.
    Plain,
}

impl<'a> Group<'a> {
    fn of(comparable: &str, runs: &'a [&'a Run]) -> Self {
        let count = |w| runs.iter().filter(|run| run.weight().is_some_and(|(weighing, _)| weighing == w)).count();
        let (betas, sigmas) = (count(Weighing::Beta), count(Weighing::BetaSigma2));
        let weighing = match (betas, sigmas) {
            (0, 0) => None,
            _ if betas >= sigmas => Some(Weighing::Beta),
            _ => Some(Weighing::BetaSigma2),
        };
        let quantities = Quantity::of(runs);
        let symbol = if quantities.len() == 3 { "R" } else { "S" };
        Group { words: describe_group(comparable), runs, series: series(runs), weighing, symbol, quantities }
    }

    /// The weight of a run on the group's common axis.
    fn weight(&self, run: &Run) -> Option<f64> {
        run.weight()
            .filter(|(weighing, value)| Some(*weighing) == self.weighing && *value > 0.0)
            .map(|(_, value)| value)
    }

    fn weights(&self) -> Scale {
        Scale::log(self.runs.iter().filter_map(|run| self.weight(run)))
    }

    fn weight_label(&self) -> &'static str {
        self.weighing.map_or("", Weighing::label)
    }

    /// By series where they can be told apart, else by weight.
    fn coloring(&self) -> Coloring {
        if self.series.len() <= MAX_CATEGORIES {
            Coloring::Series
        } else if self.weighing.is_some() {
            Coloring::Weight(self.weights())
        } else {
            Coloring::Plain
        }
    }

    fn series_of(&self, run: &Run) -> usize {
        self.series.iter().position(|s| s.runs.iter().any(|r| std::ptr::eq(*r, run))).unwrap_or(0)
    }

    fn color(&self, run: &Run, coloring: &Coloring) -> Color {
        match coloring {
            Coloring::Series => category(self.series_of(run)),
            Coloring::Weight(scale) => self.weight(run).map_or(Color::Muted, |w| gradient(scale, w)),
            Coloring::Plain => Color::Muted,
        }
    }

    /// Marks of series that lie on one another stay visible: the first are the largest.
    fn size(&self, run: &Run) -> f64 {
        nested(self.series_of(run))
    }

    /// Where a colour stands for a number, a form would stand for nothing.
    fn shape(&self, run: &Run, coloring: &Coloring) -> Shape {
        match coloring {
            Coloring::Series => Shape::ALL[self.series_of(run) % Shape::ALL.len()],
            Coloring::Weight(_) | Coloring::Plain => Shape::Circle,
        }
    }

    /// What the colours mean; `with` says how a series is marked.
    fn legend(&self, coloring: &Coloring, with: impl Fn(usize) -> (Option<(Shape, Fill)>, Option<Dash>)) -> Vec<Entry> {
        match coloring {
            Coloring::Series => self
                .series
                .iter()
                .enumerate()
                .map(|(i, s)| {
                    let ((shape, dash), seeds) = (with(i), s.runs.len());
                    let seeds = if seeds > 1 { format!(" (n={seeds})") } else { String::new() };
                    Entry::Key { color: category(i), shape, dash, label: format!("{}{seeds}", s.label) }
                })
                .collect(),
            Coloring::Weight(scale) => vec![Entry::Bar { label: self.weight_label().to_owned(), scale: scale.clone() }],
            Coloring::Plain => Vec::new(),
        }
    }

    /// The words around a picture of this kind.
    fn around(&self, title: &str, notes: Vec<String>) -> Caption {
        let n = self.runs.len();
        let runs = if n == 1 { "1 run".to_owned() } else { format!("{n} runs") };
        let subtitle = format!("{}; {runs}", self.words);
        let description =
            std::iter::once(format!("{subtitle}.")).chain(notes.iter().cloned()).collect::<Vec<_>>().join(" ");
        Caption { title: title.to_owned(), subtitle, notes, description }
    }

    /// What is said of one row of a run.
    fn tip(&self, run: &Run, row: &EpochRecord) -> String {
        let label = &self.series[self.series_of(run)].label;
        let mut text = format!("{label}, {}: {} {}", run.seed(), self.symbol, significant(row.recon));
        text.push_str(&format!(", K {}", significant(row.kl)));
        if let Some(value) = row.neg_elbo {
            text.push_str(&format!(", -ELBO {}", significant(value)));
        }
        if let Some((weighing, value)) = run.weight() {
            let name = match weighing {
                Weighing::Beta => "effective beta",
                Weighing::BetaSigma2 => "beta·σ²",
            };
            text.push_str(&format!("; {name} {}", significant(value)));
        }
        text
    }

    /// Those that went to their end, and a sentence about the others.
    fn finished(&self) -> (Vec<(&'a Run, &'a EpochRecord)>, Vec<String>) {
        let done: Vec<_> = self.runs.iter().filter_map(|&run| Some((run, run.result()?))).collect();
        let left = self.runs.len() - done.len();
        let note = match left {
            0 => None,
            1 => Some("1 run is not drawn: it diverged, is not finished, or has no test row.".to_owned()),
            n => Some(format!("{n} runs are not drawn: they diverged, are not finished, or have no test row.")),
        };
        (done, note.into_iter().collect())
    }
}
