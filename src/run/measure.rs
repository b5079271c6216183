//! What a finished run was measured on, and its latents.

use crate::data::Dataset;
use crate::error::Result;
use crate::evaluate::{BATCH, Measurement};
use crate::files::write_atomically;
use crate::metrics::LatentRecord;
use crate::records::{RunDir, latents_table};
use crate::spec::RunSpec;

/// What a finished run of `spec` was last measured on.
pub fn last_measurement<'a>(spec: &RunSpec, data: &'a Dataset) -> Measurement<'a> {
    let epoch = u64::from(spec.training().epochs);
    Measurement { images: &data.test, draw: spec.last_test_draw(), seed: spec.seed(), epoch, batch: BATCH }
}

/// Writes `latents.csv`.
///
/// # Errors
/// [`Error::Io`](crate::error::Error::Io) where it cannot be written.
pub fn write_latents(dir: &RunDir, latents: &[LatentRecord]) -> Result<()> {
    write_atomically(&dir.latents(), &latents_table(latents)?)
}
