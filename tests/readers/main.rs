//! The fuzz targets for some seconds: the seeds of `fuzz/seeds/`, the files of a real run, and changes of them that depend on
//! a fixed seed alone. `READERS=SEED,SECONDS` makes other changes for so long; `scripts/fuzz.sh` is guided by what is covered.

mod targets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use candle_core::Device;
use targets::{TARGETS, Target, tiny};
use vae_bench::metrics::EpochRecord;
use vae_bench::model::ModelName;
use vae_bench::records::merged::{RowChoice, TableWriter};
use vae_bench::records::{Host, RunDir, RunRecord};
use vae_bench::rng::{Purpose, Stream};
use vae_bench::run::{Display, Existing, Job, RunProgress, Started, execute};

/// Changed inputs for each target; a slow machine stops earlier, after [`LONGEST`].
const CHANGES: usize = 20_000;

const LONGEST: Duration = Duration::from_secs(1);

struct Silent;

impl Display for Silent {
    fn start(&mut self, _: &RunDir, _: Started) {}
    fn batch(&mut self, _: &RunProgress) {}
    fn epoch(&mut self, _: &[EpochRecord], _: u32, _: Option<f64>) {}
    fn warn(&mut self, _: &str) {}
}

/// The files of a finished run and their merged table, by the target that reads them.
fn files_of_a_run() -> BTreeMap<&'static str, Vec<(&'static str, Vec<u8>)>> {
    let out = tempfile::tempdir().unwrap();
    let (spec, data) = tiny();
    let job = Job {
        spec,
        data,
        checkpoint: vae_bench::run::FinishedCheckpoint::Keep,
        preset: None,
        out: out.path(),
        device: &Device::Cpu,
        device_name: "cpu",
        threads: 1,
        host: &Host::current(None),
        argv: &["vae-bench".to_owned()],
        existing: Existing::Keep,
    };
    let dir = execute(&job, &mut Silent, &AtomicBool::new(false)).unwrap().dir;
    let mut merged = Vec::new();
    let mut table = TableWriter::new(&mut merged, ModelName::Vae).unwrap();
    table.add(&RunRecord::read(&dir).unwrap(), RowChoice::All).unwrap();
    table.finish().unwrap();
    let read = |path: PathBuf| std::fs::read(path).unwrap();
    BTreeMap::from([
        ("checkpoint", vec![("run", read(dir.checkpoint()))]),
        ("model", vec![("run", read(dir.model()))]),
        ("manifest", vec![("run", read(dir.manifest()))]),
        ("metrics_csv", vec![("run", read(dir.metrics()))]),
        ("merged_csv", vec![("run", merged)]),
        ("run_toml", vec![("run", read(dir.config()))]),
        ("side_tables", vec![("latents", read(dir.latents())), ("timing", read(dir.timing()))]),
    ])
}

fn seed_dir(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(seed_dir(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Random numbers of one target.
struct Random(Stream);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        ((self.0.uniform() * n as f32) as usize).min(n.saturating_sub(1))
    }

    /// `input` with one to four changes: bits, bytes, pieces cut, doubled, or taken from `other`.
    fn change(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        const BYTES: &[u8] = b"\0\n\r\t \"'#,.-+=:/[]{}()<>0159eExX\x1b\x7f\x80\xff";
        let mut changed = input.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(changed.len() + 1);
            let end = at + self.below((changed.len() - at).min(40) + 1);
            match self.below(7) {
                0 if at < changed.len() => changed[at] ^= 1 << self.below(8),
                1 if at < changed.len() => changed[at] = BYTES[self.below(BYTES.len())],
                2 => changed.insert(at, BYTES[self.below(BYTES.len())]),
                3 => drop(changed.drain(at..end)),
                4 => {
                    let piece = changed[at..end].to_vec();
                    let to = self.below(changed.len() + 1);
                    changed.splice(to..to, piece);
                }
                5 => changed.truncate(at),
                _ => {
                    let from = self.below(other.len() + 1);
                    let to = from + self.below((other.len() - from).min(40) + 1);
                    changed.splice(at..end, other[from..to].iter().copied());
                }
            }
        }
        changed
    }
}

/// The seed, how many changes, and how long.
fn effort() -> (u64, usize, Duration) {
    let Ok(text) = std::env::var("READERS") else { return (0, CHANGES, LONGEST) };
    let (seed, seconds) = text.split_once(',').expect("READERS=SEED,SECONDS");
    (seed.parse().unwrap(), usize::MAX, Duration::from_secs(seconds.parse().unwrap()))
}

fn shake(index: usize, name: &str, target: Target, inputs: &[Vec<u8>]) {
    inputs.iter().for_each(|input| target(input));
    let (seed, most, longest) = effort();
    let mut random = Random(Stream::new(seed, Purpose::Subset, index as u64, 0));
    let start = Instant::now();
    let mut done = 0;
    while done < most && (done % 16 != 0 || start.elapsed() < longest) {
        let (one, other) = (&inputs[random.below(inputs.len())], &inputs[random.below(inputs.len())]);
        let changed = random.change(one, other);
        if std::panic::catch_unwind(|| target(&changed)).is_err() {
            panic!("{name} fails on {changed:?}, {}", String::from_utf8_lossy(&changed));
        }
        done += 1;
    }
    println!("{name}: {} seeds, {done} changes in {:.0} s", inputs.len(), start.elapsed().as_secs_f64());
}

#[test]
fn no_reader_panics_and_what_it_accepts_survives_being_written() {
    let of_a_run = files_of_a_run();
    for (i, (name, target)) in TARGETS.into_iter().enumerate() {
        let more = of_a_run.get(name).into_iter().flatten().map(|(_, bytes)| bytes.clone());
        let inputs: Vec<Vec<u8>> = seeds(name).into_iter().chain(more).collect();
        shake(i, name, target, &inputs);
    }
}

#[test]
#[ignore = "with VAE_BENCH_WRITE_SEEDS set, writes fuzz/seeds/ anew after a change of a file's layout"]
fn write_the_seeds_that_are_files_of_a_run() {
    // CI runs ignored tests too, and must leave the tree as it is.
    if std::env::var_os("VAE_BENCH_WRITE_SEEDS").is_none() {
        return;
    }
    // run.json names the machine; its seed was written by hand.
    for (target, files) in files_of_a_run().into_iter().filter(|(target, _)| *target != "manifest") {
        std::fs::create_dir_all(seed_dir(target)).unwrap();
        for (name, bytes) in files {
            std::fs::write(seed_dir(target).join(name), bytes).unwrap();
        }
    }
}
