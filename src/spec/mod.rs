//! Everything that determines a run: validated once, then immutable.

pub mod presets;
mod resolve;
mod settings;

use sha2::{Digest, Sha256};

pub use settings::Settings;
pub(crate) use settings::cell_text;

use crate::choice::Choice;
use crate::data::{Binarize, DataSource, PixelDraw, PixelRange, PixelStats, Pixels};
use crate::error::{Error, Result};
use crate::model::{Activation, Architecture, Init, LogSigma, OutputBias, Sampling};
use crate::objective::{
    Constraint, Factor, FreeBits, KlEstimator, Likelihood, Objective, OutputMap, Quotient, Reduction, Rise, Sizes,
};
use crate::optimizer::Rule;
use crate::rng::Purpose;

/// The objective as chosen, before the sizes of data and model are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjectiveSpec {
    /// The reconstruction loss.
    pub likelihood: Likelihood,
    /// How the decoder's last layer becomes a mean.
    pub output: OutputMap,
    /// How the reconstruction is reduced.
    pub reduction: Reduction,
    /// The factor in front of the reconstruction.
    pub recon_weight: Factor,
    /// How the KL is computed.
    pub kl_estimator: KlEstimator,
    /// How the KL is reduced.
    pub kl_reduction: Reduction,
    /// A factor in front of the KL beside beta.
    pub kl_weight: Factor,
    /// Beta, or the gamma of a capacity.
    pub strength: Strength,
}

/// What pulls on the KL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strength {
    /// beta * K, K after free bits.
    Beta {
        /// The factor.
        beta: f64,
        /// How it rises.
        warmup: Option<Rise>,
        /// What is free.
        free_bits: Option<FreeBits>,
    },
    /// gamma * |K - C|.
    Capacity {
        /// The factor.
        gamma: f64,
        /// C at the end, in nats.
        nats: f64,
        /// How C rises.
        rise: Option<Rise>,
    },
}

/// The images of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSpec {
    /// Which data set.
    pub source: DataSource,
    /// How bytes become pixels.
    pub pixels: Pixels,
    /// Only so many training images.
    pub train_size: Option<usize>,
    /// Only so many test images.
    pub test_size: Option<usize>,
}

/// The network and its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSpec {
    /// Widths of the encoder's hidden layers; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// d, latents.
    pub latent_dim: usize,
    /// Between the layers.
    pub activation: Activation,
    /// How z is drawn.
    pub sampling: Sampling,
    /// Initial parameters.
    pub init: Init,
    /// Initial bias of the output.
    pub output_bias: OutputBias,
}

/// How it is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSpec {
    /// The update rule.
    pub rule: Rule,
    /// Learning rate.
    pub lr: f64,
    /// Images per step.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: u32,
}

/// Everything that determines a run's result, valid by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSpec {
    data: DataSpec,
    objective: ObjectiveSpec,
    model: ModelSpec,
    training: TrainingSpec,
    seed: u64,
}

impl RunSpec {
    /// Puts the defaults under `given` and checks the whole.
    ///
    /// The defaults are the pytorch/examples VAE: 784-400-20-400-784, ReLU, Adam 1e-3, batch 128, 10 epochs, grey
    /// pixels, summed BCE, beta 1.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the setting, what is wrong with it, and what to write instead.
    pub fn resolve(given: &Settings) -> Result<Self> {
        let objective = resolve::objective(given)?;
        let pixels = Pixels {
            binarize: given.binarize.unwrap_or(Binarize::None),
            range: given.pixel_range.unwrap_or(PixelRange::Unit),
        };
        if objective.likelihood.energy().takes_logits() && pixels.range != PixelRange::Unit {
            return Err(resolve::contradiction(
                &format!("--pixel-range {}", pixels.range.name()),
                &format!("--loss {}", objective.likelihood.loss().name()),
                "it takes pixels in [0, 1]",
            ));
        }
        let hidden = given.hidden.clone().unwrap_or_else(|| vec![400]);
        if hidden.contains(&0) {
            return Err(Error::Usage(
                "--hidden: a layer of width 0 passes nothing on; give widths of 1 or more, or \"\" for a linear VAE"
                    .into(),
            ));
        }
        Ok(RunSpec {
            data: DataSpec {
                source: given.data.unwrap_or(DataSource::Auto),
                pixels,
                train_size: given.train_size.map(|n| resolve::at_least_one("--train-size", n)).transpose()?,
                test_size: given.test_size.map(|n| resolve::at_least_one("--test-size", n)).transpose()?,
            },
            objective,
            model: ModelSpec {
                hidden,
                latent_dim: resolve::at_least_one("--latent-dim", given.latent_dim.unwrap_or(20))?,
                activation: given.activation.unwrap_or(Activation::Relu),
                sampling: given.sampling.unwrap_or(Sampling::Standard),
                init: given.init.unwrap_or(Init::Pytorch),
                output_bias: given.output_bias.unwrap_or(OutputBias::Zero),
            },
            training: TrainingSpec {
                rule: resolve::rule(given)?,
                lr: resolve::positive("--lr", given.lr.unwrap_or(1e-3))?,
                batch_size: resolve::at_least_one("--batch-size", given.batch_size.unwrap_or(128))?,
                epochs: given.epochs.unwrap_or(10),
            },
            seed: given.seed.unwrap_or(1),
        })
    }

