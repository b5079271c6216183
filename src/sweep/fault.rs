//! Something wrong at a place of a sweep file.

/// More runs than anybody starts on purpose: a typing error, refused before anything is allocated.
pub(super) const MAX_RUNS: usize = 100_000;

/// Something wrong at a byte of the text.
#[derive(Debug)]
pub(super) struct Fault {
    /// The byte.
    pub at: usize,
    /// What is wrong and what to write, as a sentence.
    pub why: String,
}

impl Fault {
    pub(super) fn new(at: usize, why: impl Into<String>) -> Self {
        Fault { at, why: why.into() }
    }

    /// "line 3: ..." for the text in which it is.
    pub(super) fn in_text(&self, text: &str) -> String {
        format!("line {}: {}", line_of(text, self.at), self.why.replace('\n', "; "))
    }
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|&&b| b == b'\n').count()
}

/// Refuses more values than a sweep can have runs.
pub(super) fn within_bound(count: u64, at: usize) -> Result<(), Fault> {
    if count > MAX_RUNS as u64 {
        return Err(Fault::new(at, format!("{count} values are more than a sweep of {MAX_RUNS} runs can have")));
    }
    Ok(())
}
