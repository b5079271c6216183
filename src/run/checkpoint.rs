//! What resume needs, in one file that is replaced atomically: weights, optimiser state, where the epoch stands, and what the
//! tables held. The file carries the SHA-256 of its own content.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors, View};
use sha2::{Digest, Sha256};

use super::table::TableMark;
use crate::error::{Error, Result, first_line};
use crate::files::{MOST_WEIGHTS, read_regular};
use crate::objective::Control;
use crate::optimizer::Slot;
use crate::records::hexadecimal;
use crate::terms::{Ledgers, Term, Terms};
use crate::train::{EpochSums, ResumePoint, State, Task};

/// The layout of the file; raised when it changes, so that an older program does not misread it.
const VERSION: u32 = 3;

/// Stands for the file's own digest while that is computed.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What stands before the digest in the file's header.
const DIGEST_KEY: &[u8] = b"\"sha256\":\"";

/// What a checkpoint says beside the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The generation of the lock under which it was written; none in those of earlier versions.
    pub(super) generation: Option<u64>,
    /// The generation that began the run at its first epoch.
    pub(super) attempt: Option<u64>,
    /// `metrics.csv` at that time.
    pub(super) metrics: TableMark,
    /// `timing.csv` at that time.
    pub(super) timing: TableMark,
}

/// Why a checkpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CheckpointFault {
    /// It is missing, damaged, or another run's.
    Unusable(String),
    /// A later version of this program wrote it.
    Newer(String),
}

impl From<String> for CheckpointFault {
    fn from(why: String) -> Self {
        CheckpointFault::Unusable(why)
    }
}

impl From<&str> for CheckpointFault {
    fn from(why: &str) -> Self {
        CheckpointFault::Unusable(why.to_owned())
    }
}

impl std::fmt::Display for CheckpointFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CheckpointFault::Unusable(why) | CheckpointFault::Newer(why) => f.write_str(why),
        }
    }
}

/// What goes into a checkpoint file. The moments, twice the model's size, are read where they are.
enum Saved<'a> {
    Tensor(Tensor),
    Floats(&'a [f32], [usize; 1]),
}

impl View for Saved<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Saved::Tensor(tensor) => View::dtype(tensor),
            Saved::Floats(..) => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Saved::Tensor(tensor) => View::shape(tensor),
            Saved::Floats(_, shape) => shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self {
            Saved::Tensor(tensor) => View::data(tensor),
            Saved::Floats(values, _) => {
                let mut bytes = vec![0; self.data_len()];
                let (cells, _) = bytes.as_chunks_mut::<4>();
                cells.iter_mut().zip(*values).for_each(|(cell, value)| *cell = value.to_le_bytes());
                Cow::Owned(bytes)
            }
        }
    }

    fn data_len(&self) -> usize {
        match self {
            Saved::Tensor(tensor) => View::data_len(tensor),
            Saved::Floats(values, _) => size_of_val(*values),
        }
    }
}

/// `state` and `mark` as the bytes of a checkpoint file.
pub(super) fn serialize(run_id: &str, state: &State, mark: &Mark) -> Result<Vec<u8>> {
    let mut tensors: Vec<(String, Saved<'_>)> = Vec::new();
    for (name, parameter) in state.model.parameters() {
        tensors.push((format!("model.{name}"), Saved::Tensor(parameter.as_tensor().clone())));
    }
    for (name, buffer) in state.model.buffers() {
        tensors.push((format!("buffer.{name}"), Saved::Tensor(buffer.as_tensor().clone())));
    }
    for (i, slot) in state.optimizer.state().enumerate() {
        let slot = match slot {
            Slot::Host(values) => Saved::Floats(values, [values.len()]),
            Slot::Tensor(tensor) => Saved::Tensor(tensor.clone()),
        };
        tensors.push((format!("optimizer.{i:03}"), slot));
    }
    let ResumePoint { recorded, batches, sums, train_s } = &state.progress;
    // As tensors, the sums keep every bit; NaN stands for a term that the model does not have.
    let cells = |terms: &Terms<f64>| Term::ALL.map(|term| terms.get(term).copied().unwrap_or(f64::NAN));
    let of = |cells: &[f64]| Tensor::new(cells, &Device::Cpu).map(Saved::Tensor);
    tensors.push(("sums.canonical".into(), of(&cells(&sums.ledgers.canonical))?));
    tensors.push(("sums.weighted".into(), of(&cells(&sums.ledgers.weighted))?));
    // Of a run that finds no weight there is nothing to remember, and its checkpoints are as they always were.
    if let Some(numbers) = control_numbers(state.control) {
        tensors.push(("control".into(), of(&numbers)?));
    }
    tensors.push(("sums".into(), of(&[sums.energy, *train_s])?));
    let counters = [
        recorded.map_or(-1, i64::from),
        *batches as i64,
        sums.images as i64,
        state.optimizer.steps() as i64,
        mark.metrics.length as i64,
        mark.timing.length as i64,
    ];
    tensors.push(("counters".into(), Saved::Tensor(Tensor::new(&counters, &Device::Cpu)?)));
    let facts = [
        ("version", Some(VERSION.to_string())),
        ("run", Some(run_id.to_owned())),
        ("sha256", Some(NO_DIGEST.to_owned())),
        ("generation", mark.generation.map(|g| g.to_string())),
        ("attempt", mark.attempt.map(|a| a.to_string())),
        ("metrics", mark.metrics.sha256.clone()),
        ("timing", mark.timing.sha256.clone()),
    ];
    let metadata: HashMap<_, _> =
        facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let cannot = |why: &dyn std::fmt::Display| Error::Run(format!("the checkpoint cannot be serialised ({why})"));
    let mut bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|e| cannot(&e))?;
    if !seal_checkpoint(&mut bytes) {
        return Err(cannot(&"it has no place for its digest"));
    }
    Ok(bytes)
}

