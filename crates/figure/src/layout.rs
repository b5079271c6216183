//! A picture of panels: a title above them, their axes, a legend beside them and notes below. Nothing covers the data,
//! because everything has a place of its own.

use super::color::graded;
use super::font::{cut, wrap};
use super::scale::Scale;
use super::{Anchor, Dash, Figure, Fill, Ink, Item, Point, Shape, Turn, Weight};

const EDGE: f64 = 16.0;
const TITLE: f64 = 16.0;
const SMALL: f64 = 11.0;
const LABEL: f64 = 12.0;
const LINE: f64 = 15.0;
/// Left of a panel: its label and the numbers at its axis.
const LEFT: f64 = 66.0;
/// Below a panel: numbers and label.
const BELOW: f64 = 44.0;
/// Above a panel: what it shows.
const ABOVE: f64 = 26.0;
/// Width of the legend beside the panels.
const LEGEND: f64 = 196.0;
/// Height of a colour bar.
const BAR: f64 = 150.0;

/// The words around the panels.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Above all.
    pub title: String,
    /// Below the title.
    pub subtitle: String,
    /// Below the panels, one sentence each.
    pub notes: Vec<String>,
    /// What the picture shows, for those who cannot see it.
    pub description: String,
}

/// How many panels there are, and how large the data area of each is.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Panels beside each other.
    pub columns: usize,
    /// Panels above each other.
    pub rows: usize,
    /// Width of a data area.
    pub width: f64,
    /// Height of a data area.
    pub height: f64,
}

/// One line of a legend.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A heading.
    Heading(String),
    /// A line or a mark and what it means.
    Key {
        /// Its colour.
        ink: Ink,
        /// Its mark.
        shape: Option<(Shape, Fill)>,
        /// Its line.
        dash: Option<Dash>,
        /// What it means.
        label: String,
    },
    /// Colours that stand for numbers.
    Bar {
        /// What the numbers are.
        label: String,
        /// Their scale.
        scale: Scale,
    },
}

/// An axis: what its numbers are, with their unit, and their scale.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// The scale.
    pub scale: Scale,
}

/// A data area with its axes.
#[derive(Clone, Debug)]
pub struct Panel {
    corner: Point,
    size: (f64, f64),
    x: Scale,
    y: Scale,
}

/// A picture whose panels are to be drawn.
#[derive(Debug)]
pub struct Layout {
    /// The picture.
    pub figure: Figure,
    grid: Grid,
    top: f64,
}

impl Layout {
    /// A picture of `grid` with everything around the panels already in it.
    pub fn new(words: &Words, grid: Grid, legend: &[Entry]) -> Self {
        let panels = grid.columns as f64 * (LEFT + grid.width + EDGE);
        let beside = if legend.is_empty() { 0.0 } else { LEGEND };
        let width = EDGE + panels + beside;
        let title = wrap(&words.title, TITLE, Weight::Bold, width - 2.0 * EDGE);
        let subtitle = wrap(&words.subtitle, LABEL, Weight::Regular, width - 2.0 * EDGE);
        let notes: Vec<String> =
            words.notes.iter().flat_map(|n| wrap(n, SMALL, Weight::Regular, width - 2.0 * EDGE)).collect();
        let top = EDGE + 20.0 * title.len() as f64 + LINE * subtitle.len() as f64 + 4.0;
        let rows = grid.rows as f64 * (ABOVE + grid.height + BELOW);
        let legend_height = ABOVE + legend.iter().map(Entry::height).sum::<f64>();
        let foot = top + rows.max(legend_height) + 6.0;
        let height = foot + LINE * notes.len() as f64 + EDGE - 6.0;
        let mut figure = Figure {
            width,
            height,
            title: words.title.clone(),
            description: words.description.clone(),
            items: Vec::new(),
        };
        for (i, line) in title.into_iter().enumerate() {
            figure.items.push(Item::Text {
                at: (EDGE, EDGE + 12.0 + 20.0 * i as f64),
                text: line,
                size: TITLE,
                weight: Weight::Bold,
                anchor: Anchor::Start,
                turn: Turn::Level,
                ink: Ink::Text,
            });
        }
        let below_title = top - 4.0 - LINE * subtitle.len() as f64;
        for (i, line) in subtitle.into_iter().enumerate() {
            figure.text((EDGE, below_title + 11.0 + LINE * i as f64), line, LABEL, Anchor::Start, Ink::Muted);
        }
        for (i, line) in notes.into_iter().enumerate() {
            figure.text((EDGE, foot + 9.0 + LINE * i as f64), line, SMALL, Anchor::Start, Ink::Muted);
        }
        draw_legend(&mut figure, (EDGE + panels, top + ABOVE), legend);
        Layout { figure, grid, top }
    }

