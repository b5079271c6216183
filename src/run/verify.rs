//! Every file of a run held against what the run has recorded of it.

use super::checkpoint;
use super::table::{TableFault, TableMark, marked};
use crate::files::{MOST_TEXT, MOST_WEIGHTS, read_regular};
use crate::records::{CheckedFile, Extent, Manifest, RunDir, Status, check_files, sha256};

/// A run whose files were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRun {
    /// Each file that has a record of its content.
    pub files: Vec<CheckedFile>,
    /// Whether there are such records.
    pub records: Records,
}

/// Whether a run has recorded what its files hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// It has.
    Kept,
    /// An earlier version made it, which kept none.
    None,
}

/// Checks the files of the run in `dir`: of a finished run those that `run.json` lists, of an unfinished one the checkpoint
/// and the rows that it speaks of.
pub fn verify_run(dir: &RunDir) -> VerifiedRun {
    let manifest = match Manifest::read(&dir.manifest()) {
        Ok(manifest) => manifest,
        Err(why) => {
            let files = vec![CheckedFile { file: "run.json".to_owned(), content: Err(why) }];
            return VerifiedRun { files, records: Records::Kept };
        }
    };
    if manifest.generation.is_none() {
        return VerifiedRun { files: Vec::new(), records: Records::None };
    }
    let own = read_regular(&dir.manifest(), MOST_TEXT).map(|text| sha256(&text)).map_err(|e| e.to_string());
    let mut files = vec![CheckedFile { file: "run.json".to_owned(), content: own }];
    files.extend(check_files(dir, &manifest, Extent::All));
    match manifest.status {
        Status::Completed | Status::Diverged => {
            if dir.checkpoint().exists() {
                files.push(checkpoint_of(dir, &manifest).0);
            }
        }
        Status::Running | Status::Interrupted => {
            if dir.checkpoint().exists() {
                let (file, marks) = checkpoint_of(dir, &manifest);
                files.push(file);
                files.extend(marks.into_iter().flatten());
            }
        }
    }
    VerifiedRun { files, records: Records::Kept }
}

/// The checkpoint, and the tables as far as it speaks of them.
fn checkpoint_of(dir: &RunDir, manifest: &Manifest) -> (CheckedFile, Option<[CheckedFile; 2]>) {
    let file = |content| CheckedFile { file: "checkpoint/state.safetensors".to_owned(), content };
    let bytes = match read_regular(&dir.checkpoint(), MOST_WEIGHTS) {
        Ok(bytes) => bytes,
        Err(e) => return (file(Err(e.to_string())), None),
    };
    match checkpoint::marks(&bytes, &manifest.run) {
        Err(why) => (file(Err(why.to_string())), None),
        Ok((metrics, timing)) => {
            let tables = [("metrics.csv", metrics), ("timing.csv", timing)].map(|(name, mark)| table(dir, name, &mark));
            (file(Ok(sha256(&bytes))), Some(tables))
        }
    }
}

fn table(dir: &RunDir, name: &str, mark: &TableMark) -> CheckedFile {
    let content = match marked(&dir.path().join(name), mark) {
        Ok(content) => Ok(sha256(&content)),
        Err(TableFault::Lost(why) | TableFault::Changed(why)) => Err(why),
    };
    CheckedFile { file: name.to_owned(), content }
}
