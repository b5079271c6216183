//! What a figure consists of.

use crate::color::Color;
use crate::point::Point;
use crate::text::{Anchor, TextItem};

/// A figure: its size, its accessible description and its items.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The width in pixels.
    pub width: f64,
    /// The height in pixels.
    pub height: f64,
    /// A short title.
    pub title: String,
    /// A description for screen readers.
    pub description: String,
    /// The items in drawing order: later items cover earlier ones.
    pub items: Vec<Item>,
}

/// One item of a figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A polyline.
    Line {
        /// The vertices.
        points: Vec<Point>,
        /// The color.
        color: Color,
        /// The width in pixels.
        width: f64,
        /// The dash pattern.
        dash: Dash,
        /// The tooltip.
        tooltip: Option<String>,
    },
    /// A mark at a data point.
    Mark {
        /// The center.
        at: Point,
        /// The shape.
        shape: Shape,
        /// The radius in pixels.
        size: f64,
        /// The color.
        color: Color,
        /// Solid or hollow.
        fill: Fill,
        /// The tooltip.
        tooltip: Option<String>,
    },
    /// A line of text.
    Text(TextItem),
    /// A filled rectangle.
    Rect {
        /// The upper left corner.
        at: Point,
        /// Width and height.
        size: (f64, f64),
        /// The color.
        color: Color,
    },
    /// A greyscale image.
    Image {
        /// The upper left corner.
        at: Point,
        /// Columns and rows.
        pixels: (usize, usize),
        /// Pixels of the figure per pixel of the image.
        scale: usize,
        /// The pixels row by row, from 0 (black) to 255 (white).
        grey: Vec<u8>,
        /// The tooltip.
        tooltip: Option<String>,
    },
}

/// The dash pattern of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// A solid line.
    Solid,
    /// A dashed line.
    Dashed,
    /// A dotted line.
    Dotted,
}

/// The shape of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A triangle that points upwards.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// A triangle that points downwards.
    TriangleDown,
    /// Two crossed strokes.
    Cross,
}

/// How the inside of a mark is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// With the color of the mark, and a thin outline in the color of the text.
    Solid,
    /// With the background, and an outline in the color of the mark.
    Hollow,
}

impl Shape {
    /// Distinct shapes for successive series.
    pub const ALL: [Shape; 5] = [Shape::Circle, Shape::Square, Shape::Triangle, Shape::Diamond, Shape::TriangleDown];

    /// The vertices of the shape with radius `r` around `at`; empty for a circle and for a cross.
    pub fn vertices(self, (x, y): Point, r: f64) -> Vec<Point> {
        let at = |offsets: &[(f64, f64)]| offsets.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
        match self {
            Shape::Circle | Shape::Cross => Vec::new(),
            Shape::Square => at(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Shape::Triangle => at(&[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)]),
            Shape::Diamond => at(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            Shape::TriangleDown => at(&[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)]),
        }
    }
}

impl Dash {
    /// The lengths of a dash and a gap in pixels; `None` for a solid line.
    pub fn pattern(self) -> Option<[f64; 2]> {
        match self {
            Dash::Solid => None,
            Dash::Dashed => Some([5.0, 3.0]),
            Dash::Dotted => Some([1.5, 2.5]),
        }
    }
}

impl Figure {
    /// A figure without items, whose size is not known yet.
    pub fn empty() -> Self {
        Figure { width: 0.0, height: 0.0, title: String::new(), description: String::new(), items: Vec::new() }
    }

    /// Adds horizontal text in the regular weight.
    pub fn text(&mut self, at: Point, text: impl Into<String>, size: f64, anchor: Anchor, color: Color) {
        self.items.push(Item::Text(TextItem::new(at, text, size).anchored(anchor).colored(color)));
    }

    /// Adds a line without a tooltip.
    pub fn line(&mut self, points: Vec<Point>, color: Color, width: f64, dash: Dash) {
        self.items.push(Item::Line { points, color, width, dash, tooltip: None });
    }

    /// Adds a mark of the default size.
    pub fn mark(&mut self, at: Point, shape: Shape, color: Color, fill: Fill, tooltip: Option<String>) {
        self.items.push(Item::Mark { at, shape, size: 4.0, color, fill, tooltip });
    }
}
