//! Text for people, shells and terminals.

use std::borrow::Cow;

pub use figure::number::significant;

/// `word` quoted so that a POSIX shell reads it as one word.
pub fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `text` and as many spaces behind it as make it `width` characters wide: `format!` panics above 65,535, which a list of
/// widths or a tag reaches.
pub fn padded(text: &str, width: usize) -> String {
    text.to_owned() + &" ".repeat(width.saturating_sub(text.chars().count()))
}

/// The same with the spaces before it.
pub fn padded_before(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.chars().count())) + text
}

/// `text` as one line that does nothing to a terminal: control characters and line breaks are written as escapes such
/// as `\n` and `\u{1b}`, and so are the characters that reverse the direction of what follows them.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts_on_terminal) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts_on_terminal(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

fn acts_on_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The one of `names` that is spelt most like `word`, where one is near: "did you mean ...?".
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let wanted = word.chars().count();
    let near = names.into_iter().filter_map(|name| {
        let other = plain(name);
        let begins = wanted >= 3 && other.starts_with(&word);
        let distance = if begins { 0 } else { edits(&word, &other) };
        // One slip in three letters.
        (begins || 3 * distance <= wanted.max(3)).then_some((distance, name.len(), name))
    });
    near.min().map(|(_, _, name)| name)
}

/// The insertions, deletions, replacements and swaps of neighbours that make `to` of `from` (Damerau 1964, restricted).
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().take(64).collect(), to.chars().take(64).collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

/// `line` in lines of at most `width` characters, broken between words; what follows begins under the text of the first line
/// (the last stretch after two spaces in its left half). A word that is longer than a line stays whole.
pub fn wrap(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let chars: Vec<char> = line.chars().collect();
    let own = chars.iter().take_while(|c| **c == ' ').count();
    let begins = (1..chars.len())
        .filter(|&i| i <= width / 2 && chars[i] != ' ' && i >= 2 && chars[i - 1] == ' ' && chars[i - 2] == ' ');
    let hang = begins.max().unwrap_or(own).max(own);
    let mut lines: Vec<String> = Vec::new();
    let mut start = 0;
    while start < chars.len() {
        let indent = if lines.is_empty() { 0 } else { hang };
        let room = width.saturating_sub(indent).max(1);
        let rest = &chars[start..];
        if rest.len() <= room {
            lines.push(" ".repeat(indent) + &rest.iter().collect::<String>());
            break;
        }
        // Not within the indentation and the labels of the first line.
        let least = if lines.is_empty() { hang.max(own) } else { 0 };
        let is_break = |&i: &usize| rest[i] == ' ' && i > least;
        let end = (0..=room).rev().find(is_break).or_else(|| (room..rest.len()).find(is_break)).unwrap_or(rest.len());
        let text: String = rest[..end].iter().collect();
        lines.push(" ".repeat(indent) + text.trim_end());
        start += end;
        while chars.get(start) == Some(&' ') {
            start += 1;
        }
    }
    lines.join("\n")
}

/// `count` with commas between thousands: "11,297".
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_that_was_meant() {
        let names = ["beta", "batch-size", "keras-io", "keras-2016-05", "latent-dim"];
        for (typed, meant) in [
            ("betta", Some("beta")),
            ("bta", Some("beta")),
            ("latent_dim", Some("latent-dim")),
            ("kerasio", Some("keras-io")),
            ("keras", Some("keras-io")),
            ("btach-size", Some("batch-size")),
            ("gamma", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
        assert_eq!((edits("ca", "ac"), edits("", "abc"), edits("kitten", "sitting")), (1, 3, 3));
    }

    #[test]
    fn lines_are_broken_between_words_and_go_on_under_their_text() {
        assert_eq!(wrap("short", 20), "short");
        assert_eq!(
            wrap("verdict  all latents vary with the image", 24),
            "verdict  all latents\n         vary with the\n         image"
        );
        assert_eq!(wrap("one two three", 8), "one two\nthree");
        assert_eq!(wrap("  indented text here", 12), "  indented\n  text here");
        assert_eq!(wrap("a /very/long/path/that/does/not/break b", 12), "a\n/very/long/path/that/does/not/break\nb");
        for width in 1..60 {
            let text = wrap("verdict  some-active   3 of 4 latents vary with the image", width);
            assert_eq!(text.split_whitespace().count(), 10, "{width}");
        }
    }

    #[test]
    fn thousands_are_separated() {
        let shown = [0, 999, 1000, 11_297, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "11,297", "1,234,567"]);
    }

    #[test]
    fn a_shell_sees_one_word() {
        assert_eq!(shell_quote("--lr"), "--lr");
        assert_eq!(shell_quote(""), "''");
        assert_eq!(shell_quote("a'b $(rm)"), r"'a'\''b $(rm)'");
    }

    #[test]
    fn text_with_line_breaks_and_escape_codes_is_one_harmless_line() {
        assert_eq!(printable("a\nb\r\tc"), r"a\nb\r\tc");
        assert_eq!(printable("\u{1b}[31mred\u{7f}\u{9b}"), r"\u{1b}[31mred\u{7f}\u{9b}");
        assert_eq!(printable("txt.\u{202e}exe\u{2028}"), r"txt.\u{202e}exe\u{2028}");
    }

    #[test]
    fn ordinary_text_of_any_language_is_left_as_it_is() {
        assert!(matches!(printable("naïve σ² 数字 'quoted' \\ back"), Cow::Borrowed(_)));
    }
}
