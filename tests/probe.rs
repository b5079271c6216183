//! `vae-bench probe` through the real binary and real Pythons: what it says, what it trains, and how it fails.
//!
//! Tests that need a library are skipped, and say so, where `VAE_BENCH_TEST_PYTHON` (else `python3`) does not have it.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use support::{World, csv, skipped};

fn python() -> String {
    std::env::var("VAE_BENCH_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Whether the Python is there and has `module`; says that the test is skipped where not.
fn has(module: &str) -> bool {
    let import = ["-c", &format!("import {module}")];
    let found = Command::new(python()).args(import).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !found {
        skipped(&format!("set VAE_BENCH_TEST_PYTHON to a Python with {module}"));
    }
    found
}

fn losses(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/probe/losses").join(file)
}

fn target(file: &str, function: &str) -> String {
    format!("{}:{function}", losses(file).display())
}

fn probe(world: &World, args: &[&str]) -> support::Done {
    let data = ["--data", "idx", "--data-dir", "data"];
    world.vae_bench(&[&["probe", "--python", &python()], args, &data].concat())
}

fn json(world: &World, args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&probe(world, &[args, &["--json"]].concat()).expect(0).stdout).unwrap()
}

#[test]
fn a_function_is_named_weighed_and_put_into_flags() {
    if !has("numpy") {
        return;
    }
    let world = World::new();
    let found =
        json(&world, &[&target("numpy_losses.py", "variance_itself"), "--latent-dim", "2", "--pixels", "12288"]);
    assert_eq!(found["identified"], true);
    assert_eq!((&found["recon_weight"], &found["kl_weight"]), (&"1/D".into(), &"0.01/d".into()));
    assert_eq!(found["effective"], "0.005*D/d");
    assert_eq!(found["flags"], "--loss mse --reduction mean --kl-reduction mean --beta 0.01 --data idx --latent-dim 2");
    let explanation = &found["explanation"];
    assert!((explanation["beta_sigma2"].as_f64().unwrap() - 1.96).abs() < 1e-9, "{explanation}");
    assert!((explanation["carried"]["effective"].as_f64().unwrap() - 30.72).abs() < 1e-9, "{explanation}");
    let text = probe(&world, &[&target("numpy_losses.py", "variance_itself")]).expect(0);
    for word in [
        "1/D * S  +  0.01/d * K",
        "var = logvar",
        "multiply the KL in your code by 200*d/D",
        "fresh sizes",
        "effective",
    ] {
        assert!(text.stdout.contains(word), "{word} is not in\n{}", text.stdout);
    }
    assert!(text.stderr.contains("its code can do all that you can do"), "{}", text.stderr);
}

#[test]
fn a_preset_that_is_the_same_objective_is_named() {
    if !has("numpy") {
        return;
    }
    let world = World::new();
    let found = json(&world, &[&target("numpy_losses.py", "by_hand")]);
    assert_eq!((found["type"].as_str(), found["schema"].as_u64()), (Some("probe"), Some(1)), "docs/json.md");
    assert_eq!(found["flags"], "--loss mse --reduction batch-sum --kl-reduction batch-sum --beta 1 --data idx");
    assert_eq!(found["equals"], serde_json::json!([]));
    let found = json(&world, &[&target("numpy_losses.py", "bce_with_epsilon")]);
    let equals = found["equals"].to_string();
    assert!(
        equals.contains("\"keras-io\"") && equals.contains("\"keras-2016-08\"") && !equals.contains("beta-vae"),
        "{equals}"
    );
}

#[test]
fn the_flags_of_a_probe_train_what_the_same_flags_train() {
    if !has("numpy") {
        return;
    }
    let world = World::new();
    let common = ["--hidden", "16", "--latent-dim", "4", "--epochs", "1", "--out", "out", "--quiet"];
    let target = target("numpy_losses.py", "per_image");
    probe(&world, &[&[target.as_str(), "--train"], &common[..]].concat()).expect(0);
    let here = world.read("metrics.csv");
    let flags = ["--loss", "mse", "--recon-weight", "0.5", "--reduction", "sum", "--data", "idx", "--data-dir", "data"];
    let other = World::new();
    other.vae_bench(&[&flags[..], &common[..]].concat()).expect(0);
    assert_eq!(here, other.read("metrics.csv"));
    assert!(csv(&here).1.len() > 2);
}

#[test]
fn a_loss_that_is_no_weighting_is_refused_with_its_reason() {
    if !has("numpy") {
        return;
    }
    let world = World::new();
    let refused = probe(&world, &[&target("numpy_losses.py", "clipped_error")]).expect(1);
    assert!(refused.stdout.contains("none of those known") && refused.stdout.contains("nearest"), "{}", refused.stdout);
    let json = probe(&world, &[&target("numpy_losses.py", "clipped_error"), "--json"]).expect(1).stdout;
    let refused = serde_json::from_str::<serde_json::Value>(&json).unwrap();
    assert_eq!((&refused["identified"], &refused["type"]), (&false.into(), &"probe".into()));
}

#[test]
fn torch_is_probed_in_five_seconds_beyond_its_import() {
    if !has("torch") {
        return;
    }
    let world = World::new();
    let import = Instant::now();
    Command::new(python()).args(["-c", "import torch"]).status().unwrap();
    let import = import.elapsed();
    let whole = Instant::now();
    let found = json(&world, &[&target("torch_losses.py", "summed_bce")]);
    let beyond = whole.elapsed().saturating_sub(import).as_secs_f64();
    assert_eq!((&found["recon_weight"], &found["kl_weight"]), (&"B".into(), &"B".into()));
    assert!(found["equals"].to_string().contains("pytorch-examples"), "{found}");
    // Twice the promise: another process may be at work beside this one.
    assert!(beyond < 10.0, "{beyond} s");
}

#[test]
fn expressions_methods_and_parameters_are_taken() {
    if !has("torch") {
        return;
    }
    let world = World::new();
    let line = "F.mse_loss(recon, x) + 0.00025 * (-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp()))";
    let found = json(&world, &["-e", line]);
    assert_eq!((&found["recon_weight"], &found["kl_weight"]), (&"1/D".into(), &"0.00025*B".into()));
    let method = target("torch_losses.py", "Model.loss_function");
    let found = json(&world, &[&method, "--args", "recon,x,mean,logvar", "--set", "M_N=0.00025"]);
    assert_eq!(found["equals"], serde_json::json!(["pytorch-vae"]));
    let found = json(&world, &[&target("torch_losses.py", "logits_beta"), "--set", "beta=0.5"]);
    assert_eq!(found["kl_weight"], "0.5");
    let of = |name: &str| found["parameters"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap().clone();
    assert_eq!(of("beta")["power_in_kl_weight"], 1.0);
    let found = json(&world, &[&target("torch_losses.py", "beta_twice")]);
    assert_eq!(found["parameters"][0]["power_in_kl_weight"], 2.0);
}

#[test]
fn what_the_user_can_put_right_is_said_in_one_line() {
    if !has("numpy") {
        return;
    }
    let world = World::new();
    let write = |name: &str, text: &str| std::fs::write(world.path().join(name), text).unwrap();
    write("loss.py", "def loss(recon, x, mu, logvar, critic):\n    return 0\n\ndef many(*args):\n    return 0\n");
    probe(&world, &["loss.py"]).expect(2).error_after(0, &["loss.py", "FILE.py:FUNCTION"]);
    probe(&world, &["none.py:loss"]).expect(2).error_after(1, &["none.py", "no such file"]);
    probe(&world, &["loss.py:los"]).expect(2).error_after(1, &["loss.py has no los", "loss, many"]);
    probe(&world, &["loss.py:loss"]).expect(2).error_after(1, &["critic", "--set critic=VALUE"]);
    probe(&world, &["loss.py:many"]).expect(2).error_after(1, &["*args", "--args recon,x,mean,logvar"]);
    probe(&world, &["loss.py:loss", "--beta", "4"]).expect(2).error_after(0, &["--beta 4", "--set NAME=VALUE"]);
    let nowhere = world.vae_bench(&["probe", "loss.py:loss", "--python", "/no/python"]).expect(2);
    assert!(nowhere.stderr.contains("/no/python") && nowhere.stderr.contains("--python"), "{}", nowhere.stderr);
}

#[cfg(unix)]
#[test]
fn a_python_without_the_library_is_told_what_to_install() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let bare = world.path().join("bare");
    // Without its site there is the standard library alone.
    std::fs::write(&bare, "#!/bin/sh\nexec python3 -S \"$@\"\n").unwrap();
    std::fs::set_permissions(&bare, std::fs::Permissions::from_mode(0o755)).unwrap();
    if !Command::new(&bare).args(["-c", ""]).status().is_ok_and(|status| status.success()) {
        return skipped("install python3");
    }
    for (library, line) in [("numpy", "np.mean((recon - x) ** 2)"), ("torch", "F.mse_loss(recon, x)")] {
        let python = ["--python", bare.to_str().unwrap()];
        let told = world.vae_bench(&[&["probe", "-e", line], &python[..]].concat()).expect(2);
        assert!(
            told.stderr.contains(&format!("has no {library}")) && told.stderr.contains("--python"),
            "{}",
            told.stderr
        );
        assert!(!told.stderr.contains("Traceback"), "{}", told.stderr);
    }
}

#[test]
fn the_codes_own_errors_are_shown_as_they_are() {
    if !has("numpy") {
        return;
    }
    let world = World::new();
    let write = |name: &str, text: &str| std::fs::write(world.path().join(name), text).unwrap();
    write("broken.py", "import numpy\n\ndef loss(recon, x, mu, logvar):\n    return undefined_name + 1\n");
    let failed = probe(&world, &["broken.py:loss"]).expect(1);
    assert!(failed.stderr.contains("NameError: name 'undefined_name' is not defined"), "{}", failed.stderr);
    assert!(failed.stderr.contains("broken.py\", line 4"), "{}", failed.stderr);
    write("import_fails.py", "import numpy\nraise ValueError('no data here')\n");
    let failed = probe(&world, &["import_fails.py:loss"]).expect(1);
    assert!(failed.stderr.contains("ValueError: no data here") && failed.stderr.contains("--definitions-only"));
    write("leaves.py", "import sys\nsys.exit(3)\n");
    let failed = probe(&world, &["leaves.py:loss"]).expect(2);
    assert!(failed.stderr.contains("exit code 3"), "{}", failed.stderr);
}

#[test]
fn code_that_prints_reads_or_never_ends_is_held_apart() {
    if !has("numpy") {
        return;
    }
    let world = World::new();
    let write = |name: &str, text: &str| std::fs::write(world.path().join(name), text).unwrap();
    let loss = "def loss(recon, x, mu, logvar):\n    print('loss is', 1)\n    return ((recon - x)**2).sum() + \
                (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).sum()\n";
    write(
        "noisy.py",
        &format!("import numpy as np\nimport os\nprint('{{\"parts\": []}}')\nos.write(1, b'noise')\n{loss}"),
    );
    let found = json(&world, &["noisy.py:loss"]);
    assert_eq!(found["recon_weight"], "B");
    write("trains.py", &format!("import numpy as np\nimport time\n{loss}\nepochs = 10\ntime.sleep(1000)\n"));
    let slow = probe(&world, &["trains.py:loss", "--time-limit", "2"]).expect(1);
    assert!(slow.stderr.contains("longer than 2 s"), "{}", slow.stderr);
    let found = json(&world, &["trains.py:loss", "--definitions-only"]);
    assert_eq!(found["kl_weight"], "B");
}

#[test]
fn the_committed_table_has_no_misidentified_loss() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/probe");
    let table = std::fs::read_to_string(path.join("table.csv")).unwrap();
    let cases = std::fs::read_to_string(path.join("cases.csv")).unwrap();
    let mut reader = ::csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (mut right, mut refused, mut libraries) = (0, 0, std::collections::BTreeSet::new());
    for row in reader.records().map(Result::unwrap) {
        libraries.insert(row[at("framework")].to_owned());
        match &row[at("answer")] {
            "right" => right += 1,
            "refused" => refused += 1,
            other => panic!("{}: {other}", &row[at("function")]),
        }
    }
    let known = ::csv::Reader::from_reader(cases.as_bytes()).records().count();
    assert_eq!(right + refused, known, "every case is in the table");
    assert!(right >= 40 && refused >= 8, "{right} right, {refused} refused");
    assert_eq!(libraries.into_iter().collect::<Vec<_>>(), ["jax", "numpy", "tensorflow", "torch"]);
}

trait AfterNotice {
    fn error_after(self, before: usize, words: &[&str]);
}

impl AfterNotice for support::Done {
    /// Fails the test unless the last line of stderr, after `before` others, is an error with all of `words`.
    #[track_caller]
    fn error_after(self, before: usize, words: &[&str]) {
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert_eq!(lines.len(), before + 1, "{}", self.stderr);
        for word in words {
            assert!(lines[before].contains(word), "{:?} lacks {word:?}", lines[before]);
        }
    }
}
