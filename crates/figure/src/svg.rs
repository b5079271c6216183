//! The backend that writes SVG: a file of its own with the font's outlines, or a part of a page in the page's font.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::font::{Stroke, advance, outline, width};
use super::{Anchor, Figure, Fill, Ink, Item, Point, Shape, Theme, Turn, Weight};
use crate::escape::escape;
use crate::raster;

/// Where the picture will be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dress {
    /// Alone: words are outlines, colours are fixed.
    File(Theme),
    /// On a page, whose font and variables (`--text`, `--muted`, `--grid`, `--paper`) it takes.
    Page,
}

/// The picture as SVG text.
pub fn svg(figure: &Figure, dress: Dress) -> String {
    let mut out = String::new();
    let (w, h) = (number(figure.width), number(figure.height));
    let (title, description) = (escape(&figure.title), escape(&figure.description));
    match dress {
        Dress::File(_) => {
            let _ = writeln!(
                out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
                 aria-labelledby=\"t d\">\n<title id=\"t\">{title}</title>\n<desc id=\"d\">{description}</desc>"
            );
            write_glyphs(&mut out, figure);
            let paper = paint(Ink::Paper, dress);
            let _ = writeln!(out, "<rect width=\"{w}\" height=\"{h}\" fill=\"{paper}\"/>");
        }
        // The title of a whole picture would hide those of its points under the pointer.
        Dress::Page => {
            let _ = writeln!(
                out,
                "<svg viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"group\" tabindex=\"0\" \
                 aria-label=\"{title}\" aria-description=\"{description}\">"
            );
        }
    }
    for item in &figure.items {
        write_item(&mut out, item, dress);
    }
    out.push_str("</svg>\n");
    out
}

fn write_item(out: &mut String, item: &Item, dress: Dress) {
    match item {
        Item::Line { points, ink, width, dash, tip } => {
            let dashes =
                dash.pattern().map_or_else(String::new, |[on, off]| format!(" stroke-dasharray=\"{on} {off}\""));
            let points: Vec<String> = points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect();
            let ink = paint(*ink, dress);
            let (points, width) = (points.join(" "), number(*width));
            let shape = format!(
                "polyline points=\"{points}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"{width}\" \
                 stroke-linejoin=\"round\"{dashes}"
            );
            close_with_tip(out, &shape, "polyline", tip.as_deref());
        }
        Item::Mark { at, shape, size, ink, fill, tip } => {
            let ink = paint(*ink, dress);
            let paints = match fill {
                Fill::Solid => format!("fill=\"{ink}\" stroke=\"{}\" stroke-width=\"0.6\"", paint(Ink::Text, dress)),
                Fill::Hollow => format!("fill=\"{}\" stroke=\"{ink}\" stroke-width=\"1.4\"", paint(Ink::Paper, dress)),
            };
            let (x, y, r) = (number(at.0), number(at.1), number(*size));
            let (text, name) = match shape {
                Shape::Circle => (format!("circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {paints}"), "circle"),
                Shape::Cross => {
                    let d = *size;
                    let (left, right, top, low) = (at.0 - d, at.0 + d, at.1 - d, at.1 + d);
                    let [left, right, top, low] = [left, right, top, low].map(number);
                    let d = format!("M{left} {top}L{right} {low}M{left} {low}L{right} {top}");
                    (format!("path d=\"{d}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"2\""), "path")
                }
                _ => {
                    let corners: Vec<String> = shape
                        .corners(*at, *size)
                        .iter()
                        .map(|&(x, y)| format!("{},{}", number(x), number(y)))
                        .collect();
                    (format!("polygon points=\"{}\" {paints}", corners.join(" ")), "polygon")
                }
            };
            close_with_tip(out, &text, name, tip.as_deref());
        }
        Item::Text { at, text, size, weight, anchor, turn, ink } => {
            let ink = paint(*ink, dress);
            match dress {
                Dress::File(_) => write_outlines(out, *at, text, *size, *weight, *anchor, *turn, &ink),
                Dress::Page => write_words(out, *at, text, *size, *weight, *anchor, *turn, &ink),
            }
        }
        Item::Block { at, size, ink } => {
            let [x, y, w, h] = [at.0, at.1, size.0, size.1].map(number);
            let ink = paint(*ink, dress);
            let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{ink}\"/>");
        }
        Item::Image { at, pixels, scale, grey, tip } => {
            let Ok(png) = raster::grey_png(*pixels, grey) else { return };
            let [x, y] = [at.0, at.1].map(number);
            let (w, h) = (pixels.0 * scale, pixels.1 * scale);
            let image = format!(
                "image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" style=\"image-rendering:pixelated\" href=\"{}\"",
                raster::data_uri("image/png", &png)
            );
            close_with_tip(out, &image, "image", tip.as_deref());
        }
    }
}

