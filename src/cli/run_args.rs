//! Numbers as typed, for flags that are no settings of a run.

pub(super) fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "not a number; write one such as 0.5 or 1e-3".to_owned())
}

pub(super) fn count<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| "not a whole number in range; write one such as 0, 1 or 20".to_owned())
}
