//! The columns of a merged table.

use std::collections::BTreeSet;

use crate::model::ModelName;
use crate::objective::Loss;
use crate::records::Column;
use crate::spec::{Settings, belongs_to, is_optional_column};
use crate::verdict::Verdict;

/// The columns of the run, before those of its judgements.
const RUN_COLUMNS: [&str; 6] = ["run", "status", "verdict", "comparable", "collapsed_floor", "entropy_floor"];

/// A setting and its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingColumn {
    /// The setting, as the key of a TOML file.
    pub key: String,
    /// The name of the column.
    pub column: String,
}

/// The columns of one table: those that only some runs need are there where one of its runs needs them, so that no column is
/// empty throughout.
#[derive(Clone, Debug)]
pub struct TableColumns {
    families: ModelName,
    settings: Vec<SettingColumn>,
    metrics: Vec<Column>,
}

impl TableColumns {
    /// The columns of a table of runs with these settings.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a Settings>) -> Self {
        let (mut families, mut given, mut measured) = (ModelName::Vae, BTreeSet::new(), Vec::new());
        for settings in runs {
            if settings.chosen_model() == ModelName::VqVae {
                families = ModelName::VqVae;
            }
            let cells = settings.cells().into_iter();
            given.extend(cells.filter(|(column, cell)| is_optional_column(column) && !cell.is_empty()).map(|(c, _)| c));
            let measure = settings.loss.unwrap_or(Loss::Bce).measure();
            let columns = Column::of_run(settings.chosen_model(), measure, settings.chosen_penalty());
            measured.extend(columns.into_iter().filter(|column| !measured.contains(column)).collect::<Vec<_>>());
        }
        let is_there =
            |column: &str| belongs_to(column, families) && (!is_optional_column(column) || given.contains(column));
        let metrics = Column::ALL
            .into_iter()
            .filter(|column| Column::of_model(families).contains(column) || measured.contains(column));
        TableColumns {
            families,
            settings: setting_columns().into_iter().filter(|setting| is_there(&setting.column)).collect(),
            metrics: metrics.collect(),
        }
    }

    /// Every column that a table can have.
    pub fn all() -> Self {
        TableColumns { families: ModelName::VqVae, settings: setting_columns(), metrics: Column::ALL.to_vec() }
    }

    /// The names of the columns of the run: `verdict` is the headline, `verdict_latents` and so on are the judgements under it.
    /// That of a codebook is there where one of the runs is a VQ-VAE's.
    pub(super) fn run(&self) -> impl Iterator<Item = String> {
        let judgements = Verdict::JUDGEMENTS.map(|judgement| format!("verdict_{judgement}"));
        let codes = match self.families {
            ModelName::Vae => None,
            ModelName::VqVae => Some("verdict_codes".to_owned()),
        };
        RUN_COLUMNS.map(str::to_owned).into_iter().chain(judgements).chain(codes)
    }

    /// That of a VQ-VAE where one of the runs is one.
    pub(super) fn families(&self) -> ModelName {
        self.families
    }

    /// The settings, in the order of the columns.
    pub fn settings(&self) -> &[SettingColumn] {
        &self.settings
    }

    /// Whether the table has the setting whose column this is.
    pub fn has_setting(&self, column: &str) -> bool {
        self.settings.iter().any(|setting| setting.column == column)
    }

    /// What was measured, in the order of the columns.
    pub fn metrics(&self) -> &[Column] {
        &self.metrics
    }
}

/// Every setting that a table can hold, in the order of the columns.
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
