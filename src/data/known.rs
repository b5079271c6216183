//! The data sets that are known by name: adding one is adding an entry to [`KNOWN`].

use std::fmt;

use super::idx::Kind;

/// One of the four files of a data set: its name, what it holds, and the SHA-256 of its uncompressed content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// The name without `.gz`.
    pub name: &'static str,
    /// What is in it.
    pub kind: Kind,
    /// SHA-256 of the uncompressed file, header included, in hexadecimal.
    pub sha256: &'static str,
}

/// Where the Hugging Face hub has a data set: two parquet files with the columns `image` (PNG) and `label`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubSource {
    /// `owner/name`.
    pub repository: &'static str,
    /// The git revision.
    pub revision: &'static str,
    /// Path of the training images in the repository.
    pub train: &'static str,
    /// Path of the test images in the repository.
    pub test: &'static str,
}

/// A data set whose content is known to the bit. Two of them are equal where their names are.
#[derive(Clone, Copy)]
pub struct KnownDataset {
    /// The value of `--data`, and the name in every table.
    pub name: &'static str,
    /// The name in sentences.
    pub title: &'static str,
    /// Train images, train labels, test images, test labels.
    pub files: [ExpectedFile; 4],
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Training images.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// Variance of all training pixels in [0, 1] around their common mean.
    pub variance: f64,
    /// Where it can be downloaded.
    pub hub: Option<HubSource>,
}

/// The real MNIST (LeCun, Cortes, Burges 1998).
pub const MNIST: KnownDataset = KnownDataset {
    name: "mnist",
    title: "MNIST",
    files: [
        ExpectedFile {
            name: "train-images-idx3-ubyte",
            kind: Kind::Images,
            sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        },
        ExpectedFile {
            name: "train-labels-idx1-ubyte",
            kind: Kind::Labels,
            sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        },
        ExpectedFile {
            name: "t10k-images-idx3-ubyte",
            kind: Kind::Images,
            sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        },
        ExpectedFile {
            name: "t10k-labels-idx1-ubyte",
            kind: Kind::Labels,
            sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ],
    height: 28,
    width: 28,
    train_images: 60_000,
    test_images: 10_000,
    variance: 0.094_93,
    hub: Some(HubSource {
        repository: "ylecun/mnist",
        revision: "refs/convert/parquet",
        train: "mnist/train/0000.parquet",
        test: "mnist/test/0000.parquet",
    }),
};

/// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017).
pub const FASHION_MNIST: KnownDataset = KnownDataset {
    name: "fashion-mnist",
    title: "Fashion-MNIST",
    files: [
        ExpectedFile {
            name: "train-images-idx3-ubyte",
            kind: Kind::Images,
            sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        },
        ExpectedFile {
            name: "train-labels-idx1-ubyte",
            kind: Kind::Labels,
            sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
        ExpectedFile {
            name: "t10k-images-idx3-ubyte",
            kind: Kind::Images,
            sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        },
        ExpectedFile {
            name: "t10k-labels-idx1-ubyte",
            kind: Kind::Labels,
            sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ],
    height: 28,
    width: 28,
    train_images: 60_000,
    test_images: 10_000,
    variance: 0.124_63,
    hub: Some(HubSource {
        repository: "zalando-datasets/fashion_mnist",
        revision: "refs/convert/parquet",
        train: "fashion_mnist/train/0000.parquet",
        test: "fashion_mnist/test/0000.parquet",
    }),
};

/// All data sets that are known by name; the first is the one that `--data auto` looks for.
pub static KNOWN: &[KnownDataset] = &[MNIST, FASHION_MNIST];

impl KnownDataset {
    /// The entry of this name.
    pub fn find(name: &str) -> Option<&'static KnownDataset> {
        KNOWN.iter().find(|known| known.name == name)
    }

    /// The data set that `--data auto` looks for, and the default of `data fetch` and `data verify`.
    pub fn default_entry() -> &'static KnownDataset {
        &KNOWN[0]
    }

    /// D, pixels per image.
    pub const fn pixels(&self) -> usize {
        self.height * self.width
    }
}

impl PartialEq for KnownDataset {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for KnownDataset {}

impl std::hash::Hash for KnownDataset {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for KnownDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_data_set_has_a_name_of_its_own_that_no_other_source_has() {
        for (i, known) in KNOWN.iter().enumerate() {
            assert!(!["auto", "synthetic", "idx"].contains(&known.name));
            assert!(KNOWN[..i].iter().all(|other| other.name != known.name));
            assert!(known.files.iter().all(|file| file.sha256.len() == 64));
            assert_eq!(
                known.files.map(|file| file.kind),
                [Kind::Images, Kind::Labels, Kind::Images, Kind::Labels],
                "{}",
                known.name
            );
        }
    }
}
