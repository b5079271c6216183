//! Numbers that cannot be wrong: what a setting does not allow is refused while it is read.

use std::any::Any;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number as it is written.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Written {
    Number(f64),
    /// `pixels`, `latents`.
    Size(SizeName),
    /// So much over it: `1/pixels`.
    Over(f64, SizeName),
}

/// A size that a number may be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SizeName {
    /// D, pixels of an image.
    Pixels,
    /// d, latents of a VAE.
    Latents,
}

impl SizeName {
    const ALL: [SizeName; 2] = [SizeName::Pixels, SizeName::Latents];

    fn word(self) -> &'static str {
        match self {
            SizeName::Pixels => "pixels",
            SizeName::Latents => "latents",
        }
    }

    fn of(word: &str) -> Option<Self> {
        SizeName::ALL.into_iter().find(|name| name.word() == word.trim())
    }
}

impl fmt::Display for SizeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Written {
    /// NaN while it is written in a size.
    const fn number(self) -> f64 {
        match self {
            Written::Number(value) => value,
            Written::Size(_) | Written::Over(..) => f64::NAN,
        }
    }

    /// The size that it is written in.
    fn size(self) -> Option<SizeName> {
        match self {
            Written::Number(_) => None,
            Written::Size(size) | Written::Over(_, size) => Some(size),
        }
    }

    /// The number, where `name` is `size`.
    fn at(self, name: SizeName, size: usize) -> f64 {
        match self {
            Written::Size(of) if of == name => size as f64,
            Written::Over(over, of) if of == name => over / size as f64,
            Written::Number(_) | Written::Size(_) | Written::Over(..) => self.number(),
        }
    }
}

impl FromStr for Written {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(size) = SizeName::of(text) {
            return Ok(Written::Size(size));
        }
        match text.split_once('/').and_then(|(over, under)| Some((over, SizeName::of(under)?))) {
            Some((over, size)) => Ok(Written::Over(number(over)?, size)),
            None => number(text).map(Written::Number),
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Written::Number(value) => value.fmt(f),
            Written::Size(size) => size.fmt(f),
            Written::Over(over, size) => write!(f, "{over}/{size}"),
        }
    }
}

