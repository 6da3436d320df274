//! The values that tell whether a person who comes back is the one who left. They are stored as hashes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::AttributeMap;

/// The attributes that can hold the given name.
const GIVEN_NAMES: &[&str] = &["givenName", "firstName", "name.givenName"];
/// The attributes that can hold the family name.
const FAMILY_NAMES: &[&str] = &["surname", "familyName", "lastName", "sn", "name.familyName"];
/// The attributes that can hold the whole name.
const DISPLAY_NAMES: &[&str] = &["displayName", "name.formatted"];
/// Days that stay the same for all of a person's life.
const BIRTH_DAYS: &[&str] = &["birthDate", "dateOfBirth"];
/// A number that stays the same for all of a person's life.
const NATIONAL_ID: &str = "nationalId";
/// A number of a person or of a company: a different value proves another person, an equal one proves nothing.
const PERSONAL_ID: &str = "personalId";
/// An address that no company assigns.
const PRIVATE_MAIL: &str = "personalEmail";

/// Attributes whose values are identifiers, not words.
const SIGNS: &[&str] = &[NATIONAL_ID, PERSONAL_ID, PRIVATE_MAIL];

/// The form of values before they are hashed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Spelling {
    /// Lower case, each word separately. This form was used before accents were folded.
    #[default]
    LowerCase,
    /// Without accents. The whole value comes first, then its words. For a birth day the text comes first, then the
    /// days that it can mean.
    Folded,
}

/// The known values of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownValues {
    /// The hashes of each attribute.
    values: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    spelling: Spelling,
}

/// The result of a comparison of a value with the former one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::identity) enum ValueComparison {
    Same,
    Other,
    /// The value is not known on one side, or the result is uncertain.
    Unknown,
}

impl KnownValues {
    /// Hashes the attributes in the present form.
    pub(super) fn of(attributes: &AttributeMap) -> Self {
        Self::spelled(attributes, Spelling::Folded)
    }

    /// Hashes the attributes in the given form.
    fn spelled(attributes: &AttributeMap, spelling: Spelling) -> Self {
        let all =
            [GIVEN_NAMES, FAMILY_NAMES, DISPLAY_NAMES, BIRTH_DAYS, &[NATIONAL_ID, PERSONAL_ID, PRIVATE_MAIL]];
        let known = all.into_iter().flatten().filter_map(|name| {
            let hashes = hashes_of(name, attributes.get(*name)?, spelling)?;
            Some(((*name).to_owned(), hashes))
        });
        Self { values: known.collect(), spelling }
    }

    /// Compares values that stay the same for all of a person's life. One different value outweighs the others.
    pub(super) fn compare_proofs(&self, attributes: &AttributeMap) -> ValueComparison {
        use ValueComparison::{Other, Same, Unknown};
        let now = Self::spelled(attributes, self.spelling);
        let born = self.compare_any(&now, BIRTH_DAYS, |before, after| self.compare_days(before, after));
        let national = self.compare_any(&now, &[NATIONAL_ID], compare_signs);
        let personal = self.compare_any(&now, &[PERSONAL_ID], compare_signs);
        if [born, national, personal].contains(&Other) {
            return Other;
        }
        if born == Same || national == Same { Same } else { Unknown }
    }

    /// Compares given names and family names.
    pub(super) fn compare_names(&self, attributes: &AttributeMap) -> (ValueComparison, ValueComparison) {
        let now = Self::spelled(attributes, self.spelling);
        let given = self.compare_any(&now, GIVEN_NAMES, |before, after| self.compare_given(before, after));
        let family = self.compare_any(&now, FAMILY_NAMES, |before, after| self.compare_whole(before, after));
        (given, family)
    }

    /// Compares whole names, as one attribute.
    pub(super) fn compare_display_names(&self, attributes: &AttributeMap) -> ValueComparison {
        let now = Self::spelled(attributes, self.spelling);
        self.compare_any(&now, DISPLAY_NAMES, |before, after| self.compare_whole(before, after))
    }

