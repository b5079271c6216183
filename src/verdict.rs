//! What became of a run, in one word and its reason: judged from numbers alone.

use serde::{Deserialize, Serialize};

/// Below this many nats an image, the latents say nothing.
const SILENT_KL: f64 = 0.01;

/// How near to the floor counts as sitting on it.
const FLOOR_TOLERANCE: f64 = 0.02;

/// The state of a trained model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Verdict {
    /// The KL is 0, or no latent is active, and the reconstruction is that of a decoder that ignores z: the average image.
    Collapsed {
        /// R (or S) of the average image, where it has a least value.
        floor: Option<f64>,
    },
    /// No latent is active, but the model is not the collapsed one either: training has hardly begun.
    Unconverged {
        /// R (or S) of the average image, where it has a least value.
        floor: Option<f64>,
    },
    /// Some latents carry nothing.
    PartlyCollapsed {
        /// Latents that carry information.
        active_units: u32,
        /// All latents.
        latent_dim: usize,
    },
    /// Every latent carries information.
    Healthy {
        /// All latents.
        latent_dim: usize,
    },
    /// The objective became non-finite.
    Diverged {
        /// The epoch in which it did.
        epoch: u32,
    },
}

/// What is judged: the last test row of a run, and where a collapsed model would end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// R (or S) on the test images.
    pub recon: f64,
    /// K on the test images.
    pub kl: f64,
    /// Active latents.
    pub active_units: u32,
    /// All latents.
    pub latent_dim: usize,
    /// R (or S) of the average image on the test images, where it has a least value.
    pub floor: Option<f64>,
}

impl Verdict {
    /// Judges a run that ended without diverging.
    pub fn judge(on: Evidence) -> Self {
        let Evidence { recon, kl, active_units, latent_dim, floor } = on;
        if kl < SILENT_KL || active_units == 0 {
            // A floor in nats of a density may be negative or near 0; the distance is then measured in nats.
            return match floor {
                Some(least) if (recon - least).abs() > FLOOR_TOLERANCE * least.abs().max(1.0) => {
                    Verdict::Unconverged { floor }
                }
                _ => Verdict::Collapsed { floor },
            };
        }
        if (active_units as usize) < latent_dim {
            Verdict::PartlyCollapsed { active_units, latent_dim }
        } else {
            Verdict::Healthy { latent_dim }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(recon: f64, kl: f64, active_units: u32) -> Verdict {
        Verdict::judge(Evidence { recon, kl, active_units, latent_dim: 20, floor: Some(205.8) })
    }

    #[test]
    fn a_silent_model_at_the_floor_is_collapsed_and_one_above_it_is_not_there_yet() {
        assert_eq!(judge(206.6, 0.0000, 0), Verdict::Collapsed { floor: Some(205.8) });
        assert_eq!(judge(206.4, 0.007, 0), Verdict::Collapsed { floor: Some(205.8) });
        assert_eq!(judge(205.9, 0.011, 0), Verdict::Collapsed { floor: Some(205.8) }, "no latent is active");
        assert_eq!(judge(543.0, 0.001, 0), Verdict::Unconverged { floor: Some(205.8) });
    }

    #[test]
    fn a_model_that_speaks_is_judged_by_its_active_latents() {
        assert_eq!(judge(85.0, 24.0, 20), Verdict::Healthy { latent_dim: 20 });
        assert_eq!(judge(120.0, 10.0, 5), Verdict::PartlyCollapsed { active_units: 5, latent_dim: 20 });
    }
}
