//! Plots as plain data: a [`Figure`] is a list of lines, marks and texts that an SVG and a PNG backend render alike.
//!
//! Every position is computed once, in pixels, with the widths of the embedded font; a backend only renders. A figure
//! therefore looks the same in a file, on a page and on any machine.
//!
//! | module | contents |
//! |---|---|
//! | [`Figure`], [`Item`] and their parts | what a figure consists of |
//! | [`scale`], [`number`] | axis ranges and ticks, number formatting |
//! | [`layout`] | captions, panels with axes, legends |
//! | [`labels`] | text labels beside points without overlaps |
//! | [`color`] | colors, palettes, themes |
//! | [`svg`], [`raster`] | the backends |

pub mod color;
mod error;
pub mod escape;
mod font;
mod item;
pub mod labels;
pub mod layout;
mod legend;
pub mod number;
mod panel;
mod point;
pub mod raster;
pub mod scale;
mod sizes;
pub mod svg;
mod text;

pub use color::{Color, Theme};
pub use error::{Error, Result};
pub use font::{BOLD_FILE, FontWeight, REGULAR_FILE, width, wrap};
pub use item::{Dash, Figure, Fill, Item, Shape};
pub use point::Point;
pub use text::{Anchor, Rotation, TextItem};
