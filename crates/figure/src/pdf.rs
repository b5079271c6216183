//! The PDF backend: lines and marks as paths, text as text in the embedded font, images as images.
//!
//! ISO 32000-1; the numbers of its sections are beside what they are about. The same figure gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::color::{Color, Theme};
use crate::font::{BOLD_FILE, FontWeight, REGULAR_FILE, face, glyph};
use crate::item::{Figure, Fill, Item, Shape};
use crate::point::Point;
use crate::text::{Rotation, TextItem};
use crate::truetype::GlyphId;

/// Points (1/72 inch) per pixel (1/96 inch).
const POINT: f64 = 0.75;
/// How far from the ends of a quarter of a circle of radius 1 the control points of its curve are.
const QUARTER: f64 = 0.552_284_75;

/// The figure as a PDF file of one page, as large as the figure.
pub fn pdf(figure: &Figure, theme: Theme) -> Vec<u8> {
    let mut page =
        Content { theme, height: figure.height, stream: String::new(), glyphs: BTreeMap::new(), images: Vec::new() };
    page.rectangle((0.0, 0.0), (figure.width, figure.height), Color::Paper);
    figure.items.iter().for_each(|item| page.draw(item));

    let mut file = File::default();
    let [catalog, pages, leaf, contents] = [(); 4].map(|()| file.reserve());
    let mut resources = String::from("<< /Font <<");
    for (weight, used) in &page.glyphs {
        let font = file.font(*weight, used);
        let _ = write!(resources, " /{} {font} 0 R", font_name(*weight));
    }
    resources.push_str(" >> /XObject <<");
    for (i, (columns, rows, grey)) in page.images.iter().enumerate() {
        let entries = format!(
            "/Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /DeviceGray /BitsPerComponent 8"
        );
        let image = file.reserve();
        file.stream(image, &entries, grey);
        let _ = write!(resources, " /I{i} {image} 0 R");
    }
    resources.push_str(" >> >>");
    let info = file.reserve();
    file.object(info, &format!("<< /Title {} /Producer (vae-bench) >>", text_string(&figure.title)));
    file.object(catalog, &format!("<< /Type /Catalog /Pages {pages} 0 R /Lang (en) >>"));
    file.object(pages, &format!("<< /Type /Pages /Kids [{leaf} 0 R] /Count 1 >>"));
    let [w, h] = [figure.width, figure.height].map(|v| number(v * POINT));
    file.object(
        leaf,
        &format!(
            "<< /Type /Page /Parent {pages} 0 R /MediaBox [0 0 {w} {h}] /Contents {contents} 0 R /Resources {resources} >>"
        ),
    );
    file.stream(contents, "", page.stream.as_bytes());
    file.finish(catalog, info)
}

/// The operators of a page (annex A), in points from its lower left corner.
struct Content {
    theme: Theme,
    height: f64,
    stream: String,
    /// The characters that are used of each weight, by glyph.
    glyphs: BTreeMap<FontWeight, BTreeMap<GlyphId, char>>,
    images: Vec<(usize, usize, Vec<u8>)>,
}

impl Content {
    fn at(&self, (x, y): Point) -> String {
        format!("{} {}", number(x * POINT), number((self.height - y) * POINT))
    }

    fn push(&mut self, operators: &str) {
        self.stream.push_str(operators);
        self.stream.push('\n');
    }

    /// The operands of a color.
    fn color(&self, color: Color) -> String {
        color.rgb(self.theme).map(|v| number(f64::from(v) / 255.0)).join(" ")
    }

    fn draw(&mut self, item: &Item) {
        match item {
            Item::Line { points, color, width, dash, tooltip: _ } => {
                let dash = dash.pattern().map_or_else(
                    || "[] 0 d".to_owned(),
                    |[on, off]| format!("[{} {}] 0 d", number(on * POINT), number(off * POINT)),
                );
                let (color, width) = (self.color(*color), number(width * POINT));
                let path = self.polyline(points);
                self.push(&format!("{color} RG {width} w 1 j {dash} {path} S"));
            }
            Item::Mark { at, shape, size, color, fill, tooltip: _ } => self.mark(*at, *shape, *size, *color, *fill),
            Item::Text(text) => self.text(text),
            Item::Rect { at, size, color } => self.rectangle(*at, *size, *color),
            Item::Image { at, pixels: (columns, rows), scale, grey, tooltip: _ } => {
                let [w, h] = [columns * scale, rows * scale].map(|v| v as f64);
                let corner = self.at((at.0, at.1 + h));
                let name = self.images.len();
                self.push(&format!("q {} 0 0 {} {corner} cm /I{name} Do Q", number(w * POINT), number(h * POINT)));
                self.images.push((*columns, *rows, grey.clone()));
            }
        }
    }

