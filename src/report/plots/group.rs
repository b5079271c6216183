//! A group of comparable runs: its axes, colors, legend, caption and tooltips.

use crate::metrics::EpochRecord;
use crate::report::run_set::{EffectiveWeight, Quantity, ReconUnit, Run, Series, describe_group, same_kind, series};
use crate::text::significant;
use figure::color::{MAX_CATEGORIES, category, gradient};
use figure::layout::{Caption, Entry};
use figure::scale::Scale;
use figure::{Color, Dash, Fill, Shape};

/// Comparable runs that share the axes of a plot.
pub(super) struct Group<'a> {
    /// The comparability key in words.
    description: String,
    pub(super) runs: &'a [&'a Run],
    pub(super) series: Vec<Series<'a>>,
    /// A weight of the kind that most runs have; its value has no meaning. `None` if no run has a weight.
    weight_kind: Option<EffectiveWeight>,
    pub(super) unit: ReconUnit,
    pub(super) quantities: &'static [Quantity],
}

/// What the color of a run stands for.
pub(super) enum Coloring {
    /// Its series.
    Series,
    /// Its effective weight.
    Weight(Scale),
    /// Nothing.
    Plain,
}

impl<'a> Group<'a> {
    pub(super) fn new(comparable: &str, runs: &'a [&'a Run]) -> Self {
        let weights: Vec<EffectiveWeight> = runs.iter().filter_map(|run| run.effective_weight()).collect();
        let count = |kind: EffectiveWeight| weights.iter().filter(|w| same_kind(**w, kind)).count();
        let kinds = [EffectiveWeight::BetaSigma2(1.0), EffectiveWeight::Beta(1.0)];
        let weight_kind = kinds.into_iter().filter(|&kind| count(kind) > 0).max_by_key(|&kind| count(kind));
        let squared = runs.iter().any(|run| run.recon_unit() == ReconUnit::SquaredError);
        Group {
            description: describe_group(comparable),
            runs,
            series: series(runs),
            weight_kind,
            unit: if squared { ReconUnit::SquaredError } else { ReconUnit::Nats },
            quantities: Quantity::of(runs),
        }
    }

    /// R or S.
    pub(super) fn symbol(&self) -> &'static str {
        self.unit.symbol()
    }

    /// Whether runs of the group can be placed on an axis of effective weights.
    pub(super) fn has_weights(&self) -> bool {
        self.weight_kind.is_some()
    }

    /// The position of a run on the group's axis of effective weights.
    pub(super) fn weight(&self, run: &Run) -> Option<f64> {
        let kind = self.weight_kind?;
        run.effective_weight().filter(|w| same_kind(*w, kind) && w.value() > 0.0).map(EffectiveWeight::value)
    }

    pub(super) fn weight_scale(&self) -> Scale {
        Scale::log(self.runs.iter().filter_map(|run| self.weight(run)))
    }

    pub(super) fn weight_label(&self) -> &'static str {
        self.weight_kind.map_or("", EffectiveWeight::label)
    }

    /// By series if there are few enough to distinguish, else by effective weight.
    pub(super) fn coloring(&self) -> Coloring {
        if self.series.len() <= MAX_CATEGORIES {
            Coloring::Series
        } else if self.has_weights() {
            Coloring::Weight(self.weight_scale())
        } else {
            Coloring::Plain
        }
    }

    /// The index of the series of a run.
    pub(super) fn series_of(&self, run: &Run) -> usize {
        self.series.iter().position(|s| s.runs.iter().any(|r| std::ptr::eq(*r, run))).unwrap_or(0)
    }

    pub(super) fn color(&self, run: &Run, coloring: &Coloring) -> Color {
        match coloring {
            Coloring::Series => category(self.series_of(run)),
            Coloring::Weight(scale) => self.weight(run).map_or(Color::Muted, |w| gradient(scale, w)),
            Coloring::Plain => Color::Muted,
        }
    }

    /// The radius of the marks of a run.
    pub(super) fn size(&self, run: &Run) -> f64 {
        mark_size(self.series_of(run))
    }

    /// The shape of the marks of a run; shapes distinguish series only.
    pub(super) fn shape(&self, run: &Run, coloring: &Coloring) -> Shape {
        match coloring {
            Coloring::Series => series_shape(self.series_of(run)),
            Coloring::Weight(_) | Coloring::Plain => Shape::Circle,
        }
    }

    /// The legend of the colors; `swatch` gives the mark and the line of series `i`.
    pub(super) fn legend(
        &self,
        coloring: &Coloring,
        swatch: impl Fn(usize) -> (Option<(Shape, Fill)>, Option<Dash>),
    ) -> Vec<Entry> {
        match coloring {
            Coloring::Series => self
                .series
                .iter()
                .enumerate()
                .map(|(i, s)| {
                    let ((shape, dash), seeds) = (swatch(i), s.runs.len());
                    let seeds = if seeds > 1 { format!(" (n={seeds})") } else { String::new() };
                    Entry::Key { color: category(i), shape, dash, label: format!("{}{seeds}", s.label) }
                })
                .collect(),
            Coloring::Weight(scale) => vec![Entry::Bar { label: self.weight_label().to_owned(), scale: scale.clone() }],
            Coloring::Plain => Vec::new(),
        }
    }

    /// The caption of a plot of this group.
    pub(super) fn caption(&self, title: &str, notes: Vec<String>) -> Caption {
        let runs = match self.runs.len() {
            1 => "1 run".to_owned(),
            n => format!("{n} runs"),
        };
        let subtitle = format!("{}; {runs}", self.description);
        let description =
            std::iter::once(format!("{subtitle}.")).chain(notes.iter().cloned()).collect::<Vec<_>>().join(" ");
        Caption { title: title.to_owned(), subtitle, notes, description }
    }

    /// The tooltip of one row of a run.
    pub(super) fn tooltip(&self, run: &Run, row: &EpochRecord) -> String {
        let label = &self.series[self.series_of(run)].label;
        let mut text = format!("{label}, {}: {} {}", run.seed(), self.symbol(), significant(row.recon));
        text.push_str(&format!(", K {}", significant(row.kl)));
        if let Some(value) = row.neg_elbo {
            text.push_str(&format!(", -ELBO {}", significant(value)));
        }
        if let Some(weight) = run.effective_weight() {
            text.push_str(&format!("; {weight}"));
        }
        text
    }

    /// The completed runs with their last rows, and a note about the others.
    pub(super) fn completed(&self) -> (Vec<(&'a Run, &'a EpochRecord)>, Vec<String>) {
        let completed: Vec<_> = self.runs.iter().filter_map(|&run| Some((run, run.result()?))).collect();
        let note = match self.runs.len() - completed.len() {
            0 => None,
            1 => Some("1 run is not drawn: it diverged, is not finished, or has no test row.".to_owned()),
            n => Some(format!("{n} runs are not drawn: they diverged, are not finished, or have no test row.")),
        };
        (completed, note.into_iter().collect())
    }
}

/// The radius of the marks of series `i`: the first are the largest, so that coinciding marks stay visible.
pub(super) fn mark_size(i: usize) -> f64 {
    (5.2 - 0.8 * i as f64).max(2.8)
}

/// The shape of the marks of series `i`.
pub(super) fn series_shape(i: usize) -> Shape {
    Shape::ALL[i % Shape::ALL.len()]
}
