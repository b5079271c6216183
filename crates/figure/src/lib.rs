//! Pictures as plain data: a list of lines, marks and words, which two backends draw alike.
//!
//! Everything is placed once, in pixels, with the widths of the embedded font; a backend only paints. So a picture is
//! the same in a file, on a page and on any machine.

pub mod color;
pub mod escape;
mod font;
pub mod layout;
pub mod number;
pub mod place;
pub mod raster;
pub mod scale;
pub mod svg;

use clap::ValueEnum;

pub use font::{BOLD_FILE, REGULAR_FILE, Weight, width, wrap};

/// A picture that cannot be drawn; the reason as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub height: f64,
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, for those who cannot see it.
    pub description: String,
    /// What is painted, in this order.
    pub items: Vec<Item>,
}

/// A point in pixels, from the upper left.
pub type Point = (f64, f64);

/// One thing that is painted.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A broken line.
    Line {
        /// Its corners.
        points: Vec<Point>,
        /// Its colour.
        ink: Ink,
        /// Its width in pixels.
        width: f64,
        /// Whole or dashed.
        dash: Dash,
        /// What is said when one points at it.
        tip: Option<String>,
    },
    /// A mark at a point of the data.
    Mark {
        /// Its middle.
        at: Point,
        /// Its form.
        shape: Shape,
        /// Its radius in pixels.
        size: f64,
        /// Its colour.
        ink: Ink,
        /// Whether its inside is painted.
        fill: Fill,
        /// What is said when one points at it.
        tip: Option<String>,
    },
    /// Words.
    Text {
        /// Where the words are anchored, on their base line.
        at: Point,
        /// The words.
        text: String,
        /// The size of the font in pixels.
        size: f64,
        /// Its weight.
        weight: Weight,
        /// Which end is anchored.
        anchor: Anchor,
        /// Along which direction they run.
        turn: Turn,
        /// Their colour.
        ink: Ink,
    },
    /// A filled rectangle.
    Block {
        /// Upper left corner.
        at: Point,
        /// Width and height.
        size: (f64, f64),
        /// Its colour.
        ink: Ink,
    },
    /// Grey pixels.
    Image {
        /// Upper left corner.
        at: Point,
        /// Pixels in a row, and rows.
        pixels: (usize, usize),
        /// The edge of a pixel, in pixels of the picture.
        scale: usize,
        /// From 0, black, to 255, white; row by row.
        grey: Vec<u8>,
        /// What is said to those who cannot see it.
        tip: Option<String>,
    },
}

/// A colour by its purpose, so that a picture can be shown on light and on dark paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Words and axes.
    Text,
    /// Words of lesser weight.
    Muted,
    /// Lines that guide the eye.
    Grid,
    /// What the picture is painted on.
    Paper,
    /// This colour on any paper.
    Rgb([u8; 3]),
}

/// The paper of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// dark ink on white
    Light,
    /// light ink on near black
    Dark,
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Not at all.
    Whole,
    /// Dashed.
    Dashed,
    /// Dotted.
    Dotted,
}

/// The form of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A triangle on its base.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// A triangle on its tip.
    Down,
    /// Two crossed strokes.
    Cross,
}

/// Whether the inside of a mark is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// With its ink, and a thin edge in the colour of the text.
    Solid,
    /// With the paper, inside an edge of its ink.
    Hollow,
}

/// The end of the words that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Their beginning.
    Start,
    /// Their middle.
    Middle,
    /// Their end.
    End,
}

/// The direction of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Left to right.
    Level,
    /// Upwards.
    Up,
}

impl Shape {
    /// Distinct forms, for series that come one after another.
    pub const ALL: [Shape; 5] = [Shape::Circle, Shape::Square, Shape::Triangle, Shape::Diamond, Shape::Down];

    /// The corners of the form with radius `r` around `at`; none for a circle, which has no corners, and for a cross.
    pub fn corners(self, (x, y): Point, r: f64) -> Vec<Point> {
        let by = |offsets: &[(f64, f64)]| offsets.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
        match self {
            Shape::Circle | Shape::Cross => Vec::new(),
            Shape::Square => by(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Shape::Triangle => by(&[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)]),
            Shape::Diamond => by(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            Shape::Down => by(&[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)]),
        }
    }
}

impl Ink {
    /// The colour on this paper: without hue, so that a sheet of grey images is grey throughout.
    pub fn rgb(self, theme: Theme) -> [u8; 3] {
        match (self, theme) {
            (Ink::Rgb(rgb), _) => rgb,
            (Ink::Text, Theme::Light) => [0x1c; 3],
            (Ink::Text, Theme::Dark) => [0xee; 3],
            (Ink::Muted, Theme::Light) => [0x5a; 3],
            (Ink::Muted, Theme::Dark) => [0xb0; 3],
            (Ink::Grid, Theme::Light) => [0xe4; 3],
            (Ink::Grid, Theme::Dark) => [0x3a; 3],
            (Ink::Paper, Theme::Light) => [0xff; 3],
            (Ink::Paper, Theme::Dark) => [0x16; 3],
        }
    }
}

impl Dash {
    /// Lengths of stroke and gap, in pixels; none for a whole line.
    pub fn pattern(self) -> Option<[f64; 2]> {
        match self {
            Dash::Whole => None,
            Dash::Dashed => Some([5.0, 3.0]),
            Dash::Dotted => Some([1.5, 2.5]),
        }
    }
}

impl Figure {
    /// Words at `at`.
    pub fn text(&mut self, at: Point, text: impl Into<String>, size: f64, anchor: Anchor, ink: Ink) {
        let (weight, turn) = (Weight::Regular, Turn::Level);
        self.items.push(Item::Text { at, text: text.into(), size, weight, anchor, turn, ink });
    }

    /// A line.
    pub fn line(&mut self, points: Vec<Point>, ink: Ink, width: f64, dash: Dash) {
        self.items.push(Item::Line { points, ink, width, dash, tip: None });
    }

    /// A mark.
    pub fn mark(&mut self, at: Point, shape: Shape, ink: Ink, fill: Fill, tip: Option<String>) {
        self.items.push(Item::Mark { at, shape, size: 4.0, ink, fill, tip });
    }
}
