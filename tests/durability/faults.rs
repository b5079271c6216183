//! Each operation on a file killed, half written, or failed with what a disk can answer.

use crate::lab::*;

/// Disturbs each operation of each scene by `fault`, then starts the run again; counts schedules and exceptions.
fn disturb(fault: Fault) {
    let (mut schedules, mut exceptions) = (0, Vec::new());
    for scene in SCENES {
        let (template, existing) = scene.template();
        let step = if all() { 1 } else { 3 };
        for at in (0..scene.operations().len()).step_by(step) {
            let out = scratch();
            copy(template.path(), out.path());
            let done = run(out.path(), &watched(Script::new(at, fault)), existing);
            schedules += 1;
            if let Err(why) = &done
                && why.to_string().lines().count() != 1
            {
                exceptions.push(format!("{scene:?} {at}: not one line: {why}"));
            }
            if let Err(why) = whole_after_restart(out.path()) {
                exceptions.push(format!("{scene:?} {at}: {why}"));
            }
        }
    }
    println!("{fault:?}: {schedules} schedules, {} exceptions", exceptions.len());
    assert!(exceptions.is_empty(), "{exceptions:#?}");
}

#[test]
fn a_run_killed_before_any_operation_ends_in_the_same_bytes() {
    disturb(Fault::Kill);
}

#[test]
fn a_run_killed_in_the_middle_of_any_write_ends_in_the_same_bytes() {
    disturb(Fault::HalfWrite);
}

#[test]
fn a_run_whose_disk_fails_once_at_any_operation_ends_in_the_same_bytes() {
    for error in [Fault::ENOSPC, Fault::EIO, Fault::EROFS, Fault::EACCES] {
        disturb(Fault::Once(error));
    }
}

#[test]
fn a_run_whose_disk_fails_for_good_at_any_operation_ends_in_the_same_bytes_on_a_good_one() {
    for error in [Fault::ENOSPC, Fault::EIO, Fault::EROFS] {
        disturb(Fault::FromThenOn(error));
    }
}

#[test]
fn two_kills_in_a_row_end_in_the_same_bytes() {
    let (mut schedules, mut exceptions) = (0, Vec::new());
    let step = if all() { 1 } else { 13 };
    let operations = Scene::Fresh.operations().len();
    for first in (0..operations).step_by(step) {
        for second in (0..operations).step_by(step) {
            let out = scratch();
            for at in [first, second] {
                let _ = run(out.path(), &watched(Script::new(at, Fault::Kill)), vae_bench::run::Existing::Keep);
            }
            schedules += 1;
            if let Err(why) = whole_after_restart(out.path()) {
                exceptions.push(format!("{first} {second}: {why}"));
            }
        }
    }
    println!("two kills: {schedules} schedules, {} exceptions", exceptions.len());
    assert!(exceptions.is_empty(), "{exceptions:#?}");
}
