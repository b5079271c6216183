//! What resume needs, in one file that is replaced atomically: weights, optimiser state, and where the epoch stands.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;

use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::terms::{Ledgers, Term, Terms};
use crate::train::{EpochSums, ResumePoint, State};

/// The layout of the file; raised when it changes, so that an older file is not misread.
const VERSION: &str = "2";

/// Lengths of the tables at the time of the checkpoint: what was written after it is cut off when a run resumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableLengths {
    /// Bytes of `metrics.csv`.
    pub metrics: u64,
    /// Bytes of `timing.csv`.
    pub timing: u64,
}

/// Writes `state` to `path` in one piece.
pub fn save(path: &Path, run_id: &str, state: &State, tables: TableLengths) -> Result<()> {
    let mut tensors: Vec<(String, Tensor)> = Vec::new();
    for (name, parameter) in state.model.parameters() {
        tensors.push((format!("model.{name}"), parameter.as_tensor().clone()));
    }
    for (i, slot) in state.optimizer.state()?.into_iter().enumerate() {
        tensors.push((format!("optimizer.{i:03}"), slot));
    }
    let ResumePoint { recorded, batches, sums, train_s } = &state.progress;
    // As tensors, the sums keep every bit; NaN stands for a term that the model does not have.
    let cells = |terms: &Terms<f64>| Term::ALL.map(|term| terms.get(term).copied().unwrap_or(f64::NAN));
    tensors.push(("sums.canonical".into(), Tensor::new(&cells(&sums.ledgers.canonical), &Device::Cpu)?));
    tensors.push(("sums.weighted".into(), Tensor::new(&cells(&sums.ledgers.weighted), &Device::Cpu)?));
    tensors.push(("sums".into(), Tensor::new(&[sums.energy, *train_s], &Device::Cpu)?));
    let counters = [
        recorded.map_or(-1, i64::from),
        *batches as i64,
        sums.images as i64,
        state.optimizer.steps() as i64,
        tables.metrics as i64,
        tables.timing as i64,
    ];
    tensors.push(("counters".into(), Tensor::new(&counters, &Device::Cpu)?));
    let metadata = HashMap::from([("version".into(), VERSION.into()), ("run".into(), run_id.to_owned())]);
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|e| Error::Run(format!("the checkpoint cannot be serialised ({e})")))?;
    write_atomically(path, &bytes)
}

/// Puts what `path` holds into `state`, which has the sizes of the run; gives the lengths of the tables.
///
/// # Errors
/// Why the file cannot be used, as a sentence. `state` may then be half changed and must be made anew.
pub fn load(path: &Path, run_id: &str, state: &mut State) -> Result<TableLengths, String> {
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| e.to_string())?;
    let metadata = header.metadata().clone().unwrap_or_default();
    if metadata.get("version").map(String::as_str) != Some(VERSION) {
        return Err("it was written by another version".into());
    }
    if metadata.get("run").map(String::as_str) != Some(run_id) {
        return Err("it belongs to another run".into());
    }
    let mut tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|e| e.to_string())?;
    let mut take = |name: &str| tensors.remove(name).ok_or_else(|| format!("it lacks {name}"));
    let text = |e: candle_core::Error| e.to_string();

    for (name, parameter) in state.model.parameters() {
        let saved = take(&format!("model.{name}"))?;
        if saved.shape() != parameter.shape() {
            return Err(format!("{name} has another shape"));
        }
        parameter.set(&saved.to_device(parameter.device()).map_err(text)?).map_err(text)?;
    }
    let mut terms = |name: &str| -> Result<Terms<f64>, String> {
        let cells = take(name)?.to_vec1::<f64>().map_err(text)?;
        if cells.len() != Term::ALL.len() {
            return Err(format!("{name} has another length"));
        }
        let there = Term::ALL.into_iter().zip(cells).filter(|(_, value)| !value.is_nan());
        Ok(there.fold(Terms::default(), |all, (term, value)| all.with(term, value)))
    };
    let ledgers = Ledgers { canonical: terms("sums.canonical")?, weighted: terms("sums.weighted")? };
    let numbers = take("sums")?.to_vec1::<f64>().map_err(text)?;
    let counters = take("counters")?.to_vec1::<i64>().map_err(text)?;
    let (&[energy, train_s], &[recorded, batches, images, steps, metrics, timing]) =
        (numbers.as_slice(), counters.as_slice())
    else {
        return Err("its counters have another length".into());
    };
    let count = |n: i64| u64::try_from(n).map_err(|_| "a counter is negative".to_owned());
    let slots = state.optimizer.state().map_err(text)?.len();
    let saved = (0..slots).map(|i| take(&format!("optimizer.{i:03}"))).collect::<Result<Vec<_>, _>>()?;
    state.optimizer.restore(count(steps)?, saved).map_err(text)?;
    state.progress = ResumePoint {
        recorded: u32::try_from(recorded).ok(),
        batches: count(batches)? as usize,
        sums: EpochSums { images: count(images)?, ledgers, energy },
        train_s,
    };
    Ok(TableLengths { metrics: count(metrics)?, timing: count(timing)? })
}
