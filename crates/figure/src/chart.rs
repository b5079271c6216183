//! A chart: panels in data coordinates with a caption and a legend, laid out for any width.
//!
//! What is drawn is separate from where: the same chart becomes a figure of its natural width, a column of a page of
//! print, or a plot on a phone. Each part has its own area, so that nothing covers the data.

use crate::color::Color;
use crate::font::{FontWeight, truncate, width as text_width, wrap};
use crate::item::{Dash, Figure, Fill, Item, Shape};
use crate::labels::{Obstacles, place_labels};
use crate::legend;
use crate::panel::Panel;
use crate::point::Point;
use crate::scale::Scale;
use crate::sizes::Sizes;
use crate::text::{Anchor, Rotation, TextItem};

pub use crate::legend::Entry;

/// Panels, their caption and their legend.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The text around the panels.
    pub caption: Caption,
    /// The meaning of colors and marks.
    pub legend: Vec<Entry>,
    /// The panels, row by row.
    pub panels: Vec<Plot>,
    /// The number of panels in a row; fewer where the figure is too narrow.
    pub columns: usize,
    /// Width and height of the data area of a panel at the natural width of the figure.
    pub size: (f64, f64),
}

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

/// A panel in data coordinates.
#[derive(Clone, Debug)]
pub struct Plot {
    /// A word by which the panel can be asked for.
    pub name: String,
    /// A line above the label of the y axis; may be empty.
    pub heading: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis; its label is above the panel.
    pub y: Axis,
    /// What is drawn, in this order.
    pub content: Vec<Content>,
    /// Names of points.
    pub labels: Vec<(Point, String)>,
    /// A sentence below all panels that is about this one; it goes with the panel.
    pub note: Option<String>,
}

/// An axis of a panel.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// The scale.
    pub scale: Scale,
}

/// Something drawn in a panel, in data coordinates.
#[derive(Clone, Debug)]
pub enum Content {
    /// A polyline, clipped to the panel.
    Line {
        /// The vertices.
        points: Vec<Point>,
        /// The color.
        color: Color,
        /// The width in pixels.
        width: f64,
        /// The dash pattern.
        dash: Dash,
        /// The tooltip.
        tooltip: Option<String>,
    },
    /// A mark; nothing outside the panel.
    Mark {
        /// The position.
        at: Point,
        /// The shape.
        shape: Shape,
        /// The radius in pixels.
        size: f64,
        /// The color.
        color: Color,
        /// Solid or hollow.
        fill: Fill,
        /// The tooltip.
        tooltip: Option<String>,
    },
    /// A character in place of a mark.
    Letter {
        /// The position.
        at: Point,
        /// The character.
        letter: char,
        /// The color.
        color: Color,
    },
    /// A range of y with a crossbar at both ends.
    Range {
        /// The position on the x axis.
        x: f64,
        /// The smallest and the largest value.
        ends: (f64, f64),
        /// The color.
        color: Color,
    },
    /// A horizontal line across the panel with its meaning.
    Level {
        /// The value.
        y: f64,
        /// The meaning; may be empty.
        label: String,
        /// The dash pattern.
        dash: Dash,
    },
    /// A vertical line across the panel with its meaning.
    Upright {
        /// The value.
        x: f64,
        /// The meaning; may be empty.
        label: String,
        /// The dash pattern.
        dash: Dash,
    },
}

/// Where the text of the caption is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Inside,
    Outside,
}

/// The least width of the data area of a panel for which another column is opened.
const LEAST_WIDTH: f64 = 130.0;
/// The space between columns.
const GUTTER: f64 = 18.0;

