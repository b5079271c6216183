//! A trained model and its data, as sheets need them.

use crate::data::Dataset;
use crate::metrics::LatentRecord;
use crate::model::Vae;
use crate::spec::RunSpec;

/// A trained model and the data that it was trained on.
#[derive(Clone, Debug)]
pub struct Trained<'a> {
    /// The resolved settings.
    pub spec: &'a RunSpec,
    /// The model with its weights.
    pub model: &'a Vae,
    /// The images.
    pub data: &'a Dataset,
    /// The measurements of its latents.
    pub latents: &'a [LatentRecord],
    /// The subtitle of its sheets.
    pub label: &'a str,
}
