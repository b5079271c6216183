//! A valid run.

use super::family::{FamilySpec, log_sigma_of};
use super::owners::contradiction;
use super::settings::Settings;
use crate::choice::Choice;
use crate::data::{Binarize, DataSource, MAX_SIDE, PixelDraw, PixelRange, PixelStats, Pixels};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::{Activation, Architecture, Init, OutputBias};
use crate::objective::{
    LogMseScale, LossParameters, LossScale, Objective, OutputMap, ReconLoss, ReconTerm, Reduction, Sizes, Weight,
};
use crate::optimizer::{OptimizerConfig, OptimizerName, Rule};
use crate::rng::Purpose;

/// The reconstruction as chosen, before the sizes of the data are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReconSpec {
    /// The loss.
    pub loss: ReconLoss,
    /// How the decoder's last layer becomes a mean.
    pub output: OutputMap,
    /// How the loss is reduced.
    pub reduction: Reduction,
    /// The factor in front of it.
    pub scale: LossScale,
}

/// The images of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSpec {
    /// Which data set.
    pub source: DataSource,
    /// How bytes become pixels.
    pub pixels: Pixels,
    /// The side that images are scaled to; none: as they are.
    pub resize: Option<usize>,
    /// So many training images; none: all.
    pub train_size: Option<usize>,
    /// So many test images; none: all.
    pub test_size: Option<usize>,
}

/// The network and its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Widths of the encoder's hidden layers; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Between the layers.
    pub activation: Activation,
    /// Initial parameters.
    pub init: Init,
    /// Initial bias of the output.
    pub output_bias: OutputBias,
    /// What computes it.
    pub engine: Engine,
}

/// How the model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSpec {
    /// The update rule and its learning rate.
    pub optimizer: OptimizerConfig,
    /// Images per step.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: u32,
}

/// Everything that determines a run's result, valid by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSpec {
    settings: Settings,
    data: DataSpec,
    recon: ReconSpec,
    family: FamilySpec,
    network: NetworkSpec,
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
    /// [`crate::error::Error::Usage`] that names the settings, what is wrong with them, and what to write instead.
    pub fn resolve(given: &Settings) -> Result<Self> {
        let of = Settings { preset: None, data_dir: None, ..given.clone() }.completed()?;
        let of = Settings { data_name: None, ..of };
        let recon = recon(&of);
        let pixels = Pixels {
            binarize: of.binarize.unwrap_or(Binarize::None),
            range: of.pixel_range.unwrap_or(PixelRange::Unit),
        };
        if recon.loss.takes_unit_pixels_alone() && pixels.range != PixelRange::Unit {
            let (range, loss) = (format!("--pixel-range {}", pixels.range.name()), of.chosen_loss().name());
            return Err(contradiction(&range, &format!("--loss {loss}"), "it takes pixels in [0, 1]"));
        }
        Ok(RunSpec {
            data: DataSpec {
                source: of.data.unwrap_or(DataSource::Auto),
                pixels,
                resize: side(&of)?,
                train_size: of.train_size.map(|n| n.get()),
                test_size: of.test_size.map(|n| n.get()),
            },
            recon,
            family: FamilySpec::resolve(&of)?,
            network: NetworkSpec {
                hidden: of.hidden.as_ref().map_or_else(Vec::new, |widths| widths.as_slice().to_vec()),
                activation: of.activation.unwrap_or(Activation::Relu),
                init: of.init.unwrap_or(Init::Pytorch),
                output_bias: of.output_bias.unwrap_or(OutputBias::Zero),
                engine: of.engine.unwrap_or(Engine::Fused),
            },
            training: TrainingSpec {
                optimizer: OptimizerConfig { rule: rule(&of), lr: of.lr.map_or(1e-3, |lr| lr.get()) },
                batch_size: of.batch_size.map_or(1, |n| n.get()),
                epochs: of.epochs.unwrap_or(0),
            },
            seed: of.seed.unwrap_or(1),
            settings: of,
        })
    }

    /// The images.
    pub fn data(&self) -> &DataSpec {
        &self.data
    }

    /// The reconstruction.
    pub fn recon(&self) -> &ReconSpec {
        &self.recon
    }

    /// The model's family and its terms.
    pub fn family(&self) -> FamilySpec {
        self.family
    }

    /// The network.
    pub fn network(&self) -> &NetworkSpec {
        &self.network
    }

    /// The training.
    pub fn training(&self) -> &TrainingSpec {
        &self.training
    }

    /// The seed of every random stream.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The settings with nothing left to default: what `config.toml` holds, but for the preset's name, and the place and
    /// the user's name of the data, which do not determine the result.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same run with `auto` replaced by the data that was really found.
    pub fn with_source(mut self, source: DataSource) -> Self {
        self.data.source = source;
        self.settings.data = Some(source);
        self
    }

    /// The same run with other epochs.
    pub fn with_epochs(mut self, epochs: u32) -> Self {
        self.training.epochs = epochs;
        self.settings.epochs = Some(epochs);
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
            hidden: self.network.hidden.clone(),
            latents: self.family.latents(),
            activation: self.network.activation,
            log_sigma: log_sigma_of(self.recon.loss),
        }
    }

    /// The variance of the training pixels that [`RunSpec::objective_for`] takes.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] where a weight divides by it and it is 0.
    pub fn data_variance(&self, train: &PixelStats) -> Result<f64> {
        let scales = [Some(self.recon.scale), self.family.kl().map(|kl| kl.scale)];
        if scales.contains(&Some(LossScale::PerDataVariance)) {
            train.positive_variance()
        } else {
            Ok(train.total_variance())
        }
    }

    /// The objective for images of `pixels` pixels whose variance around their common mean is `data_variance`.
    pub fn objective_for(&self, pixels: usize, data_variance: f64) -> Objective {
        let sizes = Sizes { pixels, batch_size: self.training.batch_size, data_variance };
        let ReconSpec { loss, output, reduction, scale } = self.recon;
        let weight = Weight { reduction, scale: scale.value(&sizes), elements: pixels };
        Objective { recon: ReconTerm { loss, output, weight }, latent: self.family.terms(&sizes) }
    }
}

