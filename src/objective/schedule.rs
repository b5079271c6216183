//! How beta (or a capacity) rises while training.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A moment of the training, in steps; a step is one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Steps made before this one.
    pub step: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
}

impl Time {
    /// After all that rises has risen: what an objective ends as.
    pub const END: Time = Time { step: u64::MAX, steps_per_epoch: 1 };
}

/// A stretch of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many passes over the training images.
    Epochs(u32),
    /// So many batches.
    Steps(u64),
}

/// The shape of a rise from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// t/T, then 1 (Bowman et al. 2016).
    Linear,
    /// (1 - cos(pi*t/T))/2, then 1.
    Cosine,
    /// Again and again with period T: linear in the first half, 1 in the second (Fu et al. 2019, R = 0.5).
    Cyclical,
}

/// A rise of a given shape over a given length, typed as `linear:5`, `cosine:500steps`, `cyclical:2epochs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rise {
    /// The shape.
    pub shape: Shape,
    /// T.
    pub length: Length,
}

impl Rise {
    /// The fraction reached at `time`, in [0, 1].
    pub fn at(self, time: Time) -> f64 {
        let length = match self.length {
            Length::Epochs(n) => u64::from(n).saturating_mul(time.steps_per_epoch),
            Length::Steps(n) => n,
        };
        let t = time.step as f64 / length.max(1) as f64;
        match self.shape {
            Shape::Linear => t.min(1.0),
            Shape::Cosine => 0.5 * (1.0 - (std::f64::consts::PI * t.min(1.0)).cos()),
            Shape::Cyclical if time == Time::END => 1.0,
            Shape::Cyclical => (2.0 * t.fract()).min(1.0),
        }
    }
}

impl fmt::Display for Rise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = match self.shape {
            Shape::Linear => "linear",
            Shape::Cosine => "cosine",
            Shape::Cyclical => "cyclical",
        };
        match self.length {
            Length::Epochs(n) => write!(f, "{shape}:{n}epochs"),
            Length::Steps(n) => write!(f, "{shape}:{n}steps"),
        }
    }
}

impl FromStr for Rise {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint =
            || "write a shape and a length such as linear:5epochs, cosine:500steps or cyclical:2epochs".to_owned();
        let (shape, length) = text.trim().split_once(':').ok_or_else(hint)?;
        let shape = match shape {
            "linear" => Shape::Linear,
            "cosine" => Shape::Cosine,
            "cyclical" => Shape::Cyclical,
            _ => return Err(hint()),
        };
        let length = if let Some(steps) = length.strip_suffix("steps") {
            Length::Steps(steps.trim().parse().map_err(|_| hint())?)
        } else {
            Length::Epochs(length.trim_end_matches("epochs").trim().parse().map_err(|_| hint())?)
        };
        match length {
            Length::Epochs(0) | Length::Steps(0) => Err(hint()),
            _ => Ok(Rise { shape, length }),
        }
    }
}

impl TryFrom<String> for Rise {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Rise> for String {
    fn from(value: Rise) -> String {
        value.to_string()
    }
}
