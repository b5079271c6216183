//! stdout and stderr that are full, closed or a terminal: no output can stop a run, and none is lost without a word.
#![cfg(unix)]

mod support;

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Done, World, done, small};

/// A device on which every write fails as on a full disk.
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// The writing end of a pipe that has no reader.
fn without_reader() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn ends_with(command: &mut Command) -> Done {
    done(command.output().unwrap())
}

fn rust_files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension() == Some(OsStr::new("rs")) {
            found.push(path);
        }
    }
}

#[test]
fn only_the_terminal_module_writes_to_stdout_and_stderr() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 50, "{}", files.len());
    for file in files.iter().filter(|file| **file != src.join("terminal.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        for (line, n) in text.lines().zip(1..) {
            // `eprintln!` and `eprint!` end in the same way; all of them panic where nothing can be written.
            let writes = ["println!(", "print!(", "dbg!(", "stdout().lock()", "stderr().lock()"];
            let found = writes.iter().find(|&&word| line.contains(word));
            assert_eq!(found, None, "{}:{n}", file.display());
        }
    }
}

#[test]
fn a_full_stderr_changes_no_exit_code_and_stops_no_run() {
    let world = World::new();
    let cases: &[(&[&str], i32)] = &[
        (&["--beta", "x"], 2),
        (&["--los", "bce"], 2),
        (&["data", "verify", "--data-dir", "nowhere"], 3),
        (&["merge", "nowhere"], 1),
        (&small(&[]), 0),
        (
            &[
                "sweep",
                "--grid",
                "seed=2,3",
                "--out",
                "out",
                "--",
                "--data",
                "idx",
                "--data-dir",
                "data",
                "--epochs",
                "1",
            ],
            0,
        ),
        (&["report", "out"], 0),
    ];
    for (args, code) in cases {
        ends_with(world.command(args).stderr(full())).expect(*code);
    }
    assert_eq!(world.runs().len(), 3);
    let table = world.vae_bench(&["merge", "out", "--final"]).expect(0).stdout;
    assert_eq!(table.matches(",completed").count(), 6, "{table}");
}

#[test]
fn readers_that_leave_neither_stop_a_run_nor_a_sweep_and_are_no_error() {
    let world = World::new();
    ends_with(world.command(&small(&[])).stdout(without_reader()).stderr(without_reader())).expect(0);
    let sweep = ["sweep", "--grid", "seed=2..5", "--jobs", "2", "--out", "out"];
    let settings = ["--", "--data", "idx", "--data-dir", "data", "--hidden", "8", "--latent-dim", "2", "--epochs", "1"];
    for extra in [&[][..], &["--json"][..]] {
        let args: Vec<&str> = sweep.iter().chain(extra).chain(&settings).copied().collect();
        ends_with(world.command(&args).stdout(without_reader()).stderr(without_reader())).expect(0);
    }
    let table = world.vae_bench(&["merge", "out", "--final"]).expect(0).stdout;
    assert_eq!(table.matches(",completed").count(), 10, "{table}");
    let commands: &[&[&str]] =
        &[&["presets"], &["--help"], &["man"], &["completions", "bash"], &["merge", "out"], &["status", "out"]];
    for args in commands {
        let done = ends_with(world.command(args).stdout(without_reader())).expect(0);
        assert_eq!(done.stderr, "", "{args:?}");
    }
}

#[test]
fn a_usage_error_and_a_data_error_keep_their_codes_where_stderr_has_no_reader() {
    let world = World::new();
    ends_with(world.command(&["--beta", "x"]).stderr(without_reader())).expect(2);
    ends_with(world.command(&["data", "verify", "--data-dir", "nowhere"]).stderr(without_reader())).expect(3);
}

