//! Sets of runs as plots and pages see them, read from run directories or from merged tables.

mod agreement;
mod command;
mod naming;
mod notation;
mod order;
mod outcome;
mod quantity;
mod run;
mod set;

pub use agreement::{Agreement, agreement};
pub use command::repeat_command;
pub use naming::{Series, lines_along, reduction_label, series, varying};
pub(crate) use naming::{WEIGHT_SETTINGS, name_of, same_weight, settings_key};
pub use notation::ReconUnit;
pub use order::natural_order;
pub use outcome::Outcome;
pub use quantity::Quantity;
pub use run::{Floors, Run};
pub use set::{RunSet, describe_group, name_of_group};
