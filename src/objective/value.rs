//! The one place where terms are weighted and added.

use candle_core::{DType, Result, Tensor};

use super::arithmetic::Arithmetic;
use super::controller::{Control, Controller, Moment, Multiplier};
use super::effective::EffectiveWeight;
use super::kl::{KlEstimator, KlPenalty, KlTerm};
use super::output::OutputMap;
use super::ratio::Ratio;
use super::recon::{ReconLoss, ReconTerm};
use super::schedule::Time;
use super::vq::VqTerms;
use super::weight::Weight;
use crate::pass::{Latents, Pass, Sampling};
use crate::terms::{Ledgers, Term, Terms};

/// An objective as a weighted sum of terms. Pure numbers and tensor mathematics; knows no model, file or flag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The reconstruction, with its weight a.
    pub recon: ReconTerm,
    /// What is minimised beside it: belongs to the model's family.
    pub latent: LatentTerms,
}

/// The terms that a family of models adds to the reconstruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LatentTerms {
    /// A VAE's KL, with its weight b.
    Kl(KlTerm),
    /// A VQ-VAE's codebook and commitment terms.
    Vq(VqTerms),
}

/// The scalar to minimise over a batch, and what it is made of.
#[derive(Debug)]
pub struct Value {
    /// The objective; gradients flow through every term.
    pub loss: Tensor,
    /// Its terms, averaged over the images of the batch, in f64.
    pub ledgers: Ledgers,
    /// The average energy of the batch: what the loss sums over the pixels of an image.
    pub energy: f64,
    /// What finds a weight, after this batch: for the next one.
    pub control: Control,
}

/// Averages over a set of images, in f64: all that the ledgers are functions of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Averages {
    /// The energy: what the loss sums over the pixels of an image.
    pub energy: f64,
    /// The learned log sigma of the likelihood, where there is one.
    pub log_sigma: Option<f64>,
    /// The latent side.
    pub latents: LatentAverages,
}

/// The latent side of [`Averages`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LatentAverages {
    /// Of a VAE.
    Gaussian {
        /// K, in closed form.
        kl: f64,
        /// The KL as the objective estimates it, after free bits.
        estimate: f64,
    },
    /// Of a VQ-VAE.
    Codes {
        /// C: the squared distance of an image's codes from their entries.
        distance: f64,
    },
}

impl Objective {
    /// -ELBO = R + K in nats, for images of `pixels` pixels and a VAE of `latent_dim` latents: both weights 1, nothing else
    /// done to either term (Kingma & Welling 2014, equation 10).
    pub fn neg_elbo_of(loss: ReconLoss, pixels: usize, latent_dim: usize) -> Self {
        Objective {
            recon: ReconTerm { loss, output: OutputMap::Identity, weight: Weight::one(pixels) },
            latent: LatentTerms::Kl(KlTerm {
                weight: Weight::one(latent_dim),
                estimator: KlEstimator::Analytic,
                penalty: KlPenalty::Beta { beta: 1.0, warmup: None, free_bits: None },
                sampling: Sampling::Standard,
            }),
        }
    }

    /// What finds a weight, where one is found.
    pub fn controller(&self) -> Option<Controller> {
        match self.latent {
            LatentTerms::Kl(kl) => kl.penalty.controller(),
            LatentTerms::Vq(_) => None,
        }
    }

    /// What is remembered from batch to batch, before the first one.
    pub fn control(&self) -> Control {
        self.controller().map_or(Control::Fixed, Controller::start)
    }

    /// `time` with the weight that was found by then: `control` is what the training remembers.
    ///
    /// # Errors
    /// Where `control` is another objective's.
    pub fn moment(&self, time: Time, control: Control) -> Result<Moment> {
        let multiplier = match (self.controller(), control) {
            (None, Control::Fixed) => Some(Multiplier::Written),
            (None, Control::Geco { .. } | Control::ControlVae { .. }) => None,
            (Some(controller), control) => controller.multiplier(control).map(Multiplier::Found),
        };
        multiplier.map_or_else(other_control, |multiplier| Ok(Moment { time, multiplier }))
    }

