//! Every reader of foreign bytes as a function of bytes: it may refuse, in one line, and must not panic; what it accepts
//! must survive being written and read again. `fuzz/` calls these for hours, `main.rs` for seconds.

use std::path::Path;
use std::sync::OnceLock;

use candle_core::Device;
use candle_nn::Optimizer as _;
use clap::{Args, FromArgMatches, Parser};
use vae_bench::cli::Cli;
use vae_bench::data::idx::{IdxFile, Kind};
use vae_bench::data::{DataSource, Dataset, DatasetName, Images, PixelStats};
use vae_bench::engine::Backend;
use vae_bench::metrics::EpochRecord;
use vae_bench::model::{Model, Start, Vae};
use vae_bench::optimizer::Optimizer;
use vae_bench::records::merged::parse_merged;
use vae_bench::records::{
    Column, Manifest, latents_table, metrics_header, metrics_rows, parse_latents, parse_metrics, parse_timing,
    timing_row,
};
use vae_bench::run::{parse_model, read_checkpoint, seal_checkpoint};
use vae_bench::spec::{RunSpec, Settings};
use vae_bench::sweep::{Definition, Filter, Overrides, Shard, ShardChoice, parse_plan};
use vae_bench::train::{ResumePoint, State, Task};

/// A reader's target.
pub type Target = fn(&[u8]);

/// All of them by name; each has seeds in `fuzz/seeds/NAME/`.
pub const TARGETS: [(&str, Target); 14] = [
    ("idx", idx),
    ("idx_gz", idx_gz),
    ("run_toml", run_toml),
    ("sweep_toml", sweep_toml),
    ("axis", axis),
    ("filter", filter),
    ("shard", shard),
    ("command_line", command_line),
    ("metrics_csv", metrics_csv),
    ("merged_csv", merged_csv),
    ("side_tables", side_tables),
    ("manifest", manifest),
    ("checkpoint", checkpoint),
    ("model", model),
];

/// Sweeps of more runs are parsed and not resolved: that takes milliseconds for thousands of runs.
const MOST_RUNS: usize = 60;

fn one_line(why: &str) {
    assert!(!why.trim().is_empty() && !why.contains('\n'), "{why:?}");
}

/// An IDX file: its header is believed only where the content is as long as it says, and it is written as it was read.
pub fn idx(bytes: &[u8]) {
    for kind in [Kind::Images, Kind::Labels] {
        match IdxFile::parse(Path::new("file"), kind, bytes) {
            Ok(file) => {
                let whole = file.bytes();
                assert_eq!(IdxFile::parse(Path::new("file"), kind, &whole).unwrap(), file);
                assert_eq!(IdxFile::build(kind, file.dims(), &whole[4 + 4 * file.dims().len()..]), file);
                assert!(bytes.starts_with(&[0x1f, 0x8b]) || bytes == whole);
            }
            Err(why) => one_line(&why.to_string()),
        }
    }
}

/// The same for what `bytes` unpack from: the header of a gzip file comes for free.
pub fn idx_gz(bytes: &[u8]) {
    idx(&[b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".as_slice(), bytes].concat());
}

/// A run's settings: what is accepted is the same run after it was written as `config.toml`.
pub fn run_toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Settings::parse(text) {
        Ok(settings) => resolve(settings),
        Err(why) => {
            one_line(&why);
            assert!(why.starts_with("line "), "{why}");
        }
    }
}

fn resolve(settings: Settings) {
    let at_mnist = |settings: Settings| RunSpec::resolve(&settings.at_pixels(784)?);
    match settings.with_preset().and_then(at_mnist) {
        Ok(spec) => {
            let again = Settings::parse(&spec.to_toml()).unwrap();
            assert_eq!(RunSpec::resolve(&again).unwrap(), spec);
            assert_eq!(spec.run_id("data"), RunSpec::resolve(&again).unwrap().run_id("data"));
        }
        Err(why) => one_line(&why.to_string()),
    }
}

/// Whether `text` may write a long range: expanding 100,000 values is right and slow.
fn has_long_range(text: &str) -> bool {
    let is_range = text.contains("..") || text.contains("space");
    is_range && text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 3)
}

/// A sweep file: every run that it stands for resolves, and shards share the runs out.
pub fn sweep_toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if has_long_range(text) {
        return;
    }
    match Definition::parse(text) {
        Ok(definition) => grid(&definition),
        Err(why) => {
            one_line(&why);
            assert!(why.starts_with("line "), "{why}");
        }
    }
}

fn grid(definition: &Definition) {
    let Some(size) = definition.size().filter(|&size| size <= MOST_RUNS) else { return };
    match definition.grid(&Overrides::default(), &|_| Ok(784)) {
        Ok(grid) => {
            assert!((1..=size).contains(&grid.runs.len()));
            for settings in &grid.runs {
                RunSpec::resolve(settings).unwrap();
            }
            let shards: [Shard; 3] = [1, 2, 3].map(|i| part(&format!("{i}/3")).unwrap());
            for position in 0..grid.runs.len() {
                assert_eq!(shards.iter().filter(|shard| shard.has(position)).count(), 1);
            }
            grid.notes.iter().for_each(|note| one_line(note));
        }
        Err(why) => one_line(&why.to_string()),
    }
}

