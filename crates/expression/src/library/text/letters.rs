//! Letters: accents and capitals.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Removes accents from letters. A letter that Unicode decomposes loses its diacritical marks. Letters that Unicode
/// does not decompose follow the documented table. Marks that are not diacritics (voiced kana, vowel signs) stay.
pub(crate) fn normalize_diacritics(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for letter in text.nfd().filter(|letter| !is_diacritic(*letter)) {
        match without_stroke(letter) {
            Some(replacement) => plain.push_str(replacement),
            None => plain.push(letter),
        }
    }
    Cow::Owned(plain.nfc().collect())
}

fn is_diacritic(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// Returns the documented replacement of a letter that Unicode does not decompose.
fn without_stroke(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ø' | 'œ' => "oe",
        'Ø' | 'Œ' => "OE",
        'æ' => "ae",
        'Æ' => "AE",
        'ß' => "ss",
        'ẞ' => "SS",
        'ł' => "l",
        'Ł' => "L",
        'ı' => "i",
        'đ' => "d",
        'Đ' => "D",
        'ħ' => "h",
        'Ħ' => "H",
        'ŧ' => "t",
        'Ŧ' => "T",
        _ => return None,
    })
}

/// Capitalises the first letter of each word and lowers the rest. With `separators`, only
/// these separate words. Without them, every character that is not a letter, digit or
/// mark separates, and a digit at the start of a word does not count as its first letter.
pub(crate) fn pascal_case(text: &str, separators: Option<&str>) -> String {
    let separators = separators.filter(|separators| !separators.is_empty());
    let mut in_word = false;
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        out.push(if in_word { single_letter(letter.to_lowercase(), letter) } else { capital_letter(letter) });
        in_word = match separators {
            Some(separators) => !separators.contains(letter),
            None => letter.is_alphabetic() || in_word && (letter.is_numeric() || is_combining_mark(letter)),
        };
    }
    out
}

/// Returns the letter in its form at the beginning of a word. Of a letter that combines
/// two, only the first is capitalised. The dotless i stays, as in .NET's invariant culture.
fn capital_letter(letter: char) -> char {
    match letter {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        'ı' => 'ı',
        other => single_letter(other.to_uppercase(), other),
    }
}

/// Changes one letter like .NET: it stays if its other case has several letters.
fn single_letter(mut changed: impl Iterator<Item = char>, letter: char) -> char {
    match (changed.next(), changed.next()) {
        (Some(only), None) => only,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_go_and_scripts_stay() {
        assert_eq!(normalize_diacritics("Łódź Ærø Straße José"), "Lodz AEroe Strasse Jose");
        assert_eq!(normalize_diacritics("œ̄ ā́ Ṳ̄ ı"), "oe a U i");
        assert_eq!(normalize_diacritics("が 한국"), "が 한국");
        assert!(matches!(normalize_diacritics("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn words_get_one_capital() {
        assert_eq!(pascal_case("PABLO GONSALVES (SECOND)", None), "Pablo Gonsalves (Second)");
        assert_eq!(pascal_case("PINTO-DE'SILVA", Some(" '-")), "Pinto-De'Silva");
        assert_eq!(pascal_case("PINTO-DE'SILVA", Some(" ")), "Pinto-de'silva");
        assert_eq!(pascal_case("st john's", None), "St John'S");
        assert_eq!(pascal_case("ǆep ǇUB ǌEG ǳo ısı ßa", None), "ǅep ǈub ǋeg ǲo ısı ßa");
    }
}
