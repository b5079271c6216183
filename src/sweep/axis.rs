//! The values of one setting in a sweep: one, a list, or a range.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::ValueDeserializer;

use super::fault::{Fault, within_bound};
use super::range::{self, Range, RangeTable};
use crate::spec::{Settings, plain_reason};

/// One setting with all its values; each value is a layer of settings with that one alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// The flag's name.
    pub key: String,
    /// At least one.
    pub values: Vec<Settings>,
}

/// The values of a setting as they are written.
#[derive(Clone, Debug)]
pub(super) enum AxisValue {
    /// A single value; a string may be a range of integers, "1..5".
    One(toml::Value),
    /// Values and ranges; a list within the list is one value, the widths of layers.
    List(Vec<Spanned<AxisValue>>),
    /// `{ logspace = [...] }` or `{ linspace = [...] }`.
    Range(Range),
}

/// A value, and where it is written.
struct Item {
    at: usize,
    value: toml::Value,
}

impl Column {
    /// The column `key` with the values that `value` lists.
    pub(super) fn new(key: &Spanned<String>, value: Spanned<AxisValue>) -> Result<Self, Fault> {
        let (at, name) = (value.span().start, key.get_ref().as_str());
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
        let value = ValueDeserializer::parse(&toml).and_then(AxisValue::deserialize);
        let value = value.map_err(|e| plain_reason(e.message()))?;
        let unplaced = |fault: Fault| fault.why.replace('\n', "; ");
        Column::new(&Spanned::new(0..0, key.trim().to_owned()), Spanned::new(0..0, value)).map_err(unplaced)
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

/// All values that `value` stands for.
fn expand(value: Spanned<AxisValue>) -> Result<Vec<Item>, Fault> {
    let at = value.span().start;
    let items = |values: Vec<toml::Value>| values.into_iter().map(|value| Item { at, value }).collect();
    match value.into_inner() {
        AxisValue::Range(range) => range.values(at).map(items),
        AxisValue::One(toml::Value::String(text)) => match range::integer_ends(&text) {
            Some(ends) => range::integers(ends, at).map(items),
            None => Ok(vec![Item { at, value: toml::Value::String(text) }]),
        },
        AxisValue::One(value) => Ok(vec![Item { at, value }]),
        AxisValue::List(list) => {
            let mut items = Vec::new();
            for element in list {
                match element.get_ref() {
                    AxisValue::List(_) => items.push(Item { at: element.span().start, value: single(element)? }),
                    AxisValue::One(_) | AxisValue::Range(_) => items.extend(expand(element)?),
                }
                within_bound(items.len() as u64, at)?;
            }
            Ok(items)
        }
    }
}

/// A value that is not expanded: widths of layers.
fn single(value: Spanned<AxisValue>) -> Result<toml::Value, Fault> {
    let at = value.span().start;
    match value.into_inner() {
        AxisValue::One(value) => Ok(value),
        AxisValue::List(list) => list.into_iter().map(single).collect::<Result<_, _>>().map(toml::Value::Array),
        AxisValue::Range(_) => Err(Fault::new(at, "a range cannot be an element of a list within a list")),
    }
}

impl<'de> Deserialize<'de> for AxisValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AxisVisitor)
    }
}

/// By hand and not `untagged`: that would forget where each value is written.
struct AxisVisitor;

impl<'de> Visitor<'de> for AxisVisitor {
    type Value = AxisValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list of values, or a range such as { logspace = [0.01, 100, 13] }")
    }

    fn visit_bool<E>(self, value: bool) -> Result<AxisValue, E> {
        Ok(AxisValue::One(toml::Value::Boolean(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<AxisValue, E> {
        Ok(AxisValue::One(toml::Value::Integer(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<AxisValue, E> {
        Ok(AxisValue::One(toml::Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<AxisValue, E> {
        Ok(AxisValue::One(toml::Value::String(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AxisValue, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(AxisValue::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AxisValue, A::Error> {
        let table = RangeTable::deserialize(MapAccessDeserializer::new(map))
            .map_err(|e| A::Error::custom(format!("{}; {}", e.to_string().trim(), range::HINT)))?;
        Range::try_from(table).map(AxisValue::Range).map_err(A::Error::custom)
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
    fn what_cannot_be_is_refused_with_a_hint_and_never_allocated() {
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
            ("beta=linspace:1,2", "HOW MANY"),
            ("beta=logspace:1,1.0000001,5", "write them out"),
            ("beta={ geomspace = [1, 2, 3] }", "unknown field `geomspace`"),
            ("beta={ logspace = [1, 2, 3], linspace = [1, 2, 3] }", "write {"),
            ("beta=[]", "no values"),
            ("beta=[1", ""),
            ("hidden=[400, 200]", "expected widths"),
        ] {
            let why = Column::typed(text).unwrap_err();
            assert!(why.contains(word) && !why.contains('\n'), "{text}: {why}");
        }
    }
}
