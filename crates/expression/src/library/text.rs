//! Text functions. Positions and lengths count characters (Unicode scalar values), so that no
//! character is split. .NET counts UTF-16 units, which differs only beyond the basic plane (emoji).

mod encode;
mod letters;
mod names;

pub(crate) use encode::{base64_decode, string_from_sid, utf8_hex, utf16_base64};
pub(crate) use letters::{normalize_diacritics, pascal_case};
pub(crate) use names::dn_component;

/// Returns the first `count` characters, or the whole text if it is shorter or the count is negative.
pub(crate) fn left_part(text: &str, count: i64) -> &str {
    if count < 0 {
        return text;
    }
    text.get(..byte_of(text, count)).unwrap_or(text)
}

/// Returns `length` characters from the character `start`, counted from 1 (smaller numbers mean 1).
pub(crate) fn middle_part(text: &str, start: i64, length: i64) -> &str {
    let rest = text.get(byte_of(text, start.saturating_sub(1))..).unwrap_or_default();
    rest.get(..byte_of(rest, length)).unwrap_or_default()
}

/// Returns the byte position of the character `count` (from 0).
fn byte_of(text: &str, count: i64) -> usize {
    let Ok(count) = usize::try_from(count) else {
        // The count is negative, or larger than any text in memory.
        return if count < 0 { 0 } else { text.len() };
    };
    text.char_indices().nth(count).map_or(text.len(), |(byte, _)| byte)
}

/// Returns the position, from 1, of the first `search` in `text` at or after `start`; 0 if there is none.
pub(crate) fn in_str(text: &str, search: &str, start: i64, ignore_case: bool) -> i64 {
    let skipped = byte_of(text, start.saturating_sub(1));
    if start > 1 && skipped == text.len() {
        return 0;
    }
    let (before, rest) = text.split_at(skipped);
    let found = if ignore_case {
        // Case is folded letter by letter, so that positions stay those of the original text.
        let fold = |text: &str| text.chars().map(fold_letter).collect::<String>();
        let (rest, search) = (fold(rest), fold(search));
        rest.find(&search).and_then(|byte| rest.get(..byte).map(|passed| passed.chars().count()))
    } else {
        rest.find(search).and_then(|byte| rest.get(..byte).map(|passed| passed.chars().count()))
    };
    found.and_then(|passed| i64::try_from(before.chars().count() + passed + 1).ok()).unwrap_or(0)
}

fn fold_letter(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        _ => letter,
    }
}

/// Returns the word `number` (from 1), where any of the delimiters separates words; `""` if there is none.
pub(crate) fn nth_word(text: &str, number: i64, delimiters: &str) -> String {
    let Some(index) = number.checked_sub(1).and_then(|index| usize::try_from(index).ok()) else {
        return String::new();
    };
    text.split(|letter| delimiters.contains(letter))
        .filter(|word| !word.is_empty())
        .nth(index)
        .unwrap_or_default()
        .to_owned()
}

/// Splits a text at the delimiter and trims white space from the parts. An empty delimiter does not split.
pub(crate) fn split_text(text: &str, delimiter: &str) -> Vec<String> {
    if delimiter.is_empty() {
        return vec![text.trim().to_owned()];
    }
    text.split(delimiter).map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions_start_at_1_and_are_clipped() {
        assert_eq!(middle_part("johns@contoso.com", 1, 8), "johns@co");
        assert_eq!(middle_part("é😀ab", 2, 2), "😀a");
        assert_eq!(
            (middle_part("abc", 0, 2), middle_part("abc", 9, 2), middle_part("abc", 2, -1)),
            ("ab", "", "")
        );
        assert_eq!((left_part("John", 0), left_part("John", -1), left_part("Jöhn", 2)), ("", "John", "Jö"));
    }

    #[test]
    fn searching_can_ignore_case() {
        assert_eq!(in_str("repEated", "e", 3, false), 7);
        assert_eq!(in_str("repEated", "e", 3, true), 4);
        assert_eq!(in_str("abc", "zzz", 1, false), 0);
        assert_eq!(in_str("abc", "a", 4, false), 0);
    }

    #[test]
    fn words_are_numbered_from_1() {
        assert_eq!(nth_word("The quick  brown fox", 3, " "), "brown");
        assert_eq!(nth_word("a b", 0, " ") + &nth_word("a b", 9, " ") + &nth_word("a b", i64::MIN, " "), "");
        assert_eq!(split_text("One, Two", ","), ["One", "Two"]);
    }

    proptest! {
        #[test]
        fn nothing_panics(text: String, other: String, a: i64, b: i64, small in -3i64..9, flag: bool) {
            let _ = (left_part(&text, a), middle_part(&text, a, b), middle_part(&text, small, small), left_part(&text, small));
            let _ = (in_str(&text, &other, a, flag), in_str(&text, &other, small, flag));
            let _ = (nth_word(&text, a, &other), split_text(&text, &other), dn_component(&text, small));
            let _ = (base64_decode(&text, &other), string_from_sid(&text), pascal_case(&text, Some(&other)));
        }

        #[test]
        fn left_and_mid_put_the_text_together_again(text: String, cut in 0i64..20) {
            prop_assert_eq!(format!("{}{}", left_part(&text, cut), middle_part(&text, cut + 1, i64::MAX)), text);
        }

        #[test]
        fn base64_comes_back(text: String) {
            prop_assert_eq!(base64_decode(&utf16_base64(&text), "Unicode"), Ok(text));
        }
    }
}