#[test]
fn results_that_do_not_fit_on_the_disk_are_an_error() {
    let world = World::new();
    world.run(&[]).expect(0);
    let run = world.only_run();
    let run = run.to_str().unwrap();
    let commands: &[&[&str]] = &[
        &["merge", "out"],
        &["presets"],
        &["presets", "--json"],
        &["explain", "--data", "idx", "--data-dir", "data"],
        &["explain", "kl", "--mean", "0", "--logvar", "0"],
        &["eval", run, "--samples", "1"],
        &["data", "info", "--data", "idx", "--data-dir", "data"],
        &["status", "out"],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["man"],
        &["--help"],
        &["--version"],
        &["plot", "out"],
        &["sweep", "--grid", "seed=1..3", "--format", "ids", "--", "--data", "synthetic"],
        &small(&["--seed", "7", "--json"]),
    ];
    for args in commands {
        ends_with(world.command(args).stdout(full())).expect(1).ends_in_error(&[
            "stdout",
            "cannot write",
            "no space left on device",
            "output is incomplete",
        ]);
    }
    // The run whose lines were lost was trained to its end.
    let table = world.vae_bench(&["merge", "out", "--final"]).expect(0).stdout;
    assert_eq!(table.matches(",completed").count(), 4, "{table}");
}

trait EndsInError {
    fn ends_in_error(self, words: &[&str]);
}

impl EndsInError for Done {
    /// The last line of stderr is an error with all of `words`; warnings may stand before it.
    #[track_caller]
    fn ends_in_error(self, words: &[&str]) {
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: "), "{}", self.stderr);
        for word in words {
            assert!(last.contains(word), "{last:?} lacks {word:?}");
        }
    }
}

#[test]
fn a_path_that_is_not_utf8_is_refused_before_any_work_where_it_must_be_written_down() {
    let world = World::new();
    let name = OsStr::from_bytes(b"odd\xff");
    std::fs::rename(world.path().join("data"), world.path().join(name)).unwrap();
    let settings = ["--data", "idx", "--hidden", "4", "--latent-dim", "2", "--epochs", "1"];
    let refused = |command: &mut Command, words: &[&str]| {
        ends_with(command).expect(2).error_with(&[&["odd", "not UTF-8"], words].concat());
        assert!(!world.out().exists());
    };
    let data = &["--data-dir", "config.toml"];
    refused(world.command(&["--out", "out"]).args(settings).arg("--data-dir").arg(name), data);
    refused(world.command(&["--out", "out"]).args(settings).env("VAE_BENCH_DATA_DIR", name), data);
    let sweep = ["sweep", "--grid", "seed=1,2", "--out", "out", "--"];
    refused(world.command(&sweep).args(settings).arg("--data-dir").arg(name), data);
    refused(world.command(&sweep).args(settings).env("VAE_BENCH_DATA_DIR", name), data);
    let out = &["--out", "JSON"];
    refused(world.command(&["--json", "--data", "synthetic", "--out"]).arg(name), out);
    refused(world.command(&["sweep", "--grid", "seed=1,2", "--json", "--out"]).arg(name), out);
    refused(world.command(&["sweep", "--grid", "seed=1,2", "--format", "jsonl", "--out"]).arg(name), out);
    refused(world.command(&["status", "--format", "jsonl"]).arg(name), &["DIR", "JSON"]);
}

