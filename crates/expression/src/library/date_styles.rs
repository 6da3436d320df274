//! .NET's `DateTimeStyles`, in the spelling of the second argument of `FormatDateTime`.

/// All styles. The styles about white space have no effect here: white space around a date
/// is always ignored. A text without an offset is always UTC, regardless of the style.
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

/// Pairs of styles that contradict each other. .NET rejects them.
const CONTRARY: [(&str, &str); 4] = [
    ("AssumeLocal", "AssumeUniversal"),
    ("RoundtripKind", "AssumeLocal"),
    ("RoundtripKind", "AssumeUniversal"),
    ("RoundtripKind", ADJUST),
];

/// Reads styles that are separated by commas. Returns `true` if dates are converted to UTC before they
/// are printed. The error does not repeat an unknown style, which can be the value of an attribute.
pub(crate) fn adjusts_to_utc(styles: &str) -> Result<bool, String> {
    let styles = || {
        let styles = styles.split([',', '|']).map(str::trim).filter(|style| !style.is_empty());
        styles.map(|style| style.strip_prefix("DateTimeStyles.").unwrap_or(style))
    };
    let has = |wanted: &str| styles().any(|style| style.eq_ignore_ascii_case(wanted));
    if !styles().all(|style| STYLES.iter().any(|known| known.eq_ignore_ascii_case(style))) {
        return Err(format!("unknown date style: use one of {}, or nothing", STYLES.join(", ")));
    }
    match CONTRARY.iter().find(|(one, other)| has(one) && has(other)) {
        Some((one, other)) => Err(format!("the date styles `{one}` and `{other}` contradict each other")),
        None => Ok(has(ADJUST)),
    }
}