    /// The panel in `row` and `column` with its axes drawn.
    pub fn panel(&mut self, (row, column): (usize, usize), heading: &str, x: Axis, y: Axis) -> Panel {
        let Grid { width, height, .. } = self.grid;
        let left = EDGE + column as f64 * (LEFT + width + EDGE) + LEFT;
        let top = self.top + row as f64 * (ABOVE + height + BELOW) + ABOVE;
        let panel = Panel { corner: (left, top), size: (width, height), x: x.scale, y: y.scale };
        let f = &mut self.figure;
        for tick in panel.x.ticks() {
            let Some(at) = panel.x.unit(tick.value).map(|u| left + u * width) else { continue };
            f.line(vec![(at, top), (at, top + height)], Ink::Grid, 1.0, Dash::Whole);
            f.text((at, top + height + 15.0), tick.label, SMALL, Anchor::Middle, Ink::Muted);
        }
        for tick in panel.y.ticks() {
            let Some(at) = panel.y.unit(tick.value).map(|u| top + (1.0 - u) * height) else { continue };
            f.line(vec![(left, at), (left + width, at)], Ink::Grid, 1.0, Dash::Whole);
            f.text((left - 6.0, at + 4.0), tick.label, SMALL, Anchor::End, Ink::Muted);
        }
        let corners = vec![(left, top), (left, top + height), (left + width, top + height)];
        f.line(corners, Ink::Muted, 1.0, Dash::Whole);
        let heading = cut(heading, LABEL, Weight::Bold, width + EDGE);
        f.items.push(Item::Text {
            at: (left, top - 9.0),
            text: heading,
            size: LABEL,
            weight: Weight::Bold,
            anchor: Anchor::Start,
            turn: Turn::Level,
            ink: Ink::Text,
        });
        let x_label = cut(&x.label, LABEL, Weight::Regular, width + LEFT);
        f.text((left + width / 2.0, top + height + 33.0), x_label, LABEL, Anchor::Middle, Ink::Text);
        f.items.push(Item::Text {
            at: (left - LEFT + 12.0, top + height / 2.0),
            text: cut(&y.label, LABEL, Weight::Regular, height + ABOVE),
            size: LABEL,
            weight: Weight::Regular,
            anchor: Anchor::Middle,
            turn: Turn::Up,
            ink: Ink::Text,
        });
        panel
    }
}

impl Entry {
    fn height(&self) -> f64 {
        match self {
            Entry::Heading(text) => heading_height(text),
            Entry::Key { label, .. } => LINE * key_lines(label).len().max(1) as f64 + 3.0,
            Entry::Bar { label, .. } => heading_height(label) + BAR + 10.0,
        }
    }
}

/// Width of the swatch before the words of a key.
const SWATCH: f64 = 30.0;

