//! The settings of a run: each is declared here, once. Flag, variable, TOML key, column, default, help, owner and check
//! follow from the declaration.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::cells::cell_text;
use super::number::{self, Decay, Finite, NonNegative, Positive, Size, SizeName, Widths, whole};
use super::owners::Owner;
use super::presets::PresetName;
use crate::data::{Binarize, DataSource, IdxName, PixelRange};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::{Activation, CodebookInit, CodebookUpdate, EmaStart, Init, ModelName, OutputBias};
use crate::objective::{
    FreeBits, KlEstimator, LogMseScale, Loss, LossScale, OutputMap, PenaltyName, Reduction, Schedule, VqReduction,
};
use crate::optimizer::OptimizerName;
use crate::pass::Sampling;

/// Declares the settings: under a heading of the help, `name: Type, "help"`, then what clap needs beside it, the default
/// as it is typed and as a value, and the choice that the setting is a parameter of.
macro_rules! settings {
    ($($heading:literal {
        $($name:ident: $type:ty, $help:literal
            $(, arg($($arg:tt)*))? $(, serde($($serde:tt)*))? $(, default($text:literal, $default:expr))? $(, of($owner:expr))?;)*
    })*) => {
        /// One layer of settings: flags, variables, a configuration file, or the defaults. Each may be missing.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Args)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct Settings {
            $($(
                #[doc = $help]
                #[arg(long, help = concat!($help $(, " [default: ", $text, "]")?), help_heading = $heading)]
                $(#[arg($($arg)*)])?
                $(#[serde($($serde)*)])?
                pub $name: Option<$type>,
            )*)*
        }

        impl Settings {
            /// The default of every setting that has one, whoever owns it.
            fn defaults() -> Settings {
                Settings { $($($name: None $(.or(Some($default)))?,)*)* }
            }

            /// These settings, and `lower`'s where nothing is given here: two parts of one layer.
            pub fn or(self, lower: Settings) -> Settings {
                Settings { $($($name: self.$name.or(lower.$name),)*)* }
            }

            /// Takes away the settings whose owner `keep` does not want.
            #[allow(unused_mut, reason = "settings without an owner are never taken away")]
            fn retain_owned(mut self, keep: impl Fn(Owner) -> bool) -> Settings {
                $($($(if !keep($owner) { self.$name = None; })?)*)*
                self
            }

            /// The names and the owners of the settings that are given and have one.
            fn given_with_owners(&self) -> Vec<(&'static str, Owner)> {
                let mut all = Vec::new();
                $($($(if self.$name.is_some() { all.push((stringify!($name), $owner)); })?)*)*
                all
            }

            /// The name of the first setting that is written in the size `name`.
            fn written_in(&self, name: SizeName) -> Option<&'static str> {
                let sizes = [$($((stringify!($name), self.$name.as_ref().and_then(|value| number::size_of(value))),)*)*];
                sizes.into_iter().find_map(|(setting, size)| (size == Some(name)).then_some(setting))
            }

            /// These settings with the numbers written out that are in the size `name`, which is `size`.
            fn written_out(mut self, name: SizeName, size: usize) -> Result<Settings> {
                $($(if let Some(value) = &mut self.$name {
                    number::write_out(value, name, size).map_err(|why| {
                        Error::Usage(format!("--{}: with {size} {name} it is {why}", stringify!($name).replace('_', "-")))
                    })?;
                })*)*
                Ok(self)
            }
        }

        /// The settings that are parameters of a choice, with that choice.
        pub(super) const OWNED: &[(&str, Owner)] = &[$($($((stringify!($name), $owner),)?)*)*];

        /// Every setting's name and its default as the help states it.
        #[cfg(test)]
        const STATED_DEFAULTS: &[(&str, &str)] = &[$($($((stringify!($name), $text),)?)*)*];
    };
}

