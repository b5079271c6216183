//! The columns of a merged table.

use crate::model::ModelName;
use crate::spec::{Settings, belongs_to};
use crate::verdict::Verdict;

/// The columns of the run, before those of its judgements.
const RUN_COLUMNS: [&str; 6] = ["run", "status", "verdict", "comparable", "collapsed_floor", "entropy_floor"];

/// The columns of the run: `verdict` is the headline, `verdict_latents` and so on are the judgements under it.
/// That of a codebook is there where `families` is a VQ-VAE's name.
pub(super) fn run_columns(families: ModelName) -> impl Iterator<Item = String> {
    let judgements = Verdict::JUDGEMENTS.map(|judgement| format!("verdict_{judgement}"));
    let codes = match families {
        ModelName::Vae => None,
        ModelName::VqVae => Some("verdict_codes".to_owned()),
    };
    RUN_COLUMNS.map(str::to_owned).into_iter().chain(judgements).chain(codes)
}

/// A setting and its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingColumn {
    /// The setting, as the key of a TOML file.
    pub key: String,
    /// The name of the column.
    pub column: String,
}

/// Every setting that a table of runs holds, in the order of the columns: those that only a VQ-VAE has are there where
/// `families` is its name, which is where one of the runs is a VQ-VAE.
pub fn setting_columns(families: ModelName) -> Vec<SettingColumn> {
    let cells = Settings::default().cells().into_iter().filter(|(cell, _)| belongs_to(cell, families));
    cells.map(|(cell, _)| SettingColumn { key: cell.replace('_', "-"), column: cell }).collect()
}

/// The names under which older versions wrote a column.
pub(super) fn old_name(column: &str) -> Option<&'static str> {
    match column {
        "kl_estimator" => Some("kl"),
        "output_activation" => Some("output"),
        _ => None,
    }
}
