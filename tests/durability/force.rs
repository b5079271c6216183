//! `--force`: repeats a finished run, resumes a repetition that was interrupted, and leaves no moment at which a run that is
//! not whole is believed.

use vae_bench::records::{Manifest, RunRecord, Status};
use vae_bench::run::{Existing, Started};

use crate::lab::*;

#[test]
fn a_forced_run_that_was_interrupted_is_resumed_by_the_same_command() {
    let (out, _) = Scene::Forced.template();
    assert_eq!(interrupt(out.path(), Existing::Repeat, 4).started, Started::Fresh);
    let resumed = interrupt(out.path(), Existing::Repeat, 3);
    assert_eq!(resumed.started, Started::Resumed { after_epoch: 1 });
    let done = run(out.path(), &plain(), Existing::Repeat).unwrap();
    assert_eq!(done.started, Started::Resumed { after_epoch: 2 });
    assert_eq!(results(out.path()), *undisturbed());
    // Finished: forced once more, it is done once more.
    assert_eq!(run(out.path(), &plain(), Existing::Repeat).unwrap().started, Started::Fresh);
    whole_after_restart(out.path()).unwrap();
}

#[test]
fn a_run_that_was_interrupted_without_force_is_begun_anew_with_it() {
    let (out, _) = Scene::Interrupted.template();
    assert_eq!(run(out.path(), &plain(), Existing::Repeat).unwrap().started, Started::Fresh);
    whole_after_restart(out.path()).unwrap();
}

#[test]
fn a_forced_run_killed_at_any_operation_is_completed_or_says_that_it_is_not() {
    let (template, existing) = Scene::Forced.template();
    for at in 0..Scene::Forced.operations().len() {
        let out = scratch();
        copy(template.path(), out.path());
        let _ = run(out.path(), &watched(Script::new(at, Fault::Kill)), existing);
        let manifest = Manifest::read(&dir(out.path()).manifest()).unwrap();
        if manifest.status == Status::Completed {
            RunRecord::read(&dir(out.path())).unwrap();
            assert_eq!(results(out.path()), *undisturbed(), "completed, so whole: killed at {at}");
        }
        // The same command, until it is through.
        run(out.path(), &plain(), existing).unwrap();
        whole_after_restart(out.path()).unwrap();
    }
}
