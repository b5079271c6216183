//! Numbers as typed, for flags that are no settings of a run.

pub(super) use crate::spec::number::number;

pub(super) fn count<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| "not a whole number in range; write one such as 0, 1 or 20".to_owned())
}