settings! {
    "Objective" {
        preset: PresetName, "A convention of a public code base by name; see `vae-bench presets`", arg(value_name = "NAME");
        loss: Loss, "Reconstruction loss", default("bce", Loss::Bce);
        sigma2: Positive, "Variance of a pixel for --loss gaussian",
            arg(value_name = "X", allow_negative_numbers = true), default("1", Positive::ONE), of(Owner::Loss(Loss::Gaussian));
        laplace_scale: Positive, "Scale of a pixel for --loss laplace",
            arg(value_name = "X", allow_negative_numbers = true), default("1", Positive::ONE), of(Owner::Loss(Loss::Laplace));
        log_mse_scale: LogMseScale, "Factor of --loss log-mse", default("bare", LogMseScale::Bare), of(Owner::Loss(Loss::LogMse));
        discretized_scale: Positive, "Scale of --loss discretized-logistic, or sigma of discretized-gaussian, for pixels in [0, 1]",
            arg(value_name = "X", allow_negative_numbers = true), default("0.1", Positive::stated(0.1)), of(Owner::DiscretizedLosses);
        output_activation: OutputMap, "How the decoder's last layer becomes a mean, for losses that take means",
            arg(alias = "output"), serde(alias = "output"), default("identity", OutputMap::Identity), of(Owner::LossesOfMeans);
        reduction: Reduction, "How the reconstruction loss is reduced over pixels and images", default("sum", Reduction::Sum);
        recon_weight: LossScale, "Factor on the reconstruction: a number, pixels, 1/pixels, 1/data-variance or 1/batch-pixels",
            arg(value_name = "X", allow_hyphen_values = true), default("1", LossScale::Number(1.0));
        kl_estimator: KlEstimator, "How the KL of the objective is computed",
            arg(alias = "kl"), serde(alias = "kl"), default("analytic", KlEstimator::Analytic), of(Owner::Model(ModelName::Vae));
        kl_reduction: Reduction, "The same for the KL, over latents [default: summed over latents, with the batch part of --reduction]",
            arg(hide_possible_values = true), of(Owner::Model(ModelName::Vae));
        kl_weight: LossScale, "Another factor on the KL, beside beta, written as --recon-weight",
            arg(value_name = "X", allow_hyphen_values = true), default("1", LossScale::Number(1.0)), of(Owner::Model(ModelName::Vae));
        beta: NonNegative, "Factor on the KL, as the code base writes it",
            arg(value_name = "X", allow_negative_numbers = true), default("1", NonNegative::ONE), of(Owner::Penalty(PenaltyName::Beta));
        warmup: Schedule, "Let beta rise: SHAPE:LENGTH, such as linear:5epochs, cosine:500steps, cyclical:2epochs",
            arg(value_name = "RISE", allow_hyphen_values = true), of(Owner::Penalty(PenaltyName::Beta));
        free_bits: FreeBits, "KL that costs nothing, KIND:NATS: latent:L = sum_j max(K_ij, L); latent-batch:L = sum_j max(mean_i K_ij, L); image:L = max(K_i, L)",
            arg(value_name = "KIND:NATS", allow_hyphen_values = true), of(Owner::Penalty(PenaltyName::Beta));
        capacity: NonNegative, "Weigh gamma*|K - C| in place of beta*K, with this C in nats (Burgess et al. 2018)",
            arg(value_name = "NATS", allow_negative_numbers = true), of(Owner::PenaltyChoice(PenaltyName::Capacity));
        gamma: Positive, "The gamma of --capacity",
            arg(value_name = "X", allow_negative_numbers = true), default("1000", Positive::stated(1000.0)), of(Owner::Penalty(PenaltyName::Capacity));
        capacity_rise: Schedule, "Let C rise from 0, as --warmup does beta",
            arg(value_name = "RISE", allow_hyphen_values = true), of(Owner::Penalty(PenaltyName::Capacity));
        geco_tolerance: Finite, "Find a weight lambda on the reconstruction while training (GECO, Rezende & Viola 2018), so that the loss as it is reduced comes down to X",
            arg(value_name = "X", allow_negative_numbers = true), of(Owner::PenaltyChoice(PenaltyName::Geco));
        geco_rate: Positive, "How fast lambda follows the constraint: lambda <- lambda * exp(RATE * moving average of loss - tolerance)",
            arg(value_name = "RATE", allow_negative_numbers = true), default("0.0001", Positive::stated(0.0001)), of(Owner::Penalty(PenaltyName::Geco));
        geco_decay: Decay, "Decay of that moving average",
            arg(value_name = "X", allow_negative_numbers = true), default("0.99", Decay::stated(0.99)), of(Owner::Penalty(PenaltyName::Geco));
        geco_lambda: Positive, "Lambda of the first step",
            arg(value_name = "X", allow_negative_numbers = true), default("1", Positive::ONE), of(Owner::Penalty(PenaltyName::Geco));
        target_kl: NonNegative, "Find beta while training (ControlVAE, Shao et al. 2020), so that the KL as it is reduced comes to NATS",
            arg(value_name = "NATS", allow_negative_numbers = true), of(Owner::PenaltyChoice(PenaltyName::ControlVae));
        pi_kp: NonNegative, "Kp of ControlVAE: beta = Kp / (1 + exp(e)) - Ki * sum e + beta-min, with e = target - KL",
            arg(value_name = "X", allow_negative_numbers = true), default("0.01", NonNegative::stated(0.01)), of(Owner::Penalty(PenaltyName::ControlVae));
        pi_ki: NonNegative, "Its Ki",
            arg(value_name = "X", allow_negative_numbers = true), default("0.0001", NonNegative::stated(0.0001)), of(Owner::Penalty(PenaltyName::ControlVae));
        beta_min: NonNegative, "Its least beta",
            arg(value_name = "X", allow_negative_numbers = true), default("0", NonNegative::stated(0.0)), of(Owner::Penalty(PenaltyName::ControlVae));
        beta_max: Positive, "Its largest beta",
            arg(value_name = "X", allow_negative_numbers = true), default("1", Positive::ONE), of(Owner::Penalty(PenaltyName::ControlVae));
        commitment_cost: NonNegative, "Factor on the commitment term |z - sg(e)|^2 of a VQ-VAE",
            arg(value_name = "X", allow_negative_numbers = true), default("0.25", NonNegative::stated(0.25)), of(Owner::Model(ModelName::VqVae));
        codebook_weight: Positive, "Factor on the codebook term |sg(z) - e|^2 of a VQ-VAE",
            arg(value_name = "X", allow_negative_numbers = true), default("1", Positive::ONE), of(Owner::CodebookUpdate(CodebookUpdate::Gradient));
        vq_reduction: VqReduction, "How both terms of a VQ-VAE are reduced over codes, their numbers and images",
            default("sum", VqReduction::Sum), of(Owner::Model(ModelName::VqVae));
        commitment_reduction: VqReduction, "The same for the commitment term alone [default: as --vq-reduction]",
            arg(hide_possible_values = true), of(Owner::Model(ModelName::VqVae));
        codebook_reduction: VqReduction, "The same for the codebook term alone [default: as --vq-reduction]",
            arg(hide_possible_values = true), of(Owner::CodebookUpdate(CodebookUpdate::Gradient));
    }
    "Data" {
        data: DataSource, "Data set", default("auto", DataSource::Auto);
        data_dir: PathBuf, "Directory of the four IDX files, .gz or raw", arg(value_name = "DIR"), of(Owner::DataSet);
        data_name: IdxName, "Your name for the files of --data idx, in tables and plots", arg(value_name = "NAME"), of(Owner::IdxFiles);
        binarize: Binarize, "Whether and how grey pixels become 0 or 1", default("none", Binarize::None);
        pixel_range: PixelRange, "Interval that pixels are mapped to", default("unit", PixelRange::Unit);
        resize: Size, "Scale images to N x N pixels: averages of whole blocks where N divides height and width, else bilinear (pixel centres, no smoothing)",
            arg(value_name = "N", allow_negative_numbers = true);
        train_size: Size, "Use N training images, a random subset drawn under --seed [default: all]",
            arg(value_name = "N", allow_negative_numbers = true);
        test_size: Size, "Use N test images, likewise [default: all]",
            arg(value_name = "N", allow_negative_numbers = true);
    }
    "Model" {
        model: ModelName, "Family of the model [default: vae]";
        hidden: Widths, "Widths of the encoder's hidden layers, mirrored by the decoder; \"\" for a linear VAE",
            arg(value_name = "N,N", allow_hyphen_values = true), default("400", Widths::one(Size::stated(400)));
        latent_dim: Size, "Latents", arg(value_name = "N", allow_negative_numbers = true), default("20", Size::stated(20)), of(Owner::Model(ModelName::Vae));
        activation: Activation, "Nonlinearity", default("relu", Activation::Relu);
        init: Init, "Initial parameters", default("pytorch", Init::Pytorch);
        output_bias: OutputBias, "Initial bias of the output", default("zero", OutputBias::Zero);
        sampling: Sampling, "How z is drawn from the encoder's outputs", default("standard", Sampling::Standard), of(Owner::Model(ModelName::Vae));
        codes: Size, "Codes of an image of a VQ-VAE",
            arg(value_name = "N", allow_negative_numbers = true), default("10", Size::stated(10)), of(Owner::Model(ModelName::VqVae));
        code_dim: Size, "Numbers of a code",
            arg(value_name = "N", allow_negative_numbers = true), default("16", Size::stated(16)), of(Owner::Model(ModelName::VqVae));
        codebook_size: Size, "Entries of the codebook",
            arg(value_name = "N", allow_negative_numbers = true), default("64", Size::stated(64)), of(Owner::Model(ModelName::VqVae));
        codebook_init: CodebookInit, "How the entries begin", default("uniform", CodebookInit::Uniform), of(Owner::Model(ModelName::VqVae));
        codebook_update: CodebookUpdate, "What moves the codebook",
            default("gradient", CodebookUpdate::Gradient), of(Owner::Model(ModelName::VqVae));
        codebook_decay: Decay, "Decay of the moving averages of --codebook-update ema",
            arg(value_name = "X", allow_negative_numbers = true), default("0.99", Decay::stated(0.99)), of(Owner::CodebookUpdate(CodebookUpdate::Ema));
        ema_start: EmaStart, "Where those averages begin",
            default("ones", EmaStart::Ones), of(Owner::CodebookUpdate(CodebookUpdate::Ema));
        restart_dead: Positive, "Replace an entry whose average count of uses per batch is below this by a random code of the batch",
            arg(value_name = "BELOW", allow_negative_numbers = true), of(Owner::CodebookUpdate(CodebookUpdate::Ema));
    }
    "Training" {
        optimizer: OptimizerName, "Update rule, with the constants of torch.optim", default("adam", OptimizerName::Adam);
        lr: Positive, "Learning rate",
            arg(value_name = "X", allow_negative_numbers = true), default("0.001", Positive::stated(0.001));
        adam_beta1: Decay, "Adam's decay of the first moment",
            arg(value_name = "X", allow_negative_numbers = true), default("0.9", Decay::stated(0.9)), of(Owner::Optimizer(OptimizerName::Adam));
        adam_beta2: Decay, "Adam's decay of the second moment",
            arg(value_name = "X", allow_negative_numbers = true), default("0.999", Decay::stated(0.999)), of(Owner::Optimizer(OptimizerName::Adam));
        // At 0 a weight that never has a gradient would move by 0/0.
        adam_eps: Positive, "Adam's epsilon",
            arg(value_name = "X", allow_negative_numbers = true), default("1e-8", Positive::stated(1e-8)), of(Owner::Optimizer(OptimizerName::Adam));
        rmsprop_alpha: Decay, "RMSprop's decay of the second moment; Keras' rho is 0.9",
            arg(value_name = "X", allow_negative_numbers = true), default("0.99", Decay::stated(0.99)), of(Owner::Optimizer(OptimizerName::Rmsprop));
        batch_size: Size, "Images per step", arg(value_name = "N", allow_negative_numbers = true), default("128", Size::stated(128));
        epochs: u32, "Passes over the training images; 0: evaluate the untrained model only",
            arg(value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true), default("10", 10);
        seed: u64, "Seed of weights, order, noise and pixels",
            arg(value_name = "N", value_parser = whole::<u64>, allow_negative_numbers = true), default("1", 1);
        engine: Engine, "What computes the model", default("fused", Engine::Fused);
    }
}

