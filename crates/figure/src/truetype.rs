//! Reads the outlines of a TrueType file: the few tables that drawing text without hints and kerning takes.
//!
//! Made for the embedded files, so that no font library has to be built. Every read is checked: a file with other content
//! gives no outline, and never a panic. <https://learn.microsoft.com/typography/opentype/spec/otff>

use crate::font::Segment;

/// The tables of a font file.
pub(crate) struct TrueType<'a> {
    cmap: &'a [u8],
    glyf: &'a [u8],
    hmtx: &'a [u8],
    loca: &'a [u8],
    units_per_em: u16,
    /// Ascent, descent and the box of all glyphs (left, bottom, right, top), in font units.
    pub(crate) ascent: i16,
    pub(crate) descent: i16,
    pub(crate) bounds: [i16; 4],
    long_offsets: bool,
    wide_glyphs: u16,
}

/// A glyph's number in the file.
pub(crate) type GlyphId = u16;

/// Where a part of a glyph lies in the whole: x and y become a x + c y + e and b x + d y + f.
type Place = [f32; 6];

fn placed([a, b, c, d, e, f]: &Place, x: f32, y: f32) -> (f32, f32) {
    (a * x + c * y + e, b * x + d * y + f)
}

/// The place of a part of a part.
fn within(outer: &Place, inner: &Place) -> Place {
    let [a, b, c, d, e, f] = *inner;
    let [oa, ob, oc, od, ..] = *outer;
    let (x, y) = placed(outer, e, f);
    [oa * a + oc * b, ob * a + od * b, oa * c + oc * d, ob * c + od * d, x, y]
}

/// A glyph may consist of others, these of others; deeper nesting is a loop.
const DEEPEST: usize = 4;

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(data.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn i16_at(data: &[u8], at: usize) -> Option<i16> {
    u16_at(data, at).map(u16::cast_signed)
}

fn u32_at(data: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?) as usize)
}

impl<'a> TrueType<'a> {
    /// The tables of `file`; `None` where one is missing.
    pub(crate) fn parse(file: &'a [u8]) -> Option<Self> {
        let table = |tag: &[u8; 4]| {
            let records = (0..usize::from(u16_at(file, 4)?)).map(|i| 12 + 16 * i);
            let record = records.into_iter().find(|&at| file.get(at..at + 4) == Some(tag))?;
            let (from, length) = (u32_at(file, record + 8)?, u32_at(file, record + 12)?);
            file.get(from..from.checked_add(length)?)
        };
        let (head, hhea) = (table(b"head")?, table(b"hhea")?);
        let [left, bottom, right, top] = [36, 38, 40, 42].map(|at| i16_at(head, at));
        Some(TrueType {
            cmap: unicode_subtable(table(b"cmap")?)?,
            glyf: table(b"glyf")?,
            hmtx: table(b"hmtx")?,
            loca: table(b"loca")?,
            units_per_em: u16_at(head, 18).filter(|&units| units > 0)?,
            ascent: i16_at(hhea, 4)?,
            descent: i16_at(hhea, 6)?,
            bounds: [left?, bottom?, right?, top?],
            long_offsets: u16_at(head, 50)? == 1,
            wide_glyphs: u16_at(hhea, 34).filter(|&n| n > 0)?,
        })
    }

    /// The glyph of a character, from a subtable of format 4.
    pub(crate) fn glyph(&self, c: char) -> Option<GlyphId> {
        let (cmap, code) = (self.cmap, u16::try_from(u32::from(c)).ok()?);
        let segments = usize::from(u16_at(cmap, 6)?) / 2;
        let (ends, starts) = (14, 16 + 2 * segments);
        let (deltas, offsets) = (starts + 2 * segments, starts + 4 * segments);
        let i = (0..segments).find(|i| u16_at(cmap, ends + 2 * i).is_some_and(|end| end >= code))?;
        let start = u16_at(cmap, starts + 2 * i).filter(|&start| start <= code)?;
        let (delta, offset) = (u16_at(cmap, deltas + 2 * i)?, u16_at(cmap, offsets + 2 * i)?);
        let glyph = match offset {
            0 => code.wrapping_add(delta),
            _ => {
                let at = offsets + 2 * i + usize::from(offset) + 2 * usize::from(code - start);
                u16_at(cmap, at).filter(|&glyph| glyph > 0)?.wrapping_add(delta)
            }
        };
        (glyph > 0).then_some(glyph)
    }

