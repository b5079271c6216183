//! `vae-bench completions`: a script for the shell that completes commands, flags and choices.

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::{ExitCode, Result};
use crate::spec::Settings;
use crate::spec::presets::{PRESETS, VQ_PRESETS};
use crate::sweep::RESULTS;
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
    clap_complete::generate(args.shell, &mut with_names(command), "vae-bench", &mut script);
    match args.shell {
        Shell::Bash => print(with_reachable_labels(&String::from_utf8_lossy(&script))),
        Shell::Fish => print(for_fish(&String::from_utf8_lossy(&script))),
        _ => print(script),
    }
    Ok(ExitCode::Done)
}

/// The command, with the names of presets, settings and results as the values of the flags that take them; help and errors
/// list them in other ways.
fn with_names(command: Command) -> Command {
    let command = if command.get_arguments().any(|arg| arg.get_id() == "preset") {
        let names = PossibleValuesParser::new(PRESETS.iter().chain(VQ_PRESETS).map(|preset| preset.name));
        command.mut_arg("preset", |arg| arg.value_parser(names))
    } else {
        command
    };
    let command = command.mut_args(|arg| {
        // Flags whose values are names of settings or results.
        if ["sort", "x", "y", "color", "facet"].contains(&arg.get_id().as_str()) {
            let names = Settings::names().iter().map(String::as_str).chain(RESULTS);
            return arg.value_parser(PossibleValuesParser::new(names.collect::<Vec<_>>()));
        }
        // Settings that a help page leaves out are completed all the same.
        if arg.is_positional() { arg } else { arg.hide(false) }
    });
    command.mut_subcommands(with_names)
}

/// clap_complete takes the `-` of a program's name for a subcommand's, but only in the labels that its walker jumps to
/// (clap-rs/clap#6421, seen in 4.6.11), so that nothing is completed after a subcommand.
fn with_reachable_labels(script: &str) -> String {
    script.replace("vae__subcmd__bench__", "vae__bench__")
}

/// Mends two faults of clap_complete's script for fish (seen in 4.6.11): values and their help are put between double quotes, and
/// quotes within them are left as they are, so that fish refuses the flag; and a flag of the program itself whose value is
/// being typed has none yet, so that fish's `argparse` fails and nothing is completed.
fn for_fish(script: &str) -> String {
    const BEGIN: &str = " -a \"";
    const PARSE: &str = "    argparse -s (__fish_vae_bench_global_optspecs) -- $cmd 2>/dev/null\n";
    const PARSE_WITHOUT_LAST: &str =
        "    or argparse -s (__fish_vae_bench_global_optspecs) -- $cmd[1..-2] 2>/dev/null\n";
    let mut pieces = script.split(BEGIN);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let ends = ["\"\ncomplete ", "\" -d '"].into_iter().filter_map(|end| piece.find(end));
        let end = ends.min().or_else(|| piece.rfind('"')).unwrap_or(piece.len());
        let values = piece[..end].replace('"', "\\\"").replace('$', "\\$");
        text.extend([BEGIN, &values, &piece[end..]]);
    }
    text.replace(PARSE, &format!("{PARSE}{PARSE_WITHOUT_LAST}"))
}
