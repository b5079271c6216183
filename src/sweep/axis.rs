//! The values of one setting in a sweep: one, a list, or a range.

use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use crate::spec::Settings;

/// More runs than anybody starts: a slip of the finger, not an allocation.
pub const MAX_RUNS: usize = 100_000;

/// One setting with all its values; each is a layer with that setting alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// The flag's name.
    pub key: String,
    /// At least one.
    pub values: Vec<Settings>,
}

/// Something wrong at a byte of the text.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where.
    pub at: usize,
    /// What, as a sentence.
    pub why: String,
}

impl Fault {
    pub(super) fn new(at: usize, why: impl Into<String>) -> Self {
        Fault { at, why: why.into() }
    }
}

impl Column {
    /// The column `key` with the values that `value` lists.
    pub(super) fn new(key: &Spanned<impl AsRef<str>>, value: Spanned<DeValue<'_>>) -> Result<Self, Fault> {
        let (at, name) = (value.span().start, key.get_ref().as_ref());
        let settings: Vec<Settings> = expand(value)?
            .into_iter()
            .map(|item| Settings::one(name, item.value).map_err(|why| Fault::new(item.at, why)))
            .collect::<Result<_, _>>()
            .map_err(|fault| if is_setting(name) { fault } else { Fault::new(key.span().start, fault.why) })?;
        if settings.is_empty() {
            return Err(Fault::new(at, format!("{name} has no values; give one at least, or leave it out")));
        }
        Ok(Column { key: name.to_owned(), values: settings })
    }

    /// A column as typed: `beta=0.1,1,4`, `seed=1..5`, `beta=logspace:0.01,100,13`, or `KEY=` and a TOML value.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub(super) fn typed(text: &str) -> Result<Self, String> {
        let (key, values) = text
            .split_once('=')
            .filter(|(key, _)| !key.trim().is_empty())
            .ok_or("write KEY=VALUES such as beta=0.1,1,4 or seed=1..5")?;
        let toml = match values.trim() {
            toml if toml.starts_with(['[', '{', '"', '\'']) => toml.to_owned(),
            values => match values.split_once(':').filter(|(kind, _)| ["logspace", "linspace"].contains(kind)) {
                Some((kind, numbers)) => format!("{{ {kind} = [{numbers}] }}"),
                None => format!("[{}]", values.split(',').map(literal).collect::<Vec<_>>().join(", ")),
            },
        };
        let value = DeValue::parse(&toml).map_err(|e| e.message().replace('\n', "; "))?;
        Column::new(&Spanned::new(0..0, key.trim()), value).map_err(|fault| fault.why)
    }
}

fn is_setting(key: &str) -> bool {
    Settings::default().cells().iter().any(|(column, _)| column.replace('_', "-") == key) || key == "data-dir"
}

/// A word as typed, as TOML: numbers as they are, all else quoted.
fn literal(word: &str) -> String {
    let word = word.trim();
    let is_number = word.parse::<f64>().is_ok() && word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    match word.parse::<f64>() {
        // TOML wants a digit on either side of the point.
        Ok(value) if is_number && word.parse::<i64>().is_err() => toml::Value::Float(value).to_string(),
        _ if is_number => word.to_owned(),
        _ => toml::Value::String(word.to_owned()).to_string(),
    }
}

struct Item {
    at: usize,
    value: toml::Value,
}

/// All values that `value` stands for.
fn expand(value: Spanned<DeValue<'_>>) -> Result<Vec<Item>, Fault> {
    match value.get_ref() {
        DeValue::Array(_) => {
            let at = value.span().start;
            let DeValue::Array(list) = value.into_inner() else { return Ok(Vec::new()) };
            let mut items = Vec::new();
            for element in list {
                // A list within the list is one value: widths of layers.
                match element.get_ref() {
                    DeValue::Array(_) => items.push(plain(element)?),
                    _ => items.extend(expand(element)?),
                }
                within_bound(items.len() as u64, at)?;
            }
            Ok(items)
        }
        DeValue::Table(_) => space(value),
        DeValue::String(text) => match integers(text) {
            Some(range) => whole(range, value.span().start),
            None => Ok(vec![plain(value)?]),
        },
        _ => Ok(vec![plain(value)?]),
    }
}

fn plain(value: Spanned<DeValue<'_>>) -> Result<Item, Fault> {
    let at = value.span().start;
    let value = serde::Deserialize::deserialize(ValueDeserializer::from(value))
        .map_err(|e: toml::de::Error| Fault::new(at, e.message()))?;
    Ok(Item { at, value })
}

fn within_bound(count: u64, at: usize) -> Result<(), Fault> {
    if count > MAX_RUNS as u64 {
        return Err(Fault::new(at, format!("{count} values are more than a sweep of {MAX_RUNS} runs can have")));
    }
    Ok(())
}

/// "1..5" as its two ends.
fn integers(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.trim().split_once("..")?;
    Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
}

/// Both ends and all between, as in a shell's {1..5}.
fn whole((from, to): (u64, u64), at: usize) -> Result<Vec<Item>, Fault> {
    if from > to {
        return Err(Fault::new(at, format!("{from}..{to} is empty; write the smaller end first, as in 1..5")));
    }
    within_bound((to - from).saturating_add(1), at)?;
    let integer = |n: u64| i64::try_from(n).map_err(|_| Fault::new(at, format!("{n} is too large")));
    (from..=to).map(|n| Ok(Item { at, value: toml::Value::Integer(integer(n)?) })).collect()
}

