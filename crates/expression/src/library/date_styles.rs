//! .NET's `DateTimeStyles`, as the second argument of `FormatDateTime` names them.

/// Every style. Those about white space change nothing here: white space around a date is always passed over; and where a
/// text has no offset it means UTC, whatever should be assumed.
const STYLES: [&str; 10] = [
    "None",
    "AllowLeadingWhite",
    "AllowTrailingWhite",
    "AllowInnerWhite",
    "AllowWhiteSpaces",
    "NoCurrentDateDefault",
    "AdjustToUniversal",
    "AssumeLocal",
    "AssumeUniversal",
    "RoundtripKind",
];
const ADJUST: &str = "AdjustToUniversal";

/// Reads styles, with commas between them; tells whether dates are turned to UTC before they are printed.
pub(crate) fn adjusts_to_utc(styles: &str) -> Result<bool, String> {
    let mut adjusts = false;
    for style in styles.split([',', '|']).map(str::trim).filter(|style| !style.is_empty()) {
        let style = style.strip_prefix("DateTimeStyles.").unwrap_or(style);
        if !STYLES.iter().any(|known| known.eq_ignore_ascii_case(style)) {
            return Err(format!(
                "unknown date style `{style}`: use one of {}, or nothing",
                STYLES.join(", ")
            ));
        }
        adjusts |= style.eq_ignore_ascii_case(ADJUST);
    }
    Ok(adjusts)
}