    /// The images.
    pub fn data(&self) -> &DataSpec {
        &self.data
    }

    /// The objective.
    pub fn objective(&self) -> &ObjectiveSpec {
        &self.objective
    }

    /// The network.
    pub fn model(&self) -> &ModelSpec {
        &self.model
    }

    /// The training.
    pub fn training(&self) -> &TrainingSpec {
        &self.training
    }

    /// The seed of every random stream.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The same run with `auto` replaced by the data that was really found.
    pub fn with_source(mut self, source: DataSource) -> Self {
        self.data.source = source;
        self
    }

    /// The draw of the test images that the last epoch is measured on.
    pub fn last_test_draw(&self) -> PixelDraw {
        let epoch = u64::from(self.training.epochs);
        PixelDraw { pixels: self.data.pixels, seed: self.seed, purpose: Purpose::BinarizeTest, epoch }
    }

    /// The network for images of `pixels` pixels.
    pub fn architecture(&self, pixels: usize) -> Architecture {
        Architecture {
            pixels,
            hidden: self.model.hidden.clone(),
            latent_dim: self.model.latent_dim,
            activation: self.model.activation,
            sampling: self.model.sampling,
            log_sigma: if self.objective.likelihood.learns_sigma() { LogSigma::Learned } else { LogSigma::Absent },
        }
    }

    /// The variance of the training pixels that [`RunSpec::objective_for`] takes.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] where a weight divides by it and it is 0.
    pub fn data_variance(&self, train: &PixelStats) -> Result<f64> {
        let factors = [self.objective.recon_weight, self.objective.kl_weight];
        if factors.contains(&Factor::PerDataVariance) { train.positive_variance() } else { Ok(train.total_variance()) }
    }

    /// The objective for images of `pixels` pixels whose variance around their common mean is `data_variance`.
    pub fn objective_for(&self, pixels: usize, data_variance: f64) -> Objective {
        let sizes = Sizes { pixels, batch_size: self.training.batch_size, data_variance };
        let spec = &self.objective;
        let (factor, warmup, constraint) = match spec.strength {
            Strength::Beta { beta, warmup, free_bits } => {
                (beta, warmup, free_bits.map_or(Constraint::None, Constraint::FreeBits))
            }
            Strength::Capacity { gamma, nats, rise } => (gamma, None, Constraint::Capacity { nats, rise }),
        };
        Objective {
            likelihood: spec.likelihood,
            output: spec.output,
            reduction: spec.reduction,
            recon_factor: spec.recon_weight.value(&sizes),
            kl_estimator: spec.kl_estimator,
            constraint,
            kl_reduction: spec.kl_reduction,
            kl_factor: Quotient::from(factor) * spec.kl_weight.value(&sizes),
            warmup,
            pixels,
            latent_dim: self.model.latent_dim,
        }
    }

