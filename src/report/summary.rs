//! The end of a run in words: a short table, the verdict with its reason, and where everything is.

use std::path::Path;

use serde_json::json;

use super::Table;
use crate::choice::Choice;
use crate::data::Binarize;
use crate::metrics::{EpochRecord, Split};
use crate::objective::{Measure, Reduction};
use crate::records::{Manifest, RunRecord, Status};
use crate::spec::RunSpec;
use crate::text::significant;
use crate::verdict::Verdict;

/// Epochs shown before the middle of a long run is left out.
const SHOWN: usize = 12;

/// Whether a line of blocks is drawn under the table: where a person looks and the terminal can show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// It is.
    Shown,
    /// It is not.
    Hidden,
}

/// The table, the verdict and the directory of a run.
pub fn run_summary(run: &RunRecord, dir: &Path, trend: Trend) -> String {
    let mut text = epoch_table(run).to_string();
    text.push('\n');
    if let (Trend::Shown, Some(line)) = (trend, trend_line(run)) {
        text.push_str(&format!("trend    {line}\n"));
    }
    if let Some(verdict) = &run.manifest.verdict {
        text.push_str(&explain_verdict(verdict, run));
        text.push('\n');
    }
    if let Some(line) = preset_line(run) {
        text.push_str(&format!("preset   {line}\n"));
    }
    text.push_str(&format!("data     {}\n", data_line(&run.manifest, run)));
    text.push_str(&format!("records  {}\n", dir.display()));
    text
}

/// Blocks of a line, from the least to the largest value.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// At most so many blocks; a longer run is shown in equal strides.
const MOST_BLOCKS: usize = 60;

/// "█▅▂▁  test -ELBO 549.3 to 105.6, epochs 1 to 10": -ELBO after every epoch, or the objective where there is none.
fn trend_line(run: &RunRecord) -> Option<String> {
    let tests = || run.metrics.iter().filter(|row| row.split == Split::Test);
    let (name, value): (_, fn(&EpochRecord) -> Option<f64>) = if tests().all(|row| row.neg_elbo.is_some()) {
        ("-ELBO", |row| row.neg_elbo)
    } else {
        ("objective", |row| Some(row.objective()))
    };
    // The untrained model is so far off that beside it all else is flat.
    let rows: Vec<(u32, f64)> = tests()
        .filter(|row| row.epoch > 0)
        .filter_map(|row| Some((row.epoch, value(row).filter(|v| v.is_finite())?)))
        .collect();
    let (first, last) = (rows.first()?, rows.last()?);
    if rows.len() < 2 {
        return None;
    }
    let line = blocks(&rows.iter().map(|(_, v)| *v).collect::<Vec<_>>());
    Some(format!(
        "{line}  test {name} {} to {}, epochs {} to {}",
        significant(first.1),
        significant(last.1),
        first.0,
        last.0
    ))
}

/// One block a value, or a value in equal strides; the last is always shown.
fn blocks(values: &[f64]) -> String {
    let stride = values.len().div_ceil(MOST_BLOCKS).max(1);
    let mut shown: Vec<f64> = values.iter().rev().step_by(stride).copied().collect();
    shown.reverse();
    let (least, most) = shown.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    let block = |v: f64| {
        // Halves: the difference of two finite numbers need not be one.
        let unit = if most > least { (v / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0) } else { 0.0 };
        BLOCKS[((unit * BLOCKS.len() as f64) as usize).min(BLOCKS.len() - 1)]
    };
    shown.into_iter().map(block).collect()
}

/// One JSON object about the end of a run.
pub fn json_summary(run: &RunRecord, dir: &Path) -> serde_json::Value {
    json!({
        "run": run.manifest.run,
        "status": run.manifest.status,
        "verdict": run.manifest.verdict,
        "objective": run.manifest.objective,
        "data": run.manifest.data.name,
        "final": run.metrics.iter().rfind(|row| row.split == Split::Test),
        "dir": dir,
    })
}

fn data_line(manifest: &Manifest, run: &RunRecord) -> String {
    let binarize = run.settings.binarize.map_or_else(String::new, |b| b.name());
    let pixels = if run.settings.binarize == Some(Binarize::None) {
        "grey pixels".to_owned()
    } else {
        format!("{binarize} binarised pixels")
    };
    let data = &manifest.data;
    format!("{}, {} training and {} test images, {pixels}", data.name.name(), data.train_images, data.test_images)
}

/// The preset of a run, and which of its settings the run departed from.
fn preset_line(run: &RunRecord) -> Option<String> {
    let name = run.settings.preset?;
    let own = RunSpec::resolve(&name.preset().settings().ok()?).ok()?.settings().cells();
    let departures: Vec<String> = own
        .into_iter()
        .zip(run.settings.cells())
        .filter(|((column, theirs), (_, ours))| !BESIDE_A_PRESET.contains(&column.as_str()) && theirs != ours)
        .map(|((column, theirs), (_, ours))| {
            let shown = |cell: String| if cell.is_empty() { "none".to_owned() } else { cell };
            format!("--{} {} (preset: {})", column.replace('_', "-"), shown(ours), shown(theirs))
        })
        .collect();
    Some(if departures.is_empty() {
        format!("{name}, as it is")
    } else {
        format!("{name}, but {}", departures.join(", "))
    })
}

/// Settings that no convention is about.
const BESIDE_A_PRESET: [&str; 6] = ["preset", "data", "train_size", "test_size", "epochs", "seed"];

