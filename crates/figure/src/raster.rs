//! The PNG backend.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint, Rect, Stroke, StrokeDash, Transform,
};

use crate::color::{Color, Theme};
use crate::error::{Error, Result};
use crate::font::{Segment, outline};
use crate::item::{Figure, Fill, Item, Shape};
use crate::point::Point;
use crate::text::{Rotation, TextItem};

/// Pixels of a PNG per pixel of its figure, for screens of high density.
pub const SCREEN: f32 = 2.0;
/// The same for print: 300 per inch.
pub const PRINT: f32 = 300.0 / 96.0;

/// Larger PNGs are refused.
const MAX_PIXELS: f64 = 2e8;

/// The figure as a PNG file of `density` pixels per pixel of the figure.
///
/// # Errors
/// If the figure is too large.
pub fn png(figure: &Figure, theme: Theme, density: f32) -> Result<Vec<u8>> {
    let (w, h) = ((figure.width as f32 * density).ceil(), (figure.height as f32 * density).ceil());
    let too_large = || Error(format!("a figure of {w} x {h} pixels is too large; plot fewer runs"));
    if f64::from(w) * f64::from(h) > MAX_PIXELS {
        return Err(too_large());
    }
    let pixmap = Pixmap::new(w as u32, h as u32).ok_or_else(too_large)?;
    let mut canvas = Canvas { pixmap, theme, density };
    let [r, g, b] = Color::Paper.rgb(theme);
    canvas.pixmap.fill(tiny_skia::Color::from_rgba8(r, g, b, 255));
    for item in &figure.items {
        canvas.draw(item);
    }
    // No pixel is transparent, and a sheet of images has no colors: three bytes or one per pixel suffice.
    let size = (w as u32, h as u32);
    let pixels = canvas.pixmap.data().chunks_exact(4);
    if pixels.clone().all(|p| p[0] == p[1] && p[1] == p[2]) {
        return encode(size, png::ColorType::Grayscale, &pixels.map(|p| p[0]).collect::<Vec<u8>>());
    }
    encode(size, png::ColorType::Rgb, &pixels.flat_map(|p| [p[0], p[1], p[2]]).collect::<Vec<u8>>())
}

/// A greyscale image of `columns` x `rows` pixels as a PNG file.
///
/// # Errors
/// If the image is empty.
pub fn grey_png((columns, rows): (usize, usize), grey: &[u8]) -> Result<Vec<u8>> {
    encode((columns as u32, rows as u32), png::ColorType::Grayscale, grey)
}

/// A data URI of a file, for embedding in a page.
pub fn data_uri(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", STANDARD.encode(bytes))
}

fn encode((w, h): (u32, u32), color: png::ColorType, bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = |e: png::EncodingError| Error(format!("an image of {w} x {h} pixels cannot be written as PNG ({e})"));
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, w, h);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    // Enlarged images repeat from row to row.
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(bytes).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

struct Canvas {
    pixmap: Pixmap,
    theme: Theme,
    density: f32,
}