    /// The advance of a glyph, in units of the em.
    pub(crate) fn advance(&self, glyph: GlyphId) -> Option<f64> {
        let units = u16_at(self.hmtx, 4 * usize::from(glyph.min(self.wide_glyphs - 1)))?;
        Some(f64::from(units) / f64::from(self.units_per_em))
    }

    /// The outline of a glyph, in units of the em, y upwards; empty for a space.
    pub(crate) fn outline(&self, glyph: GlyphId) -> Option<Vec<Segment>> {
        let mut segments = Vec::new();
        self.add(glyph, &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], DEEPEST, &mut segments)?;
        Some(segments)
    }

    fn add(&self, glyph: GlyphId, place: &Place, deepest: usize, to: &mut Vec<Segment>) -> Option<()> {
        let offset = |i: usize| {
            if self.long_offsets { u32_at(self.loca, 4 * i) } else { Some(2 * usize::from(u16_at(self.loca, 2 * i)?)) }
        };
        let data = self.glyf.get(offset(glyph.into())?..offset(usize::from(glyph) + 1)?)?;
        if data.is_empty() {
            return Some(());
        }
        match i16_at(data, 0)? {
            contours @ 0.. => self.add_simple(data, contours.unsigned_abs().into(), place, to),
            _ => self.add_parts(data, place, deepest.checked_sub(1)?, to),
        }
    }

    /// Adds a glyph that consists of others, each moved, stretched or turned as a whole.
    fn add_parts(&self, data: &[u8], place: &Place, deepest: usize, to: &mut Vec<Segment>) -> Option<()> {
        const WORDS: u16 = 1;
        const OFFSETS: u16 = 2;
        const MORE: u16 = 0x20;
        let fraction = |at: usize| i16_at(data, at).map(|v| f32::from(v) / 16384.0);
        let mut at = 10;
        loop {
            let (flags, glyph) = (u16_at(data, at)?, u16_at(data, at + 2)?);
            // The embedded files have no part that is placed by its points.
            if flags & OFFSETS == 0 {
                return None;
            }
            let byte = |at: usize| data.get(at).map(|&b| i16::from(b.cast_signed()));
            let (dx, dy) = if flags & WORDS != 0 {
                at += 8;
                (i16_at(data, at - 4)?, i16_at(data, at - 2)?)
            } else {
                at += 6;
                (byte(at - 2)?, byte(at - 1)?)
            };
            let (size, [a, b, c, d]) = match flags & (8 | 0x40 | 0x80) {
                8 => (2, [fraction(at)?, 0.0, 0.0, fraction(at)?]),
                0x40 => (4, [fraction(at)?, 0.0, 0.0, fraction(at + 2)?]),
                0x80 => (8, [fraction(at)?, fraction(at + 2)?, fraction(at + 4)?, fraction(at + 6)?]),
                _ => (0, [1.0, 0.0, 0.0, 1.0]),
            };
            at += size;
            self.add(glyph, &within(place, &[a, b, c, d, dx.into(), dy.into()]), deepest, to)?;
            if flags & MORE == 0 {
                return Some(());
            }
        }
    }

    fn add_simple(&self, data: &[u8], contours: usize, place: &Place, to: &mut Vec<Segment>) -> Option<()> {
        const ON_CURVE: u8 = 1;
        const REPEATED: u8 = 8;
        let ends: Vec<usize> =
            (0..contours).map(|i| u16_at(data, 10 + 2 * i).map(usize::from)).collect::<Option<_>>()?;
        if !ends.is_sorted() {
            return None;
        }
        let count = ends.last().map_or(0, |end| end + 1);
        let mut at = 10 + 2 * contours;
        at += 2 + usize::from(u16_at(data, at)?);
        let mut flags: Vec<u8> = Vec::new();
        while flags.len() < count {
            let flag = *data.get(at)?;
            let repeats = if flag & REPEATED == 0 { 0 } else { usize::from(*data.get(at + 1)?) };
            at += 1 + usize::from(flag & REPEATED != 0);
            flags.extend(std::iter::repeat_n(flag, 1 + repeats));
        }
        flags.truncate(count);
        // Coordinates are steps: of one byte with a sign in the flags, of a word, or as before.
        let mut coordinates = |short: u8, same: u8| -> Option<Vec<i16>> {
            let mut value = 0i16;
            let steps = flags.iter().map(|flag| {
                let step = match (flag & short != 0, flag & same != 0) {
                    (true, positive) => {
                        let size = i16::from(*data.get(at)?);
                        at += 1;
                        if positive { size } else { -size }
                    }
                    (false, true) => 0,
                    (false, false) => {
                        at += 2;
                        i16_at(data, at - 2)?
                    }
                };
                value = value.wrapping_add(step);
                Some(value)
            });
            steps.collect()
        };
        let x = coordinates(2, 0x10)?;
        let y = coordinates(4, 0x20)?;
        let unit = 1.0 / f32::from(self.units_per_em);
        let mut first = 0;
        for end in ends {
            let points: Vec<Vertex> = (first..=end)
                .map(|i| {
                    let (x, y) = placed(place, x[i].into(), y[i].into());
                    Vertex { x: x * unit, y: y * unit, on_curve: flags[i] & ON_CURVE != 0 }
                })
                .collect();
            add_contour(&points, to);
            first = end + 1;
        }
        Some(())
    }
}

