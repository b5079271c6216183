//! `vae-bench --print-config`: the settings of a run, and where each comes from.

use super::setting_args::{Layers, SettingArgs, on_its_images};
use crate::error::{Error, ExitCode, Result};
use crate::spec::{RunSpec, Settings, VARIABLE_PREFIX};
use crate::terminal::print;
use crate::text::{padded, printable};

/// Prints the settings as TOML that `--config` takes, with a comment on each line.
pub(super) fn run(args: &SettingArgs) -> Result<ExitCode> {
    let Layers { flags, variables, file } = args.layers()?;
    let given = flags.clone().over(variables.clone()).over(file.clone());
    let preset = given.preset;
    let settings = on_its_images(given.clone().with_preset()?)?;
    let spec = RunSpec::resolve(&settings)?;
    let all = Settings { preset, data_dir: settings.data_dir.clone(), ..spec.settings().clone() };
    let table: toml::Table = toml::to_string(&all)
        .ok()
        .and_then(|text| toml::from_str(&text).ok())
        .ok_or_else(|| Error::Usage("--data-dir: the path is not UTF-8; link to it under another name".to_owned()))?;
    let [flags, variables, file, named, given] = [flags, variables, file, settings, given].map(|layer| layer.given());
    let source = |key: &str| {
        if flags.contains_key(key) {
            format!("--{key}")
        } else if !given.contains_key(key) {
            match (named.contains_key(key), preset) {
                (true, Some(name)) => format!("preset {name}"),
                _ => "default".to_owned(),
            }
        } else if variables.contains_key(key) {
            format!("{VARIABLE_PREFIX}{}", key.replace('-', "_").to_uppercase())
        } else if file.contains_key(key) {
            args.config.as_ref().map_or_else(String::new, |path| path.display().to_string())
        } else {
            "default".to_owned()
        }
    };
    let lines: Vec<(String, String)> =
        all.given().keys().filter_map(|key| Some((format!("{key} = {}", table.get(key)?), source(key)))).collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
    let text = lines.iter().map(|(line, source)| format!("{}  # {}\n", padded(line, width), printable(source)));
    print(text.collect::<String>());
    Ok(ExitCode::Done)
}
