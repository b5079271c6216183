//! A sweep as a list of runs, each with the name of its directory; kept beside the runs, so that what is missing is known.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::definition::{Definition, Layers};
use super::library::Library;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::spec::{RunSpec, Settings};

/// One run of a plan.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The name of its directory.
    pub id: String,
    /// What was given.
    pub settings: Settings,
    /// What it comes to.
    pub spec: RunSpec,
    /// D, pixels of an image of its data.
    pub pixels: usize,
}

/// All runs of a sweep.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is called: the file's name without its ending, or `grid`.
    pub name: String,
    /// In their order; no two are the same run.
    pub runs: Vec<Planned>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// A line of a plan's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanLine {
    /// The name of the run's directory.
    pub run: String,
    /// What was given.
    pub settings: Settings,
}

/// A line as it is written: without what is not given.
#[derive(Serialize)]
struct Given<'a> {
    run: &'a str,
    settings: Map<String, Value>,
}

/// A plan read back.
#[derive(Clone, Debug)]
pub struct WrittenPlan {
    /// What it is called.
    pub name: String,
    /// Its runs.
    pub runs: Vec<PlanLine>,
}

/// The ending of a plan's file.
const ENDING: &str = ".plan.jsonl";

impl Plan {
    /// Plans all runs of `definition`.
    ///
    /// # Errors
    /// [`Error::Usage`] for settings that make no run, [`Error::Data`] where the data that names it cannot be read.
    pub fn make(name: &str, definition: &Definition, layers: &Layers, library: &Library) -> Result<Self> {
        let cells = definition.cells(layers)?;
        let (mut seen, mut notes, all) = (HashSet::new(), cells.notes, cells.runs.len());
        let mut runs = Vec::with_capacity(all);
        for settings in cells.runs {
            let identity = library.identity(&settings)?;
            let spec = RunSpec::resolve(&settings)?.with_source(identity.name.source());
            let id = spec.run_id(&identity.digest);
            if seen.insert(id.clone()) {
                runs.push(Planned { id, settings, spec, pixels: identity.pixels });
            }
        }
        if runs.len() < all {
            notes.push(format!("{} of {all} runs are the same as others and are listed once", all - runs.len()));
        }
        Ok(Plan { name: name.to_owned(), runs, notes })
    }

    /// Leaves the plan in `out`, under its name.
    pub fn write(&self, out: &Path) -> Result<()> {
        let mut text = Vec::new();
        for run in &self.runs {
            let line = Given { run: &run.id, settings: run.settings.given() };
            serde_json::to_writer(&mut text, &line)
                .map_err(|e| Error::Run(format!("the plan cannot be serialised ({e})")))?;
            text.push(b'\n');
        }
        let path = out.join(format!("{}{ENDING}", self.name));
        if std::fs::read(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        std::fs::create_dir_all(out).map_err(|e| Error::output(out, "create", e))?;
        write_atomically(&path, &text)
    }
}

impl Planned {
    /// The whole resolved run, and the preset that was named, under the flags' names.
    pub fn facts(&self) -> Map<String, Value> {
        let mut settings = self.spec.settings();
        settings.preset = self.settings.preset;
        settings.data_dir = self.settings.data_dir.clone();
        settings.given()
    }
}

/// The plans that sweeps have left in `dir`, by name.
///
/// # Errors
/// [`Error::Run`] for one that is damaged.
pub fn plans_in(dir: &Path) -> Result<Vec<WrittenPlan>> {
    let mut plans = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(plans) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Some(name) = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(ENDING)) else {
            continue;
        };
        let text = std::fs::read_to_string(&path).map_err(|e| Error::input(&path, "read", e))?;
        let line = |(i, line): (usize, &str)| -> Result<PlanLine> {
            let told = |why: String| {
                Error::Run(format!(
                    "{}: line {}: no run of a plan ({why}); remove the file, or run its sweep again",
                    path.display(),
                    i + 1
                ))
            };
            let line: PlanLine = serde_json::from_str(line).map_err(|e| told(e.to_string()))?;
            // It becomes part of a path.
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
            if line.run.is_empty() || line.run.starts_with('.') || !line.run.bytes().all(plain) {
                return Err(told(format!("{:?} is no name of a run", line.run)));
            }
            Ok(line)
        };
        let runs = text.lines().enumerate().map(line).collect::<Result<_>>()?;
        plans.push(WrittenPlan { name: name.to_owned(), runs });
    }
    Ok(plans)
}
