//! The flags that determine a run, and the layers of settings that they stand on.

use std::path::PathBuf;

use clap::Args;

use crate::data::places;
use crate::error::Result;
use crate::records::{Manifest, RunDir};
use crate::spec::Settings;
use crate::sweep::DatasetCache;

/// The settings of a run as flags, and the file under them. Each may be missing; defaults come last.
#[derive(Clone, Debug, Default, Args)]
pub struct SettingArgs {
    /// What determines the result of a run.
    #[command(flatten)]
    pub given: Settings,
    /// TOML file of settings whose keys are these flags' names, such as a run's config.toml
    #[arg(long, value_name = "FILE", help_heading = "Running", env = "VAE_BENCH_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,
}

/// These settings with numbers such as `1/pixels` written out for the images that they name, which are looked at only
/// where there are such numbers.
///
/// # Errors
/// As [`Settings::at_pixels`], and where the images cannot be read.
pub(super) fn on_its_images(settings: Settings) -> Result<Settings> {
    if !settings.needs_pixels() {
        return Ok(settings);
    }
    let pixels = DatasetCache::default().identity(&settings)?.pixels;
    settings.at_pixels(pixels)
}

/// The settings of each source, the strongest first.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) flags: Settings,
    pub(super) variables: Settings,
    pub(super) file: Settings,
}

impl SettingArgs {
    /// What flags, variables and the configuration file say.
    ///
    /// # Errors
    /// A variable or a configuration file that cannot be read.
    pub(super) fn layers(&self) -> Result<Layers> {
        Ok(Layers {
            flags: self.given.clone(),
            variables: Settings::from_variables(&self.given, |name| std::env::var_os(name))?,
            file: self.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default(),
        })
    }

    /// The settings: flags over variables over the configuration file over the preset.
    ///
    /// # Errors
    /// A configuration file that cannot be read, and settings that contradict each other.
    pub(super) fn settings(&self) -> Result<Settings> {
        let Layers { flags, variables, file } = self.layers()?;
        let mut all = flags.over(variables).over(file).with_preset()?;
        all.data_dir = all.data_dir.take().or_else(|| self.data_of_the_run(&all));
        on_its_images(all)
    }

    /// Where the data is of the run whose config.toml is the configuration file, if it was seen on this machine.
    fn data_of_the_run(&self, all: &Settings) -> Option<PathBuf> {
        let dir = RunDir::new(self.config.as_deref()?.parent()?);
        let data = Manifest::read(&dir.manifest()).ok()?.data;
        places::find(&data.files).filter(|_| all.data == Some(data.name.source()))
    }
}
