//! The columns of a merged table.

use crate::model::ModelName;
use crate::spec::{Settings, belongs_to};

/// The columns of the run.
pub(super) const RUN_COLUMNS: [&str; 6] =
    ["run", "status", "verdict", "comparable", "collapsed_floor", "entropy_floor"];

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
