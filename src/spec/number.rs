//! Numbers that cannot be wrong: what a setting does not allow is refused while it is read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A checked number: its name, its check, and what to write instead.
macro_rules! checked_number {
    ($(#[$meta:meta])* $name:ident, $check:expr, $says:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "GivenNumber", into = "f64")]
        pub struct $name(f64);

        impl TryFrom<GivenNumber> for $name {
            type Error = String;

            fn try_from(given: GivenNumber) -> Result<Self, String> {
                match given {
                    GivenNumber::Number(value) => value.try_into(),
                    GivenNumber::Text(text) => text.parse().map_err(|why| format!("{text:?}: {why}")),
                }
            }
        }

        impl $name {
            /// The number.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = String;

            fn try_from(value: f64) -> Result<Self, String> {
                let check: fn(f64) -> bool = $check;
                if check(value) { Ok($name(value)) } else { Err(format!("{value}: must be {}", $says)) }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                // Whoever reports the word has just repeated it.
                number(text)?.try_into().map_err(|_: String| format!("must be {}", $says))
            }
        }

        impl From<$name> for f64 {
            fn from(number: $name) -> f64 {
                number.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// A number as a file writes it: 0.5, or a fraction as text, "1/784".
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number such as 0.5, 1e-3 or \"1/784\"")]
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
    if ["pixels", "data-variance", "batch-pixels"].contains(&under.trim()) {
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
    /// The decay of a running average: at least 0 and below 1.
    Decay, |value| (0.0..1.0).contains(&value), "at least 0 and below 1, such as 0.9"
);

impl Positive {
    /// 1.
    pub const ONE: Positive = Positive(1.0);

    /// A number that the program itself states.
    pub(super) const fn stated(value: f64) -> Self {
        assert!(value > 0.0 && value.is_finite());
        Positive(value)
    }
}

impl NonNegative {
    /// 1.
    pub const ONE: NonNegative = NonNegative(1.0);

    /// A number that the program itself states.
    pub(super) const fn stated(value: f64) -> Self {
        assert!(value >= 0.0 && value.is_finite());
        NonNegative(value)
    }
}

impl Decay {
    /// A number that the program itself states.
    pub(super) const fn stated(value: f64) -> Self {
        assert!(value >= 0.0 && value < 1.0);
        Decay(value)
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
        assert!("1/pixels".parse::<NonNegative>().unwrap_err().contains("--kl-weight 1/pixels"));
    }
}
