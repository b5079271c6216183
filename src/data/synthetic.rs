//! Handwritten-like digits drawn from nothing but a seed.
//!
//! They stand in for MNIST where it cannot be downloaded, and where a test wants data at once: the
//! same ten classes, shape (28 x 28 grey), ink and framing, though not the same pictures.
//!
//! Each digit is a template of a few pen strokes, bent, slanted, turned, stretched, and drawn with
//! a round pen of random width. It is then framed as MNIST is: scaled to fit a 20 x 20 box, and the
//! box moved by whole pixels until the centre of mass of the ink is nearest the centre of the field.
//!
//! The bytes are the same on every machine. Image `i` depends on the seed, the part and `i` alone,
//! so a smaller set is a prefix of a larger one; and all arithmetic is IEEE `+ - * / sqrt`,
//! comparison and casts, which round alike everywhere. The functions of a mathematical library do
//! not (no `sin`, no `exp`), hence the rational rotation and the sums of uniforms below.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

/// Rows of an image.
pub const HEIGHT: usize = 28;
/// Columns of an image.
pub const WIDTH: usize = 28;

/// Pixels of an image.
const PIXELS: usize = HEIGHT * WIDTH;
/// Side of the square that holds all the ink, in pixels; MNIST's own.
const BOX: usize = 20;
/// Digit classes, 0 to 9.
const CLASSES: usize = 10;

/// Images and their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    /// One byte per pixel (0 is paper, 255 is ink), row by row, image after image.
    pub pixels: Vec<u8>,
    /// The digit each image shows, 0 to 9.
    pub labels: Vec<u8>,
}

/// Which of two sets of images that share none of their random numbers; the value is the tag that
/// tells their streams apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Images to learn from.
    Train = 1,
    /// Images held out.
    Test = 2,
}

/// The first `count` digits of a part, on as many threads as rayon has.
pub fn digits(seed: u64, part: Part, count: usize) -> Digits {
    let mut pixels = vec![0; count * PIXELS];
    let mut labels = vec![0; count];
    pixels.par_chunks_mut(PIXELS).zip(&mut labels).enumerate().for_each(|(index, (image, label))| {
        *label = draw(&mut Dice::new(seed, part, index as u64), image);
    });
    Digits { pixels, labels }
}

// ---- Templates -------------------------------------------------------------------------------

/// A mark on the template's paper: x to the right and y down, in hundredths of the digit's height.
type Mark = [u8; 2];

/// A smooth curve through its marks (two marks: a straight line). One that ends where it began is
/// closed smoothly. A corner is the end of one stroke and the start of the next.
type Stroke = &'static [Mark];

/// One way to write a digit, from its top at y = 0 to its foot at y = 100.
type Template = &'static [Stroke];

