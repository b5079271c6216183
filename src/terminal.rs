//! The one place that writes to stdout and stderr.
//!
//! stdout carries results. A reader that has gone away (`| head`) is no error; any other failure to write, such as a
//! full disk, is kept and reported once by [`stdout_is_complete`], so that a run is never stopped by its display. stderr
//! carries progress and warnings: where it is closed or full, they are lost and nothing else is.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::text::printable;

/// What came of writing to stdout so far.
enum Stdout {
    /// All was written.
    Complete,
    /// The reader left; nothing more is written.
    ReaderGone,
    /// A write failed; nothing more is written.
    Incomplete(std::io::Error),
}

static STDOUT: Mutex<Stdout> = Mutex::new(Stdout::Complete);

/// Writes results to stdout, to the last byte. Failures are kept for [`stdout_is_complete`].
pub fn print(bytes: impl AsRef<[u8]>) {
    let mut state = STDOUT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Stdout::Complete = *state {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes.as_ref()).and_then(|()| out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => *state = Stdout::ReaderGone,
            Err(error) => *state = Stdout::Incomplete(error),
        }
    }
}

/// stdout as a stream, for results that are written piece by piece; it fails as [`print()`] does, which is never.
#[derive(Clone, Copy, Debug)]
pub struct Results;

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        print(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes text for people to stdout, which may hold foreign words: each line is made [`printable`].
pub fn print_text(text: &str) {
    print(text.lines().map(|line| format!("{}\n", printable(line))).collect::<String>());
}

/// Writes one [`printable`] line to stdout.
pub fn print_line(line: &str) {
    print(format!("{}\n", printable(line)));
}

/// Whether everything that was printed has been written, or its reader left.
///
/// # Errors
/// The first failure to write, once.
pub fn stdout_is_complete() -> Result<()> {
    let mut state = STDOUT.lock().unwrap_or_else(PoisonError::into_inner);
    match std::mem::replace(&mut *state, Stdout::ReaderGone) {
        Stdout::Incomplete(source) => Err(Error::Io {
            path: PathBuf::from("stdout"),
            action: "write",
            source,
            hint: "the output is incomplete: free some space, or send it elsewhere, and repeat the command",
        }),
        unbroken => {
            *state = unbroken;
            Ok(())
        }
    }
}

/// Writes one [`printable`] line to stderr.
pub fn say(line: &str) {
    write_stderr(format!("{}\n", printable(line)));
}

/// Writes several lines to stderr, each made [`printable`].
pub fn say_lines(text: &str) {
    write_stderr(text.lines().map(|line| format!("{}\n", printable(line))).collect());
}

/// Warns on stderr, in one line.
pub fn warn(message: &str) {
    say(&format!("warning: {message}"));
}

/// Warns on stderr so that it cannot be missed.
pub fn banner(warning: &str) {
    let rule = "!".repeat(78);
    let lines: String = warning.lines().map(|line| format!("!! {line}\n")).collect();
    say_lines(&format!("{rule}\n{lines}{rule}"));
}

/// In one write, so that lines of several threads and processes stay whole.
fn write_stderr(text: String) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
