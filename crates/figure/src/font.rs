//! The one font of all pictures, embedded: no system has to have it, and every machine draws the same.

use std::sync::LazyLock;

use ttf_parser::{Face, OutlineBuilder};

/// The font as a file; a page carries it so that its words are as wide as they were measured.
pub const REGULAR_FILE: &[u8] = include_bytes!("../fonts/Roboto-Regular.ttf");
/// The same for titles.
pub const BOLD_FILE: &[u8] = include_bytes!("../fonts/Roboto-Bold.ttf");

static REGULAR: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(REGULAR_FILE, 0).ok());
static BOLD: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(BOLD_FILE, 0).ok());

/// The weight of a font.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Plain.
    Regular,
    /// For titles.
    Bold,
}

/// A stroke of a glyph's outline, in units of the em, y upwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stroke {
    Move(f32, f32),
    Line(f32, f32),
    Quad(f32, f32, f32, f32),
    Cubic(f32, f32, f32, f32, f32, f32),
    Close,
}

fn face(weight: Weight) -> Option<&'static Face<'static>> {
    match weight {
        Weight::Regular => REGULAR.as_ref(),
        Weight::Bold => BOLD.as_ref(),
    }
}

/// What the font has not is written as a question mark.
fn known(face: &Face<'_>, c: char) -> Option<ttf_parser::GlyphId> {
    face.glyph_index(c).or_else(|| face.glyph_index('?'))
}

/// The advance of a character, as a part of the font's size.
pub(super) fn advance(c: char, weight: Weight) -> f64 {
    let advance = |face: &Face<'_>| {
        let units = face.glyph_hor_advance(known(face, c)?)?;
        Some(f64::from(units) / f64::from(face.units_per_em()))
    };
    face(weight).and_then(advance).unwrap_or(0.5)
}

/// How wide `text` is at `size`.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    text.chars().map(|c| advance(c, weight)).sum::<f64>() * size
}

/// The outline of a character, in parts of the font's size.
pub(super) fn outline(c: char, weight: Weight) -> Vec<Stroke> {
    let mut pen = Pen::default();
    if let Some(face) = face(weight) {
        pen.unit = 1.0 / f32::from(face.units_per_em());
        if let Some(glyph) = known(face, c) {
            face.outline_glyph(glyph, &mut pen);
        }
    }
    pen.strokes
}

#[derive(Default)]
struct Pen {
    unit: f32,
    strokes: Vec<Stroke>,
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.strokes.push(Stroke::Move(x * self.unit, y * self.unit));
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.strokes.push(Stroke::Line(x * self.unit, y * self.unit));
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.strokes.push(Stroke::Quad(x1 * self.unit, y1 * self.unit, x * self.unit, y * self.unit));
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let u = self.unit;
        self.strokes.push(Stroke::Cubic(x1 * u, y1 * u, x2 * u, y2 * u, x * u, y * u));
    }
    fn close(&mut self) {
        self.strokes.push(Stroke::Close);
    }
}

/// `text` in lines no wider than `limit`; what is wider without a space is cut with an ellipsis.
pub fn wrap(text: &str, size: f64, weight: Weight, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = cut(word, size, weight, limit);
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, weight) <= limit => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// `text`, or its beginning and an ellipsis where it is wider than `limit`.
pub(super) fn cut(text: &str, size: f64, weight: Weight, limit: f64) -> String {
    if width(text, size, weight) <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = advance('…', weight) * size;
    for c in text.chars() {
        used += advance(c, weight) * size;
        if used > limit {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_are_there_and_know_what_pictures_write() {
        for weight in [Weight::Regular, Weight::Bold] {
            let face = face(weight).unwrap();
            for c in "Az09 -ELBO (nats) βσ²·×−–…≥".chars() {
                assert!(face.glyph_index(c).is_some(), "{c}");
            }
            assert!(!outline('R', weight).is_empty());
            assert_eq!(outline('字', weight), outline('?', weight));
        }
    }

    #[test]
    fn no_line_is_wider_than_it_may_be() {
        let text = "a sentence with anextremelylongwordthatfitsnowhereatall and a few short ones";
        for line in wrap(text, 12.0, Weight::Regular, 90.0) {
            assert!(width(&line, 12.0, Weight::Regular) <= 90.0, "{line}");
        }
    }
}
