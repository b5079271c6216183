//! The text of a sweep file, as serde reads it.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::axis::{AxisValue, Column};
use super::fault::Fault;
use crate::spec::{Settings, plain_reason};

/// A sweep file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SweepFile {
    /// Under every run.
    pub base: Settings,
    /// Axes of one column.
    pub grid: AxisTable,
    /// Axes of several columns.
    pub zip: Vec<Spanned<AxisTable>>,
    /// Single runs.
    pub run: Vec<Settings>,
    /// What is left out.
    pub exclude: Vec<Spanned<AxisTable>>,
}

/// Settings and their values.
#[derive(Debug, Default)]
pub(super) struct AxisTable(Vec<(Spanned<String>, Spanned<AxisValue>)>);

impl SweepFile {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        toml::from_str(text).map_err(|e| {
            let why = e.message();
            let hint = hint(why).map_or_else(String::new, |hint| format!("; {hint}"));
            Fault::new(e.span().map_or(0, |span| span.start), format!("{}{hint}", plain_reason(why)))
        })
    }
}

/// What to write, for the mistakes that serde has no hint for.
fn hint(why: &str) -> Option<&'static str> {
    if why.contains("expected one of `base`") {
        Some("a sweep has [base], [grid], [[zip]], [[run]] and [[exclude]], and settings stand in one of them")
    } else if why.contains("expected a sequence") {
        Some(
            "there may be many of these: write [[zip]], [[run]] or [[exclude]] in two brackets, and its settings under it",
        )
    } else if why.contains(TABLE) || why.contains("expected struct Settings") {
        Some("write [base] or [grid] in one bracket, and its settings under it")
    } else if why.starts_with("invalid type") || why.starts_with("expected a number") || why.contains("..") {
        Some("[base] and [[run]] take single values: lists and ranges belong into [grid] or [[zip]]")
    } else {
        None
    }
}

const TABLE: &str = "a table of settings and their values";

impl AxisTable {
    /// The entries in the order of the text.
    pub(super) fn in_order(self) -> Vec<(Spanned<String>, Spanned<AxisValue>)> {
        let AxisTable(mut entries) = self;
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    /// The columns in the order of the text.
    pub(super) fn columns(self) -> Result<Vec<Column>, Fault> {
        self.in_order().into_iter().map(|(key, value)| Column::new(&key, value)).collect()
    }
}

impl<'de> Deserialize<'de> for AxisTable {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = AxisTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TABLE)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AxisTable, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(AxisTable(entries))
    }
}
