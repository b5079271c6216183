//! The sizes that all parts of a figure share, in pixels of 1/96 inch.

/// The sizes of text and margins, which depend on the width of the figure alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sizes {
    /// The margin at the edges of the figure.
    pub(crate) edge: f64,
    /// The font size of the title.
    pub(crate) title: f64,
    /// The font size of labels and headings.
    pub(crate) label: f64,
    /// The font size of ticks, keys and notes.
    pub(crate) small: f64,
    /// The factor on the radius of marks.
    pub(crate) mark: f64,
}

/// Figures narrower than this are columns of a page of print, or stand on a phone.
const NARROW: f64 = 480.0;

impl Sizes {
    /// The sizes of a figure of this width. No text is smaller than 6 pt (8 pixels) where the width is that of the print.
    pub(crate) fn of(width: f64) -> Self {
        if width < NARROW {
            Sizes { edge: 8.0, title: 12.5, label: 10.0, small: 9.0, mark: 0.8 }
        } else {
            Sizes { edge: 16.0, title: 16.0, label: 12.0, small: 11.0, mark: 1.0 }
        }
    }

    /// Whether a figure of this width has its legend below the panels.
    pub(crate) fn is_narrow(width: f64) -> bool {
        width < NARROW
    }

    /// The height of a line of small text.
    pub(crate) fn line(&self) -> f64 {
        (self.small * 1.36).round()
    }
}
