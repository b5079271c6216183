//! What was typed wrong, in one line.

use std::path::Path;

use clap::error::ContextValue;

use crate::error::{Error, Result};
use crate::text::printable;

/// Clap's error in one line: what is wrong, what is possible, and where help is.
pub(super) fn usage_error(mut error: clap::Error) -> Error {
    // Line breaks in what was typed must not pass for those between clap's own sentences.
    let typed: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, printable(text).into_owned())),
            _ => None,
        })
        .collect();
    for (kind, text) in typed {
        error.insert(kind, ContextValue::String(text));
    }
    let text = error.to_string();
    let mut parts: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .collect();
    let first = parts.first().map_or("", |line| line.trim_start_matches("error: "));
    if let Some(part) = parts.first_mut() {
        *part = first;
    }
    parts.push("see `vae-bench --help`");
    Error::Usage(parts.join("; "))
}

/// Refuses a path that cannot be written into `file` (config.toml, JSON), before any work is done.
///
/// # Errors
/// [`Error::Usage`] where the path is not UTF-8.
pub(super) fn require_utf8(flag: &str, path: &Path, file: &str) -> Result<()> {
    match path.to_str() {
        Some(_) => Ok(()),
        None => Err(Error::Usage(format!(
            "{flag} {}: the path is not UTF-8 and cannot be written into {file}; rename the directory, or link to it \
             under another name",
            path.display()
        ))),
    }
}
