//! Words in logins that name a role, not a person.

/// Role words. They stand at the beginning or at the end of a login, with any separator.
const ROLES: &[&str] = &[
    "aad",
    "adm",
    "admin",
    "administrator",
    "admins",
    "api",
    "aws",
    "azure",
    "backup",
    "bot",
    "breakglass",
    "cloud",
    "cloudadmin",
    "contractor",
    "dba",
    "demo",
    "dev",
    "domainadmin",
    "elevated",
    "emergency",
    "ext",
    "extern",
    "external",
    "globaladmin",
    "gcp",
    "guest",
    "lab",
    "localadmin",
    "old",
    "ops",
    "priv",
    "privileged",
    "qa",
    "root",
    "secondary",
    "serveradmin",
    "service",
    "srv",
    "super",
    "superuser",
    "svc",
    "sysadmin",
    "t0",
    "t1",
    "t2",
    "t3",
    "temp",
    "test",
    "tier0",
    "tier1",
    "tier2",
    "tmp",
    "training",
    "tst",
    "uat",
    "vpn",
    "workstationadmin",
];

/// Short role words. They count only next to `-` or `_`: `a.meier` has an initial, `da.silva` a name.
const SHORT_ROLES: &[&str] =
    &["a", "ad", "c", "ca", "da", "ea", "ga", "la", "oa", "p", "pa", "s", "sa", "su", "t", "ta", "wa", "x"];

/// Role words that are also written together with the name.
pub(super) const GLUED_ROLES: [&str; 2] = ["adm", "admin"];

/// Words for shared accounts. A login that consists of only such a word is no person's.
const GENERAL: &[&str] = &[
    "accounting",
    "accounts",
    "billing",
    "contact",
    "finance",
    "helpdesk",
    "hello",
    "info",
    "mail",
    "mailer",
    "marketing",
    "noreply",
    "office",
    "postmaster",
    "printer",
    "reception",
    "sales",
    "scanner",
    "security",
    "shared",
    "support",
    "system",
    "team",
    "user",
    "users",
    "webmaster",
];

/// Returns whether `word` names a role if `separator` stands between it and the name.
pub(super) fn is_role(word: &str, separator: Option<char>) -> bool {
    ROLES.contains(&word) || (matches!(separator, Some('-' | '_')) && SHORT_ROLES.contains(&word))
}

/// Returns whether `stem` does not identify a person.
pub(super) fn is_general(stem: &str) -> bool {
    let word = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let without = |role: &&&str| word.strip_prefix(**role).or_else(|| word.strip_suffix(**role));
    // A word of digits only is an employee number.
    let is_word = |word: &str| ROLES.contains(&word) || GENERAL.contains(&word);
    !word.is_empty() && (is_word(word) || ROLES.iter().filter_map(|role| without(&role)).any(is_word))
}
