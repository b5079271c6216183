//! What runs end with against what varies among them: final R, K and −ELBO, or any other columns.

use super::group::{Group, key};
use super::style::{MOST, Style};
use super::variable::{Value, Variable};
use crate::metrics::EpochRecord;
use crate::records::Column;
use crate::report::run_set::{
    Quantity, Run, Series, lines_along, natural_order, reduction_label, same_weight, varying,
};
use crate::terms::Term;
use crate::text::significant;
use figure::chart::{Axis, Chart, Content, Entry, Plot};
use figure::scale::{Origin, Scale};
use figure::{Dash, Fill};

/// The columns that a plot shows; what is empty is chosen by what varies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axes {
    /// The horizontal axes, a column of panels for each.
    pub x: Vec<Variable>,
    /// The vertical axes, a row of panels for each.
    pub y: Vec<Variable>,
    /// What colors stand for.
    pub color: Option<Variable>,
    /// What panels in a row stand for.
    pub facet: Option<Variable>,
}

/// More panels in a row are too narrow.
const MOST_FACETS: usize = 8;
/// A positive axis is logarithmic where its largest value is at least this many times the smallest.
const LOGARITHMIC_FROM: f64 = 8.0;

type Done<'a> = (&'a Run, &'a EpochRecord);

impl Axes {
    /// Whether anything is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Axes::default()
    }

    /// `terms`, or what is asked for, such as `kl-against-latent-dim`.
    pub(super) fn file_name(&self) -> String {
        let join = |all: &[Variable]| all.iter().map(Variable::name).collect::<Vec<_>>().join("-");
        let y = if self.y.is_empty() { "terms".to_owned() } else { join(&self.y) };
        if self.x.is_empty() { y } else { format!("{y}-against-{}", join(&self.x)) }
    }
}

pub(super) fn chart(group: &Group<'_>, asked: &Axes) -> Result<Chart, String> {
    let (done, mut notes) = group.completed();
    if done.is_empty() {
        return Err("no run is finished".into());
    }
    let x = if asked.x.is_empty() { chosen_x(group, &done)? } else { asked.x.clone() };
    let y = if asked.y.is_empty() { group.quantities.iter().map(|q| variable(*q)).collect() } else { asked.y.clone() };
    let facets = facets(group, &done, asked.facet.as_ref())?;
    let lines = Lines::new(group, &done, &x, asked.color.as_ref());

    let columns: Vec<(&Variable, Option<&Facet>)> = match facets.is_empty() {
        true => x.iter().map(|x| (x, None)).collect(),
        false => x.iter().flat_map(|x| facets.iter().map(move |facet| (x, Some(facet)))).collect(),
    };
    let mut panels = Vec::new();
    let mut off = 0;
    for y in &y {
        for &(x, facet) in &columns {
            let place = Place::new(group, &done, x);
            let rows: Vec<Done<'_>> =
                done.iter().filter(|done| facet.is_none_or(|f| f.holds(group, done))).copied().collect();
            off = off.max(rows.iter().filter(|(run, row)| place.of(group, run, row).is_none()).count());
            panels.push(panel(group, &lines, &done, &rows, &place, y, facet));
        }
    }
    if panels.iter().all(|panel| panel.content.is_empty()) {
        let names: Vec<String> = x.iter().chain(&y).map(Variable::name).collect();
        return Err(format!("no finished run has values in all of {}", names.join(", ")));
    }
    if off > 0 {
        let off = if off == 1 { "1 run has".to_owned() } else { format!("{off} runs have") };
        notes.push(format!("{off} no place on an axis: nothing measured, or 0 on a logarithmic axis."));
    }
    notes.extend(lines.notes());
    notes.push(seeds_note(group, &lines, &x, &done));
    let title = format!(
        "{} after training, against {}",
        list(y.iter().map(|y| y.words(group))),
        list(x.iter().map(|x| x.words(group)))
    );
    // Quantities side by side, where each has one panel.
    let columns = if columns.len() == 1 { y.len().min(3) } else { columns.len() };
    let size = match columns {
        0..=2 => (340.0, 190.0),
        3 => (250.0, 190.0),
        _ => (170.0, 170.0),
    };
    Ok(Chart { caption: group.caption(&title, notes), legend: lines.legend(), panels, columns, size })
}

fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn variable(quantity: Quantity) -> Variable {
    Variable::Measured(match quantity {
        Quantity::Recon => Column::Canonical(Term::Recon),
        Quantity::Kl => Column::Canonical(Term::Kl),
        Quantity::NegElbo => Column::NegElbo,
    })
}

/// What the runs are drawn against: beta and the effective weight where weights differ, else the one setting that varies,
/// or that with most values.
fn chosen_x(group: &Group<'_>, done: &[Done<'_>]) -> Result<Vec<Variable>, String> {
    let runs: Vec<&Run> = done.iter().map(|(run, _)| *run).collect();
    let betas = done.iter().any(|(run, _)| run.settings.beta.map(f64::from).is_some_and(|beta| beta > 0.0));
    if group.weights_differ() && betas {
        return Ok(vec![Variable::setting("beta"), Variable::EffectiveWeight]);
    }
    // What one family of models alone has places the runs of the other nowhere.
    if runs.iter().any(|run| run.model() != runs[0].model()) {
        return Ok(vec![Variable::setting("model")]);
    }
    let varying = varying(&runs);
    let count = |column: &String| {
        let variable = Variable::setting(column);
        let mut values: Vec<String> =
            done.iter().filter_map(|(run, row)| Some(word(&variable.value(group, run, row)?))).collect();
        values.sort();
        values.dedup();
        values.len()
    };
    let most = varying.iter().max_by_key(|column| count(column));
    most.map(|column| vec![Variable::setting(column)]).ok_or_else(|| {
        "all runs have the same settings but for the seed, so there is nothing to draw them against; name an axis, such as \
         `--x seed`"
            .into()
    })
}

fn word(value: &Value) -> String {
    match value {
        Value::Number(number) => significant(*number),
        Value::Word(word) => word.clone(),
    }
}

/// A value of the facet variable.
struct Facet {
    variable: Variable,
    value: String,
    heading: String,
}

impl Facet {
    fn holds(&self, group: &Group<'_>, (run, row): &Done<'_>) -> bool {
        self.variable.value(group, run, row).is_some_and(|value| word(&value) == self.value)
    }
}

fn facets(group: &Group<'_>, done: &[Done<'_>], variable: Option<&Variable>) -> Result<Vec<Facet>, String> {
    let Some(variable) = variable else { return Ok(Vec::new()) };
    let values = values(group, done, variable);
    if values.len() > MOST_FACETS {
        return Err(format!("{} has {} values, too many panels; at most {MOST_FACETS}", variable.name(), values.len()));
    }
    let facet =
        |value: String| Facet { variable: variable.clone(), heading: format!("{} {value}", variable.name()), value };
    Ok(values.into_iter().map(facet).collect())
}

/// The values of a variable, in natural order.
fn values(group: &Group<'_>, done: &[Done<'_>], variable: &Variable) -> Vec<String> {
    let mut values: Vec<String> =
        done.iter().filter_map(|(run, row)| Some(word(&variable.value(group, run, row)?))).collect();
    values.sort_by(|a, b| natural_order(a, b));
    values.dedup();
    // Nothing comes before something.
    values.sort_by_key(|value| value != "none");
    values
}

/// The horizontal axis: the scale, and where a run is on it.
struct Place<'v> {
    variable: &'v Variable,
    scale: Scale,
    /// The names on the axis, where it has names.
    names: Vec<String>,
}

