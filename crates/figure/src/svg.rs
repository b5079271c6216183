//! The SVG backend: a file of its own with text as outlines, or a part of an HTML page in the font of the page.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::color::{CATEGORIES, Color, STEPS, Theme};
use crate::escape::escape;
use crate::font::{FontWeight, Segment, outline};
use crate::item::{Figure, Fill, Item, Shape};
use crate::point::Point;
use crate::raster;
use crate::text::{Anchor, Rotation, TextItem};

/// Where the SVG will be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SvgTarget {
    /// A file: text is drawn as outlines, and colors are those of the theme.
    File(Theme),
    /// An HTML page, which provides the font and the colors as CSS variables (`--text`, `--muted`, `--grid`, `--paper`, and
    /// those of [`css_palette`](crate::color::css_palette)).
    Page,
}

/// The figure as SVG.
pub fn svg(figure: &Figure, target: SvgTarget) -> String {
    let mut out = String::new();
    let (w, h) = (number(figure.width), number(figure.height));
    let (title, description) = (escape(&figure.title), escape(&figure.description));
    match target {
        SvgTarget::File(_) => {
            let _ = writeln!(
                out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
                 aria-labelledby=\"t d\">\n<title id=\"t\">{title}</title>\n<desc id=\"d\">{description}</desc>"
            );
            write_glyphs(&mut out, figure);
            let paper = paint(Color::Paper, target);
            let _ = writeln!(out, "<rect width=\"{w}\" height=\"{h}\" fill=\"{paper}\"/>");
        }
        // A title element would become a tooltip of the whole figure and hide those of its marks.
        SvgTarget::Page => {
            let _ = writeln!(
                out,
                "<svg viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"group\" tabindex=\"0\" \
                 aria-label=\"{title}\" aria-description=\"{description}\">"
            );
        }
    }
    for item in &figure.items {
        write_item(&mut out, item, target);
    }
    out.push_str("</svg>\n");
    out
}

fn write_item(out: &mut String, item: &Item, target: SvgTarget) {
    match item {
        Item::Line { points, color, width, dash, tooltip } => {
            let dashes =
                dash.pattern().map_or_else(String::new, |[on, off]| format!(" stroke-dasharray=\"{on} {off}\""));
            let (points, color, width) = (point_list(points), paint(*color, target), number(*width));
            let element = format!(
                "polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" \
                 stroke-linejoin=\"round\"{dashes}"
            );
            write_element(out, "polyline", &element, tooltip.as_deref());
        }
        Item::Mark { at, shape, size, color, fill, tooltip } => {
            let color = paint(*color, target);
            let paints = match fill {
                Fill::Solid => {
                    format!("fill=\"{color}\" stroke=\"{}\" stroke-width=\"0.6\"", paint(Color::Text, target))
                }
                Fill::Hollow => {
                    format!("fill=\"{}\" stroke=\"{color}\" stroke-width=\"1.4\"", paint(Color::Paper, target))
                }
            };
            let (name, element) = match shape {
                Shape::Circle => {
                    let [x, y, r] = [at.0, at.1, *size].map(number);
                    ("circle", format!("circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {paints}"))
                }
                Shape::Cross => {
                    let [left, right, top, low] = [at.0 - size, at.0 + size, at.1 - size, at.1 + size].map(number);
                    let d = format!("M{left} {top}L{right} {low}M{left} {low}L{right} {top}");
                    ("path", format!("path d=\"{d}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\""))
                }
                Shape::Square | Shape::Triangle | Shape::Diamond | Shape::TriangleDown => {
                    let vertices = point_list(&shape.vertices(*at, *size));
                    ("polygon", format!("polygon points=\"{vertices}\" {paints}"))
                }
            };
            write_element(out, name, &element, tooltip.as_deref());
        }
        Item::Text(text) => match target {
            SvgTarget::File(_) => write_outlines(out, text, target),
            SvgTarget::Page => write_text(out, text, target),
        },
        Item::Rect { at, size, color } => {
            let [x, y, w, h] = [at.0, at.1, size.0, size.1].map(number);
            let color = paint(*color, target);
            let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{color}\"/>");
        }
        Item::Image { at, pixels, scale, grey, tooltip } => {
            let Ok(png) = raster::grey_png(*pixels, grey) else { return };
            let [x, y] = [at.0, at.1].map(number);
            let (w, h) = (pixels.0 * scale, pixels.1 * scale);
            let element = format!(
                "image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" style=\"image-rendering:pixelated\" href=\"{}\"",
                raster::data_uri("image/png", &png)
            );
            write_element(out, "image", &element, tooltip.as_deref());
        }
    }
}