/// Ends an element, with what is said when one points at it.
fn close_with_tip(out: &mut String, element: &str, name: &str, tip: Option<&str>) {
    let _ = match tip {
        Some(tip) => writeln!(out, "<{element} class=\"pt\"><title>{}</title></{name}>", escape(tip)),
        None => writeln!(out, "<{element}/>"),
    };
}

#[allow(clippy::too_many_arguments, reason = "they are the fields of one item")]
fn write_words(
    out: &mut String,
    (x, y): Point,
    text: &str,
    size: f64,
    weight: Weight,
    anchor: Anchor,
    turn: Turn,
    ink: &str,
) {
    let anchor = match anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if weight == Weight::Bold { " font-weight=\"700\"" } else { "" };
    let place = match turn {
        Turn::Level => format!("x=\"{}\" y=\"{}\"", number(x), number(y)),
        Turn::Up => format!("transform=\"translate({} {}) rotate(-90)\"", number(x), number(y)),
    };
    let _ = writeln!(
        out,
        "<text {place} font-size=\"{}\" fill=\"{ink}\"{anchor}{weight}>{}</text>",
        number(size),
        escape(text)
    );
}

#[allow(clippy::too_many_arguments, reason = "they are the fields of one item")]
fn write_outlines(
    out: &mut String,
    (x, y): Point,
    text: &str,
    size: f64,
    weight: Weight,
    anchor: Anchor,
    turn: Turn,
    ink: &str,
) {
    let rotate = if turn == Turn::Up { " rotate(-90)" } else { "" };
    let _ = write!(
        out,
        "<g transform=\"translate({} {}){rotate} scale({scale} -{scale})\" fill=\"{ink}\" aria-label=\"{}\">",
        number(x),
        number(y),
        escape(text),
        scale = size / EM,
    );
    let mut pen = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width(text, EM, weight) / 2.0,
        Anchor::End => -width(text, EM, weight),
    };
    for c in text.chars() {
        if !c.is_whitespace() {
            let _ = write!(out, "<use href=\"#{}\" x=\"{}\"/>", glyph_id(c, weight), number(pen));
        }
        pen += advance(c, weight) * EM;
    }
    out.push_str("</g>\n");
}

/// Outlines are written once, at this size, in whole units.
const EM: f64 = 1000.0;

fn glyph_id(c: char, weight: Weight) -> String {
    format!("{}{:x}", if weight == Weight::Bold { 'b' } else { 'r' }, u32::from(c))
}

fn write_glyphs(out: &mut String, figure: &Figure) {
    let used: BTreeSet<(Weight, char)> = figure
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Text { text, weight, .. } => Some(text.chars().map(|c| (*weight, c)).collect::<Vec<_>>()),
            _ => None,
        })
        .flatten()
        .filter(|(_, c)| !c.is_whitespace())
        .collect();
    out.push_str("<defs>\n");
    for (weight, c) in used {
        let _ = writeln!(out, "<path id=\"{}\" d=\"{}\"/>", glyph_id(c, weight), path_of(&outline(c, weight)));
    }
    out.push_str("</defs>\n");
}

fn path_of(strokes: &[Stroke]) -> String {
    let u = |v: f32| (f64::from(v) * EM).round() as i64;
    let mut d = String::new();
    for stroke in strokes {
        let _ = match *stroke {
            Stroke::Move(x, y) => write!(d, "M{} {}", u(x), u(y)),
            Stroke::Line(x, y) => write!(d, "L{} {}", u(x), u(y)),
            Stroke::Quad(a, b, x, y) => write!(d, "Q{} {} {} {}", u(a), u(b), u(x), u(y)),
            Stroke::Cubic(a, b, c, e, x, y) => write!(d, "C{} {} {} {} {} {}", u(a), u(b), u(c), u(e), u(x), u(y)),
            Stroke::Close => write!(d, "Z"),
        };
    }
    d
}

fn paint(ink: Ink, dress: Dress) -> String {
    let fixed = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    match (dress, ink) {
        (Dress::File(theme), ink) => fixed(ink.rgb(theme)),
        (Dress::Page, Ink::Rgb(rgb)) => fixed(rgb),
        (Dress::Page, Ink::Text) => "var(--text)".into(),
        (Dress::Page, Ink::Muted) => "var(--muted)".into(),
        (Dress::Page, Ink::Grid) => "var(--grid)".into(),
        (Dress::Page, Ink::Paper) => "var(--paper)".into(),
    }
}

/// A length with at most two decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.to_owned() }
}
