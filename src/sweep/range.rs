//! Ranges of values: `{ logspace = [0.01, 100, 13] }`, `{ linspace = [0, 1, 5] }` and "1..5".

use serde::Deserialize;

use super::fault::{Fault, within_bound};

/// What to write where a range is wrong.
pub(super) const HINT: &str = "write { logspace = [FIRST, LAST, HOW MANY] } or { linspace = [FIRST, LAST, HOW MANY] }";

/// First value, last value, number of values.
type Ends = (f64, f64, i64);

/// A range as it is written in TOML: one of the two.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeTable {
    logspace: Option<Ends>,
    linspace: Option<Ends>,
}

/// Values between two ends, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    spacing: Spacing,
    first: f64,
    last: f64,
    count: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spacing {
    Linear,
    Logarithmic,
}

impl TryFrom<RangeTable> for Range {
    type Error = &'static str;

    fn try_from(table: RangeTable) -> Result<Self, Self::Error> {
        let (spacing, (first, last, count)) = match (table.linspace, table.logspace) {
            (Some(ends), None) => (Spacing::Linear, ends),
            (None, Some(ends)) => (Spacing::Logarithmic, ends),
            (None, None) | (Some(_), Some(_)) => return Err(HINT),
        };
        Ok(Range { spacing, first, last, count })
    }
}

impl Range {
    /// All its values; whole numbers are integers, which settings of either kind take. `at` is where it is written.
    pub(super) fn values(self, at: usize) -> Result<Vec<toml::Value>, Fault> {
        let Range { spacing, first, last, count } = self;
        let kind = match spacing {
            Spacing::Linear => "linspace",
            Spacing::Logarithmic => "logspace",
        };
        if count < 2 {
            return Err(Fault::new(at, format!("{kind}: {count} values; a range has two ends, so 2 or more")));
        }
        within_bound(count.unsigned_abs(), at)?;
        let is_positive = first > 0.0 && last > 0.0;
        if !(first.is_finite() && last.is_finite()) || spacing == Spacing::Logarithmic && !is_positive {
            let why = "the ends are the first and the last value themselves (not exponents), finite";
            let more = match spacing {
                Spacing::Linear => "",
                Spacing::Logarithmic => " and above 0",
            };
            return Err(Fault::new(at, format!("{kind} from {first} to {last}: {why}{more}")));
        }
        let steps = (count - 1) as f64;
        let between = |i: i64| {
            let part = i as f64 / steps;
            rounded(match spacing {
                Spacing::Linear => first + (last - first) * part,
                Spacing::Logarithmic => (first.ln() + (last.ln() - first.ln()) * part).exp(),
            })
        };
        let values: Vec<f64> = (0..count)
            .map(|i| match i {
                0 => first,
                i if i == count - 1 => last,
                i => between(i),
            })
            .collect();
        if values.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Fault::new(at, format!("{kind}: values are equal in six digits; write them out")));
        }
        Ok(values.into_iter().map(number).collect())
    }
}

/// The two ends of "1..5".
pub(super) fn integer_ends(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.trim().split_once("..")?;
    Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
}

/// Both ends and all integers between, as in a shell's {1..5}.
pub(super) fn integers((from, to): (u64, u64), at: usize) -> Result<Vec<toml::Value>, Fault> {
    if from > to {
        return Err(Fault::new(at, format!("{from}..{to} is empty; write the smaller end first, as in 1..5")));
    }
    within_bound((to - from).saturating_add(1), at)?;
    let integer = |n: u64| i64::try_from(n).map_err(|_| Fault::new(at, format!("{n} is too large")));
    (from..=to).map(|n| integer(n).map(toml::Value::Integer)).collect()
}

/// Six significant digits: what a person can type again, and what a run's name shows.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn number(value: f64) -> toml::Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        toml::Value::Integer(value as i64)
    } else {
        toml::Value::Float(value)
    }
}