/// An axis as typed: each of its values, typed alone, is the same value.
pub fn axis(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if has_long_range(text) {
        return;
    }
    let mut definition = Definition::default();
    if let Err(why) = definition.add_typed(text) {
        // The text is repeated as it was typed; what shows it makes it one line.
        return assert!(why.to_string().starts_with("--grid "), "{why}");
    }
    grid(&definition);
    let Some(1) = definition.size() else { return };
    let Ok(one) = definition.grid(&Overrides::default(), &|_| Ok(784)) else { return };
    let given = one.runs[0].given();
    if given.contains_key("preset") {
        // Its settings are meant to stand together.
        return;
    }
    for (key, cell) in one.runs[0].cells().into_iter().filter(|(_, cell)| !cell.is_empty()) {
        let key = key.replace('_', "-");
        let text = match given[&key] {
            serde_json::Value::Array(_) => format!("{key}=[[{}]]", cell.replace(' ', ", ")),
            _ => format!("{key}={cell}"),
        };
        let mut again = Definition::default();
        again.add_typed(&text).unwrap();
        let again = again.grid(&Overrides::default(), &|_| Ok(784)).unwrap();
        assert_eq!(again.runs[0].given()[&key], given[&key], "{text}");
    }
}

/// A condition on runs: its opposite holds where it does not.
pub fn filter(bytes: &[u8]) {
    static RUN: OnceLock<serde_json::Map<String, serde_json::Value>> = OnceLock::new();
    let run = RUN.get_or_init(|| RunSpec::resolve(&Settings::default()).unwrap().settings().given());
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let filter: Filter = match text.parse() {
        Ok(filter) => filter,
        Err(why) => return assert!(!why.trim().is_empty()),
    };
    let at = text.find(['<', '>', '=', '!']).unwrap();
    let (key, rest) = text.split_at(at);
    let word = rest.trim_start_matches(['<', '>', '=', '!']);
    let first = rest.len() - word.len();
    // A value may begin with such a sign itself, and then has no opposite of this spelling.
    let opposite = match &rest[..first] {
        "=" | "==" => "!=",
        "!=" => "=",
        "<" => ">=",
        ">=" => "<",
        ">" => "<=",
        "<=" => ">",
        _ => return,
    };
    let opposite: Filter = format!("{key}{opposite}{word}").parse().unwrap();
    if run.contains_key(&key.trim().replace('_', "-")) {
        assert_ne!(filter.matches(run), opposite.matches(run), "{text}");
    } else {
        assert!(!(filter.matches(run) && opposite.matches(run)), "{text}");
    }
}

fn part(text: &str) -> Option<Shard> {
    text.parse::<ShardChoice>().ok()?.resolve(|_| None).ok()
}

/// A part of a sweep: what is printed is the same part, and has no more runs than there are.
pub fn shard(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(shard) = part(text) {
        assert_eq!(part(&shard.to_string()), Some(shard));
    }
    // What a scheduler may have put into its variables: a line each.
    let mut lines = text.lines();
    if let Some(choice) = lines.next().and_then(|line| line.parse::<ShardChoice>().ok()) {
        let names = ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"];
        let names = names.into_iter().chain(["SLURM_ARRAY_TASK_COUNT"]);
        let values: Vec<(&str, String)> = names.zip(lines.map(str::to_owned)).collect();
        let read =
            |name: &str| values.iter().find(|(known, value)| *known == name && value != "-").map(|v| v.1.clone());
        if let Err(why) = choice.resolve(read) {
            one_line(&why.to_string());
        }
    }
}

/// A command line, a word per line: the whole of it as clap sees it, and the settings of a run among it as a run.
pub fn command_line(bytes: &[u8]) {
    let words = words(bytes);
    let _ = Cli::try_parse_from(std::iter::once("vae-bench".into()).chain(words.iter().cloned()));
    let flags = Settings::augment_args(clap::Command::new("flags").no_binary_name(true));
    if let Ok(matches) = flags.try_get_matches_from(words) {
        let settings = Settings::from_arg_matches(&matches).unwrap();
        // A path is no part of what determines a run, and need not be text.
        resolve(Settings { data_dir: None, ..settings });
    }
}

#[cfg(unix)]
fn words(bytes: &[u8]) -> Vec<std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;
    bytes.split(|&byte| byte == b'\n').map(|word| std::ffi::OsString::from_vec(word.to_vec())).collect()
}

#[cfg(not(unix))]
fn words(bytes: &[u8]) -> Vec<std::ffi::OsString> {
    String::from_utf8_lossy(bytes).split('\n').map(Into::into).collect()
}

fn rows_text(rows: &[EpochRecord]) -> Vec<u8> {
    [metrics_header(&Column::ALL).into_bytes(), metrics_rows(&Column::ALL, rows).unwrap()].concat()
}

