//! Runs the real binary in a world of its own: no variables, no cache, no network, a small data set.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use vae_bench::data::idx::{IdxFile, Kind};
use vae_bench::data::synthetic::{Split, digits};

/// Training images of the small data set; no multiple of the batch sizes used, so the last batch is short.
pub const TRAIN: usize = 600;
/// Its test images.
pub const TEST: usize = 200;

/// A temporary directory with a small data set in `data`, and the binary to run in it.
pub struct World {
    dir: TempDir,
}

/// What a command printed, and how it ended.
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    pub fn new() -> Self {
        let world = World { dir: tempfile::tempdir().unwrap() };
        world.write_data("data", TRAIN, TEST);
        world
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    /// Four IDX files of `train` and `test` synthetic digits in the directory `name`.
    pub fn write_data(&self, name: &str, train: usize, test: usize) -> PathBuf {
        let dir = self.path().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        for (prefix, part, n) in [("train", Split::Train, train), ("t10k", Split::Test, test)] {
            let drawn = digits(7, part, n);
            let images = IdxFile::build(Kind::Images, &[n, 28, 28], &drawn.pixels);
            let labels = IdxFile::build(Kind::Labels, &[n], &drawn.labels);
            std::fs::write(dir.join(format!("{prefix}-images-idx3-ubyte")), images.bytes()).unwrap();
            std::fs::write(dir.join(format!("{prefix}-labels-idx1-ubyte")), labels.bytes()).unwrap();
        }
        dir
    }

    /// Four IDX files in `name`: images of 14 x 14 pixels, every second pixel of those in `data`.
    pub fn write_small_images(&self, name: &str) {
        let dir = self.path().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        for prefix in ["train", "t10k"] {
            let from = |file: &str| self.path().join("data").join(format!("{prefix}-{file}"));
            let images = std::fs::read(from("images-idx3-ubyte")).unwrap();
            let pixels: Vec<u8> = images[16..]
                .chunks(28 * 28)
                .flat_map(|image| (0..14 * 14).map(|i| image[i / 14 * 2 * 28 + i % 14 * 2]))
                .collect();
            let count = pixels.len() / (14 * 14);
            let file = IdxFile::build(Kind::Images, &[count, 14, 14], &pixels);
            std::fs::write(dir.join(format!("{prefix}-images-idx3-ubyte")), file.bytes()).unwrap();
            std::fs::copy(from("labels-idx1-ubyte"), dir.join(format!("{prefix}-labels-idx1-ubyte"))).unwrap();
        }
    }

    /// The binary with these arguments and nothing else given.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vae-bench"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("VAE_BENCH_") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(self.path())
            .env("HF_HUB_OFFLINE", "1")
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the binary as typed.
    pub fn vae_bench(&self, args: &[&str]) -> Done {
        done(self.command(args).output().unwrap())
    }

    /// A small quick run on the small data set, with `args` added.
    pub fn run(&self, args: &[&str]) -> Done {
        self.vae_bench(&small(args))
    }

    /// The directories of runs under `out`.
    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.out()) else { return Vec::new() };
        let mut runs: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(|path| path.is_dir()).collect();
        runs.sort();
        runs
    }

    /// The directory of the only run under `out`.
    pub fn only_run(&self) -> PathBuf {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.into_iter().next().unwrap()
    }

    /// A file of the only run, as text.
    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.only_run().join(file)).unwrap()
    }
}

/// The arguments of a small quick run, with `args` added; what is in `args` is not given twice.
pub fn small<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let defaults = [
        ["--data", "idx"],
        ["--data-dir", "data"],
        ["--out", "out"],
        ["--hidden", "32"],
        ["--latent-dim", "4"],
        ["--epochs", "2"],
    ];
    // A VQ-VAE has no Gaussian latents.
    let fits = |flag: &str| flag != "--latent-dim" || !args.contains(&"vq-vae");
    defaults
        .into_iter()
        .filter(|[flag, _]| fits(flag) && !args.contains(flag))
        .flatten()
        .chain(args.iter().copied())
        .collect()
}

pub fn done(output: Output) -> Done {
    Done {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Done {
    /// Fails the test unless the command ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless the error is one line with all of `words`.
    #[track_caller]
    pub fn error_with(self, words: &[&str]) -> Self {
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{:?} lacks {word:?}", self.stderr);
        }
        self
    }
}

/// A table: header and rows of cells.
pub fn csv(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

/// The directory of the real MNIST, or none, said in the output.
pub fn real_mnist() -> Option<PathBuf> {
    let dir = std::env::var_os("VAE_BENCH_DATA_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
    if dir.is_none() {
        skipped("set VAE_BENCH_DATA_DIR to the directory of the four MNIST files");
    }
    dir
}

/// Says that the running test was skipped, on a line of its own that can be counted (`grep -c '^skipped: '`).
pub fn skipped(remedy: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Directly to stderr: the test harness captures what macros print in a passing test.
    let _ = std::io::stderr().write_all(format!("\nskipped: {test}: {remedy}\n").as_bytes());
}
