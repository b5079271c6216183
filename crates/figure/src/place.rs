//! Labels beside points, where they cover neither points nor each other.

use super::font::{cut, width};
use super::{Anchor, Dash, Figure, Ink, Point, Weight};

const SIZE: f64 = 11.0;
/// A longer label is cut.
const WIDEST: f64 = 170.0;

/// A rectangle: left, top, right, bottom.
type Box4 = (f64, f64, f64, f64);

/// Writes each label near its point, with a thin line to it where it is not beside it, within `bounds` and clear of
/// `points`. Returns the labels that found no place.
pub fn labels(f: &mut Figure, labels: &[(Point, String)], points: &[Point], bounds: (Point, Point)) -> Vec<String> {
    let ((left, top), (right, bottom)) = bounds;
    let mut taken: Vec<Box4> = points.iter().map(|&(x, y)| (x - 5.0, y - 5.0, x + 5.0, y + 5.0)).collect();
    let mut homeless = Vec::new();
    for (at, text) in labels {
        let text = cut(text, SIZE, Weight::Regular, WIDEST);
        let w = width(&text, SIZE, Weight::Regular);
        let fits = |b: &Box4| {
            let inside = b.0 >= left + 2.0 && b.1 >= top + 2.0 && b.2 <= right - 2.0 && b.3 <= bottom - 2.0;
            inside && taken.iter().all(|t| b.2 < t.0 || b.0 > t.2 || b.3 < t.1 || b.1 > t.3)
        };
        let Some((found, distance)) = candidates(*at, w).find(|(b, _)| fits(b)) else {
            homeless.push(text);
            continue;
        };
        if distance > 12.0 {
            let near = (at.0.clamp(found.0, found.2), at.1.clamp(found.1, found.3));
            f.line(vec![*at, near], Ink::Muted, 0.7, Dash::Whole);
        }
        f.text((found.0, found.3 - 3.0), text, SIZE, Anchor::Start, Ink::Text);
        taken.push(found);
    }
    homeless
}

/// Places around a point, the nearest first: the box of the words and its distance.
fn candidates((x, y): Point, w: f64) -> impl Iterator<Item = (Box4, f64)> {
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