impl<'v> Place<'v> {
    fn new(group: &Group<'_>, done: &[Done<'_>], variable: &'v Variable) -> Self {
        let found: Vec<Value> = done.iter().filter_map(|(run, row)| variable.value(group, run, row)).collect();
        let numbers: Option<Vec<f64>> = found
            .iter()
            .map(|value| match value {
                Value::Number(number) => Some(*number),
                Value::Word(_) => None,
            })
            .collect();
        let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else {
            let names = values(group, done, variable);
            return Place { variable, scale: Scale::names(names.clone()), names };
        };
        let positive = || numbers.iter().copied().filter(|v| *v > 0.0);
        let (least, most) = (positive().fold(f64::MAX, f64::min), positive().fold(0.0, f64::max));
        let always = matches!(variable, Variable::EffectiveWeight) || *variable == Variable::setting("beta");
        let scale = if always || most / least >= LOGARITHMIC_FROM {
            Scale::log(numbers)
        } else {
            Scale::linear(numbers, Origin::Data)
        };
        Place { variable, scale, names: Vec::new() }
    }

    /// The place of a run on the axis.
    fn of(&self, group: &Group<'_>, run: &Run, row: &EpochRecord) -> Option<f64> {
        let at = match self.variable.value(group, run, row)? {
            value if self.scale.has_names() => {
                let name = word(&value);
                self.names.iter().position(|other| *other == name)? as f64
            }
            Value::Number(number) => number,
            Value::Word(_) => return None,
        };
        (!self.scale.is_off(at)).then_some(at)
    }
}

/// The lines of a plot with their styles.
struct Lines<'a> {
    all: Vec<(Series<'a>, Style)>,
    legend: Vec<Entry>,
    join: Join,
    crowd: Option<usize>,
}

/// Whether marks of a line are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    Lines,
    MarksAlone,
}

