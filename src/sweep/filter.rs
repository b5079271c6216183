//! `--filter 'beta>=1'`: one condition on a setting of a run.

use std::cmp::Ordering;
use std::str::FromStr;

use serde_json::Value;

use crate::spec::{Settings, cell_text};

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

/// A condition on one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    key: String,
    relation: Relation,
    value: Value,
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "write SETTING, one of = != < <= > >=, and a value, such as 'beta>=1' or loss=bce";
        let at = text.find(['<', '>', '=', '!']).ok_or(hint)?;
        let (key, rest) = text.split_at(at);
        let (sign, relation) = RELATIONS.into_iter().find(|(sign, _)| rest.starts_with(sign)).ok_or(hint)?;
        let (key, word) = (key.trim().replace('_', "-"), rest[sign.len()..].trim());
        // The value must be one that the setting can have.
        let typed =
            word.parse::<i64>().map(toml::Value::Integer).or_else(|_| word.parse::<f64>().map(toml::Value::Float));
        let text = || Settings::one(&key, toml::Value::String(word.to_owned()));
        let setting = match typed {
            Ok(number) => Settings::one(&key, number).or_else(|why| text().map_err(|_| why)),
            Err(_) => text(),
        }?;
        let value = setting.given().remove(&key).ok_or(hint)?;
        if !matches!(relation, Relation::Equal | Relation::Unequal) && !value.is_number() {
            return Err(format!("{key} is no number, so it is only equal (=) or not (!=)"));
        }
        Ok(Filter { key, relation, value })
    }
}

impl Filter {
    /// Whether a run with these settings, nothing left to default, is meant. What a run does not have is unequal to all.
    pub fn matches(&self, settings: &serde_json::Map<String, Value>) -> bool {
        let Some(found) = settings.get(&self.key) else { return self.relation == Relation::Unequal };
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
            ("beta>x", "f64"),
            ("!", "such as"),
        ] {
            let why = filter.parse::<Filter>().unwrap_err();
            assert!(why.contains(word), "{filter}: {why}");
        }
    }
}
