//! The order in which people read names and numbers: b1, b2.15, b10.

use std::cmp::Ordering;

/// A part of a name: words are compared by letters, numbers by value.
enum Part<'a> {
    Number(f64),
    Word(&'a str),
}

/// Compares two names, the numbers in them by value.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut one, mut two) = (a, b);
    loop {
        match (next_part(&mut one), next_part(&mut two)) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(Part::Number(x)), Some(Part::Number(y))) if x == y => {}
            (Some(Part::Number(x)), Some(Part::Number(y))) => return x.total_cmp(&y),
            (Some(Part::Number(_)), Some(Part::Word(_))) => return Ordering::Less,
            (Some(Part::Word(_)), Some(Part::Number(_))) => return Ordering::Greater,
            (Some(Part::Word(x)), Some(Part::Word(y))) if x == y => {}
            (Some(Part::Word(x)), Some(Part::Word(y))) => return x.cmp(y),
        }
    }
}

/// Takes the longest number, such as 10, 2.15 or 1e-5, or the text before the next digit.
fn next_part<'a>(text: &mut &'a str) -> Option<Part<'a>> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    if !bytes.first()?.is_ascii_digit() {
        let end = bytes.iter().position(u8::is_ascii_digit).unwrap_or(bytes.len());
        let word = &text[..end];
        *text = &text[end..];
        return Some(Part::Word(word));
    }
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if bytes.get(end) == Some(&b'e') {
        let sign = usize::from(bytes.get(end + 1).is_some_and(|b| b"+-".contains(b)));
        if bytes.len() > end + 1 + sign && digits(end + 1 + sign) > 0 {
            end += 1 + sign + digits(end + 1 + sign);
        }
    }
    let number = text[..end].parse().unwrap_or(f64::INFINITY);
    *text = &text[end..];
    Some(Part::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_in_the_order_of_their_values() {
        let sorted = ["", "2", "10", "1e2", "b1-s1", "b1-s2", "b2.15-s1", "b10-s1", "b1e2-s1", "c", "c0.5", "latent:1"];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, sorted);
        assert_eq!(natural_order("1.0", "1"), Ordering::Greater, "equal numbers are in the order of their text");
    }
}