/// `metrics.csv`: rows that are accepted are written as the same rows.
pub fn metrics_csv(bytes: &[u8]) {
    match parse_metrics(bytes) {
        Ok(rows) => {
            let text = rows_text(&rows);
            assert_eq!(rows_text(&parse_metrics(&text).unwrap()), text);
        }
        Err(why) => one_line(&why),
    }
}

/// A merged table: every run once, its rows in order and each once.
pub fn merged_csv(bytes: &[u8]) {
    match parse_merged(bytes) {
        Ok(table) => {
            let mut names: Vec<&str> = table.runs.iter().map(|run| run.name.as_str()).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|two| two[0] != two[1]));
            for run in &table.runs {
                assert!(!run.metrics.is_empty());
                assert!(run.metrics.windows(2).all(|two| (two[0].epoch, two[0].split) < (two[1].epoch, two[1].split)));
                // As columns of another table.
                let _ = run.settings.cells();
            }
        }
        Err(why) => one_line(&why),
    }
}

/// `latents.csv`, `timing.csv` and the plan of a sweep.
pub fn side_tables(bytes: &[u8]) {
    match parse_latents(bytes) {
        Ok(rows) => {
            let text = latents_table(&rows).unwrap();
            assert_eq!(latents_table(&parse_latents(&text).unwrap()).unwrap(), text);
        }
        Err(why) => one_line(&why),
    }
    match parse_timing(bytes) {
        Ok(rows) => rows.iter().for_each(|row| assert!(timing_row(row).is_ok())),
        Err(why) => one_line(&why),
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse_plan(text) {
        Ok(lines) => assert!(lines.iter().all(|line| !line.run.contains('/') && line.run != "..")),
        Err(why) => {
            one_line(&why);
            assert!(why.starts_with("line "), "{why}");
        }
    }
}

/// `run.json`: what is accepted is written and read as the same, and sealed.
pub fn manifest(bytes: &[u8]) {
    match Manifest::parse(bytes) {
        Ok(manifest) => {
            let text = manifest.to_bytes().unwrap();
            let again = Manifest::parse(&text).unwrap();
            assert_eq!(again.to_bytes().unwrap(), text);
        }
        Err(why) => one_line(&why),
    }
}

/// The run that checkpoints and weights are read for: 3 x 3 pixels, two latents.
pub fn tiny() -> &'static (RunSpec, Dataset) {
    static TINY: OnceLock<(RunSpec, Dataset)> = OnceLock::new();
    TINY.get_or_init(|| {
        let settings = Settings {
            data: Some(DataSource::Idx),
            hidden: Some("4".parse().unwrap()),
            latent_dim: Some(2.try_into().unwrap()),
            batch_size: Some(8.try_into().unwrap()),
            epochs: Some(3),
            ..Settings::default()
        };
        let images = |count: usize| {
            let pixels = (0..count * 9).map(|i| (i * 37 % 251) as u8).collect();
            Images::new(pixels, vec![1; count], 3, 3).unwrap()
        };
        let data = Dataset::new(DatasetName::Idx(None), images(20), images(6), Vec::new());
        (RunSpec::resolve(&settings).unwrap(), data)
    })
}

fn untrained(spec: &RunSpec) -> State {
    let start = Start { init: spec.network().init, seed: 1, output_bias: None };
    let model = Model::Vae(Vae::new(&spec.architecture(9), &start, &Backend::FUSED).unwrap());
    let parameters: Vec<_> = model.parameters().iter().map(|(_, p)| p.clone()).collect();
    let optimizer = Optimizer::new(parameters, spec.training().optimizer).unwrap();
    State { optimizer, model, control: spec.objective_for(9, 1.0).control(), progress: ResumePoint::default() }
}

/// A checkpoint, sealed anew so that its digest is right: counters and shapes must still be the run's.
pub fn checkpoint(bytes: &[u8]) {
    let (spec, data) = tiny();
    let variance = spec.data_variance(&PixelStats::of(&data.train, spec.data().pixels)).unwrap();
    let task = Task {
        objective: spec.objective_for(9, variance),
        data,
        pixels: spec.data().pixels,
        batch_size: spec.training().batch_size,
        epochs: spec.training().epochs,
        seed: 1,
    };
    let mut sealed = bytes.to_vec();
    seal_checkpoint(&mut sealed);
    let mut state = untrained(spec);
    match read_checkpoint(&sealed, &spec.run_id(&data.digest()), &task, &mut state) {
        Ok(()) => {
            let ResumePoint { recorded, batches, sums, .. } = state.progress;
            assert!(recorded.is_some_and(|epoch| epoch <= 3) && batches <= 3 && sums.images <= 20);
        }
        Err(why) => one_line(&why),
    }
}

/// `model.safetensors`: weights that are accepted are numbers.
pub fn model(bytes: &[u8]) {
    match parse_model(bytes, &tiny().0, 9) {
        Ok(model) => {
            for (_, parameter) in model.parameters() {
                let values = parameter.as_tensor().flatten_all().unwrap().to_device(&Device::Cpu).unwrap();
                assert!(values.to_vec1::<f32>().unwrap().iter().all(|value| value.is_finite()));
            }
        }
        Err(why) => one_line(&why),
    }
}