impl Chart {
    /// The names of the panels, each once.
    pub fn panel_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for panel in &self.panels {
            if !names.contains(&panel.name.as_str()) {
                names.push(&panel.name);
            }
        }
        names
    }

    /// The same chart with only the panels of these names.
    pub fn only(mut self, names: &[String]) -> Self {
        self.panels.retain(|panel| names.contains(&panel.name));
        self.columns = self.columns.min(self.panels.len()).max(1);
        self
    }

    /// The sentences below the panels: those of the caption, and those of the panels that are there.
    pub fn notes(&self) -> Vec<String> {
        let of_panels = self.panels.iter().filter_map(|panel| panel.note.clone());
        self.caption.notes.iter().cloned().chain(of_panels).collect()
    }

    /// The chart as a figure of `width` pixels of 1/96 inch, or of its natural width.
    pub fn figure(&self, width: Option<f64>) -> Figure {
        let natural = || {
            let sizes = Sizes::of(f64::MAX);
            let columns = self.columns.max(1) as f64;
            let panels = columns * (self.left(&sizes) + self.size.0) + (columns - 1.0) * GUTTER;
            (panels + 2.0 * sizes.edge).max(560.0)
        };
        self.lay_out(width.unwrap_or_else(natural), Text::Inside)
    }

    /// The same without title, subtitle and notes, for a page that has them beside the figure.
    pub fn figure_without_caption(&self, width: f64) -> Figure {
        self.lay_out(width, Text::Outside)
    }

    fn lay_out(&self, width: f64, captions: Text) -> Figure {
        let sizes = Sizes::of(width);
        let mut page = Page { figure: Figure::empty(), sizes, y: sizes.edge };
        page.figure.width = width;
        page.figure.title.clone_from(&self.caption.title);
        page.figure.description.clone_from(&self.caption.description);
        let text = width - 2.0 * sizes.edge;
        if captions == Text::Inside {
            page.title(&self.caption, text);
        }
        if !Sizes::is_narrow(width) {
            page.legend(&self.legend, text);
        }
        let unnamed = self.panels(&mut page, text);
        if Sizes::is_narrow(width) {
            page.y += 4.0;
            page.legend(&self.legend, text);
        }
        let mut notes = if captions == Text::Inside { self.notes() } else { Vec::new() };
        if !unnamed.is_empty() {
            notes.push(format!("Not named for lack of room: {}.", unnamed.join(", ")));
        }
        page.notes(&notes, text);
        page.figure.height = page.y + sizes.edge * 0.6;
        page.figure
    }

    /// Draws the panels, and gives the names that found no place.
    fn panels(&self, page: &mut Page, room: f64) -> Vec<String> {
        let sizes = page.sizes;
        let left = self.left(&sizes);
        let fitting = ((room + GUTTER) / (left + LEAST_WIDTH + GUTTER)).floor().max(1.0) as usize;
        let mut columns = self.columns.clamp(1, fitting);
        // Rows of equal length: five panels in a row for which there is no room are not four and one.
        while !self.columns.is_multiple_of(columns) {
            columns -= 1;
        }
        let width = (room - (columns - 1) as f64 * GUTTER) / columns as f64 - left;
        let height = (width * self.size.1 / self.size.0).min(self.size.1.max(0.75 * width)).max(110.0);
        let below = self.below(&sizes, width);
        let above = self.above(&sizes);
        let mut unnamed = Vec::new();
        for (i, plot) in self.panels.iter().enumerate() {
            let (row, column) = (i / columns, i % columns);
            let corner = (
                sizes.edge + column as f64 * (left + width + GUTTER) + left,
                page.y + row as f64 * (above + height + below) + above,
            );
            unnamed.extend(plot.draw(&mut page.figure, corner, (width, height), left, &sizes));
        }
        page.y += self.panels.len().div_ceil(columns) as f64 * (above + height + below);
        unnamed
    }

    /// The margin left of a panel, for the tick labels.
    fn left(&self, sizes: &Sizes) -> f64 {
        let ticks = self.panels.iter().flat_map(|plot| plot.y.scale.ticks(5));
        ticks.map(|tick| text_width(&tick.label, sizes.small, FontWeight::Regular)).fold(12.0, f64::max) + 8.0
    }

    /// The margin above a panel, for its heading and the label of the y axis.
    fn above(&self, sizes: &Sizes) -> f64 {
        let headed = self.panels.iter().any(|plot| !plot.heading.is_empty());
        sizes.label + 12.0 + if headed { sizes.label + 5.0 } else { 0.0 }
    }

    /// The margin below a panel, for the tick labels and the label of the x axis.
    fn below(&self, sizes: &Sizes, width: f64) -> f64 {
        let names = self.panels.iter().filter(|plot| are_upright(&plot.x.scale, width, sizes));
        let longest = names
            .flat_map(|plot| plot.x.scale.ticks(5))
            .map(|tick| text_width(&tick.label, sizes.small, FontWeight::Regular))
            .fold(sizes.small, f64::max);
        longest + sizes.label + 22.0
    }
}

