//! Images at another size.

use rayon::prelude::*;

use super::images::Images;
use crate::error::{Error, Result};

/// The largest side that images are scaled to: 60,000 images of 128 x 128 take 1 GB.
pub const MAX_SIDE: usize = 128;

impl Images {
    /// The same images at `side` x `side` pixels. Where `side` divides height and width, a pixel is the average of a block of
    /// whole pixels (area averaging). Otherwise it is interpolated between the four nearest pixel centres (bilinear, without
    /// smoothing before: what `F.interpolate(x, side, mode="bilinear", align_corners=False)` gives). Rounded to whole grey levels.
    ///
    /// # Errors
    /// [`Error::Usage`] where `side` is beyond [`MAX_SIDE`].
    pub fn resized(&self, side: usize) -> Result<Images> {
        if !(1..=MAX_SIDE).contains(&side) {
            return Err(Error::Usage(format!("--resize {side}: write a number from 1 to {MAX_SIDE}")));
        }
        let (height, width) = self.size();
        let one = |i: usize| {
            let image = self.image(i);
            if height.is_multiple_of(side) && width.is_multiple_of(side) {
                block_averages(image, (height, width), side)
            } else {
                bilinear(image, (height, width), side)
            }
        };
        let pixels: Vec<Vec<u8>> = (0..self.len()).into_par_iter().map(one).collect();
        Images::new(pixels.concat(), self.labels().to_vec(), side, side)
    }
}

fn block_averages(image: &[u8], (height, width): (usize, usize), side: usize) -> Vec<u8> {
    let (rows, columns) = (height / side, width / side);
    let area = (rows * columns) as u64;
    let average = |at: usize| {
        let (top, left) = (at / side * rows, at % side * columns);
        let sum: u64 = (top..top + rows)
            .flat_map(|row| &image[row * width + left..row * width + left + columns])
            .map(|&byte| u64::from(byte))
            .sum();
        ((sum + area / 2) / area) as u8
    };
    (0..side * side).map(average).collect()
}

fn bilinear(image: &[u8], (height, width): (usize, usize), side: usize) -> Vec<u8> {
    let places = |size: usize| -> Vec<(usize, usize, f64)> {
        let place = |i: usize| {
            let at = ((i as f64 + 0.5) * size as f64 / side as f64 - 0.5).clamp(0.0, (size - 1) as f64);
            let first = at as usize;
            (first, (first + 1).min(size - 1), at - first as f64)
        };
        (0..side).map(place).collect()
    };
    let (rows, columns) = (places(height), places(width));
    let grey = |row: usize, column: usize| f64::from(image[row * width + column]);
    let mut pixels = Vec::with_capacity(side * side);
    for &(top, bottom, down) in &rows {
        for &(left, right, across) in &columns {
            let upper = grey(top, left) * (1.0 - across) + grey(top, right) * across;
            let lower = grey(bottom, left) * (1.0 - across) + grey(bottom, right) * across;
            pixels.push((upper * (1.0 - down) + lower * down).round() as u8);
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(pixels: &[u8], height: usize, width: usize) -> Images {
        Images::new(pixels.to_vec(), vec![7], height, width).unwrap()
    }

    #[test]
    fn a_side_that_divides_the_size_averages_blocks_of_whole_pixels() {
        let four = image(&[0, 1, 10, 20, 0, 2, 30, 40, 255, 255, 0, 0, 255, 254, 0, 1], 4, 4);
        // Halves are rounded up: 3/4 is 1, 100/4 is 25, 1019/4 is 254.75, 1/4 is 0.
        assert_eq!(four.resized(2).unwrap(), image(&[1, 25, 255, 0], 2, 2));
        assert_eq!(four.resized(1).unwrap(), image(&[70], 1, 1));
        assert_eq!(four.resized(4).unwrap(), four);
        let wide = image(&[1, 3, 5, 7, 9, 11, 13, 15], 2, 4);
        assert_eq!(wide.resized(2).unwrap(), image(&[2, 6, 10, 14], 2, 2));
    }

    #[test]
    fn any_other_side_is_interpolated_as_pytorch_does() {
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 100.], [200., 40.]]]]), 4, mode="bilinear", align_corners=False)
        let two = image(&[0, 100, 200, 40], 2, 2);
        let four = [0, 25, 75, 100, 50, 59, 76, 85, 150, 126, 79, 55, 200, 160, 80, 40];
        assert_eq!(two.resized(4).unwrap(), image(&four, 4, 4));
        // The same of [[[[0., 90., 30., 60.]] * 3]], 3: pixel centres at 1/6, 3/2 and 17/6.
        let wide = image(&[0, 90, 30, 60].repeat(3), 3, 4);
        assert_eq!(wide.resized(3).unwrap(), image(&[15, 60, 55].repeat(3), 3, 3));
    }

    #[test]
    fn a_side_that_would_fill_the_memory_is_refused() {
        let why = image(&[0], 1, 1).resized(1_000_000).unwrap_err().to_string();
        assert!(why.contains("--resize 1000000") && why.contains("128"), "{why}");
    }
}
