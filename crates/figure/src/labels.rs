//! Text labels beside points, placed so that neither labels nor their leader lines cross anything.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::color::Color;
use crate::font::{FontWeight, width, wrap};
use crate::item::{Dash, Figure};
use crate::point::Point;
use crate::sizes::Sizes;
use crate::text::Anchor;

/// Labels farther from their point than this get a leader line.
const LEADER_DISTANCE: f64 = 12.0;
/// Points nearer than this to each other share a label.
const SAME_POINT: f64 = 3.0;
/// More labels of one point than this are counted and not named.
const MOST_AT_A_POINT: usize = 6;
/// The part of the panel's width that a line of a label may take.
const WIDEST: f64 = 0.42;
/// How near to its own point a leader line may meet lines, which may run through the point.
const OWN: f64 = 7.0;
/// The room that a mark takes around its point.
const MARK: f64 = 5.5;

/// A rectangle: left, top, right, bottom.
type Rectangle = (f64, f64, f64, f64);
/// A line between two points.
pub(crate) type Stroke = (Point, Point);

/// What labels keep clear of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Obstacles {
    /// The centers of marks.
    pub(crate) marks: Vec<Point>,
    /// Lines of data.
    pub(crate) strokes: Vec<Stroke>,
    /// Text.
    pub(crate) boxes: Vec<Rectangle>,
}

/// Adds each label near its point within `bounds`, clear of `obstacles`, other labels and their leader lines. Points that
/// coincide share a label of several lines. Returns the labels that found no place.
pub(crate) fn place_labels(
    figure: &mut Figure,
    labels: &[(Point, String)],
    mut obstacles: Obstacles,
    (from, to): (Point, Point),
    sizes: &Sizes,
) -> Vec<String> {
    let (size, line) = (sizes.small, sizes.small + 3.0);
    let mut unplaced = Vec::new();
    for (at, names) in together(labels) {
        let mut lines: Vec<String> = names
            .iter()
            .take(MOST_AT_A_POINT)
            .flat_map(|name| wrap(name, size, FontWeight::Regular, WIDEST * (to.0 - from.0)))
            .collect();
        if names.len() > MOST_AT_A_POINT {
            lines.push(format!("and {} more", names.len() - MOST_AT_A_POINT));
        }
        let w = lines.iter().map(|text| width(text, size, FontWeight::Regular)).fold(0.0, f64::max);
        let h = line * lines.len() as f64;
        let inside =
            |b: &Rectangle| b.0 >= from.0 + 2.0 && b.1 >= from.1 + 2.0 && b.2 <= to.0 - 2.0 && b.3 <= to.1 - 2.0;
        let found = candidates(at, w, h).find_map(|(rectangle, distance)| {
            let leader = (distance > LEADER_DISTANCE).then(|| (at, nearest(at, rectangle)));
            (inside(&rectangle) && is_clear(&obstacles, at, rectangle, leader)).then_some((rectangle, leader))
        });
        let Some((rectangle, leader)) = found else {
            unplaced.extend(names);
            continue;
        };
        if let Some((from, to)) = leader {
            figure.line(vec![from, to], Color::Muted, 0.7, Dash::Solid);
            obstacles.strokes.push((from, to));
        }
        for (i, text) in lines.into_iter().enumerate() {
            let at = (rectangle.0, rectangle.1 + line * (i + 1) as f64 - 3.5);
            figure.text(at, text, size, Anchor::Start, Color::Text);
        }
        obstacles.boxes.push(rectangle);
    }
    unplaced
}

/// The labels by point, the fullest points first, for they need most room.
fn together(labels: &[(Point, String)]) -> Vec<(Point, Vec<String>)> {
    let mut points: Vec<(Point, Vec<String>)> = Vec::new();
    for (at, name) in labels {
        match points.iter_mut().find(|(p, _)| (p.0 - at.0).hypot(p.1 - at.1) < SAME_POINT) {
            Some((_, names)) if names.contains(name) => {}
            Some((_, names)) => names.push(name.clone()),
            None => points.push((*at, vec![name.clone()])),
        }
    }
    points.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    points
}

/// The point of a rectangle that is nearest to `at`.
fn nearest(at: Point, (left, top, right, bottom): Rectangle) -> Point {
    (at.0.clamp(left, right), at.1.clamp(top, bottom))
}

/// Whether a label and its leader line cross nothing.
fn is_clear(obstacles: &Obstacles, at: Point, label: Rectangle, leader: Option<Stroke>) -> bool {
    let grown = |(x, y): Point, r: f64| (x - r, y - r, x + r, y + r);
    let apart = |a: Rectangle, b: Rectangle| a.2 < b.0 || a.0 > b.2 || a.3 < b.1 || a.1 > b.3;
    obstacles.boxes.iter().all(|&other| apart(label, other))
        && obstacles.marks.iter().all(|&mark| apart(label, grown(mark, MARK)))
        && obstacles.strokes.iter().all(|&stroke| !crosses(stroke, label))
        && leader.is_none_or(|leader| {
            let own = |p: Point| (p.0 - at.0).hypot(p.1 - at.1) < OWN;
            obstacles.boxes.iter().all(|&other| !crosses(leader, other))
                && obstacles.marks.iter().all(|&mark| own(mark) || !crosses(leader, grown(mark, MARK)))
                && obstacles.strokes.iter().all(|&stroke| meeting(leader, stroke).is_none_or(own))
        })
}

