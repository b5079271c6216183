//! A sweep: the base of all runs, the axes that are multiplied, single runs, and what is left out.

use std::path::Path;

use super::axis::Column;
use super::exclude::Excludes;
use super::fault::{Fault, MAX_RUNS, line_of};
use super::file::SweepFile;
use crate::error::{Error, Result};
use crate::files::read_text;
use crate::spec::{RunSpec, Settings};

/// A sweep as a file or flags say it.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// Under every run.
    base: Settings,
    /// Multiplied with each other; the columns of one axis move together.
    axes: Vec<Vec<Column>>,
    /// Single runs over the base.
    runs: Vec<Settings>,
    excludes: Excludes,
}

/// Settings from outside the definition.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Flags: over everything.
    pub flags: Settings,
    /// Variables: over the base, under what makes one run differ from another.
    pub variables: Settings,
}

/// The settings of every run, and what a person should know of them.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// In the order of the file; of axes, the last moves fastest.
    pub runs: Vec<Settings>,
    /// Sentences.
    pub notes: Vec<String>,
}

impl Definition {
    /// Reads a sweep file.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line, reason and hint.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path).map_err(|e| Error::Usage(Error::input(path, "read", e).to_string()))?;
        Definition::parse(&text).map_err(|why| Error::Usage(format!("{}: {why}", path.display())))
    }

    /// Parses the text of a sweep file.
    ///
    /// # Errors
    /// A sentence that begins with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        Definition::parse_at(text).map_err(|fault| fault.in_text(text))
    }

    fn parse_at(text: &str) -> Result<Self, Fault> {
        let file = SweepFile::parse(text)?;
        let mut definition = Definition { base: file.base, runs: file.run, ..Definition::default() };
        // Axes are multiplied in the order of the text, whichever table they are in.
        let mut axes = Vec::new();
        for (key, value) in file.grid.in_order() {
            axes.push((key.span().start, vec![Column::new(&key, value)?]));
        }
        for zip in file.zip {
            axes.push((zip.span().start, zip.into_inner().columns()?));
        }
        axes.sort_by_key(|(at, _)| *at);
        for (at, columns) in axes {
            definition.add(columns).map_err(|why| Fault::new(at, why))?;
        }
        let mut excludes = Vec::new();
        for exclude in file.exclude {
            let at = exclude.span().start;
            let columns = exclude.into_inner().columns()?;
            if columns.is_empty() {
                return Err(Fault::new(at, "an empty [[exclude]] would leave nothing"));
            }
            if let Some(column) = columns.iter().find(|column| !column.values.iter().all(Settings::is_written_out)) {
                return Err(Fault::new(
                    at,
                    format!("{} of an [[exclude]] is compared with numbers; write one", column.key),
                ));
            }
            excludes.push((line_of(text, at), columns));
        }
        definition.excludes = Excludes::new(excludes);
        Ok(definition)
    }

    /// Adds an axis as typed, `KEY=VALUES`; it takes the place of the file's axis of that key.
    ///
    /// # Errors
    /// [`Error::Usage`] with what was typed, the reason and the hint.
    pub fn add_typed(&mut self, text: &str) -> Result<()> {
        let usage = |why: String| Error::Usage(format!("--grid {text}: {why}"));
        let column = Column::typed(text).map_err(usage)?;
        if self.axes.iter().any(|axis| axis.len() > 1 && axis.iter().any(|c| c.key == column.key)) {
            return Err(usage(format!("{} moves together with others in a [[zip]]; change it there", column.key)));
        }
        match self.axes.iter_mut().find(|axis| axis.iter().any(|c| c.key == column.key)) {
            Some(axis) => *axis = vec![column],
            None => self.axes.push(vec![column]),
        }
        Ok(())
    }

    /// Puts `config` in the place of the base.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is one already.
    pub fn set_base(&mut self, config: Settings) -> Result<()> {
        if self.base != Settings::default() {
            return Err(Error::Usage(
                "--config and the sweep file's [base] both say what is under all runs; drop one of the two".into(),
            ));
        }
        self.base = config;
        Ok(())
    }

    /// Every run: the product of the axes, then the single runs, without what is excluded. `pixels` is asked for those of
    /// an image of the data that settings name, where numbers such as `1/pixels` need them.
    ///
    /// # Errors
    /// [`Error::Usage`] for more than 100,000 runs, and where settings of a run contradict each other; those of `pixels`.
    pub fn grid(&self, overrides: &Overrides, pixels: &dyn Fn(&Settings) -> Result<usize>) -> Result<Grid> {
        let Some(product) = self.product() else {
            return Err(Error::Usage(format!(
                "these axes multiply to more than {MAX_RUNS} runs; shorten some, or move columns that belong together \
                 into a [[zip]]"
            )));
        };
        let base = overrides.variables.clone().over(self.base.clone());
        let mut excluded = vec![0usize; self.excludes.len()];
        let mut grid = Grid::default();
        let of_cell = |cell: &Settings, why: &Error| format!("the run with {}: {why}", describe(cell));
        let all = (0..product).map(|index| self.cell(index)).chain(self.runs.iter().cloned());
        for cell in all {
            let mut settings = overrides.flags.clone().over(cell.clone().over(base.clone())).with_preset()?;
            if settings.needs_pixels() {
                let pixels = pixels(&settings)?;
                settings = settings.at_pixels(pixels).map_err(|e| Error::Usage(of_cell(&cell, &e)))?;
            }
            let resolved = RunSpec::resolve(&settings);
            if !excluded.is_empty() {
                let complete = resolved
                    .as_ref()
                    .map_or_else(|_| settings.clone(), |spec| settings.clone().or(spec.settings().clone()));
                if let Some(i) = self.excludes.first_match(&complete.given()) {
                    excluded[i] += 1;
                    continue;
                }
            }
            resolved.map_err(|e| Error::Usage(of_cell(&cell, &e)))?;
            grid.runs.push(settings);
        }
        let idle = excluded.iter().enumerate().filter(|(_, count)| **count == 0);
        grid.notes
            .extend(idle.map(|(i, _)| format!("the [[exclude]] of line {} leaves out nothing", self.excludes.line(i))));
        if grid.runs.is_empty() {
            return Err(Error::Usage("nothing is left to run: every run is excluded".into()));
        }
        Ok(grid)
    }

    /// How many runs there are before any is excluded; none where they are too many.
    pub fn size(&self) -> Option<usize> {
        Some(self.product()? + self.runs.len())
    }

    /// How many of these the axes make.
    fn product(&self) -> Option<usize> {
        let count = self.axes.iter().try_fold(1usize, |n, axis| n.checked_mul(rows(axis)))?;
        count.checked_add(self.runs.len()).filter(|&n| n <= MAX_RUNS)?;
        Some(if self.axes.is_empty() && !self.runs.is_empty() { 0 } else { count })
    }

    fn add(&mut self, columns: Vec<Column>) -> Result<(), String> {
        let Some(first) = columns.first() else { return Err("nothing in it; name settings and their values".into()) };
        if let Some(other) = columns.iter().find(|column| column.values.len() != first.values.len()) {
            return Err(format!(
                "columns of a [[zip]] move together, but {} has {} values and {} has {}; make them equal",
                first.key,
                first.values.len(),
                other.key,
                other.values.len()
            ));
        }
        for column in &columns {
            if self.axes.iter().flatten().any(|known| known.key == column.key) {
                return Err(format!("{} is an axis already; keep one of the two", column.key));
            }
        }
        self.axes.push(columns);
        Ok(())
    }

    /// What the axes say of the run of this number; the last axis moves fastest.
    fn cell(&self, mut index: usize) -> Settings {
        let mut cell = Settings::default();
        for axis in self.axes.iter().rev() {
            let (row, n) = (index % rows(axis), rows(axis));
            index /= n;
            cell = axis.iter().fold(cell, |cell, column| cell.or(column.values[row].clone()));
        }
        cell
    }
}

