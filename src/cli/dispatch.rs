//! Parses the command line and hands it to the command.

use std::io::IsTerminal;

use clap::CommandFactory;

use super::args::{Cli, Command};
#[cfg(unix)]
use super::signals::survive_file_size_limit;
use super::usage::usage_error;
use super::variables;
use super::{completions, data, eval, explain, export, man, merge, plot, presets, probe, report, sweep, train, verify};
use crate::error::{Error, ExitCode, Result};
use crate::terminal::{self, print, say};
use kernels::{Isa, pages};

/// Does what the command line says.
///
/// # Errors
/// Anything that keeps it from being done, with its exit code, and an output on stdout that is incomplete.
pub fn main() -> Result<ExitCode> {
    let code = match variables::parse(&std::env::args_os().collect::<Vec<_>>()) {
        Ok(cli) => run(cli)?,
        Err(error) if error.use_stderr() => return Err(usage_error(error)),
        Err(help) => {
            let text = help.render();
            let styled = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            print(if styled { text.ansi().to_string() } else { text.to_string() });
            ExitCode::Done
        }
    };
    match (terminal::stdout_is_complete(), code) {
        (Ok(()), code) => Ok(code),
        (Err(incomplete), ExitCode::Done) => Err(incomplete),
        // Why the command ended as it did tells a scheduler more than that its output is incomplete.
        (Err(incomplete), code) => {
            say(&format!("error: {incomplete}"));
            Ok(code)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    Isa::from_env().map_err(|refused| Error::Usage(refused.to_string()))?;
    pages::prefer_large();
    #[cfg(unix)]
    survive_file_size_limit();
    match cli.command {
        None => train::run(&cli.run),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Probe(args)) => probe::run(&args),
        Some(Command::Presets(args)) => presets::run(&args),
        Some(Command::Eval(args)) => eval::run(&args),
        Some(Command::Sweep(args)) => sweep::sweep(&args),
        Some(Command::Status(args)) => sweep::status(&args),
        Some(Command::Merge(args)) => merge::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Verify(args)) => verify::run(&args),
        Some(Command::Plot(args)) => plot::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Data { action }) => data::run(&action),
        Some(Command::Completions(args)) => completions::run(&args, Cli::command()),
        Some(Command::Man) => man::run(Cli::command()),
    }
}
