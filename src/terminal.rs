//! The one place that writes to stdout and stderr.
//!
//! stdout carries results. A reader that has gone away (`| head`) is no error; any other failure to write, such as a
//! full disk, is kept and reported once by [`stdout_is_complete`], so that a run is never stopped by its display. stderr
//! carries progress and warnings: where it is closed or full, they are lost and nothing else is.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::text::{printable, wrap};

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

/// Writes text for people to stdout, which may hold foreign words: each line is made [`printable`], and on a terminal broken
/// between words.
pub fn print_text(text: &str) {
    print(shown(text, stdout_width(), Paint::Plain));
}

/// Writes verdicts, or a table with them, to stdout as [`print_text`] does; on a terminal that has colours, the words of a
/// verdict have theirs.
pub fn print_verdicts(text: &str) {
    let paint = if has_colors(&std::io::stdout()) { Paint::Verdicts } else { Paint::Plain };
    print(shown(text, stdout_width(), paint));
}

/// Whether the words of a verdict are coloured.
#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Verdicts,
}

fn shown(text: &str, width: Option<usize>, paint: Paint) -> String {
    let line = |line: &str| {
        let line = printable(line);
        let line = width.map_or_else(|| line.to_string(), |width| wrap(&line, width));
        match paint {
            Paint::Plain => format!("{line}\n"),
            Paint::Verdicts => format!("{}\n", painted(&line)),
        }
    };
    text.lines().map(line).collect()
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";

/// `text` with the words of a verdict in colour.
fn painted(text: &str) -> String {
    let color = |word: &str| match word {
        "COLLAPSED" | "DIVERGED" | "FAILED" | "collapsed" | "diverged" | "failed" | "one-code" | "unstable" => {
            Some(RED)
        }
        "none-active" | "some-active" | "untrained" | "still-falling" | "overfitting" | "bound-above" | "above"
        | "dead-codes" => Some(YELLOW),
        "all-active" | "all-codes" | "all-used" | "settled" | "recon-and-bound-below" | "recon-below" => Some(GREEN),
        _ => None,
    };
    let mut out = String::with_capacity(text.len() + 32);
    for piece in text.split_inclusive([' ', '\n', ':', ',']) {
        let word = piece.trim_end_matches([' ', '\n', ':', ',']);
        match color(word) {
            Some(color) => out.push_str(&format!("{color}{word}{RESET}{}", &piece[word.len()..])),
            None => out.push_str(piece),
        }
    }
    out
}

/// Whether `stream` is a terminal that shows colours, and the user has not forbidden them.
fn has_colors(stream: &impl IsTerminal) -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !forbidden && !is_dumb()
}

/// Whether help may have colours and bold words.
pub fn stdout_has_colors() -> bool {
    has_colors(&std::io::stdout())
}

/// A terminal that can only print lines.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Whether stderr is a terminal on which a line can be replaced, so that a bar can be shown.
pub fn stderr_is_live() -> bool {
    std::io::stderr().is_terminal() && !is_dumb()
}

/// Whether stdout is a terminal that shows more than plain lines.
pub fn stdout_is_live() -> bool {
    std::io::stdout().is_terminal() && !is_dumb()
}

/// Characters of a line of the terminal that stdout is, if it is one.
pub fn stdout_width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0).max(20))
}

/// Characters of a line of the terminal that stderr is, if it is one: the last column stays free, so that bars below never
/// share a row with it.
fn stderr_width() -> Option<usize> {
    stderr_size().map(|(width, _)| width.saturating_sub(1).max(20))
}

/// Columns and rows of the terminal that stderr is, if it is one.
pub fn stderr_size() -> Option<(usize, usize)> {
    terminal_size::terminal_size_of(std::io::stderr()).map(|(width, height)| (width.0.into(), height.0.into()))
}

/// Whether stdout and stderr go to one place, a terminal or a log, so that what is on one need not be repeated on the other.
pub fn is_one_stream() -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let place = |path: &str| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        let (out, err) = (place("/dev/stdout"), place("/dev/stderr"));
        // What is thrown away is not read on the other.
        out.is_some() && out == err && out != place("/dev/null")
    }
    #[cfg(not(unix))]
    {
        std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
    }
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

/// Writes one [`printable`] line to stderr, on a terminal broken between words.
pub fn say(line: &str) {
    write_stderr(format!("{}\n", stderr_line(line)));
}

/// A line for stderr: `error:` and `warning:` have colours where there are some.
pub fn stderr_line(line: &str) -> String {
    let line = printable(line);
    let line = stderr_width().map_or_else(|| line.to_string(), |width| wrap(&line, width));
    let labels = [("error:", RED), ("warning:", YELLOW), ("FAILED", RED)];
    match labels.into_iter().find(|(label, _)| line.starts_with(label)) {
        Some((label, color)) if has_colors(&std::io::stderr()) => {
            format!("{color}{label}{RESET}{}", &line[label.len()..])
        }
        Some(_) | None => line,
    }
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
    let width = stderr_width().unwrap_or(78).min(78);
    let rule = "!".repeat(width);
    let wrapped: Vec<String> = match stderr_width() {
        Some(_) => warning.lines().map(|line| wrap(line, width.saturating_sub(3).max(20))).collect(),
        None => vec![warning.to_owned()],
    };
    let lines: String = wrapped.iter().flat_map(|text| text.lines()).map(|line| format!("!! {line}\n")).collect();
    say_lines(&format!("{rule}\n{lines}{rule}"));
}

/// Draws on the terminal that stderr is: `codes` with their control sequences, in one write.
pub fn draw(codes: String) {
    write_stderr(codes);
}

/// In one write, so that lines of several threads and processes stay whole.
fn write_stderr(text: String) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