impl<'a> Lines<'a> {
    fn new(group: &Group<'a>, done: &[Done<'a>], x: &[Variable], color: Option<&Variable>) -> Self {
        let runs: Vec<&'a Run> = done.iter().map(|(run, _)| *run).collect();
        let along: Vec<&str> = x
            .iter()
            .map(|x| match x {
                Variable::Setting(column) => column.as_str(),
                // Runs at one effective weight may differ in all that makes the weight; a line follows beta.
                Variable::EffectiveWeight | Variable::Measured(_) => "beta",
            })
            .collect();
        let lines = lines_along(&runs, &along);
        let measured = x.iter().any(|x| matches!(x, Variable::Measured(_)));
        let words = x.iter().any(|x| Place::new(group, done, x).scale.has_names());
        let join = if measured || words { Join::MarksAlone } else { Join::Lines };
        match color {
            Some(color) => Lines::colored(group, done, lines, color, join),
            None => Lines::by_settings(lines, join),
        }
    }

    /// Colors stand for the values of `color`, in numeric order.
    fn colored(group: &Group<'_>, done: &[Done<'_>], lines: Vec<Series<'a>>, color: &Variable, join: Join) -> Self {
        let values = values(group, done, color);
        let numbers = values.len() > 2 && values.iter().all(|value| value.parse::<f64>().is_ok());
        let reductions = *color == Variable::setting("reduction");
        let style = |run: &Run| {
            let row = run.result();
            let value = row.and_then(|row| color.value(group, run, row)).map(|value| word(&value));
            let i = value.and_then(|value| values.iter().position(|other| *other == value)).unwrap_or(0);
            match (reductions, numbers) {
                (true, _) => Style::of(run),
                (false, true) => Style::rank(i, values.len()),
                (false, false) => Style::slot(i),
            }
        };
        let mut legend = vec![Entry::Heading(color.words(group))];
        let dash = (join == Join::Lines).then_some(Dash::Solid);
        for value in &values {
            let first = done.iter().find(|(run, row)| color.value(group, run, row).is_some_and(|v| word(&v) == *value));
            if let Some((run, _)) = first {
                legend.push(key(style(run), Fill::Solid, dash, value.clone()));
            }
        }
        let all =
            lines.into_iter().map(|line| (style(line.runs[0]), line)).map(|(style, line)| (line, style)).collect();
        Lines { all, legend, join, crowd: None }.in_drawing_order()
    }

    /// Colors stand for what distinguishes the lines: the reductions, or a few labels; else for the reductions alone.
    fn by_settings(lines: Vec<Series<'a>>, join: Join) -> Self {
        let mut reductions: Vec<String> = lines.iter().map(|line| reduction_label(&line.runs[0].settings)).collect();
        reductions.sort();
        reductions.dedup();
        let alone = reductions.len() == lines.len();
        let few = lines.len() <= MOST;
        let mut labels: Vec<&str> = lines.iter().map(|line| line.label.as_str()).collect();
        labels.sort_by(|a, b| natural_order(a, b));
        let style = |line: &Series<'_>| match (alone, few) {
            (false, true) => Style::slot(labels.iter().position(|label| *label == line.label).unwrap_or(0)),
            (true, _) | (false, false) => Style::of(line.runs[0]),
        };
        let join = if alone || few { join } else { Join::MarksAlone };
        let dash = (join == Join::Lines).then_some(Dash::Solid);
        let mut keys: Vec<(String, Style)> = Vec::new();
        for line in &lines {
            let label = if alone || !few { reduction_label(&line.runs[0].settings) } else { line.label.clone() };
            if keys.iter().all(|(other, _)| *other != label) {
                keys.push((label, style(line)));
            }
        }
        keys.sort_by(|a, b| b.1.size.total_cmp(&a.1.size).then_with(|| natural_order(&a.0, &b.0)));
        let heading = if alone || !few { "Reduction" } else { "Settings" };
        let mut legend = Vec::new();
        if keys.len() > 1 {
            legend.push(Entry::Heading(heading.into()));
            legend.extend(keys.into_iter().map(|(label, style)| key(style, Fill::Solid, dash, label)));
        }
        let crowd = (!alone && !few).then_some(lines.len());
        let all: Vec<(Series<'a>, Style)> = lines.iter().map(|line| (line.clone(), style(line))).collect();
        Lines { all, legend, join, crowd }.in_drawing_order()
    }

    /// Large marks first, so that smaller ones that coincide with them are seen.
    fn in_drawing_order(mut self) -> Self {
        self.all.sort_by(|a, b| b.1.size.total_cmp(&a.1.size));
        self
    }

    fn legend(&self) -> Vec<Entry> {
        self.legend.clone()
    }

    fn notes(&self) -> Option<String> {
        let lines = self.crowd?;
        Some(format!("{lines} combinations of settings: marks without lines, colored by reduction."))
    }
}

fn seeds_note(group: &Group<'_>, lines: &Lines<'_>, x: &[Variable], done: &[Done<'_>]) -> String {
    let Some(x) = x.first() else { return String::new() };
    let place = Place::new(group, done, x);
    let seeds: Vec<usize> =
        lines.all.iter().flat_map(|(line, _)| points(group, line, done, &place)).map(|p| p.rows.len()).collect();
    let (least, most) = (seeds.iter().min().copied().unwrap_or(1), seeds.iter().max().copied().unwrap_or(1));
    if most == 1 {
        return "Each mark is one run. Test images, last epoch.".to_owned();
    }
    let n = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    format!(
        "Marks are means over seeds (n = {n}), bars from the least to the largest value where they differ visibly. Test images, last epoch."
    )
}

/// The runs of a line at one place of the axis.
struct Point<'a> {
    x: f64,
    rows: Vec<Done<'a>>,
}