impl Canvas {
    fn color(&self, color: Color) -> Paint<'static> {
        let [r, g, b] = color.rgb(self.theme);
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color_rgba8(r, g, b, 255);
        paint
    }

    fn fill(&mut self, path: &Path, color: Color) {
        let scale = Transform::from_scale(self.density, self.density);
        self.pixmap.fill_path(path, &self.color(color), FillRule::Winding, scale, None);
    }

    fn stroke(&mut self, path: &Path, color: Color, width: f64, dash: Option<[f64; 2]>) {
        let stroke = Stroke {
            width: width as f32,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: dash.and_then(|[on, off]| StrokeDash::new(vec![on as f32, off as f32], 0.0)),
            ..Stroke::default()
        };
        self.pixmap.stroke_path(
            path,
            &self.color(color),
            &stroke,
            Transform::from_scale(self.density, self.density),
            None,
        );
    }

    fn draw(&mut self, item: &Item) {
        match item {
            Item::Line { points, color, width, dash, tooltip: _ } => {
                if let Some(path) = polyline(points, false) {
                    self.stroke(&path, *color, *width, dash.pattern());
                }
            }
            Item::Mark { at, shape, size, color, fill, tooltip: _ } => self.mark(*at, *shape, *size, *color, *fill),
            Item::Text(text) => self.text(text),
            Item::Rect { at, size, color } => {
                let rect = Rect::from_xywh(at.0 as f32, at.1 as f32, size.0 as f32, size.1 as f32);
                if let Some(rect) = rect {
                    self.fill(&PathBuilder::from_rect(rect), *color);
                }
            }
            Item::Image { at, pixels, scale, grey, tooltip: _ } => self.image(*at, *pixels, *scale, grey),
        }
    }

    fn text(&mut self, item: &TextItem) {
        let mut glyphs = PathBuilder::new();
        for (c, offset) in item.glyphs(item.size) {
            add_glyph(&mut glyphs, &outline(c, item.weight), item, offset as f32);
        }
        if let Some(path) = glyphs.finish() {
            self.fill(&path, item.color);
        }
    }

    fn mark(&mut self, at: Point, shape: Shape, size: f64, color: Color, fill: Fill) {
        if shape == Shape::Cross {
            for sign in [1.0, -1.0] {
                let line = [(at.0 - size, at.1 - sign * size), (at.0 + size, at.1 + sign * size)];
                if let Some(path) = polyline(&line, false) {
                    self.stroke(&path, color, 2.0, None);
                }
            }
            return;
        }
        let path = match shape {
            Shape::Circle => PathBuilder::from_circle(at.0 as f32, at.1 as f32, size as f32),
            Shape::Square | Shape::Triangle | Shape::Diamond | Shape::TriangleDown | Shape::Cross => {
                polyline(&shape.vertices(at, size), true)
            }
        };
        let Some(path) = path else { return };
        let (inside, edge, width) = match fill {
            Fill::Solid => (color, Color::Text, 0.6),
            Fill::Hollow => (Color::Paper, color, 1.4),
        };
        self.fill(&path, inside);
        self.stroke(&path, edge, width, None);
    }

    fn image(&mut self, at: Point, (columns, rows): (usize, usize), scale: usize, grey: &[u8]) {
        let Some(mut image) = Pixmap::new(columns as u32, rows as u32) else { return };
        for (pixel, &v) in image.data_mut().chunks_exact_mut(4).zip(grey) {
            pixel.copy_from_slice(&[v, v, v, 255]);
        }
        let transform = Transform::from_scale(scale as f32 * self.density, scale as f32 * self.density)
            .post_translate(at.0 as f32 * self.density, at.1 as f32 * self.density);
        self.pixmap.draw_pixmap(0, 0, image.as_ref(), &PixmapPaint::default(), transform, None);
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

/// Adds the outline of a glyph of `text` that starts at `offset` along the baseline.
fn add_glyph(path: &mut PathBuilder, outline: &[Segment], text: &TextItem, offset: f32) {
    let (x0, y0, size) = (text.at.0 as f32, text.at.1 as f32, text.size as f32);
    let to_pixels = |x: f32, y: f32| {
        let (along, above) = (offset + x * size, y * size);
        match text.rotation {
            Rotation::Horizontal => (x0 + along, y0 - above),
            Rotation::Vertical => (x0 - above, y0 - along),
        }
    };
    for segment in outline {
        match *segment {
            Segment::Move(x, y) => {
                let (x, y) = to_pixels(x, y);
                path.move_to(x, y);
            }
            Segment::Line(x, y) => {
                let (x, y) = to_pixels(x, y);
                path.line_to(x, y);
            }
            Segment::Quad(a, b, x, y) => {
                let ((a, b), (x, y)) = (to_pixels(a, b), to_pixels(x, y));
                path.quad_to(a, b, x, y);
            }
            Segment::Close => path.close(),
        }
    }
}