/// The symbol of the reconstruction: S for squared error, which is no likelihood.
fn recon_symbol(run: &RunRecord) -> &'static str {
    if is_likelihood(run) { "R" } else { "S" }
}

fn is_likelihood(run: &RunRecord) -> bool {
    run.settings.loss.is_none_or(|loss| loss.measure() != Measure::SquaredError)
}

fn epoch_table(run: &RunRecord) -> Table {
    let symbol = recon_symbol(run);
    let nats = is_likelihood(run);
    let effective = if nats { "beta_eff" } else { "beta*sigma2" };
    let mut header = vec![
        "epoch".to_owned(),
        format!("train {symbol}"),
        "train K".into(),
        format!("test {symbol}"),
        "test K".into(),
    ];
    if nats {
        header.push("test -ELBO".into());
    }
    header.extend(["active".to_owned(), effective.to_owned()]);
    let mut table = Table::new(header);

    let epochs: Vec<u32> = run.metrics.iter().filter(|row| row.split == Split::Test).map(|row| row.epoch).collect();
    let long = epochs.len() > SHOWN;
    for (i, &epoch) in epochs.iter().enumerate() {
        if long && (4..epochs.len() - 5).contains(&i) {
            if i == 4 {
                table.row(["..."]);
            }
            continue;
        }
        let find = |split| run.metrics.iter().find(|row| row.epoch == epoch && row.split == split);
        let (train, test) = (find(Split::Train), find(Split::Test));
        let cell = |row: Option<&EpochRecord>, value: fn(&EpochRecord) -> Option<f64>, digits: usize| {
            row.and_then(value).map_or(String::new(), |v| format!("{v:.digits$}"))
        };
        let mut cells = vec![
            epoch.to_string(),
            cell(train, |r| Some(r.recon()), 3),
            cell(train, |r| Some(r.kl()), 4),
            cell(test, |r| Some(r.recon()), 3),
            cell(test, |r| Some(r.kl()), 4),
        ];
        if nats {
            cells.push(cell(test, |r| r.neg_elbo, 3));
        }
        cells.push(test.and_then(|r| r.active_units).map_or(String::new(), |n| n.to_string()));
        cells.push(
            test.and_then(|r| if nats { r.beta_effective } else { r.beta_sigma2 }).map_or(String::new(), significant),
        );
        table.row(cells);
    }
    table
}

/// The verdict on a run as a sentence, with its reason and what to do.
pub fn explain_verdict(verdict: &Verdict, run: &RunRecord) -> String {
    let symbol = recon_symbol(run);
    let weight = match (run.manifest.objective.beta_effective, run.manifest.objective.beta_sigma2) {
        (Some(beta), _) => format!("the effective beta is {}", significant(beta)),
        (None, Some(beta_sigma2)) => format!("beta*sigma^2 is {}", significant(beta_sigma2)),
        (None, None) => match run.settings.capacity {
            Some(nats) => format!("the KL is pulled to a capacity of {nats} nats"),
            None => "beta*sigma^2 follows the error".to_owned(),
        },
    };
    match verdict {
        Verdict::Collapsed { floor } => {
            let reduction = run.settings.reduction.map_or_else(String::new, |r| r.name());
            let at = floor.map_or_else(String::new, |floor| {
                format!(
                    " and test {symbol} sits at {floor:.3}, the floor of a decoder that ignores z (the average image)"
                )
            });
            let hint = if run.settings.reduction == Some(Reduction::Mean) {
                format!(
                    ": --reduction {reduction} divides the reconstruction by {} pixels and not the KL. \
                     Use --reduction sum, or divide beta by {}",
                    run.manifest.data.pixels, run.manifest.data.pixels
                )
            } else {
                ": the KL outweighs all that the latents could tell. Use a smaller --beta".to_owned()
            };
            format!(
                "verdict  COLLAPSED: the latents say nothing{at}.\n\
                 \x20        {}{hint}.",
                capitalised(&weight)
            )
        }
        Verdict::Unconverged { floor } => {
            let floor =
                floor.map_or_else(String::new, |floor| format!(" (that of the average image would be {floor:.3})"));
            format!(
                "verdict  UNTRAINED: no latent is active yet, and test {symbol} is still above any solution{floor}; train longer.\n\
                     \x20        {}.",
                capitalised(&weight)
            )
        }
        Verdict::PartlyCollapsed { active_units, latent_dim } => format!(
            "verdict  partly collapsed: {active_units} of {latent_dim} latents are active, the others carry nothing; {weight}."
        ),
        Verdict::Healthy { latent_dim } => format!("verdict  healthy: all {latent_dim} latents are active; {weight}."),
        Verdict::Diverged { epoch } => format!(
            "verdict  DIVERGED: the objective became infinite or NaN in epoch {epoch}; the last good weights are kept.\n\
             \x20        Try a smaller --lr ({}).",
            run.settings.lr.map_or_else(|| weight.clone(), |lr| format!("it was {lr}; {weight}"))
        ),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// One word for a run's status.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Interrupted => "interrupted",
        Status::Completed => "completed",
        Status::Diverged => "diverged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_fall_as_the_values_do_and_end_with_the_last() {
        assert_eq!(blocks(&[8.0, 6.0, 4.0, 2.0, 1.0, 0.0]), "█▇▅▃▂▁");
        assert_eq!(blocks(&[3.0, 3.0]), "▁▁");
        assert_eq!(blocks(&[f64::MAX, -f64::MAX]), "█▁");
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        assert!(blocks(&many).chars().count() <= MOST_BLOCKS && blocks(&many).ends_with('█'));
        assert_eq!(blocks(&[]), "");
    }
}
