//! The comparability key: what the reconstruction R of a row was measured on and in.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use sha2::{Digest, Sha256};

use super::manifest::DataFacts;
use crate::choice::Choice;
use crate::data::{Binarize, PixelRange};
use crate::objective::Measure;
use crate::pass::Sampling;
use crate::spec::Settings;

/// What R was measured on and in. R and -ELBO of two rows may be compared, drawn on one axis or averaged only where
/// their keys are equal.
///
/// Written as `DATA/DIGEST/IMAGESxPIXELS/BINARIZE/RANGE/MEASURE`, such as `mnist/33f7f732/10000x784/none/unit/mass`,
/// with `/keras-2016-05` after it where z is not drawn from the q of K; tables merged by versions before the digest was
/// recorded have `DATA/BINARIZE/RANGE/MEASURE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparable {
    /// The name of the data set.
    pub data: String,
    /// The test images; none in an old table.
    pub test: Option<TestImages>,
    /// How grey pixels became binary.
    pub binarize: Binarize,
    /// The interval of the pixels.
    pub pixel_range: PixelRange,
    /// The unit of R.
    pub measure: Measure,
    /// The noise under which R is measured.
    pub sampling: Sampling,
}

/// The images that R was measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestImages {
    /// The first 32 bits of a SHA-256 over the digests of the test images' files and, where a subset was drawn, its size
    /// and seed.
    pub digest: u32,
    /// The number of images.
    pub count: usize,
    /// D, pixels per image.
    pub pixels: usize,
}

impl Comparable {
    /// The key of a run with this data and these complete settings.
    ///
    /// # Errors
    /// The setting that is missing, as a sentence.
    pub fn of(data: &DataFacts, settings: &Settings) -> Result<Self, String> {
        let missing = |setting: &str| format!("its settings lack `{setting}`");
        Ok(Comparable {
            data: data.name.name().to_owned(),
            test: Some(TestImages::of(data, settings)),
            binarize: settings.binarize.ok_or_else(|| missing("binarize"))?,
            pixel_range: settings.pixel_range.ok_or_else(|| missing("pixel-range"))?,
            measure: settings.loss.ok_or_else(|| missing("loss"))?.measure(),
            sampling: settings.sampling.unwrap_or(Sampling::Standard),
        })
    }

    /// The key that a merged table's row has: earlier versions wrote the same one whatever the sampling.
    pub(super) fn of_row(key: &str, settings: &Settings) -> String {
        match (key.parse::<Comparable>(), settings.sampling) {
            (Ok(key), Some(sampling)) => Comparable { sampling, ..key }.to_string(),
            (Err(_), _) | (Ok(_), None) => key.to_owned(),
        }
    }

    /// The key in words, for titles: "mnist (10000 test images of 784 pixels, 33f7f732), grey pixels, squared error".
    pub fn describe(&self) -> String {
        let test = self.test.map_or_else(String::new, |test| {
            format!(" ({} test images of {} pixels, {:08x})", test.count, test.pixels, test.digest)
        });
        let pixels = match self.binarize {
            Binarize::None => "grey pixels".to_owned(),
            Binarize::Threshold | Binarize::Static | Binarize::Dynamic => {
                format!("{} binarised pixels", self.binarize.name())
            }
        };
        let range = match self.pixel_range {
            PixelRange::Unit => String::new(),
            PixelRange::Symmetric | PixelRange::Centered => format!(", {} range", self.pixel_range.name()),
        };
        let measure = match self.measure {
            Measure::Mass => "binary cross-entropy (BCE)",
            Measure::Density => "negative log density",
            Measure::SquaredError => "squared error",
        };
        let sampling = match self.sampling {
            Sampling::Standard => String::new(),
            Sampling::Keras201605 => format!(", z drawn with the noise of {}", self.sampling.name()),
        };
        format!("{}{test}, {pixels}{range}, {measure}{sampling}", self.data)
    }

    /// The key as a part of a file name, such as `mnist-bce` or `mnist-static-mse`; test images are not told apart.
    pub fn short_name(&self) -> String {
        let mut parts = vec![self.data.clone()];
        if self.binarize != Binarize::None {
            parts.push(self.binarize.name());
        }
        if self.pixel_range != PixelRange::Unit {
            parts.push(self.pixel_range.name());
        }
        let measure = match self.measure {
            Measure::Mass => "bce",
            Measure::Density => "density",
            Measure::SquaredError => "mse",
        };
        parts.push(measure.to_owned());
        if self.sampling != Sampling::Standard {
            parts.push(self.sampling.name());
        }
        parts.join("-")
    }

