//! The embedded font: figures need no system font, and every machine draws the same.

use std::sync::LazyLock;

use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::outline::{DrawSettings, OutlineGlyphCollection, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};

/// The regular weight as a font file; an HTML page embeds it, so that text is as wide there as it was measured here.
pub const REGULAR_FILE: &[u8] = include_bytes!("../fonts/Roboto-Regular.ttf");
/// The bold weight as a font file.
pub const BOLD_FILE: &[u8] = include_bytes!("../fonts/Roboto-Bold.ttf");

static REGULAR: LazyLock<Option<Face>> = LazyLock::new(|| Face::parse(REGULAR_FILE));
static BOLD: LazyLock<Option<Face>> = LazyLock::new(|| Face::parse(BOLD_FILE));

/// The weight of the font.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FontWeight {
    /// Regular.
    Regular,
    /// Bold, for titles.
    Bold,
}

/// A segment of a glyph's outline, in units of the em, y upwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Segment {
    Move(f32, f32),
    Line(f32, f32),
    Quad(f32, f32, f32, f32),
    Cubic(f32, f32, f32, f32, f32, f32),
    Close,
}

/// The tables of a parsed font file.
struct Face {
    charmap: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    outlines: OutlineGlyphCollection<'static>,
    units_per_em: f32,
}

impl Face {
    fn parse(file: &'static [u8]) -> Option<Self> {
        let font = FontRef::new(file).ok()?;
        let (size, location) = (Size::unscaled(), LocationRef::default());
        Some(Face {
            charmap: font.charmap(),
            metrics: font.glyph_metrics(size, location),
            outlines: font.outline_glyphs(),
            units_per_em: f32::from(font.metrics(size, location).units_per_em),
        })
    }

    /// The glyph of `c`; characters the font lacks are drawn as `?`.
    fn glyph(&self, c: char) -> Option<GlyphId> {
        self.charmap.map(c).or_else(|| self.charmap.map('?'))
    }
}

fn face(weight: FontWeight) -> Option<&'static Face> {
    match weight {
        FontWeight::Regular => REGULAR.as_ref(),
        FontWeight::Bold => BOLD.as_ref(),
    }
}

/// The advance of a character, in units of the em.
pub(crate) fn advance(c: char, weight: FontWeight) -> f64 {
    let advance = |face: &Face| {
        let units = face.metrics.advance_width(face.glyph(c)?)?;
        Some(f64::from(units) / f64::from(face.units_per_em))
    };
    face(weight).and_then(advance).unwrap_or(0.5)
}

/// The width of `text` at font size `size`.
pub fn width(text: &str, size: f64, weight: FontWeight) -> f64 {
    text.chars().map(|c| advance(c, weight)).sum::<f64>() * size
}

/// The outline of a character, in units of the em.
pub(crate) fn outline(c: char, weight: FontWeight) -> Vec<Segment> {
    let Some(face) = face(weight) else { return Vec::new() };
    let mut pen = Pen { unit: 1.0 / face.units_per_em, segments: Vec::new() };
    if let Some(glyph) = face.glyph(c).and_then(|id| face.outlines.get(id)) {
        let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
        if glyph.draw(settings, &mut pen).is_err() {
            pen.segments.clear();
        }
    }
    pen.segments
}

/// Collects the segments of an outline.
struct Pen {
    unit: f32,
    segments: Vec<Segment>,
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.segments.push(Segment::Move(x * self.unit, y * self.unit));
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.segments.push(Segment::Line(x * self.unit, y * self.unit));
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.segments.push(Segment::Quad(x1 * self.unit, y1 * self.unit, x * self.unit, y * self.unit));
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let u = self.unit;
        self.segments.push(Segment::Cubic(x1 * u, y1 * u, x2 * u, y2 * u, x * u, y * u));
    }
    fn close(&mut self) {
        self.segments.push(Segment::Close);
    }
}

/// `text` in lines no wider than `limit`; words wider than that are truncated.
pub fn wrap(text: &str, size: f64, weight: FontWeight, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = truncate(word, size, weight, limit);
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

/// `text`, or its beginning and an ellipsis where `text` is wider than `limit`.
pub(crate) fn truncate(text: &str, size: f64, weight: FontWeight, limit: f64) -> String {
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
    fn both_weights_have_every_character_that_figures_use() {
        for weight in [FontWeight::Regular, FontWeight::Bold] {
            let face = face(weight).unwrap();
            for c in "Az09 -ELBO (nats) βσ²·×−–…≥".chars() {
                assert!(face.charmap.map(c).is_some(), "{c}");
            }
            assert!(!outline('R', weight).is_empty());
            assert_eq!(outline('字', weight), outline('?', weight));
        }
    }

    /// The reference values are in the font file: `H` is 1461 units wide and 1456 high, of 2048 per em.
    #[test]
    fn advances_and_outlines_are_those_of_the_font_file() {
        assert_eq!(advance('H', FontWeight::Regular), 1461.0 / 2048.0);
        let top = outline('H', FontWeight::Regular)
            .iter()
            .filter_map(|segment| match segment {
                Segment::Move(_, y) | Segment::Line(_, y) => Some(*y),
                Segment::Quad(..) | Segment::Cubic(..) | Segment::Close => None,
            })
            .fold(0.0, f32::max);
        assert_eq!(top, 1456.0 / 2048.0);
    }

    #[test]
    fn no_line_is_wider_than_the_limit() {
        let text = "a sentence with anextremelylongwordthatfitsnowhereatall and a few short ones";
        for line in wrap(text, 12.0, FontWeight::Regular, 90.0) {
            assert!(width(&line, 12.0, FontWeight::Regular) <= 90.0, "{line}");
        }
    }
}
