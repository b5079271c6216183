//! The instruction set that is chosen by hand, and what it does to a run: nothing.

mod support;

use std::io::Write;

use kernels::Isa;
use support::{World, small};

/// The metrics of a small run, with the instruction set chosen or not.
fn metrics(isa: Option<Isa>, loss: &str) -> String {
    let world = World::new();
    let mut command = world.command(&small(&["--loss", loss, "--hidden", "48,40", "--epochs", "1"]));
    if let Some(isa) = isa {
        command.env(Isa::VARIABLE, isa.name());
    }
    support::done(command.output().unwrap()).expect(0);
    world.read("metrics.csv")
}

#[test]
fn every_instruction_set_gives_the_same_metrics_csv() {
    let mut skipped = Vec::new();
    for loss in ["bce", "mse"] {
        let default = metrics(None, loss);
        assert_eq!(default.lines().count(), 4, "{default}");
        for isa in Isa::ALL {
            if isa.is_available() {
                assert_eq!(metrics(Some(isa), loss), default, "{isa}, {loss}");
            } else {
                skipped.push(format!("{isa} with {loss}"));
            }
        }
    }
    if !skipped.is_empty() {
        // Straight to stderr: the test harness swallows what a passing test prints with macros.
        let note = format!("NOT RUN, {}: this processor lacks {}\n", skipped.len(), skipped.join(", "));
        let _ = std::io::stderr().write_all(note.as_bytes());
    }
}

/// Runs of which a processor without AVX must write the same bytes or another name.
const UNDER_EMULATION: [&[&str]; 9] = [
    &["--loss", "bce"],
    &["--loss", "mse", "--optimizer", "rmsprop", "--activation", "tanh"],
    &["--loss", "bce", "--binarize", "dynamic", "--optimizer", "sgd", "--activation", "softplus"],
    &["--loss", "gaussian", "--latent-dim", "40", "--warmup", "linear:20steps"],
    &["--loss", "bce", "--free-bits", "latent-batch:0.1"],
    &["--loss", "laplace"],
    &["--loss", "mse", "--output-activation", "sigmoid"],
    &["--loss", "gaussian-optimal"],
    &["--loss", "bce", "--engine", "candle"],
];

/// Where the user-mode emulator of x86-64 is installed.
#[test]
fn a_processor_without_avx_writes_the_same_bytes_or_another_name() {
    const EMULATOR: &str = "qemu-x86_64";
    if std::process::Command::new(EMULATOR).arg("--version").output().is_err() || cfg!(not(target_arch = "x86_64")) {
        let _ = writeln!(std::io::stderr(), "NOT RUN: {EMULATOR} is not installed");
        return;
    }
    let mut same = 0;
    for flags in UNDER_EMULATION {
        let world = World::new();
        world.write_data("data", 60, 40);
        let arguments = small(&[&["--hidden", "24", "--epochs", "1", "--threads", "1"], flags].concat());
        support::done(world.command(&arguments).output().unwrap()).expect(0);
        let (id, here) = (world.runs().pop().unwrap(), world.read("metrics.csv"));
        std::fs::remove_dir_all(world.out()).unwrap();
        let mut emulated = std::process::Command::new(EMULATOR);
        let plain = world.command(&arguments);
        emulated.args(["-cpu", "Nehalem"]).arg(plain.get_program()).args(plain.get_args()).current_dir(world.path());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => emulated.env(name, value),
                None => emulated.env_remove(name),
            };
        }
        support::done(emulated.output().unwrap()).expect(0);
        if world.runs().pop().unwrap() == id {
            same += 1;
            assert_eq!(world.read("metrics.csv"), here, "{flags:?}: one name, two tables");
        }
    }
    assert_eq!(same, 4, "the runs of the kernels alone keep their names");
}

#[test]
fn an_instruction_set_without_name_or_processor_is_a_usage_error() {
    let world = World::new();
    let refused = |value: &str| {
        let output = world.command(&small(&[])).env(Isa::VARIABLE, value).output().unwrap();
        support::done(output).expect(2).error_with(&["VAE_BENCH_ISA", value, "choose from", "portable"]);
        assert!(world.runs().is_empty());
    };
    refused("sse9");
    for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
        refused(isa.name());
    }
}
