//! .NET's custom and standard date formats, in the invariant culture: `yyyy-MM-ddTHH:mm:ss.fffZ`.

mod print;
mod read;

use time::OffsetDateTime;

/// The maximum length of a format, in characters.
const MAX_FORMAT_CHARS: usize = 256;
/// The number of digits of .NET's fraction of a second (100 ns).
const MAX_FRACTION_DIGITS: usize = 7;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The days of the week from Sunday, the order of `time`.
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// The number of letters in a short name of a month or day.
pub(super) const SHORT_NAME: usize = 3;

/// A compiled format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DotnetFormat {
    parts: Vec<FormatPart>,
    /// `true` for the standard format `U`, which prints UTC regardless of the date's own offset.
    to_utc: bool,
}

/// A part of a format. The numbers count the repetitions of the letter in the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FormatPart {
    Literal(char),
    Year(usize),
    Month(usize),
    Day(usize),
    Hour24(usize),
    Hour12(usize),
    Minute(usize),
    Second(usize),
    Fraction(usize),
    /// A fraction without trailing zeros, and without the point before it if no digit is left.
    OptionalFraction(usize),
    Half(usize),
    Offset(usize),
    Kind,
    Era,
}

impl DotnetFormat {
    /// Reads a format. The error describes the problem.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        if text.chars().count() > MAX_FORMAT_CHARS {
            return Err(format!("a date format has at most {MAX_FORMAT_CHARS} characters"));
        }
        let mut letters = text.chars();
        let custom = match (letters.next(), letters.next()) {
            (None, _) => return Err("the date format is empty".to_owned()),
            (Some(letter), None) => standard_format(letter)
                .ok_or("a single letter that is not one of .NET's standard date formats")?,
            _ => text,
        };
        Ok(Self { parts: format_parts(custom)?, to_utc: text == "U" })
    }

    /// Reads a date in this format. White space around it is ignored. An offset in the text is kept, so
    /// that printing returns the day as written; without one the date is UTC. Parts that the format lacks
    /// get their first value: January, the 1st, midnight (there is no clock here for the present day).
    pub(crate) fn parse(&self, text: &str) -> Option<OffsetDateTime> {
        read::read_parts(&self.parts, text)
    }

    /// Prints a date in its own offset.
    pub(crate) fn print(&self, date: OffsetDateTime) -> String {
        let utc = date.checked_to_offset(time::UtcOffset::UTC).filter(|_| self.to_utc);
        print::print_parts(&self.parts, utc.unwrap_or(date))
    }
}

/// Returns the custom format that a standard format stands for.
fn standard_format(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "MM/dd/yyyy",
        'D' => "dddd, dd MMMM yyyy",
        'f' => "dddd, dd MMMM yyyy HH:mm",
        'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
        'g' => "MM/dd/yyyy HH:mm",
        'G' => "MM/dd/yyyy HH:mm:ss",
        'm' | 'M' => "MMMM dd",
        'o' | 'O' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
        'r' | 'R' => "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
        's' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
        't' => "HH:mm",
        'T' => "HH:mm:ss",
        'u' => "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
        'y' | 'Y' => "yyyy MMMM",
        _ => return None,
    })
}

/// Splits a custom format into its parts.
fn format_parts(format: &str) -> Result<Vec<FormatPart>, String> {
    let mut parts = Vec::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => loop {
                match letters.next() {
                    None => return Err("a quote in the date format is not closed".to_owned()),
                    Some(next) if next == letter => break,
                    Some('\\') => {
                        parts.push(FormatPart::Literal(letters.next().ok_or("the date format ends in `\\`")?))
                    }
                    Some(next) => parts.push(FormatPart::Literal(next)),
                }
            },
            '\\' => parts.push(FormatPart::Literal(letters.next().ok_or("the date format ends in `\\`")?)),
            '%' => match letters.peek() {
                None | Some('%') => return Err("`%` in the date format has no letter after it".to_owned()),
                Some(_) => {}
            },
            'y' | 'M' | 'd' | 'H' | 'h' | 'm' | 's' | 'f' | 'F' | 't' | 'z' | 'K' | 'g' => {
                let mut count = 1;
                while letter != 'K' && letters.next_if_eq(&letter).is_some() {
                    count += 1;
                }
                parts.push(format_part(letter, count)?);
            }
            other => parts.push(FormatPart::Literal(other)),
        }
    }
    Ok(parts)
}

