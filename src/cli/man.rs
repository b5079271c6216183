//! `vae-bench man`: the manual page.

use crate::error::{Error, ExitCode, Result};
use crate::terminal::print;

/// Prints the manual page of `command` in roff.
pub(super) fn run(command: clap::Command) -> Result<ExitCode> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|e| Error::Run(format!("the manual page cannot be made ({e})")))?;
    print(page);
    Ok(ExitCode::Done)
}
