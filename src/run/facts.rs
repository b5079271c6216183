//! What a run's records say beside its numbers: `config.toml` and `run.json`.

use super::job::Job;
use crate::error::{Error, Result};
use crate::objective::Moment;
use crate::records::{Column, DataFacts, Manifest, ObjectiveFacts, Request, Status, Versions, now};
use crate::spec::RunSpec;
use crate::terms::Term;
use crate::train::Task;

/// The text of `config.toml`.
///
/// # Errors
/// [`Error::Usage`] for settings that TOML cannot hold.
pub(super) fn config(job: &Job<'_>) -> Result<String> {
    let mut settings = job.spec.settings().clone();
    settings.preset = job.preset;
    settings.data_name = job.data.name.label().cloned();
    // Where the data is says nothing about a run, and is another place on the next machine: its digest is in run.json.
    settings.data_dir = None;
    let toml = toml::to_string(&settings)
        .map_err(|e| Error::Usage(format!("config.toml cannot hold the settings of this run ({e})")))?;
    Ok(format!("# `vae-bench --config` on this file repeats the run.\n{toml}"))
}

/// The columns of `metrics.csv`.
pub(super) fn columns(spec: &RunSpec) -> Vec<Column> {
    Column::of_run(spec.family().name(), spec.recon().loss.measure(), spec.settings().chosen_penalty())
}

/// Bounds of R that no training moves: see [`DataFacts`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Floors {
    pub(super) collapsed: Option<f64>,
    pub(super) entropy: Option<f64>,
}

/// `run.json` of a run that begins.
pub(super) fn manifest(job: &Job<'_>, id: &str, task: &Task<'_>, floors: Floors) -> Manifest {
    // Weights of a full batch at the end of the run: a warm-up that is not over has not reached its beta.
    // What is yet to be found is left open: a and b are then those without it.
    let end = Moment::as_written(task.end_of(task.epochs));
    let (objective, batch) = (&task.objective, task.full_batch());
    let weights = objective.weights(batch, end);
    let started = now();
    Manifest {
        run: id.to_owned(),
        status: Status::Running,
        verdict: None,
        final_metrics: None,
        objective: ObjectiveFacts {
            recon_weight: weights.get(Term::Recon).copied().unwrap_or(0.0),
            kl_weight: weights.get(Term::Kl).copied(),
            beta_effective: objective.beta_effective(batch, end),
            beta_sigma2: objective.beta_sigma2(batch, end, None, None),
            codebook_weight: weights.get(Term::Codebook).copied(),
            commitment_weight: weights.get(Term::Commitment).copied(),
            commitment_ratio: objective.commitment_ratio(batch),
        },
        data: DataFacts {
            name: job.data.name.clone(),
            train_images: job.data.train.len(),
            test_images: job.data.test.len(),
            pixels: job.data.pixels(),
            collapsed_floor: floors.collapsed,
            entropy_floor: floors.entropy,
            files: job.data.files.clone(),
        },
        versions: Versions::current(),
        host: job.host.clone(),
        device: job.device_name.to_owned(),
        threads: job.threads,
        argv: job.argv.to_vec(),
        updated: started.clone(),
        started,
        generation: None,
        attempt: None,
        request: Request::Plain,
        files: Vec::new(),
    }
}
