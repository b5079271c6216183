//! A finished run with its data: what `eval`, `--images` and `plot --kind digits` look at.

use std::path::Path;

use crate::data::{Dataset, Loaded, load, places};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluation, LatentEvaluation, evaluate};
use crate::files::write_atomically;
use crate::metrics::LatentRecord;
use crate::model::Model;
use crate::objective::{EffectiveWeight, Objective};
use crate::records::{RunDir, RunRecord};
use crate::report::sheets::{Trained, sheets};
use crate::run::{last_measurement, read_model};
use crate::spec::RunSpec;
use figure::{Theme, raster};

/// A trained model, measured.
pub(super) struct EvaluatedRun {
    pub(super) record: RunRecord,
    pub(super) spec: RunSpec,
    pub(super) data: Dataset,
    pub(super) model: Model,
    pub(super) objective: Objective,
    pub(super) found: Evaluation,
    pub(super) latents: Vec<LatentRecord>,
    /// Its name and its weight.
    pub(super) label: String,
}

impl EvaluatedRun {
    /// Reads the run in `dir` and measures it on its test images, found in `data_dir` or where they were.
    pub(super) fn read(dir: &RunDir, data_dir: Option<&Path>) -> Result<Self> {
        let record = RunRecord::read(dir)?;
        let spec = RunSpec::resolve(&record.settings)?;
        let data = dataset_of(&record, &spec, dir, data_dir)?;
        let model = read_model(dir, &spec, data.pixels())?;
        // The factors in front of the terms play no part in R and K, nor does the variance that one may need.
        let objective = spec.objective_for(data.pixels(), f64::NAN);
        let found = evaluate(&model, &objective, &last_measurement(&spec, &data))?;
        let facts = &record.manifest.objective;
        let weight = EffectiveWeight::of(facts.beta_effective, facts.beta_sigma2);
        let weight = weight.map_or_else(String::new, |weight| format!(", {weight}"));
        let label = format!("{}{weight}", record.manifest.run);
        let latents = match &found.latents {
            LatentEvaluation::Gaussian(latents) => latents.latents(),
            LatentEvaluation::Codes(_) => Vec::new(),
        };
        Ok(EvaluatedRun { record, spec, data, model, objective, found, latents, label })
    }

    /// As the sheets want it.
    pub(super) fn trained(&self) -> Trained<'_> {
        let EvaluatedRun { spec, model, data, latents, label, .. } = self;
        Trained { spec, model, data, latents, label }
    }

    /// Writes every sheet into the run's `images` folder, and says where, in one line.
    pub(super) fn paint(&self, dir: &RunDir) -> Result<String> {
        let folder = dir.images_dir();
        std::fs::create_dir_all(&folder).map_err(|e| Error::output(&folder, "create", e))?;
        let mut names = Vec::new();
        for (kind, figure) in sheets(&self.trained())? {
            let name = kind.name();
            write_atomically(
                &folder.join(format!("{name}.png")),
                &raster::png(&figure, Theme::Light, raster::SCREEN)?,
            )?;
            names.push(name);
        }
        Ok(format!("images   {}: {}", folder.display(), names.join(", ")))
    }
}

/// The images of the run in `dir`, found in `data_dir` or where they were.
///
/// # Errors
/// [`Error::Data`] where they are missing, or not those that the run was trained on.
pub(super) fn dataset_of(record: &RunRecord, spec: &RunSpec, dir: &RunDir, data_dir: Option<&Path>) -> Result<Dataset> {
    let known = || places::find(&record.manifest.data.files);
    let data_dir = data_dir.map(Path::to_owned).or_else(known).or_else(|| record.settings.data_dir.clone());
    let Loaded { dataset, .. } = load(spec.data().source, data_dir.as_deref())?;
    if dataset.files != record.manifest.data.files {
        return Err(Error::Data(format!(
            "{}: was trained on other data than this; name the data's directory with --data-dir",
            dir.path().display()
        )));
    }
    let dataset = dataset.named(record.settings.data_name.clone()).resized(spec.data().resize)?;
    dataset.subset(spec.data().train_size, spec.data().test_size, spec.seed())
}
