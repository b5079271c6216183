//! Numbers in the cells of tables, as digits of one width need them.

/// As wide as a digit, and as wide as a point.
const FIGURE_SPACE: char = '\u{2007}';
const POINT_SPACE: char = '\u{2008}';

/// A number in nats: two decimals.
pub(super) fn fixed(value: f64) -> String {
    if value.abs() < 1e7 { format!("{value:.2}") } else { format!("{value:.3e}") }.replace('-', "\u{2212}")
}

/// A number with at most four significant digits.
pub(super) fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-4..1e6).contains(&rounded.abs()) { format!("{rounded:e}") } else { rounded.to_string() }
        .replace('-', "\u{2212}")
}

/// The numbers of a column, filled with spaces so that their decimal points are below each other.
pub(super) fn aligned(values: &[Option<f64>]) -> Vec<String> {
    let texts: Vec<String> = values.iter().map(|value| value.map_or_else(String::new, short)).collect();
    let decimals = |text: &str| text.find('.').map_or(0, |at| text[at + 1..].chars().count());
    let most = texts.iter().map(|text| decimals(text)).max().unwrap_or(0);
    let filled = |text: String| match (text.is_empty(), text.contains('.')) {
        (true, _) => text,
        (false, point) => {
            let missing = most - decimals(&text);
            let end = if point || most == 0 { String::new() } else { POINT_SPACE.to_string() };
            text + &end + &String::from(FIGURE_SPACE).repeat(missing)
        }
    };
    texts.into_iter().map(filled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_below_each_other_and_no_cell_has_more_than_four_digits() {
        let cells = aligned(&[Some(784.0), Some(0.012_755_1), None, Some(3.022_1e-6), Some(1.0)]);
        assert_eq!(cells[0], "784\u{2008}\u{2007}\u{2007}\u{2007}\u{2007}\u{2007}\u{2007}");
        assert_eq!(cells[1], "0.01276\u{2007}");
        assert_eq!(cells[2], "");
        assert_eq!(cells[3], "3.022e−6");
        assert_eq!(fixed(-746.921), "−746.92");
    }
}
