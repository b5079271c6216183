//! The embedded font: figures need no system font, and every machine draws the same.

use std::sync::LazyLock;

use crate::truetype::{GlyphId, TrueType};

/// The regular weight as a font file; an HTML page embeds it, so that text is as wide there as it was measured here.
pub const REGULAR_FILE: &[u8] = include_bytes!("../fonts/Roboto-Regular.ttf");
/// The bold weight as a font file.
pub const BOLD_FILE: &[u8] = include_bytes!("../fonts/Roboto-Bold.ttf");

static REGULAR: LazyLock<Option<TrueType<'static>>> = LazyLock::new(|| TrueType::parse(REGULAR_FILE));
static BOLD: LazyLock<Option<TrueType<'static>>> = LazyLock::new(|| TrueType::parse(BOLD_FILE));

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
    Close,
}

pub(crate) fn face(weight: FontWeight) -> Option<&'static TrueType<'static>> {
    match weight {
        FontWeight::Regular => REGULAR.as_ref(),
        FontWeight::Bold => BOLD.as_ref(),
    }
}

/// The glyph of `c`; characters that the font lacks are drawn as `?`.
pub(crate) fn glyph(c: char, weight: FontWeight) -> Option<GlyphId> {
    let face = face(weight)?;
    face.glyph(c).or_else(|| face.glyph('?'))
}

/// The advance of a character, in units of the em.
pub(crate) fn advance(c: char, weight: FontWeight) -> f64 {
    glyph(c, weight).and_then(|id| face(weight)?.advance(id)).unwrap_or(0.5)
}

/// The width of `text` at font size `size`.
pub fn width(text: &str, size: f64, weight: FontWeight) -> f64 {
    text.chars().map(|c| advance(c, weight)).sum::<f64>() * size
}

/// The outline of a character, in units of the em.
pub(crate) fn outline(c: char, weight: FontWeight) -> Vec<Segment> {
    glyph(c, weight).and_then(|id| face(weight)?.outline(id)).unwrap_or_default()
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
                assert!(face.glyph(c).is_some(), "{c}");
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
                Segment::Quad(..) | Segment::Close => None,
            })
            .fold(0.0, f32::max);
        assert_eq!(top, 1456.0 / 2048.0);
    }

    /// The reference values are those of the crate skrifa 0.49, which moves some glyphs by a 2048th of the em.
    #[test]
    fn all_252_outlines_have_the_segments_that_a_font_library_reads() {
        for (weight, segments, sum) in
            [(FontWeight::Regular, 5254, 7_341.708_251_953_125), (FontWeight::Bold, 5153, 7_193.081_054_687_5)]
        {
            let font = face(weight).unwrap();
            let drawn = ('\0'..'\u{ffff}').filter(|c| font.glyph(*c).is_some());
            let all: Vec<Segment> = drawn.flat_map(|c| outline(c, weight)).collect();
            let found: f64 = all
                .iter()
                .map(|segment| match *segment {
                    Segment::Move(x, y) | Segment::Line(x, y) => f64::from(x + 2.0 * y),
                    Segment::Quad(a, b, x, y) => f64::from(a + 2.0 * b + x + 2.0 * y),
                    Segment::Close => 0.0,
                })
                .sum();
            assert_eq!(all.len(), segments);
            assert!((found - sum).abs() < 0.2, "{found}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_limit() {
        let text = "a sentence with anextremelylongwordthatfitsnowhereatall and a few short ones";
        for line in wrap(text, 12.0, FontWeight::Regular, 90.0) {
            assert!(width(&line, 12.0, FontWeight::Regular) <= 90.0, "{line}");
        }
    }
}
