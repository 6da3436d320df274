//! The functions of the language: names, parameters, results.

mod table;

use crate::value::ExpressionType;

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Append,
    AppRoleAssignments,
    AppRoleAssignmentsComplex,
    AssertiveAppRoleAssignmentsComplex,
    BitAnd,
    CBool,
    CDate,
    Coalesce,
    Contains,
    ConvertFromBase64,
    ConvertToBase64,
    ConvertToUtf8Hex,
    Count,
    CRef,
    CStr,
    DateAdd,
    DateDiff,
    DateFromNum,
    DefaultDomain,
    DnComponent,
    Error,
    FormatDateTime,
    Guid,
    IgnoreFlowIfNullOrEmpty,
    Iif,
    InStr,
    IsNothing,
    IsNull,
    IsNullOrEmpty,
    IsPresent,
    IsString,
    Item,
    Join,
    Left,
    Mid,
    NormalizeDiacritics,
    Not,
    Now,
    NumFromDate,
    PCase,
    Prepend,
    RandomString,
    Redact,
    RemoveDuplicates,
    Replace,
    SelectUniqueValue,
    SingleAppRoleAssignment,
    Split,
    StringFromSid,
    StripSpaces,
    Switch,
    ToLower,
    ToUpper,
    Trim,
    Word,
}

/// What an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentKind {
    /// Anything, lists included.
    Any,
    /// One value, used as text.
    Text,
    /// Text, or several texts that are treated one by one.
    Texts,
    /// An integer, or text that reads as one.
    Integer,
    /// True or false; the only place where a comparison may stand.
    Condition,
    /// A date, or text that reads as one.
    Date,
    /// `yyyy`, `m`, `d`, ...
    Interval,
    /// A word of an enumeration, bare or quoted.
    Word(&'static [&'static str]),
}

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunctionParameter {
    pub name: &'static str,
    pub kind: ArgumentKind,
    pub presence: ParameterPresence,
}

/// Whether an argument has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParameterPresence {
    Required,
    /// May be a hole, which counts as null, but has to be counted.
    Hole,
    /// May be a hole or be left out at the end.
    Optional,
}

/// How a function is called and what it gives.
#[derive(Debug)]
pub(crate) struct FunctionSignature {
    pub function: Function,
    pub name: &'static str,
    pub parameters: &'static [FunctionParameter],
    /// Parameters that may follow any number of times, together.
    pub repeated: &'static [FunctionParameter],
    /// How often `repeated` has to be there.
    pub at_least: usize,
    pub result: ExpressionType,
    /// The rest of "`Name` needs ...".
    pub needs: &'static str,
}

impl FunctionSignature {
    /// How the function is written: `Switch(source, defaultValue, key, value, ...)`.
    pub(crate) fn usage(&self) -> String {
        let mut names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
        if !self.repeated.is_empty() {
            names.extend(self.repeated.iter().map(|parameter| parameter.name));
            names.push("...");
        }
        format!("{}({})", self.name, names.join(", "))
    }

    /// The parameter that an argument belongs to.
    pub(crate) fn parameter(&self, position: usize) -> Option<&'static FunctionParameter> {
        match self.parameters.get(position) {
            Some(parameter) => Some(parameter),
            None if self.repeated.is_empty() => None,
            None => self.repeated.get((position - self.parameters.len()) % self.repeated.len()),
        }
    }

    /// Whether this many arguments can be right.
    pub(crate) fn takes(&self, count: usize) -> bool {
        let fixed = self.parameters.len();
        if self.repeated.is_empty() {
            let required = self.parameters.iter().rposition(|p| p.presence != ParameterPresence::Optional);
            let required = required.map_or(0, |last| last + 1);
            return (required..=fixed).contains(&count);
        }
        let Some(rest) = count.checked_sub(fixed) else { return false };
        rest % self.repeated.len() == 0 && rest / self.repeated.len() >= self.at_least
    }
}

/// Every function in alphabetical order: its name, and how it is written (`Append(source, suffix)`).
pub fn list_functions() -> impl Iterator<Item = (&'static str, String)> {
    table::SIGNATURES.iter().map(|signature| (signature.name, signature.usage()))
}

/// The function of that name; names are case-sensitive.
pub(crate) fn find_function(name: &str) -> Option<&'static FunctionSignature> {
    table::SIGNATURES.iter().find(|signature| signature.name == name)
}

/// The name that was probably meant.
pub(crate) fn nearest_name(name: &str) -> Option<&'static str> {
    let names = || table::SIGNATURES.iter().map(|signature| signature.name);
    if let Some(same) = names().find(|known| known.eq_ignore_ascii_case(name)) {
        return Some(same);
    }
    // With more than a third of the letters wrong it is another word rather than a mistake in writing.
    let limit = |known: &str| (name.chars().count().max(known.len()) / 3).clamp(1, 4);
    let lower = name.to_lowercase();
    names()
        .map(|known| (edit_distance(&lower, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= limit(known))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Longest name that is worth comparing.
const MAX_NAME_CHARS: usize = 64;

/// Edit distance of two words (insertions, deletions, replacements).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(MAX_NAME_CHARS).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().take(MAX_NAME_CHARS).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
