//! `vae-bench compare`: two runs side by side, the settings that differ, the terms that came out, and the images.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::data::DataDirArg;
use super::digits::{SheetOrder, same_digits};
use super::json::print_object;
use super::plot::Format;
use super::run_names::RunsIn;
use super::threads::pool;
use crate::error::{ExitCode, Result};
use crate::files::write_atomically;
use crate::metrics::{EpochRecord, Split};
use crate::records::{Cell, Column, Comparable, RunRecord};
use crate::report::Table;
use crate::spec::cell_text;
use crate::terminal::{print_line, print_verdicts, say, stdout_width, warn};
use crate::text::significant;
use figure::{Theme, raster};

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// A run: its directory, its name, or the beginning of its name
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// Another one
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// Where they are looked up.
    #[command(flatten)]
    pub runs: RunsIn,
    /// Also draw the same test images as both models reconstruct them, one below the other, into this file: .png, .svg or .pdf
    #[arg(long, value_name = "FILE")]
    pub images: Option<PathBuf>,
    /// Where the data is, for --images, if not where it was
    #[command(flatten)]
    pub data: DataDirArg,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Compares the two.
pub(super) fn run(args: &CompareArgs) -> Result<ExitCode> {
    let dirs = [args.runs.find(&args.a)?, args.runs.find(&args.b)?];
    let (a, b) = (RunRecord::read(&dirs[0])?, RunRecord::read(&dirs[1])?);
    let format = args.images.as_deref().map(Format::of_file).transpose()?;
    let keys: [Comparable; 2] = [a.comparable()?, b.comparable()?];
    if let Some(why) = Comparable::why_apart(&keys) {
        warn(&why);
    }
    let settings = different(&a, &b);
    let rows = [last(&a, Split::Test), last(&b, Split::Test)];
    if args.json {
        let verdict = |run: &RunRecord| run.manifest.verdict.map(|verdict| <&str>::from(verdict.headline()));
        let side = |run: &RunRecord, row: Option<&EpochRecord>| json!({ "run": run.manifest.run, "verdict": verdict(run), "final": row });
        let differing: Map<String, Value> =
            settings.iter().map(|(key, one, other)| (key.clone(), json!([one, other]))).collect();
        print_object(
            "comparison",
            json!({
                "a": side(&a, rows[0]),
                "b": side(&b, rows[1]),
                "settings": differing,
                "comparable": keys[0] == keys[1],
            }),
        );
    } else {
        tell(&a, &b, &settings, rows);
    }
    if let (Some(path), Some(format)) = (&args.images, format) {
        let sheet = || same_digits(&dirs, SheetOrder::Given(&["A", "B"]), args.data.data_dir.as_deref());
        let figure = pool(None)?.install(sheet)?;
        write_atomically(path, &format.bytes(&figure, Theme::Light, raster::SCREEN)?)?;
        let line = path.display().to_string();
        if args.json { say(&line) } else { print_line(&line) }
    }
    Ok(ExitCode::Done)
}

/// Prints the comparison for a person.
fn tell(a: &RunRecord, b: &RunRecord, settings: &[(String, Value, Value)], rows: [Option<&EpochRecord>; 2]) {
    let mut text = format!("A        {}\nB        {}\n\n", a.manifest.run, b.manifest.run);
    if settings.is_empty() {
        text.push_str("All settings are the same.\n");
    } else {
        let mut table = Table::new(["setting", "A", "B"]).left(&[0]);
        for (key, one, other) in settings {
            let shown = |value: &Value| match cell_text(value, ",") {
                none if none.is_empty() => "none".to_owned(),
                text => text,
            };
            table.row([key.clone(), shown(one), shown(other)]);
        }
        text.push_str(&table.fit(stdout_width()));
    }
    text.push('\n');
    text.push_str(&terms(rows).fit(stdout_width()));
    for (name, run) in [("A", a), ("B", b)] {
        let verdict = run.manifest.verdict.map_or("not judged yet", |verdict| verdict.headline().into());
        text.push_str(&format!("{}{name}: {verdict}\n", if name == "A" { "\nverdict  " } else { "         " }));
    }
    print_verdicts(&text);
}

/// The settings in which the two differ.
fn different(a: &RunRecord, b: &RunRecord) -> Vec<(String, Value, Value)> {
    let (one, other) = (a.settings.given(), b.settings.given());
    let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
    let cell = |of: &Map<String, Value>, key: &str| of.get(key).cloned().unwrap_or(Value::Null);
    keys.filter(|key| *key != "data-dir")
        .map(|key| (key.clone(), cell(&one, key), cell(&other, key)))
        .filter(|(_, one, other)| one != other)
        .collect()
}

fn last(run: &RunRecord, split: Split) -> Option<&EpochRecord> {
    run.metrics.iter().rfind(|row| row.split == split)
}

/// The columns of the last test rows that at least one of the two has.
fn terms(rows: [Option<&EpochRecord>; 2]) -> Table {
    let mut table = Table::new(["last test row", "A", "B", "B - A"]).left(&[0]);
    for column in Column::ALL.into_iter().filter(|column| *column != Column::Split) {
        let cells = rows.map(|row| row.map_or(Cell::Empty, |row| column.cell(row)));
        if cells.iter().all(|cell| *cell == Cell::Empty) {
            continue;
        }
        let number = |cell: Cell| match cell {
            Cell::Empty | Cell::Split(_) => None,
            Cell::Count(n) => Some(f64::from(n)),
            Cell::Number(value) => Some(value),
        };
        let [one, other] = cells.map(number);
        let shown = |value: Option<f64>| value.map_or_else(String::new, significant);
        let difference = one.zip(other).map(|(one, other)| other - one);
        table.row([column.name().to_owned(), shown(one), shown(other), shown(difference)]);
    }
    table
}
