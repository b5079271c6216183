//! `vae-bench ls`: runs and what came of them, filtered and ordered by settings and results.

use std::path::PathBuf;

use clap::Args;

use super::answers::{setting, symbol};
use super::json::print_object;
use super::list::runs;
use crate::error::{Error, ExitCode, Result};
use crate::metrics::EpochRecord;
use crate::records::Comparable;
use crate::report::Table;
use crate::spec::Settings;
use crate::sweep::{Filter, RESULTS, RunResult, by_keys, find_runs, read_results, rough, varied_settings};
use crate::terminal::{print, print_text, print_verdicts, stdout_width, warn};
use crate::text::nearest;

const HELP: &str = "\
Names for --sort and --filter: every setting (beta, latent-dim, ...) and these results: run, state, verdict, recon, kl,
neg-elbo, active-units, beta-effective, beta-sigma2, objective, code-distance, perplexity, codes-used, commitment-ratio,
seconds, started, tag, and the four judgements latents, average-image, training and objective-kind.

Examples:
  vae-bench ls --filter verdict=collapsed
  vae-bench ls results/beta-sweep/runs --filter 'beta>=1' --sort neg-elbo
  vae-bench ls --filter tag=paper --format ids";

/// Arguments of `ls`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct LsArgs {
    /// Run directories, or directories that hold them
    #[arg(value_name = "RUNS", default_value = "results/runs", env = "VAE_BENCH_OUT", hide_env = true)]
    pub runs: Vec<PathBuf>,
    /// Only runs for which this holds, such as verdict=collapsed or 'kl<1'; may be repeated, and then all must hold
    #[arg(long, value_name = "CONDITION", value_parser = str::parse::<Filter>)]
    pub filter: Vec<Filter>,
    /// Order by these settings or results, the first one first; -NAME for the largest first [default: the settings that vary]
    #[arg(long, value_name = "NAME", value_delimiter = ',', allow_hyphen_values = true)]
    pub sort: Vec<String>,
    /// How to list the runs
    #[arg(long, value_enum, default_value = "table")]
    pub format: LsFormat,
}

/// How runs are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LsFormat {
    /// columns for people
    Table,
    /// one JSON object per run
    Jsonl,
    /// one name per run
    Ids,
}

/// Lists the runs.
pub(super) fn run(args: &LsArgs) -> Result<ExitCode> {
    let sort = args.sort.iter().map(|name| order(name)).collect::<Result<Vec<_>>>()?;
    let dirs = find_runs(&super::run_names::named(&args.runs)?)?;
    let (all, notes) = read_results(dirs.iter().map(|dir| dir.path()));
    notes.iter().for_each(|note| warn(note));
    let found = all.len();
    let mut chosen: Vec<RunResult> =
        all.into_iter().filter(|run| args.filter.iter().all(|filter| filter.matches(&run.facts))).collect();
    let varied = varied_settings(chosen.iter().map(|run| &run.facts));
    chosen.sort_by(|a, b| by_keys(&varied, &a.facts, &b.facts));
    for (name, largest_first) in sort.iter().rev() {
        let key = std::slice::from_ref(name);
        chosen.sort_by(|a, b| {
            // What is missing stays last in either order.
            let is_missing = |run: &RunResult| !run.facts.contains_key(name);
            let order = by_keys(key, &a.facts, &b.facts);
            if *largest_first && !is_missing(a) && !is_missing(b) { order.reverse() } else { order }
        });
    }
    match args.format {
        LsFormat::Ids => print(chosen.iter().map(|run| format!("{}\n", run.name)).collect::<String>()),
        LsFormat::Jsonl => chosen.iter().for_each(|run| print_object("listed-run", line(run))),
        LsFormat::Table => {
            print_verdicts(&table(&chosen, &varied).fit(stdout_width()));
            let of = if chosen.len() < found { format!(" of {found}") } else { String::new() };
            print_text(&format!("\n{}{of}\n", runs(chosen.len())));
            let keys: Vec<Comparable> = chosen.iter().filter_map(|run| run.comparable.clone()).collect();
            Comparable::why_apart(&keys).iter().for_each(|why| warn(why));
        }
    }
    Ok(ExitCode::Done)
}

