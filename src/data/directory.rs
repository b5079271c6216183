//! The four IDX files of a data set in a directory: found, read and verified.

use std::path::{Path, PathBuf};

use super::dataset::{Dataset, DatasetName, FileDigest};
use super::idx::IdxFile;
use super::images::Images;
use super::known::{ExpectedFile, KnownDataset};
use crate::error::{Error, Result};

/// What the four files must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// A known data set, to the bit.
    Known(&'static KnownDataset),
    /// Any images and labels in the IDX format, all images of one size.
    AnyIdx,
}

impl Contents {
    /// The files to look for: any IDX data set has the file names of MNIST.
    fn files(self) -> &'static [ExpectedFile; 4] {
        match self {
            Contents::Known(known) => &known.files,
            Contents::AnyIdx => &KnownDataset::default_entry().files,
        }
    }
}

/// One file found and read.
#[derive(Clone, Debug)]
pub struct FoundFile {
    /// Where it was found.
    pub path: PathBuf,
    /// The content, consistent with its own header.
    pub file: IdxFile,
}

/// Whether `dir` holds all four files, under names that [`read_dir`] knows; their content is not looked at.
pub fn is_complete(dir: &Path, known: &KnownDataset) -> bool {
    known.files.iter().all(|expected| locate(dir, expected).is_some())
}

/// Finds `NAME`, `NAME.gz`, or the spelling `train-images.idx3-ubyte` that some copies of MNIST have.
fn locate(dir: &Path, expected: &ExpectedFile) -> Option<PathBuf> {
    let dotted = expected.name.replace("-idx", ".idx");
    [expected.name, &dotted]
        .iter()
        .flat_map(|name| [dir.join(name), dir.join(format!("{name}.gz"))])
        .find(|path| path.is_file())
}

/// Reads and hashes one of the four files in `dir`; believes nothing but its format.
pub fn read_file(dir: &Path, expected: &ExpectedFile) -> Result<FoundFile> {
    let path = locate(dir, expected).ok_or_else(|| {
        Error::Data(format!(
            "{}: no {name} or {name}.gz in it; name the directory of the four IDX files with --data-dir, \
             or run `vae-bench data fetch`",
            dir.display(),
            name = expected.name
        ))
    })?;
    let file = IdxFile::read(&path, expected.kind)?;
    Ok(FoundFile { path, file })
}

/// Reads one file of a known data set and compares its SHA-256.
///
/// # Errors
/// [`Error::Data`] where the file is missing, damaged, or well formed with other content.
pub fn verify_file(dir: &Path, known: &KnownDataset, expected: &ExpectedFile) -> Result<FoundFile> {
    let found = read_file(dir, expected)?;
    let sha256 = found.file.sha256();
    if sha256 == expected.sha256 {
        return Ok(found);
    }
    Err(Error::Data(format!(
        "{}: well formed, but not {}'s (SHA-256 {}..., not {}...); to train on it all the same use \
         `--data idx --data-dir {}`",
        found.path.display(),
        known.title,
        &sha256[..12],
        &expected.sha256[..12],
        found.path.parent().unwrap_or(Path::new(".")).display()
    )))
}

/// Reads the data set in `dir`, two threads side by side.
///
/// # Errors
/// [`Error::Data`] that names the file, the reason and the hint; under [`Contents::Known`] also for well-formed files
/// with other content.
pub fn read_dir(dir: &Path, contents: Contents) -> Result<Dataset> {
    if !dir.is_dir() {
        return Err(Error::Data(format!(
            "{}: no such data directory; name the directory of the four IDX files with --data-dir \
             (or VAE_BENCH_DATA_DIR), or leave it out",
            dir.display()
        )));
    }
    let [train_images, train_labels, test_images, test_labels] = contents.files();
    let read = |expected| match contents {
        Contents::Known(known) => verify_file(dir, known, expected),
        Contents::AnyIdx => read_file(dir, expected),
    };
    let (train, test) = rayon::join(
        || read(train_images),
        || Ok::<_, Error>((read(train_labels)?, read(test_images)?, read(test_labels)?)),
    );
    // The large file's own error first: it is the one that a user most likely damaged.
    let (train_images, (train_labels, test_images, test_labels)) = (train?, test?);
    assemble(contents, [train_images, train_labels, test_images, test_labels])
}

fn assemble(contents: Contents, found: [FoundFile; 4]) -> Result<Dataset> {
    let files = contents.files().iter().zip(&found);
    let files =
        files.map(|(expected, found)| FileDigest { file: expected.name.to_owned(), sha256: found.file.sha256() });
    let files = files.collect();
    let [train_images, train_labels, test_images, test_labels] = found;
    let (train_shape, test_shape) = (&train_images.file.dims()[1..], &test_images.file.dims()[1..]);
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
    let images = |images: FoundFile, labels: FoundFile| {
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
    let name = match contents {
        Contents::Known(known) => DatasetName::Known(known),
        Contents::AnyIdx => DatasetName::Idx(None),
    };
    Ok(Dataset::new(name, images(train_images, train_labels)?, images(test_images, test_labels)?, files))
}