    /// Returns whether these values belong to another person than the attributes describe, by the table of
    /// docs/people.md. `is_erased` states that the person's record was erased when they left.
    pub(super) fn is_another(&self, attributes: &AttributeMap, is_erased: bool) -> bool {
        use ValueComparison::{Other, Same, Unknown};
        match self.compare_proofs(attributes) {
            Same => return false,
            Other => return true,
            Unknown => {}
        }
        let now = Self::spelled(attributes, self.spelling);
        let keeps_mail = self.compare_any(&now, &[PRIVATE_MAIL], compare_signs) == Same;
        match self.compare_names(attributes) {
            (Same, Same | Unknown) | (Unknown, Same) => false,
            (Same, Other) => !keeps_mail,
            (Other, _) | (Unknown, Other) => true,
            (Unknown, Unknown) => self.has_another_name(&now, keeps_mail, is_erased),
        }
    }

    /// Compares all names, for records whose given and family names cannot be compared.
    fn has_another_name(&self, now: &Self, keeps_mail: bool, is_erased: bool) -> bool {
        let (before, after) = (self.full_names(), now.full_names());
        if before.is_empty() || after.is_empty() {
            // A person who has a name now and had no known name before may be anyone.
            return !after.is_empty() || is_erased;
        }
        let shares_a_word =
            before.iter().flatten().any(|word| after.iter().flatten().any(|other| word == other));
        let is_same = before.iter().any(|name| after.contains(name));
        !(is_same || keeps_mail && shares_a_word)
    }

    /// Returns each form in which the whole name can be put together, as sorted words.
    fn full_names(&self) -> Vec<Vec<String>> {
        let first = |names: &[&str]| names.iter().find_map(|name| self.values.get(*name));
        let words = |names| first(names).map(|value| self.words(value)).unwrap_or_default();
        let (given, family, display) = (words(GIVEN_NAMES), words(FAMILY_NAMES), words(DISPLAY_NAMES));
        let one_given = given.get(..1).unwrap_or_default();
        let together = |one: &'_ [String], other: &'_ [String]| [one, other].concat();
        let mut all = vec![together(given, family), together(one_given, family), display.to_vec()];
        all.retain(|name| !name.is_empty());
        all.iter_mut().for_each(|name| name.sort_unstable());
        all
    }

    /// Compares the attributes of a kind that both sides have; if they have none in common, the first of each side.
    fn compare_any(
        &self,
        now: &Self,
        names: &[&str],
        compare: impl Fn(&[String], &[String]) -> ValueComparison,
    ) -> ValueComparison {
        let pair = |name: &&str| Some((self.values.get(*name)?, now.values.get(*name)?));
        let first = |known: &Self| names.iter().find_map(|name| known.values.get(*name).cloned());
        let mut compared: Vec<ValueComparison> =
            names.iter().filter_map(pair).map(|(before, after)| compare(before, after)).collect();
        if compared.is_empty()
            && let (Some(before), Some(after)) = (first(self), first(now))
        {
            compared.push(compare(&before, &after));
        }
        let found = |wanted: ValueComparison| compared.contains(&wanted).then_some(wanted);
        found(ValueComparison::Other).or(found(ValueComparison::Same)).unwrap_or(ValueComparison::Unknown)
    }

    /// Compares given names. An omitted second given name does not make a different person.
    fn compare_given(&self, before: &[String], after: &[String]) -> ValueComparison {
        let (one, other) = (self.words(before), self.words(after));
        let shorter = one.len().min(other.len());
        let is_same =
            self.compare_whole(before, after) == ValueComparison::Same || one[..shorter] == other[..shorter];
        if is_same { ValueComparison::Same } else { ValueComparison::Other }
    }

    /// Compares whole values.
    fn compare_whole(&self, before: &[String], after: &[String]) -> ValueComparison {
        let is_same = match self.spelling {
            Spelling::LowerCase => before == after,
            Spelling::Folded => before.first() == after.first(),
        };
        if is_same { ValueComparison::Same } else { ValueComparison::Other }
    }

