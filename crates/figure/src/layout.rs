//! The layout of a figure with panels: a caption above the panels, axes around them, a legend beside them and notes
//! below. Each part has its own area, so that nothing covers the data.

use crate::color::Color;
use crate::font::{FontWeight, truncate, wrap};
use crate::item::{Dash, Figure, Item};
use crate::legend;
use crate::sizes::{EDGE, LABEL, LINE, SMALL};
use crate::text::{Anchor, Rotation, TextItem};

pub use crate::legend::Entry;
pub use crate::panel::{Axis, Panel};

const TITLE: f64 = 16.0;
/// The margin left of a panel, for the axis label and the tick labels.
const LEFT: f64 = 66.0;
/// The margin below a panel, for the tick labels and the axis label.
const BELOW: f64 = 44.0;
/// The margin above a panel, for its heading.
const ABOVE: f64 = 26.0;

/// The text around the panels.
#[derive(Clone, Debug, Default)]
pub struct Caption {
    /// The title.
    pub title: String,
    /// The line below the title.
    pub subtitle: String,
    /// Sentences below the panels.
    pub notes: Vec<String>,
    /// A description for screen readers.
    pub description: String,
}

/// The grid of panels.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// The number of columns.
    pub columns: usize,
    /// The number of rows.
    pub rows: usize,
    /// The width of a data area in pixels.
    pub width: f64,
    /// The height of a data area in pixels.
    pub height: f64,
}

/// A figure under construction, to which panels are added.
#[derive(Debug)]
pub struct Layout {
    /// The figure.
    pub figure: Figure,
    grid: Grid,
    top: f64,
}

impl Layout {
    /// A figure with its caption and legend, and room for the panels of `grid`.
    pub fn new(caption: &Caption, grid: Grid, entries: &[Entry]) -> Self {
        let panels = grid.columns as f64 * (LEFT + grid.width + EDGE);
        let beside = if entries.is_empty() { 0.0 } else { legend::WIDTH };
        let width = EDGE + panels + beside;
        let title = wrap(&caption.title, TITLE, FontWeight::Bold, width - 2.0 * EDGE);
        let subtitle = wrap(&caption.subtitle, LABEL, FontWeight::Regular, width - 2.0 * EDGE);
        let notes: Vec<String> =
            caption.notes.iter().flat_map(|n| wrap(n, SMALL, FontWeight::Regular, width - 2.0 * EDGE)).collect();
        let top = EDGE + 20.0 * title.len() as f64 + LINE * subtitle.len() as f64 + 4.0;
        let rows = grid.rows as f64 * (ABOVE + grid.height + BELOW);
        let legend_height = ABOVE + entries.iter().map(Entry::height).sum::<f64>();
        let foot = top + rows.max(legend_height) + 6.0;
        let height = foot + LINE * notes.len() as f64 + EDGE - 6.0;
        let mut figure = Figure {
            width,
            height,
            title: caption.title.clone(),
            description: caption.description.clone(),
            items: Vec::new(),
        };
        for (i, line) in title.into_iter().enumerate() {
            let at = (EDGE, EDGE + 12.0 + 20.0 * i as f64);
            figure.items.push(Item::Text(TextItem::new(at, line, TITLE).bold()));
        }
        let below_title = top - 4.0 - LINE * subtitle.len() as f64;
        for (i, line) in subtitle.into_iter().enumerate() {
            figure.text((EDGE, below_title + 11.0 + LINE * i as f64), line, LABEL, Anchor::Start, Color::Muted);
        }
        for (i, line) in notes.into_iter().enumerate() {
            figure.text((EDGE, foot + 9.0 + LINE * i as f64), line, SMALL, Anchor::Start, Color::Muted);
        }
        legend::draw(&mut figure, (EDGE + panels, top + ABOVE), entries);
        Layout { figure, grid, top }
    }

    /// Adds the panel in `row` and `column` with its heading and axes.
    pub fn panel(&mut self, (row, column): (usize, usize), heading: &str, x: Axis, y: Axis) -> Panel {
        let Grid { width, height, .. } = self.grid;
        let left = EDGE + column as f64 * (LEFT + width + EDGE) + LEFT;
        let top = self.top + row as f64 * (ABOVE + height + BELOW) + ABOVE;
        let f = &mut self.figure;
        for tick in x.scale.ticks() {
            let Some(at) = x.scale.position(tick.value).map(|u| left + u * width) else { continue };
            f.line(vec![(at, top), (at, top + height)], Color::Grid, 1.0, Dash::Solid);
            f.text((at, top + height + 15.0), tick.label, SMALL, Anchor::Middle, Color::Muted);
        }
        for tick in y.scale.ticks() {
            let Some(at) = y.scale.position(tick.value).map(|u| top + (1.0 - u) * height) else { continue };
            f.line(vec![(left, at), (left + width, at)], Color::Grid, 1.0, Dash::Solid);
            f.text((left - 6.0, at + 4.0), tick.label, SMALL, Anchor::End, Color::Muted);
        }
        let corners = vec![(left, top), (left, top + height), (left + width, top + height)];
        f.line(corners, Color::Muted, 1.0, Dash::Solid);
        let heading = truncate(heading, LABEL, FontWeight::Bold, width + EDGE);
        f.items.push(Item::Text(TextItem::new((left, top - 9.0), heading, LABEL).bold()));
        let x_label = truncate(&x.label, LABEL, FontWeight::Regular, width + LEFT);
        f.text((left + width / 2.0, top + height + 33.0), x_label, LABEL, Anchor::Middle, Color::Text);
        let y_label = truncate(&y.label, LABEL, FontWeight::Regular, height + ABOVE);
        f.items.push(Item::Text(
            TextItem::new((left - LEFT + 12.0, top + height / 2.0), y_label, LABEL)
                .anchored(Anchor::Middle)
                .rotated(Rotation::Vertical),
        ));
        Panel { corner: (left, top), size: (width, height), x: x.scale, y: y.scale }
    }
}