/// A checked number: its name, its check, and what to write instead.
macro_rules! checked_number {
    ($(#[$meta:meta])* $name:ident, $check:expr, $says:literal) => {
        $(#[$meta])*
        ///
        /// Or, until [`Settings::at_pixels`](super::Settings::at_pixels) writes it out, a size such as `1/pixels`.
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "GivenNumber", into = "GivenNumber")]
        pub struct $name(Written);

        impl TryFrom<GivenNumber> for $name {
            type Error = String;

            fn try_from(given: GivenNumber) -> Result<Self, String> {
                match given {
                    GivenNumber::Number(value) => value.try_into(),
                    GivenNumber::Text(text) => text.parse().map_err(|why| format!("{text:?}: {why}")),
                }
            }
        }

        impl From<$name> for GivenNumber {
            fn from($name(written): $name) -> GivenNumber {
                match written {
                    Written::Number(value) => GivenNumber::Number(value),
                    Written::Size(_) | Written::Over(..) => GivenNumber::Text(written.to_string()),
                }
            }
        }

        impl $name {
            /// The number; NaN while it is written in a size, which no [`RunSpec`](super::RunSpec) has.
            pub const fn get(self) -> f64 {
                self.0.number()
            }
        }

        impl TryFrom<f64> for $name {
            type Error = String;

            fn try_from(value: f64) -> Result<Self, String> {
                let check: fn(f64) -> bool = $check;
                if check(value) { Ok($name(Written::Number(value))) } else { Err(format!("{value}: must be {}", $says)) }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                // Whoever reports the word has just repeated it.
                let refused = |_: String| format!("must be {}", $says);
                match text.parse::<Written>()? {
                    Written::Number(value) => value.try_into().map_err(refused),
                    // What is over a size has its sign and is as finite.
                    Written::Over(over, size) if over.is_finite() && over >= 0.0 => Ok($name(Written::Over(over, size))),
                    Written::Over(..) => Err(refused(String::new())),
                    written @ Written::Size(_) => Ok($name(written)),
                }
            }
        }

        impl From<$name> for f64 {
            fn from(number: $name) -> f64 {
                number.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// The size that the value of a setting is written in, if it is a number and written in one.
pub(super) fn size_of(value: &dyn Any) -> Option<SizeName> {
    let written = value.downcast_ref::<Positive>().map(|number| number.0);
    let written = written.or_else(|| value.downcast_ref::<NonNegative>().map(|number| number.0));
    let written = written.or_else(|| value.downcast_ref::<Finite>().map(|number| number.0));
    written.or_else(|| value.downcast_ref::<Decay>().map(|number| number.0))?.size()
}

/// Writes out the value of a setting that is written in the size `name`, which is `size`.
///
/// # Errors
/// What is wrong with the number.
pub(super) fn write_out(value: &mut dyn Any, name: SizeName, size: usize) -> Result<(), String> {
    if size_of(value) != Some(name) {
        return Ok(());
    }
    if let Some(number) = value.downcast_mut::<Positive>() {
        *number = number.0.at(name, size).try_into()?;
    } else if let Some(number) = value.downcast_mut::<NonNegative>() {
        *number = number.0.at(name, size).try_into()?;
    } else if let Some(number) = value.downcast_mut::<Finite>() {
        *number = number.0.at(name, size).try_into()?;
    } else if let Some(number) = value.downcast_mut::<Decay>() {
        *number = number.0.at(name, size).try_into()?;
    }
    Ok(())
}

/// A number as a file writes it: 0.5, or as text a fraction, "1/784", or a size, "1/pixels".
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number such as 0.5, 1e-3, \"1/784\" or \"1/pixels\"")]
enum GivenNumber {
    Number(f64),
    Text(String),
}

/// A number as it is typed: 0.5, 1e-3, or a fraction such as 1/784.
///
/// # Errors
/// What to write instead.
pub fn number(text: &str) -> Result<f64, String> {
    let hint = "not a number; write one such as 0.5, 1e-3 or 1/784";
    let part = |text: &str| text.trim().parse::<f64>().map_err(|_| hint.to_owned());
    let Some((over, under)) = text.split_once('/') else { return part(text) };
    if ["data-variance", "batch-pixels"].contains(&under.trim()) {
        return Err(format!(
            "depends on the data; write --kl-weight {text}, which multiplies beta, or --recon-weight {text}, or the number"
        ));
    }
    Ok(part(over)? / part(under)?)
}

checked_number!(
    /// A finite number above 0.
    Positive, |value| value.is_finite() && value > 0.0, "a finite number above 0, such as 0.001"
);
checked_number!(
    /// A finite number, 0 or more.
    NonNegative, |value| value.is_finite() && value >= 0.0, "a finite number, 0 or more, such as 1"
);
checked_number!(
    /// A finite number of either sign.
    Finite, |value| value.is_finite(), "a finite number, such as 15"
);
checked_number!(
    /// The decay of a running average: at least 0 and below 1.
    Decay, |value| (0.0..1.0).contains(&value), "at least 0 and below 1, such as 0.9"
);

impl Positive {
    /// 1.
    pub const ONE: Positive = Positive(Written::Number(1.0));

    /// A number that the program itself states.
    pub(super) const fn stated(value: f64) -> Self {
        assert!(value > 0.0 && value.is_finite());
        Positive(Written::Number(value))
    }
}

impl NonNegative {
    /// 1.
    pub const ONE: NonNegative = NonNegative(Written::Number(1.0));

    /// A number that the program itself states.
    pub(super) const fn stated(value: f64) -> Self {
        assert!(value >= 0.0 && value.is_finite());
        NonNegative(Written::Number(value))
    }
}

impl Decay {
    /// A number that the program itself states.
    pub(super) const fn stated(value: f64) -> Self {
        assert!(value >= 0.0 && value < 1.0);
        Decay(Written::Number(value))
    }
}

const NOTHING_LEFT: &str = "nothing would be left; write a whole number of 1 or more";

/// A whole number of 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct Size(usize);

impl Size {
    /// A number that the program itself states.
    pub(super) const fn stated(value: usize) -> Self {
        assert!(value > 0);
        Size(value)
    }

    /// The number.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<usize> for Size {
    type Error = String;

    fn try_from(value: usize) -> Result<Self, String> {
        if value > 0 { Ok(Size(value)) } else { Err(format!("0: {NOTHING_LEFT}")) }
    }
}

impl From<Size> for usize {
    fn from(size: Size) -> usize {
        size.0
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Whoever reports the word has just repeated it.
        whole::<usize>(text)?.try_into().map_err(|_: String| NOTHING_LEFT.to_owned())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A whole number, 0 or more.
///
/// # Errors
/// What to write instead.
pub fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| "not a whole number in range; write one such as 0, 1 or 20".to_owned())
}

/// Widths of hidden layers, each 1 or more: "400,200" as on the command line, a list in a file; none for a linear model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "GivenWidths", into = "Vec<usize>")]
pub struct Widths(Vec<usize>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected widths such as [400, 200] or \"400,200\"")]
enum GivenWidths {
    List(Vec<usize>),
    Text(String),
}

impl Widths {
    /// One width for each layer.
    pub fn as_slice(&self) -> &[usize] {
        &self.0
    }

    /// One hidden layer.
    pub(super) fn one(width: Size) -> Self {
        Widths(vec![width.get()])
    }
}

impl From<Widths> for Vec<usize> {
    fn from(widths: Widths) -> Vec<usize> {
        widths.0
    }
}

impl TryFrom<Vec<usize>> for Widths {
    type Error = String;

    fn try_from(widths: Vec<usize>) -> Result<Self, String> {
        if widths.contains(&0) {
            return Err(
                "a layer of width 0 passes nothing on; give widths of 1 or more, or \"\" for a linear VAE".into()
            );
        }
        Ok(Widths(widths))
    }
}

impl TryFrom<GivenWidths> for Widths {
    type Error = String;

    fn try_from(given: GivenWidths) -> Result<Self, String> {
        match given {
            GivenWidths::List(widths) => widths.try_into(),
            GivenWidths::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Widths(Vec::new()));
        }
        let width = |width: &str| {
            width.trim().parse::<usize>().map_err(|_| {
                format!("{width:?} is not a width; write whole numbers with commas such as 400,200, or \"\" for a linear VAE")
            })
        };
        text.split(',').map(width).collect::<Result<Vec<_>, _>>()?.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_the_number_that_it_rounds_to() {
        assert_eq!("1/784".parse::<NonNegative>().unwrap().get(), 1.0 / 784.0);
        assert_eq!(" 3 / 4e2 ".parse::<Positive>().unwrap().get(), 0.0075);
        assert_eq!(
            toml::from_str::<std::collections::HashMap<String, Positive>>("x = '1/784'").unwrap()["x"].get(),
            1.0 / 784.0
        );
        for wrong in ["1/", "/2", "1/2/3", "1/x", "one"] {
            assert!(wrong.parse::<NonNegative>().unwrap_err().contains("1/784"), "{wrong}");
        }
        assert!("1/0".parse::<NonNegative>().unwrap_err().contains("finite"));
        assert!("0/0".parse::<NonNegative>().unwrap_err().contains("finite"));
        assert!("1/batch-pixels".parse::<NonNegative>().unwrap_err().contains("--kl-weight 1/batch-pixels"));
    }

    #[test]
    fn a_number_in_a_size_is_that_number_once_the_size_is_known() {
        for (text, wanted) in [("1/pixels", 1.0 / 784.0), (" 3 / pixels", 3.0 / 784.0), ("pixels", 784.0)] {
            let mut number: NonNegative = text.parse().unwrap();
            assert!(number.get().is_nan() && size_of(&number) == Some(SizeName::Pixels), "{text}");
            write_out(&mut number, SizeName::Latents, 20).unwrap();
            assert!(number.get().is_nan(), "{text}: another size");
            write_out(&mut number, SizeName::Pixels, 784).unwrap();
            assert_eq!(number, NonNegative::try_from(wanted).unwrap(), "{text}");
        }
        let file = |text: &str| toml::from_str::<std::collections::HashMap<String, Positive>>(text).unwrap()["x"];
        assert_eq!(file("x = '1/latents'"), "1/latents".parse().unwrap());
        assert_eq!(serde_json::to_value(file("x = '0.5/latents'")).unwrap(), serde_json::json!("0.5/latents"));
        for wrong in ["1/pixel", "-1/pixels", "inf/pixels", "x/pixels", "1/2/pixels", "pixels/2"] {
            assert!(wrong.parse::<NonNegative>().is_err(), "{wrong}");
        }
        let mut decay: Decay = "pixels".parse().unwrap();
        assert!(write_out(&mut decay, SizeName::Pixels, 784).unwrap_err().contains("below 1"));
        let mut none: Positive = "0/pixels".parse().unwrap();
        assert!(write_out(&mut none, SizeName::Pixels, 784).unwrap_err().contains("above 0"));
    }
}
