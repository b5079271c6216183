//! The flags that determine the result of a run: their groups, their help, and the settings that they make.

use std::path::PathBuf;

use clap::Args;

use crate::data::{Binarize, DataSource, PixelRange};
use crate::model::{Activation, Init, OutputBias, Sampling};
use crate::objective::{Factor, FreeBits, KlEstimator, LogMseScale, Loss, OutputMap, Reduction, Rise};
use crate::optimizer::OptimizerName;
use crate::spec::presets::PresetName;
use crate::spec::{Settings, parse_widths};

/// The flags that determine the result of a run.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// A convention of a public code base by name; see `vae-bench presets`
    #[arg(long, value_name = "NAME", value_parser = parsed::<PresetName>, help_heading = "Objective", env = "VAE_BENCH_PRESET", hide_env = true)]
    preset: Option<PresetName>,
    /// Reconstruction loss [default: bce]
    #[arg(long, value_enum, help_heading = "Objective", env = "VAE_BENCH_LOSS", hide_env = true)]
    loss: Option<Loss>,
    /// Variance of a pixel for --loss gaussian [default: 1]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Objective", env = "VAE_BENCH_SIGMA2", hide_env = true)]
    sigma2: Option<f64>,
    /// Scale of a pixel for --loss laplace [default: 1]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Objective", env = "VAE_BENCH_LAPLACE_SCALE", hide_env = true)]
    laplace_scale: Option<f64>,
    /// Factor of --loss log-mse [default: bare]
    #[arg(long, value_enum, help_heading = "Objective", env = "VAE_BENCH_LOG_MSE_SCALE", hide_env = true)]
    log_mse_scale: Option<LogMseScale>,
    /// How the decoder's last layer becomes a mean, for losses that take means [default: identity]
    #[arg(long, value_enum, help_heading = "Objective", env = "VAE_BENCH_OUTPUT", hide_env = true)]
    output: Option<OutputMap>,
    /// How the reconstruction loss is reduced over pixels and images [default: sum]
    #[arg(long, value_enum, help_heading = "Objective", env = "VAE_BENCH_REDUCTION", hide_env = true)]
    reduction: Option<Reduction>,
    /// Factor on the reconstruction: a number, pixels, 1/pixels, 1/data-variance or 1/batch-pixels [default: 1]
    #[arg(long, value_name = "X", value_parser = parsed::<Factor>, allow_hyphen_values = true, help_heading = "Objective", env = "VAE_BENCH_RECON_WEIGHT", hide_env = true)]
    recon_weight: Option<Factor>,
    /// How the KL of the objective is computed [default: analytic]
    #[arg(long, value_enum, help_heading = "Objective", env = "VAE_BENCH_KL", hide_env = true)]
    kl: Option<KlEstimator>,
    /// The same for the KL, over latents [default: summed over latents, with the batch part of --reduction]
    #[arg(
        long,
        value_enum,
        help_heading = "Objective",
        env = "VAE_BENCH_KL_REDUCTION",
        hide_env = true,
        hide_possible_values = true
    )]
    kl_reduction: Option<Reduction>,
    /// Another factor on the KL, beside beta, written as --recon-weight [default: 1]
    #[arg(long, value_name = "X", value_parser = parsed::<Factor>, allow_hyphen_values = true, help_heading = "Objective", env = "VAE_BENCH_KL_WEIGHT", hide_env = true)]
    kl_weight: Option<Factor>,
    /// Factor on the KL, as the code base writes it [default: 1]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Objective", env = "VAE_BENCH_BETA", hide_env = true)]
    beta: Option<f64>,
    /// Let beta rise: SHAPE:LENGTH, such as linear:5epochs, cosine:500steps, cyclical:2epochs
    #[arg(long, value_name = "RISE", value_parser = parsed::<Rise>, allow_hyphen_values = true, help_heading = "Objective", env = "VAE_BENCH_WARMUP", hide_env = true)]
    warmup: Option<Rise>,
    /// KL that costs nothing, KIND:NATS: latent:L = sum_j max(K_ij, L); latent-batch:L = sum_j max(mean_i K_ij, L); image:L = max(K_i, L)
    #[arg(long, value_name = "KIND:NATS", value_parser = parsed::<FreeBits>, allow_hyphen_values = true, help_heading = "Objective", env = "VAE_BENCH_FREE_BITS", hide_env = true)]
    free_bits: Option<FreeBits>,
    /// Weigh gamma*|K - C| in place of beta*K, with this C in nats (Burgess et al. 2018)
    #[arg(long, value_name = "NATS", value_parser = number, allow_negative_numbers = true, help_heading = "Objective", env = "VAE_BENCH_CAPACITY", hide_env = true)]
    capacity: Option<f64>,
    /// The gamma of --capacity [default: 1000]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Objective", env = "VAE_BENCH_GAMMA", hide_env = true)]
    gamma: Option<f64>,
    /// Let C rise from 0, as --warmup does beta
    #[arg(long, value_name = "RISE", value_parser = parsed::<Rise>, allow_hyphen_values = true, help_heading = "Objective", env = "VAE_BENCH_CAPACITY_RISE", hide_env = true)]
    capacity_rise: Option<Rise>,

    /// Data set [default: auto]
    #[arg(long, value_enum, help_heading = "Data", env = "VAE_BENCH_DATA", hide_env = true)]
    data: Option<DataSource>,
    /// Directory of the four IDX files, .gz or raw
    #[arg(long, value_name = "DIR", help_heading = "Data", env = "VAE_BENCH_DATA_DIR", hide_env = true)]
    data_dir: Option<PathBuf>,
    /// Whether and how grey pixels become 0 or 1 [default: none]
    #[arg(long, value_enum, help_heading = "Data", env = "VAE_BENCH_BINARIZE", hide_env = true)]
    binarize: Option<Binarize>,
    /// Interval that pixels are mapped to [default: unit]
    #[arg(long, value_enum, help_heading = "Data", env = "VAE_BENCH_PIXEL_RANGE", hide_env = true)]
    pixel_range: Option<PixelRange>,
    /// Only so many training images, a random subset drawn under --seed [default: all]
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true, help_heading = "Data", env = "VAE_BENCH_TRAIN_SIZE", hide_env = true)]
    train_size: Option<usize>,
    /// Only so many test images, likewise [default: all]
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true, help_heading = "Data", env = "VAE_BENCH_TEST_SIZE", hide_env = true)]
    test_size: Option<usize>,

    /// Widths of the encoder's hidden layers, mirrored by the decoder; "" for a linear VAE [default: 400]
    #[arg(long, value_name = "N,N", value_parser = Widths::parse, allow_hyphen_values = true, help_heading = "Model", env = "VAE_BENCH_HIDDEN", hide_env = true)]
    hidden: Option<Widths>,
    /// Latents [default: 20]
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true, help_heading = "Model", env = "VAE_BENCH_LATENT_DIM", hide_env = true)]
    latent_dim: Option<usize>,
    /// Nonlinearity [default: relu]
    #[arg(long, value_enum, help_heading = "Model", env = "VAE_BENCH_ACTIVATION", hide_env = true)]
    activation: Option<Activation>,
    /// Initial parameters [default: pytorch]
    #[arg(long, value_enum, help_heading = "Model", env = "VAE_BENCH_INIT", hide_env = true)]
    init: Option<Init>,
    /// Initial bias of the output [default: zero]
    #[arg(long, value_enum, help_heading = "Model", env = "VAE_BENCH_OUTPUT_BIAS", hide_env = true)]
    output_bias: Option<OutputBias>,
    /// How z is drawn from the encoder's outputs [default: standard]
    #[arg(long, value_enum, help_heading = "Model", env = "VAE_BENCH_SAMPLING", hide_env = true)]
    sampling: Option<Sampling>,

    /// Update rule, with the constants of torch.optim [default: adam]
    #[arg(long, value_enum, help_heading = "Training", env = "VAE_BENCH_OPTIMIZER", hide_env = true)]
    optimizer: Option<OptimizerName>,
    /// Learning rate [default: 0.001]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Training", env = "VAE_BENCH_LR", hide_env = true)]
    lr: Option<f64>,
    /// Adam's decay of the first moment [default: 0.9]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Training", env = "VAE_BENCH_ADAM_BETA1", hide_env = true)]
    adam_beta1: Option<f64>,
    /// Adam's decay of the second moment [default: 0.999]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Training", env = "VAE_BENCH_ADAM_BETA2", hide_env = true)]
    adam_beta2: Option<f64>,
    /// Adam's epsilon [default: 1e-8]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Training", env = "VAE_BENCH_ADAM_EPS", hide_env = true)]
    adam_eps: Option<f64>,
    /// RMSprop's decay of the second moment; Keras' rho is 0.9 [default: 0.99]
    #[arg(long, value_name = "X", value_parser = number, allow_negative_numbers = true, help_heading = "Training", env = "VAE_BENCH_RMSPROP_ALPHA", hide_env = true)]
    rmsprop_alpha: Option<f64>,
    /// Images a step [default: 128]
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true, help_heading = "Training", env = "VAE_BENCH_BATCH_SIZE", hide_env = true)]
    batch_size: Option<usize>,
    /// Passes over the training images; 0 only measures the untrained model [default: 10]
    #[arg(long, value_name = "N", value_parser = count::<u32>, allow_negative_numbers = true, help_heading = "Training", env = "VAE_BENCH_EPOCHS", hide_env = true)]
    epochs: Option<u32>,
    /// Seed of weights, order, noise and pixels [default: 1]
    #[arg(long, value_name = "N", value_parser = count::<u64>, allow_negative_numbers = true, help_heading = "Training", env = "VAE_BENCH_SEED", hide_env = true)]
    seed: Option<u64>,
}

