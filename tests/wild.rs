//! The survey of public loss functions in results/wild: its effective values and labels recomputed from its own columns, and
//! the runs of its conventions held against the rule.
//!
//! Reference: the weights a and b as read in the code, expressions in B (batch), D (pixels) and d (latents). Effective values
//! come from `explain`, never from the column of that name.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, Command, FromArgMatches};
use serde::Deserialize;
use vae_bench::explain::{Context, Explanation, explain};
use vae_bench::records::merged::{MergedRun, parse_merged};
use vae_bench::spec::{RunSpec, Settings};

/// A row of results/wild/survey.csv. An empty size is one that was not visible.
#[derive(Debug, Deserialize)]
struct Row {
    number: u32,
    copy_of: String,
    pixels: Option<f64>,
    latents: Option<f64>,
    batch: Option<f64>,
    pixel_range: String,
    loss: String,
    weight: String,
    a: String,
    b: String,
    convention: String,
    effective_kind: String,
    effective: Option<f64>,
    weight_is_effective: String,
    rule: String,
    depends_on_batch: String,
    slip: String,
    slip_note: String,
    flags: String,
}

/// B, D and d.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: f64,
    pixels: f64,
    latents: f64,
}

/// What stands in for a size that was not visible; two of each, as an effective value may not depend on it.
const UNKNOWN: [Sizes; 2] =
    [Sizes { batch: 128.0, pixels: 784.0, latents: 20.0 }, Sizes { batch: 50.0, pixels: 3072.0, latents: 7.0 }];

impl Row {
    fn sizes(&self, unknown: Sizes) -> Sizes {
        Sizes {
            batch: self.batch.unwrap_or(unknown.batch),
            pixels: self.pixels.unwrap_or(unknown.pixels),
            latents: self.latents.unwrap_or(unknown.latents),
        }
    }

