//! `model.safetensors`: the trained weights, under names and shapes that PyTorch's `load_state_dict` takes.

use std::collections::HashMap;

use candle_core::{DType, Device};

use crate::engine::Backend;
use crate::error::{Error, Result, first_line};
use crate::files::{MOST_WEIGHTS, read_regular};
use crate::model::{Model, Start};
use crate::records::{Manifest, RunDir, check_content};
use crate::spec::RunSpec;

/// The weights under the names and shapes of PyTorch's `load_state_dict`, with the spec in the metadata, as the bytes of a
/// file.
pub(super) fn serialize(model: &Model, spec: &RunSpec) -> Result<Vec<u8>> {
    let tensors: Vec<_> = model.weights().map(|(name, p)| (name.clone(), p.as_tensor().clone())).collect();
    let metadata = HashMap::from([("spec".to_owned(), spec.to_toml())]);
    safetensors::serialize(tensors, Some(metadata))
        .map_err(|e| Error::Run(format!("the model cannot be serialised ({e})")))
}

/// Reads the weights of the run in `dir`, a model of `spec` for images of `pixels` pixels, and holds the file against its
/// SHA-256 in `run.json`.
///
/// # Errors
/// [`Error::Run`] with the file and the reason.
pub fn read_model(dir: &RunDir, spec: &RunSpec, pixels: usize) -> Result<Model> {
    let path = dir.model();
    let damaged = |why: String| {
        Error::Run(format!(
            "{}: not readable as this run's weights ({why}); repeat the run with --force",
            path.display()
        ))
    };
    let bytes = read_regular(&path, MOST_WEIGHTS).map_err(|e| Error::input(&path, "read", e))?;
    let manifest =
        Manifest::read(&dir.manifest()).map_err(|why| Error::Run(format!("{}: {why}", dir.manifest().display())))?;
    check_content(&manifest, "model.safetensors", &bytes)
        .and_then(|()| parse_model(&bytes, spec, pixels))
        .map_err(damaged)
}

/// The weights in `bytes`, the content of a `model.safetensors`: a model of `spec` for images of `pixels` pixels.
///
/// # Errors
/// What is wrong, as a sentence.
pub fn parse_model(bytes: &[u8], spec: &RunSpec, pixels: usize) -> Result<Model, String> {
    let text = |e: candle_core::Error| first_line(&e);
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(text)?;
    let architecture = spec.architecture(pixels);
    let start = Start { init: spec.network().init, seed: spec.seed(), output_bias: None };
    let model = Model::new(&architecture, &start, &Backend::FUSED).map_err(text)?;
    for (name, parameter) in model.weights() {
        let saved = tensors.get(name).ok_or_else(|| format!("it lacks {name}"))?;
        if saved.shape() != parameter.shape() {
            return Err(format!("{name} has another shape"));
        }
        let values =
            saved.to_dtype(DType::F32).and_then(|saved| saved.flatten_all()?.to_vec1::<f32>()).map_err(text)?;
        if let Some(wrong) = values.iter().find(|value| !value.is_finite()) {
            return Err(format!("{name} holds {wrong}"));
        }
        parameter.set(saved).map_err(text)?;
    }
    Ok(model)
}
