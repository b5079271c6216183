//! `vae-bench init`: a sweep file to begin with.

use std::path::PathBuf;

use clap::Args;

use crate::error::{Error, ExitCode, Result};
use crate::files::write_atomically;
use crate::terminal::print_text;
use crate::text::shell_quote;

/// A sweep that takes a minute or two and shows the effect of a reduction.
const EXAMPLE: &str = include_str!("init.toml");

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The sweep file to write
    #[arg(value_name = "FILE.toml", default_value = "sweep.toml")]
    pub file: PathBuf,
}

/// Writes the file, and says what to do with it.
pub(super) fn run(args: &InitArgs) -> Result<ExitCode> {
    if args.file.exists() {
        return Err(Error::Usage(format!("{}: exists already; name another file", args.file.display())));
    }
    write_atomically(&args.file, EXAMPLE.as_bytes())?;
    let file = shell_quote(&args.file.display().to_string());
    print_text(&format!(
        "wrote    {}\nlook     vae-bench sweep {file} --dry-run\nrun      vae-bench sweep {file}\n",
        args.file.display()
    ));
    Ok(ExitCode::Done)
}
