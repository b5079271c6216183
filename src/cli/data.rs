//! `vae-bench data`: fetch, verify, describe.

use super::args::{DataAction, InfoArgs};
use super::{banner, data_dir_or_cache, print};
use crate::data::{Binarize, Images, Loaded, PixelRange, PixelStats, Pixels, fetch, load, mnist};
use crate::error::{Error, ExitCode, Result};

/// Does one of the three.
pub(super) fn act(action: &DataAction) -> Result<ExitCode> {
    match action {
        DataAction::Fetch => {
            let dir = crate::data::cache_dir()?;
            fetch(&dir)?;
            verify(&dir)
        }
        DataAction::Verify(arg) => verify(&data_dir_or_cache(arg.data_dir.as_ref())?),
        DataAction::Info(args) => info(args),
    }
}

/// Checks each file, says what was found for each, and fails with the first that is not MNIST's.
fn verify(dir: &std::path::Path) -> Result<ExitCode> {
    let mut first_error = None;
    for expected in &mnist::FILES {
        let checked = mnist::read_file(dir, expected).and_then(|checked| {
            if checked.sha256 == expected.sha256 { Ok(checked) } else { Err(mnist::not_mnist(&checked, expected)) }
        });
        match checked {
            Ok(checked) => print(format!("ok      {}  {}\n", checked.sha256, checked.path.display()).as_bytes()),
            Err(error) => {
                print(format!("FAILED  {}\n", expected.name).as_bytes());
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
    print(text.as_bytes());
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