    /// An effective value in units of pixels in [0, 1]: squared errors of pixels in [-1, 1] are four times as large.
    fn in_unit_pixels(&self, effective: f64) -> f64 {
        match (self.pixel_range.as_str(), self.loss.as_str()) {
            ("-1..1", "mse") => effective / 4.0,
            ("0..1", _) => effective,
            other => panic!("row {}: {other:?}", self.number),
        }
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/wild").join(name)
}

fn survey() -> Vec<Row> {
    csv::Reader::from_path(file("survey.csv")).unwrap().deserialize().map(Result::unwrap).collect()
}

/// The value of an expression of numbers, B, D, d, `*`, `/`, `**` and parentheses.
fn evaluate(text: &str, at: Sizes) -> f64 {
    fn atom(text: &str, at: Sizes) -> (f64, &str) {
        let (value, rest) = match text.as_bytes()[0] {
            b'(' => {
                let (value, rest) = product(&text[1..], at);
                (value, rest.strip_prefix(')').expect("a closing parenthesis"))
            }
            b'B' => (at.batch, &text[1..]),
            b'D' => (at.pixels, &text[1..]),
            b'd' => (at.latents, &text[1..]),
            _ => {
                let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
                (text[..end].parse().unwrap(), &text[end..])
            }
        };
        match rest.strip_prefix("**") {
            Some(power) => {
                let (exponent, rest) = atom(power, at);
                (value.powf(exponent), rest)
            }
            None => (value, rest),
        }
    }
    fn product(text: &str, at: Sizes) -> (f64, &str) {
        let (mut value, mut rest) = atom(text, at);
        while let Some(symbol) = rest.chars().next().filter(|c| "*/".contains(*c)) {
            let (factor, after) = atom(&rest[1..], at);
            value = if symbol == '*' { value * factor } else { value / factor };
            rest = after;
        }
        (value, rest)
    }
    let (value, rest) = product(text, at);
    assert_eq!(rest, "", "{text}");
    value
}

/// Flags as they are typed.
fn settings(flags: &str) -> Settings {
    let command = Settings::augment_args(Command::new("flags").no_binary_name(true));
    Settings::from_arg_matches(&command.get_matches_from(flags.split_whitespace())).unwrap()
}

fn explained(flags: &str, pixels: f64) -> Explanation {
    let spec = RunSpec::resolve(&settings(flags)).unwrap();
    let on = Context { pixels: pixels as usize, data_variance: f64::NAN, data: None, carry_to: None };
    explain(&spec, None, &on).unwrap()
}

fn effective(found: &Explanation, kind: &str) -> f64 {
    match kind {
        "beta" => found.beta_effective.unwrap(),
        "beta_sigma2" => found.beta_sigma2.unwrap(),
        other => panic!("{other}"),
    }
}

fn near(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-8
}

#[test]
fn every_effective_value_is_what_explain_makes_of_a_and_b_at_the_sizes_of_the_row() {
    for row in survey() {
        for unknown in UNKNOWN {
            let at = row.sizes(unknown);
            let (a, b) = (evaluate(&row.a, at), evaluate(&row.b, at));
            let found = explained(
                &format!(
                    "--loss {} --reduction sum --recon-weight {a} --kl-reduction sum --kl-weight {b} --latent-dim {} --batch-size {}",
                    row.loss, at.latents, at.batch
                ),
                at.pixels,
            );
            let recomputed = row.in_unit_pixels(effective(&found, &row.effective_kind));
            match row.effective {
                Some(stated) => assert!(near(recomputed, stated), "row {}: {recomputed}, not {stated}", row.number),
                // Without a number because a size is needed that was not visible.
                None => assert!(row.latents.is_none(), "row {}", row.number),
            }
        }
    }
}

#[test]
fn the_flags_of_every_row_have_its_effective_value_on_28_by_28_pixels() {
    for row in survey() {
        let Some(stated) = row.effective else {
            assert_eq!(row.flags, "", "row {}", row.number);
            continue;
        };
        let found = explained(&row.flags, 784.0);
        let recomputed = row.in_unit_pixels(effective(&found, &row.effective_kind));
        assert!(near(recomputed, stated), "row {}: {} is {recomputed}, not {stated}", row.number, row.flags);
        assert_eq!(row.flags.contains("symmetric"), row.pixel_range == "-1..1", "row {}", row.number);
    }
}

/// The exponents of B, D and d in an expression.
fn exponents(text: &str) -> [i32; 3] {
    let one = Sizes { batch: 64.0, pixels: 700.0, latents: 10.0 };
    let twice = [Sizes { batch: 128.0, ..one }, Sizes { pixels: 1400.0, ..one }, Sizes { latents: 20.0, ..one }];
    twice.map(|two| (evaluate(text, two) / evaluate(text, one)).log2().round() as i32)
}

#[test]
fn the_labels_of_every_row_follow_from_its_weights() {
    for row in survey() {
        let convention = match (exponents(&row.a), exponents(&row.b)) {
            ([1, 0, 0], [1, 0, 0]) => "both-batch-sum",
            ([0, 0, 0], [0, 0, 0]) => "both-per-image",
            ([0, -1, 0], [0, 0, 0]) => "recon-mean-kl-sum",
            ([0, -1, 0], [0, 0, -1]) => "recon-mean-kl-mean",
            ([0, -1, 0], [0, -1, 0]) => "both-over-pixels",
            ([0, 0, 0], [0, 0, -1]) => "recon-sum-kl-mean",
            ([1, 0, 0], [0, 0, 0 | -1]) => "recon-batch-sum-kl-not",
            ([0, -1, 0], [-1, 0, -1]) => "recon-mean-kl-over-batch-twice",
            ([0, -1, 0], [1, 0, 0]) => "recon-mean-kl-batch-sum",
            other => panic!("row {}: {other:?}", row.number),
        };
        assert_eq!(row.convention, convention, "row {}", row.number);
        let on_batch = exponents(&row.a)[0] != exponents(&row.b)[0];
        assert_eq!(row.depends_on_batch, if on_batch { "yes" } else { "no" }, "row {}", row.number);
        assert_eq!(row.slip.is_empty(), row.slip_note.is_empty(), "row {}", row.number);
        assert!(["", "kl", "sampling", "weight", "likelihood"].contains(&row.slip.as_str()), "row {}", row.number);
        let Some(value) = row.effective else {
            assert_eq!((row.rule.as_str(), row.weight_is_effective.as_str()), ("", ""), "row {}", row.number);
            continue;
        };
        // On MNIST `explain` expects a collapse above the largest eigenvalue, 32.2 for BCE and 5.117 for squared error;
        // "partly" is within a factor of about 8 below.
        let (limit, partly) = if row.loss == "bce" { (32.225, 4.0) } else { (5.117, 0.64) };
        let rule = if value > limit {
            "yes"
        } else if value >= partly {
            "partly"
        } else {
            "no"
        };
        assert_eq!(row.rule, rule, "row {}", row.number);
        let written = match row.weight.as_str() {
            "" => "",
            weight if weight.parse().is_ok_and(|w: f64| near(w, value)) => "yes",
            _ => "no",
        };
        assert_eq!(row.weight_is_effective, written, "row {}", row.number);
    }
}

#[test]
fn copies_name_the_row_that_they_copy_and_no_repository_is_named() {
    let rows = survey();
    let numbers: Vec<u32> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=rows.len() as u32).collect::<Vec<_>>());
    for row in rows.iter().filter(|row| !["", "outside"].contains(&row.copy_of.as_str())) {
        let original = &rows[row.copy_of.parse::<usize>().unwrap() - 1];
        assert_eq!(original.copy_of, "", "row {} is a copy of a copy", row.number);
        assert_eq!((&row.a, &row.b, &row.loss), (&original.a, &original.b, &original.loss), "row {}", row.number);
    }
    let text = std::fs::read_to_string(file("survey.csv")).unwrap();
    assert!(!text.contains("github") && !text.contains(".py,"), "no addresses, no paths");
}