/// A name to order by, and whether the largest comes first.
fn order(text: &str) -> Result<(String, bool)> {
    let (name, largest_first) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    let name = name.replace('_', "-");
    let settings = Settings::names();
    let names = || settings.iter().map(String::as_str).chain(RESULTS);
    if names().any(|known| known == name) {
        return Ok((name, largest_first));
    }
    let hint = nearest(&name, names())
        .map_or_else(|| "`vae-bench ls --help` lists the names".to_owned(), |near| format!("did you mean {near}?"));
    Err(Error::Usage(format!("--sort {text}: no setting and no result is called so; {hint}")))
}

/// A run as a program reads it.
fn line(run: &RunResult) -> serde_json::Value {
    serde_json::json!({
        "run": run.name,
        "state": run.state.word(),
        "reason": run.state.reason(),
        "verdict": run.verdict,
        "final": run.last,
        "seconds": run.facts.get("seconds"),
        "tags": run.labels.tags,
        "note": run.labels.note,
        "settings": run.settings.given(),
        "dir": run.dir.path(),
    })
}

fn table(all: &[RunResult], varied: &[String]) -> Table {
    let has = |of: &dyn Fn(&RunResult) -> bool| all.iter().any(of);
    let last = |run: &RunResult, value: &dyn Fn(&EpochRecord) -> bool| run.last.as_ref().is_some_and(value);
    let (bounds, tags) =
        (has(&|run| last(run, &|row| row.neg_elbo.is_some())), has(&|run| !run.labels.tags.is_empty()));
    let codes = has(&|run| last(run, &|row| row.codes.codes_used.is_some()));
    let latents = !codes || has(&|run| last(run, &|row| row.active_units.is_some()));
    let mut header: Vec<String> = vec!["verdict".into()];
    header.extend(varied.iter().cloned());
    header.extend([format!("test {}", symbol(all)), "test K".into()]);
    header.extend(bounds.then(|| "test -ELBO".to_owned()));
    header.extend(latents.then(|| "active".to_owned()));
    header.extend(codes.then(|| ["perplexity".to_owned(), "codes used".into()]).into_iter().flatten());
    header.push("time".into());
    header.extend(tags.then(|| "tags".to_owned()));
    header.push("run".into());
    let last = header.len() - 1;
    let place = |name: &str| header.iter().position(|column| column == name);
    let optional: Vec<usize> = ["time", "active", "test -ELBO", "perplexity", "codes used", "run", "tags"]
        .into_iter()
        .filter_map(place)
        .collect();
    let left: Vec<usize> = [Some(0), place("tags"), Some(last)].into_iter().flatten().collect();
    let mut table = Table::new(header).left(&left).optional(&optional);
    for run in all {
        let number = |value: Option<f64>, digits: usize| value.map_or_else(String::new, |v| format!("{v:.digits$}"));
        let row = run.last.as_ref();
        let mut cells = vec![run.verdict.unwrap_or(run.state.word()).to_owned()];
        cells.extend(varied.iter().map(|key| setting(&run.facts, key)));
        cells.push(number(row.map(|row| row.recon()), 3));
        cells.push(number(row.map(|row| row.kl()), 4));
        cells.extend(bounds.then(|| number(row.and_then(|row| row.neg_elbo), 3)));
        let count = |value: Option<u32>| value.map_or_else(String::new, |n| n.to_string());
        cells.extend(latents.then(|| count(row.and_then(|row| row.active_units))));
        cells.extend(codes.then(|| number(row.and_then(|row| row.codes.perplexity), 2)));
        cells.extend(codes.then(|| count(row.and_then(|row| row.codes.codes_used))));
        let seconds = run.facts.get("seconds").and_then(serde_json::Value::as_f64);
        cells
            .push(seconds.and_then(|s| std::time::Duration::try_from_secs_f64(s).ok()).map_or_else(String::new, rough));
        cells.extend(tags.then(|| run.labels.tags.iter().cloned().collect::<Vec<_>>().join(" ")));
        cells.push(run.name.clone());
        table.row(cells);
    }
    table
}
