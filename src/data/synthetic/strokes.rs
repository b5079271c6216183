//! Handwriting: a template's strokes, bent and slanted as one writer would, cut into straight pieces.

use super::random::DigitRng;
use super::templates::{Mark, Stroke, Template};

/// A place, or a step between two: x to the right and y down.
pub(super) type Point = [f32; 2];

/// A straight piece of a stroke, from one end to the other.
pub(super) type Piece = [Point; 2];

/// Pieces per span between two marks of a stroke.
const PIECES: usize = 4;

/// How one writer bends the template's plane: a cubic wobble, then an affine change.
pub(super) struct Handwriting {
    /// Weights of the four terms of the wobble (see `place`), in x and in y.
    wobble: [[f32; 4]; 2],
    /// The affine change, by rows.
    matrix: [[f32; 2]; 2],
}

impl Handwriting {
    /// The reaches are tuned by eye: as various as they can be while every digit stays legible.
    pub(super) fn new(rng: &mut DigitRng) -> Self {
        let mut wobble = [[0.0; 4]; 2];
        for weight in wobble.as_flattened_mut() {
            *weight = rng.bell(0.3);
        }
        let stretch_x = 1.18 + rng.bell(0.45);
        let stretch_y = 1.0 + rng.bell(0.15);
        let slant = 0.18 + rng.bell(0.6);
        // With t the tangent of half the angle, this is an exact rotation without sine or cosine.
        let t = rng.bell(0.17);
        let cosine = (1.0 - t * t) / (1.0 + t * t);
        let sine = 2.0 * t / (1.0 + t * t);
        // Stretch first, then slant (y is down: the top leans right), then turn.
        let slanted = [[stretch_x, -slant * stretch_y], [0.0, stretch_y]];
        let turned = |a: f32, b: f32| [0, 1].map(|k| a * slanted[0][k] + b * slanted[1][k]);
        let matrix = [turned(cosine, -sine), turned(sine, cosine)];
        Self { wobble, matrix }
    }

    /// Where this hand puts a point of the template (in digit heights). Joined strokes stay joined.
    fn place(&self, [x, y]: Point) -> Point {
        // From the middle of a digit 0.6 wide, with v from -1 at its top to 1 at its foot.
        let (u, v) = (2.0 * x - 0.6, 2.0 * y - 1.0);
        let terms = [u * v, u * u, v * v, v * v * v - v];
        let [wobble_x, wobble_y] = self.wobble.map(|weights| dot(weights, terms));
        let bent = [u + wobble_x, v + wobble_y];
        self.matrix.map(|row| dot(row, bent))
    }
}

/// Sum of products, always in the same order.
pub(super) fn dot<const N: usize>(a: [f32; N], b: [f32; N]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// The pieces of a digit in this hand, in the units of `Handwriting::place`.
pub(super) fn write(template: Template, hand: &Handwriting, rng: &mut DigitRng) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(64);
    let mut pen: Option<&Mark> = None;
    let mut offset = [0.0; 2];
    for &stroke in template {
        // A pen that was lifted comes down a little off its mark.
        if pen.is_some() && pen != stroke.first() {
            offset = [rng.bell(0.08), rng.bell(0.08)];
        }
        pen = stroke.last();
        let place = |[x, y]: Point| hand.place([x + offset[0], y + offset[1]]);
        for span in 1..stroke.len() {
            let mut from = place(curve(stroke, span, 0.0));
            for piece in 1..=PIECES {
                let to = place(curve(stroke, span, piece as f32 / PIECES as f32));
                pieces.push([from, to]);
                from = to;
            }
        }
    }
    pieces
}

/// The Catmull-Rom curve through a stroke's marks, in digit heights, `t` of the way along the span
/// that ends at mark `span`.
fn curve(stroke: Stroke, span: usize, t: f32) -> Point {
    let last = stroke.len() - 1;
    let closed = last > 1 && stroke[0] == stroke[last];
    [0, 1].map(|axis| {
        let mark = |index: usize| f32::from(stroke[index][axis]);
        let (from, to) = (mark(span - 1), mark(span));
        // The neighbours of the span; an open end is continued straight.
        let before = match span {
            1 if closed => mark(last - 1),
            1 => 2.0 * from - to,
            _ => mark(span - 2),
        };
        let after = match last - span {
            0 if closed => mark(1),
            0 => 2.0 * to - from,
            _ => mark(span + 1),
        };
        let slope = to - before;
        let bend = 2.0 * before - 5.0 * from + 4.0 * to - after;
        let twist = 3.0 * (from - to) + after - before;
        0.01 * (from + 0.5 * t * (slope + t * (bend + t * twist)))
    })
}
