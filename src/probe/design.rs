//! Inputs that are designed so that values tell hypotheses apart.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// B, D and d of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// B, images.
    pub batch: usize,
    /// D, pixels.
    pub pixels: usize,
    /// d, latents.
    pub latents: usize,
}

/// Everything that one call of the loss is given. Images are `[batch, pixels]`, latents `[batch, latents]`, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// The sizes.
    pub shape: Shape,
    /// The reconstruction.
    pub recon: Vec<f64>,
    /// The image.
    pub x: Vec<f64>,
    /// Means of the posterior.
    pub mean: Vec<f64>,
    /// What the function calls log variance, standard deviation or whatever else it takes.
    pub logvar: Vec<f64>,
    /// Standard normal noise, for functions that take a sample.
    pub noise: Vec<f64>,
    /// What every generator is seeded with before the call.
    pub seed: u64,
    /// A number that replaces the default of one parameter.
    pub set: Option<(String, f64)>,
}

/// The sizes that a loss is asked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where the forms are identified.
    pub first: Shape,
    /// Where the weights are measured.
    pub others: Vec<Shape>,
    /// Where the winner is checked, at sizes that were not used before.
    pub fresh: Vec<Shape>,
}

impl Plan {
    /// Square images of `channels` channels and `side` pixels a side, then others. No other batch holds a whole number of
    /// images of 28 x 28, so that a function that reshapes to 784 fails in place of answering for other images.
    pub fn of(channels: usize, side: usize) -> Self {
        let at = |batch, side, latents| Shape { batch, pixels: channels * side * side, latents };
        Plan {
            first: at(3, side, 5),
            others: vec![
                at(2, side, 5),
                at(5, side, 5),
                at(8, side, 5),
                at(3, side, 2),
                at(3, side, 9),
                at(5, side, 3),
                at(3, 8, 5),
                at(3, 12, 5),
                at(5, 16, 3),
                at(2, 20, 9),
                at(8, 12, 2),
            ],
            fresh: vec![at(4, side, 7), at(9, side, 4), at(6, 10, 3), at(11, 20, 6)],
        }
    }
}

/// Uniform numbers that depend on a seed alone.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Draw(ChaCha8Rng::seed_from_u64(seed))
    }

    /// In `[low, high)`.
    pub(super) fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (self.within(1e-12, 1.0), self.within(0.0, std::f64::consts::TAU));
        (-2.0 * u.ln()).sqrt() * v.cos()
    }
}

/// Where pixels are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PixelRegime {
    /// Inside (0, 1): right for probabilities, logits and means alike.
    Unit,
    /// Reconstructions far outside of it.
    Wide,
}

/// Where latents are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LatentRegime {
    /// Means within +-2, second outputs in (0.3, 2): a logarithm, a deviation and a variance alike.
    Positive,
    /// Means of 20 to 30 in size: beyond every amount that may be free.
    Large,
    /// Second outputs of either sign.
    Signed,
    /// Means whose half squares are spread around so many nats, second outputs at the prior.
    Around {
        /// In nats.
        nats: f64,
        /// The second output of a unit variance.
        prior: f64,
    },
}

/// The one seed of the noise: calls of equal sizes share it.
const NOISE: u64 = 20;

impl Inputs {
    /// Random pixels and latents.
    pub(super) fn draw(shape: Shape, seed: u64, pixels: PixelRegime, latents: LatentRegime) -> Self {
        let mut noise = Draw::new(NOISE ^ ((shape.batch * 1000 + shape.latents) as u64) << 16);
        let cells = shape.batch * shape.latents;
        let mut all = Inputs {
            shape,
            recon: Vec::new(),
            x: Vec::new(),
            mean: Vec::new(),
            logvar: Vec::new(),
            noise: (0..cells).map(|_| noise.normal()).collect(),
            seed: NOISE,
            set: None,
        };
        all.redraw_pixels(seed, pixels);
        all.redraw_latents(seed, latents);
        all
    }

    /// Other pixels, everything else as it is.
    pub(super) fn redraw_pixels(&mut self, seed: u64, regime: PixelRegime) {
        let mut draw = Draw::new(seed.wrapping_mul(0x9e37_79b9) ^ 0x7069_7865);
        let Shape { batch, pixels, .. } = self.shape;
        // Images differ in how wrong they are, and so do designs: per-image roots and logarithms then differ from joint ones.
        let level = draw.within(0.05, 1.0);
        self.x.clear();
        self.recon.clear();
        for _ in 0..batch {
            let amplitude = level * draw.within(0.1, 1.0);
            for _ in 0..pixels {
                let x = draw.within(0.04, 0.96);
                let other = draw.within(0.03, 0.97);
                self.x.push(x);
                self.recon.push(match regime {
                    PixelRegime::Unit => x + amplitude * (other - x),
                    PixelRegime::Wide => draw.within(-2.5, 3.5),
                });
            }
        }
    }

    /// Other latents, everything else as it is.
    pub(super) fn redraw_latents(&mut self, seed: u64, regime: LatentRegime) {
        let mut draw = Draw::new(seed.wrapping_mul(0x85eb_ca6b) ^ 0x6c61_7465);
        let Shape { batch, latents, .. } = self.shape;
        self.mean.clear();
        self.logvar.clear();
        for _ in 0..batch {
            let level = draw.within(0.3, 1.3);
            for _ in 0..latents {
                let sign = if draw.within(0.0, 1.0) < 0.5 { -1.0 } else { 1.0 };
                let (mean, logvar) = match regime {
                    LatentRegime::Positive => (level * draw.within(-2.0, 2.0), draw.within(0.3, 2.0)),
                    LatentRegime::Large => (sign * draw.within(20.0, 30.0), draw.within(0.3, 2.0)),
                    LatentRegime::Signed => (level * draw.within(-2.5, 2.5), draw.within(-3.0, 2.0)),
                    LatentRegime::Around { nats, prior } => {
                        (sign * (2.0 * nats * level * draw.within(0.0, 2.5)).sqrt(), prior)
                    }
                };
                self.mean.push(mean);
                self.logvar.push(logvar);
            }
        }
    }

    /// Reconstructions that are nearly right, so that errors add little to the loss and to its rounding.
    pub(super) fn quiet(mut self) -> Self {
        for (recon, x) in self.recon.iter_mut().zip(&self.x) {
            *recon = x + 1e-3 * (*recon - x);
        }
        self
    }

    /// Every latent with this mean and this second output.
    pub(super) fn set_latents(&mut self, mean: f64, logvar: f64) {
        self.mean.fill(mean);
        self.logvar.fill(logvar);
    }
}