/// The ways to write each digit; all ways of a digit are equally likely.
#[rustfmt::skip]
const TEMPLATES: [&[Template]; CLASSES] = [
    &[ // 0: closed; not quite closed
        &[&[[32, 0], [10, 18], [2, 52], [12, 88], [34, 100], [56, 84], [64, 48], [54, 14], [32, 0]]],
        &[&[[44, 3], [18, 10], [3, 45], [8, 82], [30, 100], [55, 78], [62, 40], [50, 10], [28, 3]]],
    ],
    &[ // 1: a stick; with a flag; with a flag and a foot
        &[&[[30, 0], [30, 100]]],
        &[&[[10, 22], [32, 0]], &[[32, 0], [32, 100]]],
        &[&[[10, 20], [32, 0]], &[[32, 0], [32, 100]], &[[4, 100], [60, 100]]],
    ],
    &[ // 2: with a corner; with a loop
        &[&[[4, 24], [14, 6], [34, 0], [55, 10], [56, 32], [38, 62], [3, 98]], &[[3, 98], [66, 98]]],
        &[&[[6, 18], [24, 1], [48, 8], [52, 34], [34, 70], [14, 95], [1, 90], [9, 76], [28, 84],
            [46, 97], [70, 92]]],
    ],
    &[ // 3: two bows; a flat top
        &[&[[4, 12], [28, 0], [52, 12], [46, 36], [20, 47]],
          &[[20, 47], [50, 56], [58, 80], [34, 100], [0, 90]]],
        &[&[[5, 0], [56, 0]], &[[56, 0], [26, 40]],
          &[[26, 40], [52, 50], [58, 76], [34, 100], [0, 92]]],
    ],
    &[ // 4: open; closed
        &[&[[12, 2], [2, 54]], &[[2, 54], [62, 50]], &[[54, 0], [50, 100]]],
        &[&[[50, 0], [2, 62]], &[[2, 62], [68, 62]], &[[50, 0], [50, 100]]],
    ],
    &[ // 5: neck and belly, then the cap; one sweep from the cap down
        &[&[[16, 0], [10, 42]], &[[10, 42], [36, 37], [57, 56], [50, 86], [25, 100], [0, 90]],
          &[[16, 0], [62, 0]]],
        &[&[[60, 2], [20, 4]],
          &[[20, 4], [11, 24], [20, 42], [46, 56], [50, 82], [26, 100], [0, 92]]],
    ],
    &[ // 6: a bent back; a straight back
        &[&[[48, 0], [20, 22], [5, 56], [9, 88], [30, 100], [52, 87], [51, 64], [32, 53], [9, 72]]],
        &[&[[38, 0], [14, 46], [5, 80], [25, 100], [52, 84], [47, 62], [26, 60], [7, 84]]],
    ],
    &[ // 7: plain; with a serif; with a bar
        &[&[[0, 3], [60, 0]], &[[60, 0], [38, 48], [26, 100]]],
        &[&[[0, 17], [3, 2]], &[[3, 2], [60, 2]], &[[60, 2], [20, 100]]],
        &[&[[0, 3], [60, 0]], &[[60, 0], [38, 48], [22, 100]], &[[14, 53], [62, 49]]],
    ],
    &[ // 8: one crossing stroke; two ovals
        &[&[[52, 12], [29, 0], [8, 16], [22, 40], [50, 64], [52, 88], [28, 100], [5, 86], [12, 62],
            [40, 38], [52, 12]]],
        &[&[[30, 0], [10, 22], [30, 46], [50, 22], [30, 0]],
          &[[30, 46], [4, 74], [30, 100], [56, 74], [30, 46]]],
    ],
    &[ // 9: a straight tail; a hooked tail
        &[&[[52, 12], [26, 0], [5, 20], [10, 42], [34, 45], [52, 22]],
          &[[52, 12], [50, 52], [42, 100]]],
        &[&[[52, 12], [26, 0], [5, 22], [14, 44], [38, 40], [52, 16]],
          &[[52, 12], [52, 62], [38, 95], [10, 96]]],
    ],
];

// ---- Chance ----------------------------------------------------------------------------------

/// The random numbers of one image.
struct Dice(ChaCha8Rng);

