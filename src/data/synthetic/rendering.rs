//! From strokes to bytes: a round pen on a field of 28 x 28 pixels, framed as MNIST is.

use rayon::prelude::*;

use super::random::{DigitRng, Split};
use super::strokes::{Handwriting, Piece, dot, write};
use super::templates::{CLASSES, TEMPLATES};

/// Rows of an image.
pub const HEIGHT: usize = 28;
/// Columns of an image.
pub const WIDTH: usize = 28;

/// Pixels of an image.
const PIXELS: usize = HEIGHT * WIDTH;
/// Side of the square that holds all the ink, in pixels; MNIST's own.
const BOX: usize = 20;

/// Images and their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    /// One byte per pixel (0 is paper, 255 is ink), row by row, image after image.
    pub pixels: Vec<u8>,
    /// The digit each image shows, 0 to 9.
    pub labels: Vec<u8>,
}

/// The first `count` digits of a split, on as many threads as rayon has.
pub fn digits(seed: u64, split: Split, count: usize) -> Digits {
    let mut pixels = vec![0; count * PIXELS];
    let mut labels = vec![0; count];
    pixels.par_chunks_mut(PIXELS).zip(&mut labels).enumerate().for_each(|(index, (image, label))| {
        *label = draw(&mut DigitRng::new(seed, split, index as u64), image);
    });
    Digits { pixels, labels }
}

/// Width of the grey rim from full ink to bare paper, in pixels.
const RIM: f32 = 1.15;

/// Draws one digit into a blank image and returns its class.
fn draw(rng: &mut DigitRng, image: &mut [u8]) -> u8 {
    let label = rng.below(CLASSES);
    let ways = TEMPLATES[label];
    let template = ways[rng.below(ways.len())];
    let hand = Handwriting::new(rng);
    let mut pieces = write(template, &hand, rng);
    // Half the pen's width, in pixels, to the middle of the rim.
    let radius = 1.27 + rng.bell(0.6);
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
        let first = digits(1, Split::Train, 50);
        assert_eq!(first, digits(1, Split::Train, 50));
        assert_ne!(first, digits(2, Split::Train, 50));
    }

    #[test]
    fn the_two_splits_share_no_image() {
        let (train, test) = (digits(1, Split::Train, 100), digits(1, Split::Test, 100));
        for (image, _) in images(&test) {
            assert!(images(&train).all(|(other, _)| other != image));
        }
    }

    #[test]
    fn a_smaller_set_is_a_prefix_of_a_larger_one() {
        let large = digits(1, Split::Test, 300);
        for count in [0, 1, 299] {
            let small = digits(1, Split::Test, count);
            assert_eq!(small.pixels, large.pixels[..count * PIXELS]);
            assert_eq!(small.labels, large.labels[..count]);
        }
    }

    #[test]
    fn the_bytes_are_those_of_every_other_machine_and_release() {
        let set = digits(0, Split::Train, 100);
        assert_eq!(digest(&set.pixels), 0x1ae4_b1bb_71ad_487d);
        assert_eq!(digest(&set.labels), 0xd953_b18f_a0af_45bb);
    }

    #[test]
    fn the_ink_is_about_that_of_mnist() {
        let set = digits(3, Split::Train, 2000);
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
        let set = digits(4, Split::Train, 2000);
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
        let labels = digits(5, Split::Train, 2000).labels;
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
        for (image, label) in images(&digits(6, Split::Train, 1000)) {
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
        let test = digits(6, Split::Test, 1000);
        let right = images(&test).filter(|&(image, label)| nearest(image) == Some(label)).count();
        assert!(right > 800, "{right} of 1000");
    }
}
