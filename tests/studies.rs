//! The committed studies against today's program: one run of each, again, to the byte.
//!
//! Ignored by default, as they need MNIST: `cargo test --release --test studies -- --include-ignored` with
//! VAE_BENCH_DATA_DIR set to the directory of the four files.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::World;
use vae_bench::data::DataSource;
use vae_bench::metrics::EpochRecord;
use vae_bench::records::merged::{MergedRun, parse_merged};
use vae_bench::records::parse_metrics;

/// The merged tables under `results`, by study.
fn tables() -> BTreeMap<String, Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let entries = |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut all: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for study in entries(&root).into_iter().filter(|path| path.is_dir()) {
        let name = study.file_name().unwrap().to_string_lossy().into_owned();
        let merged = |path: &PathBuf| {
            let header = fs::read_to_string(path).unwrap_or_default();
            header.starts_with("run,status,")
        };
        let tables: Vec<PathBuf> = entries(&study).into_iter().filter(merged).collect();
        if !tables.is_empty() {
            all.insert(name, tables);
        }
    }
    all
}

/// The epochs that must be trained to reach the first rows of `run` behind the untrained model.
fn first_trained(run: &MergedRun) -> u32 {
    run.metrics.iter().map(|row| row.epoch).filter(|&epoch| epoch > 0).min().unwrap_or(u32::MAX)
}

/// The run of a study that takes the fewest epochs to compare, among those on the files of MNIST.
fn cheapest(tables: &[PathBuf]) -> MergedRun {
    let runs = tables.iter().flat_map(|path| parse_merged(&fs::read(path).unwrap()).unwrap().runs);
    let on_mnist = runs.filter(|run| matches!(run.settings.data, Some(DataSource::Known(_))));
    on_mnist.min_by_key(first_trained).unwrap()
}

/// The rows of `run`, trained again until the first epoch that the table has.
fn again(world: &World, run: &MergedRun, data_dir: &Path) -> Vec<EpochRecord> {
    let mut settings = run.settings.clone();
    // A schedule in epochs does not depend on how many there are; nothing else looks ahead.
    settings.epochs = Some(first_trained(run));
    settings.data_dir = Some(data_dir.to_owned());
    fs::write(world.path().join("run.toml"), toml::to_string(&settings).unwrap()).unwrap();
    world.vae_bench(&["--config", "run.toml", "--out", "out", "--quiet"]).expect(0);
    let rows = parse_metrics(world.read("metrics.csv").as_bytes()).unwrap();
    fs::remove_dir_all(world.out()).unwrap();
    rows
}

#[test]
#[ignore = "needs MNIST: set VAE_BENCH_DATA_DIR"]
fn one_run_of_every_committed_study_repeats_to_the_byte() {
    let data_dir = PathBuf::from(std::env::var_os("VAE_BENCH_DATA_DIR").expect("set VAE_BENCH_DATA_DIR"));
    let studies = tables();
    for needed in [
        "scaling-mismatch",
        "beta-sweep",
        "latent-dim",
        "free-bits",
        "conventions",
        "claims",
        "linear-vae",
        "vq",
        "constraints",
    ] {
        assert!(studies.contains_key(needed), "results/{needed} has no merged table");
    }
    let world = World::new();
    for (study, tables) in studies {
        let run = cheapest(&tables);
        let rows = again(&world, &run, &data_dir);
        let mut compared = 0;
        for committed in &run.metrics {
            if let Some(row) = rows.iter().find(|row| (row.epoch, row.split) == (committed.epoch, committed.split)) {
                assert_eq!(row, committed, "results/{study}, run {}", run.name);
                compared += 1;
            }
        }
        assert!(compared >= 2, "results/{study}, run {}: the rows of one epoch", run.name);
    }
}
