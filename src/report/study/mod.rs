//! Many runs as pictures and pages see them, read from run directories or from merged tables.

mod command;
mod naming;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use command::repeat_command;
pub use naming::{Series, beta_lines, reduction_label, series};

use crate::choice::Choice;
use crate::error::{Error, Result};
use crate::metrics::{EpochRecord, LatentRecord, Split};
use crate::objective::Measure;
use crate::records::merged::{MergedRun, parse_merged};
use crate::records::{Comparable, Manifest, OneOfEach, RunDir, RunRecord, Status, one_of_each, parse_latents};
use crate::spec::Settings;
use figure::scale::drawable;

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: Status,
    /// What came of it, in a word; empty while it runs.
    pub verdict: String,
    /// Within one value, R can be compared.
    pub comparable: String,
    /// Its settings, complete.
    pub settings: Settings,
    /// Its epochs, in order.
    pub metrics: Vec<EpochRecord>,
    /// What holds R from below.
    pub floors: Floors,
    /// K of every latent, where it was measured.
    pub latents: Vec<LatentRecord>,
    /// How it came about; none if it was read from a table.
    pub manifest: Option<Manifest>,
    /// Where it is; none if it was read from a table.
    pub dir: Option<RunDir>,
}

/// Known bounds of R on the test images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Floors {
    /// Where a decoder that ignores z ends.
    pub collapsed: Option<f64>,
    /// What no model goes below.
    pub entropy: Option<f64>,
}

/// Many runs, and what must be said beside them.
#[derive(Clone, Debug, Default)]
pub struct Study {
    /// The runs, in the order of their names.
    pub runs: Vec<Run>,
    /// A sentence for everything that was left out.
    pub notes: Vec<String>,
}

/// The number that makes objectives comparable, and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weighing {
    /// b / a, of likelihoods.
    Beta,
    /// b / (2a), of squared errors.
    BetaSigma2,
}

impl Weighing {
    /// As an axis is labelled.
    pub fn label(self) -> &'static str {
        match self {
            Weighing::Beta => "effective beta = b / a",
            Weighing::BetaSigma2 => "beta·σ² = b / (2a)",
        }
    }
}

/// The quantities of the canonical ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// R, or S.
    Recon,
    /// K.
    Kl,
    /// -ELBO.
    NegElbo,
}

impl Run {
    /// A run that was read from its directory.
    fn of(dir: &RunDir, record: RunRecord) -> Result<Self> {
        let comparable = record.comparable()?.to_string();
        let RunRecord { manifest, settings, metrics } = record;
        let verdict =
            manifest.verdict.and_then(|v| Some(serde_json::to_value(v).ok()?.get("name")?.as_str()?.to_owned()));
        let latents = match std::fs::read(dir.latents()) {
            Ok(text) => {
                parse_latents(&text).map_err(|why| Error::Run(format!("{}: {why}", dir.latents().display())))?
            }
            Err(_) => Vec::new(),
        };
        Ok(Run {
            name: manifest.run.clone(),
            status: manifest.status,
            verdict: verdict.unwrap_or_default(),
            comparable,
            settings,
            metrics,
            floors: Floors { collapsed: manifest.data.collapsed_floor, entropy: manifest.data.entropy_floor },
            latents,
            manifest: Some(manifest),
            dir: Some(dir.clone()),
        })
    }

    /// A run that was read from a merged table.
    fn merged(run: MergedRun) -> Self {
        Run {
            name: run.name,
            status: run.status,
            verdict: run.verdict,
            comparable: run.comparable,
            settings: run.settings,
            metrics: run.metrics,
            floors: Floors { collapsed: run.collapsed_floor, entropy: run.entropy_floor },
            latents: Vec::new(),
            manifest: None,
            dir: None,
        }
    }

    /// The last row of the test images.
    pub fn last(&self) -> Option<&EpochRecord> {
        self.metrics.iter().rfind(|row| row.split == Split::Test)
    }

    /// The last row of the test images, if the run went to its end.
    pub fn result(&self) -> Option<&EpochRecord> {
        self.last().filter(|row| self.status == Status::Completed && drawable(row.recon) && drawable(row.kl))
    }

    /// What makes it comparable with other objectives, where something does.
    pub fn weight(&self) -> Option<(Weighing, f64)> {
        let last = self.last();
        let facts = self.manifest.as_ref().map(|m| &m.objective);
        let beta = facts.and_then(|f| f.beta_effective).or_else(|| last.and_then(|row| row.beta_effective));
        let sigma = || facts.and_then(|f| f.beta_sigma2).or_else(|| last.and_then(|row| row.beta_sigma2));
        beta.map(|b| (Weighing::Beta, b)).or_else(|| sigma().map(|b| (Weighing::BetaSigma2, b)))
    }