impl Settings {
    /// These settings on top of those of the preset that they name, if they name one.
    ///
    /// # Errors
    /// [`Error::Usage`] only where the preset's own settings are broken.
    pub fn with_preset(self) -> Result<Settings> {
        let Some(name) = self.preset else { return Ok(self) };
        let lower = name.preset().settings().map_err(|why| Error::Usage(format!("--preset {name}: {why}")))?;
        Ok(self.over(lower))
    }

    /// These settings on top of `lower`: what is given here wins.
    ///
    /// A parameter that belongs to a choice goes when the choice is made anew: a file's `sigma2` is meant for its
    /// `loss = "gaussian"`, and says nothing about a `--loss bce` that is typed over it.
    pub fn over(self, lower: Settings) -> Settings {
        let from = lower.clone();
        let kept = lower.retain_owned(|owner| !owner.is_replaced(&self, &from));
        self.or(kept)
    }

    /// These settings with the default of everything that is left open and belongs to what is chosen; numbers in latents
    /// are written out, those in pixels have been before: see [`Settings::at_pixels`].
    ///
    /// # Errors
    /// [`Error::Usage`] where a setting is given whose owner is not chosen, or that is written in a size that is not known.
    pub fn completed(self) -> Result<Settings> {
        for (name, owner) in self.given_with_owners() {
            if !owner.is_chosen(&self) {
                let key = name.replace('_', "-");
                let value = self.given().get(&key).map_or_else(String::new, |value| cell_text(value, ","));
                return Err(owner.refusal(&format!("--{key} {value}"), &self));
            }
        }
        let defaults = Settings::defaults().retain_owned(|owner| owner.is_chosen(&self));
        let mut all = self.or(defaults);
        match all.chosen_model() {
            ModelName::Vae => {
                // The first family has no name in a run's identity: runs of versions that knew no other keep theirs.
                all.model = None;
                all.kl_reduction = all.kl_reduction.or(all.reduction.map(Reduction::kl_default));
            }
            ModelName::VqVae => {
                all.commitment_reduction = all.commitment_reduction.or(all.vq_reduction);
                if all.chosen_codebook_update() == CodebookUpdate::Gradient {
                    all.codebook_reduction = all.codebook_reduction.or(all.vq_reduction);
                }
            }
        }
        if let (ModelName::Vae, Some(latent_dim)) = (all.chosen_model(), all.latent_dim) {
            all = all.written_out(SizeName::Latents, latent_dim.get())?;
        }
        for (size, why) in [
            (SizeName::Pixels, "the pixels of an image are not known here"),
            (SizeName::Latents, "a VQ-VAE has no latents"),
        ] {
            if let Some(name) = all.written_in(size) {
                let key = name.replace('_', "-");
                let value = all.given().get(&key).map_or_else(String::new, |value| cell_text(value, ","));
                return Err(Error::Usage(format!("--{key} {value}: {why}; write the number")));
            }
        }
        Ok(all)
    }

