//! The sizes that panels and legend share, in pixels.

/// The margin at the edges of a figure.
pub(crate) const EDGE: f64 = 16.0;
/// The font size of ticks, keys and notes.
pub(crate) const SMALL: f64 = 11.0;
/// The font size of labels and headings.
pub(crate) const LABEL: f64 = 12.0;
/// The height of a line of text.
pub(crate) const LINE: f64 = 15.0;
