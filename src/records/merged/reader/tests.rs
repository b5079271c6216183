//! What is written is read back: every setting, every row.

use serde_json::{Map, Value, json};

use super::*;
use crate::metrics::CodeMetrics;
use crate::metrics::Split;
use crate::model::ModelName;
use crate::records::merged::writer::{csv_record, metric_cells};
use crate::records::merged::{TableColumns, TableWriter};
use crate::records::{Column, metrics_header};
use crate::spec::RunSpec;
use crate::terms::{Ledgers, Term, Terms};

/// Values of all kinds; each setting is tried with those that it takes.
fn pool() -> Vec<Value> {
    let numbers = [json!(3), json!(0.25), json!(1e-9), json!(9.75), json!(9_007_199_254_740_993u64), json!(u64::MAX)];
    let words = [
        "pytorch-examples",
        "synthetic",
        "keras-2016-07",
        "pixels",
        "1/pixels",
        "linear:3epochs",
        "cyclical:2epochs",
        "image:0.5",
        "latent:2",
        "a, \"b\"\nc",
        "7",
    ];
    let widths = [json!([]), json!([7]), json!([400, 200, 1])];
    numbers.into_iter().chain(words.map(|word| json!(word))).chain(widths).collect()
}

fn one(key: &str, value: &Value) -> Result<Settings, String> {
    serde_json::from_value(Value::Object(Map::from_iter([(key.to_owned(), value.clone())]))).map_err(|e| e.to_string())
}

/// The names of a choice, from the message that refuses another one.
fn names(key: &str) -> Vec<Value> {
    let refusal = one(key, &json!("no such name")).err().unwrap_or_default();
    let expected = refusal.split("expected").nth(1).unwrap_or_default();
    expected.split('`').skip(1).step_by(2).map(|name| json!(name)).collect()
}

/// The settings that the table of one row with these cells gives.
fn through_the_table(settings: &Settings) -> Settings {
    let columns = ["run", "status", "verdict", "comparable"].map(str::to_owned).into_iter();
    let header = columns.chain(setting_columns().into_iter().map(|setting| setting.column));
    let mut text = csv_record(header).unwrap();
    text.extend_from_slice(format!(",{}", metrics_header(&Column::ALL)).as_bytes());
    let cells = ["a", "completed", "healthy", "c"].map(str::to_owned).into_iter();
    let cells = cells.chain(settings.cells().into_iter().map(|(_, cell)| cell));
    text.extend(csv_record(cells.chain(metric_cells(&TableColumns::all(), &row(1)).unwrap())).unwrap());
    let table = parse_merged(&text).unwrap();
    assert!(table.notes.is_empty(), "{:?}: {}", table.notes, String::from_utf8_lossy(&text));
    table.runs[0].settings.clone()
}

fn row(epoch: u32) -> EpochRecord {
    EpochRecord {
        epoch,
        split: Split::Test,
        ledgers: Ledgers {
            canonical: Terms::default().with(Term::Recon, 78.4).with(Term::Kl, 1e-7),
            weighted: Terms::default().with(Term::Recon, 0.1).with(Term::Kl, 0.2),
        },
        neg_elbo: None,
        beta_effective: None,
        beta_sigma2: Some(0.5),
        active_units: Some(4),
        bits_per_dim: None,
        multiplier: None,
        codes: CodeMetrics::default(),
    }
}

#[test]
fn every_setting_set_to_any_value_is_read_back_as_it_was_written() {
    let usual = RunSpec::resolve(&Settings::default()).unwrap().settings().clone();
    let mut untried = Vec::new();
    for SettingColumn { key, .. } in setting_columns() {
        let mut values = pool();
        values.extend(names(&key));
        let taken = values.iter().filter_map(|value| one(&key, value).ok());
        let taken: Vec<Settings> = taken.filter(Settings::is_written_out).collect();
        let others =
            taken.iter().filter(|set| set.given() != Map::new() && usual.given().get(&key) != set.given().get(&key));
        let mut tried = 0;
        for set in others {
            let settings = set.clone().or(usual.clone());
            assert_eq!(through_the_table(&settings), settings, "{key}");
            tried += 1;
        }
        if tried == 0 {
            untried.push(key);
        }
    }
    assert!(untried.is_empty(), "no value but the default was tried of {untried:?}: add one to `pool`");
}

#[test]
fn a_row_whose_number_is_written_in_a_size_is_left_out_with_the_reason() {
    let header = format!("run,status,verdict,comparable,loss,reduction,beta,{}", metrics_header(&Column::ALL));
    let cells = ["a", "completed", "healthy", "c", "bce", "sum", "1/pixels"].map(str::to_owned).into_iter();
    let mut text = header.into_bytes();
    text.extend(csv_record(cells.chain(metric_cells(&TableColumns::all(), &row(1)).unwrap())).unwrap());
    let table = parse_merged(&text).unwrap();
    assert!(table.runs.is_empty() && table.notes[0].contains("`beta` is \"1/pixels\""), "{:?}", table.notes);
}

#[test]
fn an_older_table_has_the_estimator_of_the_kl_under_the_name_kl() {
    let header =
        format!("run,status,verdict,comparable,loss,reduction,kl,{}", metrics_header(Column::of_model(ModelName::Vae)));
    let left = "a,completed,healthy,mnist/none/unit/mass,bce,sum,monte-carlo";
    let table = parse_merged(format!("{header}{left},1,test,3,1,2,1,2,3,1,,4\n").as_bytes()).unwrap();
    let cells: HashMap<String, String> = table.runs[0].settings.cells().into_iter().collect();
    let estimator = cells.get("kl_estimator");
    assert_eq!((estimator.map(String::as_str), table.runs[0].metrics[0].kl()), (Some("monte-carlo"), 2.0));
}

#[test]
fn a_table_without_a_column_that_a_row_needs_is_refused_and_one_that_may_be_empty_is_not_missed() {
    let without = |column: &str| {
        let header = format!(
            "run,status,verdict,comparable,loss,reduction,{}",
            metrics_header(Column::of_model(ModelName::Vae))
        );
        parse_merged(header.replace(&format!(",{column}"), "").as_bytes())
    };
    assert_eq!(without("recon_term").unwrap_err(), "it has no column `recon_term`");
    assert_eq!(without("loss").unwrap_err(), "it has no column `loss`");
    assert!(without("active_units").is_ok() && without("beta_sigma2").is_ok());
}

#[test]
fn rows_that_contradict_each_other_are_told() {
    let header =
        format!("run,status,verdict,comparable,loss,reduction,{}", metrics_header(Column::of_model(ModelName::Vae)));
    let row = |kl: f64| format!("a,completed,healthy,c,bce,sum,1,test,3,1,2,1,{kl},3,1,,4\n");
    let same = parse_merged(format!("{header}{}{}", row(2.0), row(2.0)).as_bytes()).unwrap();
    assert_eq!((same.runs[0].metrics.len(), same.notes.len()), (1, 0));
    let other = parse_merged(format!("{header}{}{}", row(2.0), row(2.5)).as_bytes()).unwrap();
    assert!(other.runs[0].metrics[0].kl() == 2.0 && other.notes[0].contains("two different rows"), "{:?}", other.notes);
}

#[test]
fn a_pinned_table_has_the_header_that_is_written_today() {
    let mut header = Vec::new();
    TableWriter::new(&mut header, TableColumns::of([])).unwrap().finish().unwrap();
    let pinned = include_bytes!("../../../../tests/data/merged.csv");
    assert!(pinned.starts_with(&header), "{}", String::from_utf8_lossy(&header));
}