    /// Whether a number is written in the pixels of an image, such as `1/pixels`.
    pub fn needs_pixels(&self) -> bool {
        self.written_in(SizeName::Pixels).is_some()
    }

    /// Whether every number is written out, as in the settings of a run.
    pub fn is_written_out(&self) -> bool {
        [SizeName::Pixels, SizeName::Latents].into_iter().all(|size| self.written_in(size).is_none())
    }

    /// These settings for images of `pixels` pixels: numbers in that size are written out.
    ///
    /// # Errors
    /// [`Error::Usage`] where that makes a number that the setting does not allow.
    pub fn at_pixels(self, pixels: usize) -> Result<Settings> {
        self.written_out(SizeName::Pixels, pixels)
    }

    /// The family that is given, or its default.
    pub fn chosen_model(&self) -> ModelName {
        self.model.unwrap_or(ModelName::Vae)
    }

    /// The penalty on the KL of a VAE that is given, or the default, that of beta.
    pub fn chosen_penalty(&self) -> PenaltyName {
        self.named_penalty().unwrap_or(PenaltyName::Beta)
    }

    /// The penalty that these settings name: by its choice, or by a parameter of the default one.
    pub(super) fn named_penalty(&self) -> Option<PenaltyName> {
        let of_beta = self.beta.is_some() || self.warmup.is_some() || self.free_bits.is_some();
        let named = [
            (self.capacity.is_some(), PenaltyName::Capacity),
            (self.geco_tolerance.is_some(), PenaltyName::Geco),
            (self.target_kl.is_some(), PenaltyName::ControlVae),
            (of_beta, PenaltyName::Beta),
        ];
        named.into_iter().find_map(|(is_named, penalty)| is_named.then_some(penalty))
    }

