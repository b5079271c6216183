//! Images decoded by a model, as greyscale tiles.

use candle_core::{DType, Device, Tensor};

use super::grid::Tile;
use super::trained::Trained;
use crate::error::Result;
use crate::evaluate::BATCH;
use crate::model::Model;

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
        let x = self.pixels(indices)?;
        let decoded = match self.trained.model {
            Model::Vae(vae) => vae.encode(&x)?.mean,
            Model::VqVae(vq_vae) => vq_vae.entries(&vq_vae.codes(&x)?)?,
        };
        self.tiles(&self.output(&decoded)?)
    }

    /// The decoded codes: `count` rows of latents.
    pub(super) fn decoded(&self, codes: Vec<f32>, count: usize) -> Result<Vec<Tile>> {
        let z = Tensor::from_vec(codes, (count, self.trained.spec.family().latent_dim()), &Device::Cpu)?;
        self.tiles(&self.output(&z)?)
    }

    /// What the decoder makes of these codes, N of an image.
    pub(super) fn of_codes(&self, codes: &[u32]) -> Result<Vec<Tile>> {
        match self.trained.model {
            Model::Vae(_) => Ok(Vec::new()),
            Model::VqVae(vq_vae) => self.tiles(&self.output(&vq_vae.entries(codes)?)?),
        }
    }

    /// The codes of the test images, N of an image.
    pub(super) fn codes(&self, indices: &[u32]) -> Result<Vec<u32>> {
        let Model::VqVae(vq_vae) = self.trained.model else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for indices in indices.chunks(BATCH) {
            all.extend(vq_vae.codes(&self.pixels(indices)?)?);
        }
        Ok(all)
    }

    /// The posterior means of the test images, `[images][latents]`.
    pub(super) fn means(&self, indices: &[u32]) -> Result<Vec<Vec<f32>>> {
        let Model::Vae(vae) = self.trained.model else { return Ok(Vec::new()) };
        let mut all = Vec::with_capacity(indices.len());
        for indices in indices.chunks(BATCH) {
            all.extend(vae.encode(&self.pixels(indices)?)?.mean.to_vec2::<f32>()?);
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
        let recon = self.trained.spec.recon();
        Ok(recon.loss.pixel_loss().means(&output, recon.output)?)
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