    /// The weight of every term in a batch of `batch` images at `moment`: a on R (on the logarithm for `log-mse`), b on K of a
    /// VAE, those of the codebook and the commitment term on C of a VQ-VAE.
    pub fn weights(&self, batch: usize, moment: Moment) -> Terms<f64> {
        let all = Terms::default().with(Term::Recon, self.recon_weight(batch, moment).value());
        match self.latent {
            LatentTerms::Kl(kl) => all.with(Term::Kl, kl.weight_at(batch, moment).value()),
            LatentTerms::Vq(vq) => {
                let mut all = all.with(Term::Commitment, vq.commitment.at(batch).value());
                all.set(Term::Codebook, vq.codebook.map(|codebook| codebook.at(batch).value()));
                all
            }
        }
    }

    /// a at `moment`, with GECO's lambda.
    fn recon_weight(&self, batch: usize, moment: Moment) -> Ratio {
        let weight = self.recon.weight.at(batch);
        match self.controller() {
            Some(Controller::Geco(_)) => weight * Ratio::from(moment.multiplier.value()),
            Some(Controller::ControlVae(_)) | None => weight,
        }
    }

    /// What a weights in a batch of `batch` images: the loss, or its distance from GECO's tolerance.
    fn constrained<T: Arithmetic>(&self, recon: T, batch: usize) -> Result<T> {
        match self.controller() {
            Some(Controller::Geco(geco)) => {
                recon.affine(1.0, -(Ratio::from(geco.tolerance) / self.recon.weight.at(batch)).value())
            }
            Some(Controller::ControlVae(_)) | None => Ok(recon),
        }
    }

    /// The moment of a batch of `batch` images with these averages, and what to remember after it.
    fn step(&self, on: &Averages, batch: usize, time: Time, control: Control) -> Result<(Moment, Control)> {
        let LatentTerms::Kl(KlTerm { penalty: KlPenalty::Found(controller), weight, .. }) = self.latent else {
            return Ok((self.moment(time, control)?, control));
        };
        let observed = match (controller, on.latents) {
            (Controller::Geco(_), _) => {
                let recon = self.recon.loss.weighted(&on.energy, self.recon.pixels(), on.log_sigma.as_ref())?;
                self.recon.weight.at(batch).value() * recon
            }
            (Controller::ControlVae(_), LatentAverages::Gaussian { estimate, .. }) => {
                weight.at(batch).value() * estimate
            }
            (Controller::ControlVae(_), LatentAverages::Codes { .. }) => other_family()?,
        };
        match controller.step(control, observed) {
            Some((found, next)) => Ok((Moment { time, multiplier: Multiplier::Found(found) }, next)),
            None => other_control(),
        }
    }

    /// What the encoder sees beside the reconstruction, in units of a, for a batch of `batch` images at `moment`: b / a of a
    /// VAE, rho = w_cm / a of a VQ-VAE. Rounded once.
    pub fn weight_ratio(&self, batch: usize, moment: Moment) -> f64 {
        let weight = match self.latent {
            LatentTerms::Kl(kl) => kl.weight_at(batch, moment),
            LatentTerms::Vq(vq) => vq.commitment.at(batch),
        };
        let ratio: Ratio = weight / self.recon_weight(batch, moment);
        ratio.value()
    }

    /// rho = w_cm / a for a batch of `batch` images: of a VQ-VAE.
    pub fn commitment_ratio(&self, batch: usize) -> Option<f64> {
        match self.latent {
            LatentTerms::Kl(_) => None,
            LatentTerms::Vq(_) => Some(self.weight_ratio(batch, Moment::as_written(Time::END))),
        }
    }

