//! Number formatting.

/// `value` with at most five significant digits and without trailing zeros.
pub fn significant(value: f64) -> String {
    let rounded: f64 = format!("{value:.4e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-5..1e7).contains(&rounded.abs()) { format!("{rounded:e}") } else { rounded.to_string() }
}
