//! The merged table: the rows of many runs, each behind the columns of its run. Written by `merge`, read by `plot` and
//! `report`; its columns are a contract.
//!
//! The columns are those of the run (name, status, verdict, comparability key, floors), every setting, then those of
//! `metrics.csv`.

mod columns;
mod numeric;
mod reader;
mod writer;

pub use columns::{SettingColumn, TableColumns, setting_columns};
pub use numeric::{last_cells, last_columns, setting_cells};
pub use reader::{MergedRun, MergedTable, parse_merged};
pub use writer::{RowChoice, TableWriter, csv_record, metric_cells};
