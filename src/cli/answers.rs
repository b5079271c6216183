//! What came of runs as tables: one row per configuration, or one per run.

use serde_json::{Map, Value};

use crate::report::Table;
use crate::spec::cell_text;
use crate::sweep::{Configuration, RunResult, varied_settings};
use crate::text::significant;

/// Configurations that are printed; `ls` lists all runs.
const MOST: usize = 60;

/// R, K, -ELBO and verdict of each configuration with finished runs, ordered by the settings that vary: means over seeds.
pub(super) fn configurations(runs: &[RunResult], width: Option<usize>) -> Option<String> {
    let all = Configuration::of(runs);
    all.first()?;
    let varied: Vec<String> = varied_settings(all.iter().map(|one| one.facts()))
        .into_iter()
        .filter(|key| key != "seed" || runs.iter().any(|run| run.settings.test_size.is_some()))
        .collect();
    let has_seeds = all.iter().any(|one| one.runs.len() > 1);
    let has_bound = all.iter().any(|one| one.mean(|row| row.neg_elbo).is_some());
    let weighs = all.iter().any(|one| one.mean(|row| row.beta_effective).is_some());
    let ratio = all.iter().any(|one| one.mean(|row| row.codes.commitment_ratio).is_some());
    let latents = !ratio || all.iter().any(|one| one.mean(|row| row.active_units.map(f64::from)).is_some());
    let mut header: Vec<String> = varied.clone();
    header.extend(has_seeds.then(|| "seeds".to_owned()));
    header.extend(weighs.then(|| "beta_eff".to_owned()));
    header.extend(ratio.then(|| "rho".to_owned()));
    header.extend(["test ".to_owned() + symbol(runs), "test K".to_owned()]);
    header.extend(has_bound.then(|| "test -ELBO".to_owned()));
    header.extend(latents.then(|| "active".to_owned()));
    header.extend(ratio.then(|| ["perplexity".to_owned(), "codes used".into()]).into_iter().flatten());
    header.push("verdict".to_owned());
    let place = |name: &str| header.iter().position(|column| column == name);
    let optional: Vec<usize> = ["active", "beta_eff", "rho", "seeds", "test -ELBO", "perplexity", "codes used"]
        .into_iter()
        .filter_map(place)
        .collect();
    let mut table = Table::new(header.clone()).left(&[header.len() - 1]).optional(&optional);
    for one in all.iter().take(MOST) {
        let number = |value: Option<f64>, digits: usize| value.map_or_else(String::new, |v| format!("{v:.digits$}"));
        let mut cells: Vec<String> = varied.iter().map(|key| setting(one.facts(), key)).collect();
        cells.extend(has_seeds.then(|| one.runs.len().to_string()));
        let short = |value: Option<f64>| value.map_or_else(String::new, significant);
        cells.extend(weighs.then(|| short(one.mean(|row| row.beta_effective))));
        cells.extend(ratio.then(|| short(one.mean(|row| row.codes.commitment_ratio))));
        cells.push(number(one.mean(|row| Some(row.recon())), 3));
        cells.push(number(one.mean(|row| Some(row.kl())), 4));
        cells.extend(has_bound.then(|| number(one.mean(|row| row.neg_elbo), 3)));
        cells.extend(latents.then(|| short(one.mean(|row| row.active_units.map(f64::from)))));
        cells.extend(ratio.then(|| number(one.mean(|row| row.codes.perplexity), 2)));
        cells.extend(ratio.then(|| short(one.mean(|row| row.codes.codes_used.map(f64::from)))));
        cells.push(one.verdict());
        table.row(cells);
    }
    let mut text = table.fit(width);
    if all.len() > MOST {
        text.push_str(&format!("... and {} more configurations; `vae-bench ls` lists all runs\n", all.len() - MOST));
    }
    if has_seeds {
        text.push_str("(means over seeds)\n");
    }
    Some(text)
}

/// R, S for squared errors, or both.
pub(super) fn symbol(runs: &[RunResult]) -> &'static str {
    match (runs.iter().any(RunResult::is_squared_error), runs.iter().all(RunResult::is_squared_error)) {
        (true, true) => "S",
        (true, false) => "R or S",
        (false, _) => "R",
    }
}

/// A setting as a cell; a number in few digits.
pub(super) fn setting(facts: &Map<String, Value>, key: &str) -> String {
    match facts.get(key) {
        Some(Value::Number(number)) if number.is_f64() => number.as_f64().map_or_else(String::new, significant),
        Some(value) => cell_text(value, ","),
        None => String::new(),
    }
}