/// Writes `element`, whose tag is `name`, with its tooltip.
fn write_element(out: &mut String, name: &str, element: &str, tooltip: Option<&str>) {
    let _ = match tooltip {
        Some(tooltip) => writeln!(out, "<{element} class=\"pt\"><title>{}</title></{name}>", escape(tooltip)),
        None => writeln!(out, "<{element}/>"),
    };
}

/// Writes text as a text element.
fn write_text(out: &mut String, item: &TextItem, target: SvgTarget) {
    let anchor = match item.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = match item.weight {
        FontWeight::Regular => "",
        FontWeight::Bold => " font-weight=\"700\"",
    };
    let [x, y, size] = [item.at.0, item.at.1, item.size].map(number);
    let position = match item.rotation {
        Rotation::Horizontal => format!("x=\"{x}\" y=\"{y}\""),
        Rotation::Vertical => format!("transform=\"translate({x} {y}) rotate(-90)\""),
    };
    let (color, text) = (paint(item.color, target), escape(&item.text));
    let _ = writeln!(out, "<text {position} font-size=\"{size}\" fill=\"{color}\"{anchor}{weight}>{text}</text>");
}

/// Writes text as references to the outlines of its glyphs.
fn write_outlines(out: &mut String, item: &TextItem, target: SvgTarget) {
    let rotate = match item.rotation {
        Rotation::Horizontal => "",
        Rotation::Vertical => " rotate(-90)",
    };
    let [x, y] = [item.at.0, item.at.1].map(number);
    let scale = item.size / EM;
    let (color, text) = (paint(item.color, target), escape(&item.text));
    let _ = write!(
        out,
        "<g transform=\"translate({x} {y}){rotate} scale({scale} -{scale})\" fill=\"{color}\" aria-label=\"{text}\">"
    );
    for (c, offset) in item.glyphs(EM).filter(|(c, _)| !c.is_whitespace()) {
        let _ = write!(out, "<use href=\"#{}\" x=\"{}\"/>", glyph_id(c, item.weight), number(offset));
    }
    out.push_str("</g>\n");
}

/// The em of the glyph definitions, which are written in whole units.
const EM: f64 = 1000.0;

fn glyph_id(c: char, weight: FontWeight) -> String {
    let prefix = match weight {
        FontWeight::Regular => 'r',
        FontWeight::Bold => 'b',
    };
    format!("{prefix}{:x}", u32::from(c))
}

/// Writes the definition of every glyph in the figure.
fn write_glyphs(out: &mut String, figure: &Figure) {
    let mut glyphs: BTreeSet<(FontWeight, char)> = BTreeSet::new();
    for item in &figure.items {
        if let Item::Text(TextItem { text, weight, .. }) = item {
            glyphs.extend(text.chars().filter(|c| !c.is_whitespace()).map(|c| (*weight, c)));
        }
    }
    out.push_str("<defs>\n");
    for (weight, c) in glyphs {
        let _ = writeln!(out, "<path id=\"{}\" d=\"{}\"/>", glyph_id(c, weight), path_data(&outline(c, weight)));
    }
    out.push_str("</defs>\n");
}

fn path_data(segments: &[Segment]) -> String {
    let u = |v: f32| (f64::from(v) * EM).round() as i64;
    let mut d = String::new();
    for segment in segments {
        let _ = match *segment {
            Segment::Move(x, y) => write!(d, "M{} {}", u(x), u(y)),
            Segment::Line(x, y) => write!(d, "L{} {}", u(x), u(y)),
            Segment::Quad(a, b, x, y) => write!(d, "Q{} {} {} {}", u(a), u(b), u(x), u(y)),
            Segment::Close => write!(d, "Z"),
        };
    }
    d
}

/// The CSS value of a color.
fn paint(color: Color, target: SvgTarget) -> String {
    match (target, color) {
        (SvgTarget::File(theme), color) => {
            let [r, g, b] = color.rgb(theme);
            format!("#{r:02x}{g:02x}{b:02x}")
        }
        (SvgTarget::Page, Color::Text) => "var(--text)".into(),
        (SvgTarget::Page, Color::Muted) => "var(--muted)".into(),
        (SvgTarget::Page, Color::Grid) => "var(--grid)".into(),
        (SvgTarget::Page, Color::Paper) => "var(--paper)".into(),
        (SvgTarget::Page, Color::Category(i)) => format!("var(--c{})", i % CATEGORIES),
        (SvgTarget::Page, Color::Ramp(step)) => format!("var(--r{})", step.min(STEPS - 1)),
    }
}

fn point_list(points: &[Point]) -> String {
    points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect::<Vec<_>>().join(" ")
}

/// A length with at most two decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.to_owned() }
}
