//! Tells the program which source and which candle it is made of, for `--version` and `run.json`.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    for file in [".git/HEAD", ".git/refs/heads", ".git/packed-refs"] {
        if Path::new(file).exists() {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    println!("cargo:rustc-env=VAE_BENCH_COMMIT={}", commit().unwrap_or_default());
    println!("cargo:rustc-env=VAE_BENCH_CANDLE={}", candle_version().unwrap_or_else(|| "unknown".into()));
}

/// The commit of this checkout; none in a packaged source.
fn commit() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version of candle-core in the lock file.
fn candle_version() -> Option<String> {
    let lock = std::fs::read_to_string("Cargo.lock").ok()?;
    let after = lock.split("name = \"candle-core\"\nversion = \"").nth(1)?;
    Some(after.split('"').next()?.to_owned())
}
