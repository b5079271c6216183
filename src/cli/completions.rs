//! `vae-bench completions`: a script for the shell that completes commands, flags and choices.

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::{ExitCode, Result};
use crate::spec::presets::{PRESETS, VQ_PRESETS};
use crate::terminal::print;

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints the script that completes `command`.
pub(super) fn run(args: &CompletionsArgs, command: Command) -> Result<ExitCode> {
    // In memory first: clap_complete panics where its output cannot be written.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut with_preset_names(command), "vae-bench", &mut script);
    match args.shell {
        Shell::Bash => print(with_reachable_labels(&String::from_utf8_lossy(&script))),
        _ => print(script),
    }
    Ok(ExitCode::Done)
}

/// The command, with the presets' names as the values of every `--preset`; help and errors list them in other ways.
fn with_preset_names(command: Command) -> Command {
    let command = if command.get_arguments().any(|arg| arg.get_id() == "preset") {
        let names = PossibleValuesParser::new(PRESETS.iter().chain(VQ_PRESETS).map(|preset| preset.name));
        command.mut_arg("preset", |arg| arg.value_parser(names))
    } else {
        command
    };
    command.mut_subcommands(with_preset_names)
}

/// clap_complete takes the `-` of a program's name for a subcommand's, but only in the labels that its walker jumps to
/// (clap-rs/clap#6421, seen in 4.6.11), so that nothing is completed after a subcommand.
fn with_reachable_labels(script: &str) -> String {
    script.replace("vae__subcmd__bench__", "vae__bench__")
}
