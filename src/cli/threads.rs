//! `--threads`, and the pool of threads that a command computes on.

use crate::error::{Error, Result};

/// More threads than any machine has are a slip of the finger.
const MAX_THREADS: usize = 1024;

/// Reads `--threads` and `--jobs`.
pub(super) fn threads(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(n) if (1..=MAX_THREADS).contains(&n) => Ok(n),
        _ => Err(format!("write a whole number from 1 to {MAX_THREADS}, or leave it out for all processors")),
    }
}

/// Starts the threads that a command computes on, one for each processor unless a number is given.
///
/// # Errors
/// [`Error::Run`] where the system refuses to start so many.
pub(super) fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Error::Run(format!("{threads} threads cannot be started ({e}); use fewer with --threads")))
}
