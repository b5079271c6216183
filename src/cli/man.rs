//! `vae-bench man`: the manual pages.

use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, Command};

use crate::error::{Error, ExitCode, Result};
use crate::terminal::{print, print_line};

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command whose page to print, such as sweep [default: vae-bench itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this directory (man1 of a MANPATH)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Prints one manual page in roff, or writes all.
pub(super) fn run(args: &ManArgs, mut root: Command) -> Result<ExitCode> {
    root.build();
    if let Some(dir) = &args.out {
        std::fs::create_dir_all(dir).map_err(|e| Error::output(dir, "create", e))?;
        let mut count = 0;
        write_all(&root, "vae-bench", dir, &mut count)?;
        print_line(&format!("{}: {count} pages", dir.display()));
        return Ok(ExitCode::Done);
    }
    let mut command = &root;
    for word in &args.command {
        command = command.find_subcommand(word).ok_or_else(|| {
            Error::Usage(format!(
                "man {}: there is no such command; `vae-bench --help` lists them",
                args.command.join(" ")
            ))
        })?;
    }
    print(page(command)?);
    Ok(ExitCode::Done)
}

fn write_all(command: &Command, name: &str, dir: &std::path::Path, count: &mut usize) -> Result<()> {
    let path = dir.join(format!("{name}.1"));
    std::fs::write(&path, page(command)?).map_err(|e| Error::output(&path, "write", e))?;
    *count += 1;
    for subcommand in command.get_subcommands().filter(|c| c.get_name() != "help" && !c.is_hide_set()) {
        write_all(subcommand, &format!("{name}-{}", subcommand.get_name()), dir, count)?;
    }
    Ok(())
}

/// The page of `command`, in roff; examples keep their columns.
fn page(command: &Command) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::Run(format!("the manual page cannot be made ({e})"));
    let without_examples = command.clone().after_help(Resettable::Reset).after_long_help(Resettable::Reset);
    let mut text = Vec::new();
    clap_mangen::Man::new(without_examples).render(&mut text).map_err(failed)?;
    if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
        let mut lines = String::from(".SH EXTRA\n.nf\n");
        for line in after.to_string().lines() {
            // A dot or a quote at the start of a line would be a request to roff.
            let line = line.replace('\\', "\\\\").replace('-', "\\-");
            let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
            lines.push_str(&format!("{guard}{line}\n"));
        }
        lines.push_str(".fi\n");
        let text_so_far = String::from_utf8_lossy(&text).into_owned();
        // Before the version, which is the last section.
        let at = text_so_far.find(".SH VERSION").unwrap_or(text_so_far.len());
        text = [&text_so_far[..at], &lines, &text_so_far[at..]].concat().into_bytes();
    }
    Ok(text)
}
