//! A group of comparable runs: its axes, colors, legend, caption and tooltips.

use super::style::{MOST, Style};
use crate::metrics::EpochRecord;
use crate::objective::EffectiveWeight;
use crate::report::run_set::{
    Quantity, ReconUnit, Run, RunSet, Series, describe_group, natural_order, reduction_label, same_weight, series,
    varying,
};
use crate::text::significant;
use figure::chart::{Caption, Entry};
use figure::scale::Scale;
use figure::{Color, Dash, Fill};

/// The first slots are those of the three reductions.
const REDUCTIONS: usize = 3;

/// Comparable runs that share the axes of a plot.
pub(super) struct Group<'a> {
    /// The comparability key in words.
    description: String,
    pub(super) runs: &'a [&'a Run],
    pub(super) series: Vec<Series<'a>>,
    /// A weight of the kind that most runs have; its value has no meaning. `None` if no run has a weight.
    weight_kind: Option<EffectiveWeight>,
    /// The scale of that weight over all runs of the set, so that a color means the same in every figure.
    weights: Scale,
    pub(super) unit: ReconUnit,
    pub(super) quantities: &'static [Quantity],
    coloring: Coloring,
}

/// What the color of a run stands for.
#[derive(Clone, Debug)]
enum Coloring {
    /// Its reductions, which its mark stands for as well.
    Reduction,
    /// Its effective weight; its mark stands for its reductions.
    Weight,
    /// Its series, by label.
    Labels(Vec<(String, Style)>),
}