    /// The parts that are not the same in all of `keys`, as words: `["image size", "test images"]`.
    pub fn differences(keys: &[Comparable]) -> Vec<&'static str> {
        let varies = |part: &dyn Fn(&Comparable) -> String| keys.iter().map(part).collect::<BTreeSet<_>>().len() > 1;
        let test = |of: fn(TestImages) -> String| move |key: &Comparable| key.test.map_or_else(String::new, of);
        let parts: [(&'static str, bool); 8] = [
            ("data set", varies(&|key| key.data.clone())),
            ("image size", varies(&test(|test| test.pixels.to_string()))),
            ("number of test images", varies(&test(|test| test.count.to_string()))),
            ("test images", varies(&test(|test| test.digest.to_string()))),
            ("binarisation", varies(&|key| key.binarize.name())),
            ("pixel range", varies(&|key| key.pixel_range.name())),
            ("unit of R (mass, density or squared error)", varies(&|key| key.measure.name())),
            ("the noise that z is drawn with", varies(&|key| key.sampling.name())),
        ];
        parts.into_iter().filter(|(_, varies)| *varies).map(|(part, _)| part).collect()
    }

    /// Why rows of these keys are kept apart, with the first few of them; none where all keys are equal.
    pub fn why_apart(keys: &[Comparable]) -> Option<String> {
        /// Keys that one sentence names.
        const NAMED: usize = 5;
        let parts = Comparable::differences(keys);
        if parts.is_empty() {
            return None;
        }
        let distinct: BTreeSet<String> = keys.iter().map(Comparable::to_string).collect();
        let more = distinct.len().saturating_sub(NAMED);
        let named = distinct.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        Some(format!(
            "these runs differ in {}, so recon and neg_elbo can be compared, drawn together and averaged only within one \
             value of the column `comparable`: {named}{}",
            parts.join(", "),
            if more > 0 { format!(" and {more} more") } else { String::new() }
        ))
    }
}

impl TestImages {
    fn of(data: &DataFacts, settings: &Settings) -> Self {
        let mut hash = Sha256::new();
        // R depends on neither labels nor training images.
        for file in data.files.iter().filter(|f| !f.file.contains("train") && !f.file.contains("labels")) {
            hash.update(&file.sha256);
        }
        if let Some(size) = settings.test_size {
            // The subset is drawn under the seed of the run, so other seeds test on other images.
            hash.update(format!(" {size} of seed {}", settings.seed.unwrap_or_default()));
        }
        let bytes = hash.finalize();
        TestImages {
            digest: u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            count: data.test_images,
            pixels: data.pixels,
        }
    }
}

impl fmt::Display for TestImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}/{}x{}", self.digest, self.count, self.pixels)
    }
}

impl FromStr for TestImages {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (digest, size) = text.split_once('/').filter(|(digest, _)| digest.len() == 8).ok_or(())?;
        let (count, pixels) = size.split_once('x').ok_or(())?;
        let test = TestImages {
            digest: u32::from_str_radix(digest, 16).map_err(drop)?,
            count: count.parse().map_err(drop)?,
            pixels: pixels.parse().map_err(drop)?,
        };
        // One spelling for each key: `+1` and capitals parse as numbers too.
        if test.to_string() == text { Ok(test) } else { Err(()) }
    }
}

impl fmt::Display for Comparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.data)?;
        if let Some(test) = self.test {
            write!(f, "{test}/")?;
        }
        write!(f, "{}/{}/{}", self.binarize.name(), self.pixel_range.name(), self.measure.name())?;
        match self.sampling {
            Sampling::Standard => Ok(()),
            Sampling::Keras201605 => write!(f, "/{}", self.sampling.name()),
        }
    }
}

