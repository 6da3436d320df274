//! Names by which a second account of the same person is recognised: administrators' accounts, numbered ones, other
//! domains.
//!
//! docs/leavers.md has the decision table, which the test reads. An account is stored under its [`stored_name_keys`];
//! a person is looked up by [`sought_name_keys`], so that the comparison uses an index. A likeness is a hint for an
//! operator, never a reason to change an account.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

mod words;

/// The maximum length of a name in bytes. A longer name has no keys, because an index holds no long entries.
const NAME_BYTES_MAX: usize = 320;
/// The minimum number of characters of a stem. A shorter stem does not identify a person.
const STEM_MIN: usize = 3;
/// The minimum number of characters of a stem from which a word or a number was removed.
const DERIVED_STEM_MIN: usize = 4;
/// The minimum number of characters before a number at the end that counts as a counter: `spqr1` and `u10023` are
/// names.
const COUNTED_STEM_MIN: usize = 5;
/// The maximum number of digits of a counter.
const COUNTER_DIGITS_MAX: usize = 2;
/// The maximum number of words that are removed from the ends of a name.
const WORDS_MAX: usize = 4;

/// The reason why an account may belong to the person, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountLikeness {
    /// The account carries the person's key as its `externalId`.
    Key,
    /// The account has the same mail address.
    Mail,
    /// The stem of the account's login or mail address is the same.
    Login,
    /// The stem is the same with the initial of the first name: `a.meier` and `anna.meier`.
    Initial,
}

impl AccountLikeness {
    /// Every likeness.
    pub const ALL: [Self; 4] = [Self::Key, Self::Mail, Self::Login, Self::Initial];

    /// Returns the name used in the API and in docs/leavers.md.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Mail => "mail",
            Self::Login => "login",
            Self::Initial => "initial",
        }
    }

    /// Returns a description for operators.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Key => "the same externalId",
            Self::Mail => "the same mail address",
            Self::Login => "the same login stem",
            Self::Initial => "the initial and the surname",
        }
    }
}

/// Returns the keys under which an account with these logins and mail addresses is found.
pub fn stored_name_keys<'a>(
    names: impl IntoIterator<Item = &'a str>,
    external_id: Option<&str>,
) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    keys.extend(external_id.and_then(own_key));
    for name in names {
        let Some(parsed) = ParsedName::parse(name) else { continue };
        keys.extend(parsed.mail.as_deref().map(mail_key));
        keys.extend(parsed.stems().iter().map(|stem| stem_key(stem)));
        keys.extend(parsed.initials().iter().map(|stem| initial_key(stem)));
    }
    keys
}

/// Returns the keys of accounts that may belong to the person with this key and these names, with the likeness that
/// each key shows.
pub fn sought_name_keys<'a>(
    names: impl IntoIterator<Item = &'a str>,
    person: &str,
) -> BTreeMap<String, AccountLikeness> {
    let mut keys: BTreeMap<String, AccountLikeness> = BTreeMap::new();
    let mut seek = |key: String, likeness: AccountLikeness| {
        let known = keys.entry(key).or_insert(likeness);
        *known = likeness.min(*known);
    };
    if let Some(key) = own_key(person) {
        seek(key, AccountLikeness::Key);
    }
    for name in names {
        let Some(parsed) = ParsedName::parse(name) else { continue };
        if let Some(mail) = &parsed.mail {
            seek(mail_key(mail), AccountLikeness::Mail);
        }
        for stem in parsed.stems() {
            seek(initial_key(&stem), AccountLikeness::Initial);
            seek(stem_key(&stem), AccountLikeness::Login);
        }
        for stem in parsed.reversed() {
            seek(stem_key(&stem), AccountLikeness::Login);
        }
        for stem in parsed.initials() {
            seek(stem_key(&stem), AccountLikeness::Initial);
        }
    }
    keys
}

/// Returns the key of an `externalId` or a person's key, unless it is empty or too long.
fn own_key(id: &str) -> Option<String> {
    (!id.is_empty() && id.len() <= NAME_BYTES_MAX && !id.contains('\0')).then(|| format!("x:{id}"))
}

/// Returns the stored key of a mail address.
fn mail_key(mail: &str) -> String {
    format!("m:{mail}")
}

/// Returns the stored key of a stem.
fn stem_key(stem: &str) -> String {
    format!("s:{stem}")
}

/// Returns the stored key of a stem with an initial.
fn initial_key(stem: &str) -> String {
    format!("i:{stem}")
}

/// One word of a name, and the character before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NameToken {
    text: String,
    before: Option<char>,
}

/// A login or mail address, split into words.
struct ParsedName {
    /// The address in lower case and without a suffix after a plus sign; `None` if the name has no domain.
    mail: Option<String>,
    /// The words of the local part, followed by shorter variants without role words or counters at the ends.
    variants: Vec<Vec<NameToken>>,
}

