//! A wrong command line, in one line.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::Path;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::{Error, Result};
use crate::text::printable;

/// The command that `words` call: its name as typed, and itself.
pub(super) fn called<'a>(root: &'a Command, words: &[OsString]) -> (String, &'a Command) {
    let (mut path, mut command) = (root.get_name().to_owned(), root);
    for word in words.iter().skip(1).filter_map(|word| word.to_str()) {
        let Some(next) = command.find_subcommand(word) else { break };
        path = format!("{path} {}", next.get_name());
        command = next;
    }
    (path, command)
}

/// Clap's error in one line: what is wrong, what to write instead, and where the command's help is.
pub(super) fn usage_error(error: &clap::Error, path: &str, command: &Command) -> Error {
    // Line breaks in what was typed must not pass for the end of a line.
    Error::Usage(printable(&format!("{}; see `{path} --help`", sentence(error, path, command))).into_owned())
}

fn sentence(error: &clap::Error, path: &str, command: &Command) -> String {
    let text = |kind| strings(error, kind).join(", ");
    let did_you_mean = |kind| match strings(error, kind).as_slice() {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    };
    let argument = text(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (flag, value) = (flag_alone(&argument), text(ContextKind::InvalidValue));
            let why = error.source().map(ToString::to_string);
            let valid = strings(error, ContextKind::ValidValue);
            if value.is_empty() && why.is_none() {
                let choices = if valid.is_empty() { String::new() } else { format!(": {}", valid.join(", ")) };
                return format!("{flag} needs a value{choices}");
            }
            let why = why.unwrap_or_else(|| {
                let suggested = did_you_mean(ContextKind::SuggestedValue);
                format!(
                    "no such choice{suggested}{} there are {}",
                    if suggested.is_empty() { ";" } else { "" },
                    valid.join(", ")
                )
            });
            let directory = if flag == "--output-activation" { "; for the directory of runs write --out" } else { "" };
            format!("{flag} '{value}': {why}{directory}")
        }
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            let elsewhere = match (text(ContextKind::SuggestedSubcommand), text(ContextKind::SuggestedArg)) {
                (command, flag) if !command.is_empty() && !flag.is_empty() => {
                    format!("; did you mean `{command} {flag}`?")
                }
                _ => did_you_mean(ContextKind::SuggestedArg),
            };
            format!("there is no flag {argument}{elsewhere}")
        }
        ErrorKind::UnknownArgument => format!("'{argument}' is one word too many"),
        ErrorKind::InvalidSubcommand => format!(
            "there is no command '{}'{}",
            text(ContextKind::InvalidSubcommand),
            did_you_mean(ContextKind::SuggestedSubcommand)
        ),
        ErrorKind::MissingRequiredArgument => format!("{path} needs {argument}"),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let names: Vec<&str> =
                command.get_subcommands().map(Command::get_name).filter(|name| *name != "help").collect();
            format!("{path} needs one of {}", names.join(", "))
        }
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            prior if argument.is_empty() => format!("{} goes after the name of the command", flag_alone(&prior)),
            prior if prior == argument => format!("{} is given twice", flag_alone(&argument)),
            prior if prior.is_empty() => format!("{} and a command contradict each other", flag_alone(&argument)),
            prior => format!("{} and {} contradict each other", flag_alone(&argument), flag_alone(&prior)),
        },
        _ => flattened(error),
    }
}

/// `--lr` of "--lr <X>"; a variable keeps the flag that it stands for.
fn flag_alone(shown: &str) -> &str {
    if shown.starts_with('-') { shown.split([' ', '=']).next().unwrap_or(shown) } else { shown }
}

/// The strings that an error says of this kind.
fn strings(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// Clap's own sentences in one line, without its usage and its tips.
fn flattened(error: &clap::Error) -> String {
    let text = error.to_string();
    let parts: Vec<&str> = text
        .lines()
        .map(|line| line.trim().trim_start_matches("error: "))
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information") && !line.starts_with("tip:"))
        .collect();
    parts.join("; ")
}

/// Refuses a path that cannot be written into `file` (config.toml, JSON), before any work is done.
///
/// # Errors
/// [`Error::Usage`] where the path is not UTF-8.
pub(super) fn require_utf8(flag: &str, path: &Path, file: &str) -> Result<()> {
    match path.to_str() {
        Some(_) => Ok(()),
        None => Err(Error::Usage(format!(
            "{flag} {}: the path is not UTF-8 and cannot be written into {file}; rename the directory, or link to it \
             under another name",
            path.display()
        ))),
    }
}
