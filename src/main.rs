//! `vae-bench`: parse, dispatch, print the error, exit.

use std::process::ExitCode;

use vae_bench::terminal;

fn main() -> ExitCode {
    match vae_bench::cli::main() {
        Ok(code) => ExitCode::from(code as u8),
        Err(error) => {
            terminal::say(&format!("error: {error}"));
            ExitCode::from(error.exit_code() as u8)
        }
    }
}
