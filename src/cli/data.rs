//! `vae-bench data`: fetch, verify, describe.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::threads::pool;
use crate::data::{
    Binarize, DataSource, Images, Loaded, PixelRange, PixelStats, Pixels, cache_dir, fetch, load, mnist,
};
use crate::error::{Error, ExitCode, Result};
use crate::terminal::{banner, print, print_line};

/// What to do with the data.
#[derive(Debug, Subcommand)]
pub enum DataAction {
    /// Download MNIST into the cache and verify it
    Fetch,
    /// Check the four files against the SHA-256 of the real MNIST
    Verify(DataDirArg),
    /// Say which data a run would use, and describe it
    Info(InfoArgs),
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
    #[arg(long, value_enum, default_value = "auto", env = "VAE_BENCH_DATA")]
    pub data: DataSource,
    /// Where it is.
    #[command(flatten)]
    pub dir: DataDirArg,
}

impl DataDirArg {
    /// The directory that was named, or the cache.
    fn or_cache(&self) -> Result<PathBuf> {
        self.data_dir.clone().map_or_else(cache_dir, Ok)
    }
}

/// Does one of the three.
pub(super) fn run(action: &DataAction) -> Result<ExitCode> {
    // Hashes and statistics are computed on a pool of our own: one that cannot be started is an error, no panic.
    pool(None)?.install(|| match action {
        DataAction::Fetch => {
            let dir = cache_dir()?;
            fetch(&dir)?;
            verify(&dir)
        }
        DataAction::Verify(arg) => verify(&arg.or_cache()?),
        DataAction::Info(args) => info(args),
    })
}

/// Checks each file, says what was found for each, and fails with the first that is not MNIST's.
fn verify(dir: &Path) -> Result<ExitCode> {
    let mut first_error = None;
    for expected in &mnist::FILES {
        let checked = mnist::read_file(dir, expected).and_then(|checked| {
            if checked.sha256 == expected.sha256 { Ok(checked) } else { Err(mnist::not_mnist(&checked, expected)) }
        });
        match checked {
            Ok(checked) => print_line(&format!("ok      {}  {}", checked.sha256, checked.path.display())),
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
    let (height, width) = dataset.train.size();
    let mut text = format!("data     {}, images of {height} x {width}\n", dataset.name.name());
    for (split, images) in [("train", &dataset.train), ("test", &dataset.test)] {
        text.push_str(&describe(split, images)?);
    }
    for file in &dataset.files {
        text.push_str(&format!("sha256   {}  {}\n", file.sha256, file.file));
    }
    print(text);
    Ok(ExitCode::Done)
}

fn describe(split: &str, images: &Images) -> Result<String> {
    if images.is_empty() {
        return Err(Error::Data(format!("the {split} set is empty; give files with images in them")));
    }
    let stats = PixelStats::of(images, Pixels { binarize: Binarize::None, range: PixelRange::Unit });
    let means = stats.means();
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    let (bce, squared) = (stats.cross_entropy_of(&means), stats.squared_error_of(&means));
    let lit = (0..images.len()).flat_map(|i| images.image(i)).filter(|&&b| b > 0).count();
    let lit = lit as f64 / (images.len() * images.pixels_per_image()) as f64;
    Ok(format!(
        "{split:<8} {} images, pixel mean {mean:.5}, {:.2}% of pixels lit; variance {:.5}\n\
         \x20        a decoder that ignores z reaches BCE {bce:.3} and S {squared:.3}; no model's BCE is below {:.3}\n",
        images.len(),
        100.0 * lit,
        stats.total_variance(),
        stats.grey_entropy()
    ))
}
