//! Settings as the columns and cells of tables.

use super::owners::Owner;
use super::settings::{OWNED, Settings};
use crate::model::ModelName;

impl Settings {
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
const OPTIONAL_COLUMNS: [&str; 11] = [
    "discretized_scale",
    "resize",
    "geco_tolerance",
    "geco_rate",
    "geco_decay",
    "geco_lambda",
    "target_kl",
    "pi_kp",
    "pi_ki",
    "beta_min",
    "beta_max",
];

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
