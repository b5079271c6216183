//! A panel: the data area of a plot, from data coordinates to pixels.

use crate::point::Point;
use crate::scale::Scale;

/// The data area of a plot.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) corner: Point,
    pub(crate) size: (f64, f64),
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Panel {
    /// The pixel position of a data point; `None` outside the panel.
    pub fn point(&self, x: f64, y: f64) -> Option<Point> {
        let (u, v) = (self.x.position(x)?, self.y.position(y)?);
        let inside = |u: f64| (-1e-9..=1.0 + 1e-9).contains(&u);
        (inside(u) && inside(v)).then(|| self.to_pixels(u, v))
    }

    /// The polyline through `points`, clipped to the panel; a point without a position interrupts the polyline.
    pub fn line(&self, points: &[Point]) -> Vec<Vec<Point>> {
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        let positions: Vec<Option<Point>> =
            points.iter().map(|&(x, y)| Some((self.x.position(x)?, self.y.position(y)?))).collect();
        let mut connected = false;
        for pair in positions.windows(2) {
            let (Some(a), Some(b)) = (pair[0], pair[1]) else {
                connected = false;
                continue;
            };
            let Some((from, to)) = clip(a, b) else {
                connected = false;
                continue;
            };
            let (start, end) = (self.to_pixels(from.0, from.1), self.to_pixels(to.0, to.1));
            match pieces.last_mut() {
                Some(piece) if connected => piece.push(end),
                _ => pieces.push(vec![start, end]),
            }
            connected = to == b;
        }
        pieces
    }

    /// A horizontal line across the panel at `y`.
    pub fn horizontal(&self, y: f64) -> Option<[Point; 2]> {
        let v = self.y.position(y).filter(|v| (0.0..=1.0).contains(v))?;
        Some([self.to_pixels(0.0, v), self.to_pixels(1.0, v)])
    }

    /// A vertical line across the panel at `x`, from bottom to top.
    pub fn vertical(&self, x: f64) -> Option<[Point; 2]> {
        let u = self.x.position(x).filter(|u| (0.0..=1.0).contains(u))?;
        Some([self.to_pixels(u, 0.0), self.to_pixels(u, 1.0)])
    }

    /// The upper left and the lower right corner.
    pub fn bounds(&self) -> (Point, Point) {
        (self.corner, (self.corner.0 + self.size.0, self.corner.1 + self.size.1))
    }

    /// From positions between 0 and 1 to pixels.
    fn to_pixels(&self, u: f64, v: f64) -> Point {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_clipped_to_the_unit_square_and_dropped_outside() {
        assert_eq!(clip((-1.0, 0.5), (2.0, 0.5)), Some(((0.0, 0.5), (1.0, 0.5))));
        assert_eq!(clip((0.2, 0.2), (0.4, 0.8)), Some(((0.2, 0.2), (0.4, 0.8))));
        assert_eq!(clip((-1.0, 2.0), (2.0, 2.0)), None);
        assert_eq!(clip((-1.0, 0.0), (0.0, 2.0)), None);
    }
}
