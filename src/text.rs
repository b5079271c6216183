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

#[cfg(test)]
mod tests {
    use super::*;

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
