//! The settings of a run: each is declared here, once. Flag, variable, TOML key, column, default, help, owner and check
//! follow from the declaration.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::{Args, FromArgMatches};
use serde::{Deserialize, Serialize};

use super::number::{self, Decay, NonNegative, Positive, Size, SizeName, Widths, whole};
use super::owners::Owner;
use super::presets::PresetName;
use crate::data::{Binarize, DataSource, IdxName, PixelRange};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular, read_text};
use crate::model::{Activation, CodebookInit, CodebookUpdate, EmaStart, Init, ModelName, OutputBias};
use crate::objective::{
    FreeBits, KlEstimator, LogMseScale, Loss, LossScale, OutputMap, Reduction, Schedule, VqReduction,
};
use crate::optimizer::OptimizerName;
use crate::pass::Sampling;
use crate::text::nearest;

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
        const OWNED: &[(&str, Owner)] = &[$($($((stringify!($name), $owner),)?)*)*];

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
            arg(value_name = "X", allow_negative_numbers = true), default("1", NonNegative::ONE), of(Owner::Beta);
        warmup: Schedule, "Let beta rise: SHAPE:LENGTH, such as linear:5epochs, cosine:500steps, cyclical:2epochs",
            arg(value_name = "RISE", allow_hyphen_values = true), of(Owner::Beta);
        free_bits: FreeBits, "KL that costs nothing, KIND:NATS: latent:L = sum_j max(K_ij, L); latent-batch:L = sum_j max(mean_i K_ij, L); image:L = max(K_i, L)",
            arg(value_name = "KIND:NATS", allow_hyphen_values = true), of(Owner::Beta);
        capacity: NonNegative, "Weigh gamma*|K - C| in place of beta*K, with this C in nats (Burgess et al. 2018)",
            arg(value_name = "NATS", allow_negative_numbers = true), of(Owner::CapacityChoice);
        gamma: Positive, "The gamma of --capacity",
            arg(value_name = "X", allow_negative_numbers = true), default("1000", Positive::stated(1000.0)), of(Owner::Capacity);
        capacity_rise: Schedule, "Let C rise from 0, as --warmup does beta",
            arg(value_name = "RISE", allow_hyphen_values = true), of(Owner::Capacity);
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

/// Every flag of a run is also a variable: this, and the flag's name in capitals.
pub const VARIABLE_PREFIX: &str = "VAE_BENCH_";

impl Settings {
    /// Reads a TOML file whose keys are the flags' names.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line, reason and hint.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path).map_err(|e| Error::Usage(Error::input(path, "read", e).to_string()))?;
        Settings::parse(&text).map_err(|why| Error::Usage(format!("{}: {why}", path.display())))
    }

    /// Reads the `config.toml` of a run: a regular file, since a pipe in its place would be waited for without end.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn read_recorded(path: &Path) -> Result<Self> {
        let failed = |e| Error::Usage(Error::input(path, "read", e).to_string());
        let text = read_regular(path, MOST_TEXT).map_err(failed)?;
        let parsed = Settings::parse(&String::from_utf8_lossy(&text));
        parsed.map_err(|why| Error::Usage(format!("{}: {why}", path.display())))
    }

    /// Parses the text of a configuration file.
    ///
    /// # Errors
    /// A sentence that begins with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            format!("line {line}: {}", plain_reason(e.message()))
        })
    }

    /// The names of all settings, as flags and keys have them.
    pub fn names() -> &'static [String] {
        static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
            let command = Settings::augment_args(clap::Command::new("settings"));
            let names = command.get_arguments().filter_map(|arg| Some(arg.get_long()?.to_owned()));
            names.filter(|name| name != "help").collect()
        });
        &NAMES
    }

    /// The settings of the variables `VAE_BENCH_*`; `read` gives a variable's value. An empty one counts as not set, and
    /// so does a wrong one whose flag stands in `flags`, which win over variables.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the variable.
    pub fn from_variables(flags: &Settings, read: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let given = flags.given();
        let command = Settings::augment_args(clap::Command::new("settings").no_binary_name(true));
        let mut all = Settings::default();
        for flag in Settings::names() {
            let variable = format!("{VARIABLE_PREFIX}{}", flag.replace('-', "_").to_uppercase());
            let Some(value) = read(&variable).filter(|value| !value.is_empty()) else { continue };
            let mut word = OsString::from(format!("--{flag}="));
            word.push(value);
            let one = command.clone().try_get_matches_from([word]).and_then(|found| Settings::from_arg_matches(&found));
            if one.is_err() && given.contains_key(flag) {
                continue;
            }
            let one = one.map_err(|e| {
                let text = e.to_string();
                let says: Vec<&str> = text
                    .lines()
                    .map(|line| line.trim().trim_start_matches("error: "))
                    .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
                    .collect();
                Error::Usage(format!("the variable {variable}: {}", says.join("; ")))
            })?;
            all = all.or(one);
        }
        Ok(all)
    }

    /// A layer with nothing but `key`, whose value is `value`.
    ///
    /// # Errors
    /// What is wrong with the key or the value, as a sentence.
    pub fn one(key: &str, value: toml::Value) -> Result<Self, String> {
        let table = toml::Table::from_iter([(key.to_owned(), value)]);
        // The line under it shows the key again; who calls knows where it is.
        table.try_into().map_err(|e: toml::de::Error| plain_reason(e.message()))
    }

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

    /// The settings that are given, by the flags' names, in a fixed order.
    pub fn given(&self) -> serde_json::Map<String, serde_json::Value> {
        let Ok(serde_json::Value::Object(map)) = serde_json::to_value(self) else { return serde_json::Map::new() };
        map.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    /// Every setting as (column, cell) of a table, in a fixed order; the cell is empty where nothing is set. Where the
    /// data lies is left out: it says nothing about a result.
    pub fn cells(&self) -> Vec<(String, String)> {
        let identity = Settings { data_dir: None, ..self.clone() };
        let Ok(serde_json::Value::Object(map)) = serde_json::to_value(identity) else { return Vec::new() };
        map.into_iter()
            .filter(|(key, _)| key != "data-dir")
            .map(|(key, value)| (key.replace('-', "_"), cell_text(&value, " ")))
            .collect()
    }
}