impl Dice {
    /// The key holds the image's whole address, so no two images share a stream.
    fn new(seed: u64, part: Part, index: u64) -> Self {
        let mut key = *b"________________________digits.1";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(part as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `0..n` (the bias is below n / 2^32).
    fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// Uniform in [0, 1), in steps of 2^-24, each of which an `f32` holds exactly.
    fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Bell-shaped about 0 and never further than `reach` (three standard deviations).
    fn bell(&mut self, reach: f32) -> f32 {
        let sum = self.unit() + self.unit() + self.unit();
        reach * (sum / 1.5 - 1.0)
    }
}

// ---- Handwriting -----------------------------------------------------------------------------

/// A place, or a step between two: x to the right and y down.
type Point = [f32; 2];

/// A straight piece of a stroke, from one end to the other.
type Piece = [Point; 2];

/// Pieces per span between two marks of a stroke.
const PIECES: usize = 4;

/// How one writer bends the template's plane: a cubic wobble, then an affine change.
struct Hand {
    /// Weights of the four terms of the wobble (see `place`), in x and in y.
    wobble: [[f32; 4]; 2],
    /// The affine change, by rows.
    matrix: [[f32; 2]; 2],
}

impl Hand {
    /// The reaches are tuned by eye: as various as they can be while every digit stays legible.
    fn new(dice: &mut Dice) -> Self {
        let mut wobble = [[0.0; 4]; 2];
        for weight in wobble.as_flattened_mut() {
            *weight = dice.bell(0.3);
        }
        let stretch_x = 1.18 + dice.bell(0.45);
        let stretch_y = 1.0 + dice.bell(0.15);
        let slant = 0.18 + dice.bell(0.6);
        // With t the tangent of half the angle, this is an exact rotation without sine or cosine.
        let t = dice.bell(0.17);
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
fn dot<const N: usize>(a: [f32; N], b: [f32; N]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// The pieces of a digit in this hand, in the units of `Hand::place`.
fn write(template: Template, hand: &Hand, dice: &mut Dice) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(64);
    let mut pen: Option<&Mark> = None;
    let mut slip = [0.0; 2];
    for &stroke in template {
        // A pen that was lifted comes down a little off its mark.
        if pen.is_some() && pen != stroke.first() {
            slip = [dice.bell(0.08), dice.bell(0.08)];
        }
        pen = stroke.last();
        let place = |[x, y]: Point| hand.place([x + slip[0], y + slip[1]]);
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

// ---- Ink -------------------------------------------------------------------------------------

/// Width of the grey rim from full ink to bare paper, in pixels.
const RIM: f32 = 1.15;

/// Draws one digit into a blank image and tells which it is.
fn draw(dice: &mut Dice, image: &mut [u8]) -> u8 {
    let label = dice.below(CLASSES);
    let ways = TEMPLATES[label];
    let template = ways[dice.below(ways.len())];
    let hand = Hand::new(dice);
    let mut pieces = write(template, &hand, dice);
    // Half the pen's width, in pixels, to the middle of the rim.
    let radius = 1.27 + dice.bell(0.6);
    fit(&mut pieces, radius + 0.5 * RIM);
    frame(&ink(&pieces, radius), image);
    label as u8
}

/// Scales the pieces, `reach` pixels of ink around them included, to fill the box's longer side,
/// and centres them in the box.
fn fit(pieces: &mut [Piece], reach: f32) {
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    for point in pieces.as_flattened() {
        for k in 0..2 {
            low[k] = low[k].min(point[k]);
            high[k] = high[k].max(point[k]);
        }
    }
    let side = (high[0] - low[0]).max(high[1] - low[1]);
    let scale = (BOX as f32 - 2.0 * reach) / side;
    for point in pieces.as_flattened_mut() {
        for k in 0..2 {
            point[k] = 0.5 * BOX as f32 + scale * (point[k] - 0.5 * (low[k] + high[k]));
        }
    }
}

/// The box under a round pen, 0.0 (paper) to 1.0 (ink), row by row.
fn ink(pieces: &[Piece], radius: f32) -> [f32; BOX * BOX] {
    let reach = radius + 0.5 * RIM;
    // Squared distance from each pixel's middle to the nearest piece; beyond reach, all is paper.
    let mut squares = [reach * reach; BOX * BOX];
    for &[from, to] in pieces {
        let step = [to[0] - from[0], to[1] - from[1]];
        // Guarded so that a piece of no length is a dot and not a division by zero.
        let per_square = 1.0 / dot(step, step).max(f32::MIN_POSITIVE);
        // The pixels within reach. Casts from float truncate and saturate: below the box is 0.
        let first = |k: usize| (from[k].min(to[k]) - reach) as usize;
        let end = |k: usize| ((from[k].max(to[k]) + reach) as usize + 1).min(BOX);
        for row in first(1)..end(1) {
            let y = row as f32 + 0.5 - from[1];
            let columns = first(0)..end(0);
            for (column, square) in columns.clone().zip(&mut squares[row * BOX..][columns]) {
                let x = column as f32 + 0.5 - from[0];
                let along = ((x * step[0] + y * step[1]) * per_square).clamp(0.0, 1.0);
                let (dx, dy) = (x - along * step[0], y - along * step[1]);
                *square = square.min(dx * dx + dy * dy);
            }
        }
    }
    squares.map(|square| ((reach - square.sqrt()) / RIM).min(1.0))
}

/// Copies the box into the image so that the ink's centre of mass is nearest the image's centre.
fn frame(ink: &[f32; BOX * BOX], image: &mut [u8]) {
    let (mut mass, mut moment_x, mut moment_y) = (0.0, 0.0, 0.0);
    for (row, line) in ink.chunks_exact(BOX).enumerate() {
        for (column, &value) in line.iter().enumerate() {
            mass += value;
            moment_x += value * (column as f32 + 0.5);
            moment_y += value * (row as f32 + 0.5);
        }
    }
    // Rounded to whole pixels, and kept to where the whole box is in the image.
    let offset = |side: usize, moment: f32| {
        let exact = 0.5 * side as f32 - moment / mass;
        ((exact + 0.5) as usize).min(side - BOX)
    };
    let (left, top) = (offset(WIDTH, moment_x), offset(HEIGHT, moment_y));
    for (row, line) in ink.chunks_exact(BOX).enumerate() {
        let target = &mut image[(top + row) * WIDTH + left..][..BOX];
        for (pixel, value) in target.iter_mut().zip(line) {
            *pixel = (255.0 * value + 0.5) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(set: &Digits) -> impl Iterator<Item = (&[u8], usize)> {
        let labels = set.labels.iter().map(|&label| usize::from(label));
        set.pixels.chunks_exact(PIXELS).zip(labels)
    }

    /// The 64-bit FNV-1a hash.
    fn digest(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let first = digits(1, Part::Train, 50);
        assert_eq!(first, digits(1, Part::Train, 50));
        assert_ne!(first, digits(2, Part::Train, 50));
    }

    #[test]
    fn the_two_parts_share_no_image() {
        let (train, test) = (digits(1, Part::Train, 100), digits(1, Part::Test, 100));
        for (image, _) in images(&test) {
            assert!(images(&train).all(|(other, _)| other != image));
        }
    }

    #[test]
    fn a_smaller_set_is_a_prefix_of_a_larger_one() {
        let large = digits(1, Part::Test, 300);
        for count in [0, 1, 299] {
            let small = digits(1, Part::Test, count);
            assert_eq!(small.pixels, large.pixels[..count * PIXELS]);
            assert_eq!(small.labels, large.labels[..count]);
        }
    }

    #[test]
    fn the_bytes_are_those_of_every_other_machine_and_release() {
        let set = digits(0, Part::Train, 100);
        assert_eq!(digest(&set.pixels), 0x1ae4_b1bb_71ad_487d);
        assert_eq!(digest(&set.labels), 0xd953_b18f_a0af_45bb);
    }

    #[test]
    fn the_ink_is_about_that_of_mnist() {
        let set = digits(3, Part::Train, 2000);
        let share = |of: fn(f64) -> f64| {
            let sum: f64 = set.pixels.iter().map(|&p| of(f64::from(p) / 255.0)).sum();
            sum / set.pixels.len() as f64
        };
        let mean = share(|value| value);
        let deviation = (share(|value| value * value) - mean * mean).sqrt();
        let lit = share(|value| f64::from(value > 0.0));
        assert!((0.125..0.136).contains(&mean), "mean {mean}");
        assert!((0.30..0.32).contains(&deviation), "deviation {deviation}");
        assert!((0.17..0.21).contains(&lit), "share of lit pixels {lit}");
        let never = (0..PIXELS).filter(|&k| images(&set).all(|(image, _)| image[k] == 0));
        assert!(never.count() > 100);
    }

    #[test]
    fn every_image_has_full_ink_inside_the_box_and_centred() {
        let set = digits(4, Part::Train, 2000);
        for (image, label) in images(&set) {
            assert!(image.iter().any(|&pixel| pixel > 200), "a faint {label}");
            for place in [|k: usize| k % WIDTH, |k: usize| k / WIDTH] {
                let mut profile = [0; WIDTH];
                for (k, &pixel) in image.iter().enumerate() {
                    profile[place(k)] += u32::from(pixel);
                }
                let first = profile.iter().position(|&ink| ink > 0).unwrap();
                let last = profile.iter().rposition(|&ink| ink > 0).unwrap();
                assert!(last - first < BOX, "{label} is too large");
                let mass: u32 = profile.iter().sum();
                let moment: u32 = profile.iter().zip(0..).map(|(&ink, k)| ink * k).sum();
                let centre = f64::from(moment) / f64::from(mass) + 0.5;
                assert!((13.49..14.51).contains(&centre), "{label} is at {centre}");
            }
        }
    }

    #[test]
    fn all_classes_are_equally_likely() {
        let labels = digits(5, Part::Train, 2000).labels;
        for class in 0..CLASSES {
            let of_class = |&&label: &&u8| usize::from(label) == class;
            let count = labels.iter().filter(of_class).count();
            assert!((150..250).contains(&count), "{count} of {class}");
        }
    }

    #[test]
    fn the_nearest_class_mean_usually_tells_the_label() {
        let mut means = vec![[0; PIXELS]; CLASSES];
        let mut counts = [0; CLASSES];
        for (image, label) in images(&digits(6, Part::Train, 1000)) {
            counts[label] += 1;
            for (sum, &pixel) in means[label].iter_mut().zip(image) {
                *sum += i32::from(pixel);
            }
        }
        for (mean, count) in means.iter_mut().zip(counts) {
            mean.iter_mut().for_each(|sum| *sum /= count);
        }
        let distance = |image: &[u8], class: usize| -> i32 {
            let pairs = image.iter().zip(&means[class]);
            pairs.map(|(&p, mean)| (i32::from(p) - mean).pow(2)).sum()
        };
        let nearest = |image: &[u8]| (0..CLASSES).min_by_key(|&class| distance(image, class));
        let test = digits(6, Part::Test, 1000);
        let right = images(&test).filter(|&(image, label)| nearest(image) == Some(label)).count();
        assert!(right > 800, "{right} of 1000");
    }
}
