//! The legend of a figure: keys and color bars in rows, as wide as the figure.

use crate::color::Color;
use crate::font::{FontWeight, width as text_width, wrap};
use crate::item::{Dash, Figure, Fill, Item, Shape};
use crate::point::Point;
use crate::scale::Scale;
use crate::sizes::Sizes;
use crate::text::{Anchor, TextItem};

/// The length of a color bar.
const BAR: f64 = 150.0;
/// The height of a color bar.
const BAR_HEIGHT: f64 = 9.0;
/// The number of colors in a color bar.
const BAR_STEPS: usize = 32;
/// The width of the swatch before the label of a key.
const SWATCH: f64 = 26.0;
/// The space after an entry.
const GAP: f64 = 16.0;

/// An entry of a legend.
#[derive(Clone, Debug)]
pub enum Entry {
    /// What the keys that follow mean; begins a row.
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

/// Draws the entries in rows from the upper left corner `(left, top)` on, and gives the height of the rows.
pub(crate) fn draw(f: &mut Figure, (left, top): Point, room: f64, entries: &[Entry], sizes: &Sizes) -> f64 {
    let row = sizes.line() + 4.0;
    let (mut x, mut y, mut height) = (left, top, row);
    let end_row = |x: &mut f64, y: &mut f64, height: &mut f64| {
        *x = left;
        *y += *height;
        *height = row;
    };
    for entry in entries {
        match entry {
            Entry::Heading(text) => {
                if x > left {
                    end_row(&mut x, &mut y, &mut height);
                }
                let at = (x, y + sizes.small);
                f.items.push(Item::Text(TextItem::new(at, text.clone(), sizes.small).bold()));
                x += text_width(text, sizes.small, FontWeight::Bold) + GAP * 0.7;
            }
            Entry::Key { color, shape, dash, label } => {
                let swatch = if dash.is_some() { SWATCH } else { SWATCH * 0.6 };
                let widest = room - swatch - GAP;
                if x > left && x + swatch + text_width(label, sizes.small, FontWeight::Regular) > left + room {
                    end_row(&mut x, &mut y, &mut height);
                }
                let middle = y + sizes.small * 0.62;
                if let Some(dash) = dash {
                    f.line(vec![(x, middle), (x + swatch - 5.0, middle)], *color, 1.8, *dash);
                }
                if let Some((shape, fill)) = shape {
                    let (at, size) = ((x + (swatch - 5.0) / 2.0, middle), 4.0 * sizes.mark);
                    f.items.push(Item::Mark { at, shape: *shape, size, color: *color, fill: *fill, tooltip: None });
                }
                let lines = wrap(label, sizes.small, FontWeight::Regular, widest);
                let widths = lines.iter().map(|line| text_width(line, sizes.small, FontWeight::Regular));
                let wide = widths.fold(0.0, f64::max);
                height = height.max(row + sizes.line() * (lines.len().max(1) - 1) as f64);
                for (i, line) in lines.into_iter().enumerate() {
                    let at = (x + swatch, y + sizes.small + sizes.line() * i as f64);
                    f.text(at, line, sizes.small, Anchor::Start, Color::Text);
                }
                x += swatch + wide + GAP;
            }
            Entry::Bar { label, scale } => {
                let heading = text_width(label, sizes.small, FontWeight::Bold) + GAP * 0.7;
                if x > left && x + heading + BAR > left + room {
                    end_row(&mut x, &mut y, &mut height);
                }
                let at = (x, y + sizes.small);
                f.items.push(Item::Text(TextItem::new(at, label.clone(), sizes.small).bold()));
                bar(f, (x + heading, y + 2.0), scale, sizes);
                x += heading + BAR + GAP;
                height = height.max(BAR_HEIGHT + sizes.small + 10.0);
            }
        }
    }
    if x > left { y + height - top } else { y - top }
}

fn bar(f: &mut Figure, (x, y): Point, scale: &Scale, sizes: &Sizes) {
    let step = BAR / BAR_STEPS as f64;
    for i in 0..BAR_STEPS {
        let color = Color::of(scale.value_at((i as f64 + 0.5) / BAR_STEPS as f64), scale);
        // Steps overlap a little, so that no background shows between them.
        let width = if i + 1 == BAR_STEPS { step } else { step + 0.5 };
        f.items.push(Item::Rect { at: (x + i as f64 * step, y), size: (width, BAR_HEIGHT), color });
    }
    for tick in scale.ticks(4) {
        let Some(at) = scale.position(tick.value).filter(|u| (0.0..=1.0).contains(u)).map(|u| x + u * BAR) else {
            continue;
        };
        f.line(vec![(at, y + BAR_HEIGHT), (at, y + BAR_HEIGHT + 3.0)], Color::Muted, 1.0, Dash::Solid);
        let at = (at, y + BAR_HEIGHT + sizes.small + 3.0);
        f.text(at, tick.label, sizes.small, Anchor::Middle, Color::Muted);
    }
}