/// What serde says of a key or a value, as a sentence for people.
pub(crate) fn plain_reason(message: &str) -> String {
    let message = message.trim().replace('\n', "; ");
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if message.starts_with("unknown field") {
        let names = Settings::names();
        if let (Some(key), true) = (quoted(&message), message.contains("`latent-dim`")) {
            let hint = match nearest(&key, names.iter().map(String::as_str)) {
                Some(name) => format!("did you mean {name}?"),
                None => "`vae-bench --help` lists the settings".to_owned(),
            };
            return format!("there is no setting `{key}`; {hint}");
        }
    }
    // "invalid type: string "1-3", expected u64"
    if let Some((found, expected)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        let found = found.split_once(' ').map_or(found, |(_, value)| value).trim_matches('`');
        let wanted = match expected {
            "u32" | "u64" | "usize" => "a whole number, 0 or more",
            "f64" => "a number such as 0.5, 1e-3 or 1/784",
            "a string" => "a word in quotes",
            other => return format!("{found} is not {other}"),
        };
        return format!("{found} is not {wanted}");
    }
    message
}

/// Whether a run of this family can have the setting that `column` is the column of. A VAE has no `model`: see
/// [`Settings::completed`].
pub(crate) fn belongs_to(column: &str, model: ModelName) -> bool {
    let owner = OWNED.iter().find(|(name, _)| *name == column).map(|(_, owner)| *owner);
    match (model, owner) {
        (ModelName::VqVae, _) => true,
        (ModelName::Vae, Some(Owner::Model(ModelName::VqVae) | Owner::CodebookUpdate(_))) => false,
        (ModelName::Vae, _) => column != "model",
    }
}

/// Columns of settings that merged tables have only where one of their runs has a value: those that came after the first tables.
const OPTIONAL_COLUMNS: [&str; 2] = ["discretized_scale", "resize"];

/// Whether a table has the column of a setting only where one of its runs has a value there.
pub(crate) fn is_optional_column(column: &str) -> bool {
    OPTIONAL_COLUMNS.contains(&column)
}

/// Whether a run with these settings may have the setting of `column`: [`Owner::has_place_in`].
pub(crate) fn has_place(column: &str, settings: &Settings) -> bool {
    OWNED.iter().filter(|(name, _)| *name == column).all(|(_, owner)| owner.has_place_in(settings))
}

/// The names of the settings that are not the same in all runs that may have them, in the flags' order.
pub(crate) fn varied(all: &[Settings]) -> Vec<String> {
    let given: Vec<_> = all.iter().map(|settings| (settings, settings.given())).collect();
    let differs = |column: &String| {
        let key = column.replace('_', "-");
        let mut values = given.iter().filter(|(settings, _)| has_place(column, settings)).map(|(_, map)| map.get(&key));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let columns = Settings::default().cells().into_iter().map(|(column, _)| column);
    columns.filter(differs).map(|column| column.replace('_', "-")).collect()
}

/// A value as it stands in a table or on a command line; `between` separates widths.
pub(crate) fn cell_text(value: &serde_json::Value, between: &str) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(widths) => widths.iter().map(ToString::to_string).collect::<Vec<_>>().join(between),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_speaks_the_language_of_the_flags() {
        let read =
            Settings::parse("loss = \"gaussian\"\nsigma2 = 0.5\nhidden = \"400,200\"\nlatent-dim = 2\n").unwrap();
        assert_eq!(read.loss, Some(Loss::Gaussian));
        assert_eq!(read.hidden.unwrap().as_slice(), [400, 200]);
        assert_eq!(Settings::parse("hidden = []").unwrap().hidden.unwrap().as_slice(), [0; 0]);
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        for (text, line, word) in [
            ("beta = 1\nlatent_dim = 2\n", "line 2", "latent_dim"),
            ("\n\nloss = \"l1\"\n", "line 3", "l1"),
            ("beta = \"one\"", "line 1", "not a number"),
            ("betta = 1", "line 1", "did you mean beta?"),
            ("seed = \"1-3\"", "line 1", "\"1-3\" is not a whole number"),
            ("beta = ", "line 1", ""),
            ("hidden = 400", "line 1", "expected widths"),
            ("epochs = -1", "line 1", "-1"),
        ] {
            let message = Settings::parse(text).unwrap_err();
            assert!(message.starts_with(line) && message.contains(word), "{text:?}: {message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

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

    #[test]
    fn a_variable_is_read_as_its_flag_and_named_where_it_is_wrong() {
        let set =
            |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| OsString::from(value));
        let none = Settings::default();
        let read = Settings::from_variables(&none, set("VAE_BENCH_LATENT_DIM", "3")).unwrap();
        assert_eq!(read, Settings { latent_dim: Some(Size::stated(3)), ..Settings::default() });
        assert_eq!(Settings::from_variables(&none, set("VAE_BENCH_DATA_DIR", "")).unwrap(), Settings::default());
        let why = Settings::from_variables(&none, set("VAE_BENCH_LR", "abc")).unwrap_err().to_string();
        assert!(why.contains("VAE_BENCH_LR") && why.contains("abc"), "{why}");
    }
}