/// `{ logspace = [first, last, how many] }` or `{ linspace = ... }`.
fn space(table: Spanned<DeValue<'_>>) -> Result<Vec<Item>, Fault> {
    const MEND: &str = "write { logspace = [FIRST, LAST, HOW MANY] } or { linspace = [FIRST, LAST, HOW MANY] }";
    let at = table.span().start;
    let Item { value, .. } = plain(table)?;
    let table = value.as_table().filter(|table| table.len() == 1);
    let (kind, ends) = table.and_then(|table| table.iter().next()).ok_or_else(|| Fault::new(at, MEND))?;
    let logarithmic = match kind.as_str() {
        "logspace" => true,
        "linspace" => false,
        other => return Err(Fault::new(at, format!("unknown range {other:?}; {MEND}"))),
    };
    let number = |value: &toml::Value| value.as_float().or_else(|| value.as_integer().map(|n| n as f64));
    let ends = ends.as_array().map(Vec::as_slice).unwrap_or_default();
    let three = match ends {
        [first, last, count] => number(first).zip(number(last)).zip(count.as_integer()),
        _ => None,
    };
    let Some(((first, last), count)) = three else {
        return Err(Fault::new(at, format!("{kind} takes two numbers and how many values there are; {MEND}")));
    };
    if count < 2 {
        return Err(Fault::new(at, format!("{kind}: {count} values; a range has two ends, so 2 or more")));
    }
    within_bound(count as u64, at)?;
    if !(first.is_finite() && last.is_finite()) || logarithmic && !(first > 0.0 && last > 0.0) {
        let why = "the ends are the first and the last value themselves (not exponents), finite";
        let more = if logarithmic { " and above 0" } else { "" };
        return Err(Fault::new(at, format!("{kind} from {first} to {last}: {why}{more}")));
    }
    let steps = (count - 1) as f64;
    let between = |i: i64| {
        let part = i as f64 / steps;
        let exact = if logarithmic {
            (first.ln() + (last.ln() - first.ln()) * part).exp()
        } else {
            first + (last - first) * part
        };
        clean(exact)
    };
    let values: Vec<f64> = (0..count)
        .map(|i| match i {
            0 => first,
            i if i == count - 1 => last,
            i => between(i),
        })
        .collect();
    if values.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Fault::new(at, format!("{kind}: its values are the same in six digits; write them out")));
    }
    Ok(values.into_iter().map(|value| Item { at, value: number_value(value) }).collect())
}

/// Six significant digits: what a person can type again, and what a run's name shows.
fn clean(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Whole numbers as such, which settings of either kind take.
fn number_value(value: f64) -> toml::Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        toml::Value::Integer(value as i64)
    } else {
        toml::Value::Float(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn betas(text: &str) -> Vec<f64> {
        Column::typed(text).unwrap().values.iter().map(|s| s.beta.unwrap().get()).collect()
    }

    #[test]
    fn values_come_as_lists_ranges_and_spaces_with_clean_numbers() {
        assert_eq!(betas("beta=0.1,1,4"), [0.1, 1.0, 4.0]);
        assert_eq!(betas("beta=.5,1e-3"), [0.5, 1e-3]);
        assert_eq!(
            betas("beta=logspace:0.01,100,13"),
            [0.01, 0.0215443, 0.0464159, 0.1, 0.215443, 0.464159, 1.0, 2.15443, 4.64159, 10.0, 21.5443, 46.4159, 100.0]
        );
        assert_eq!(betas("beta={ linspace = [0, 1, 5] }"), [0.0, 0.25, 0.5, 0.75, 1.0]);
        let seeds = |text| Column::typed(text).unwrap().values.iter().map(|s| s.seed.unwrap()).collect::<Vec<_>>();
        assert_eq!(seeds("seed=1..5"), [1, 2, 3, 4, 5], "both ends are in");
        assert_eq!(seeds("seed=7,1..2"), [7, 1, 2]);
        let latents = Column::typed("latent-dim=linspace:10,50,5").unwrap();
        assert_eq!(latents.values[2].latent_dim.map(usize::from), Some(30), "whole numbers stay whole");
        let hidden = Column::typed("hidden=[[400, 200], \"100\", \"\"]").unwrap();
        assert_eq!(
            hidden.values.iter().map(|s| s.hidden.clone().unwrap().as_slice().len()).collect::<Vec<_>>(),
            [2, 1, 0]
        );
        assert_eq!(Column::typed("loss=bce,mse").unwrap().values.len(), 2);
    }

    #[test]
    fn a_wrong_axis_is_an_error_with_a_hint_and_allocates_nothing() {
        for (text, word) in [
            ("beta", "KEY=VALUES"),
            ("=1", "KEY=VALUES"),
            ("bta=1", "bta"),
            ("beta=one", "one"),
            ("loss=l1", "l1"),
            ("seed=5..1", "smaller end first"),
            ("seed=1..18446744073709551615", "more than"),
            ("beta=logspace:0,1,3", "above 0"),
            ("beta=logspace:1,2,1000000000", "more than"),
            ("beta=logspace:1,2,1", "2 or more"),
            ("beta=linspace:1,2", "how many"),
            ("beta=logspace:1,1.0000001,5", "write them out"),
            ("beta={ geomspace = [1, 2, 3] }", "unknown range"),
            ("beta=[]", "no values"),
            ("beta=[1", ""),
            ("hidden=[400, 200]", "expected widths"),
        ] {
            let why = Column::typed(text).unwrap_err();
            assert!(why.contains(word) && !why.contains('\n'), "{text}: {why}");
        }
    }
}
