//! `vae-bench completions`: a script for the shell that completes commands, flags and choices.

use clap::Args;
use clap_complete::Shell;

use crate::error::{ExitCode, Result};
use crate::terminal::print;

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints the script that completes `command`.
pub(super) fn run(args: &CompletionsArgs, mut command: clap::Command) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "vae-bench", &mut script);
    print(script);
    Ok(ExitCode::Done)
}
