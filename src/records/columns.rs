//! The columns of `metrics.csv`: the one table from which header, rows, reader, JSON and merged tables follow.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::metrics::{CodeMetrics, EpochRecord, Split};
use crate::model::ModelName;
use crate::objective::{Measure, PenaltyName};
use crate::terms::{Term, Terms};

/// A column of `metrics.csv`. Names and order are a contract; new columns go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The epoch; 0 is the untrained model.
    Epoch,
    /// `train` or `test`.
    Split,
    /// What the optimiser minimised.
    Objective,
    /// A term with its weight.
    Weighted(Term),
    /// A term per image, whatever was trained.
    Canonical(Term),
    /// R + K, where that is the negative ELBO.
    NegElbo,
    /// b / a.
    BetaEffective,
    /// beta * sigma^2.
    BetaSigma2,
    /// Active latents.
    ActiveUnits,
    /// C of a VQ-VAE.
    CodeDistance,
    /// exp of the entropy of the code use.
    Perplexity,
    /// Codebook entries in use.
    CodesUsed,
    /// rho = w_cm / a.
    CommitmentRatio,
    /// -ELBO / (D ln 2), of masses of grey levels.
    BitsPerDim,
    /// lambda of GECO or beta of ControlVAE.
    Multiplier,
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Not measured, or not there for this model.
    Empty,
    /// A whole number.
    Count(u32),
    /// A word.
    Split(Split),
    /// A number, in the shortest form that reads back to the same bits.
    Number(f64),
}

impl Column {
    /// All columns, in the order of the file. A VAE lacks those of a VQ-VAE, and the last two are there
    /// where the loss, and the penalty, have them.
    pub const ALL: [Column; 19] = [
        Column::Epoch,
        Column::Split,
        Column::Objective,
        Column::Weighted(Term::Recon),
        Column::Weighted(Term::Kl),
        Column::Canonical(Term::Recon),
        Column::Canonical(Term::Kl),
        Column::NegElbo,
        Column::BetaEffective,
        Column::BetaSigma2,
        Column::ActiveUnits,
        Column::Weighted(Term::Codebook),
        Column::Weighted(Term::Commitment),
        Column::CodeDistance,
        Column::Perplexity,
        Column::CodesUsed,
        Column::CommitmentRatio,
        Column::BitsPerDim,
        Column::Multiplier,
    ];

    /// How many of them a VAE has.
    const OF_A_VAE: usize = 11;
    /// How many a VQ-VAE has.
    const OF_A_VQ_VAE: usize = 17;

