//! The legend beside the panels of a figure.

use crate::color::{Color, gradient};
use crate::font::{FontWeight, wrap};
use crate::item::{Dash, Figure, Fill, Item, Shape};
use crate::point::Point;
use crate::scale::Scale;
use crate::sizes::{EDGE, LABEL, LINE, SMALL};
use crate::text::{Anchor, TextItem};

/// The width of the legend in pixels.
pub(crate) const WIDTH: f64 = 196.0;
/// The height of a color bar.
const BAR: f64 = 150.0;
/// The number of colors in a color bar.
const BAR_STEPS: usize = 50;
/// The width of the swatch before the label of a key.
const SWATCH: f64 = 30.0;
/// Labels of keys are truncated after this number of lines.
const MAX_KEY_LINES: usize = 3;
/// Space above a heading.
const ABOVE_HEADING: f64 = 8.0;

/// An entry of a legend.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A heading.
    Heading(String),
    /// A line or a mark with its meaning.
    Key {
        /// The color of the line and the mark.
        color: Color,
        /// The mark.
        shape: Option<(Shape, Fill)>,
        /// The line.
        dash: Option<Dash>,
        /// The meaning.
        label: String,
    },
    /// A color bar.
    Bar {
        /// The quantity.
        label: String,
        /// The scale of its values.
        scale: Scale,
    },
}

impl Entry {
    pub(crate) fn height(&self) -> f64 {
        match self {
            Entry::Heading(text) => heading_height(text),
            Entry::Key { label, .. } => LINE * key_lines(label).len().max(1) as f64 + 3.0,
            Entry::Bar { label, .. } => heading_height(label) + BAR + 10.0,
        }
    }
}

/// Draws the entries below each other, from the upper left corner `(x, y)`.
pub(crate) fn draw(f: &mut Figure, (x, mut y): Point, entries: &[Entry]) {
    for entry in entries {
        match entry {
            Entry::Heading(text) => heading(f, (x, y), text),
            Entry::Key { color, shape, dash, label } => {
                if let Some(dash) = dash {
                    f.line(vec![(x, y + 5.0), (x + SWATCH - 8.0, y + 5.0)], *color, 1.8, *dash);
                }
                if let Some((shape, fill)) = shape {
                    f.mark((x + (SWATCH - 8.0) / 2.0, y + 5.0), *shape, *color, *fill, None);
                }
                for (i, line) in key_lines(label).into_iter().enumerate() {
                    f.text((x + SWATCH, y + 9.0 + LINE * i as f64), line, SMALL, Anchor::Start, Color::Text);
                }
            }
            Entry::Bar { label, scale } => {
                heading(f, (x, y), label);
                bar(f, (x, y + heading_height(label)), scale);
            }
        }
        y += entry.height();
    }
}

fn bar(f: &mut Figure, (x, y): Point, scale: &Scale) {
    let step = BAR / BAR_STEPS as f64;
    for i in 0..BAR_STEPS {
        let color = gradient(scale, scale.value_at(1.0 - (i as f64 + 0.5) / BAR_STEPS as f64));
        // Steps overlap a little, so that no background shows between them.
        let height = if i + 1 == BAR_STEPS { step } else { step + 0.5 };
        f.items.push(Item::Rect { at: (x, y + i as f64 * step), size: (14.0, height), color });
    }
    for tick in scale.ticks() {
        let Some(at) = scale.position(tick.value).map(|u| y + (1.0 - u) * BAR) else { continue };
        f.line(vec![(x + 14.0, at), (x + 18.0, at)], Color::Muted, 1.0, Dash::Solid);
        f.text((x + 22.0, at + 4.0), tick.label, SMALL, Anchor::Start, Color::Muted);
    }
}

fn key_lines(label: &str) -> Vec<String> {
    let mut lines = wrap(label, SMALL, FontWeight::Regular, WIDTH - EDGE - SWATCH);
    if lines.len() > MAX_KEY_LINES {
        lines.truncate(MAX_KEY_LINES);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

fn heading_lines(text: &str) -> Vec<String> {
    wrap(text, LABEL, FontWeight::Bold, WIDTH - EDGE)
}

fn heading_height(text: &str) -> f64 {
    ABOVE_HEADING + LINE * heading_lines(text).len() as f64 + 4.0
}

fn heading(f: &mut Figure, (x, y): Point, text: &str) {
    for (i, line) in heading_lines(text).into_iter().enumerate() {
        let at = (x, y + ABOVE_HEADING + 9.0 + LINE * i as f64);
        f.items.push(Item::Text(TextItem::new(at, line, LABEL).bold()));
    }
}
