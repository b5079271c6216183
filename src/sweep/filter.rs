//! `--filter 'beta>=1'`: one condition on a setting or a result of a run.

use std::cmp::Ordering;
use std::str::FromStr;

use serde_json::Value;

use super::results::RESULTS;
use crate::spec::{Settings, cell_text};
use crate::text::nearest;

/// A relation between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer ones first: `<=` begins like `<`.
const RELATIONS: [(&str, Relation); 7] = [
    ("<=", Relation::LessOrEqual),
    (">=", Relation::GreaterOrEqual),
    ("!=", Relation::Unequal),
    ("==", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::Greater),
    ("=", Relation::Equal),
];

/// A condition on one setting or result.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    key: String,
    relation: Relation,
    value: Value,
    on: On,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Setting,
    Result,
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "write SETTING, one of = != < <= > >=, and a value, such as 'beta>=1' or loss=bce";
        let at = text.find(['<', '>', '=', '!']).ok_or(hint)?;
        let (key, rest) = text.split_at(at);
        let (sign, relation) = RELATIONS.into_iter().find(|(sign, _)| rest.starts_with(sign)).ok_or(hint)?;
        let (key, word) = (key.trim().replace('_', "-"), rest[sign.len()..].trim());
        if RESULTS.contains(&key.as_str()) {
            let number = word.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number);
            return Filter::new(key, relation, number.unwrap_or_else(|| Value::String(word.to_owned())), On::Result);
        }
        let settings = Settings::names();
        if !settings.contains(&key) {
            let names = settings.iter().map(String::as_str).chain(RESULTS);
            let hint = match nearest(&key, names) {
                Some(near) => format!("did you mean {near}?"),
                None => "`vae-bench ls --help` names the results".to_owned(),
            };
            return Err(format!("there is no setting and no result `{key}`; {hint}"));
        }
        // The value must be one that the setting can have.
        let typed =
            word.parse::<i64>().map(toml::Value::Integer).or_else(|_| word.parse::<f64>().map(toml::Value::Float));
        let text = || Settings::one(&key, toml::Value::String(word.to_owned()));
        let setting = match typed {
            Ok(number) => Settings::one(&key, number).or_else(|why| text().map_err(|_| why)),
            Err(_) => text(),
        }?;
        if !setting.is_written_out() {
            return Err(format!("{word} is not the same number in every run; write the number"));
        }
        let value = setting.given().remove(&key).ok_or(hint)?;
        Filter::new(key, relation, value, On::Setting)
    }
}

impl Filter {
    fn new(key: String, relation: Relation, value: Value, on: On) -> Result<Self, String> {
        if !matches!(relation, Relation::Equal | Relation::Unequal) && !value.is_number() {
            return Err(format!("{key} is no number, so it is only equal (=) or not (!=)"));
        }
        Ok(Filter { key, relation, value, on })
    }

    /// The result that it is about; none for a setting, which is known before a run is begun.
    pub fn result(&self) -> Option<&str> {
        match self.on {
            On::Setting => None,
            On::Result => Some(&self.key),
        }
    }

    /// Whether a run with these settings, nothing left to default, is meant. What a run does not have is unequal to all.
    pub fn matches(&self, settings: &serde_json::Map<String, Value>) -> bool {
        let Some(found) = settings.get(&self.key) else { return self.relation == Relation::Unequal };
        // Of several tags one is enough.
        if let (Value::Array(all), On::Result) = (found, self.on) {
            let has = all.iter().any(|one| cell_text(one, ",") == cell_text(&self.value, ","));
            return has == (self.relation == Relation::Equal);
        }
        let order = match (found.as_f64(), self.value.as_f64()) {
            (Some(found), Some(wanted)) => found.partial_cmp(&wanted),
            _ => (cell_text(found, ",") == cell_text(&self.value, ",")).then_some(Ordering::Equal),
        };
        match self.relation {
            Relation::Equal => order == Some(Ordering::Equal),
            Relation::Unequal => order != Some(Ordering::Equal),
            Relation::Less => order == Some(Ordering::Less),
            Relation::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Relation::Greater => order == Some(Ordering::Greater),
            Relation::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, toml: &str) -> bool {
        filter.parse::<Filter>().unwrap().matches(&Settings::parse(toml).unwrap().given())
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_words_as_words() {
        for (filter, yes) in [
            ("beta>=1", true),
            ("beta > 1", false),
            ("beta<1.5", true),
            ("beta=1.0", true),
            ("beta!=1", false),
            ("loss=bce", true),
            ("loss!=mse", true),
            ("latent_dim<=10", true),
            ("hidden=400,200", true),
            ("hidden=400", false),
            ("capacity!=1", true),
            ("capacity>0", false),
        ] {
            let run = "beta = 1\nloss = 'bce'\nlatent-dim = 10\nhidden = [400, 200]";
            assert_eq!(matches(filter, run), yes, "{filter}");
        }
    }

    #[test]
    fn a_condition_that_cannot_be_says_why() {
        for (filter, word) in [
            ("beta", "such as"),
            ("bta>1", "bta"),
            ("loss=l1", "l1"),
            ("loss>bce", "no number"),
            ("beta>x", "not a number"),
            ("!", "such as"),
        ] {
            let why = filter.parse::<Filter>().unwrap_err();
            assert!(why.contains(word), "{filter}: {why}");
        }
    }
}
