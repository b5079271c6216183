//! The settings of a run as they are given: each may be missing, and they come in layers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::presets::PresetName;
use crate::data::{Binarize, DataSource, PixelRange};
use crate::error::{Error, Result};
use crate::model::{Activation, Init, OutputBias, Sampling};
use crate::objective::{Factor, FreeBits, KlEstimator, LogMseScale, Loss, OutputMap, Reduction, Rise};
use crate::optimizer::OptimizerName;

/// One layer of settings: flags and variables, a configuration file, or the defaults. The keys are the flags' names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "each field is the flag of its name, documented in the command line's help")]
pub struct Settings {
    pub preset: Option<PresetName>,
    pub loss: Option<Loss>,
    pub sigma2: Option<f64>,
    pub laplace_scale: Option<f64>,
    pub log_mse_scale: Option<LogMseScale>,
    pub output: Option<OutputMap>,
    pub reduction: Option<Reduction>,
    pub recon_weight: Option<Factor>,
    pub kl: Option<KlEstimator>,
    pub kl_reduction: Option<Reduction>,
    pub kl_weight: Option<Factor>,
    pub beta: Option<f64>,
    pub warmup: Option<Rise>,
    pub free_bits: Option<FreeBits>,
    pub capacity: Option<f64>,
    pub gamma: Option<f64>,
    pub capacity_rise: Option<Rise>,
    pub data: Option<DataSource>,
    pub data_dir: Option<PathBuf>,
    pub binarize: Option<Binarize>,
    pub pixel_range: Option<PixelRange>,
    pub train_size: Option<usize>,
    pub test_size: Option<usize>,
    #[serde(default, with = "widths")]
    pub hidden: Option<Vec<usize>>,
    pub latent_dim: Option<usize>,
    pub activation: Option<Activation>,
    pub init: Option<Init>,
    pub output_bias: Option<OutputBias>,
    pub sampling: Option<Sampling>,
    pub optimizer: Option<OptimizerName>,
    pub lr: Option<f64>,
    pub adam_beta1: Option<f64>,
    pub adam_beta2: Option<f64>,
    pub adam_eps: Option<f64>,
    pub rmsprop_alpha: Option<f64>,
    pub batch_size: Option<usize>,
    pub epochs: Option<u32>,
    pub seed: Option<u64>,
}

