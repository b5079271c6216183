//! One run, read from its directory or from a merged table.

use std::io::ErrorKind;

use super::notation::ReconUnit;
use super::outcome::Outcome;
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular};
use crate::metrics::{EpochRecord, LatentRecord, Split};
use crate::model::ModelName;
use crate::objective::EffectiveWeight;
use crate::objective::Measure;
use crate::records::merged::MergedRun;
use crate::records::{Manifest, RunDir, RunRecord, Status, parse_latents};
use crate::spec::Settings;
use figure::scale::drawable;

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The name.
    pub name: String,
    /// How far the run is.
    pub status: Status,
    /// The name of the verdict, as records hold it; empty while the run is in progress.
    pub verdict: String,
    /// The comparability key: R can be compared between runs with the same key.
    pub comparable: String,
    /// The complete settings.
    pub settings: Settings,
    /// The rows of all epochs, in order.
    pub metrics: Vec<EpochRecord>,
    /// Known bounds of R.
    pub floors: Floors,
    /// K of every latent; empty where it was not measured.
    pub latents: Vec<LatentRecord>,
    /// Machine, versions and times; `None` for a run from a table.
    pub manifest: Option<Manifest>,
    /// The directory; `None` for a run from a table.
    pub dir: Option<RunDir>,
}

/// Known bounds of R on the test images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Floors {
    /// R of a decoder that ignores z and outputs the average image.
    pub collapsed: Option<f64>,
    /// The entropy of the pixels, a lower bound for every model.
    pub entropy: Option<f64>,
}

impl Run {
    /// Reads the run in `dir`.
    ///
    /// # Errors
    /// [`Error::Run`] with the file and the reason.
    pub fn read(dir: &RunDir) -> Result<Self> {
        let record = RunRecord::read(dir)?;
        let comparable = record.comparable()?.to_string();
        let RunRecord { manifest, settings, metrics } = record;
        let verdict = manifest.verdict.map(|verdict| <&str>::from(verdict.headline()).to_owned());
        let latents = match read_regular(&dir.latents(), MOST_TEXT) {
            Ok(text) => {
                parse_latents(&text).map_err(|why| Error::Run(format!("{}: {why}", dir.latents().display())))?
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::input(&dir.latents(), "read", e)),
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
    pub(super) fn from_table(run: MergedRun) -> Self {
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

    /// The last row of the test images, if the run is completed and the row can be drawn.
    pub fn result(&self) -> Option<&EpochRecord> {
        self.last().filter(|row| self.status == Status::Completed && drawable(row.recon()) && drawable(row.kl()))
    }

    /// The effective weight of the objective, if it has one; the commitment ratio of a VQ-VAE.
    pub fn effective_weight(&self) -> Option<EffectiveWeight> {
        let last = self.last();
        let objective = self.manifest.as_ref().map(|m| &m.objective);
        let beta = objective.and_then(|o| o.beta_effective).or_else(|| last.and_then(|row| row.beta_effective));
        let beta_sigma2 = objective.and_then(|o| o.beta_sigma2).or_else(|| last.and_then(|row| row.beta_sigma2));
        let ratio =
            objective.and_then(|o| o.commitment_ratio).or_else(|| last.and_then(|row| row.codes.commitment_ratio));
        EffectiveWeight::of(beta, beta_sigma2).or(ratio.map(EffectiveWeight::CommitmentRatio))
    }

    /// The family of the model.
    pub fn model(&self) -> ModelName {
        self.settings.chosen_model()
    }

    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        Outcome::new(self.status, &self.verdict)
    }

    /// The unit of the reconstruction.
    pub fn recon_unit(&self) -> ReconUnit {
        match self.settings.loss.map(|loss| loss.measure()) {
            Some(Measure::SquaredError) => ReconUnit::SquaredError,
            Some(Measure::Mass | Measure::Density | Measure::GreyMass) | None => ReconUnit::Nats,
        }
    }

    /// "seed 1"; empty without a seed.
    pub fn seed(&self) -> String {
        self.settings.seed.map_or_else(String::new, |s| format!("seed {s}"))
    }
}