/// Whether the labels of the ticks have to be written upwards to have room.
fn are_upright(scale: &Scale, width: f64, sizes: &Sizes) -> bool {
    let ticks = if scale.has_names() { scale.ticks(5) } else { Vec::new() };
    let widest = ticks.iter().map(|tick| text_width(&tick.label, sizes.small, FontWeight::Regular)).fold(0.0, f64::max);
    widest + 8.0 > width / ticks.len().max(1) as f64 && !ticks.is_empty()
}

/// A figure that grows downwards.
struct Page {
    figure: Figure,
    sizes: Sizes,
    y: f64,
}

impl Page {
    fn title(&mut self, caption: &Caption, room: f64) {
        let sizes = self.sizes;
        for line in wrap(&caption.title, sizes.title, FontWeight::Bold, room) {
            self.y += sizes.title + 2.0;
            let at = (sizes.edge, self.y - 4.0);
            self.figure.items.push(Item::Text(TextItem::new(at, line, sizes.title).bold()));
        }
        self.lines(&caption.subtitle, room);
        self.y += 4.0;
    }

    fn lines(&mut self, text: &str, room: f64) {
        let sizes = self.sizes;
        for line in wrap(text, sizes.small, FontWeight::Regular, room) {
            self.y += sizes.line();
            self.figure.text((sizes.edge, self.y - 2.0), line, sizes.small, Anchor::Start, Color::Muted);
        }
    }

    fn legend(&mut self, entries: &[Entry], room: f64) {
        if !entries.is_empty() {
            self.y += 4.0;
            self.y += legend::draw(&mut self.figure, (self.sizes.edge, self.y), room, entries, &self.sizes);
        }
    }

    fn notes(&mut self, notes: &[String], room: f64) {
        notes.iter().for_each(|note| self.lines(note, room));
    }
}

impl Plot {
    /// Draws the panel with its data area at `corner`, and gives the names that found no place.
    fn draw(&self, f: &mut Figure, corner: Point, size: (f64, f64), margin: f64, sizes: &Sizes) -> Vec<String> {
        let panel = Panel { corner, size, x: self.x.scale.clone(), y: self.y.scale.clone() };
        self.axes(f, &panel, margin, sizes);
        let mut obstacles = Obstacles::default();
        for content in &self.content {
            draw_content(f, &panel, content, sizes, &mut obstacles);
        }
        let labels: Vec<(Point, String)> =
            self.labels.iter().filter_map(|((x, y), name)| Some((panel.point(*x, *y)?, name.clone()))).collect();
        place_labels(f, &labels, obstacles, panel.bounds(), sizes)
    }