/// A key's words; three lines at most.
fn key_lines(label: &str) -> Vec<String> {
    let mut lines = wrap(label, SMALL, Weight::Regular, LEGEND - EDGE - SWATCH);
    if lines.len() > 3 {
        lines.truncate(3);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

fn draw_legend(f: &mut Figure, (x, mut y): Point, legend: &[Entry]) {
    for entry in legend {
        let below = y + entry.height();
        match entry {
            Entry::Heading(text) => {
                heading(f, (x, y), text);
            }
            Entry::Key { ink, shape, dash, label } => {
                if let Some(dash) = dash {
                    f.line(vec![(x, y + 5.0), (x + SWATCH - 8.0, y + 5.0)], *ink, 1.8, *dash);
                }
                if let Some((shape, fill)) = shape {
                    f.mark((x + (SWATCH - 8.0) / 2.0, y + 5.0), *shape, *ink, *fill, None);
                }
                for (i, line) in key_lines(label).into_iter().enumerate() {
                    f.text((x + SWATCH, y + 9.0 + LINE * i as f64), line, SMALL, Anchor::Start, Ink::Text);
                }
            }
            Entry::Bar { label, scale } => {
                y = heading(f, (x, y), label);
                const STEPS: usize = 50;
                for i in 0..STEPS {
                    let ink = graded(scale, scale.at(1.0 - (i as f64 + 0.5) / STEPS as f64));
                    let step = BAR / STEPS as f64;
                    // A little overlap: no paper shows between the steps.
                    let height = if i + 1 == STEPS { step } else { step + 0.5 };
                    f.items.push(Item::Block { at: (x, y + i as f64 * step), size: (14.0, height), ink });
                }
                for tick in scale.ticks() {
                    let Some(at) = scale.unit(tick.value).map(|u| y + (1.0 - u) * BAR) else { continue };
                    f.line(vec![(x + 14.0, at), (x + 18.0, at)], Ink::Muted, 1.0, Dash::Whole);
                    f.text((x + 22.0, at + 4.0), tick.label, SMALL, Anchor::Start, Ink::Muted);
                }
            }
        }
        y = below;
    }
}

/// Room above a heading, which parts it from what is above.
const BEFORE_HEADING: f64 = 8.0;

fn heading_height(text: &str) -> f64 {
    BEFORE_HEADING + LINE * wrap(text, LABEL, Weight::Bold, LEGEND - EDGE).len() as f64 + 4.0
}

/// Writes a heading, and says where what belongs to it begins.
fn heading(f: &mut Figure, (x, y): Point, text: &str) -> f64 {
    for (i, line) in wrap(text, LABEL, Weight::Bold, LEGEND - EDGE).into_iter().enumerate() {
        f.items.push(Item::Text {
            at: (x, y + BEFORE_HEADING + 9.0 + LINE * i as f64),
            text: line,
            size: LABEL,
            weight: Weight::Bold,
            anchor: Anchor::Start,
            turn: Turn::Level,
            ink: Ink::Text,
        });
    }
    y + heading_height(text)
}

impl Panel {
    /// The place of a point of the data, if it lies in the panel.
    pub fn at(&self, x: f64, y: f64) -> Option<Point> {
        let (u, v) = (self.x.unit(x)?, self.y.unit(y)?);
        let inside = |u: f64| (-1e-9..=1.0 + 1e-9).contains(&u);
        (inside(u) && inside(v)).then(|| self.place(u, v))
    }

    /// The pieces of a line through `points` that lie in the panel; a point without a place breaks it.
    pub fn line(&self, points: &[Point]) -> Vec<Vec<Point>> {
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        let units: Vec<Option<Point>> = points.iter().map(|&(x, y)| Some((self.x.unit(x)?, self.y.unit(y)?))).collect();
        let mut open = false;
        for pair in units.windows(2) {
            let (Some(a), Some(b)) = (pair[0], pair[1]) else {
                open = false;
                continue;
            };
            let Some((from, to)) = clip(a, b) else {
                open = false;
                continue;
            };
            let (from, end) = (self.place(from.0, from.1), self.place(to.0, to.1));
            match pieces.last_mut() {
                Some(piece) if open => piece.push(end),
                _ => pieces.push(vec![from, end]),
            }
            open = to == b;
        }
        pieces
    }

    /// A line across the panel at `y`.
    pub fn across(&self, y: f64) -> Option<Vec<Point>> {
        let v = self.y.unit(y).filter(|v| (0.0..=1.0).contains(v))?;
        Some(vec![self.place(0.0, v), self.place(1.0, v)])
    }

    /// A line up the panel at `x`.
    pub fn upright(&self, x: f64) -> Option<Vec<Point>> {
        let u = self.x.unit(x).filter(|u| (0.0..=1.0).contains(u))?;
        Some(vec![self.place(u, 0.0), self.place(u, 1.0)])
    }

    /// Upper left and lower right corner.
    pub fn bounds(&self) -> (Point, Point) {
        (self.corner, (self.corner.0 + self.size.0, self.corner.1 + self.size.1))
    }

    fn place(&self, u: f64, v: f64) -> Point {
        (self.corner.0 + u * self.size.0, self.corner.1 + (1.0 - v) * self.size.1)
    }
}

/// The part of the line from `a` to `b` within the unit square (Liang & Barsky 1984).
fn clip(a: Point, b: Point) -> Option<(Point, Point)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut from, mut to) = (0.0f64, 1.0f64);
    for (p, q) in [(-dx, a.0), (dx, 1.0 - a.0), (-dy, a.1), (dy, 1.0 - a.1)] {
        if p == 0.0 {
            if q < 0.0 {
                return None;
            }
        } else if p < 0.0 {
            from = from.max(q / p);
        } else {
            to = to.min(q / p);
        }
    }
    let point = |t: f64| {
        if t == 0.0 {
            a
        } else if t == 1.0 {
            b
        } else {
            (a.0 + t * dx, a.1 + t * dy)
        }
    };
    (from <= to).then(|| (point(from), point(to)))
}
