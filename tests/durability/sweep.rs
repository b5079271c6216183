//! A sweep of two runs, disturbed at each operation on a file: its plan, its runs, the table that is merged from them.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use candle_core::Device;
use vae_bench::data::DataSource;
use vae_bench::data::idx::{IdxFile, Kind};
use vae_bench::error::{Error, Result};
use vae_bench::files::{Disk, Watch};
use vae_bench::records::Host;
use vae_bench::records::merged::RowChoice;
use vae_bench::run::{RunProgress, Started};
use vae_bench::spec::Settings;
use vae_bench::sweep::{
    DatasetCache, Definition, OnFailure, Overrides, Plan, Planned, Rows, RunOutcome, Runner, Watcher, find_runs, merge,
    missing, plans_in,
};

use crate::lab::{EPOCHS, Fault, Script, all, litter, plain, scratch, watched};

struct Silent;

impl Watcher for Silent {
    fn began(&self, _: usize, _: &Planned, _: Started) {}
    fn progress(&self, _: usize, _: &Planned, _: &RunProgress) {}
    fn ended(&self, _: usize, _: &Planned, _: &RunOutcome, _: Duration) {}
    fn waiting(&self, _: usize, _: &str) {}
    fn warn(&self, _: &str) {}
}

/// The four IDX files of a tiny data set.
fn data() -> &'static Path {
    static DATA: OnceLock<tempfile::TempDir> = OnceLock::new();
    DATA.get_or_init(|| {
        let dir = scratch();
        for (name, count) in [("train", 20), ("t10k", 6)] {
            let pixels: Vec<u8> = (0..count * 9).map(|i| (i * 37 % 251) as u8).collect();
            let images = IdxFile::build(Kind::Images, &[count, 3, 3], &pixels);
            let labels = IdxFile::build(Kind::Labels, &[count], &vec![1; count]);
            std::fs::write(dir.path().join(format!("{name}-images-idx3-ubyte")), images.bytes()).unwrap();
            std::fs::write(dir.path().join(format!("{name}-labels-idx1-ubyte")), labels.bytes()).unwrap();
        }
        dir
    })
    .path()
}

/// `vae-bench sweep --grid seed=1..2`, one run after the other, on `disk`.
fn sweep(disk: &Disk, out: &Path) -> Result<()> {
    let mut definition = Definition::default();
    definition.add_typed("seed=1..2")?;
    let flags = Settings {
        data: Some(DataSource::Idx),
        data_dir: Some(data().to_owned()),
        hidden: Some("4".parse().unwrap()),
        latent_dim: Some(2.try_into().unwrap()),
        batch_size: Some(8.try_into().unwrap()),
        epochs: Some(EPOCHS),
        ..Settings::default()
    };
    let datasets = DatasetCache::default();
    let plan = Plan::make(None, &definition, &Overrides { flags, ..Overrides::default() }, &datasets)?;
    plan.write(disk, out)?;
    let readers = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let runner = Runner {
        checkpoint: vae_bench::run::FinishedCheckpoint::Keep,
        datasets: &datasets,
        readers: &readers,
        disk,
        out,
        device: &Device::Cpu,
        device_name: "cpu",
        host: &Host::current(None),
        argv: &["vae-bench".to_owned()],
        jobs: 1,
        threads: 1,
        on_failure: OnFailure::GoOn,
    };
    let outcomes = runner.work(&plan.runs.iter().collect::<Vec<_>>(), &Silent, &AtomicBool::new(false))?;
    for (run, outcome) in outcomes {
        match outcome {
            RunOutcome::Done(_) => {}
            RunOutcome::Saved => return Err(Error::Run(format!("{}: saved", run.id))),
            RunOutcome::Failed(why) | RunOutcome::DataFailed(why) => {
                assert_eq!(why.lines().count(), 1, "{why}");
                return Err(Error::Run(why));
            }
        }
    }
    Ok(())
}

/// The table of all rows of the runs in `out`.
fn table(out: &Path) -> Result<Vec<u8>> {
    let mut table = Vec::new();
    let merged = merge(&find_runs(&[out.to_owned()])?, Rows::Each(RowChoice::All), &mut table)?;
    assert!(merged.damaged == 0 && merged.notes.is_empty(), "{:?}", merged.notes);
    Ok(table)
}

fn undisturbed() -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let out = scratch();
        sweep(&plain(), out.path()).unwrap();
        table(out.path()).unwrap()
    })
}

/// Does the sweep once more, undisturbed; what is wrong with what it leaves, if anything is.
fn whole_after_restart(out: &Path) -> Result<(), String> {
    sweep(&plain(), out).map_err(|e| format!("the next start fails: {e}"))?;
    if table(out).map_err(|e| e.to_string())? != undisturbed() {
        return Err("another table".to_owned());
    }
    let plans = plans_in(out).map_err(|e| e.to_string())?;
    if plans.len() != 1 || plans[0].runs.len() != 2 {
        return Err(format!("{} plans", plans.len()));
    }
    let runs = find_runs(&[out.to_owned()]).map_err(|e| e.to_string())?;
    let missing = missing(&[out.to_owned()], &runs).map_err(|e| e.to_string())?;
    if !missing.is_empty() {
        return Err(format!("missing: {missing:?}"));
    }
    let left: Vec<String> = runs.iter().flat_map(litter).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:?}")) }
}

#[test]
fn a_sweep_disturbed_at_any_operation_ends_with_the_same_table() {
    let script = Arc::new(Script::default());
    let out = scratch();
    sweep(&Disk::watched(Arc::clone(&script) as Arc<dyn Watch>), out.path()).unwrap();
    let operations = script.kept.lock().unwrap().len();
    assert!(operations > 100, "{operations}");
    let faults = [Fault::Kill, Fault::HalfWrite].into_iter();
    let once = [Fault::ENOSPC, Fault::EIO, Fault::EROFS].map(Fault::Once);
    let for_good = [Fault::ENOSPC, Fault::EIO, Fault::EROFS].map(Fault::FromThenOn);
    for fault in faults.chain(once).chain(for_good) {
        let (mut schedules, mut exceptions) = (0, Vec::new());
        for at in (0..operations).step_by(if all() { 1 } else { 17 }) {
            let out = scratch();
            let _ = sweep(&watched(Script::new(at, fault)), out.path());
            schedules += 1;
            exceptions.extend(whole_after_restart(out.path()).err().map(|why| format!("{at}: {why}")));
        }
        println!("sweep, {fault:?}: {schedules} schedules, {} exceptions", exceptions.len());
        assert!(exceptions.is_empty(), "{fault:?}: {exceptions:#?}");
    }
}
