//! `vae-bench`: parse, dispatch, print the error, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    match vae_bench::cli::main() {
        Ok(code) => ExitCode::from(code as u8),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code() as u8)
        }
    }
}
