//! A set of runs from directories and tables, and its groups of comparable runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::order::natural_order;
use super::run::Run;
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_at_most};
use crate::records::merged::parse_merged;
use crate::records::{Comparable, OneOfEach, RunDir, one_of_each};

/// A set of runs.
#[derive(Clone, Debug, Default)]
pub struct RunSet {
    /// The runs, ordered by name, the numbers in names by value.
    pub runs: Vec<Run>,
    /// A sentence about each input that was left out.
    pub notes: Vec<String>,
}

impl RunSet {
    /// Reads run directories and merged tables; a note tells of each unreadable input, which is left out.
    ///
    /// # Errors
    /// [`Error::Run`] if no run could be read, and an error for a file that is no merged table.
    pub fn read(dirs: &[RunDir], tables: &[PathBuf]) -> Result<Self> {
        let OneOfEach { runs: dirs, notes } = one_of_each(dirs)?;
        let mut set = RunSet { runs: Vec::new(), notes };
        for dir in &dirs {
            match Run::read(dir) {
                Ok(run) => set.runs.push(run),
                Err(why) => set.notes.push(format!("left out: {why}")),
            }
        }
        for path in tables {
            let text = read_at_most(path, MOST_TEXT).map_err(|e| Error::input(path, "read", e))?;
            let known: Vec<String> = set.runs.iter().map(|run| run.name.clone()).collect();
            let read = parse_merged(&text).map_err(|why| not_a_table(path, &why))?;
            if read.runs.is_empty() && read.notes.is_empty() {
                set.notes.push(format!("{}: has no rows", path.display()));
            }
            set.runs.extend(read.runs.into_iter().filter(|run| !known.contains(&run.name)).map(Run::from_table));
            set.notes.extend(read.notes.into_iter().map(|note| format!("{}: {note}", path.display())));
        }
        if set.runs.is_empty() {
            let why = set.notes.first().map_or("the inputs contain no runs", String::as_str);
            return Err(Error::Run(format!("nothing to show: {why}")));
        }
        set.runs.sort_by(|a, b| natural_order(&a.name, &b.name));
        let keys: Vec<Comparable> = set.groups().keys().filter_map(|key| key.parse().ok()).collect();
        set.notes.extend(Comparable::why_apart(&keys));
        Ok(set)
    }

    /// The runs by comparability key.
    pub fn groups(&self) -> BTreeMap<&str, Vec<&Run>> {
        let mut groups: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
        for run in &self.runs {
            groups.entry(&run.comparable).or_default().push(run);
        }
        groups
    }
}

fn not_a_table(path: &Path, why: &str) -> Error {
    Error::Run(format!(
        "{}: not readable as a merged table ({why}); give run directories, or what `vae-bench merge` wrote",
        path.display()
    ))
}

/// A comparability key in words.
pub fn describe_group(comparable: &str) -> String {
    comparable.parse::<Comparable>().map_or_else(|_| comparable.to_owned(), |key| key.describe())
}

/// A comparability key as a part of a file name: the data set, what R measures, and what is not the usual.
pub fn name_of_group(comparable: &str) -> String {
    let name = comparable.parse::<Comparable>().map_or_else(|_| comparable.to_owned(), |key| key.short_name());
    name.chars().take(60).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
