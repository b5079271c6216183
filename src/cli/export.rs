//! `vae-bench export`: what another program needs to replay a run.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::data::DataDirArg;
use super::evaluated_run::dataset_of;
use super::run_args::count;
use super::run_names::RunsIn;
use super::threads::pool;
use crate::error::{Error, ExitCode, Result};
use crate::records::RunRecord;
use crate::spec::RunSpec;
use crate::streams::Streams;
use crate::terminal::print_line;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A run: its directory, its name, or the beginning of its name
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where it is looked up.
    #[command(flatten)]
    pub runs: RunsIn,
    /// Write everything random that the run used into this safetensors file: initial weights, order, noise, binarisation,
    /// and the images
    #[arg(long, value_name = "FILE")]
    pub streams: PathBuf,
    /// Only the first so many epochs [default: all]
    #[arg(long, value_name = "N", value_parser = count::<u32>, allow_negative_numbers = true)]
    pub epochs: Option<u32>,
    /// Write no larger file than this: bytes, or a number with KiB, MiB or GiB
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = size)]
    pub max_size: u64,
    /// Where the data is, if not where it was
    #[command(flatten)]
    pub data: DataDirArg,
}

/// Writes what `args` ask for.
pub(super) fn run(args: &ExportArgs) -> Result<ExitCode> {
    let dir = args.runs.find(&args.run)?;
    pool(None)?.install(|| {
        let record = RunRecord::read(&dir)?;
        let spec = RunSpec::resolve(&record.settings)?;
        let data = dataset_of(&record, &spec, &dir, args.data.data_dir.as_deref())?;
        let all = spec.training().epochs;
        let epochs = args.epochs.unwrap_or(all);
        if epochs > all {
            return Err(Error::Usage(format!("--epochs {epochs}: the run has {all}; write at most that many")));
        }
        // Of the smallest part first: with a typed number of epochs, the list of tensors itself could be too long.
        let smallest = Streams::new(&spec, &data, 0)?;
        let within = smallest.last_epoch_within(u128::from(args.max_size), epochs);
        if within != Some(epochs) {
            return Err(too_large(args, &smallest, within, epochs));
        }
        let streams = Streams::new(&spec, &data, epochs)?;
        let metadata = HashMap::from([
            ("format".to_owned(), "vae-bench streams 1".to_owned()),
            ("run".to_owned(), record.manifest.run.clone()),
            ("spec".to_owned(), spec.to_toml()),
            ("epochs".to_owned(), epochs.to_string()),
        ]);
        write(&args.streams, |out| streams.write(metadata, out))?;
        let (path, count, bytes) = (args.streams.display(), streams.count(), megabytes(streams.size()));
        print_line(&format!("{path}: {count} tensors of {bytes}, epochs 0 to {epochs}"));
        Ok(ExitCode::Done)
    })
}

fn too_large(args: &ExportArgs, smallest: &Streams<'_>, within: Option<u32>, epochs: u32) -> Error {
    let limit = megabytes(u128::from(args.max_size));
    let size = megabytes(smallest.size_with(epochs));
    let hint = match within {
        Some(fewer) => format!("write --epochs {fewer}, or a larger --max-size"),
        None => format!("epoch 0 alone takes {}: write a larger --max-size", megabytes(smallest.size())),
    };
    Error::Usage(format!("--max-size {limit}: the streams of {epochs} epochs take {size}; {hint}"))
}

/// Writes `path` in one piece: a reader sees the old file or the new one, never a part.
fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let attempt = || -> std::io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(&temporary)?);
        fill(&mut out)?;
        out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    attempt().map_err(|e| {
        // The first error is the one to report; a leftover is only untidy.
        let _ = std::fs::remove_file(&temporary);
        Error::Run(format!("{}: cannot write ({e}); name a writable file with --streams", path.display()))
    })
}

/// Reads a number of bytes such as 500000, 300MiB or 2GiB.
fn size(text: &str) -> Result<u64, String> {
    let hint = || "write bytes, or a number with KiB, MiB or GiB, such as 500MiB".to_owned();
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1u64,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(hint()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(hint)
}

fn megabytes(bytes: u128) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_bytes_or_have_a_binary_unit() {
        assert_eq!(size("500"), Ok(500));
        assert_eq!(size("3KiB"), Ok(3 << 10));
        assert_eq!(size(" 2 GiB "), Ok(2 << 30));
        for wrong in ["", "GiB", "-1", "2GB", "1.5GiB", "99999999999999999999", "99999999999GiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
