//! A line of text in a figure, and the positions of its glyphs: shared by the SVG and the PNG backend.

use crate::color::Color;
use crate::font::{FontWeight, advance, width};
use crate::point::Point;

/// A single line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextItem {
    /// The anchored point of the baseline.
    pub at: Point,
    /// The characters.
    pub text: String,
    /// The font size in pixels.
    pub size: f64,
    /// The font weight.
    pub weight: FontWeight,
    /// The part of the line that lies at `at`.
    pub anchor: Anchor,
    /// The writing direction.
    pub rotation: Rotation,
    /// The color.
    pub color: Color,
}

/// The part of a line of text that is placed at its anchor point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The beginning of the line.
    Start,
    /// The middle of the line.
    Middle,
    /// The end of the line.
    End,
}

/// The writing direction of a line of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Left to right.
    Horizontal,
    /// Bottom to top: rotated by a quarter turn counterclockwise.
    Vertical,
}

impl TextItem {
    /// Horizontal text in the regular weight, anchored at its start, in [`Color::Text`].
    pub fn new(at: Point, text: impl Into<String>, size: f64) -> Self {
        TextItem {
            at,
            text: text.into(),
            size,
            weight: FontWeight::Regular,
            anchor: Anchor::Start,
            rotation: Rotation::Horizontal,
            color: Color::Text,
        }
    }

    /// The same text in bold.
    pub fn bold(self) -> Self {
        TextItem { weight: FontWeight::Bold, ..self }
    }

    /// The same text with another anchor.
    pub fn anchored(self, anchor: Anchor) -> Self {
        TextItem { anchor, ..self }
    }

    /// The same text, rotated.
    pub fn rotated(self, rotation: Rotation) -> Self {
        TextItem { rotation, ..self }
    }

    /// The same text in another color.
    pub fn colored(self, color: Color) -> Self {
        TextItem { color, ..self }
    }

    /// The characters, each with its offset from the anchor along the baseline, in units where the em is `em`.
    pub(crate) fn glyphs(&self, em: f64) -> impl Iterator<Item = (char, f64)> {
        let start = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width(&self.text, em, self.weight) / 2.0,
            Anchor::End => -width(&self.text, em, self.weight),
        };
        let weight = self.weight;
        self.text.chars().scan(start, move |pen, c| {
            let offset = *pen;
            *pen += advance(c, weight) * em;
            Some((c, offset))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyphs_start_at_end_at_or_straddle_the_anchor() {
        let text = TextItem::new((0.0, 0.0), "abc", 10.0);
        let total = width("abc", 10.0, FontWeight::Regular);
        for (anchor, start) in [(Anchor::Start, 0.0), (Anchor::Middle, -total / 2.0), (Anchor::End, -total)] {
            let glyphs: Vec<(char, f64)> = text.clone().anchored(anchor).glyphs(10.0).collect();
            assert_eq!(glyphs.len(), 3);
            assert_eq!(glyphs[0], ('a', start));
            let end = glyphs[2].1 + width("c", 10.0, FontWeight::Regular);
            assert!((end - (start + total)).abs() < 1e-12, "{anchor:?}: {end}");
        }
    }
}
