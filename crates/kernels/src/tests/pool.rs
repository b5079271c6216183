//! Jobs on a pool whose threads stay awake: everything is done once, panics arrive, and the pool is free afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::in_pool;
use crate::awake;
use crate::system::pool::{scope, side_by_side};

/// The sum of 1 to `n`, each number added by a job that does something else three times; and how often.
fn sum_in_jobs(n: usize) -> (usize, usize) {
    let (sum, others, unfinished) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let (sum_of, others_of) = (&sum, &others);
    scope(&unfinished, |jobs| {
        for i in 1..=n {
            jobs.spawn(move || {
                sum_of.fetch_add(i, Ordering::Relaxed);
                side_by_side(3, || {
                    others_of.fetch_add(1, Ordering::Relaxed);
                });
            });
        }
    });
    (sum.into_inner(), others.into_inner())
}

#[test]
#[cfg_attr(miri, ignore = "no unsafe code of its own, and rayon takes Miri minutes")]
fn every_job_runs_once_on_any_number_of_threads_awake_or_not() {
    for threads in [1, 2, 3, 8] {
        in_pool(threads, || {
            assert_eq!(sum_in_jobs(1000), (500_500, 3000), "{threads} threads");
            assert_eq!(awake(|| sum_in_jobs(1000)), (500_500, 3000), "{threads} threads that are awake");
            // A watch that did not end would keep its thread, and this one would wait for it.
            for _ in 0..20 {
                assert_eq!(awake(|| rayon::broadcast(|_| 1).len()), threads);
            }
        });
    }
    assert_eq!(awake(|| 7), 7, "outside of a pool");
}

#[test]
#[cfg_attr(miri, ignore = "no unsafe code of its own, and rayon takes Miri minutes")]
fn a_panic_of_the_work_or_of_a_job_arrives_and_the_pool_goes_on() {
    in_pool(2, || {
        let work = catch_unwind(AssertUnwindSafe(|| awake(|| panic!("of the work"))));
        assert_eq!(work.unwrap_err().downcast_ref::<&str>(), Some(&"of the work"));
        let job = catch_unwind(AssertUnwindSafe(|| awake(|| side_by_side(3, || panic!("of a job")))));
        assert_eq!(job.unwrap_err().downcast_ref::<&str>(), Some(&"of a job"));
        assert_eq!(awake(|| sum_in_jobs(100)), (5050, 300));
    });
}
