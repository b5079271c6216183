//! `vae-bench clean`: drops what finished runs no longer need.

use std::path::PathBuf;

use clap::Args;

use super::run_names::named;
use crate::error::{ExitCode, Result};
use crate::run::{drop_finished_checkpoint, finished_checkpoint};
use crate::sweep::find_runs;
use crate::terminal::{print_text, warn};

const HELP: &str = "\
A run keeps its checkpoint when it is finished, so that the same command with more --epochs goes on from it; a sweep drops
them unless --keep-checkpoints is given. Everything else of a run stays: settings, tables, trained weights, images.";

/// Arguments of `clean`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct CleanArgs {
    /// Run directories, or directories that hold them
    #[arg(value_name = "RUNS", default_value = "results/runs", env = "VAE_BENCH_OUT", hide_env = true)]
    pub runs: Vec<PathBuf>,
    /// Say what would be dropped; drop nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Drops the checkpoints of finished runs.
pub(super) fn run(args: &CleanArgs) -> Result<ExitCode> {
    let (mut count, mut bytes, mut code) = (0, 0u64, ExitCode::Done);
    for dir in find_runs(&named(&args.runs)?)? {
        let Some(size) = finished_checkpoint(&dir) else { continue };
        let freed = if args.dry_run { Ok(size) } else { drop_finished_checkpoint(&dir) };
        match freed {
            Ok(0) => {}
            Ok(freed) => {
                count += 1;
                bytes += freed;
            }
            Err(why) => {
                warn(&why.to_string());
                code = ExitCode::RunFailed;
            }
        }
    }
    let (verb, megabytes) = (if args.dry_run { "would free" } else { "freed" }, bytes as f64 / 1e6);
    let finished = if count == 1 { "1 finished run".to_owned() } else { format!("{count} finished runs") };
    print_text(&format!("{verb} {megabytes:.1} MB: the checkpoints of {finished}\n"));
    Ok(code)
}