/// Widths in one value: clap would take a bare `Vec` for a repeated flag.
#[derive(Clone, Debug)]
struct Widths(Vec<usize>);

impl Widths {
    fn parse(text: &str) -> Result<Self, String> {
        parse_widths(text).map(Widths)
    }
}

impl SettingsArgs {
    /// The flags and variables that were given.
    pub fn settings(&self) -> Settings {
        Settings {
            preset: self.preset,
            loss: self.loss,
            sigma2: self.sigma2,
            laplace_scale: self.laplace_scale,
            log_mse_scale: self.log_mse_scale,
            output: self.output,
            reduction: self.reduction,
            recon_weight: self.recon_weight,
            kl: self.kl,
            kl_reduction: self.kl_reduction,
            kl_weight: self.kl_weight,
            beta: self.beta,
            warmup: self.warmup,
            free_bits: self.free_bits,
            capacity: self.capacity,
            gamma: self.gamma,
            capacity_rise: self.capacity_rise,
            data: self.data,
            data_dir: self.data_dir.clone(),
            binarize: self.binarize,
            pixel_range: self.pixel_range,
            train_size: self.train_size,
            test_size: self.test_size,
            hidden: self.hidden.clone().map(|widths| widths.0),
            latent_dim: self.latent_dim,
            activation: self.activation,
            init: self.init,
            output_bias: self.output_bias,
            sampling: self.sampling,
            optimizer: self.optimizer,
            lr: self.lr,
            adam_beta1: self.adam_beta1,
            adam_beta2: self.adam_beta2,
            adam_eps: self.adam_eps,
            rmsprop_alpha: self.rmsprop_alpha,
            batch_size: self.batch_size,
            epochs: self.epochs,
            seed: self.seed,
        }
    }
}

pub(super) fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "not a number; write one such as 0.5 or 1e-3".to_owned())
}

fn parsed<T: std::str::FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

pub(super) fn count<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| "not a whole number in range; write one such as 0, 1 or 20".to_owned())
}
