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