impl<'a> Group<'a> {
    pub(super) fn new(comparable: &str, runs: &'a [&'a Run], set: &RunSet) -> Self {
        let weights: Vec<EffectiveWeight> = runs.iter().filter_map(|run| run.effective_weight()).collect();
        let count = |kind: EffectiveWeight| weights.iter().filter(|w| w.same_kind(kind)).count();
        let kinds = [EffectiveWeight::BetaSigma2(1.0), EffectiveWeight::Beta(1.0)];
        let weight_kind = kinds.into_iter().filter(|&kind| count(kind) > 0).max_by_key(|&kind| count(kind));
        // Beside VAEs the ratio of VQ-VAEs, which moves no rate, is no axis.
        let ratio = EffectiveWeight::CommitmentRatio(1.0);
        let weight_kind = weight_kind.or_else(|| (count(ratio) > 0).then_some(ratio));
        let squared = runs.iter().any(|run| run.recon_unit() == ReconUnit::SquaredError);
        let of_kind = |run: &Run| run.effective_weight().filter(|w| weight_kind.is_some_and(|kind| w.same_kind(kind)));
        let all = set.runs.iter().filter_map(of_kind).map(EffectiveWeight::value).filter(|w| *w > 0.0);
        let mut group = Group {
            description: describe_group(comparable),
            runs,
            series: series(runs),
            weight_kind,
            weights: Scale::log(all),
            unit: if squared { ReconUnit::SquaredError } else { ReconUnit::Nats },
            quantities: Quantity::of(runs),
            coloring: coloring(set),
        };
        // Where this group's weights are all the same, their color would say nothing.
        if matches!(group.coloring, Coloring::Weight) && !group.weights_differ() && group.series.len() > 1 {
            let mut labels: Vec<String> = group.series.iter().map(|s| s.label.clone()).collect();
            labels.sort_by(|a, b| natural_order(a, b));
            let styles = labels.into_iter().enumerate().map(|(i, label)| (label, Style::slot(i + REDUCTIONS)));
            group.coloring = Coloring::Labels(styles.collect());
        }
        group
    }

    /// R or S.
    pub(super) fn symbol(&self) -> &'static str {
        self.unit.symbol()
    }

    /// The position of a run on the group's axis of effective weights.
    pub(super) fn weight(&self, run: &Run) -> Option<f64> {
        let kind = self.weight_kind?;
        run.effective_weight().filter(|w| w.same_kind(kind) && w.value() > 0.0).map(EffectiveWeight::value)
    }

    /// Whether runs differ in their effective weights.
    pub(super) fn weights_differ(&self) -> bool {
        let mut weights = self.runs.iter().filter_map(|run| self.weight(run));
        let Some(first) = weights.next() else { return false };
        weights.any(|weight| !same_weight(weight, first))
    }

    pub(super) fn weight_label(&self) -> &'static str {
        self.weight_kind.map_or("effective beta = b / a", EffectiveWeight::label)
    }

    pub(super) fn weight_words(&self) -> &'static str {
        self.weight_kind.map_or("effective beta", EffectiveWeight::symbol)
    }

    /// The series of a run.
    pub(super) fn label(&self, run: &Run) -> &str {
        let own = self.series.iter().find(|s| s.runs.iter().any(|r| std::ptr::eq(*r, run)));
        own.map_or("", |s| s.label.as_str())
    }

    /// The color and the mark of a run.
    pub(super) fn style(&self, run: &Run) -> Style {
        match &self.coloring {
            Coloring::Reduction => Style::of(run),
            Coloring::Weight => self.weighted_style(run),
            Coloring::Labels(styles) => {
                let label = self.label(run);
                let found = styles.iter().find(|(known, _)| known == label);
                found.map_or(Style { color: Color::Muted, ..Style::slot(0) }, |(_, style)| *style)
            }
        }
    }

    /// The mark of the reductions of a run in the color of its effective weight.
    pub(super) fn weighted_style(&self, run: &Run) -> Style {
        if !self.weights_differ() {
            return match &self.coloring {
                Coloring::Weight => Style::of(run),
                Coloring::Reduction | Coloring::Labels(_) => self.style(run),
            };
        }
        let color = self.weight(run).map_or(Color::Muted, |weight| Color::of(weight, &self.weights));
        Style { color, ..Style::of(run) }
    }

    /// The legend of colors and marks of the runs, with a line where `dash` is given.
    pub(super) fn legend(&self, dash: Option<Dash>) -> Vec<Entry> {
        self.legend_of(self.runs, dash)
    }

    /// The legend of a plot that shows only these runs.
    pub(super) fn legend_of(&self, drawn: &[&Run], dash: Option<Dash>) -> Vec<Entry> {
        match &self.coloring {
            Coloring::Weight => {
                let mut legend = self.reductions(|style| Style { color: Color::Text, ..style }, Fill::Hollow, None);
                legend.push(Entry::Bar { label: self.weight_words().to_owned(), scale: self.weights.clone() });
                legend
            }
            Coloring::Reduction => self.reductions(|style| style, Fill::Solid, dash),
            // One gray for all tells nothing apart.
            Coloring::Labels(styles) if styles.len() > 1 && styles.iter().all(|(_, s)| s.color == Color::Muted) => {
                Vec::new()
            }
            Coloring::Labels(_) => {
                let is_drawn = |s: &&Series<'_>| s.runs.iter().any(|run| drawn.iter().any(|d| std::ptr::eq(*d, *run)));
                let mut series: Vec<&Series<'_>> = self.series.iter().filter(is_drawn).collect();
                series.sort_by(|a, b| natural_order(&a.label, &b.label));
                let key = |s: &&Series<'_>| key(self.style(s.runs[0]), Fill::Solid, dash, s.label.clone());
                series.iter().map(key).collect()
            }
        }
    }

    /// The legend of marks by reduction and colors by effective weight.
    pub(super) fn weighted_legend(&self) -> Vec<Entry> {
        if !self.weights_differ() {
            return self.legend(None);
        }
        let mut legend = self.reductions(|style| Style { color: Color::Text, ..style }, Fill::Hollow, None);
        legend.push(Entry::Bar { label: self.weight_words().to_owned(), scale: self.weights.clone() });
        legend
    }

    /// A key for every reduction of the group, in the order of their slots.
    fn reductions(&self, change: impl Fn(Style) -> Style, fill: Fill, dash: Option<Dash>) -> Vec<Entry> {
        let mut known: Vec<(String, Style)> = Vec::new();
        for run in self.runs {
            let label = reduction_label(&run.settings);
            if known.iter().all(|(other, _)| *other != label) {
                known.push((label, Style::of(run)));
            }
        }
        known.sort_by(|a, b| b.1.size.total_cmp(&a.1.size).then_with(|| a.0.cmp(&b.0)));
        let keys = known.into_iter().map(|(label, style)| key(change(style), fill, dash, label));
        std::iter::once(Entry::Heading("Reduction".into())).chain(keys).collect()
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
        let mut text = format!("{}, {}: {} {}", self.label(run), run.seed(), self.symbol(), significant(row.recon()));
        text.push_str(&format!(", K {}", significant(row.kl())));
        if let Some(value) = row.neg_elbo {
            text.push_str(&format!(", −ELBO {}", significant(value)));
        }
        if let Some(weight) = run.effective_weight() {
            text.push_str(&format!("; {weight}"));
        }
        if let (Some(used), Some(perplexity)) = (row.codes.codes_used, row.codes.perplexity) {
            text.push_str(&format!("; {used} entries used, perplexity {}", significant(perplexity)));
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

/// A key of the legend.
pub(super) fn key(style: Style, fill: Fill, dash: Option<Dash>, label: String) -> Entry {
    Entry::Key { color: style.color, shape: Some((style.shape, fill)), dash, label }
}

/// One coloring for all figures of a set: by reduction where nothing else varies, else by effective weight where that
/// varies, else by series where they are few.
fn coloring(set: &RunSet) -> Coloring {
    let groups = set.groups();
    let all: Vec<Vec<Series<'_>>> = groups.values().map(|runs| series(runs)).collect();
    let by_reduction = all.iter().all(|series| {
        let mut labels: Vec<String> = series.iter().map(|s| reduction_label(&s.runs[0].settings)).collect();
        labels.sort();
        labels.windows(2).all(|pair| pair[0] != pair[1])
    });
    if by_reduction {
        return Coloring::Reduction;
    }
    let weights_differ = groups.iter().any(|(_, runs)| {
        let weights: Vec<f64> =
            runs.iter().filter_map(|run| run.effective_weight()).map(EffectiveWeight::value).collect();
        weights.iter().any(|weight| !same_weight(*weight, weights[0]))
    });
    if weights_differ {
        return Coloring::Weight;
    }
    let mut labels: Vec<String> = all.iter().flatten().map(|s| s.label.clone()).collect();
    labels.sort_by(|a, b| natural_order(a, b));
    labels.dedup();
    let runs: Vec<&Run> = set.runs.iter().collect();
    let count = labels.len();
    // Too many labels for colors: at least families of models and reductions are told apart.
    let first = runs.first().map(|run| reduction_label(&run.settings));
    if count > MOST && runs.iter().any(|run| Some(reduction_label(&run.settings)) != first) {
        return Coloring::Reduction;
    }
    let one_number =
        varying(&runs).len() == 1 && count > 2 && labels.iter().any(|l| l.contains(|c: char| c.is_ascii_digit()));
    let style = |i: usize| match (one_number, count <= MOST) {
        (true, _) => Style::rank(i, count),
        (false, true) => Style::slot(i),
        (false, false) => Style { color: Color::Muted, ..Style::slot(0) },
    };
    let styles = labels.into_iter().enumerate().map(|(i, label)| (label, style(i)));
    Coloring::Labels(styles.collect())
}
