//! Images through a model, as grey tiles.

use candle_core::{DType, Device, Tensor};

use super::Trained;
use super::grid::Tile;
use crate::error::Result;
use crate::evaluate::BATCH;
use crate::model::Model;
use crate::objective::{DecoderOutput, OutputMap};

/// Paints what one model makes of images and codes.
pub(super) struct Painter<'a> {
    of: &'a Trained<'a>,
}

impl<'a> Painter<'a> {
    pub(super) fn of(of: &'a Trained<'a>) -> Self {
        Painter { of }
    }

    /// The test images as the model sees them.
    pub(super) fn originals(&self, indices: &[u32]) -> Result<Vec<Tile>> {
        self.tiles(&self.pixels(indices)?)
    }

    /// The test images, encoded and decoded without noise.
    pub(super) fn reconstructions(&self, indices: &[u32]) -> Result<Vec<Tile>> {
        let Model::Vae(vae) = self.of.model;
        let posterior = vae.encode(&self.pixels(indices)?)?;
        self.tiles(&self.output(&posterior.mean)?)
    }

    /// `count` codes, decoded.
    pub(super) fn decoded(&self, codes: Vec<f32>, count: usize) -> Result<Vec<Tile>> {
        let z = Tensor::from_vec(codes, (count, self.of.spec.family().latent_dim()), &Device::Cpu)?;
        self.tiles(&self.output(&z)?)
    }

    /// The mean of the posterior of test images.
    pub(super) fn means(&self, indices: &[u32]) -> Result<Vec<Vec<f32>>> {
        let Model::Vae(vae) = self.of.model;
        let mut all = Vec::with_capacity(indices.len());
        for indices in indices.chunks(BATCH) {
            all.extend(vae.encode(&self.pixels(indices)?)?.mean.to_vec2::<f32>()?);
        }
        Ok(all)
    }

    fn pixels(&self, indices: &[u32]) -> Result<Tensor> {
        let draw = self.of.spec.last_test_draw();
        Ok(draw.batch(&self.of.data.test, indices, DType::F32, &Device::Cpu)?)
    }

    /// Means of the pixels.
    fn output(&self, z: &Tensor) -> Result<Tensor> {
        let output = self.of.model.decode(z)?;
        let recon = self.of.spec.recon();
        let map = match recon.loss.pixel_loss().decoder_output() {
            DecoderOutput::Logits => OutputMap::Sigmoid,
            DecoderOutput::Means => recon.output,
        };
        Ok(map.mean(&output)?)
    }

    /// From the range of the pixels back to grey levels.
    fn tiles(&self, pixels: &Tensor) -> Result<Vec<Tile>> {
        let (slope, offset) = self.of.spec.data().pixels.range.affine();
        let (height, width) = self.of.data.test.size();
        let grey = |v: f32| (((v - offset) / slope).clamp(0.0, 1.0) * 255.0).round() as u8;
        let rows = pixels.to_vec2::<f32>()?;
        Ok(rows.into_iter().map(|row| Tile { width, height, grey: row.into_iter().map(grey).collect() }).collect())
    }
}