/// What a controller remembers, as numbers; NaN stands for an average of nothing.
fn control_numbers(control: Control) -> Option<[f64; 2]> {
    match control {
        Control::Fixed => None,
        Control::Geco { lambda, average } => Some([lambda, average.unwrap_or(f64::NAN)]),
        Control::ControlVae { integral, unclamped } => Some([integral, unclamped]),
    }
}

/// What the numbers say to the controller that remembers `untrained` before its first batch.
fn control_of(untrained: Control, [one, other]: [f64; 2]) -> Option<Control> {
    match untrained {
        Control::Fixed => None,
        Control::Geco { .. } if one.is_finite() && one > 0.0 && !other.is_infinite() => {
            Some(Control::Geco { lambda: one, average: Some(other).filter(|average| !average.is_nan()) })
        }
        Control::ControlVae { .. } if one.is_finite() && other.is_finite() => {
            Some(Control::ControlVae { integral: one, unclamped: other })
        }
        Control::Geco { .. } | Control::ControlVae { .. } => None,
    }
}

/// Writes the digest of a checkpoint file into its place; false where the file has no such place.
pub fn seal_checkpoint(bytes: &mut [u8]) -> bool {
    let Some((digest, at)) = own_digest(bytes) else { return false };
    bytes[at..at + digest.len()].copy_from_slice(digest.as_bytes());
    true
}

/// Puts the state saved in the checkpoint file `bytes` of the run `run_id` into `state`, which has the sizes of the run.
///
/// # Errors
/// Why the file cannot be used, as a sentence. `state` may then be half changed and must be made anew.
pub fn read_checkpoint(bytes: &[u8], run_id: &str, task: &Task<'_>, state: &mut State) -> Result<(), String> {
    parse(bytes, run_id, task, state).map(|_| ()).map_err(|why| why.to_string())
}

/// SHA-256 of a checkpoint file with zeros in place of its own digest, and where that digest stands.
fn own_digest(bytes: &[u8]) -> Option<(String, usize)> {
    let at = bytes.windows(DIGEST_KEY.len()).position(|window| window == DIGEST_KEY)? + DIGEST_KEY.len();
    let after = bytes.get(at + NO_DIGEST.len()..)?;
    let hash = Sha256::new().chain_update(&bytes[..at]).chain_update(NO_DIGEST).chain_update(after);
    Some((hexadecimal(&hash.finalize()), at))
}

/// What the checkpoint file `bytes`, whose digest is right, says of `metrics.csv` and `timing.csv`.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn marks(bytes: &[u8], run_id: &str) -> Result<(TableMark, TableMark), CheckpointFault> {
    let facts = facts(bytes, run_id)?;
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|e| first_line(&e))?;
    let counters = tensors.get("counters").ok_or("it lacks counters")?;
    let counters = counters.to_vec1::<i64>().map_err(|e| first_line(&e))?;
    let &[_, _, _, _, metrics, timing] = counters.as_slice() else {
        return Err("its counters have another length".into());
    };
    Ok((mark(&facts, "metrics", metrics)?, mark(&facts, "timing", timing)?))
}