    fn rectangle(&mut self, (x, y): Point, (w, h): (f64, f64), color: Color) {
        let (color, corner) = (self.color(color), self.at((x, y + h)));
        self.push(&format!("{color} rg {corner} {} {} re f", number(w * POINT), number(h * POINT)));
    }

    fn polyline(&self, points: &[Point]) -> String {
        let mut path = String::new();
        for (i, point) in points.iter().enumerate() {
            let _ = write!(path, "{} {} ", self.at(*point), if i == 0 { "m" } else { "l" });
        }
        path
    }

    fn mark(&mut self, at: Point, shape: Shape, size: f64, color: Color, fill: Fill) {
        let path = match shape {
            Shape::Cross => {
                let lines = [1.0, -1.0]
                    .map(|sign| self.polyline(&[(at.0 - size, at.1 - sign * size), (at.0 + size, at.1 + sign * size)]));
                let color = self.color(color);
                self.push(&format!("{color} RG {} w [] 0 d {} S", number(2.0 * POINT), lines.concat()));
                return;
            }
            Shape::Circle => self.circle(at, size),
            Shape::Square | Shape::Triangle | Shape::Diamond | Shape::TriangleDown => {
                self.polyline(&shape.vertices(at, size))
            }
        };
        let (inside, edge, width) = match fill {
            Fill::Solid => (color, Color::Text, 0.6),
            Fill::Hollow => (Color::Paper, color, 1.4),
        };
        let (inside, edge) = (self.color(inside), self.color(edge));
        self.push(&format!("{inside} rg {edge} RG {} w [] 0 d {path} h B", number(width * POINT)));
    }

    fn circle(&self, (x, y): Point, r: f64) -> String {
        let k = QUARTER * r;
        let curve = |a: Point, b: Point, to: Point| format!("{} {} {} c ", self.at(a), self.at(b), self.at(to));
        [
            format!("{} m ", self.at((x + r, y))),
            curve((x + r, y + k), (x + k, y + r), (x, y + r)),
            curve((x - k, y + r), (x - r, y + k), (x - r, y)),
            curve((x - r, y - k), (x - k, y - r), (x, y - r)),
            curve((x + k, y - r), (x + r, y - k), (x + r, y)),
        ]
        .concat()
    }

    /// Text (9.4.3): the numbers of glyphs, from where the anchor puts the first.
    fn text(&mut self, item: &TextItem) {
        let Some((_, start)) = item.glyphs(item.size).next() else { return };
        let (at, turn) = match item.rotation {
            Rotation::Horizontal => ((item.at.0 + start, item.at.1), "1 0 0 1"),
            Rotation::Vertical => ((item.at.0, item.at.1 - start), "0 1 -1 0"),
        };
        let mut shown = String::new();
        for c in item.text.chars() {
            let Some(id) = glyph(c, item.weight) else { continue };
            self.glyphs.entry(item.weight).or_default().entry(id).or_insert(c);
            let _ = write!(shown, "{id:04x}");
        }
        let (color, at, size) = (self.color(item.color), self.at(at), number(item.size * POINT));
        self.push(&format!("BT {color} rg /{} {size} Tf {turn} {at} Tm <{shown}> Tj ET", font_name(item.weight)));
    }
}

fn font_name(weight: FontWeight) -> &'static str {
    match weight {
        FontWeight::Regular => "R",
        FontWeight::Bold => "B",
    }
}

/// Numbered objects (7.3.10) and where they begin.
#[derive(Default)]
struct File {
    objects: Vec<Vec<u8>>,
}

impl File {
    /// The number of an object that is written later.
    fn reserve(&mut self) -> usize {
        self.objects.push(Vec::new());
        self.objects.len()
    }

    fn object(&mut self, number: usize, body: &str) {
        self.objects[number - 1] = body.as_bytes().to_vec();
    }

