//! The names of operators in the spellings of policies and of Entra.

/// An operator without its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperatorKind {
    Equals,
    NotEquals,
    In,
    NotIn,
    StartsWith,
    EndsWith,
    Includes,
    NotIncludes,
    Matches,
    NotMatches,
    RegexMatch,
    NotRegexMatch,
    GreaterThan,
    GreaterThanOrEquals,
    LessThan,
    LessThanOrEquals,
    IsTrue,
    IsFalse,
    IsNull,
    IsNotNull,
    Within,
    WithinLast,
    Before,
    OnOrBefore,
    After,
    OnOrAfter,
}

/// All operators with their canonical names. Entra's spellings are the same words with different case or `_`.
const NAMES: [(&str, OperatorKind); 26] = [
    ("EQUALS", OperatorKind::Equals),
    ("NOT EQUALS", OperatorKind::NotEquals),
    ("IN", OperatorKind::In),
    ("NOT IN", OperatorKind::NotIn),
    ("STARTS WITH", OperatorKind::StartsWith),
    ("ENDS WITH", OperatorKind::EndsWith),
    ("INCLUDES", OperatorKind::Includes),
    ("NOT INCLUDES", OperatorKind::NotIncludes),
    ("MATCHES", OperatorKind::Matches),
    ("NOT MATCHES", OperatorKind::NotMatches),
    ("REGEX MATCH", OperatorKind::RegexMatch),
    ("NOT REGEX MATCH", OperatorKind::NotRegexMatch),
    ("GREATER THAN", OperatorKind::GreaterThan),
    ("GREATER THAN OR EQUALS", OperatorKind::GreaterThanOrEquals),
    ("LESS THAN", OperatorKind::LessThan),
    ("LESS THAN OR EQUALS", OperatorKind::LessThanOrEquals),
    ("IS TRUE", OperatorKind::IsTrue),
    ("IS FALSE", OperatorKind::IsFalse),
    ("IS NULL", OperatorKind::IsNull),
    ("IS NOT NULL", OperatorKind::IsNotNull),
    ("WITHIN", OperatorKind::Within),
    ("WITHIN LAST", OperatorKind::WithinLast),
    ("BEFORE", OperatorKind::Before),
    ("ON OR BEFORE", OperatorKind::OnOrBefore),
    ("AFTER", OperatorKind::After),
    ("ON OR AFTER", OperatorKind::OnOrAfter),
];

/// Spellings that users of other languages write, with the canonical name.
const SYNONYMS: [(&str, &str); 22] = [
    ("=", "EQUALS"),
    ("==", "EQUALS"),
    ("EQ", "EQUALS"),
    ("IS", "EQUALS"),
    ("!=", "NOT EQUALS"),
    ("<>", "NOT EQUALS"),
    ("NE", "NOT EQUALS"),
    (">", "GREATER THAN"),
    ("GT", "GREATER THAN"),
    (">=", "GREATER THAN OR EQUALS"),
    ("GE", "GREATER THAN OR EQUALS"),
    ("<", "LESS THAN"),
    ("LT", "LESS THAN"),
    ("<=", "LESS THAN OR EQUALS"),
    ("LE", "LESS THAN OR EQUALS"),
    ("CONTAINS", "INCLUDES"),
    ("NOT CONTAINS", "NOT INCLUDES"),
    ("LIKE", "MATCHES"),
    ("REGEX", "REGEX MATCH"),
    ("PRESENT", "IS NOT NULL"),
    ("IS EMPTY", "IS NULL"),
    ("IS NOT EMPTY", "IS NOT NULL"),
];

/// The maximum number of words in the name of an operator.
pub(crate) const NAME_WORDS_MAX: usize = 4;
/// The maximum length of an operator name, in characters. A longer text is not compared with any name.
const NAME_CHARACTERS_MAX: usize = 40;