    /// The columns that every model of this family has, in the order of the file.
    pub fn of_model(model: ModelName) -> &'static [Column] {
        match model {
            ModelName::Vae => &Column::ALL[..Column::OF_A_VAE],
            ModelName::VqVae => &Column::ALL[..Column::OF_A_VQ_VAE],
        }
    }

    /// The columns of a model of this family under a loss of this measure and, of a VAE, this penalty.
    pub fn of_run(model: ModelName, measure: Measure, penalty: PenaltyName) -> Vec<Column> {
        let bits = measure.is_of_grey_levels().then_some(Column::BitsPerDim);
        let multiplier = match penalty {
            PenaltyName::Geco | PenaltyName::ControlVae => Some(Column::Multiplier),
            PenaltyName::Beta | PenaltyName::Capacity => None,
        };
        Column::of_model(model).iter().copied().chain(bits).chain(multiplier).collect()
    }

    /// The name in the header.
    pub fn name(self) -> &'static str {
        match self {
            Column::Epoch => "epoch",
            Column::Split => "split",
            Column::Objective => "objective",
            Column::Weighted(term) => term.weighted_name(),
            Column::Canonical(term) => term.name(),
            Column::NegElbo => "neg_elbo",
            Column::BetaEffective => "beta_effective",
            Column::BetaSigma2 => "beta_sigma2",
            Column::ActiveUnits => "active_units",
            Column::CodeDistance => "code_distance",
            Column::Perplexity => "perplexity",
            Column::CodesUsed => "codes_used",
            Column::CommitmentRatio => "commitment_ratio",
            Column::BitsPerDim => "bits_per_dim",
            Column::Multiplier => "multiplier",
        }
    }

    /// The column of this name.
    pub fn of(name: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|column| column.name() == name)
    }

    /// The cell of `row`.
    pub fn cell(self, row: &EpochRecord) -> Cell {
        let number = |value: Option<f64>| value.map_or(Cell::Empty, Cell::Number);
        match self {
            Column::Epoch => Cell::Count(row.epoch),
            Column::Split => Cell::Split(row.split),
            Column::Objective => Cell::Number(row.objective()),
            Column::Weighted(term) => number(row.weighted(term)),
            Column::Canonical(term) => number(row.canonical(term)),
            Column::NegElbo => number(row.neg_elbo),
            Column::BetaEffective => number(row.beta_effective),
            Column::BetaSigma2 => number(row.beta_sigma2),
            Column::ActiveUnits => row.active_units.map_or(Cell::Empty, Cell::Count),
            Column::CodeDistance => number(row.code_distance()),
            Column::Perplexity => number(row.codes.perplexity),
            Column::CodesUsed => row.codes.codes_used.map_or(Cell::Empty, Cell::Count),
            Column::CommitmentRatio => number(row.codes.commitment_ratio),
            Column::BitsPerDim => number(row.bits_per_dim),
            Column::Multiplier => number(row.multiplier),
        }
    }

    /// Whether every row of every model has a value here.
    pub(super) fn is_required(self) -> bool {
        match self {
            Column::Epoch | Column::Split | Column::Objective => true,
            Column::Weighted(term) => term == Term::Recon,
            Column::Canonical(term) => [Term::Recon, Term::Kl].contains(&term),
            Column::NegElbo
            | Column::BetaEffective
            | Column::BetaSigma2
            | Column::ActiveUnits
            | Column::CodeDistance
            | Column::Perplexity
            | Column::CodesUsed
            | Column::CommitmentRatio
            | Column::BitsPerDim
            | Column::Multiplier => false,
        }
    }

    /// Reads the cell `text` of this column into `row`. The objective follows from its terms and is only checked to be
    /// their sum, by [`read_row`].
    fn read(self, row: &mut EpochRecord, text: &str) -> Result<(), String> {
        let number = || match text {
            "" => Ok(None),
            _ => text.parse::<f64>().map(Some).map_err(|_| format!("{}: {text:?} is not a number", self.name())),
        };
        let count = || text.parse::<u32>().map_err(|_| format!("{}: {text:?} is not a whole number", self.name()));
        let mut into = |terms: fn(&mut EpochRecord) -> &mut Terms<f64>, term| {
            terms(row).set(term, number()?);
            Ok(())
        };
        match self {
            Column::Weighted(term) => return into(|row| &mut row.ledgers.weighted, term),
            Column::Canonical(term) => return into(|row| &mut row.ledgers.canonical, term),
            Column::Objective => {
                number()?;
            }
            Column::Epoch => row.epoch = count()?,
            Column::Split => {
                row.split = match text {
                    "train" => Split::Train,
                    "test" => Split::Test,
                    _ => return Err(format!("split: {text:?} is neither train nor test")),
                }
            }
            Column::NegElbo => row.neg_elbo = number()?,
            Column::BetaEffective => row.beta_effective = number()?,
            Column::BetaSigma2 => row.beta_sigma2 = number()?,
            Column::ActiveUnits => row.active_units = if text.is_empty() { None } else { Some(count()?) },
            Column::CodeDistance => row.ledgers.canonical.set(Term::Commitment, number()?),
            Column::Perplexity => row.codes.perplexity = number()?,
            Column::CodesUsed => row.codes.codes_used = if text.is_empty() { None } else { Some(count()?) },
            Column::CommitmentRatio => row.codes.commitment_ratio = number()?,
            Column::BitsPerDim => row.bits_per_dim = number()?,
            Column::Multiplier => row.multiplier = number()?,
        }
        Ok(())
    }
}

/// The header line of these columns, without its end.
pub fn header(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(",")
}

/// The row whose cells are `cells`, each with its column.
///
/// # Errors
/// What is wrong with which cell, as a sentence.
pub fn read_row<'a>(cells: impl Iterator<Item = (Column, &'a str)>) -> Result<EpochRecord, String> {
    let mut row = EpochRecord {
        epoch: 0,
        split: Split::Test,
        ledgers: crate::terms::Ledgers::default(),
        neg_elbo: None,
        beta_effective: None,
        beta_sigma2: None,
        active_units: None,
        bits_per_dim: None,
        multiplier: None,
        codes: CodeMetrics::default(),
    };
    let mut objective = None;
    for (column, text) in cells {
        if text.is_empty() && column.is_required() {
            return Err(format!("`{}` is empty", column.name()));
        }
        column.read(&mut row, text)?;
        if column == Column::Objective {
            objective = text.parse::<f64>().ok();
        }
    }
    let sum = row.objective();
    match objective {
        Some(stated) if (stated - sum).abs() > 1e-9 * sum.abs().max(1e-300) && sum.is_finite() => {
            Err(format!("objective {stated} is not the sum of its terms, {sum}"))
        }
        _ => Ok(row),
    }
}

/// A row as a JSON object with the columns for keys; empty cells are `null`.
impl Serialize for EpochRecord {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(Column::ALL.len()))?;
        for column in Column::ALL {
            map.serialize_entry(column.name(), &column.cell(self))?;
        }
        map.end()
    }
}
