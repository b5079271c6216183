//! `vae-bench verify`: every file of runs held against what the runs have recorded of it.

use std::path::PathBuf;

use clap::Args;

use super::run_names::named;
use crate::error::{Error, ExitCode, Result};
use crate::run::{Records, verify_run};
use crate::sweep::find_runs;
use crate::terminal::print_text;

const AFTER: &str = "\
A finished run lists the SHA-256 of its files in run.json; an unfinished run that of its checkpoint, and of the rows of its \
tables up to the checkpoint. Each file is a line: ok or FAILED, its SHA-256, its path. A run without such a list is from an \
earlier version: `unlisted`.

A run with a FAILED file is made whole by the command that began it, or repeated with --force.

Exit codes: 0 no file failed, 1 a file failed.";

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct VerifyArgs {
    /// Run directories, or directories that hold them
    #[arg(required = true, value_name = "DIR")]
    pub runs: Vec<PathBuf>,
}

/// Checks each file of each run, says what was found for each, and fails if one is not as it was written.
pub(super) fn run(args: &VerifyArgs) -> Result<ExitCode> {
    let (mut files, mut failed) = (0, 0);
    for dir in find_runs(&named(&args.runs)?)? {
        let found = verify_run(&dir);
        let mut text = match found.records {
            Records::Kept => String::new(),
            Records::None => format!("unlisted  {}\n", dir.path().display()),
        };
        for checked in &found.files {
            let path = dir.path().join(&checked.file);
            files += 1;
            match &checked.content {
                Ok(sha256) => text.push_str(&format!("ok      {sha256}  {}\n", path.display())),
                Err(why) => {
                    failed += 1;
                    text.push_str(&format!("FAILED  {}: {why}\n", path.display()));
                }
            }
        }
        print_text(&text);
    }
    if failed > 0 {
        return Err(Error::Run(format!(
            "{failed} of {files} files are not as they were written; the command that began a run makes it whole, or \
             repeats it with --force"
        )));
    }
    Ok(ExitCode::Done)
}