/// What decides where a run ends: loss, range and the effective value, with ten digits.
fn key(settings: &Settings) -> String {
    let spec = RunSpec::resolve(settings).unwrap();
    let on = Context { pixels: 784, data_variance: f64::NAN, data: None, carry_to: None };
    let found = explain(&spec, None, &on).unwrap();
    let canonical = found.canonical.unwrap();
    format!("{} times {:.9e}", canonical.split(" --binarize").next().unwrap(), found.scale.unwrap())
}

/// The runs of each convention.
fn trained() -> BTreeMap<String, Vec<MergedRun>> {
    let table = parse_merged(&std::fs::read(file("conventions.csv")).unwrap()).unwrap();
    let mut runs: BTreeMap<String, Vec<MergedRun>> = BTreeMap::new();
    for run in table.runs {
        runs.entry(key(&run.settings)).or_default().push(run);
    }
    runs
}

#[test]
fn every_convention_was_trained_with_the_same_seeds_and_ends_where_the_rule_says() {
    if !file("conventions.csv").exists() {
        return support::skipped("experiments/wild.sh makes results/wild/conventions.csv");
    }
    let trained = trained();
    let mut seeds_of_all = BTreeSet::new();
    let mut wanted = BTreeSet::new();
    for row in survey().iter().filter(|row| row.effective.is_some()) {
        let key = key(&settings(&row.flags));
        let runs = trained.get(&key).unwrap_or_else(|| panic!("row {}: no run has {key}", row.number));
        let seeds: Vec<_> = runs.iter().map(|run| run.settings.seed).collect::<BTreeSet<_>>().into_iter().collect();
        seeds_of_all.insert(seeds);
        for run in runs {
            let active = run.metrics.last().unwrap().active_units.unwrap();
            match row.rule.as_str() {
                "yes" => assert_eq!(active, 0, "row {}, {}", row.number, run.name),
                "no" => assert!(active > 0, "row {}, {}", row.number, run.name),
                // Within a factor of 8 below the limit all latents may live, or few, or after a short training none.
                "partly" => {}
                other => panic!("row {}: {other}", row.number),
            }
        }
        wanted.insert(key);
    }
    assert_eq!(seeds_of_all.len(), 1, "{seeds_of_all:?}");
    assert_eq!(trained.into_keys().collect::<BTreeSet<_>>(), wanted, "no run is left over");
}
