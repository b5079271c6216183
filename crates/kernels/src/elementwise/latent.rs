//! The Gaussian latent: sampling by reparameterisation, its KL divergence from N(0, 1), and the backward pass.
//!
//! Every operation is elementwise over arrays of one length; shapes are the caller's business.

use super::math::exp_family;
use crate::simd::{Isa, LANES, Simd, Task};
use crate::system::parallel::{CHUNK, run_all};

/// How a sample is drawn from noise: z = mean + gain e^(rate logvar) noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// The factor of the noise; 1 in a VAE as published.
    pub gain: f32,
    /// 1/2 where logvar is the logarithm of a variance, as its name says.
    pub rate: f32,
}

impl Noise {
    /// z = mean + e^(logvar / 2) noise.
    pub const STANDARD: Noise = Noise { gain: 1.0, rate: 0.5 };
}

/// z = mean + gain e^(rate logvar) noise, and kl = (mean^2 + e^logvar - 1 - logvar) / 2.
///
/// e^logvar - 1 - logvar is computed without cancellation near 0, so a collapsed latent has a KL of 0 to within 1e-7 of
/// its size.
///
/// # Panics
/// If the slices differ in length.
pub fn sample(isa: Isa, draw: Noise, mean: &[f32], logvar: &[f32], noise: &[f32], z: &mut [f32], kl: &mut [f32]) {
    check([mean.len(), logvar.len(), noise.len(), z.len(), kl.len()]);
    let tasks = mean
        .chunks(CHUNK)
        .zip(logvar.chunks(CHUNK))
        .zip(noise.chunks(CHUNK))
        .zip(z.chunks_mut(CHUNK).zip(kl.chunks_mut(CHUNK)))
        .map(|(((mean, logvar), noise), (z, kl))| Sample { draw, mean, logvar, noise, z, kl });
    run_all(isa, tasks);
}

/// The operands of a backward pass, all of one length.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a> {
    /// The mean of the forward pass.
    pub mean: &'a [f32],
    /// Its logvar.
    pub logvar: &'a [f32],
    /// Its noise.
    pub noise: &'a [f32],
    /// dL/dz.
    pub dz: &'a [f32],
    /// dL/dkl.
    pub dkl: &'a [f32],
}

/// The gradients in mean and logvar:
///
/// - d mean = dz + dkl mean
/// - d logvar = rate gain dz noise e^(rate logvar) + dkl (e^logvar - 1) / 2
///
/// # Panics
/// If the slices differ in length.
pub fn sample_backward(isa: Isa, draw: Noise, from: &Upstream, dmean: &mut [f32], dlogvar: &mut [f32]) {
    let Upstream { mean, logvar, noise, dz, dkl } = *from;
    check([mean.len(), logvar.len(), noise.len(), dz.len(), dkl.len()]);
    check([mean.len(), dmean.len(), dlogvar.len(), mean.len(), mean.len()]);
    let tasks = (0..mean.len().div_ceil(CHUNK)).zip(dmean.chunks_mut(CHUNK).zip(dlogvar.chunks_mut(CHUNK))).map(
        |(i, (dmean, dlogvar))| {
            let range = i * CHUNK..(i * CHUNK + dmean.len());
            let from = Upstream {
                mean: &mean[range.clone()],
                logvar: &logvar[range.clone()],
                noise: &noise[range.clone()],
                dz: &dz[range.clone()],
                dkl: &dkl[range],
            };
            Backward { draw, from, dmean, dlogvar }
        },
    );
    run_all(isa, tasks);
}

fn check(lengths: [usize; 5]) {
    assert!(lengths.iter().all(|&n| n == lengths[0]), "the arrays of a latent differ in length: {lengths:?}");
}

struct Sample<'a> {
    draw: Noise,
    mean: &'a [f32],
    logvar: &'a [f32],
    noise: &'a [f32],
    z: &'a mut [f32],
    kl: &'a mut [f32],
}

impl Task for Sample<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let half = s.splat(0.5);
        let (gain, rate) = (s.splat(self.draw.gain), s.splat(self.draw.rate));
        for from in (0..self.z.len()).step_by(LANES) {
            let at = from..(from + LANES).min(self.z.len());
            let (mean, logvar) = (s.load_head(&self.mean[at.clone()]), s.load_head(&self.logvar[at.clone()]));
            let (spread, _, _) = exp_family(s, s.mul(rate, logvar));
            let sample = s.fma(s.mul(gain, spread), s.load_head(&self.noise[at.clone()]), mean);
            s.store_head(&mut self.z[at.clone()], sample);
            let (_, _, excess) = exp_family(s, logvar);
            s.store_head(&mut self.kl[at], s.mul(half, s.fma(mean, mean, excess)));
        }
    }
}

struct Backward<'a> {
    draw: Noise,
    from: Upstream<'a>,
    dmean: &'a mut [f32],
    dlogvar: &'a mut [f32],
}

impl Task for Backward<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let half = s.splat(0.5);
        let (rate, scale) = (s.splat(self.draw.rate), s.splat(self.draw.rate * self.draw.gain));
        for start in (0..self.dmean.len()).step_by(LANES) {
            let at = start..(start + LANES).min(self.dmean.len());
            let Upstream { mean, logvar, noise, dz, dkl } = self.from;
            let (mean, logvar) = (s.load_head(&mean[at.clone()]), s.load_head(&logvar[at.clone()]));
            let (dz, dkl) = (s.load_head(&dz[at.clone()]), s.load_head(&dkl[at.clone()]));
            let noise = s.load_head(&noise[at.clone()]);
            s.store_head(&mut self.dmean[at.clone()], s.fma(dkl, mean, dz));
            let (spread, _, _) = exp_family(s, s.mul(rate, logvar));
            let (_, minus_one, _) = exp_family(s, logvar);
            let by_sample = s.mul(s.mul(scale, s.mul(dz, noise)), spread);
            s.store_head(&mut self.dlogvar[at], s.fma(s.mul(half, dkl), minus_one, by_sample));
        }
    }
}