    /// The scalar to minimise over the batch of `pass` at `time`, and both ledgers of the batch; `control` is what the
    /// batches before it left, [`Objective::control`] for the first one.
    ///
    /// # Errors
    /// Where a tensor cannot be made, or `control` is another objective's.
    pub fn value(&self, pass: &Pass, time: Time, control: Control) -> Result<Value> {
        let images = pass.energy.dim(0)?;
        let averages = self.averages(pass)?;
        let (moment, control) = self.step(&averages, images, time, control)?;
        let weights = self.weights(images, moment);
        let log_sigma = pass.log_sigma.as_ref();
        let recon = self.recon.loss.weighted(&pass.energy.mean_all()?, self.recon.pixels(), log_sigma)?;
        let recon = self.constrained(recon, images)?;
        let mut terms = Terms::default().with(Term::Recon, recon);
        match (&self.latent, &pass.latents) {
            (LatentTerms::Kl(kl), Latents::Gaussian(latents)) => {
                terms.set(Term::Kl, Some(kl.weighted(&kl.estimate(latents)?, time)?));
            }
            (LatentTerms::Vq(vq), Latents::Codes(latents)) => {
                terms.set(Term::Codebook, vq.codebook.map(|_| latents.codebook.mean_all()).transpose()?);
                terms.set(Term::Commitment, Some(latents.commitment.mean_all()?));
            }
            (LatentTerms::Kl(_), Latents::Codes(_)) | (LatentTerms::Vq(_), Latents::Gaussian(_)) => other_family()?,
        }
        let mut loss: Option<Tensor> = None;
        for (term, value) in terms.iter() {
            let weighted = (value * weights.get(term).copied().unwrap_or(1.0))?;
            loss = Some(match loss {
                Some(sum) => (sum + weighted)?,
                None => weighted,
            });
        }
        let Some(loss) = loss else { candle_core::bail!("an objective without terms") };
        Ok(Value { loss, ledgers: self.ledgers(&averages, images, moment)?, energy: averages.energy, control })
    }

    /// The averages of the batch of `pass`.
    ///
    /// # Errors
    /// Where a tensor cannot be read.
    pub fn averages(&self, pass: &Pass) -> Result<Averages> {
        let images = pass.energy.dim(0)? as f64;
        let latents = match (&self.latent, &pass.latents) {
            (LatentTerms::Kl(term), Latents::Gaussian(latents)) => {
                let kl = sum(&latents.kl)? / images;
                let estimate = if term.is_plain() { kl } else { scalar(&term.estimate(latents)?)? };
                LatentAverages::Gaussian { kl, estimate }
            }
            (LatentTerms::Vq(_), Latents::Codes(latents)) => {
                LatentAverages::Codes { distance: sum(&latents.commitment)? / images }
            }
            (LatentTerms::Kl(_), Latents::Codes(_)) | (LatentTerms::Vq(_), Latents::Gaussian(_)) => other_family()?,
        };
        let log_sigma = pass.log_sigma.as_ref().map(|p| scalar(&p.reshape(())?)).transpose()?;
        Ok(Averages { energy: sum(&pass.energy)? / images, log_sigma, latents })
    }

    /// Both ledgers of images with these averages, as a batch of `batch` images at `moment` would have them.
    ///
    /// # Errors
    /// Where the loss learns its sigma and the averages lack it.
    pub fn ledgers(&self, on: &Averages, batch: usize, moment: Moment) -> Result<Ledgers> {
        let (log_sigma, pixels) = (on.log_sigma.as_ref(), self.recon.pixels());
        let recon = self.recon.loss.recon(&on.energy, pixels, log_sigma)?;
        let mut canonical = Terms::default().with(Term::Recon, recon);
        let weighted = self.constrained(self.recon.loss.weighted(&on.energy, pixels, log_sigma)?, batch)?;
        let mut terms = Terms::default().with(Term::Recon, weighted);
        match (self.latent, on.latents) {
            (LatentTerms::Kl(term), LatentAverages::Gaussian { kl, estimate }) => {
                canonical.set(Term::Kl, Some(kl));
                terms.set(Term::Kl, Some(term.weighted(&estimate, moment.time)?));
            }
            (LatentTerms::Vq(vq), LatentAverages::Codes { distance }) => {
                canonical.set(Term::Kl, Some(vq.kl()));
                canonical.set(Term::Commitment, Some(distance));
                terms.set(Term::Codebook, vq.codebook.map(|_| distance));
                terms.set(Term::Commitment, Some(distance));
            }
            (LatentTerms::Kl(_), LatentAverages::Codes { .. })
            | (LatentTerms::Vq(_), LatentAverages::Gaussian { .. }) => other_family()?,
        }
        let weights = self.weights(batch, moment);
        let weighted = terms.map(|term, value| weights.get(term).copied().unwrap_or(1.0) * value);
        Ok(Ledgers { canonical, weighted })
    }

