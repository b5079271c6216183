//! `VAE_BENCH_*` variables: each stands for a flag of the command that is called, and for no other command's.
//!
//! Clap reads the variables of a run's flags even where a subcommand is called, so that a bad `VAE_BENCH_LR` would stop
//! `merge`. The command line is therefore parsed twice: without variables, to learn which command is called and to judge
//! what was typed, and then with the variables of that command. What fails then alone is a variable's fault.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, Command, FromArgMatches};

/// Parses `words` as `full` says, and the variables of the command that they call.
///
/// # Errors
/// Clap's, which names the variable where a variable is wrong; and help, where help was asked for.
pub(super) fn parse<C: FromArgMatches>(full: Command, words: &[OsString]) -> Result<C, clap::Error> {
    let typed = match without_variables(full.clone()).try_get_matches_from(words) {
        Ok(typed) => typed,
        Err(error) if error.use_stderr() => return Err(error),
        // Help lists the variables.
        Err(help) => return Err(full.clone().try_get_matches_from(words).err().unwrap_or(help)),
    };
    let command = with_variables_of(full, &typed);
    let matches =
        command.clone().try_get_matches_from(words).map_err(|e| name_variable(e, called(&command, &typed)))?;
    C::from_arg_matches(&matches)
}

/// The command without any variable, and so its subcommands.
pub(super) fn without_variables(command: Command) -> Command {
    command.mut_args(|arg| arg.env(Resettable::Reset)).mut_subcommands(without_variables)
}

/// The command with the variables of the subcommand that `matches` call, and no others on the way to it.
fn with_variables_of(command: Command, matches: &ArgMatches) -> Command {
    match matches.subcommand() {
        None => command,
        Some((name, matches)) => command
            .mut_args(|arg| arg.env(Resettable::Reset))
            .mut_subcommand(name, |subcommand| with_variables_of(subcommand, matches)),
    }
}

/// The subcommand that `matches` call.
fn called<'a>(command: &'a Command, matches: &ArgMatches) -> &'a Command {
    let next = matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
    next.map_or(command, |(command, matches)| called(command, matches))
}

/// The error with the variable's name in front of the flag's.
fn name_variable(mut error: clap::Error, command: &Command) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (Some(shown), value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue)) else { return error };
    let variable = command.get_arguments().find_map(|arg| {
        let name = arg.get_env()?.to_string_lossy().into_owned();
        let given = std::env::var_os(&name)?;
        let meant = match arg.get_long() {
            Some(long) => shown.split([' ', '=']).next() == Some(format!("--{long}").as_str()),
            None => value.as_deref() == given.to_str(),
        };
        meant.then_some(name)
    });
    if let Some(name) = variable {
        error.insert(ContextKind::InvalidArg, ContextValue::String(format!("{name} ({shown})")));
    }
    error
}
