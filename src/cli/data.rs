//! `vae-bench data`: fetch, verify, describe.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::signals::stop_on_signals;
use super::threads::pool;
use crate::data::directory::verify_file;
use crate::data::fetch::fetch;
use crate::data::{
    Binarize, DataSource, Images, KNOWN, KnownDataset, Loaded, PixelRange, PixelStats, Pixels, dataset_dir, load,
};
use crate::error::{Error, ExitCode, Result};
use crate::terminal::{banner, print, print_line, print_text};

/// What to do with the data.
#[derive(Debug, Subcommand)]
pub enum DataAction {
    /// Download a data set into the cache and verify it
    Fetch(DataSetArg),
    /// Check the four files of a data set against their known SHA-256
    Verify {
        /// Which data set.
        #[command(flatten)]
        set: DataSetArg,
        /// Where it is.
        #[command(flatten)]
        dir: DataDirArg,
    },
    /// Say which data a run would use, and describe it
    Info(InfoArgs),
}

/// A known data set by name.
#[derive(Debug, Args)]
pub struct DataSetArg {
    /// The data set
    #[arg(value_name = "NAME", value_parser = known_data_set, default_value = KnownDataset::default_entry().name)]
    pub name: &'static KnownDataset,
}

fn known_data_set(name: &str) -> Result<&'static KnownDataset, String> {
    KnownDataset::find(name).ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
        format!("no known data set; there are {}", names.join(", "))
    })
}

/// `--data-dir` alone.
#[derive(Debug, Args)]
pub struct DataDirArg {
    /// Directory of the four files [default: the cache]
    #[arg(long, value_name = "DIR", env = "VAE_BENCH_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Arguments of `data info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Which data
    #[arg(long, default_value = "auto", env = "VAE_BENCH_DATA")]
    pub data: DataSource,
    /// Where it is.
    #[command(flatten)]
    pub dir: DataDirArg,
}

/// Does one of the three.
pub(super) fn run(action: &DataAction) -> Result<ExitCode> {
    // Hashes and statistics are computed on a pool of our own: one that cannot be started is an error, no panic.
    pool(None)?.install(|| match action {
        DataAction::Fetch(set) => {
            let stop = stop_on_signals()?;
            fetch(set.name, &stop)?;
            verify(set.name, &dataset_dir(set.name)?)
        }
        DataAction::Verify { set, dir } => match &dir.data_dir {
            Some(dir) => verify(set.name, dir),
            None => verify(set.name, &dataset_dir(set.name)?),
        },
        DataAction::Info(args) => info(args),
    })
}

/// Checks each file, prints what was found for each, and fails with the first that is not the data set's.
fn verify(known: &KnownDataset, dir: &Path) -> Result<ExitCode> {
    let mut first_error = None;
    for expected in &known.files {
        match verify_file(dir, known, expected) {
            Ok(found) => print_line(&format!("ok      {}  {}", found.file.sha256(), found.path.display())),
            Err(error) => {
                print(format!("FAILED  {}\n", expected.name));
                first_error = first_error.or(Some(error));
            }
        }
    }
    first_error.map_or(Ok(ExitCode::Done), Err)
}

fn info(args: &InfoArgs) -> Result<ExitCode> {
    let Loaded { dataset, warning } = load(args.data, args.dir.data_dir.as_deref())?;
    if let Some(warning) = warning {
        banner(&warning);
    }
    for (split, images) in [("train", &dataset.train), ("test", &dataset.test)] {
        if images.is_empty() {
            return Err(Error::Data(format!("the {split} set is empty; give files with images in them")));
        }
    }
    let pixels = Pixels { binarize: Binarize::None, range: PixelRange::Unit };
    let (train, test) = (PixelStats::of(&dataset.train, pixels), PixelStats::of(&dataset.test, pixels));
    let (height, width) = dataset.train.size();
    // What `explain` and the reports call the floor: the training set's mean image, on both splits.
    let average = train.means();
    let text = [
        format!("data     {}, images of {height} x {width}\n", dataset.name.name()),
        describe("train", &dataset.train, &train, &average),
        describe("test", &dataset.test, &test, &average),
    ]
    .concat();
    let files = dataset.files.iter().map(|file| format!("sha256   {}  {}\n", file.sha256, file.file));
    print_text(&(text + &files.collect::<String>()));
    Ok(ExitCode::Done)
}

/// Two lines about `images`, whose statistics are `stats`; `average` is the mean training image.
fn describe(split: &str, images: &Images, stats: &PixelStats, average: &[f64]) -> String {
    let means = stats.means();
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    let nonzero = images.bytes().iter().filter(|&&b| b > 0).count() as f64 / images.bytes().len() as f64;
    format!(
        "{split:<8} {} images, pixel mean {mean:.5}, {:.2}% of pixels above 0; variance {:.5}\n\
         \x20        the mean training image has BCE {:.3} and S {:.3} here; no model's BCE is below {:.3}\n",
        images.len(),
        100.0 * nonzero,
        stats.total_variance(),
        stats.cross_entropy_of(average),
        stats.squared_error_of(average),
        stats.grey_entropy()
    )
}