impl Settings {
    /// Reads a TOML file whose keys are the flags' names.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line, reason and mend.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).map_err(|e| Error::Usage(Error::input(path, "read", e).to_string()))?;
        Settings::parse(&text).map_err(|why| Error::Usage(format!("{}: {why}", path.display())))
    }

    /// Parses the text of a configuration file.
    ///
    /// # Errors
    /// A sentence that begins with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            format!("line {line}: {}", e.message().replace('\n', "; "))
        })
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

    /// A layer with nothing but `key`, whose value is `value`.
    ///
    /// # Errors
    /// What is wrong with the key or the value, as a sentence.
    pub fn one(key: &str, value: toml::Value) -> Result<Self, String> {
        let table = toml::Table::from_iter([(key.to_owned(), value)]);
        table.try_into().map_err(|e: toml::de::Error| {
            // The line under it shows the key again; who calls knows where it stands.
            e.message().replace('\n', "; ")
        })
    }

    /// The settings that are given, by the flags' names, in a fixed order.
    pub fn given(&self) -> serde_json::Map<String, serde_json::Value> {
        let Ok(serde_json::Value::Object(map)) = serde_json::to_value(self) else { return serde_json::Map::new() };
        map.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    /// Every setting as (column, cell) of a table, in a fixed order; the cell is empty where nothing is set. Where the
    /// data lies is left out: it says nothing about a result.
    pub fn cells(&self) -> Vec<(String, String)> {
        let Ok(serde_json::Value::Object(map)) = serde_json::to_value(self) else { return Vec::new() };
        map.into_iter()
            .filter(|(key, _)| key != "data-dir")
            .map(|(key, value)| (key.replace('-', "_"), cell_text(&value, " ")))
            .collect()
    }

    /// These settings on top of `lower`: what is given here wins.
    ///
    /// A parameter that belongs to a choice goes when the choice is made anew: a file's `sigma2` is meant for its
    /// `loss = "gaussian"`, and says nothing about a `--loss bce` that is typed over it.
    pub fn over(self, mut lower: Settings) -> Settings {
        if self.loss.is_some() && lower.loss.is_some() && self.loss != lower.loss {
            (lower.sigma2, lower.laplace_scale, lower.log_mse_scale) = (None, None, None);
            lower.output = None;
        }
        if self.optimizer.is_some() && lower.optimizer.is_some() && self.optimizer != lower.optimizer {
            (lower.adam_beta1, lower.adam_beta2, lower.adam_eps) = (None, None, None);
            lower.rmsprop_alpha = None;
        }
        if self.data.is_some() && lower.data.is_some() && self.data != lower.data {
            lower.data_dir = None;
        }
        // A constraint is one choice, made of several settings.
        if self.free_bits.is_some() {
            (lower.capacity, lower.gamma, lower.capacity_rise) = (None, None, None);
        }
        if self.capacity.is_some() {
            (lower.free_bits, lower.beta, lower.warmup) = (None, None, None);
        }
        if self.beta.is_some() || self.warmup.is_some() {
            (lower.capacity, lower.gamma, lower.capacity_rise) = (None, None, None);
        }
        self.or(lower)
    }

    /// These settings, and `lower`'s where nothing is given here: two parts of one layer.
    pub fn or(self, lower: Settings) -> Settings {
        Settings {
            preset: self.preset.or(lower.preset),
            loss: self.loss.or(lower.loss),
            sigma2: self.sigma2.or(lower.sigma2),
            laplace_scale: self.laplace_scale.or(lower.laplace_scale),
            log_mse_scale: self.log_mse_scale.or(lower.log_mse_scale),
            output: self.output.or(lower.output),
            reduction: self.reduction.or(lower.reduction),
            recon_weight: self.recon_weight.or(lower.recon_weight),
            kl: self.kl.or(lower.kl),
            kl_reduction: self.kl_reduction.or(lower.kl_reduction),
            kl_weight: self.kl_weight.or(lower.kl_weight),
            beta: self.beta.or(lower.beta),
            warmup: self.warmup.or(lower.warmup),
            free_bits: self.free_bits.or(lower.free_bits),
            capacity: self.capacity.or(lower.capacity),
            gamma: self.gamma.or(lower.gamma),
            capacity_rise: self.capacity_rise.or(lower.capacity_rise),
            data: self.data.or(lower.data),
            data_dir: self.data_dir.or(lower.data_dir),
            binarize: self.binarize.or(lower.binarize),
            pixel_range: self.pixel_range.or(lower.pixel_range),
            train_size: self.train_size.or(lower.train_size),
            test_size: self.test_size.or(lower.test_size),
            hidden: self.hidden.or(lower.hidden),
            latent_dim: self.latent_dim.or(lower.latent_dim),
            activation: self.activation.or(lower.activation),
            init: self.init.or(lower.init),
            output_bias: self.output_bias.or(lower.output_bias),
            sampling: self.sampling.or(lower.sampling),
            optimizer: self.optimizer.or(lower.optimizer),
            lr: self.lr.or(lower.lr),
            adam_beta1: self.adam_beta1.or(lower.adam_beta1),
            adam_beta2: self.adam_beta2.or(lower.adam_beta2),
            adam_eps: self.adam_eps.or(lower.adam_eps),
            rmsprop_alpha: self.rmsprop_alpha.or(lower.rmsprop_alpha),
            batch_size: self.batch_size.or(lower.batch_size),
            epochs: self.epochs.or(lower.epochs),
            seed: self.seed.or(lower.seed),
        }
    }
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

/// Widths of layers: "400,200" as on the command line, or a list.
mod widths {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(widths: &Option<Vec<usize>>, to: S) -> Result<S::Ok, S::Error> {
        widths.serialize(to)
    }

    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected widths such as [400, 200] or \"400,200\"")]
    enum Given {
        List(Vec<usize>),
        Text(String),
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<usize>>, D::Error> {
        match Given::deserialize(from)? {
            Given::List(widths) => Ok(Some(widths)),
            Given::Text(text) => super::super::parse_widths(&text).map(Some).map_err(serde::de::Error::custom),
        }
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
        assert_eq!(read.hidden, Some(vec![400, 200]));
        assert_eq!(Settings::parse("hidden = []").unwrap().hidden, Some(vec![]));
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        for (text, line, word) in [
            ("beta = 1\nlatent_dim = 2\n", "line 2", "latent_dim"),
            ("\n\nloss = \"l1\"\n", "line 3", "l1"),
            ("beta = \"one\"", "line 1", "invalid type"),
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
        let file = Settings { loss: Some(Loss::Gaussian), sigma2: Some(0.5), beta: Some(2.0), ..Settings::default() };
        let typed = Settings { loss: Some(Loss::Bce), ..Settings::default() };
        let both = typed.over(file.clone());
        assert_eq!((both.loss, both.sigma2, both.beta), (Some(Loss::Bce), None, Some(2.0)));
        let same = Settings { loss: Some(Loss::Gaussian), ..Settings::default() }.over(file);
        assert_eq!(same.sigma2, Some(0.5));
        let named_dir = Settings { data_dir: Some("d".into()), ..Settings::default() };
        let source = Settings { data: Some(DataSource::Mnist), ..Settings::default() };
        assert_eq!(source.clone().over(named_dir.clone()).data_dir, named_dir.data_dir, "no data was named with it");
        let other = Settings { data: Some(DataSource::Idx), ..named_dir };
        assert_eq!(source.over(other).data_dir, None, "the directory of another data set");
        let unnamed = Settings { sigma2: Some(0.5), ..Settings::default() };
        let named = Settings { loss: Some(Loss::Gaussian), ..Settings::default() }.over(unnamed);
        assert_eq!(named.sigma2, Some(0.5), "a parameter of no named choice is meant for the one that comes");
    }
}
