//! The backend that paints pixels, and PNG.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint, Rect, Stroke as Pen, StrokeDash,
    Transform,
};

use super::font::{Stroke, advance, outline, width};
use super::{Anchor, Figure, Fill, Ink, Item, Point, Shape, Theme, Turn};
use crate::{Error, Result};

/// Pixels of the PNG for one pixel of the picture: sharp on paper and on dense screens.
const DENSITY: f32 = 2.0;

/// A PNG of more pixels than this is refused: nobody could look at it.
const MOST_PIXELS: f64 = 2e8;

/// The picture as the bytes of a PNG.
///
/// # Errors
/// Where the picture is larger than any could be.
pub fn png(figure: &Figure, theme: Theme) -> Result<Vec<u8>> {
    let (w, h) = ((figure.width as f32 * DENSITY).ceil(), (figure.height as f32 * DENSITY).ceil());
    let too_large = || Error(format!("a picture of {w} x {h} pixels is too large; plot fewer runs"));
    if f64::from(w) * f64::from(h) > MOST_PIXELS {
        return Err(too_large());
    }
    let pixmap = Pixmap::new(w as u32, h as u32).ok_or_else(too_large)?;
    let mut canvas = Canvas { pixmap, theme };
    let [r, g, b] = Ink::Paper.rgb(theme);
    canvas.pixmap.fill(tiny_skia::Color::from_rgba8(r, g, b, 255));
    for item in &figure.items {
        canvas.paint(item);
    }
    // Nothing is transparent on paper, and a sheet of images has no colours: three bytes a pixel do, or one.
    let size = (w as u32, h as u32);
    let pixels = canvas.pixmap.data().chunks_exact(4);
    if pixels.clone().all(|p| p[0] == p[1] && p[1] == p[2]) {
        return encode(size, png::ColorType::Grayscale, &pixels.map(|p| p[0]).collect::<Vec<u8>>());
    }
    encode(size, png::ColorType::Rgb, &pixels.flat_map(|p| [p[0], p[1], p[2]]).collect::<Vec<u8>>())
}

/// Grey pixels as the bytes of a PNG.
///
/// # Errors
/// Where there are none.
pub fn grey_png((columns, rows): (usize, usize), grey: &[u8]) -> Result<Vec<u8>> {
    encode((columns as u32, rows as u32), png::ColorType::Grayscale, grey)
}

/// A file as a page holds it in itself.
pub fn data_uri(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", STANDARD.encode(bytes))
}

fn encode((w, h): (u32, u32), color: png::ColorType, bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = |e: png::EncodingError| Error(format!("a picture of {w} x {h} pixels cannot be written as PNG ({e})"));
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, w, h);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    // Large pixels repeat from row to row.
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(bytes).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

struct Canvas {
    pixmap: Pixmap,
    theme: Theme,
}