fn rows(axis: &[Column]) -> usize {
    axis.first().map_or(1, |column| column.values.len())
}

/// "beta=4.0 seed=1": the settings that are given.
pub(super) fn describe(settings: &Settings) -> String {
    let given = settings.given();
    let words: Vec<String> =
        given.iter().map(|(key, value)| format!("{key}={}", crate::spec::cell_text(value, ","))).collect();
    if words.is_empty() { "no settings of its own".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> Vec<String> {
        let grid = Definition::parse(text).unwrap().grid(&Overrides::default(), &|_| Ok(784)).unwrap();
        grid.runs.iter().map(describe).collect()
    }

    #[test]
    fn axes_are_multiplied_in_the_order_of_the_file_and_single_runs_follow() {
        let text = "[[run]]\nbeta = 9\n[grid]\nseed = \"1..2\"\nloss = [\"bce\", \"mse\"]\n[[zip]]\nlr = [0.1, 0.2]\n\
                    batch-size = [1, 2]\n[base]\nepochs = 3\n";
        let runs = described(text);
        assert_eq!(runs.len(), 2 * 2 * 2 + 1);
        assert_eq!(runs[0], "loss=bce lr=0.1 batch-size=1 epochs=3 seed=1");
        assert_eq!(runs[1], "loss=bce lr=0.2 batch-size=2 epochs=3 seed=1");
        assert_eq!(runs[2], "loss=mse lr=0.1 batch-size=1 epochs=3 seed=1");
        assert_eq!(runs[4], "loss=bce lr=0.1 batch-size=1 epochs=3 seed=2");
        assert_eq!(runs[8], "beta=9.0 epochs=3");
        assert_eq!(described("").len(), 1, "an empty sweep is one run of defaults");
    }

    #[test]
    fn excluded_runs_are_left_out_even_where_they_could_not_run() {
        let text = "[grid]\nloss = [\"bce\", \"gaussian\"]\nsigma2 = [0.5]\nseed = \"1..3\"\n[[exclude]]\nloss = \"bce\"\n\
                    [[exclude]]\nseed = \"2..3\"\nlatent-dim = 20\n";
        assert_eq!(described(text), ["loss=gaussian sigma2=0.5 seed=1"], "also by a default: 20 latents");
        let idle = Definition::parse("[grid]\nseed = [1]\n[[exclude]]\nseed = 4\n").unwrap();
        assert!(idle.grid(&Overrides::default(), &|_| Ok(784)).unwrap().notes[0].contains("line 3"));
    }

    #[test]
    fn flags_win_over_the_file_and_variables_only_over_its_base() {
        let definition = Definition::parse("[base]\nepochs = 3\nlr = 0.1\n[grid]\nseed = [1, 2]\n").unwrap();
        let layer = |text: &str| Settings::parse(text).unwrap();
        let overrides = Overrides { flags: layer("lr = 0.5"), variables: layer("epochs = 7\nseed = 9") };
        let runs: Vec<String> = definition.grid(&overrides, &|_| Ok(784)).unwrap().runs.iter().map(describe).collect();
        assert_eq!(runs, ["lr=0.5 epochs=7 seed=1", "lr=0.5 epochs=7 seed=2"]);
    }

    #[test]
    fn every_mistake_is_refused_with_its_line() {
        for (text, line, word) in [
            ("beta = 1", "line 1", "[[exclude]]"),
            ("[base]\nbta = 1", "line 2", "bta"),
            ("[base]\nbeta = [1, 2]", "line 2", "[grid]"),
            ("[base]\nseed = \"1..3\"", "line 2", "[grid]"),
            ("[grid]\nbeta = [\n 1,\n \"x\",\n]", "line 4", "x"),
            ("[grid]\n\nlatent_dim = [2]", "line 3", "latent_dim"),
            ("[grid]\nloss = [\"l1\"]", "line 2", "l1"),
            ("[grid]\nseed = \"3..1\"", "line 2", "smaller"),
            ("[grid]\nseed = [1]\n[[zip]]\nseed = [1]", "line 3", "already"),
            ("[[zip]]\nlr = [1, 2]\nbeta = [1]", "line 1", "equal"),
            ("[zip]\nlr = [1]", "line 1", "[[zip]]"),
            ("[[grid]]\nlr = [1]", "line 1", "[grid]"),
            ("[grid]\nlr = [1]\nlr = [2]", "line 3", "duplicate"),
            ("[[exclude]]\n", "line 1", "nothing"),
            ("[grid\n", "line 1", ""),
        ] {
            let why = Definition::parse(text).unwrap_err();
            assert!(why.starts_with(line) && why.contains(word) && !why.contains('\n'), "{text:?}: {why}");
        }
    }

    #[test]
    fn a_product_beyond_all_measure_is_an_error_and_a_contradiction_names_its_run() {
        let million =
            "[grid]\nseed = \"1..1000\"\nlatent-dim = \"1..1000\"\nbatch-size = \"1..1000\"\nepochs = \"1..1000\"";
        let definition = Definition::parse(million).unwrap();
        assert!(
            definition
                .grid(&Overrides::default(), &|_| Ok(784))
                .unwrap_err()
                .to_string()
                .contains("more than 100000 runs")
        );
        let both = Definition::parse("[grid]\nloss = [\"bce\"]\nsigma2 = [0.5]").unwrap();
        let error = both.grid(&Overrides::default(), &|_| Ok(784)).unwrap_err().to_string();
        assert!(error.contains("loss=bce sigma2=0.5") && error.contains("contradict"), "{error}");
    }

    #[test]
    fn axes_of_a_zip_before_the_grid_move_slower() {
        let runs = described("[[zip]]\nlr = [0.1, 0.2]\n[grid]\nseed = [1, 2]\n");
        assert_eq!(runs, ["lr=0.1 seed=1", "lr=0.1 seed=2", "lr=0.2 seed=1", "lr=0.2 seed=2"]);
    }

    #[test]
    fn thousands_of_exclusions_of_one_run_each_are_as_quick_as_one_exclusion_of_thousands() {
        let each: String = (1..=4000).map(|seed| format!("[[exclude]]\nloss = 'bce'\nseed = {}\n", 2 * seed)).collect();
        let list: Vec<String> = (1..=4000).map(|seed| (2 * seed).to_string()).collect();
        let one = format!("[[exclude]]\nloss = 'bce'\nseed = [{}]\n", list.join(", "));
        for excludes in [each, one] {
            let runs = described(&format!("[grid]\nseed = '1..8000'\n{excludes}"));
            assert_eq!((runs.len(), runs[1].as_str()), (4000, "seed=3"));
        }
    }
}
