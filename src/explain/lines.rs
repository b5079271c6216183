//! The form of an explanation: a name in a narrow column, and beside it what it is.

/// Lines that are being written.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Begins with the preset, where there is one, and what is known of it.
    pub(super) fn headed<'a>(preset: Option<&str>, facts: impl Iterator<Item = &'a String>) -> Self {
        let mut lines = Lines::default();
        if let Some(preset) = preset {
            lines.add("preset", preset);
            facts.for_each(|fact| lines.add("", fact));
        }
        lines
    }

    /// Adds a line; one without a name goes on with the one above it.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        self.0.push_str(&format!("{name:<12} {text}\n"));
    }

    /// All of them.
    pub(super) fn text(self) -> String {
        self.0
    }
}
