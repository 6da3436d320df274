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

/// The kind of value that an argument must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentKind {
    /// Any value, including lists.
    Any,
    /// One value, used as text.
    Text,
    /// Text, or several texts that are treated one by one.
    Texts,
    /// An integer, or text that can be read as one.
    Integer,
    /// True or false. A comparison may stand only here.
    Condition,
    /// A date, or text that can be read as one.
    Date,
    /// An interval: `yyyy`, `m`, `d`, ...
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

/// The rule for the presence of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParameterPresence {
    Required,
    /// The argument may be a hole, which means null, but its position is required.
    Hole,
    /// The argument may be a hole, or be omitted at the end.
    Optional,
}

/// The signature of a function: its parameters and result.
#[derive(Debug)]
pub(crate) struct FunctionSignature {
    pub function: Function,
    pub name: &'static str,
    pub parameters: &'static [FunctionParameter],
    /// Parameters that may follow repeatedly, as a group.
    pub repeated: &'static [FunctionParameter],
    /// The minimum number of repetitions of `repeated`.
    pub at_least: usize,
    pub result: ExpressionType,
    /// The rest of the message "`Name` needs ...".
    pub needs: &'static str,
}

impl FunctionSignature {
    /// Returns the syntax of a call: `Switch(source, defaultValue, key, value, ...)`.
    pub(crate) fn usage(&self) -> String {
        let mut names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
        if !self.repeated.is_empty() {
            names.extend(self.repeated.iter().map(|parameter| parameter.name));
            names.push("...");
        }
        format!("{}({})", self.name, names.join(", "))
    }

    /// Returns the parameter at the position of an argument.
    pub(crate) fn parameter(&self, position: usize) -> Option<&'static FunctionParameter> {
        match self.parameters.get(position) {
            Some(parameter) => Some(parameter),
            None if self.repeated.is_empty() => None,
            None => self.repeated.get((position - self.parameters.len()) % self.repeated.len()),
        }
    }

    /// Returns `true` if this number of arguments is valid.
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

/// Returns all functions in alphabetical order: the name and the syntax (`Append(source, suffix)`).
pub fn list_functions() -> impl Iterator<Item = (&'static str, String)> {
    table::SIGNATURES.iter().map(|signature| (signature.name, signature.usage()))
}

/// Returns the function with this name. Names are case-sensitive.
pub(crate) fn find_function(name: &str) -> Option<&'static FunctionSignature> {
    table::SIGNATURES.iter().find(|signature| signature.name == name)
}

/// Returns the name that was probably intended.
pub(crate) fn nearest_name(name: &str) -> Option<&'static str> {
    let names = || table::SIGNATURES.iter().map(|signature| signature.name);
    if let Some(same) = names().find(|known| known.eq_ignore_ascii_case(name)) {
        return Some(same);
    }
    // If more than a third of the letters differ, it is a different word rather than a misspelling.
    let limit = |known: &str| (name.chars().count().max(known.len()) / 3).clamp(1, 4);
    let lower = name.to_lowercase();
    names()
        .map(|known| (edit_distance(&lower, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= limit(known))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The maximum length of a name that is compared, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Returns the edit distance of two words (insertions, deletions, replacements).
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
