//! The four files of MNIST (or of any set in its format): found, read and verified.

use std::path::{Path, PathBuf};

use super::idx::{IdxFile, Kind};
use super::{Dataset, DatasetName, FileDigest, Images};
use crate::error::{Error, Result};

/// One of the four files: its name, what it holds, and the SHA-256 of MNIST's uncompressed content.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The name without `.gz`.
    pub name: &'static str,
    /// What is in it.
    pub kind: Kind,
    /// SHA-256 of the uncompressed file of the real MNIST, header included.
    pub sha256: &'static str,
}

/// Pixels of an image of the real MNIST.
pub const PIXELS: usize = 28 * 28;

/// In the order train images, train labels, test images, test labels.
pub const FILES: [Expected; 4] = [
    Expected {
        name: "train-images-idx3-ubyte",
        kind: Kind::Images,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    Expected {
        name: "train-labels-idx1-ubyte",
        kind: Kind::Labels,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    Expected {
        name: "t10k-images-idx3-ubyte",
        kind: Kind::Images,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    Expected {
        name: "t10k-labels-idx1-ubyte",
        kind: Kind::Labels,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

/// Whether files that are well formed but not MNIST's are welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Only the four files whose SHA-256 is known.
    MnistOnly,
    /// Any four files of one shape in the IDX format.
    AnyIdx,
}

/// One file found, read and hashed.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Where it was found.
    pub path: PathBuf,
    /// The content, consistent with its own header.
    pub file: IdxFile,
    /// SHA-256 of the uncompressed file, in hexadecimal.
    pub sha256: String,
}

/// Whether `dir` holds any file of the four, under a name that [`read_dir`] knows.
pub fn is_present(dir: &Path) -> bool {
    FILES.iter().any(|expected| locate(dir, expected).is_some())
}

/// Finds `NAME`, `NAME.gz`, or the spelling `train-images.idx3-ubyte` that some copies of MNIST have.
fn locate(dir: &Path, expected: &Expected) -> Option<PathBuf> {
    let dotted = expected.name.replace("-idx", ".idx");
    [expected.name, &dotted]
        .iter()
        .flat_map(|name| [dir.join(name), dir.join(format!("{name}.gz"))])
        .find(|path| path.is_file())
}

/// Reads and hashes one of the four files in `dir`; believes nothing but its format.
pub fn read_file(dir: &Path, expected: &Expected) -> Result<Checked> {
    let path = locate(dir, expected).ok_or_else(|| {
        Error::Data(format!(
            "{}: no {name} or {name}.gz in it; name the directory of the four MNIST files with --data-dir, \
             or run `vae-bench data fetch`",
            dir.display(),
            name = expected.name
        ))
    })?;
    let file = IdxFile::read(&path, expected.kind)?;
    let sha256 = file.sha256();
    Ok(Checked { path, file, sha256 })
}

/// Reads the data set in `dir`, two threads side by side.
///
/// # Errors
/// [`Error::Data`] that names the file, the reason and the hint; under [`Accept::MnistOnly`] also for well-formed files
/// that are not MNIST's.
pub fn read_dir(dir: &Path, accept: Accept) -> Result<Dataset> {
    if !dir.is_dir() {
        return Err(Error::Data(format!(
            "{}: no such data directory; name the directory of the four MNIST files with --data-dir \
             (or VAE_BENCH_DATA_DIR), or leave it out",
            dir.display()
        )));
    }
    let [train_images, train_labels, test_images, test_labels] = &FILES;
    let read = |expected| read_checked(dir, expected, accept);
    let (train, test) = rayon::join(
        || read(train_images),
        || Ok::<_, Error>((read(train_labels)?, read(test_images)?, read(test_labels)?)),
    );
    // The large file's own error first: it is the one that a user most likely damaged.
    let (train_images, (train_labels, test_images, test_labels)) = (train?, test?);
    assemble(train_images, train_labels, test_images, test_labels, accept)
}

fn read_checked(dir: &Path, expected: &Expected, accept: Accept) -> Result<Checked> {
    let checked = read_file(dir, expected)?;
    if accept == Accept::MnistOnly && checked.sha256 != expected.sha256 {
        return Err(not_mnist(&checked, expected));
    }
    Ok(checked)
}

/// Why a well-formed file is refused under `--data mnist`.
pub fn not_mnist(checked: &Checked, expected: &Expected) -> Error {
    Error::Data(format!(
        "{}: well formed, but not MNIST's (SHA-256 {}..., not {}...); to train on it all the same use \
         `--data idx --data-dir {}`",
        checked.path.display(),
        &checked.sha256[..12],
        &expected.sha256[..12],
        checked.path.parent().unwrap_or(Path::new(".")).display()
    ))
}

fn assemble(
    train_images: Checked,
    train_labels: Checked,
    test_images: Checked,
    test_labels: Checked,
    accept: Accept,
) -> Result<Dataset> {
    let (train_shape, test_shape) = (train_images.file.dims()[1..].to_vec(), test_images.file.dims()[1..].to_vec());
    if train_shape != test_shape {
        return Err(Error::Data(format!(
            "{}: bytes 8-15 say images of {} x {}, but {} has {} x {}; both must be of one size",
            test_images.path.display(),
            test_shape[0],
            test_shape[1],
            train_images.path.display(),
            train_shape[0],
            train_shape[1]
        )));
    }
    let digests = FILES.iter().zip([&train_images, &train_labels, &test_images, &test_labels]);
    let files = digests
        .map(|(expected, checked)| FileDigest { file: expected.name.to_owned(), sha256: checked.sha256.clone() })
        .collect();
    let images = |images: Checked, labels: Checked| {
        let (n, labelled) = (images.file.dims()[0], labels.file.dims()[0]);
        if n != labelled {
            return Err(Error::Data(format!(
                "{}: bytes 4-7 say {labelled} labels, but {} holds {n} images; the two files must come from one data set",
                labels.path.display(),
                images.path.display()
            )));
        }
        let (height, width) = (images.file.dims()[1], images.file.dims()[2]);
        Images::new(images.file.into_content(), labels.file.into_content(), height, width)
    };
    let name = match accept {
        Accept::MnistOnly => DatasetName::Mnist,
        Accept::AnyIdx => DatasetName::Idx,
    };
    Ok(Dataset::new(name, images(train_images, train_labels)?, images(test_images, test_labels)?, files))
}