/// Returns the part for a letter that occurs `count` times in a row.
fn format_part(letter: char, count: usize) -> Result<FormatPart, String> {
    Ok(match letter {
        'y' => FormatPart::Year(count),
        'M' => FormatPart::Month(count.min(4)),
        'd' => FormatPart::Day(count.min(4)),
        'H' => FormatPart::Hour24(count.min(2)),
        'h' => FormatPart::Hour12(count.min(2)),
        'm' => FormatPart::Minute(count.min(2)),
        's' => FormatPart::Second(count.min(2)),
        't' => FormatPart::Half(count.min(2)),
        'z' => FormatPart::Offset(count.min(3)),
        'K' => FormatPart::Kind,
        'g' => FormatPart::Era,
        _ if count > MAX_FRACTION_DIGITS => {
            return Err(format!("a second's fraction has at most {MAX_FRACTION_DIGITS} digits"));
        }
        'F' => FormatPart::OptionalFraction(count),
        _ => FormatPart::Fraction(count),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    fn convert(text: &str, input: &str, output: &str) -> Option<String> {
        DotnetFormat::compile(input)
            .unwrap()
            .parse(text)
            .map(|date| DotnetFormat::compile(output).unwrap().print(date))
    }

    #[test]
    fn documented_conversions_come_out() {
        for (text, input, output, expected) in [
            ("20150123105347.1Z", "yyyyMMddHHmmss.fZ", "yyyy-MM-dd", "2015-01-23"),
            ("2020-12-31-08:00", "yyyy-MM-ddzzz", "yyyy-MM-dd", "2020-12-31"),
            ("12/31/2020 12:00:00 AM", "M/d/yyyy hh:mm:ss tt", "yyyy-MM-dd HH", "2020-12-31 00"),
            (" 7/2/2021 3:33:38 PM ", "M/d/yyyy h:mm:ss tt", "s", "2021-07-02T15:33:38"),
            ("Friday, 02 July 2021", "D", "%d", "2"),
            ("2 Jul 49", "d MMM yy", "yyyy 'of' gg \\d", "2049 of A.D. d"),
            ("2021-07-02 10", "yyyy-MM-dd.FF HH", "s", "2021-07-02T10:00:00"),
            ("2021-07-02T10:00:00Z", "yyyy-MM-ddTHH:mm:ss.FFFK", "O", "2021-07-02T10:00:00.0000000Z"),
        ] {
            let result = convert(text, input, output);
            assert_eq!(result.as_deref(), Some(expected), "{text} {input}");
        }
    }

    #[test]
    fn texts_that_do_not_fit_are_refused() {
        for (text, input) in [
            ("1/5/2020", "MM/dd/yyyy"),
            ("2020-02-30", "yyyy-MM-dd"),
            ("2020-01-01x", "yyyy-MM-dd"),
            ("Monday 2021-07-02", "dddd yyyy-MM-dd"),
            ("13 AM", "hh tt"),
            ("2020-01-01é", "yyyy-MM-dd'e'"),
            ("", "yyyy"),
        ] {
            assert_eq!(DotnetFormat::compile(input).unwrap().parse(text), None, "{text}");
        }
        for format in ["", "x", "'abc", "yyyy\\", "%", "ffffffff"] {
            assert!(DotnetFormat::compile(format).is_err(), "{format}");
        }
    }

    #[test]
    fn offsets_are_printed_as_they_are() {
        let date = datetime!(2021-07-02 1:02:03.0450 -07:30);
        let print = |format: &str| DotnetFormat::compile(format).unwrap().print(date);
        assert_eq!(print("z zz zzz K"), "-7 -07 -07:30 -07:30");
        assert_eq!(print("H:mm:ss.FFF f t dddd MMM yy"), "1:02:03.045 0 A Friday Jul 21");
        assert_eq!(print("U"), "Friday, 02 July 2021 08:32:03");
    }

    proptest! {
        #[test]
        fn a_printed_date_is_read_back(
            seconds in -62_135_510_400i64..253_402_214_400, nanos in 0u32..10_000_000,
            hours in -13i8..=13, index in 0usize..5
        ) {
            let offset = time::UtcOffset::from_hms(hours, 0, 0).unwrap();
            let date = OffsetDateTime::from_unix_timestamp(seconds).unwrap()
                .replace_nanosecond(nanos * 100).unwrap().to_offset(offset);
            let format = ["yyyy-MM-ddTHH:mm:ss.fffffffzzz", "O", "d MMM yyyy h:m:s.FFFFFFF tt zz",
                "dddd dd MMMM yyyyy hh:mm:ss.fffffff t z", "yyyyMMddHHmmss.FFFFFFFK"][index];
            let format = DotnetFormat::compile(format).unwrap();
            prop_assert_eq!(format.parse(&format.print(date)), Some(date));
        }

        #[test]
        fn nothing_panics(format in "[yMdHhmsfFtzKg:/'% .\\\\]{0,12}|\\PC{0,8}", text: String, digits in "[0-9:/ AP-]{0,20}") {
            if let Ok(format) = DotnetFormat::compile(&format) {
                let _ = (format.parse(&text), format.parse(&digits));
                let _ = format.print(OffsetDateTime::UNIX_EPOCH);
            }
        }
    }
}