    /// Compares days. The same text is the same day. Other texts are equal if each can mean only one day; if they can
    /// mean several days, the result is uncertain.
    fn compare_days(&self, before: &[String], after: &[String]) -> ValueComparison {
        if before.first() == after.first() {
            return ValueComparison::Same;
        }
        let (before, after) = (self.words(before), self.words(after));
        match (before, after) {
            ([before], [after]) if before == after => ValueComparison::Same,
            (before, after) if before.iter().any(|day| after.contains(day)) => ValueComparison::Unknown,
            _ => ValueComparison::Other,
        }
    }

    /// Returns the hashes of the words of a value.
    fn words<'v>(&self, value: &'v [String]) -> &'v [String] {
        match self.spelling {
            Spelling::LowerCase => value,
            Spelling::Folded => value.get(1..).unwrap_or_default(),
        }
    }
}

/// Compares identifiers.
fn compare_signs(before: &[String], after: &[String]) -> ValueComparison {
    if before == after { ValueComparison::Same } else { ValueComparison::Other }
}

/// Returns the hashes of a value; `None` if the value does not describe a person.
fn hashes_of(name: &str, value: &Value, spelling: Spelling) -> Option<Vec<String>> {
    if BIRTH_DAYS.contains(&name) {
        return birth_hashes(value, spelling);
    }
    let text = value.as_str()?;
    let words = match spelling {
        Spelling::LowerCase => lower_case_words(text),
        Spelling::Folded if SIGNS.contains(&name) => vec![lower_case_words(text).concat()],
        Spelling::Folded => folded_words(text),
    };
    let whole = words.concat();
    // A value of one repeated character is a placeholder for an unknown number.
    let is_filler = SIGNS.contains(&name) && whole.chars().all(|sign| whole.starts_with(sign));
    if whole.is_empty() || is_filler {
        return None;
    }
    Some(match spelling {
        Spelling::LowerCase => words.iter().map(|word| hash(word)).collect(),
        Spelling::Folded => std::iter::once(&whole).chain(&words).map(|word| hash(word)).collect(),
    })
}

/// Returns the hashes of a birth day; `None` for a day that stands for "none".
fn birth_hashes(value: &Value, spelling: Spelling) -> Option<Vec<String>> {
    let days = readings::possible_days(value);
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if days.is_empty() {
        return None;
    }
    Some(match spelling {
        Spelling::LowerCase => lower_case_words(&text).iter().map(|word| hash(word)).collect(),
        Spelling::Folded => {
            let days = days.iter().map(|day| hash(&day.to_string()));
            std::iter::once(hash(text.trim())).chain(days).collect()
        }
    })
}

/// Splits a text into words in lower case, without punctuation.
fn lower_case_words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split_whitespace().map(|word| word.chars().filter(|c| c.is_alphanumeric()).collect());
    words.filter(|word: &String| !word.is_empty()).collect()
}

/// Splits a text into words without case, accents and punctuation. Spellings that replace an accented letter become
/// the plain letter.
fn folded_words(text: &str) -> Vec<String> {
    let is_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    let folded = |word: &str| {
        let letters = word.nfd().filter(|c| !is_accent(c)).flat_map(char::to_lowercase);
        let letters: String = letters.filter(|c| c.is_alphanumeric()).collect();
        let twins = [("ß", "ss"), ("æ", "a"), ("ø", "o"), ("œ", "o"), ("ł", "l"), ("đ", "d"), ("ı", "i")];
        let twins = twins.into_iter().chain([("ae", "a"), ("oe", "o"), ("ue", "u")]);
        twins.fold(letters, |word, (from, to)| word.replace(from, to))
    };
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '-' | '\u{2010}' | '\u{2011}' | '.' | ',');
    text.split(is_gap).map(folded).filter(|word| !word.is_empty()).collect()
}

/// Returns the first 8 bytes of the SHA-256 hash, in hexadecimal digits.
fn hash(word: &str) -> String {
    hex::encode(&Sha256::digest(word)[..8])
}
