//! Text labels beside points, placed so that they cover neither points nor each other.

use crate::color::Color;
use crate::font::{FontWeight, truncate, width};
use crate::item::{Dash, Figure};
use crate::point::Point;
use crate::text::Anchor;

const SIZE: f64 = 11.0;
/// Longer labels are truncated.
const MAX_WIDTH: f64 = 170.0;
/// Labels farther from their point than this get a leader line.
const LEADER_DISTANCE: f64 = 12.0;

/// A rectangle: left, top, right, bottom.
type Rectangle = (f64, f64, f64, f64);

/// Adds each label near its point, within `bounds` and clear of `obstacles`, with a leader line where the label is not
/// adjacent to its point. Returns the labels that did not fit.
pub fn place_labels(
    figure: &mut Figure,
    labels: &[(Point, String)],
    obstacles: &[Point],
    bounds: (Point, Point),
) -> Vec<String> {
    let ((left, top), (right, bottom)) = bounds;
    let mut occupied: Vec<Rectangle> = obstacles.iter().map(|&(x, y)| (x - 5.0, y - 5.0, x + 5.0, y + 5.0)).collect();
    let mut unplaced = Vec::new();
    for (at, text) in labels {
        let text = truncate(text, SIZE, FontWeight::Regular, MAX_WIDTH);
        let w = width(&text, SIZE, FontWeight::Regular);
        let fits = |b: &Rectangle| {
            let inside = b.0 >= left + 2.0 && b.1 >= top + 2.0 && b.2 <= right - 2.0 && b.3 <= bottom - 2.0;
            inside && occupied.iter().all(|o| b.2 < o.0 || b.0 > o.2 || b.3 < o.1 || b.1 > o.3)
        };
        let Some((found, distance)) = candidates(*at, w).find(|(b, _)| fits(b)) else {
            unplaced.push(text);
            continue;
        };
        if distance > LEADER_DISTANCE {
            let nearest = (at.0.clamp(found.0, found.2), at.1.clamp(found.1, found.3));
            figure.line(vec![*at, nearest], Color::Muted, 0.7, Dash::Solid);
        }
        figure.text((found.0, found.3 - 3.0), text, SIZE, Anchor::Start, Color::Text);
        occupied.push(found);
    }
    unplaced
}

/// Candidate rectangles for a label of width `w` around a point, nearest first, each with its distance.
fn candidates((x, y): Point, w: f64) -> impl Iterator<Item = (Rectangle, f64)> {
    let h = SIZE + 2.0;
    [9.0, 18.0, 30.0, 45.0, 62.0, 80.0, 100.0, 125.0, 150.0].into_iter().flat_map(move |r| {
        let directions =
            [(1.0, 0.0), (0.8, -0.6), (0.8, 0.6), (0.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (-0.8, -0.6), (-0.8, 0.6)];
        directions.into_iter().map(move |(dx, dy): (f64, f64)| {
            let (cx, cy) = (x + r * dx, y + r * dy);
            let left = if dx > 0.0 {
                cx
            } else if dx < 0.0 {
                cx - w
            } else {
                cx - w / 2.0
            };
            let top = cy - h / 2.0;
            ((left, top, left + w, top + h), r)
        })
    })
}