    /// The whole run as settings with nothing left to default: what `config.toml` holds.
    pub fn settings(&self) -> Settings {
        let spec = &self.objective;
        let mut settings = Settings {
            loss: Some(spec.likelihood.loss()),
            output: (!spec.likelihood.energy().takes_logits()).then_some(spec.output),
            reduction: Some(spec.reduction),
            recon_weight: Some(spec.recon_weight),
            kl: Some(spec.kl_estimator),
            kl_reduction: Some(spec.kl_reduction),
            kl_weight: Some(spec.kl_weight),
            data: Some(self.data.source),
            binarize: Some(self.data.pixels.binarize),
            pixel_range: Some(self.data.pixels.range),
            train_size: self.data.train_size,
            test_size: self.data.test_size,
            hidden: Some(self.model.hidden.clone()),
            latent_dim: Some(self.model.latent_dim),
            activation: Some(self.model.activation),
            init: Some(self.model.init),
            output_bias: Some(self.model.output_bias),
            sampling: Some(self.model.sampling),
            optimizer: Some(self.training.rule.name()),
            lr: Some(self.training.lr),
            batch_size: Some(self.training.batch_size),
            epochs: Some(self.training.epochs),
            seed: Some(self.seed),
            ..Settings::default()
        };
        match spec.likelihood {
            Likelihood::Gaussian { sigma2 } => settings.sigma2 = Some(sigma2),
            Likelihood::Laplace { scale } => settings.laplace_scale = Some(scale),
            Likelihood::LogMse { scale } => settings.log_mse_scale = Some(scale),
            Likelihood::Bernoulli
            | Likelihood::ContinuousBernoulli
            | Likelihood::SquaredError
            | Likelihood::GaussianLearned
            | Likelihood::GaussianOptimal => {}
        }
        match spec.strength {
            Strength::Beta { beta, warmup, free_bits } => {
                (settings.beta, settings.warmup, settings.free_bits) = (Some(beta), warmup, free_bits);
            }
            Strength::Capacity { gamma, nats, rise } => {
                (settings.gamma, settings.capacity, settings.capacity_rise) = (Some(gamma), Some(nats), rise);
            }
        }
        match self.training.rule {
            Rule::Adam { beta1, beta2, eps } => {
                (settings.adam_beta1, settings.adam_beta2, settings.adam_eps) = (Some(beta1), Some(beta2), Some(eps));
            }
            Rule::Rmsprop { alpha } => settings.rmsprop_alpha = Some(alpha),
            Rule::Sgd | Rule::Adagrad => {}
        }
        settings
    }

    /// The settings as TOML.
    pub fn to_toml(&self) -> String {
        // Plain numbers, strings and lists always have a TOML form.
        toml::to_string(&self.settings()).unwrap_or_default()
    }

    /// The name of the run's directory: what a person looks for, and a hash of all that determines the result.
    ///
    /// `data_digest` is the digest of the data's content; where the data lies is no part of the hash.
    pub fn run_id(&self, data_digest: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.to_toml());
        hash.update(data_digest);
        let hash = hash.finalize();
        let ObjectiveSpec { likelihood, reduction, kl_reduction, strength, .. } = self.objective;
        let kl =
            if kl_reduction == reduction.kl_default() { String::new() } else { format!("-kl-{}", kl_reduction.name()) };
        let strength = match strength {
            Strength::Beta { beta, .. } => format!("b{}", short(beta)),
            Strength::Capacity { gamma, nats, .. } => format!("g{}-c{}", short(gamma), short(nats)),
        };
        format!(
            "{}-{}{kl}-{strength}-z{}-s{}-{:02x}{:02x}{:02x}{:02x}",
            likelihood.loss().name(),
            reduction.name(),
            self.model.latent_dim,
            self.seed,
            hash[0],
            hash[1],
            hash[2],
            hash[3]
        )
    }
}

/// A number for a directory's name: at most 6 significant digits ("0.00127551", "1e-9").
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-6..1e9).contains(&rounded) { format!("{rounded:e}") } else { format!("{rounded}") }
}

/// Widths of layers as typed: "400,200", or nothing for a linear model.
///
/// # Errors
/// What is wrong, as a sentence.
pub fn parse_widths(text: &str) -> Result<Vec<usize>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|width| {
            width.trim().parse::<usize>().map_err(|_| {
                format!("{width:?} is not a width; write whole numbers with commas such as 400,200, or \"\" for a linear VAE")
            })
        })
        .collect()
}
