//! Every function, in alphabetical order.

use super::Kind::{Any, Condition, Date, Integer, Interval, Text, Texts, Word};
use super::{Function, Kind, Parameter, Presence, Signature};
use crate::value::Type;

const COMPARE_TYPES: Kind = Word(&["vbTextCompare", "vbBinaryCompare", "0", "1"]);
const ENCODINGS: Kind = Word(&["Unicode", "UTF8", "ASCII"]);

const fn must(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, presence: Presence::Required }
}

const fn may(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, presence: Presence::Optional }
}

const fn hole(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, presence: Presence::Hole }
}

/// One row: function, name, parameters, result, needs.
const fn fixed(
    function: Function,
    name: &'static str,
    parameters: &'static [Parameter],
    result: Type,
    needs: &'static str,
) -> Signature {
    Signature { function, name, parameters, repeated: &[], at_least: 0, result, needs }
}

/// The same with parameters that repeat.
const fn several(row: Signature, repeated: &'static [Parameter], at_least: usize) -> Signature {
    Signature { repeated, at_least, ..row }
}

const fn source(kind: Kind) -> Parameter {
    must("source", kind)
}

#[rustfmt::skip] // a table: one row for a function
pub(super) static SIGNATURES: &[Signature] = &[
    fixed(Function::Append, "Append", &[source(Texts), must("suffix", Text)], Type::Any, "a source and a suffix"),
    fixed(Function::AppRoleAssignments, "AppRoleAssignments", &[source(Any)], Type::List, "one source"),
    fixed(Function::AppRoleAssignmentsComplex, "AppRoleAssignmentsComplex", &[source(Any)], Type::List, "one source"),
    fixed(Function::AssertiveAppRoleAssignmentsComplex, "AssertiveAppRoleAssignmentsComplex", &[source(Any)], Type::List, "one source"),
    fixed(Function::BitAnd, "BitAnd", &[must("value1", Integer), must("value2", Integer)], Type::Integer, "two integers"),
    fixed(Function::CBool, "CBool", &[must("expression", Condition)], Type::Boolean, "one condition"),
    fixed(Function::CDate, "CDate", &[must("expression", Date)], Type::Date, "one text with a date"),
    several(fixed(Function::Coalesce, "Coalesce", &[], Type::Any, "at least one source"), &[hole("source", Any)], 1),
    fixed(Function::Contains, "Contains", &[source(Any), must("search", Text)], Type::Integer, "a source and a text to search for"),
    fixed(Function::ConvertFromBase64, "ConvertFromBase64", &[source(Texts), may("encoding", ENCODINGS)], Type::Any, "a source and perhaps an encoding"),
    fixed(Function::ConvertToBase64, "ConvertToBase64", &[source(Texts)], Type::Any, "one source"),
    fixed(Function::ConvertToUtf8Hex, "ConvertToUTF8Hex", &[source(Texts)], Type::Any, "one source"),
    fixed(Function::Count, "Count", &[must("attribute", Any)], Type::Integer, "one attribute"),
    fixed(Function::CRef, "CRef", &[must("value", Texts)], Type::Any, "one value"),
    fixed(Function::CStr, "CStr", &[must("value", Texts)], Type::Any, "one value"),
    fixed(Function::DateAdd, "DateAdd", &[must("interval", Interval), must("value", Integer), must("dateTime", Date)], Type::Date, "an interval, an integer and a date"),
    fixed(Function::DateDiff, "DateDiff", &[must("interval", Interval), must("date1", Date), must("date2", Date)], Type::Integer, "an interval and two dates"),
    fixed(Function::DateFromNum, "DateFromNum", &[must("value", Integer)], Type::Date, "one integer"),
    fixed(Function::DefaultDomain, "DefaultDomain", &[], Type::Text, "no arguments"),
    fixed(Function::DnComponent, "DNComponent", &[source(Text), must("number", Integer)], Type::Text, "a distinguished name and a number"),
    fixed(Function::Error, "Error", &[must("message", Text)], Type::Any, "one message"),
    fixed(Function::FormatDateTime, "FormatDateTime", &[source(Any), may("dateTimeStyles", Any), may("inputFormat", Text), must("outputFormat", Text)], Type::Text, "a source, perhaps date-time styles, an input format and an output format"),
    fixed(Function::Guid, "Guid", &[], Type::Text, "no arguments"),
    fixed(Function::IgnoreFlowIfNullOrEmpty, "IgnoreFlowIfNullOrEmpty", &[must("expression", Any)], Type::Any, "one expression"),
    fixed(Function::Iif, "IIF", &[must("condition", Condition), hole("valueIfTrue", Any), hole("valueIfFalse", Any)], Type::Any, "a condition and two values"),
    fixed(Function::InStr, "InStr", &[must("value1", Text), must("value2", Text), may("start", Integer), may("compareType", COMPARE_TYPES)], Type::Integer, "a text, a text to find, and perhaps a start and a compare type"),
    fixed(Function::IsNothing, "IsNothing", &[source(Any)], Type::Boolean, "one source"),
    fixed(Function::IsNull, "IsNull", &[must("expression", Any)], Type::Boolean, "one expression"),
    fixed(Function::IsNullOrEmpty, "IsNullOrEmpty", &[must("expression", Any)], Type::Boolean, "one expression"),
    fixed(Function::IsPresent, "IsPresent", &[must("expression", Any)], Type::Boolean, "one expression"),
    fixed(Function::IsString, "IsString", &[must("expression", Any)], Type::Boolean, "one expression"),
    fixed(Function::Item, "Item", &[must("attribute", Any), must("index", Integer)], Type::Any, "an attribute and an index"),
    several(fixed(Function::Join, "Join", &[hole("separator", Text)], Type::Text, "a separator and at least one source"), &[hole("source", Any)], 1),
    fixed(Function::Left, "Left", &[source(Texts), must("count", Integer)], Type::Any, "a source and a number of characters"),
    fixed(Function::Mid, "Mid", &[source(Texts), must("start", Integer), may("length", Integer)], Type::Any, "a source, a start and perhaps a length"),
    fixed(Function::NormalizeDiacritics, "NormalizeDiacritics", &[source(Texts)], Type::Any, "one source"),
    fixed(Function::Not, "Not", &[source(Condition)], Type::Boolean, "one condition"),
    fixed(Function::Now, "Now", &[], Type::Date, "no arguments"),
    fixed(Function::NumFromDate, "NumFromDate", &[must("value", Date)], Type::Integer, "one date"),
    fixed(Function::PCase, "PCase", &[source(Texts), may("wordSeparators", Text)], Type::Any, "a source and perhaps word separators"),
    fixed(Function::Prepend, "Prepend", &[must("prefix", Text), source(Texts)], Type::Any, "a prefix and a source"),
    fixed(Function::RandomString, "RandomString", &[must("length", Integer), must("minimumNumbers", Integer), must("minimumSpecialCharacters", Integer), must("minimumCapital", Integer), must("minimumLowerCase", Integer), may("charactersToAvoid", Text)], Type::Text, "a length, the least numbers of digits, special characters, capitals and small letters, and perhaps characters to avoid"),
    fixed(Function::Redact, "Redact", &[must("value", Any)], Type::Any, "one value"),
    fixed(Function::RemoveDuplicates, "RemoveDuplicates", &[must("attribute", Any)], Type::List, "one attribute"),
    fixed(Function::Replace, "Replace", &[source(Texts), may("oldValue", Text), may("regexPattern", Text), may("regexGroupName", Text), may("replacementValue", Text), may("replacementAttributeName", Text), may("template", Text)], Type::Any, "a source and what to replace in it"),
    several(fixed(Function::SelectUniqueValue, "SelectUniqueValue", &[], Type::Text, "at least two rules"), &[must("rule", Text)], 2),
    fixed(Function::SingleAppRoleAssignment, "SingleAppRoleAssignment", &[source(Any)], Type::Text, "one source"),
    fixed(Function::Split, "Split", &[source(Text), must("delimiter", Text)], Type::List, "a source and a delimiter"),
    fixed(Function::StringFromSid, "StringFromSid", &[must("sid", Text)], Type::Text, "one security identifier"),
    fixed(Function::StripSpaces, "StripSpaces", &[source(Texts)], Type::Any, "one source"),
    several(fixed(Function::Switch, "Switch", &[source(Any), hole("defaultValue", Any)], Type::Any, "a default and pairs"), &[must("key", Text), hole("value", Any)], 1),
    fixed(Function::ToLower, "ToLower", &[source(Texts), may("culture", Text)], Type::Any, "a source and perhaps a culture"),
    fixed(Function::ToUpper, "ToUpper", &[source(Texts), may("culture", Text)], Type::Any, "a source and perhaps a culture"),
    fixed(Function::Trim, "Trim", &[source(Texts)], Type::Any, "one source"),
    fixed(Function::Word, "Word", &[source(Text), must("number", Integer), must("delimiters", Text)], Type::Text, "a source, a number and delimiters"),
];
