//! Signals that ask a command to save and end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::{Error, ExitCode, Result};

/// The signals that mean: save, and end.
#[cfg(unix)]
const STOP_SIGNALS: [i32; 3] =
    [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGUSR1];
#[cfg(not(unix))]
const STOP_SIGNALS: [i32; 2] = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];

/// Lets a write beyond the limit on a file's size (`ulimit -f`) fail with an error, which names the file, in place of ending
/// the process.
#[cfg(unix)]
pub(super) fn survive_file_size_limit() {
    // A handler is all it takes; where none can be set, the signal ends the process as before.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// A flag that Ctrl-C, SIGTERM and SIGUSR1 (a scheduler's warning) set; a second one ends the process at once.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in STOP_SIGNALS {
        // The order matters: the second signal must find the flag set by the first.
        signal_hook::flag::register_conditional_shutdown(signal, ExitCode::Interrupted as i32, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|e| Error::Run(format!("signals cannot be caught ({e})")))?;
    }
    Ok(stop)
}