    /// What moves the codebook as given, or by default.
    pub(super) fn chosen_codebook_update(&self) -> CodebookUpdate {
        self.codebook_update.unwrap_or(CodebookUpdate::Gradient)
    }

    /// The loss that is given, or its default.
    pub(super) fn chosen_loss(&self) -> Loss {
        self.loss.unwrap_or(Loss::Bce)
    }

    /// The optimiser that is given, or its default.
    pub(super) fn chosen_optimizer(&self) -> OptimizerName {
        self.optimizer.unwrap_or(OptimizerName::Adam)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_made_anew_drops_the_parameters_of_the_old_one() {
        let (half, two) = (Positive::try_from(0.5).unwrap(), NonNegative::try_from(2.0).unwrap());
        let file = Settings { loss: Some(Loss::Gaussian), sigma2: Some(half), beta: Some(two), ..Settings::default() };
        let typed = Settings { loss: Some(Loss::Bce), ..Settings::default() };
        let both = typed.over(file.clone());
        assert_eq!((both.loss, both.sigma2, both.beta), (Some(Loss::Bce), None, Some(two)));
        let same = Settings { loss: Some(Loss::Gaussian), ..Settings::default() }.over(file);
        assert_eq!(same.sigma2, Some(half));
        let unnamed = Settings { sigma2: Some(half), ..Settings::default() };
        let named = Settings { loss: Some(Loss::Gaussian), ..Settings::default() }.over(unnamed);
        assert_eq!(named.sigma2, Some(half), "a parameter of no named choice is meant for the one that comes");
    }

    #[test]
    fn a_data_directory_stays_when_only_the_upper_layer_names_the_data_set() {
        let variables = Settings { data_dir: Some("/digits".into()), ..Settings::default() };
        let typed = Settings { data: Some(DataSource::Synthetic), ..Settings::default() };
        assert_eq!(typed.clone().over(variables).data_dir, Some("/digits".into()));
        let file = Settings { data: Some(DataSource::Idx), data_dir: Some("/other".into()), ..Settings::default() };
        assert_eq!(typed.over(file).data_dir, None, "a directory of another data set says nothing about this one");
    }

    #[test]
    fn the_help_states_the_defaults_that_hold() {
        let cells = Settings::defaults().cells();
        for (name, stated) in STATED_DEFAULTS {
            let (_, cell) = cells.iter().find(|(column, _)| column == name).unwrap();
            // A number is the same in any spelling: 1e-8 and 0.00000001, 1 and 1.0.
            match (cell.parse::<f64>(), stated.parse::<f64>()) {
                (Ok(cell), Ok(stated)) => assert_eq!(cell, stated, "{name}"),
                _ => assert_eq!(cell, stated, "{name}"),
            }
        }
    }
}