impl ParsedName {
    /// Parses a name. Returns `None` if there is nothing to compare.
    fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return None;
        }
        let name = as_invited(&name.to_lowercase());
        let name = name.rsplit_once('\\').map_or(name.as_str(), |(_, login)| login);
        let (local, domain) =
            name.rsplit_once('@').map_or((name, None), |(local, domain)| (local, Some(domain)));
        let local = local.split_once('+').map_or(local, |(before, _)| before);
        let domain = domain.filter(|domain| !domain.is_empty() && !local.is_empty());
        let mail = domain.map(|domain| format!("{local}@{domain}"));
        Some(Self { mail, variants: variants(tokens(local)) })
    }

    /// Returns the stems of all variants.
    fn stems(&self) -> BTreeSet<String> {
        let stem = |(number, tokens): (usize, &Vec<NameToken>)| {
            let min = if number == 0 { STEM_MIN } else { DERIVED_STEM_MIN };
            Some(joined(tokens)).filter(|stem| is_stem(stem, min))
        };
        self.variants.iter().enumerate().filter_map(stem).collect()
    }

    /// Returns the stems of variants of two words with the surname first.
    fn reversed(&self) -> BTreeSet<String> {
        let two = self.variants.iter().filter_map(|tokens| match tokens.as_slice() {
            [first, last] => Some(format!("{}{}", last.text, first.text)),
            _ => None,
        });
        two.filter(|stem| is_stem(stem, DERIVED_STEM_MIN)).collect()
    }

    /// Returns the stems that consist of the initial of the first word and the last word.
    fn initials(&self) -> BTreeSet<String> {
        let short = self.variants.iter().filter_map(|tokens| match tokens.as_slice() {
            [first, .., last] if first.text.chars().nth(1).is_some() && without_role(tokens).is_none() => {
                Some(format!("{}{}", first.text.chars().next()?, last.text))
            }
            _ => None,
        });
        short.filter(|stem| is_stem(stem, DERIVED_STEM_MIN)).collect()
    }
}

/// Undoes the login of a guest in an Entra tenant: `anna.meier_example.com#EXT#@tenant` stands for
/// `anna.meier@example.com`.
fn as_invited(name: &str) -> String {
    let guest = name.split_once("#ext#").and_then(|(invited, _)| invited.rsplit_once('_'));
    guest.map_or_else(|| name.to_owned(), |(local, domain)| format!("{local}@{domain}"))
}

/// Splits the local part of a name into words.
fn tokens(local: &str) -> Vec<NameToken> {
    let mut found: Vec<NameToken> = Vec::new();
    let mut before = None;
    for c in local.chars().filter(|c| !matches!(c, '\'' | '’')) {
        if !c.is_alphanumeric() {
            before = Some(c);
        } else if let (Some(token), None) = (found.last_mut(), before) {
            token.text.push(c);
        } else {
            found.push(NameToken { text: c.to_string(), before: before.take() });
        }
    }
    found
}

/// Returns the words as they are, then shorter variants.
fn variants(tokens: Vec<NameToken>) -> Vec<Vec<NameToken>> {
    let mut found = vec![tokens];
    for _ in 0..WORDS_MAX {
        let shorter = found.last().and_then(|tokens| without_role(tokens));
        let Some(shorter) = shorter else { break };
        found.push(shorter);
    }
    let glued: Vec<_> = found.iter().flat_map(|tokens| without_glued_role(tokens)).collect();
    found.extend(glued);
    let uncounted: Vec<_> = found.iter().filter_map(|tokens| without_counter(tokens)).collect();
    // A role word may stand behind a counter, as in `anna.meier-adm2`.
    let behind = uncounted.iter().filter_map(|tokens| without_role(tokens)).collect::<Vec<_>>();
    found.extend(uncounted);
    found.extend(behind);
    found
}

/// Removes the role word at the beginning, or else at the end.
fn without_role(tokens: &[NameToken]) -> Option<Vec<NameToken>> {
    let (first, rest) = tokens.split_first()?;
    let second = rest.first()?;
    if words::is_role(&first.text, second.before) {
        return Some(rest.to_vec());
    }
    let (last, rest) = tokens.split_last()?;
    words::is_role(&last.text, last.before).then(|| rest.to_vec())
}

/// Removes a role word that is written together with the name, as in `admjsmith` and `jsmithadmin`.
fn without_glued_role(tokens: &[NameToken]) -> Vec<Vec<NameToken>> {
    let mut found = Vec::new();
    for role in words::GLUED_ROLES {
        let cut = |text: &str| text.chars().count() >= DERIVED_STEM_MIN;
        if let [first, rest @ ..] = tokens
            && let Some(text) = first.text.strip_prefix(role).filter(|text| cut(text))
        {
            let first = NameToken { text: text.to_owned(), before: None };
            found.push(std::iter::once(first).chain(rest.iter().cloned()).collect());
        }
        if let [rest @ .., last] = tokens
            && let Some(text) = last.text.strip_suffix(role).filter(|text| cut(text))
        {
            let last = NameToken { text: text.to_owned(), before: last.before };
            found.push(rest.iter().cloned().chain([last]).collect());
        }
    }
    found
}

/// Removes a counter at the end, as in `anna.meier2` and `anna.meier-02`.
fn without_counter(tokens: &[NameToken]) -> Option<Vec<NameToken>> {
    let (last, rest) = tokens.split_last()?;
    let text = last.text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = last.text.len() - text.len();
    if digits == 0 || digits > COUNTER_DIGITS_MAX {
        return None;
    }
    let mut shorter = rest.to_vec();
    if !text.is_empty() {
        shorter.push(NameToken { text: text.to_owned(), before: last.before });
    }
    (joined(&shorter).chars().count() >= COUNTED_STEM_MIN).then_some(shorter)
}

/// Joins the words of a name without separators.
fn joined(tokens: &[NameToken]) -> String {
    tokens.iter().map(|token| token.text.as_str()).collect()
}

/// Returns whether a stem is long enough and identifies a person.
fn is_stem(stem: &str, min: usize) -> bool {
    stem.chars().count() >= min && !words::is_general(stem)
}
