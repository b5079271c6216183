//! What can be on an axis: any setting, anything measured, and the effective weight.

use std::str::FromStr;

use super::group::Group;
use crate::choice::Choice;
use crate::metrics::EpochRecord;
use crate::records::merged::setting_columns;
use crate::records::{Cell, Column};
use crate::report::run_set::{Run, reduction_label};
use crate::terms::Term;

/// A quantity of a run, by the name of its column or its flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// A setting, by the name of its column.
    Setting(String),
    /// A measurement on the test images after the last epoch.
    Measured(Column),
    /// The effective beta, or beta * sigma^2, whichever the runs of a plot have.
    EffectiveWeight,
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number.
    Number(f64),
    /// A word, or several numbers.
    Word(String),
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim().to_lowercase().replace('-', "_");
        let name = match name.as_str() {
            "r" | "s" | "distortion" => "recon",
            "k" | "rate" => "kl",
            "elbo" => "neg_elbo",
            "active" => "active_units",
            "effective" | "effective_beta" | "beta_eff" => "beta_effective",
            other => other,
        };
        let numeric = |column: &Column| !matches!(column, Column::Epoch | Column::Split);
        match Column::of(name).filter(numeric) {
            Some(Column::BetaEffective) => return Ok(Variable::EffectiveWeight),
            Some(column) => return Ok(Variable::Measured(column)),
            None => {}
        }
        let mut settings: Vec<String> = setting_columns().into_iter().map(|setting| setting.column).collect();
        if settings.iter().any(|column| column == name) {
            return Ok(Variable::Setting(name.to_owned()));
        }
        let measured = Column::ALL.into_iter().filter(numeric).map(|column| column.name().to_owned());
        settings.splice(0..0, measured);
        let near = settings.iter().filter(|column| column.contains(name) || name.contains(column.as_str()));
        let near: Vec<String> = near.map(|column| column.replace('_', "-")).collect();
        Err(if near.is_empty() {
            format!("no run has a column of this name; there are {}", settings.join(", ").replace('_', "-"))
        } else {
            format!("no run has a column of this name; did you mean {}?", near.join(" or "))
        })
    }
}

impl Variable {
    /// The setting of this column.
    pub(super) fn setting(column: &str) -> Self {
        Variable::Setting(column.to_owned())
    }

    /// As it is typed on a command line, and as a part of file names.
    pub(super) fn name(&self) -> String {
        match self {
            Variable::Setting(column) => column.replace('_', "-"),
            Variable::Measured(Column::Canonical(Term::Recon)) => "recon".into(),
            Variable::Measured(Column::NegElbo) => "elbo".into(),
            Variable::Measured(column) => column.name().replace('_', "-"),
            Variable::EffectiveWeight => "beta-effective".into(),
        }
    }

    /// The label of an axis.
    pub(super) fn label(&self, group: &Group<'_>) -> String {
        match self {
            Variable::Setting(column) if column == "beta" => "beta as written".into(),
            Variable::Setting(column) if column == "latent_dim" => "number of latents".into(),
            Variable::Setting(column) => column.replace('_', " "),
            Variable::Measured(Column::Canonical(Term::Recon)) => group.unit.label().into(),
            Variable::Measured(Column::Canonical(Term::Kl)) => "K: KL (nats per image)".into(),
            Variable::Measured(Column::NegElbo) => "−ELBO = R + K (nats per image)".into(),
            Variable::Measured(Column::ActiveUnits) => "active latents".into(),
            Variable::Measured(Column::Objective) => "objective as optimised".into(),
            Variable::Measured(Column::Weighted(Term::Recon)) => "a · R as optimised".into(),
            Variable::Measured(Column::Weighted(Term::Kl)) => "b · K as optimised".into(),
            Variable::Measured(column) => column.name().replace('_', " "),
            Variable::EffectiveWeight => group.weight_label().into(),
        }
    }

    /// As titles and legends name it.
    pub(super) fn words(&self, group: &Group<'_>) -> String {
        match self {
            Variable::Setting(column) if column == "beta" => "beta".into(),
            Variable::Setting(column) if column == "latent_dim" => "the number of latents".into(),
            Variable::Setting(column) => column.replace('_', " "),
            Variable::Measured(Column::Canonical(Term::Recon)) => group.symbol().into(),
            Variable::Measured(Column::Canonical(Term::Kl)) => "K".into(),
            Variable::Measured(Column::NegElbo) => "−ELBO".into(),
            Variable::Measured(Column::ActiveUnits) => "active latents".into(),
            Variable::Measured(column) => column.name().replace('_', " "),
            Variable::EffectiveWeight => group.weight_words().into(),
        }
    }

    /// The value for a run with this last row; `None` where it has none.
    pub(super) fn value(&self, group: &Group<'_>, run: &Run, row: &EpochRecord) -> Option<Value> {
        match self {
            Variable::EffectiveWeight => group.weight(run).map(Value::Number),
            Variable::Measured(column) => match column.cell(row) {
                Cell::Number(value) => Some(Value::Number(value)),
                Cell::Count(value) => Some(Value::Number(value.into())),
                Cell::Split(_) | Cell::Empty => None,
            },
            Variable::Setting(column) if column == "model" => Some(Value::Word(run.model().name())),
            Variable::Setting(column) if column == "reduction" => Some(Value::Word(reduction_label(&run.settings))),
            Variable::Setting(column) => {
                let cells = run.settings.cells();
                let (_, cell) = cells.into_iter().find(|(name, _)| name == column)?;
                Some(match cell.parse() {
                    Ok(number) => Value::Number(number),
                    Err(_) if cell.is_empty() => Value::Word("none".into()),
                    Err(_) => Value::Word(cell),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_columns_and_short_names_are_variables_and_other_words_say_what_is_near() {
        for (text, name) in [
            ("latent-dim", "latent-dim"),
            ("latent_dim", "latent-dim"),
            ("kl", "kl"),
            ("K", "kl"),
            ("elbo", "elbo"),
            ("neg-elbo", "elbo"),
            ("beta", "beta"),
            ("effective-beta", "beta-effective"),
            ("free-bits", "free-bits"),
        ] {
            assert_eq!(text.parse::<Variable>().unwrap().name(), name);
        }
        assert!("latent".parse::<Variable>().unwrap_err().contains("did you mean latent-dim"));
        assert!("epoch".parse::<Variable>().is_err());
        assert!("colour".parse::<Variable>().unwrap_err().contains("recon"));
    }
}
