//! `vae-bench plot`: pictures of many runs.

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;

use super::data::DataDirArg;
use super::digits::same_digits;
use super::threads::pool;
use super::watch::{Inputs, Output, repeat};
use crate::error::{Error, ExitCode, Result};
use crate::report::plots::{Kind, Plot, Plots, draw};
use crate::report::run_set::RunSet;
use figure::svg::{SvgTarget, svg};
use figure::{Theme, raster};

/// Arguments of `plot`.
#[derive(Debug, Args)]
pub struct PlotArgs {
    /// The runs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Directory for the pictures
    #[arg(long, value_name = "DIR", default_value = "plots")]
    pub out: PathBuf,
    /// Only these kinds [default: all that are made from records]
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<Kind>,
    /// Paper
    #[arg(long, value_enum, default_value = "light")]
    pub theme: Theme,
    /// Where the data is, for --kind digits, if not where it was
    #[command(flatten)]
    pub data: DataDirArg,
}

/// Draws the plots.
pub(super) fn run(args: &PlotArgs) -> Result<ExitCode> {
    let kinds = if args.kind.is_empty() { Kind::FROM_RECORDS.to_vec() } else { args.kind.clone() };
    let (digits, kinds): (Vec<Kind>, Vec<Kind>) = kinds.into_iter().partition(|kind| *kind == Kind::Digits);
    std::fs::create_dir_all(&args.out).map_err(|e| Error::output(&args.out, "create", e))?;
    pool(None)?.install(|| {
        repeat(&args.inputs, |_| {
            let (dirs, tables) = args.inputs.sort()?;
            let mut drawn = Plots::default();
            if !kinds.is_empty() {
                let set = RunSet::read(&dirs, &tables)?;
                drawn.notes.extend(set.notes.iter().cloned());
                for kind in &kinds {
                    let Plots { plots, notes } = draw(*kind, &set);
                    drawn.plots.extend(plots);
                    drawn.notes.extend(notes);
                }
            }
            if !digits.is_empty() {
                drawn.plots.push(same_digits(&dirs, args.data.data_dir.as_deref())?);
            }
            if drawn.plots.is_empty() {
                return Err(Error::Run(format!("nothing could be drawn: {}", drawn.notes.join("; "))));
            }
            let files: Vec<(PathBuf, Vec<u8>)> = drawn
                .plots
                .par_iter()
                .map(|plot| files_of(plot, &args.out, args.theme))
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .flatten()
                .collect();
            Ok(Output { files, notes: drawn.notes })
        })
    })
}

fn files_of(plot: &Plot, out: &Path, theme: Theme) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let path = |extension: &str| out.join(format!("{}.{extension}", plot.name));
    let text = svg(&plot.figure, SvgTarget::File(theme)).into_bytes();
    Ok(vec![(path("svg"), text), (path("png"), raster::png(&plot.figure, theme)?)])
}
