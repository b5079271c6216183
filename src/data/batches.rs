//! From bytes to the tensors of a batch: order, scale to [0, 1], binarisation.

use candle_core::{DType, Device, Result, Tensor};
use clap::ValueEnum;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::images::Images;
use crate::rng::{Purpose, Stream};
use kernels::Isa;
use kernels::pixels::gather;

/// What becomes of the grey levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Binarize {
    /// grey pixels in [0, 1], as pytorch/examples (then bce is no likelihood: its floor is not 0)
    None,
    /// 1 where the grey is at least one half
    Threshold,
    /// drawn once: 1 with probability grey, the same in every epoch
    Static,
    /// drawn anew for every training epoch (Burda et al. 2016); test images are drawn once
    Dynamic,
}

impl Binarize {
    /// Whether pixels are random numbers.
    pub fn is_drawn(self) -> bool {
        match self {
            Binarize::None | Binarize::Threshold => false,
            Binarize::Static | Binarize::Dynamic => true,
        }
    }
}

/// The interval that pixels are mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PixelRange {
    /// [0, 1]
    Unit,
    /// [-1, 1]: squared errors are 4 times those of unit
    Symmetric,
    /// [-0.5, 0.5]: squared errors are those of unit
    Centered,
}

impl PixelRange {
    /// Slope and offset that map [0, 1] to the interval.
    pub fn affine(self) -> (f32, f32) {
        match self {
            PixelRange::Unit => (1.0, 0.0),
            PixelRange::Symmetric => (2.0, -1.0),
            PixelRange::Centered => (1.0, -0.5),
        }
    }
}

/// How bytes become pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// What becomes of the grey levels.
    pub binarize: Binarize,
    /// Where they are mapped to.
    pub range: PixelRange,
}

/// Where the draws of a batch come from.
#[derive(Clone, Copy, Debug)]
pub struct PixelDraw {
    /// How bytes become pixels.
    pub pixels: Pixels,
    /// The run's seed.
    pub seed: u64,
    /// [`Purpose::BinarizeTrain`] or [`Purpose::BinarizeTest`].
    pub purpose: Purpose,
    /// The epoch, for draws that change with it.
    pub epoch: u64,
}

impl PixelDraw {
    /// Pixels of the images numbered `indices`, `[indices, pixels]`.
    pub fn batch(&self, images: &Images, indices: &[u32], dtype: DType, device: &Device) -> Result<Tensor> {
        let pixels = images.pixels_per_image();
        let mut values = vec![0f32; indices.len() * pixels];
        if self.pixels == (Pixels { binarize: Binarize::None, range: PixelRange::Unit }) {
            gather(Isa::best(), images.bytes(), pixels, indices, &mut values);
        } else if pixels > 0 {
            values.par_chunks_exact_mut(pixels).zip(indices).for_each(|(row, &index)| {
                self.row(images.image(index as usize), index, row);
                if self.pixels.range != PixelRange::Unit {
                    let (slope, offset) = self.pixels.range.affine();
                    row.iter_mut().for_each(|value| *value = slope * *value + offset);
                }
            });
        }
        Tensor::from_vec(values, (indices.len(), pixels), &Device::Cpu)?.to_dtype(dtype)?.to_device(device)
    }

    /// One image of number `index` as floats.
    fn row(&self, grey: &[u8], index: u32, out: &mut [f32]) {
        match self.pixels.binarize {
            Binarize::None => {
                for (value, &byte) in out.iter_mut().zip(grey) {
                    *value = f32::from(byte) / 255.0;
                }
            }
            Binarize::Threshold => {
                for (value, &byte) in out.iter_mut().zip(grey) {
                    *value = if byte >= 128 { 1.0 } else { 0.0 };
                }
            }
            Binarize::Static | Binarize::Dynamic => {
                let mut stream = Stream::new(self.seed, self.purpose, self.draw_epoch(), u64::from(index));
                for (value, &byte) in out.iter_mut().zip(grey) {
                    *value = if stream.uniform() < f32::from(byte) / 255.0 { 1.0 } else { 0.0 };
                }
            }
        }
    }

    fn draw_epoch(&self) -> u64 {
        match (self.pixels.binarize, self.purpose) {
            (Binarize::Dynamic, Purpose::BinarizeTrain) => self.epoch,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(binarize: Binarize, purpose: Purpose, epoch: u64, indices: &[u32]) -> Vec<Vec<f32>> {
        let bytes = (0..=255u8).chain([200; 256]).collect();
        let images = Images::new(bytes, vec![0, 1], 16, 16).unwrap();
        let pixels = Pixels { binarize, range: PixelRange::Unit };
        PixelDraw { pixels, seed: 1, purpose, epoch }
            .batch(&images, indices, DType::F32, &Device::Cpu)
            .unwrap()
            .to_vec2()
            .unwrap()
    }

    #[test]
    fn greys_are_the_bytes_over_255_as_in_totensor() {
        // torchvision.transforms.ToTensor: img.to(float32).div(255)
        let rows = draw(Binarize::None, Purpose::BinarizeTrain, 1, &[1, 0]);
        assert!(rows[0].iter().all(|&v| v == 200.0 / 255.0));
        assert!(rows[1].iter().enumerate().all(|(i, &v)| v == i as f32 / 255.0));
    }

    #[test]
    fn binary_pixels_are_drawn_with_the_probability_of_their_grey() {
        let ones: f32 =
            (0..200).map(|e| draw(Binarize::Dynamic, Purpose::BinarizeTrain, e, &[1])[0].iter().sum::<f32>()).sum();
        // 51,200 draws at p = 0.784: the standard error is 0.0018.
        assert!((ones / 51_200.0 - 200.0 / 255.0).abs() < 0.01, "{ones}");
        let edges = draw(Binarize::Static, Purpose::BinarizeTest, 0, &[0]);
        assert_eq!((edges[0][0], edges[0][255]), (0.0, 1.0), "black stays 0 and white 1");
    }

    #[test]
    fn only_the_training_images_of_dynamic_change_with_the_epoch_and_none_with_the_batch() {
        use Purpose::{BinarizeTest, BinarizeTrain};
        let at = |b, p, e| draw(b, p, e, &[0, 1]);
        assert_ne!(at(Binarize::Dynamic, BinarizeTrain, 1), at(Binarize::Dynamic, BinarizeTrain, 2));
        assert_eq!(at(Binarize::Dynamic, BinarizeTest, 1), at(Binarize::Dynamic, BinarizeTest, 2));
        assert_eq!(at(Binarize::Static, BinarizeTrain, 1), at(Binarize::Static, BinarizeTrain, 2));
        assert_eq!(at(Binarize::Dynamic, BinarizeTrain, 1)[1], draw(Binarize::Dynamic, BinarizeTrain, 1, &[1])[0]);
    }
}