/// The side that images are scaled to.
fn side(of: &Settings) -> Result<Option<usize>> {
    let Some(side) = of.resize.map(|n| n.get()) else { return Ok(None) };
    if side > MAX_SIDE {
        return Err(Error::Usage(format!("--resize {side}: write a number from 1 to {MAX_SIDE}")));
    }
    Ok(Some(side))
}

/// The reconstruction that the completed settings `of` ask for.
fn recon(of: &Settings) -> ReconSpec {
    // A parameter that is not the loss's own is not there, and not read.
    let parameters = LossParameters {
        sigma2: of.sigma2.map_or(1.0, |v| v.get()),
        laplace_scale: of.laplace_scale.map_or(1.0, |v| v.get()),
        log_mse_scale: of.log_mse_scale.unwrap_or(LogMseScale::Bare),
        discretized_scale: of.discretized_scale.map_or(1.0, |v| v.get()),
    };
    ReconSpec {
        loss: of.chosen_loss().with(&parameters),
        output: of.output_activation.unwrap_or(OutputMap::Identity),
        reduction: of.reduction.unwrap_or(Reduction::Sum),
        scale: of.recon_weight.unwrap_or(LossScale::Number(1.0)),
    }
}

/// The update rule that the completed settings `of` ask for.
fn rule(of: &Settings) -> Rule {
    let decay = |value: Option<super::number::Decay>| value.map_or(0.0, |v| v.get());
    match of.chosen_optimizer() {
        OptimizerName::Adam => Rule::Adam {
            beta1: decay(of.adam_beta1),
            beta2: decay(of.adam_beta2),
            eps: of.adam_eps.map_or(1e-8, |v| v.get()),
        },
        OptimizerName::Sgd => Rule::Sgd,
        OptimizerName::Rmsprop => Rule::Rmsprop { alpha: decay(of.rmsprop_alpha) },
        OptimizerName::Adagrad => Rule::Adagrad,
    }
}
