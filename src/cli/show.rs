//! `vae-bench show`: one run, as it ended or as far as it is.

use std::path::PathBuf;

use clap::Args;

use super::json::print_object;
use super::run_names::RunsIn;
use crate::error::{ExitCode, Result};
use crate::records::{Labels, RunRecord};
use crate::report::run_set::{Run, repeat_command};
use crate::report::{Epochs, Trend, run_summary};
use crate::sweep::State;
use crate::terminal::{print_verdicts, stdout_width};

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A run: its directory, its name, or the beginning of its name
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Where it is looked up.
    #[command(flatten)]
    pub runs: RunsIn,
    /// One JSON object: run.json with the settings
    #[arg(long)]
    pub json: bool,
}

/// Shows the run.
pub(super) fn run(args: &ShowArgs) -> Result<ExitCode> {
    let dir = args.runs.find(&args.run)?;
    let record = RunRecord::read(&dir)?;
    let labels = Labels::read(&dir);
    let (manifest, state) = (&record.manifest, State::of(&dir));
    if args.json {
        let mut all = serde_json::to_value(manifest).unwrap_or_default();
        all["settings"] = serde_json::Value::Object(record.settings.given());
        all["tags"] = serde_json::json!(labels.tags);
        all["note"] = serde_json::json!(labels.note);
        all["dir"] = serde_json::json!(dir.path());
        print_object("run", all);
        return Ok(ExitCode::Done);
    }
    let mut text = format!("run      {}\n", manifest.run);
    text.push_str(&format!("state    {}", state.word()));
    if let Some(reason) = state.reason() {
        text.push_str(&format!(": {reason}"));
    }
    text.push_str(&format!("; begun {}, last change {}\n", manifest.started, manifest.updated));
    if !labels.tags.is_empty() {
        text.push_str(&format!("tags     {}\n", labels.tags.iter().cloned().collect::<Vec<_>>().join(", ")));
    }
    if !labels.note.is_empty() {
        text.push_str(&format!("note     {}\n", labels.note));
    }
    if let Ok(run) = Run::read(&dir) {
        text.push_str(&format!("repeat   {}\n", repeat_command(&run)));
    }
    let on = &manifest.host;
    let cpu = on.cpu.as_deref().unwrap_or(&on.arch);
    text.push_str(&format!(
        "made by  vae-bench {}, candle {}, on {cpu}, {} threads, {}\n\n",
        manifest.versions.vae_bench, manifest.versions.candle, manifest.threads, manifest.device
    ));
    text.push_str(&run_summary(&record, dir.path(), Epochs::Shown, Trend::Hidden, stdout_width()));
    print_verdicts(&text);
    Ok(ExitCode::Done)
}