#[test]
fn foreign_words_reach_the_terminal_as_one_line_without_control_characters() {
    let world = World::new();
    let odd = "a\nb\u{1b}[31m";
    std::fs::write(world.path().join("c.toml"), "loss = \"a\\nb\\u001b[31m\"\n").unwrap();
    std::fs::write(world.path().join("key.toml"), "\"a\\nb\\u001b[31m\" = 1\n").unwrap();
    let data_dir = world.write_data(odd, 60, 20);
    let grid = format!("lr={odd}");
    let key = format!("{odd}=1");
    let commands: &[&[&str]] = &[
        &["merge", odd],
        &["--config", odd],
        &["--config", "c.toml"],
        &["--config", "key.toml"],
        &["--loss", odd],
        &[odd],
        &["--data", "idx", "--data-dir", &format!("{odd}/nowhere")],
        &["--data", "mnist", "--data-dir", data_dir.to_str().unwrap()],
        &["sweep", "--grid", &grid],
        &["sweep", "--grid", &key],
        &["sweep", "--grid", "seed=1", "--filter", odd],
        &["sweep", "--grid", "seed=1", "--only", odd, "--", "--data", "synthetic"],
        &["sweep", odd],
    ];
    for args in commands {
        let done = world.vae_bench(args);
        assert!(matches!(done.code, Some(1..=3)), "{args:?}: {:?}", done.code);
        assert!(!done.stderr.contains('\u{1b}'), "{args:?}: {:?}", done.stderr);
        let done = done.error_with(&[]);
        assert!(!done.stdout.contains('\u{1b}'), "{args:?}: {:?}", done.stdout);
    }
    world.vae_bench(&["merge", odd]).error_with(&[r"a\nb\u{1b}[31m"]);
    world.vae_bench(&["--loss", odd]).error_with(&[r"'a\nb\u{1b}[31m'"]);
    let out = world.run(&["--out", odd]).expect(0);
    assert!(!out.stdout.contains('\u{1b}') && !out.stderr.contains('\u{1b}'), "{}{}", out.stdout, out.stderr);
    let table = world.vae_bench(&["merge", odd, "--out", &format!("{odd}/t.csv")]).expect(0).stdout;
    assert_eq!(table.lines().count(), 1, "{table:?}");
}

/// What bash offers for the last of `words`.
fn completions(world: &World, words: &[&str]) -> Vec<String> {
    let script = r#"
        eval "$(vae-bench completions bash)"
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _vae__bench vae-bench "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let bin = Path::new(env!("CARGO_BIN_EXE_vae-bench")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-c", script, "bash"]).args(words).current_dir(world.path()).env("PATH", path);
    done(bash.output().unwrap()).expect(0).stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_choices_after_a_subcommand_and_names_of_presets() {
    let world = World::new();
    let kinds = completions(&world, &["vae-bench", "plot", "--kind", ""]);
    assert_eq!(kinds, ["curves", "rate-distortion", "terms", "latents", "floors", "digits"]);
    assert_eq!(completions(&world, &["vae-bench", "data", "info", "--data", "sy"]), ["synthetic"]);
    assert_eq!(completions(&world, &["vae-bench", "--preset", "keras-2016-07"]), ["keras-2016-07"]);
    assert!(completions(&world, &["vae-bench", "explain", "--preset", ""]).contains(&"pytorch-vae".to_owned()));
    assert!(completions(&world, &["vae-bench", "explain", "kl", "--"]).contains(&"--logvar".to_owned()));
}

#[test]
fn bash_completes_names_of_settings_and_results_and_the_settings_of_a_sweep() {
    let world = World::new();
    let sorts = completions(&world, &["vae-bench", "ls", "--sort", ""]);
    assert!(sorts.contains(&"neg-elbo".to_owned()) && sorts.contains(&"latent-dim".to_owned()), "{sorts:?}");
    assert_eq!(completions(&world, &["vae-bench", "sweep", "--latent-d"]), ["--latent-dim"]);
    assert_eq!(completions(&world, &["vae-bench", "run", "--loss", "gaussian-l"]), ["gaussian-learned"]);
    assert!(completions(&world, &["vae-bench", "comp"]).contains(&"compare".to_owned()));
}

/// Whether a shell is installed.
fn has(shell: &str) -> bool {
    let found = Command::new(shell).args(["-c", "true"]).output().is_ok();
    if !found {
        support::skipped(&format!("install {shell}"));
    }
    found
}

#[test]
fn fish_completes_presets_kinds_and_names_after_a_subcommand() {
    if !has("fish") {
        return;
    }
    let world = World::new();
    std::fs::write(world.path().join("c.fish"), world.vae_bench(&["completions", "fish"]).expect(0).stdout).unwrap();
    let complete = |line: &str| {
        let script = format!("source c.fish; complete -C '{line}'");
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &script]).current_dir(world.path()).env("HOME", world.path());
        let text = done(fish.output().unwrap()).expect(0).stdout;
        text.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert!(complete("vae-bench plot --kind ").contains(&"rate-distortion".to_owned()));
    assert!(complete("vae-bench --preset pyt").contains(&"pytorch-vae".to_owned()));
    assert!(complete("vae-bench --loss gau").contains(&"gaussian-learned".to_owned()), "its help has quotes");
    assert!(complete("vae-bench ls --sort neg").contains(&"neg-elbo".to_owned()));
}