    /// R + K in nats, where that is the negative ELBO: where the loss is a likelihood and z is drawn from the q whose KL
    /// is K. The posterior of a VQ-VAE is one-hot at the code that is decoded, so its R + N ln K is one.
    pub fn neg_elbo(&self, ledgers: &Ledgers) -> Option<f64> {
        let (recon, kl) = (ledgers.canonical.get(Term::Recon)?, ledgers.canonical.get(Term::Kl)?);
        match self.latent {
            LatentTerms::Kl(KlTerm { sampling: Sampling::Keras201605, .. }) => None,
            LatentTerms::Kl(KlTerm { sampling: Sampling::Standard, .. }) | LatentTerms::Vq(_) => {
                self.recon.loss.is_likelihood().then_some(recon + kl)
            }
        }
    }

    /// The negative ELBO in bits per pixel, where it bounds the NLL of 256 grey levels: (R + K) / (D ln 2).
    pub fn bits_per_dim(&self, ledgers: &Ledgers) -> Option<f64> {
        let nats = self.neg_elbo(ledgers).filter(|_| self.recon.loss.measure().is_of_grey_levels())?;
        Some(nats / (self.recon.pixels() as f64 * std::f64::consts::LN_2))
    }

    /// b / a for a batch of `batch` images at `moment`, where the loss is a likelihood; none under a capacity, which pulls K
    /// both ways, and none of a weight that is yet to be found.
    pub fn beta_effective(&self, batch: usize, moment: Moment) -> Option<f64> {
        (self.recon.loss.is_likelihood() && self.has_beta(moment)).then(|| self.weight_ratio(batch, moment))
    }

    /// beta * sigma^2 for a batch of `batch` images at `moment`, in the Gaussian family; where sigma is fitted or learned,
    /// at this average energy and this log sigma.
    pub fn beta_sigma2(
        &self,
        batch: usize,
        moment: Moment,
        energy: Option<f64>,
        log_sigma: Option<f64>,
    ) -> Option<f64> {
        if !self.has_beta(moment) {
            return None;
        }
        self.recon.loss.beta_sigma2(self.weight_ratio(batch, moment), self.recon.pixels(), energy, log_sigma)
    }

    /// What makes this objective comparable with others, for a batch of `batch` images at `moment`, where sigma is fixed.
    pub fn effective(&self, batch: usize, moment: Moment) -> Option<EffectiveWeight> {
        EffectiveWeight::of(self.beta_effective(batch, moment), self.beta_sigma2(batch, moment, None, None))
    }

    fn has_beta(&self, moment: Moment) -> bool {
        match self.latent {
            LatentTerms::Kl(KlTerm { penalty: KlPenalty::Beta { .. }, .. }) => true,
            LatentTerms::Kl(KlTerm { penalty: KlPenalty::Found(_), .. }) => moment.multiplier.found().is_some(),
            LatentTerms::Kl(KlTerm { penalty: KlPenalty::Capacity { .. }, .. }) | LatentTerms::Vq(_) => false,
        }
    }
}

/// The latents of one family under the terms of another: a model and an objective of two specs.
fn other_family<T>() -> Result<T> {
    candle_core::bail!("the objective belongs to another family of models")
}

/// What the training of one objective remembers under another.
fn other_control<T>() -> Result<T> {
    candle_core::bail!("what was remembered belongs to another objective")
}

/// The sum of all elements in f64, in their order.
pub(crate) fn sum(values: &Tensor) -> Result<f64> {
    Ok(values.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?.iter().sum())
}

/// A scalar in f64.
pub(crate) fn scalar(value: &Tensor) -> Result<f64> {
    value.to_dtype(DType::F64)?.to_scalar::<f64>()
}