/// The first subtable of format 4, which maps the characters up to U+FFFF.
fn unicode_subtable(cmap: &[u8]) -> Option<&[u8]> {
    (0..usize::from(u16_at(cmap, 2)?))
        .filter_map(|i| cmap.get(u32_at(cmap, 8 + 8 * i)?..))
        .find(|table| u16_at(table, 0) == Some(4))
}

#[derive(Clone, Copy)]
struct Vertex {
    x: f32,
    y: f32,
    on_curve: bool,
}

/// A contour of quadratic splines: between two control points lies a point of the curve that is not written.
fn add_contour(points: &[Vertex], to: &mut Vec<Segment>) {
    let middle = |a: Vertex, b: Vertex| Vertex { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0, on_curve: true };
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return };
    let (start, rest) = match (first.on_curve, last.on_curve) {
        (true, _) => (first, &points[1..]),
        (false, true) => (last, &points[..points.len() - 1]),
        (false, false) => (middle(first, last), points),
    };
    to.push(Segment::Move(start.x, start.y));
    let mut control: Option<Vertex> = None;
    for &point in rest.iter().chain([&start]) {
        match (control, point.on_curve) {
            (None, true) => to.push(Segment::Line(point.x, point.y)),
            (None, false) => control = Some(point),
            (Some(c), true) => {
                to.push(Segment::Quad(c.x, c.y, point.x, point.y));
                control = None;
            }
            (Some(c), false) => {
                let between = middle(c, point);
                to.push(Segment::Quad(c.x, c.y, between.x, between.y));
                control = Some(point);
            }
        }
    }
    // Closing a contour draws its last line.
    if to.last() == Some(&Segment::Line(start.x, start.y)) {
        to.pop();
    }
    to.push(Segment::Close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::font::{BOLD_FILE, REGULAR_FILE};

    #[test]
    fn no_cut_and_no_flipped_byte_of_a_font_file_makes_the_reader_panic() {
        let visit = |file: &[u8]| {
            let Some(font) = TrueType::parse(file) else { return };
            for c in ['A', 'é', 'β', '–'] {
                if let Some(glyph) = font.glyph(c) {
                    let _ = (font.advance(glyph), font.outline(glyph));
                }
            }
        };
        for length in (0..REGULAR_FILE.len()).step_by(37) {
            visit(&REGULAR_FILE[..length]);
        }
        for at in (0..BOLD_FILE.len()).step_by(7) {
            let mut damaged = BOLD_FILE.to_vec();
            damaged[at] ^= 0xff;
            visit(&damaged);
        }
    }
}
