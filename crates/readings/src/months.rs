//! Dates with the name of a month. The names are those of the table in `docs/dates.md`.

use crate::pieces::{calendar_day, leading_number, parse_moment, parse_number};
use crate::read_date::ReadDate;

/// The names of each month. A name means the same month in all of the languages.
pub(crate) const MONTHS: [&[&str]; 12] = [
    &[
        "january", "jan", "januar", "jänner", "jaenner", "jän", "janvier", "janv", "januari", "enero", "ene",
        "gennaio", "gen", "janeiro",
    ],
    &[
        "february",
        "feb",
        "februar",
        "février",
        "fevrier",
        "févr",
        "fevr",
        "fév",
        "fev",
        "februari",
        "febrero",
        "febbraio",
        "fevereiro",
    ],
    &["march", "mar", "märz", "maerz", "mär", "mrz", "mars", "maart", "mrt", "marzo", "março", "marco"],
    &["april", "apr", "avril", "avr", "abril", "abr", "aprile"],
    &["may", "mai", "mei", "mayo", "maggio", "mag", "maio"],
    &["june", "jun", "juni", "juin", "junio", "giugno", "giu", "junho"],
    &["july", "jul", "juli", "juillet", "juil", "julio", "luglio", "lug", "julho"],
    &["august", "aug", "août", "aout", "augustus", "agosto", "ago"],
    &["september", "sep", "sept", "septembre", "septiembre", "settembre", "set", "setembro"],
    &["october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre", "ott", "outubro", "out"],
    &["november", "nov", "novembre", "noviembre", "novembro"],
    &[
        "december",
        "dec",
        "dezember",
        "dez",
        "décembre",
        "decembre",
        "déc",
        "diciembre",
        "dic",
        "dicembre",
        "dezembro",
    ],
];

/// Parses `31-Dec-2026`, `31. Dezember 2026`, `31 de diciembre de 2026` or `December 31, 2026`, optionally with a time.
/// The year has four digits.
pub(crate) fn named_month(text: &str) -> Option<ReadDate> {
    let (first, rest) = next_part(text)?;
    let (second, rest) = next_part(rest)?;
    let (month, day) = match month_of(second) {
        Some(month) => (month, first),
        None => (month_of(first)?, second),
    };
    let (day, behind) = leading_number(day)?;
    let day = behind.is_empty().then_some(day)?;
    let (year, rest) = next_part(rest)?;
    let (year, time) = year.split_at_checked(4)?;
    let date = calendar_day(parse_number(year, 4)?, month, day)?;
    match (time, rest) {
        ("", "") => Some(ReadDate::Day(date)),
        ("", rest) => parse_moment(date, rest.strip_prefix([' ', ','])?.trim_start()),
        // `31-DEC-2026T17:00`: there is no separator between the year and the time.
        (time, rest) => {
            let clock = time.strip_prefix(['T', 't'])?;
            parse_moment(date, &format!("{clock}{rest}"))
        }
    }
}

/// Returns the next part and the rest. The word `de` between the parts in Spanish and Portuguese is skipped.
fn next_part(text: &str) -> Option<(&str, &str)> {
    let is_gap = |c: char| matches!(c, '-' | ' ' | '.' | ',' | '/');
    let mut text = text.trim_start_matches(is_gap);
    loop {
        let end = text.find(is_gap).unwrap_or(text.len());
        let (part, rest) = text.split_at(end);
        if !part.eq_ignore_ascii_case("de") {
            return (!part.is_empty()).then_some((part, rest));
        }
        text = rest.trim_start_matches(is_gap);
    }
}

/// Returns the number of a month by its name.
fn month_of(word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    let at = MONTHS.iter().position(|names| names.contains(&word.as_str()))?;
    u32::try_from(at + 1).ok()
}
