//! Images decoded by a model, as greyscale tiles.

use candle_core::{DType, Device, Tensor};

use super::grid::Tile;
use super::trained::Trained;
use crate::error::Result;
use crate::evaluate::BATCH;

/// Encodes and decodes images and codes with one model.
pub(super) struct Painter<'a> {
    trained: &'a Trained<'a>,
}

impl<'a> Painter<'a> {
    pub(super) fn new(trained: &'a Trained<'a>) -> Self {
        Painter { trained }
    }

    /// The test images as the model sees them.
    pub(super) fn originals(&self, indices: &[u32]) -> Result<Vec<Tile>> {
        self.tiles(&self.pixels(indices)?)
    }

    /// The test images, encoded and decoded without noise.
    pub(super) fn reconstructions(&self, indices: &[u32]) -> Result<Vec<Tile>> {
        let posterior = self.trained.model.encode(&self.pixels(indices)?)?;
        self.tiles(&self.output(&posterior.mean)?)
    }

    /// The decoded codes: `count` rows of latents.
    pub(super) fn decoded(&self, codes: Vec<f32>, count: usize) -> Result<Vec<Tile>> {
        let z = Tensor::from_vec(codes, (count, self.trained.spec.model().latent_dim), &Device::Cpu)?;
        self.tiles(&self.output(&z)?)
    }

    /// The posterior means of the test images, `[images][latents]`.
    pub(super) fn means(&self, indices: &[u32]) -> Result<Vec<Vec<f32>>> {
        let mut all = Vec::with_capacity(indices.len());
        for indices in indices.chunks(BATCH) {
            all.extend(self.trained.model.encode(&self.pixels(indices)?)?.mean.to_vec2::<f32>()?);
        }
        Ok(all)
    }

    fn pixels(&self, indices: &[u32]) -> Result<Tensor> {
        let draw = self.trained.spec.last_test_draw();
        Ok(draw.batch(&self.trained.data.test, indices, DType::F32, &Device::Cpu)?)
    }

    /// The mean of every pixel given `z`.
    fn output(&self, z: &Tensor) -> Result<Tensor> {
        let output = self.trained.model.decode(z)?;
        let objective = self.trained.spec.objective();
        Ok(if objective.likelihood.energy().takes_logits() {
            // (1 + tanh(l/2)) / 2, which never overflows.
            (output * 0.5)?.tanh()?.affine(0.5, 0.5)?
        } else {
            objective.output.mean(&output)?
        })
    }

    /// Pixels in the range of the model as grey levels.
    fn tiles(&self, pixels: &Tensor) -> Result<Vec<Tile>> {
        let (slope, offset) = self.trained.spec.data().pixels.range.affine();
        let (height, width) = self.trained.data.test.size();
        let grey = |v: f32| (((v - offset) / slope).clamp(0.0, 1.0) * 255.0).round() as u8;
        let rows = pixels.to_vec2::<f32>()?;
        Ok(rows.into_iter().map(|row| Tile { width, height, grey: row.into_iter().map(grey).collect() }).collect())
    }
}