#[test]
fn zsh_takes_the_script_and_knows_the_flags_of_each_command() {
    if !has("zsh") {
        return;
    }
    let world = World::new();
    std::fs::write(world.path().join("_vae-bench"), world.vae_bench(&["completions", "zsh"]).expect(0).stdout).unwrap();
    // zsh completes at a prompt alone; here the script is loaded, and what it would hand to zsh's own `_arguments` is seen.
    let script = r#"
        fpath=($PWD $fpath); autoload -Uz compinit && compinit -u -d $PWD/dump || exit 1
        _arguments() { print -rl -- "$@"; state=(vae-bench); line=($words[2] ''); return 1 }
        words=("$@"); CURRENT=$#; curcontext=x
        autoload +X _vae-bench && _vae-bench
    "#;
    let seen = |words: &[&str]| {
        let mut zsh = Command::new("zsh");
        zsh.args(["-f", "-c", script, "zsh"]).args(words).current_dir(world.path()).env("HOME", world.path());
        done(zsh.output().unwrap()).stdout
    };
    let plot = seen(&["vae-bench", "plot", ""]);
    assert!(plot.contains("--kind=") && plot.contains("rate-distortion"), "{plot}");
    assert!(seen(&["vae-bench", "ls", ""]).contains("neg-elbo"));
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::new();
    let said = world.vae_bench(&["man", "--out", "man1"]).expect(0).stdout;
    let pages: Vec<String> = std::fs::read_dir(world.path().join("man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(said.contains(&format!("{} pages", pages.len())), "{said}");
    let top = std::fs::read_to_string(world.path().join("man1/vae-bench.1")).unwrap();
    // Every page that the first one refers to is there.
    for name in top.split("\nvae\\-bench\\-").skip(1).filter_map(|rest| rest.split('(').next()) {
        let page = format!("vae-bench-{}.1", name.replace('\\', ""));
        assert!(pages.contains(&page) || page == "vae-bench-help.1", "{page}: {pages:?}");
    }
    for page in ["vae-bench-sweep.1", "vae-bench-data-fetch.1", "vae-bench-explain-kl.1"] {
        assert!(pages.contains(&page.to_owned()), "{page}");
    }
    let sweep = world.vae_bench(&["man", "sweep"]).expect(0).stdout;
    assert_eq!(sweep, std::fs::read_to_string(world.path().join("man1/vae-bench-sweep.1")).unwrap());
    // Examples keep their columns.
    assert!(sweep.contains(".nf\n") && sweep.contains("\n  [grid]      "), "{sweep}");
    world.vae_bench(&["man", "swep"]).expect(2).error_with(&["swep"]);
}

#[test]
fn zsh_and_fish_are_given_the_names_of_presets() {
    let world = World::new();
    for shell in ["zsh", "fish"] {
        let script = world.vae_bench(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("pytorch-vae"), "{shell}");
    }
    // Help stays short: there `vae-bench presets` lists them.
    assert!(!world.vae_bench(&["--help"]).expect(0).stdout.contains("pytorch-vae,"));
}

#[test]
fn threads_that_cannot_be_started_are_an_error() {
    let world = World::new();
    let data = ["--data", "idx", "--data-dir", "data"];
    let commands: [&[&str]; 4] =
        [&["data", "info"], &["explain"], &[], &["sweep", "--grid", "seed=1", "--format", "ids", "--"]];
    for command in commands {
        // No thread gets so large a stack: its start fails as under a limit on processes, which a test cannot set for all users.
        let mut command = world.command(&[command, &data].concat());
        ends_with(command.env("RUST_MIN_STACK", "64000000000000"))
            .expect(1)
            .error_with(&["threads cannot be started", "--threads"]);
    }
}