impl FromStr for Comparable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is no comparability key: DATA/DIGEST/IMAGESxPIXELS/BINARIZE/RANGE/MEASURE is expected")
        };
        // No measure is called as a sampling is, so the last part says which of the two it is.
        let (text, sampling) = match text.rsplit_once('/').map(|(rest, last)| (rest, Sampling::from_str(last, false))) {
            Some((rest, Ok(sampling))) if sampling != Sampling::Standard => (rest, sampling),
            _ => (text, Sampling::Standard),
        };
        // From the right: the name of a data set may have slashes in it.
        let [measure, pixel_range, binarize, data] = text.rsplitn(4, '/').collect::<Vec<_>>()[..] else {
            return Err(wrong());
        };
        let (data, test) = match data.rsplitn(3, '/').collect::<Vec<_>>()[..] {
            [data] => (data, None),
            [size, digest, data] => (data, Some(format!("{digest}/{size}").parse().map_err(|()| wrong())?)),
            _ => return Err(wrong()),
        };
        Ok(Comparable {
            data: data.to_owned(),
            test,
            binarize: Binarize::from_str(binarize, false).map_err(|_| wrong())?,
            pixel_range: PixelRange::from_str(pixel_range, false).map_err(|_| wrong())?,
            measure: Measure::from_str(measure, false).map_err(|_| wrong())?,
            sampling,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DatasetName, FileDigest};

    fn data(test_sha256: &str, pixels: usize, test_images: usize) -> DataFacts {
        let file = |file: &str, sha256: &str| FileDigest { file: file.to_owned(), sha256: sha256.to_owned() };
        DataFacts {
            name: DatasetName::Idx(None),
            train_images: 600,
            test_images,
            pixels,
            collapsed_floor: None,
            entropy_floor: None,
            files: vec![
                file("train-images-idx3-ubyte", "aa"),
                file("train-labels-idx1-ubyte", "bb"),
                file("t10k-images-idx3-ubyte", test_sha256),
                file("t10k-labels-idx1-ubyte", "dd"),
            ],
        }
    }

    fn key(data: &DataFacts, more: &str) -> Comparable {
        let usual = "loss = 'bce'\nbinarize = 'none'\npixel-range = 'unit'\nseed = 1";
        let settings = Settings::parse(more).unwrap().over(Settings::parse(usual).unwrap());
        Comparable::of(data, &settings).unwrap()
    }

    #[test]
    fn every_key_is_read_back_as_it_was_written() {
        let mut keys = 0;
        for (name, test) in [
            ("mnist", None),
            ("mnist", Some(TestImages { digest: 0x0fa7_8986, count: 10_000, pixels: 784 })),
            ("a/b x", Some(TestImages { digest: u32::MAX, count: 0, pixels: 1 })),
        ] {
            for &binarize in Binarize::value_variants() {
                for &pixel_range in PixelRange::value_variants() {
                    for &measure in Measure::value_variants() {
                        for &sampling in Sampling::value_variants() {
                            let data = name.to_owned();
                            let key = Comparable { data, test, binarize, pixel_range, measure, sampling };
                            assert_eq!(key.to_string().parse(), Ok(key));
                            keys += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(keys, 3 * 4 * 3 * 3 * 2);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "mnist",
            "none/unit/mass",
            "mnist/none/unit/weight",
            "mnist/0fa7898/10x784/none/unit/mass",
            "mnist/0FA78986/10x784/none/unit/mass",
            "mnist/0fa78986/+10x784/none/unit/mass",
            "mnist/0fa78986/none/unit/mass",
            "mnist/0fa78986/10x784/none/unit/mass/standard",
            "mnist/0fa78986/10x784/none/unit/mass/keras-2016-05/keras-2016-05",
        ] {
            assert!(text.parse::<Comparable>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_row_of_an_earlier_table_has_the_key_of_its_sampling() {
        let (old, new) = ("mnist/none/unit/mass", "mnist/none/unit/mass/keras-2016-05");
        for (key, settings, read) in [
            (old, "sampling = 'keras-2016-05'", new),
            (new, "sampling = 'keras-2016-05'", new),
            (old, "sampling = 'standard'", old),
            (old, "", old),
            ("c", "sampling = 'keras-2016-05'", "c"),
        ] {
            assert_eq!(Comparable::of_row(key, &Settings::parse(settings).unwrap()), read);
        }
    }

    #[test]
    fn keys_differ_where_r_was_measured_on_other_images() {
        let whole = data("cc", 784, 200);
        let first = key(&whole, "");
        assert_eq!(first, key(&DataFacts { train_images: 3, ..whole.clone() }, "train-size = 3"));
        for (other, part) in [
            (key(&data("cc", 196, 200), ""), "image size"),
            (key(&data("ee", 784, 200), ""), "test images"),
            (key(&data("cc", 784, 100), "test-size = 100"), "number of test images, test images"),
            (key(&data("cc", 784, 200), "binarize = 'static'"), "binarisation"),
            (key(&data("cc", 784, 200), "sampling = 'keras-2016-05'"), "the noise that z is drawn with"),
        ] {
            assert_ne!(first, other);
            let why = Comparable::why_apart(&[first.clone(), other]).unwrap();
            assert!(why.contains(&format!("differ in {part},")), "{why}");
        }
        assert_eq!(Comparable::why_apart(&[first.clone(), first]), None);
        let drawn = data("cc", 784, 100);
        assert_ne!(key(&drawn, "test-size = 100"), key(&drawn, "test-size = 100\nseed = 2"), "another subset is drawn");
    }
}
