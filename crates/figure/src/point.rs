//! A position in a figure.

/// A point in pixels, from the upper left corner of the figure.
pub type Point = (f64, f64);
