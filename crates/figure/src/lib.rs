//! Plots as plain data: a [`chart::Chart`] holds panels in data coordinates, a [`Figure`] is a list of lines, marks and
//! texts that the SVG, the PNG and the PDF backend render alike.
//!
//! Every position is computed once, in pixels, with the widths of the embedded font; a backend only renders. A figure
//! therefore looks the same in a file, on a page and on any machine.
//!
//! | module | contents |
//! |---|---|
//! | [`chart`] | panels with axes, captions, legends, labels; laid out for any width |
//! | [`Figure`], [`Item`] and their parts | what a figure consists of |
//! | [`scale`], [`number`] | axis ranges and ticks, number formatting |
//! | [`color`] | colors, palettes, themes |
//! | [`svg`], [`raster`], [`pdf`] | the backends |

pub mod chart;
pub mod color;
mod error;
pub mod escape;
mod font;
mod item;
mod labels;
mod legend;
pub mod number;
mod panel;
pub mod pdf;
mod point;
pub mod raster;
pub mod scale;
mod sizes;
pub mod svg;
mod text;
mod truetype;

pub use color::{Color, Theme};
pub use error::{Error, Result};
pub use font::{BOLD_FILE, FontWeight, REGULAR_FILE, width, wrap};
pub use item::{Dash, Figure, Fill, Item, Shape};
pub use point::Point;
pub use text::{Anchor, Rotation, TextItem};
