//! The end of a run in words: a short table, the verdict with its reason, and where everything is.

use std::path::Path;

use serde_json::json;

use super::Table;
use crate::choice::Choice;
use crate::data::{Binarize, DatasetName};
use crate::metrics::{EpochRecord, Split};
use crate::model::ModelName;
use crate::objective::{EffectiveWeight, Measure};
use crate::records::{Manifest, RunRecord, SCHEMA, Status};
use crate::spec::RunSpec;
use crate::text::significant;
use crate::verdict::{
    AverageImageJudgement, CodebookVerdict, CodesJudgement, Headline, LatentsJudgement, ObjectiveJudgement,
    TrainingJudgement, Verdict,
};

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

/// Whether the epochs are in the summary: not where the same reader has just seen a line for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epochs {
    /// As a table.
    Shown,
    /// They are not.
    Hidden,
}

/// The table, the verdict and the directory of a run, for lines of `width` characters.
pub fn run_summary(run: &RunRecord, dir: &Path, epochs: Epochs, trend: Trend, width: Option<usize>) -> String {
    let mut text = match epochs {
        Epochs::Shown => epoch_table(run).fit(width) + "\n",
        Epochs::Hidden => String::new(),
    };
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
    text.push_str(&format!("records  {}\n", dir.display()));
    text.push_str(&format!("data     {}\n", data_line(&run.manifest, run)));
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
        "type": "run",
        "schema": SCHEMA,
        "run": run.manifest.run,
        "status": run.manifest.status,
        "verdict": run.manifest.verdict,
        "objective": run.manifest.objective,
        "data": run.manifest.data,
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
    let name = match data.name {
        DatasetName::Synthetic => "SYNTHETIC digits, not MNIST",
        DatasetName::Known(_) | DatasetName::Idx(_) => data.name.name(),
    };
    format!("{name}, {} training and {} test images, {pixels}", data.train_images, data.test_images)
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

/// Whether the rows have bits per dimension.
fn has_bits(run: &RunRecord) -> bool {
    run.metrics.iter().any(|row| row.bits_per_dim.is_some())
}

/// What a table shows of a row in the columns of one family.
type RowCell = (String, Split, fn(&EpochRecord) -> Option<f64>, usize);

fn epoch_table(run: &RunRecord) -> Table {
    match run.settings.chosen_model() {
        ModelName::Vae => vae_table(run),
        ModelName::VqVae => vq_vae_table(run),
    }
}

/// The epochs that are shown; none where a long run's middle is left out.
fn shown_epochs(run: &RunRecord) -> Vec<Option<u32>> {
    let epochs: Vec<u32> = run.metrics.iter().filter(|row| row.split == Split::Test).map(|row| row.epoch).collect();
    match epochs.len() > SHOWN {
        false => epochs.into_iter().map(Some).collect(),
        true => {
            let (first, last) = (&epochs[..4], &epochs[epochs.len() - 5..]);
            first.iter().copied().map(Some).chain([None]).chain(last.iter().copied().map(Some)).collect()
        }
    }
}

fn vq_vae_table(run: &RunRecord) -> Table {
    let symbol = recon_symbol(run);
    let mut cells: Vec<RowCell> = vec![
        (format!("train {symbol}"), Split::Train, |r| Some(r.recon()), 3),
        ("train C".into(), Split::Train, EpochRecord::code_distance, 4),
        (format!("test {symbol}"), Split::Test, |r| Some(r.recon()), 3),
        ("test C".into(), Split::Test, EpochRecord::code_distance, 4),
    ];
    if is_likelihood(run) {
        cells.push(("test -ELBO".into(), Split::Test, |r| r.neg_elbo, 3));
    }
    if has_bits(run) {
        cells.push(("bits/dim".into(), Split::Test, |r| r.bits_per_dim, 4));
    }
    cells.push(("perplexity".into(), Split::Test, |r| r.codes.perplexity, 2));
    cells.push(("codes used".into(), Split::Test, |r| r.codes.codes_used.map(f64::from), 0));
    let header = ["epoch".to_owned()].into_iter().chain(cells.iter().map(|cell| cell.0.clone()));
    // Training numbers first, as for a VAE: C of codes that run away is long.
    let mut table = Table::new(header).optional(&[2, 1]);
    for epoch in shown_epochs(run) {
        let Some(epoch) = epoch else {
            table.row(["..."]);
            continue;
        };
        let find = |split| run.metrics.iter().find(|row| row.epoch == epoch && row.split == split);
        let cell = |(_, split, value, digits): &RowCell| {
            find(*split).and_then(value).map_or_else(String::new, |v| format!("{v:.digits$}"))
        };
        table.row([epoch.to_string()].into_iter().chain(cells.iter().map(cell)));
    }
    table
}

fn vae_table(run: &RunRecord) -> Table {
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
    let columns = header.len();
    let bits = has_bits(run);
    header.extend(bits.then(|| "bits/dim".to_owned()));
    // Training numbers first: they are those of moving weights.
    let mut table = Table::new(header).optional(&[2, 1, columns - 1, columns - 2]);

    for epoch in shown_epochs(run) {
        let Some(epoch) = epoch else {
            table.row(["..."]);
            continue;
        };
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
        if bits {
            cells.push(cell(test, |r| r.bits_per_dim, 4));
        }
        table.row(cells);
    }
    table
}

/// The verdict on a run: a line for each judgement, the word of the judgement first.
pub fn explain_verdict(verdict: &Verdict, run: &RunRecord) -> String {
    let lines = [
        ("verdict", verdict.codebook.map_or_else(|| latents_line(verdict), |book| codes_line(&book, run))),
        ("", average_image_line(verdict, run)),
        ("", training_line(verdict, run)),
        ("", objective_line(verdict, run)),
    ];
    lines.map(|(name, line)| format!("{name:<8} {line}")).join("\n")
}

/// The word of a judgement, wide enough for all of them.
fn word(judgement: impl Into<&'static str>) -> String {
    format!("{:<22}", judgement.into())
}

fn latents_line(verdict: &Verdict) -> String {
    let (d, active) = (verdict.latent_dim, verdict.active_units.unwrap_or(0));
    let says = match (verdict.latents, verdict.headline()) {
        (LatentsJudgement::AllActive, _) => {
            format!("all {d} latents vary with the image (variance of their mean above 0.01)")
        }
        (LatentsJudgement::SomeActive, _) => {
            format!("{active} of {d} latents vary with the image (variance of their mean above 0.01)")
        }
        (LatentsJudgement::NoneActive, Headline::Collapsed) => {
            format!("COLLAPSED: none of {d} latents varies with the image, and the decoder draws the average image")
        }
        (LatentsJudgement::NoneActive, _) => format!("none of {d} latents varies with the image"),
        (LatentsJudgement::NotJudged, _) => "the latents were not measured".to_owned(),
    };
    word(verdict.latents) + &says
}

fn codes_line(book: &CodebookVerdict, run: &RunRecord) -> String {
    let CodebookVerdict { codes, used, size } = *book;
    let used = used.unwrap_or(0);
    let last = run.metrics.iter().rfind(|row| row.split == Split::Test);
    let perplexity = last.and_then(|row| row.codes.perplexity).map_or_else(|| "?".to_owned(), significant);
    let rate = last.map_or(f64::NAN, EpochRecord::kl);
    let says = match codes {
        CodesJudgement::AllUsed => {
            format!(
                "all {size} entries are used, perplexity {perplexity}; the rate N ln K is {} nats",
                significant(rate)
            )
        }
        CodesJudgement::DeadCodes => format!(
            "{used} of {size} entries are used, perplexity {perplexity}; the rate N ln K is {} nats",
            significant(rate)
        ),
        CodesJudgement::OneCode => format!("COLLAPSED: one of {size} entries is used, so the code says nothing"),
        CodesJudgement::NotJudged => "the codes were not measured".to_owned(),
    };
    word(codes) + &says
}

fn average_image_line(verdict: &Verdict, run: &RunRecord) -> String {
    let symbol = recon_symbol(run);
    let last = run.metrics.iter().rfind(|row| row.split == Split::Test);
    let (recon, bound) = (last.map(EpochRecord::recon), last.and_then(|row| row.neg_elbo));
    let shown = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |v| format!("{v:.3}"));
    let (recon, bound, floor) = (shown(recon), shown(bound), shown(verdict.floor));
    let says = match verdict.average_image {
        AverageImageJudgement::ReconAndBoundBelow => {
            format!("test {symbol} {recon} and {symbol} + K {bound} are below the average image's {floor}")
        }
        AverageImageJudgement::ReconBelow => format!("test {symbol} {recon} is below the average image's {floor}"),
        AverageImageJudgement::BoundAbove => format!(
            "test {symbol} {recon} is below the average image's {floor}, and {symbol} + K {bound} above it: as a bound, worse \
             than a model that ignores z"
        ),
        AverageImageJudgement::At => {
            format!("test {symbol} {recon} is that of the average image, {floor}, within 2%")
        }
        AverageImageJudgement::Above => {
            format!("test {symbol} {recon} is above the average image's {floor}: worse than a model that ignores z")
        }
        AverageImageJudgement::NotJudged => "no average image to hold it against under this loss".to_owned(),
    };
    word(verdict.average_image) + &says
}