    /// A compressed stream (7.3.8).
    fn stream(&mut self, number: usize, entries: &str, bytes: &[u8]) {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        // Writing into memory does not fail.
        let packed = encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default();
        let mut object =
            format!("<< {entries} /Filter /FlateDecode /Length {} >>\nstream\n", packed.len()).into_bytes();
        object.extend_from_slice(&packed);
        object.extend_from_slice(b"\nendstream");
        self.objects[number - 1] = object;
    }

    /// A composite font (9.7) whose character codes are the numbers of glyphs, and the characters that they stand for.
    fn font(&mut self, weight: FontWeight, used: &BTreeMap<GlyphId, char>) -> usize {
        let (name, file) = match weight {
            FontWeight::Regular => ("VAEBCH+Roboto-Regular", REGULAR_FILE),
            FontWeight::Bold => ("VAEBCH+Roboto-Bold", BOLD_FILE),
        };
        let [font, descendant, descriptor, program, unicode] = [(); 5].map(|()| self.reserve());
        let (mut widths, mut map) = (String::new(), String::new());
        let Some(tables) = face(weight) else { return font };
        for (id, c) in used {
            let _ = write!(widths, "{id} [{}] ", number(tables.advance(*id).unwrap_or(0.5) * 1000.0));
            let utf16: String = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("{unit:04x}")).collect();
            let _ = writeln!(map, "<{id:04x}> <{utf16}>");
        }
        self.object(
            font,
            &format!(
                "<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H /DescendantFonts [{descendant} 0 R] \
                 /ToUnicode {unicode} 0 R >>"
            ),
        );
        self.object(
            descendant,
            &format!(
                "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /CIDSystemInfo << /Registry (Adobe) /Ordering \
                 (Identity) /Supplement 0 >> /FontDescriptor {descriptor} 0 R /CIDToGIDMap /Identity /W [ {widths}] >>"
            ),
        );
        let units = |v: i16| number(f64::from(v) * 1000.0 / 2048.0);
        let bounds = tables.bounds.map(units).join(" ");
        let (ascent, descent) = (units(tables.ascent), units(tables.descent));
        self.object(
            descriptor,
            &format!(
                "<< /Type /FontDescriptor /FontName /{name} /Flags 4 /FontBBox [{bounds}] /ItalicAngle 0 /Ascent {ascent} \
                 /Descent {descent} /CapHeight 711 /StemV 80 /FontFile2 {program} 0 R >>"
            ),
        );
        self.stream(program, &format!("/Length1 {}", file.len()), file);
        let cmap = to_unicode(&map, used.len());
        self.stream(unicode, "", cmap.as_bytes());
        font
    }

    /// The header, the objects, the table of where they begin, and where that is (7.5).
    fn finish(self, catalog: usize, info: usize) -> Vec<u8> {
        let mut out = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", self.objects.len() + 1);
        for (i, object) in self.objects.iter().enumerate() {
            let _ = writeln!(table, "{:010} 00000 n ", out.len());
            out.extend_from_slice(format!("{} 0 obj\n", i + 1).as_bytes());
            out.extend_from_slice(object);
            out.extend_from_slice(b"\nendobj\n");
        }
        let end = format!(
            "trailer\n<< /Size {} /Root {catalog} 0 R /Info {info} 0 R >>\nstartxref\n{}\n%%EOF\n",
            self.objects.len() + 1,
            out.len()
        );
        out.extend_from_slice(table.as_bytes());
        out.extend_from_slice(end.as_bytes());
        out
    }
}

/// A mapping from glyphs to characters (9.10.3), which makes text searchable; at most 100 entries in a block.
fn to_unicode(map: &str, count: usize) -> String {
    let lines: Vec<&str> = map.lines().collect();
    let blocks: String = lines
        .chunks(100)
        .map(|block| format!("{} beginbfchar\n{}\nendbfchar\n", block.len(), block.join("\n")))
        .collect();
    let blocks = if count == 0 { String::new() } else { blocks };
    format!(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) \
         /Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <ffff>\n\
         endcodespacerange\n{blocks}endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    )
}

/// A text string (7.9.2.2) in UTF-16.
fn text_string(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("{unit:04x}")).collect();
    format!("<feff{units}>")
}

/// A number with at most three decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.to_owned() }
}
