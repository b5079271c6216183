//! Everything that determines a run: declared as settings, validated once, then immutable.
//!
//! | file | subject |
//! |---|---|
//! | [`settings`] | every setting, declared once: flag, variable, TOML key, default, help, owner, check |
//! | `reading`, `cells` | settings from files and variables; settings as cells of tables |
//! | [`owners`] | which settings are parameters of which choice |
//! | [`number`] | numbers that cannot be wrong |
//! | [`run_spec`], [`family`] | the valid run: data, reconstruction, the model's family with its own terms, training |
//! | [`identity`] | the run's name |
//! | [`presets`] | the conventions of public code bases by name |

mod cells;
pub mod family;
pub mod identity;
pub mod number;
pub mod owners;
pub mod presets;
mod presets_vq;
mod reading;
pub mod run_spec;
pub mod settings;

pub(crate) use cells::{belongs_to, cell_text, has_place, is_optional_column, varied};
pub use family::{FamilySpec, KlSpec, VqSpec};
pub use identity::NUMERICS;
pub use reading::VARIABLE_PREFIX;
pub(crate) use reading::plain_reason;
pub use run_spec::{DataSpec, NetworkSpec, ReconSpec, RunSpec, TrainingSpec};
pub use settings::Settings;