impl OperatorKind {
    /// Returns the operator with this name, without regard to case, with `_` for a space.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = normalise_name(name);
        NAMES.iter().find(|(other, _)| *other == name).map(|(_, kind)| *kind)
    }

    /// Returns the canonical name.
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// Returns a hint for an unknown operator.
pub(crate) fn operator_hint(name: &str) -> String {
    let wanted = normalise_name(name);
    if wanted.contains('&') {
        return "Entra's `&` has no documented meaning: use INCLUDES or NOT INCLUDES".to_owned();
    }
    let near = SYNONYMS.iter().find(|(other, _)| *other == wanted).map(|(_, name)| *name);
    match near.or_else(|| nearest_operator(&wanted).map(|(name, _)| name)) {
        Some(name) => format!("did you mean {name}?"),
        None => {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("use one of {}", names.join(", "))
        }
    }
}

/// Returns the name with the fewest changes, if one is near enough, and the number of changes.
fn nearest_operator(name: &str) -> Option<(&'static str, usize)> {
    let wanted = normalise_name(name);
    if wanted.chars().count() > NAME_CHARACTERS_MAX {
        return None;
    }
    let distances = NAMES.iter().map(|(other, _)| (*other, edit_distance(&wanted, other)));
    distances
        .filter(|(other, changes)| *changes <= other.len().div_ceil(4))
        .min_by_key(|(_, changes)| *changes)
}

/// Returns the number of `words` that resemble an operator most closely; at least 1.
pub(crate) fn most_like_an_operator(words: &[&str]) -> usize {
    let starts = (1..=words.len().min(NAME_WORDS_MAX)).map(|count| (count, words[..count].join(" ")));
    let changes = starts.filter_map(|(count, name)| {
        let is_synonym = SYNONYMS.iter().any(|(other, _)| *other == normalise_name(&name));
        let changes = if is_synonym { Some(0) } else { nearest_operator(&name).map(|(_, changes)| changes) };
        changes.map(|changes| (changes, count))
    });
    changes.min_by_key(|(changes, count)| (*changes, NAME_WORDS_MAX - count)).map_or(1, |(_, count)| count)
}

fn normalise_name(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| c.is_whitespace() || c == '_')
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
        .collect();
    words.join(" ")
}

/// Returns the number of letters that must be added, dropped or replaced to turn one text into the other.
pub(crate) fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{NAMES, OperatorKind, operator_hint};

    #[test]
    fn entras_spellings_name_the_same_operators() {
        let table = [
            ("Greater_Than_OR_EQUALS", OperatorKind::GreaterThanOrEquals),
            ("Greater_Than", OperatorKind::GreaterThan),
            ("ENDS_WITH", OperatorKind::EndsWith),
            ("Includes", OperatorKind::Includes),
            ("is not null", OperatorKind::IsNotNull),
            (" NOT  REGEX MATCH ", OperatorKind::NotRegexMatch),
        ];
        for (name, kind) in table {
            assert_eq!(OperatorKind::named(name), Some(kind), "{name}");
        }
        for (name, kind) in NAMES {
            assert_eq!((OperatorKind::named(name), kind.name()), (Some(kind), name));
        }
    }

    #[test]
    fn an_unknown_operator_is_answered_with_the_nearest_one() {
        let table = [
            ("EQUAL", "did you mean EQUALS?"),
            ("STARTSWITH", "did you mean STARTS WITH?"),
            ("withn", "did you mean WITHIN?"),
            ("contains", "did you mean INCLUDES?"),
            (">=", "did you mean GREATER THAN OR EQUALS?"),
            ("!&", "Entra's `&` has no documented meaning"),
            ("&", "Entra's `&` has no documented meaning"),
            ("frobnicates", "use one of EQUALS, NOT EQUALS"),
        ];
        for (name, expected) in table {
            assert!(operator_hint(name).starts_with(expected), "{name}: {}", operator_hint(name));
        }
    }
}