impl Canvas {
    fn ink(&self, ink: Ink) -> Paint<'static> {
        let [r, g, b] = ink.rgb(self.theme);
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color_rgba8(r, g, b, 255);
        paint
    }

    fn fill(&mut self, path: &Path, ink: Ink) {
        let scale = Transform::from_scale(DENSITY, DENSITY);
        self.pixmap.fill_path(path, &self.ink(ink), FillRule::Winding, scale, None);
    }

    fn stroke(&mut self, path: &Path, ink: Ink, width: f64, dash: Option<[f64; 2]>) {
        let pen = Pen {
            width: width as f32,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: dash.and_then(|[on, off]| StrokeDash::new(vec![on as f32, off as f32], 0.0)),
            ..Pen::default()
        };
        self.pixmap.stroke_path(path, &self.ink(ink), &pen, Transform::from_scale(DENSITY, DENSITY), None);
    }

    fn paint(&mut self, item: &Item) {
        match item {
            Item::Line { points, ink, width, dash, .. } => {
                if let Some(path) = polyline(points, false) {
                    self.stroke(&path, *ink, *width, dash.pattern());
                }
            }
            Item::Mark { at, shape, size, ink, fill, .. } => self.mark(*at, *shape, *size, *ink, *fill),
            Item::Text { at, text, size, weight, anchor, turn, ink } => {
                let mut pen = match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => -width(text, *size, *weight) / 2.0,
                    Anchor::End => -width(text, *size, *weight),
                };
                let mut letters = PathBuilder::new();
                for c in text.chars() {
                    trace(&mut letters, &outline(c, *weight), *at, pen as f32, *size as f32, *turn);
                    pen += advance(c, *weight) * size;
                }
                if let Some(path) = letters.finish() {
                    self.fill(&path, *ink);
                }
            }
            Item::Block { at, size, ink } => {
                let rect = Rect::from_xywh(at.0 as f32, at.1 as f32, size.0 as f32, size.1 as f32);
                if let Some(rect) = rect {
                    self.fill(&PathBuilder::from_rect(rect), *ink);
                }
            }
            Item::Image { at, pixels, scale, grey, .. } => self.image(*at, *pixels, *scale, grey),
        }
    }

    fn mark(&mut self, at: Point, shape: Shape, size: f64, ink: Ink, fill: Fill) {
        if shape == Shape::Cross {
            for sign in [1.0, -1.0] {
                let stroke = [(at.0 - size, at.1 - sign * size), (at.0 + size, at.1 + sign * size)];
                if let Some(path) = polyline(&stroke, false) {
                    self.stroke(&path, ink, 2.0, None);
                }
            }
            return;
        }
        let path = match shape {
            Shape::Circle => PathBuilder::from_circle(at.0 as f32, at.1 as f32, size as f32),
            _ => polyline(&shape.corners(at, size), true),
        };
        let Some(path) = path else { return };
        let (inside, edge, width) = match fill {
            Fill::Solid => (ink, Ink::Text, 0.6),
            Fill::Hollow => (Ink::Paper, ink, 1.4),
        };
        self.fill(&path, inside);
        self.stroke(&path, edge, width, None);
    }

    fn image(&mut self, at: Point, (columns, rows): (usize, usize), scale: usize, grey: &[u8]) {
        let Some(mut image) = Pixmap::new(columns as u32, rows as u32) else { return };
        for (pixel, &v) in image.data_mut().chunks_exact_mut(4).zip(grey) {
            pixel.copy_from_slice(&[v, v, v, 255]);
        }
        let place = Transform::from_scale(scale as f32 * DENSITY, scale as f32 * DENSITY)
            .post_translate(at.0 as f32 * DENSITY, at.1 as f32 * DENSITY);
        self.pixmap.draw_pixmap(0, 0, image.as_ref(), &PixmapPaint::default(), place, None);
    }
}

fn polyline(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (i, &(x, y)) in points.iter().enumerate() {
        if i == 0 { path.move_to(x as f32, y as f32) } else { path.line_to(x as f32, y as f32) }
    }
    if closed {
        path.close();
    }
    path.finish()
}

/// Adds a glyph whose beginning is `pen` along the line of words from `at`.
fn trace(path: &mut PathBuilder, strokes: &[Stroke], at: Point, pen: f32, size: f32, turn: Turn) {
    let (ax, ay) = (at.0 as f32, at.1 as f32);
    let place = |x: f32, y: f32| {
        let (along, above) = (pen + x * size, y * size);
        match turn {
            Turn::Level => (ax + along, ay - above),
            Turn::Up => (ax - above, ay - along),
        }
    };
    for stroke in strokes {
        match *stroke {
            Stroke::Move(x, y) => {
                let (x, y) = place(x, y);
                path.move_to(x, y);
            }
            Stroke::Line(x, y) => {
                let (x, y) = place(x, y);
                path.line_to(x, y);
            }
            Stroke::Quad(a, b, x, y) => {
                let ((a, b), (x, y)) = (place(a, b), place(x, y));
                path.quad_to(a, b, x, y);
            }
            Stroke::Cubic(a, b, c, d, x, y) => {
                let ((a, b), (c, d), (x, y)) = (place(a, b), place(c, d), place(x, y));
                path.cubic_to(a, b, c, d, x, y);
            }
            Stroke::Close => path.close(),
        }
    }
}
