//! `vae-bench plot` and `vae-bench report`: pictures and a page of many runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rayon::prelude::*;

use super::args::{Inputs, PlotArgs, ReportArgs};
use super::trained::Subject;
use super::{pool, print, stop_on_signals};
use crate::error::{Error, ExitCode, Result};
use crate::files::write_atomically;
use crate::records::RunDir;
use crate::report::page::{Refresh, page};
use crate::report::plots::{Kind, Plot, Plots, draw};
use crate::report::run_set::{Run, RunSet, series};
use crate::report::sheets::side_by_side;
use crate::sweep::find_runs;
use crate::text::significant;
use figure::svg::{SvgTarget, svg};
use figure::{Theme, raster};

/// What `--kind` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    /// learning curves: R, K, -ELBO, train and test, both ledgers
    Curves,
    /// K against R, coloured by effective beta, presets labelled
    RateDistortion,
    /// final R, K and -ELBO against beta, by reduction, with the spread over seeds
    Terms,
    /// K of every latent, sorted, with the active ones
    Latents,
    /// R and K beside the floors of a collapsed model and of the pixels' entropy
    Floors,
    /// the same test digits through every run (reads models and data; asked for alone)
    Digits,
}

/// Seconds between two looks of `--watch`.
const WATCH_SECONDS: u32 = 3;

/// More models than this make no sheet that one can look at.
const MOST_MODELS: usize = 12;

/// Draws the plots.
pub(super) fn plot(args: &PlotArgs) -> Result<ExitCode> {
    let kinds: Vec<Picture> = if args.kind.is_empty() {
        Picture::value_variants().iter().copied().filter(|k| *k != Picture::Digits).collect()
    } else {
        args.kind.clone()
    };
    std::fs::create_dir_all(&args.out).map_err(|e| Error::output(&args.out, "create", e))?;
    pool(None)?.install(|| {
        repeat(args.inputs.watch, |_| {
            let (dirs, tables) = args.inputs.sort()?;
            let mut drawn = Plots::default();
            if kinds.iter().any(|kind| kind.plot_kind().is_some()) {
                let set = RunSet::read(&dirs, &tables)?;
                drawn.notes.extend(set.notes.iter().cloned());
                for kind in kinds.iter().filter_map(|kind| kind.plot_kind()) {
                    let Plots { plots, notes } = draw(kind, &set);
                    drawn.plots.extend(plots);
                    drawn.notes.extend(notes);
                }
            }
            if kinds.contains(&Picture::Digits) {
                drawn.plots.push(digits(&dirs, args.data.data_dir.as_deref())?);
            }
            if drawn.plots.is_empty() {
                return Err(Error::Run(format!("nothing could be drawn: {}", drawn.notes.join("; "))));
            }
            let files: Vec<(PathBuf, Vec<u8>)> = drawn
                .plots
                .par_iter()
                .map(|plot| files_of(plot, &args.out, args.theme))
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .flatten()
                .collect();
            Ok(Made { files, notes: drawn.notes })
        })
    })
}

/// Writes the page.
pub(super) fn report(args: &ReportArgs) -> Result<ExitCode> {
    pool(None)?.install(|| {
        repeat(args.inputs.watch, |refresh| {
            let (dirs, tables) = args.inputs.sort()?;
            let set = RunSet::read(&dirs, &tables)?;
            let files = vec![(args.out.clone(), page(&set, refresh).into_bytes())];
            Ok(Made { files, notes: set.notes })
        })
    })
}

impl Picture {
    /// The plot that is made from records alone.
    fn plot_kind(self) -> Option<Kind> {
        match self {
            Picture::Curves => Some(Kind::Curves),
            Picture::RateDistortion => Some(Kind::RateDistortion),
            Picture::Terms => Some(Kind::Terms),
            Picture::Latents => Some(Kind::Latents),
            Picture::Floors => Some(Kind::Floors),
            Picture::Digits => None,
        }
    }
}

impl Inputs {
    /// Run directories, and files, which are merged tables.
    fn sort(&self) -> Result<(Vec<RunDir>, Vec<PathBuf>)> {
        let (tables, dirs): (Vec<PathBuf>, Vec<PathBuf>) = self.runs.iter().cloned().partition(|path| path.is_file());
        let dirs = if dirs.is_empty() { Vec::new() } else { find_runs(&dirs)? };
        Ok((dirs, tables))
    }
}

/// What one look at the runs gives.
struct Made {
    files: Vec<(PathBuf, Vec<u8>)>,
    notes: Vec<String>,
}