    /// Whether its R is a likelihood's, and not S.
    pub fn is_likelihood(&self) -> bool {
        self.settings.loss.is_none_or(|loss| loss.measure() != Measure::SquaredError)
    }

    /// The symbol of its reconstruction.
    pub fn symbol(&self) -> &'static str {
        if self.is_likelihood() { "R" } else { "S" }
    }

    /// Its seed, as a word.
    pub fn seed(&self) -> String {
        self.settings.seed.map_or_else(String::new, |s| format!("seed {s}"))
    }
}

impl Quantity {
    /// R, K and, for likelihoods, -ELBO.
    pub fn of(group: &[&Run]) -> &'static [Quantity] {
        if group.iter().all(|run| run.is_likelihood()) {
            &[Quantity::Recon, Quantity::Kl, Quantity::NegElbo]
        } else {
            &[Quantity::Recon, Quantity::Kl]
        }
    }

    /// Its value in a row.
    pub fn value(self, row: &EpochRecord) -> Option<f64> {
        match self {
            Quantity::Recon => Some(row.recon),
            Quantity::Kl => Some(row.kl),
            Quantity::NegElbo => row.neg_elbo,
        }
        .filter(|v| drawable(*v))
    }

    /// Its symbol, for runs whose reconstruction is called `symbol`.
    pub fn symbol(self, symbol: &'static str) -> &'static str {
        match self {
            Quantity::Recon => symbol,
            Quantity::Kl => "K",
            Quantity::NegElbo => "-ELBO",
        }
    }

    /// As an axis is labelled.
    pub fn label(self, symbol: &str) -> String {
        match (self, symbol) {
            (Quantity::Recon, "S") => "S: squared error (per image)".into(),
            (Quantity::Recon, _) => "R: reconstruction (nats per image)".into(),
            (Quantity::Kl, _) => "K: KL (nats per image)".into(),
            (Quantity::NegElbo, _) => "-ELBO = R + K (nats per image)".into(),
        }
    }
}

impl Study {
    /// Reads run directories and merged tables. What cannot be read is left out with a note.
    ///
    /// # Errors
    /// [`Error::Run`] where nothing is left.
    pub fn read(dirs: &[RunDir], tables: &[PathBuf]) -> Result<Self> {
        let OneOfEach { runs: dirs, notes } = one_of_each(dirs)?;
        let mut study = Study { runs: Vec::new(), notes };
        for dir in &dirs {
            match RunRecord::read(dir).and_then(|record| Run::of(dir, record)) {
                Ok(run) => study.runs.push(run),
                Err(why) => study.notes.push(format!("left out: {why}")),
            }
        }
        for path in tables {
            let text = std::fs::read(path).map_err(|e| Error::input(path, "read", e))?;
            let known: Vec<String> = study.runs.iter().map(|run| run.name.clone()).collect();
            let read = parse_merged(&text).map_err(|why| not_a_table(path, &why))?;
            if read.runs.is_empty() && read.notes.is_empty() {
                study.notes.push(format!("{}: has no rows", path.display()));
            }
            study.runs.extend(read.runs.into_iter().filter(|run| !known.contains(&run.name)).map(Run::merged));
            study.notes.extend(read.notes.into_iter().map(|note| format!("{}: {note}", path.display())));
        }
        if study.runs.is_empty() {
            let why = study.notes.first().map_or("no run in what was named", String::as_str);
            return Err(Error::Run(format!("nothing to show: {why}")));
        }
        study.runs.sort_by(|a, b| a.name.cmp(&b.name));
        let keys: Vec<Comparable> = study.groups().keys().filter_map(|key| key.parse().ok()).collect();
        study.notes.extend(Comparable::why_apart(&keys));
        Ok(study)
    }

    /// The runs, sorted into those whose R can be compared.
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

/// "mnist, grey pixels, R in nats of a mass" for the value of the column `comparable`.
pub fn describe_group(comparable: &str) -> String {
    comparable.parse::<Comparable>().map_or_else(|_| comparable.to_owned(), |key| key.describe())
}

/// A choice's name, or nothing.
pub(crate) fn name_of<C: Choice>(choice: Option<C>) -> String {
    choice.map_or_else(String::new, |c| c.name())
}
