//! Everything that determines a run: validated once, then immutable.

mod settings;

use sha2::{Digest, Sha256};

pub use settings::Settings;

use crate::choice::Choice;
use crate::data::{Binarize, DataSource};
use crate::error::{Error, Result};
use crate::model::{Activation, Architecture, Init, OutputBias};
use crate::objective::{Likelihood, Loss, Objective, Reduction};
use crate::optimizer::{OptimizerName, Rule};

/// The objective as chosen, before the sizes of data and model are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjectiveSpec {
    /// The reconstruction loss.
    pub likelihood: Likelihood,
    /// How the reconstruction is reduced.
    pub reduction: Reduction,
    /// How the KL is reduced.
    pub kl_reduction: Reduction,
    /// The factor on the KL.
    pub beta: f64,
}

/// The images of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSpec {
    /// Which data set.
    pub source: DataSource,
    /// What becomes of the grey levels.
    pub binarize: Binarize,
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
        let likelihood = likelihood(given)?;
        let reduction = given.reduction.unwrap_or(Reduction::Sum);
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
                binarize: given.binarize.unwrap_or(Binarize::None),
                train_size: given.train_size.map(|n| at_least_one("--train-size", n)).transpose()?,
                test_size: given.test_size.map(|n| at_least_one("--test-size", n)).transpose()?,
            },
            objective: ObjectiveSpec {
                likelihood,
                reduction,
                kl_reduction: given.kl_reduction.unwrap_or(reduction.kl_default()),
                beta: not_negative("--beta", given.beta.unwrap_or(1.0))?,
            },
            model: ModelSpec {
                hidden,
                latent_dim: at_least_one("--latent-dim", given.latent_dim.unwrap_or(20))?,
                activation: given.activation.unwrap_or(Activation::Relu),
                init: given.init.unwrap_or(Init::Pytorch),
                output_bias: given.output_bias.unwrap_or(OutputBias::Zero),
            },
            training: TrainingSpec {
                rule: rule(given)?,
                lr: positive("--lr", given.lr.unwrap_or(1e-3))?,
                batch_size: at_least_one("--batch-size", given.batch_size.unwrap_or(128))?,
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

    /// The network for images of `pixels` pixels.
    pub fn architecture(&self, pixels: usize) -> Architecture {
        Architecture {
            pixels,
            hidden: self.model.hidden.clone(),
            latent_dim: self.model.latent_dim,
            activation: self.model.activation,
        }
    }

    /// The objective for images of `pixels` pixels.
    pub fn objective_for(&self, pixels: usize) -> Objective {
        let ObjectiveSpec { likelihood, reduction, kl_reduction, beta } = self.objective;
        Objective { likelihood, reduction, kl_reduction, beta, pixels, latent_dim: self.model.latent_dim }
    }

    /// The whole run as settings with nothing left to default: what `config.toml` holds.
    pub fn settings(&self) -> Settings {
        let (sigma2, (adam_beta1, adam_beta2, adam_eps)) = (
            match self.objective.likelihood {
                Likelihood::Gaussian { sigma2 } => Some(sigma2),
                Likelihood::Bernoulli | Likelihood::SquaredError => None,
            },
            match self.training.rule {
                Rule::Adam { beta1, beta2, eps } => (Some(beta1), Some(beta2), Some(eps)),
                Rule::Sgd | Rule::Rmsprop | Rule::Adagrad => (None, None, None),
            },
        );
        Settings {
            loss: Some(self.objective.likelihood.loss()),
            sigma2,
            reduction: Some(self.objective.reduction),
            kl_reduction: Some(self.objective.kl_reduction),
            beta: Some(self.objective.beta),
            data: Some(self.data.source),
            data_dir: None,
            binarize: Some(self.data.binarize),
            train_size: self.data.train_size,
            test_size: self.data.test_size,
            hidden: Some(self.model.hidden.clone()),
            latent_dim: Some(self.model.latent_dim),
            activation: Some(self.model.activation),
            init: Some(self.model.init),
            output_bias: Some(self.model.output_bias),
            optimizer: Some(self.training.rule.name()),
            lr: Some(self.training.lr),
            adam_beta1,
            adam_beta2,
            adam_eps,
            batch_size: Some(self.training.batch_size),
            epochs: Some(self.training.epochs),
            seed: Some(self.seed),
        }
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
        let ObjectiveSpec { likelihood, reduction, kl_reduction, beta } = self.objective;
        let kl =
            if kl_reduction == reduction.kl_default() { String::new() } else { format!("-kl-{}", kl_reduction.name()) };
        format!(
            "{}-{}{kl}-b{}-z{}-s{}-{:02x}{:02x}{:02x}{:02x}",
            likelihood.loss().name(),
            reduction.name(),
            short(beta),
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

fn likelihood(given: &Settings) -> Result<Likelihood> {
    let loss = given.loss.unwrap_or(Loss::Bce);
    if let (Loss::Bce | Loss::Mse, Some(sigma2)) = (loss, given.sigma2) {
        return Err(Error::Usage(format!(
            "--sigma2 {sigma2} and --loss {} contradict each other: only --loss gaussian has a sigma2; drop one of the two",
            loss.name()
        )));
    }
    Ok(match loss {
        Loss::Bce => Likelihood::Bernoulli,
        Loss::Mse => Likelihood::SquaredError,
        Loss::Gaussian => Likelihood::Gaussian { sigma2: positive("--sigma2", given.sigma2.unwrap_or(1.0))? },
    })
}

fn rule(given: &Settings) -> Result<Rule> {
    let optimizer = given.optimizer.unwrap_or(OptimizerName::Adam);
    let adam_only =
        [("--adam-beta1", given.adam_beta1), ("--adam-beta2", given.adam_beta2), ("--adam-eps", given.adam_eps)];
    if optimizer != OptimizerName::Adam
        && let Some((flag, Some(value))) = adam_only.into_iter().find(|(_, value)| value.is_some())
    {
        return Err(Error::Usage(format!(
            "{flag} {value} and --optimizer {} contradict each other; drop one of the two",
            optimizer.name()
        )));
    }
    Ok(match optimizer {
        OptimizerName::Adam => Rule::Adam {
            beta1: decay("--adam-beta1", given.adam_beta1.unwrap_or(0.9))?,
            beta2: decay("--adam-beta2", given.adam_beta2.unwrap_or(0.999))?,
            eps: not_negative("--adam-eps", given.adam_eps.unwrap_or(1e-8))?,
        },
        OptimizerName::Sgd => Rule::Sgd,
        OptimizerName::Rmsprop => Rule::Rmsprop,
        OptimizerName::Adagrad => Rule::Adagrad,
    })
}

fn at_least_one(flag: &str, n: usize) -> Result<usize> {
    if n == 0 {
        return Err(Error::Usage(format!("{flag} 0: nothing would be left; give a whole number of 1 or more")));
    }
    Ok(n)
}

fn positive(flag: &str, value: f64) -> Result<f64> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(Error::Usage(format!("{flag} {value}: must be a finite number above 0, such as 0.001")))
}

fn not_negative(flag: &str, value: f64) -> Result<f64> {
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(Error::Usage(format!("{flag} {value}: must be a finite number, 0 or more, such as 1")))
}

fn decay(flag: &str, value: f64) -> Result<f64> {
    if (0.0..1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::Usage(format!("{flag} {value}: must be at least 0 and below 1, such as 0.9")))
}