/// Makes and writes once, or again and again until Ctrl-C.
fn repeat(watch: bool, make: impl Fn(Refresh) -> Result<Made>) -> Result<ExitCode> {
    if !watch {
        let made = make(Refresh::Never)?;
        made.notes.iter().for_each(|note| eprintln!("warning: {note}"));
        for (path, bytes) in &made.files {
            write_atomically(path, bytes)?;
            print(format!("{}\n", path.display()).as_bytes());
        }
        return Ok(ExitCode::Done);
    }
    let stop = stop_on_signals()?;
    let mut said = Vec::new();
    let mut say = |text: String| {
        if !said.contains(&text) {
            eprintln!("{text}");
            said.push(text);
        }
    };
    say(format!("watching; looks again every {WATCH_SECONDS} s, Ctrl-C ends it"));
    loop {
        let last = stop.load(Ordering::Relaxed);
        match make(if last { Refresh::Never } else { Refresh::Every(WATCH_SECONDS) }) {
            Ok(made) => {
                made.notes.iter().for_each(|note| say(format!("warning: {note}")));
                for (path, bytes) in &made.files {
                    if std::fs::read(path).ok().as_ref() != Some(bytes) {
                        write_atomically(path, bytes)?;
                        print(format!("{}\n", path.display()).as_bytes());
                    }
                }
            }
            // Runs that are just being written, or not there yet: there will be another look.
            Err(why) => say(format!("waiting: {why}")),
        }
        if last {
            return Ok(ExitCode::Done);
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(WATCH_SECONDS.into()) && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn files_of(plot: &Plot, out: &Path, theme: Theme) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let path = |extension: &str| out.join(format!("{}.{extension}", plot.name));
    let text = svg(&plot.figure, SvgTarget::File(theme)).into_bytes();
    Ok(vec![(path("svg"), text), (path("png"), raster::png(&plot.figure, theme)?)])
}

/// The same digits through every run.
fn digits(dirs: &[RunDir], data_dir: Option<&Path>) -> Result<Plot> {
    if dirs.is_empty() {
        return Err(Error::Run(
            "--kind digits decodes images: it needs run directories, a merged table has no models".into(),
        ));
    }
    if dirs.len() > MOST_MODELS {
        return Err(Error::Usage(format!(
            "--kind digits: {} runs make no sheet that one can look at; name at most {MOST_MODELS}",
            dirs.len()
        )));
    }
    let subjects = dirs.iter().map(|dir| Subject::read(dir, data_dir)).collect::<Result<Vec<_>>>()?;
    for pair in subjects.windows(2) {
        let sees = |s: &Subject| (s.record.manifest.data.files.clone(), s.spec.data().pixels, s.spec.data().test_size);
        if sees(&pair[0]) != sees(&pair[1]) {
            return Err(Error::Run(format!(
                "{} and {} were tested on other images; name runs of the same data, binarisation and --test-size",
                pair[0].record.manifest.run, pair[1].record.manifest.run
            )));
        }
    }
    let set = RunSet::read(dirs, &[])?;
    let runs: Vec<&Run> = set.runs.iter().collect();
    let series = series(&runs);
    let words = |subject: &Subject| {
        let name = &subject.record.manifest.run;
        let run = set.runs.iter().find(|run| run.name == *name);
        let one = series.iter().find(|s| s.runs.iter().any(|run| run.name == *name));
        let mut lines = vec![one.map_or_else(|| name.clone(), |s| s.label.clone())];
        if let (Some(s), Some(run)) = (one.filter(|s| s.runs.len() > 1), run) {
            lines[0] = format!("{}, {}", s.label, run.seed());
        }
        if let Some(weight) = run.and_then(Run::effective_weight) {
            lines.push(format!("{} = {}", weight.symbol(), significant(weight.value())));
        }
        if let Some((run, row)) = run.and_then(|run| Some((run, run.last()?))) {
            lines.push(format!("{} {:.1}, K {:.1}", run.recon_unit().symbol(), row.recon, row.kl));
        }
        lines
    };
    let mut models: Vec<_> = subjects.iter().map(|s| (s.trained(), words(s))).collect();
    // From the weakest KL to the strongest.
    let weight = |name: &str| {
        set.runs.iter().find(|r| r.name == name).and_then(Run::effective_weight).map_or(0.0, |w| w.value())
    };
    let names: Vec<String> = subjects.iter().map(|s| s.record.manifest.run.clone()).collect();
    let mut order: Vec<usize> = (0..models.len()).collect();
    order.sort_by(|&a, &b| weight(&names[a]).total_cmp(&weight(&names[b])));
    models = order.iter().map(|&i| models[i].clone()).collect();
    let figure = side_by_side(&models)?.ok_or_else(|| Error::Run("no run to decode with".into()))?;
    Ok(Plot { name: "digits".into(), figure })
}