    fn axes(&self, f: &mut Figure, panel: &Panel, margin: f64, sizes: &Sizes) {
        let ((left, top), (width, height)) = (panel.corner, panel.size);
        let upright = are_upright(&self.x.scale, width, sizes);
        let mut lowest = top + height + sizes.small + 5.0;
        for tick in self.x.scale.ticks(((width / 62.0) as usize).clamp(3, 8)) {
            let Some(at) = self.x.scale.position(tick.value).map(|u| left + u * width) else { continue };
            f.line(vec![(at, top), (at, top + height)], Color::Grid, 1.0, Dash::Solid);
            if upright {
                let text = TextItem::new((at + sizes.small * 0.35, top + height + 6.0), tick.label, sizes.small);
                lowest = lowest.max(top + height + 6.0 + text_width(&text.text, sizes.small, FontWeight::Regular));
                let text = text.anchored(Anchor::End).rotated(Rotation::Vertical).colored(Color::Muted);
                f.items.push(Item::Text(text));
            } else {
                let at = (at, top + height + sizes.small + 5.0);
                f.text(at, tick.label, sizes.small, Anchor::Middle, Color::Muted);
            }
        }
        for tick in self.y.scale.ticks(((height / 34.0) as usize).clamp(3, 6)) {
            let Some(at) = self.y.scale.position(tick.value).map(|u| top + (1.0 - u) * height) else { continue };
            f.line(vec![(left, at), (left + width, at)], Color::Grid, 1.0, Dash::Solid);
            let at = (left - 6.0, at + sizes.small * 0.36);
            f.text(at, tick.label, sizes.small, Anchor::End, Color::Muted);
        }
        let corners = vec![(left, top), (left, top + height), (left + width, top + height)];
        f.line(corners, Color::Muted, 1.0, Dash::Solid);
        let start = left - margin;
        let label = truncate(&self.y.label, sizes.label, FontWeight::Regular, width + margin);
        f.text((start, top - 7.0), label, sizes.label, Anchor::Start, Color::Text);
        if !self.heading.is_empty() {
            let heading = truncate(&self.heading, sizes.label, FontWeight::Bold, width + margin);
            let at = (start, top - 12.0 - sizes.label);
            f.items.push(Item::Text(TextItem::new(at, heading, sizes.label).bold()));
        }
        let label = truncate(&self.x.label, sizes.label, FontWeight::Regular, width + margin);
        f.text((left + width, lowest + sizes.label + 3.0), label, sizes.label, Anchor::End, Color::Text);
    }
}

