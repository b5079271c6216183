//! Words for numbers and for shells.

pub use figure::number::significant;

/// `word` quoted so that a POSIX shell reads it as one word.
pub fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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
}