fn training_line(verdict: &Verdict, run: &RunRecord) -> String {
    let says = match verdict.training {
        TrainingJudgement::Untrained => "no epoch was trained".to_owned(),
        TrainingJudgement::StillFalling => {
            "the last epoch lowered the test objective by more than 0.5% of its whole fall: train longer".to_owned()
        }
        TrainingJudgement::Settled => {
            "the last epoch changed the test objective by less than 0.5% of its whole fall".to_owned()
        }
        TrainingJudgement::Overfitting => {
            "the test objective is above its least value by more than 0.5% of its whole fall".to_owned()
        }
        TrainingJudgement::Diverged => format!(
            "DIVERGED: the objective became infinite or NaN in epoch {}; the last good weights are kept. Try a smaller --lr{}",
            verdict.diverged_in.unwrap_or(0),
            run.settings.lr.map_or_else(String::new, |lr| format!(" (it was {lr})"))
        ),
        TrainingJudgement::Unstable => {
            "the distance C of the codes from their entries grew tenfold and grows: try a larger --commitment-cost"
                .to_owned()
        }
        TrainingJudgement::NotJudged => {
            "one epoch alone, or an objective that changes with a schedule or a weight that is found".to_owned()
        }
    };
    word(verdict.training) + &says
}

fn objective_line(verdict: &Verdict, run: &RunRecord) -> String {
    let facts = &run.manifest.objective;
    let weight = EffectiveWeight::of(facts.beta_effective, facts.beta_sigma2);
    let weight = weight.map(|weight| format!("{} is {}", weight.ascii_symbol(), significant(weight.value())));
    let says = match (verdict.objective, weight) {
        (ObjectiveJudgement::Elbo, _) => "the effective beta is 1".to_owned(),
        (ObjectiveJudgement::Constrained, _) => match (run.settings.capacity, run.settings.free_bits) {
            (Some(nats), _) => format!("K is pulled to a capacity of {nats} nats"),
            (None, Some(free)) => format!("K is weighed after free bits {free}"),
            (None, None) => "K is not weighed as it is".to_owned(),
        },
        (ObjectiveJudgement::Controlled, _) => controlled(run),
        (ObjectiveJudgement::OtherNoise, _) => {
            "z is drawn with other noise than that of q: R + K bounds nothing, and no -ELBO is given".to_owned()
        }
        (ObjectiveJudgement::CodeTerms | ObjectiveJudgement::NoLikelihood, None)
            if facts.commitment_ratio.is_some() =>
        {
            let bound = match verdict.objective {
                ObjectiveJudgement::CodeTerms => "; R + N ln K is the bound, and the two terms are no part of it",
                _ => "",
            };
            format!(
                "the commitment ratio w_cm / a is {}{bound}",
                facts.commitment_ratio.map_or_else(String::new, significant)
            )
        }
        (ObjectiveJudgement::CodeTerms, _) => "R + N ln K is the bound".to_owned(),
        (ObjectiveJudgement::BetaElbo | ObjectiveJudgement::NoLikelihood, Some(weight)) => weight,
        (ObjectiveJudgement::BetaElbo | ObjectiveJudgement::NoLikelihood, None) => {
            "beta*sigma^2 follows the error".to_owned()
        }
    };
    let cause = match verdict.headline() {
        Headline::Collapsed => collapse_hint(run),
        Headline::Diverged
        | Headline::Untrained
        | Headline::NoneActive
        | Headline::SomeActive
        | Headline::AllActive
        | Headline::Unstable
        | Headline::DeadCodes
        | Headline::AllCodes => String::new(),
        Headline::OneCode => "; try --codebook-update ema, --codebook-init k-means or --restart-dead 1".to_owned(),
    };
    format!("{}{says}{cause}", word(verdict.objective))
}