fn panel(
    group: &Group<'_>,
    lines: &Lines<'_>,
    done: &[Done<'_>],
    rows: &[Done<'_>],
    place: &Place<'_>,
    y: &Variable,
    facet: Option<&Facet>,
) -> Plot {
    let number = |(run, row): &Done<'_>| match y.value(group, run, row)? {
        Value::Number(number) => Some(number),
        Value::Word(_) => None,
    };
    let origin = match y {
        Variable::Measured(Column::Canonical(Term::Kl) | Column::ActiveUnits) => Origin::Zero,
        Variable::Measured(_) | Variable::Setting(_) | Variable::EffectiveWeight => Origin::Data,
    };
    // Panels of one quantity share their scale.
    let scale = Scale::linear(done.iter().filter_map(number), origin);
    let mut content = Vec::new();
    if *y == variable(Quantity::Recon) {
        content.extend(floor(group, &scale));
    }
    let lead = content.len();
    for (line, style) in &lines.all {
        let points = points(group, line, rows, place);
        let found: Vec<(f64, Spread, &Point<'_>)> =
            points.iter().filter_map(|p| Some((p.x, Spread::of(p.rows.iter().filter_map(number))?, p))).collect();
        if lines.join == Join::Lines && found.len() > 1 {
            let points = found.iter().map(|(x, spread, _)| (*x, spread.mean)).collect();
            content.push(Content::Line { points, color: style.color, width: 1.4, dash: Dash::Solid, tooltip: None });
        }
        for (x, spread, point) in found {
            content.push(Content::Range { x, ends: (spread.least, spread.most), color: style.color });
            content.push(Content::Mark {
                at: (x, spread.mean),
                shape: style.shape,
                size: style.size,
                color: style.color,
                fill: Fill::Solid,
                tooltip: Some(tooltip(group, point, y, &spread)),
            });
        }
    }
    if content.len() == lead {
        content.clear();
    }
    Plot {
        name: y.name(),
        heading: facet.map_or_else(String::new, |facet| facet.heading.clone()),
        x: Axis { label: place.variable.label(group), scale: place.scale.clone() },
        y: Axis { label: y.label(group), scale },
        content,
        labels: Vec::new(),
        note: None,
    }
}

/// The level of R that a decoder reaches without z, where the runs have one and it is near what was measured.
fn floor(group: &Group<'_>, scale: &Scale) -> Option<Content> {
    let mut floors = group.runs.iter().filter_map(|run| run.floors.collapsed);
    let first = floors.next()?;
    let same = floors.all(|floor| (floor - first).abs() < 1e-3 * first.abs());
    (same && !scale.is_off(first)).then(|| Content::Level {
        y: first,
        label: format!("without z: {first:.1}"),
        dash: Dash::Dashed,
    })
}

/// The runs of a line that are among `rows`, by their place, in ascending order.
fn points<'a>(group: &Group<'_>, line: &Series<'a>, rows: &[Done<'a>], place: &Place<'_>) -> Vec<Point<'a>> {
    let mut placed: Vec<(f64, Done<'a>)> = rows
        .iter()
        .filter(|(run, _)| line.runs.iter().any(|other| std::ptr::eq(*other, *run)))
        .filter_map(|&(run, row)| Some((place.of(group, run, row)?, (run, row))))
        .collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed
        .chunk_by(|a, b| same_weight(a.0, b.0))
        .map(|same| Point { x: same[0].0, rows: same.iter().map(|(_, done)| *done).collect() })
        .collect()
}

/// The mean, the least and the largest of some values.
struct Spread {
    mean: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.filter(|v| figure::scale::drawable(*v)).collect();
        let least = values.iter().copied().reduce(f64::min)?;
        let most = values.iter().copied().reduce(f64::max)?;
        Some(Spread { mean: values.iter().sum::<f64>() / values.len() as f64, least, most })
    }
}

fn tooltip(group: &Group<'_>, point: &Point<'_>, y: &Variable, spread: &Spread) -> String {
    let (run, _) = point.rows[0];
    let (label, n) = (group.label(run), point.rows.len());
    let spread_words = if n > 1 {
        format!(" ({n} seeds, {} to {})", significant(spread.least), significant(spread.most))
    } else {
        format!(", {}", run.seed())
    };
    let beta =
        run.settings.beta.map(f64::from).map_or_else(String::new, |b| format!("; beta {} as written", significant(b)));
    let weight = run.effective_weight().map_or_else(String::new, |w| format!("; {w}"));
    format!("{label}: {} {}{spread_words}{beta}{weight}", y.words(group), significant(spread.mean))
}
