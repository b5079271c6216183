//! A sweep as a list of runs and the names of their directories; kept beside the runs, so that missing ones are known.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::dataset_cache::DatasetCache;
use super::definition::{Definition, Overrides};
use crate::error::{Error, Result};
use crate::files::{Disk, MOST_TEXT, read_regular};
use crate::spec::{RunSpec, Settings};

/// One run of a plan.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The name of its directory.
    pub id: String,
    /// The settings that were given.
    pub settings: Settings,
    /// The resolved run.
    pub spec: RunSpec,
    /// D, pixels of an image of its data.
    pub pixels: usize,
}

/// All runs of a sweep.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of the sweep file without its ending; for axes typed as flags `grid-` and a digest of the runs, so that
    /// two such sweeps in one directory have two plans.
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
    /// The settings that were given.
    pub settings: Settings,
}

/// A line as it is written: with the settings that are given, and no empty ones.
#[derive(Serialize)]
struct GivenLine<'a> {
    run: &'a str,
    settings: Map<String, Value>,
}

/// A plan read back.
#[derive(Clone, Debug)]
pub struct WrittenPlan {
    /// Its name: that of its file without the ending.
    pub name: String,
    /// Its runs.
    pub runs: Vec<PlanLine>,
}

/// The ending of a plan's file.
const ENDING: &str = ".plan.jsonl";

impl Plan {
    /// Plans all runs of `definition`, which was read from the sweep file of this name, if from any.
    ///
    /// # Errors
    /// [`Error::Usage`] for settings that make no run, [`Error::Data`] where the data that names it cannot be read.
    pub fn make(
        file: Option<&str>,
        definition: &Definition,
        overrides: &Overrides,
        datasets: &DatasetCache,
    ) -> Result<Self> {
        let pixels = |settings: &Settings| Ok(datasets.identity(settings)?.pixels);
        let grid = definition.grid(overrides, &pixels)?;
        let (mut seen, mut notes, all) = (HashSet::new(), grid.notes, grid.runs.len());
        let mut runs = Vec::with_capacity(all);
        for settings in grid.runs {
            let identity = datasets.identity(&settings)?;
            let spec = RunSpec::resolve(&settings)?.with_source(identity.name.source());
            let id = spec.run_id(&identity.digest);
            if seen.insert(id.clone()) {
                runs.push(Planned { id, settings, spec, pixels: identity.pixels });
            }
        }
        if runs.len() < all {
            notes.push(format!("{} of {all} runs are the same as others and are listed once", all - runs.len()));
        }
        let name = file.map_or_else(|| name_by_content(&runs), str::to_owned);
        Ok(Plan { name, runs, notes })
    }

    /// Leaves the plan in `out`, under its name.
    pub fn write(&self, disk: &Disk, out: &Path) -> Result<()> {
        let mut text = Vec::new();
        for run in &self.runs {
            let line = GivenLine { run: &run.id, settings: run.settings.given() };
            serde_json::to_writer(&mut text, &line)
                .map_err(|e| Error::Run(format!("the plan cannot be serialised ({e})")))?;
            text.push(b'\n');
        }
        let path = out.join(format!("{}{ENDING}", self.name));
        if read_regular(&path, MOST_TEXT).is_ok_and(|old| old == text) {
            return Ok(());
        }
        disk.create_dirs(out).map_err(|e| Error::output(out, "create", e))?;
        disk.replace(&path, &text)
    }
}

impl Planned {
    /// The whole resolved run, and the preset that was named, under the flags' names.
    pub fn facts(&self) -> Map<String, Value> {
        let mut settings = self.spec.settings().clone();
        settings.preset = self.settings.preset;
        settings.data_dir = self.settings.data_dir.clone();
        settings.data_name = self.settings.data_name.clone();
        settings.given()
    }
}

fn name_by_content(runs: &[Planned]) -> String {
    let mut hash = Sha256::new();
    runs.iter().for_each(|run| hash.update(format!("{}\n", run.id)));
    let bytes = hash.finalize();
    format!("grid-{:08x}", u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
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
        let text = read_regular(&path, MOST_TEXT).map_err(|e| Error::input(&path, "read", e))?;
        let text = String::from_utf8_lossy(&text);
        let runs = parse_plan(&text)
            .map_err(|why| Error::Run(format!("{}: {why}; remove the file, or run its sweep again", path.display())))?;
        plans.push(WrittenPlan { name: name.to_owned(), runs });
    }
    Ok(plans)
}

/// The runs of a plan's file that holds `text`.
///
/// # Errors
/// The line and what is wrong with it.
pub fn parse_plan(text: &str) -> Result<Vec<PlanLine>, String> {
    let line = |(i, line): (usize, &str)| {
        let damaged = |why: String| format!("line {}: no run of a plan ({why})", i + 1);
        let line: PlanLine = serde_json::from_str(line).map_err(|e| damaged(e.to_string()))?;
        // The name becomes part of a path.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if line.run.is_empty() || line.run.starts_with('.') || !line.run.bytes().all(plain) {
            return Err(damaged(format!("{:?} is no name of a run", line.run)));
        }
        Ok(line)
    };
    text.lines().enumerate().map(line).collect()
}
