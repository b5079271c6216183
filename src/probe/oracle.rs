//! Who answers: anything that gives values for inputs.

use super::design::Inputs;
use crate::error::Error;

/// A loss function that can be called.
pub trait Oracle {
    /// The value of everything that the loss returns for `inputs`.
    ///
    /// # Errors
    /// What kept it from answering.
    fn ask(&mut self, inputs: &Inputs) -> Result<Reply, Unanswered>;

    /// Its parameters that are numbers, with their values.
    fn parameters(&self) -> Vec<(String, f64)> {
        Vec::new()
    }
}

/// What a loss returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// One, or the members of a tuple or a dictionary.
    pub parts: Vec<Part>,
    /// The rounding unit of the numbers that it returned.
    pub rounding: f64,
}

/// One number that a loss returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its place in a tuple, or its key.
    pub name: String,
    /// The number; the average where it is one for each image.
    pub value: f64,
    /// Whether it came as one for each image.
    pub per_image: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The function failed at these inputs, with its own words.
    Raised(String),
    /// Nothing can be asked any more.
    Broken(Error),
}

impl Reply {
    /// A loss that returns one number in double precision.
    pub fn number(value: f64) -> Self {
        Reply { parts: vec![Part { name: String::new(), value, per_image: false }], rounding: f64::EPSILON }
    }
}

impl<F: FnMut(&Inputs) -> f64> Oracle for F {
    fn ask(&mut self, inputs: &Inputs) -> Result<Reply, Unanswered> {
        Ok(Reply::number(self(inputs)))
    }
}
