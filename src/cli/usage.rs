//! What was typed wrong, in one line.

/// Clap's error in one line: what is wrong, what is possible, and where help is.
pub(super) fn one_line(error: &clap::Error) -> String {
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
    parts.join("; ")
}
