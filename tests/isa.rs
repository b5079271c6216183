//! The instruction set that is chosen by hand, and what it does to a run: nothing.

mod support;

use std::io::Write;
use std::process::Command;

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
        note(&format!("this processor lacks {}", skipped.join(", ")));
    }
}

/// Runs of which another processor must write the same bytes or another name.
const UNDER_EMULATION: [&[&str]; 10] = [
    &["--loss", "bce"],
    &["--loss", "mse", "--optimizer", "rmsprop", "--activation", "tanh"],
    &["--loss", "bce", "--binarize", "dynamic", "--optimizer", "sgd", "--activation", "softplus"],
    &["--loss", "gaussian", "--latent-dim", "40", "--warmup", "linear:20steps"],
    &["--loss", "bce", "--free-bits", "latent-batch:0.1"],
    &["--loss", "laplace"],
    &["--loss", "mse", "--output-activation", "sigmoid"],
    &["--loss", "gaussian-optimal"],
    &["--model", "vq-vae", "--loss", "mse"],
    &["--loss", "bce", "--engine", "candle"],
];
/// How many of them are the work of the kernels alone, and keep their names.
const OF_THE_KERNELS: usize = 4;

/// Runs each of [`UNDER_EMULATION`] here and, with the program that `elsewhere` makes of the plain command, on another
/// processor.
fn the_same_bytes_or_another_name(elsewhere: impl Fn(&Command) -> Command) {
    let mut same = 0;
    for flags in UNDER_EMULATION {
        let world = World::new();
        world.write_data("data", 60, 40);
        let arguments = small(&[&["--hidden", "24", "--epochs", "1", "--threads", "1"], flags].concat());
        let plain = world.command(&arguments);
        let mut emulated = elsewhere(&plain);
        emulated.args(plain.get_args()).current_dir(world.path());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => emulated.env(name, value),
                None => emulated.env_remove(name),
            };
        }
        let run = |mut command: Command| {
            support::done(command.output().unwrap()).expect(0);
            let files = ["metrics.csv", "latents.csv", "model.safetensors"];
            let files = files.map(|file| std::fs::read(world.only_run().join(file)).ok());
            let id = world.only_run();
            std::fs::remove_dir_all(world.out()).unwrap();
            (id, files)
        };
        let (here, there) = (run(plain), run(emulated));
        if here.0 == there.0 {
            same += 1;
            assert!(here.1[0].is_some() && here.1 == there.1, "{flags:?}: one name, two results");
        }
    }
    assert_eq!(same, OF_THE_KERNELS, "the runs of the kernels alone keep their names");
}

fn note(text: &str) {
    // Straight to stderr: the test harness swallows what a passing test prints with macros.
    let _ = writeln!(std::io::stderr(), "NOT RUN: {text}");
}

/// Where the user-mode emulator of x86-64 is installed.
#[test]
fn a_processor_without_avx_writes_the_same_bytes_or_another_name() {
    const EMULATOR: &str = "qemu-x86_64";
    if Command::new(EMULATOR).arg("--version").output().is_err() || cfg!(not(target_arch = "x86_64")) {
        return note("qemu-x86_64 is not installed");
    }
    the_same_bytes_or_another_name(|plain| {
        let mut emulated = Command::new(EMULATOR);
        emulated.args(["-cpu", "Nehalem"]).arg(plain.get_program());
        emulated
    });
}

/// With a program that runs vae-bench built for ARM: `scripts/check_arm.sh` makes one.
#[test]
fn an_arm_processor_writes_the_same_bytes_or_another_name() {
    const PROGRAM: &str = "VAE_BENCH_ON_ARM";
    match std::env::var_os(PROGRAM) {
        Some(program) => the_same_bytes_or_another_name(|_| Command::new(&program)),
        None => note(&format!("{PROGRAM} names no program (scripts/check_arm.sh)")),
    }
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