fn draw_content(f: &mut Figure, panel: &Panel, content: &Content, sizes: &Sizes, obstacles: &mut Obstacles) {
    let ((left, top), (right, _)) = panel.bounds();
    match content {
        Content::Line { points, color, width, dash, tooltip } => {
            for points in panel.line(points) {
                obstacles.strokes.extend(points.windows(2).map(|pair| (pair[0], pair[1])));
                let (color, width, dash) = (*color, *width, *dash);
                f.items.push(Item::Line { points, color, width, dash, tooltip: tooltip.clone() });
            }
        }
        Content::Mark { at, shape, size, color, fill, tooltip } => {
            let Some(at) = panel.point(at.0, at.1) else { return };
            obstacles.marks.push(at);
            let (shape, size, color, fill) = (*shape, size * sizes.mark, *color, *fill);
            f.items.push(Item::Mark { at, shape, size, color, fill, tooltip: tooltip.clone() });
        }
        Content::Letter { at, letter, color } => {
            let Some((x, y)) = panel.point(at.0, at.1) else { return };
            let text = TextItem::new((x, y + 3.0), letter.to_string(), 8.5).bold().anchored(Anchor::Middle);
            f.items.push(Item::Text(text.colored(*color)));
        }
        Content::Range { x, ends, color } => {
            let (Some(a), Some(b)) = (panel.point(*x, ends.0), panel.point(*x, ends.1)) else { return };
            if b.1 < a.1 - 1.0 {
                f.line(vec![a, b], *color, 1.4, Dash::Solid);
                for (x, y) in [a, b] {
                    f.line(vec![(x - 4.0, y), (x + 4.0, y)], *color, 1.4, Dash::Solid);
                }
            }
        }
        Content::Level { y, label, dash } => {
            let Some([from, to]) = panel.horizontal(*y) else { return };
            obstacles.strokes.push((from, to));
            f.line(vec![from, to], Color::Muted, 1.2, *dash);
            // Below the line where there is no room above.
            let at = if from.1 - sizes.small - 4.0 > top { from.1 - 4.0 } else { from.1 + sizes.small + 2.0 };
            let w = text_width(label, sizes.small, FontWeight::Regular);
            obstacles.boxes.push((left + 4.0, at - sizes.small, left + 6.0 + w, at + 3.0));
            f.text((left + 5.0, at), label.clone(), sizes.small, Anchor::Start, Color::Muted);
        }
        Content::Upright { x, label, dash } => {
            let Some([bottom, above]) = panel.vertical(*x) else { return };
            obstacles.strokes.push((bottom, above));
            f.line(vec![bottom, above], Color::Muted, 1.2, *dash);
            let w = text_width(label, sizes.small, FontWeight::Regular);
            let before = above.0 + w + 8.0 > right;
            let at = if before { above.0 - 5.0 - w } else { above.0 + 5.0 };
            obstacles.boxes.push((at - 1.0, above.1, at + w + 1.0, above.1 + sizes.small + 6.0));
            f.text((at, above.1 + sizes.small + 2.0), label.clone(), sizes.small, Anchor::Start, Color::Muted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Origin;

    fn chart() -> Chart {
        let axis = |label: &str| Axis { label: label.into(), scale: Scale::linear([0.0, 200.0], Origin::Zero) };
        let plot = |name: &str| Plot {
            name: name.into(),
            heading: String::new(),
            x: axis("effective beta = b / a"),
            y: axis("R: reconstruction (nats per image)"),
            content: Vec::new(),
            labels: Vec::new(),
            note: None,
        };
        let legend = (0..6).map(|i| Entry::Key {
            color: Color::Category(i),
            shape: Some((Shape::Circle, Fill::Solid)),
            dash: Some(Dash::Solid),
            label: format!("a reduction of the name {i}"),
        });
        Chart {
            caption: Caption { title: "A title of some length for a figure".into(), ..Caption::default() },
            legend: legend.collect(),
            panels: ["recon", "kl", "elbo", "recon", "kl", "elbo"].into_iter().map(plot).collect(),
            columns: 3,
            size: (236.0, 180.0),
        }
    }

    /// 6 pt are 8 pixels of 1/96 inch.
    #[test]
    fn at_every_width_all_text_is_inside_and_at_least_six_points_high() {
        for width in [180.0, 240.0, 312.0, 360.0, 528.0, 600.0, 1200.0] {
            let figure = chart().figure(Some(width));
            assert_eq!(figure.width, width);
            for item in &figure.items {
                let Item::Text(text) = item else { continue };
                assert!(text.size >= 8.0, "{}: {}", text.text, text.size);
                let wide = text_width(&text.text, text.size, text.weight);
                let (from, to) = match text.anchor {
                    Anchor::Start => (text.at.0, text.at.0 + wide),
                    Anchor::Middle => (text.at.0 - wide / 2.0, text.at.0 + wide / 2.0),
                    Anchor::End => (text.at.0 - wide, text.at.0),
                };
                assert!(from >= 0.0 && to <= width, "{} at {width}: {from} to {to}", text.text);
                assert!(text.at.1 <= figure.height, "{}", text.text);
            }
        }
    }

    #[test]
    fn panels_are_chosen_by_name_and_columns_follow_the_width() {
        assert_eq!(chart().panel_names(), ["recon", "kl", "elbo"]);
        assert_eq!(chart().only(&["elbo".into()]).panels.len(), 2);
        let (wide, narrow) = (chart().figure(Some(900.0)), chart().figure(Some(300.0)));
        assert!(narrow.height > wide.height * 1.5, "one column of six panels");
    }
}