/// Where two lines meet.
fn meeting((a, b): Stroke, (c, d): Stroke) -> Option<Point> {
    let (r, s) = ((b.0 - a.0, b.1 - a.1), (d.0 - c.0, d.1 - c.1));
    let cross = r.0 * s.1 - r.1 * s.0;
    if cross.abs() < 1e-9 {
        return None;
    }
    let offset = (c.0 - a.0, c.1 - a.1);
    let (t, u) = ((offset.0 * s.1 - offset.1 * s.0) / cross, (offset.0 * r.1 - offset.1 * r.0) / cross);
    let within = |v: f64| (0.0..=1.0).contains(&v);
    (within(t) && within(u)).then_some((a.0 + t * r.0, a.1 + t * r.1))
}

/// Whether a line touches a rectangle.
fn crosses(stroke: Stroke, (left, top, right, bottom): Rectangle) -> bool {
    let inside = |(x, y): Point| (left..=right).contains(&x) && (top..=bottom).contains(&y);
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
    inside(stroke.0)
        || inside(stroke.1)
        || (0..4).any(|i| meeting(stroke, (corners[i], corners[(i + 1) % 4])).is_some())
}

/// Candidate rectangles for a label of this size around a point, nearest first, each with its distance.
fn candidates((x, y): Point, w: f64, h: f64) -> impl Iterator<Item = (Rectangle, f64)> {
    let radii = [9.0, 14.0, 20.0, 30.0, 45.0, 62.0, 80.0, 100.0, 125.0, 150.0, 180.0, 220.0, 260.0];
    radii.into_iter().flat_map(move |r| {
        // From the right upwards and downwards in turn, so that labels are on the right where they can be.
        let turns = [0.0, -0.5, 0.5, -1.0, 1.0, -FRAC_PI_2, FRAC_PI_2, PI, -2.1, 2.1, -2.6, 2.6];
        turns.into_iter().map(move |turn: f64| {
            let (dx, dy) = (turn.cos(), turn.sin());
            let (cx, cy) = (x + r * dx, y + r * dy);
            let left = cx - w * (1.0 - (dx.clamp(-0.5, 0.5) + 0.5));
            let top = cy - h * (1.0 - (dy.clamp(-0.5, 0.5) + 0.5));
            ((left, top, left + w, top + h), r)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Item;

    /// Twenty points on a curve that bends, as runs over beta do, all with names.
    #[test]
    fn no_label_and_no_leader_line_crosses_a_mark_a_line_or_another_label() {
        let points: Vec<Point> =
            (0..20).map(|i| (40.0 + 25.0 * f64::from(i), 380.0 - 4000.0 / (12.0 + 9.0 * f64::from(i)))).collect();
        let labels: Vec<(Point, String)> =
            points.iter().enumerate().map(|(i, &p)| (p, format!("convention-{i} of 2016"))).collect();
        let strokes: Vec<Stroke> = points.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let obstacles = Obstacles { marks: points.clone(), strokes: strokes.clone(), boxes: Vec::new() };
        let mut figure = Figure::empty();
        let sizes = Sizes::of(600.0);
        let unplaced = place_labels(&mut figure, &labels, obstacles, ((0.0, 0.0), (600.0, 400.0)), &sizes);
        assert!(unplaced.len() < 8, "{unplaced:?}");
        let mut boxes: Vec<Rectangle> = Vec::new();
        let mut leaders: Vec<Stroke> = Vec::new();
        for item in &figure.items {
            match item {
                Item::Text(text) => {
                    let w = width(&text.text, text.size, FontWeight::Regular);
                    assert!(text.text.ends_with("of 2016"), "nothing is cut off: {}", text.text);
                    boxes.push((text.at.0, text.at.1 - 8.0, text.at.0 + w, text.at.1));
                }
                Item::Line { points, .. } => leaders.push((points[0], points[1])),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(boxes.len() + unplaced.len(), 20);
        for (i, &one) in boxes.iter().enumerate() {
            assert!(
                strokes.iter().chain(&leaders).all(|&s| !crosses(s, one))
                    || leaders.iter().any(|&s| crosses(s, (one.0 - 0.1, one.1 - 6.0, one.2 + 0.1, one.3 + 6.0)))
            );
            assert!(boxes[..i].iter().all(|o| one.2 < o.0 || one.0 > o.2 || one.3 < o.1 || one.1 > o.3));
        }
        for (i, &one) in leaders.iter().enumerate() {
            assert!(leaders[..i].iter().all(|&other| meeting(one, other).is_none()), "{one:?}");
            for &stroke in &strokes {
                let meets = meeting(one, stroke);
                assert!(meets.is_none_or(|p| (p.0 - one.0.0).hypot(p.1 - one.0.1) < OWN), "{one:?} {stroke:?}");
            }
        }
    }

    #[test]
    fn points_that_coincide_share_a_label_of_several_lines() {
        let labels = [((50.0, 50.0), "a".to_owned()), ((51.0, 50.0), "b".to_owned()), ((50.0, 50.0), "a".to_owned())];
        assert_eq!(together(&labels), [((50.0, 50.0), vec!["a".to_owned(), "b".to_owned()])]);
    }
}