/// What GECO or ControlVAE held, and the weight that it found.
fn controlled(run: &RunRecord) -> String {
    let last = run.metrics.iter().rfind(|row| row.split == Split::Test).and_then(|row| row.multiplier);
    let last = last.map_or_else(String::new, significant);
    match (run.settings.geco_tolerance, run.settings.target_kl) {
        (Some(tolerance), _) => {
            format!("lambda was {last} at the end, for a tolerance of {tolerance} on the loss as it is reduced")
        }
        (None, Some(nats)) => {
            format!("beta was {last} at the end, for a target of {nats} nats on the KL as it is reduced")
        }
        (None, None) => format!("the weight was {last} at the end"),
    }
}

/// What to write instead of an objective that collapsed: the command of which it is the multiple that a beta of 1 is not.
fn collapse_hint(run: &RunRecord) -> String {
    match (run.manifest.objective.beta_effective, run.settings.beta) {
        (Some(effective), Some(beta)) if effective > 1.0 => format!(
            "; for beta 1 write --beta {} here, or --reduction sum --beta 1",
            significant(beta.get() / effective)
        ),
        (None, Some(_)) => "; try a smaller --beta, or --loss gaussian-learned --reduction sum".to_owned(),
        (_, _) if run.settings.geco_tolerance.is_some() => {
            "; the average image meets the tolerance: write a smaller one, or the sum that it was meant for".to_owned()
        }
        (_, _) => "; try a smaller --beta".to_owned(),
    }
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
