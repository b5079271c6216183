//! Reads a run directory and prints its settings and its test rows.
//!
//!     cargo run --release --example read_records -- results/runs/RUN

use std::error::Error;

use vae_bench::metrics::Split;
use vae_bench::records::{RunDir, RunRecord};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a run directory: read_records -- results/runs/RUN")?;
    let run = RunRecord::read(&RunDir::new(path))?;
    println!("{}: {:?} on {}", run.manifest.run, run.manifest.status, run.manifest.data.name.name());
    for (setting, value) in run.settings.given() {
        println!("  {setting} = {value}");
    }
    println!("epoch  R         K");
    for row in run.metrics.iter().filter(|row| row.split == Split::Test) {
        println!("{:>5}  {:<9.3} {:.4}", row.epoch, row.recon(), row.kl());
    }
    Ok(())
}
