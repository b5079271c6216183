//! Every way a command can fail, with the thing, the reason and a hint in one line.

use std::path::{Path, PathBuf};

use crate::text::printable;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong; the variant decides the exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Flags, variables or configuration files that make no valid run. Exit code 2.
    #[error("{0}")]
    Usage(String),

    /// Data that is missing, damaged or not of the kind that was asked for. Exit code 3.
    #[error("{0}")]
    Data(String),

    /// A file or a stream that cannot be read or written. Exit code 1.
    #[error("{}: cannot {action}: {}; {hint}", path.display(), plain(source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The failed action, as a verb: "write", "create".
        action: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
        /// What the user can do.
        hint: &'static str,
    },

    /// A run that cannot go on. Exit code 1.
    #[error("{0}")]
    Run(String),

    /// A run that another process is working on. Exit code 1.
    #[error("{0}")]
    Busy(String),

    /// Ended by a signal before there was anything to resume. Exit code 75.
    #[error("{0}")]
    Interrupted(String),

    /// A picture that cannot be drawn. Exit code 1.
    #[error("{0}")]
    Picture(#[from] figure::Error),

    /// A tensor operation that failed: out of device memory, or a bug of this program. Exit code 1.
    #[error("tensor operation failed: {}", first_line(.0))]
    Tensor(#[from] candle_core::Error),
}

/// The exit codes of the command line, a contract that scripts lean on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Success.
    Done = 0,
    /// A run failed.
    RunFailed = 1,
    /// The command line is not valid.
    Usage = 2,
    /// Data is missing or corrupt.
    Data = 3,
    /// The objective became non-finite.
    Diverged = 4,
    /// Interrupted by a signal; the same command resumes (`EX_TEMPFAIL`, which schedulers requeue).
    Interrupted = 75,
}

impl Error {
    /// The exit code for this error.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::Usage(_) => ExitCode::Usage,
            Error::Data(_) => ExitCode::Data,
            Error::Interrupted(_) => ExitCode::Interrupted,
            Error::Io { .. } | Error::Run(_) | Error::Busy(_) | Error::Picture(_) | Error::Tensor(_) => {
                ExitCode::RunFailed
            }
        }
    }

    /// An output that cannot be written; the hint is to free space or to write to another directory.
    pub fn output(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        let hint = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                "free some space and run the same command again: it resumes"
            }
            std::io::ErrorKind::FileTooLarge => {
                "raise the limit on the size of files (ulimit -f) and run the same command again: it resumes"
            }
            _ => "name a writable directory with --out",
        };
        Error::Io { path: path.to_path_buf(), action, source, hint }
    }

    /// A file of a run that cannot be read back.
    pub fn input(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        Error::Io { path: path.to_path_buf(), action, source, hint: "check that the path exists and is readable" }
    }
}

/// The system's words without its number: "permission denied" and not "Permission denied (os error 13)".
fn plain(source: &std::io::Error) -> String {
    let text = source.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

/// The first line of an error's text: Candle adds a backtrace where the environment asks for one, and safetensors quotes the
/// file, line breaks included.
pub(crate) fn first_line(error: &impl std::fmt::Display) -> String {
    printable(error.to_string().lines().next().unwrap_or_default()).into_owned()
}