fn mark(facts: &HashMap<String, String>, table: &str, length: i64) -> Result<TableMark, String> {
    let length = u64::try_from(length).map_err(|_| format!("the length of {table}.csv is negative"))?;
    Ok(TableMark { length, sha256: facts.get(table).cloned() })
}

/// The metadata of a checkpoint file, whose digest is right.
fn facts(bytes: &[u8], run_id: &str) -> Result<HashMap<String, String>, CheckpointFault> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| first_line(&e))?;
    let facts = header.metadata().clone().unwrap_or_default();
    match facts.get("version").and_then(|version| version.parse::<u32>().ok()) {
        Some(VERSION) => {
            let sound = own_digest(bytes).is_some_and(|(digest, _)| facts.get("sha256") == Some(&digest));
            if !sound {
                return Err("it is damaged: its content has another SHA-256 than it says".into());
            }
        }
        // Not a flipped bit: the version of such a file could not be trusted, and it would be lost.
        Some(later) if later > VERSION => {
            return Err(CheckpointFault::Newer(format!("a later version of vae-bench wrote it (layout {later})")));
        }
        Some(_) | None => return Err("it does not say which version wrote it".into()),
    }
    if facts.get("run").map(String::as_str) != Some(run_id) {
        return Err("it belongs to another run".into());
    }
    Ok(facts)
}

/// The state saved in the file at `path`, put into `state`, which has the sizes of the run; gives what it says besides.
///
/// # Errors
/// Why the file cannot be used. `state` may then be half changed and must be made anew.
pub(super) fn load(path: &Path, run_id: &str, task: &Task<'_>, state: &mut State) -> Result<Mark, CheckpointFault> {
    let bytes = read_regular(path, MOST_WEIGHTS).map_err(|e| first_line(&e))?;
    parse(&bytes, run_id, task, state)
}

fn parse(bytes: &[u8], run_id: &str, task: &Task<'_>, state: &mut State) -> Result<Mark, CheckpointFault> {
    let facts = facts(bytes, run_id)?;
    let mut tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|e| first_line(&e))?;
    let mut take = |name: &str| tensors.remove(name).ok_or_else(|| format!("it lacks {name}"));
    let text = |e: candle_core::Error| first_line(&e);

    let parameters = state.model.parameters().iter().map(|named| ("model", named));
    for (kind, (name, parameter)) in parameters.chain(state.model.buffers().iter().map(|named| ("buffer", named))) {
        let saved = take(&format!("{kind}.{name}"))?;
        if saved.shape() != parameter.shape() {
            return Err(format!("{name} has another shape").into());
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
    check_counters(task, count(recorded)?, count(batches)?, count(images)?, count(steps)?)?;
    let slots = state.optimizer.state().count();
    let saved = (0..slots).map(|i| take(&format!("optimizer.{i:03}"))).collect::<Result<Vec<_>, _>>()?;
    state.optimizer.restore(count(steps)?, saved).map_err(text)?;
    if task.objective.control() != Control::Fixed {
        let numbers = take("control")?.to_vec1::<f64>().map_err(text)?;
        let numbers = <[f64; 2]>::try_from(numbers).map_err(|_| "control has another length".to_owned())?;
        state.control = control_of(task.objective.control(), numbers).ok_or("control holds no such numbers")?;
    }
    state.progress = ResumePoint {
        recorded: u32::try_from(recorded).ok(),
        batches: count(batches)? as usize,
        sums: EpochSums { images: count(images)?, ledgers, energy },
        train_s,
    };
    let number = |name: &str| facts.get(name).and_then(|value| value.parse().ok());
    Ok(Mark {
        generation: number("generation"),
        attempt: number("attempt"),
        metrics: mark(&facts, "metrics", metrics)?,
        timing: mark(&facts, "timing", timing)?,
    })
}

/// Holds the counters against the task and against each other.
fn check_counters(task: &Task<'_>, recorded: u64, batches: u64, images: u64, steps: u64) -> Result<(), String> {
    let steps_per_epoch = task.steps_per_epoch();
    let train = task.data.train.len() as u64;
    let seen = batches.saturating_mul(task.batch_size as u64).min(train);
    if recorded > u64::from(task.epochs)
        || batches > steps_per_epoch
        || images != seen
        || Some(steps) != recorded.checked_mul(steps_per_epoch).and_then(|before| before.checked_add(batches))
    {
        return Err(format!(
            "its counters contradict each other: {recorded} epochs, then {batches} batches with {images} images, in {steps} steps"
        ));
    }
    Ok(())
}
