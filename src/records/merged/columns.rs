//! The columns of a merged table.

use crate::spec::Settings;
use crate::verdict::Verdict;

/// The columns of the run, before those of its judgements.
const RUN_COLUMNS: [&str; 6] = ["run", "status", "verdict", "comparable", "collapsed_floor", "entropy_floor"];

/// The columns of the run: `verdict` is the headline, `verdict_latents` and so on are the judgements under it.
pub(super) fn run_columns() -> impl Iterator<Item = String> {
    let judgements = Verdict::JUDGEMENTS.map(|judgement| format!("verdict_{judgement}"));
    RUN_COLUMNS.map(str::to_owned).into_iter().chain(judgements)
}

/// A setting and its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingColumn {
    /// The setting, as the key of a TOML file.
    pub key: String,
    /// The name of the column.
    pub column: String,
}

/// Every setting that a table holds, in the order of the columns.
pub fn setting_columns() -> Vec<SettingColumn> {
    let cells = Settings::default().cells().into_iter();
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
