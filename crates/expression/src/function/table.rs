//! The signatures of all functions, in alphabetical order.

use super::ArgumentKind::{Any, Condition, Date, Integer, Interval, Text, Texts, Word};
use super::{ArgumentKind, Function, FunctionParameter, FunctionSignature, ParameterPresence};
use crate::value::ExpressionType;

const COMPARE_TYPES: ArgumentKind = Word(&["vbTextCompare", "vbBinaryCompare", "0", "1"]);
const ENCODINGS: ArgumentKind = Word(&["Unicode", "UTF8", "ASCII"]);

const fn required_parameter(name: &'static str, kind: ArgumentKind) -> FunctionParameter {
    FunctionParameter { name, kind, presence: ParameterPresence::Required }
}

const fn optional_parameter(name: &'static str, kind: ArgumentKind) -> FunctionParameter {
    FunctionParameter { name, kind, presence: ParameterPresence::Optional }
}

const fn hole_parameter(name: &'static str, kind: ArgumentKind) -> FunctionParameter {
    FunctionParameter { name, kind, presence: ParameterPresence::Hole }
}

/// Builds one row of the table: function, name, parameters, result, needs.
const fn fixed_signature(
    function: Function,
    name: &'static str,
    parameters: &'static [FunctionParameter],
    result: ExpressionType,
    needs: &'static str,
) -> FunctionSignature {
    FunctionSignature { function, name, parameters, repeated: &[], at_least: 0, result, needs }
}

/// Builds a row with parameters that repeat.
const fn variadic_signature(
    row: FunctionSignature,
    repeated: &'static [FunctionParameter],
    at_least: usize,
) -> FunctionSignature {
    FunctionSignature { repeated, at_least, ..row }
}

const fn source_parameter(kind: ArgumentKind) -> FunctionParameter {
    required_parameter("source", kind)
}

#[rustfmt::skip] // a table with one row for each function
pub(super) static SIGNATURES: &[FunctionSignature] = &[
    fixed_signature(Function::Append, "Append", &[source_parameter(Texts), required_parameter("suffix", Text)], ExpressionType::Any, "a source and a suffix"),
    fixed_signature(Function::AppRoleAssignments, "AppRoleAssignments", &[source_parameter(Any)], ExpressionType::List, "one source"),
    fixed_signature(Function::AppRoleAssignmentsComplex, "AppRoleAssignmentsComplex", &[source_parameter(Any)], ExpressionType::List, "one source"),
    fixed_signature(Function::AssertiveAppRoleAssignmentsComplex, "AssertiveAppRoleAssignmentsComplex", &[source_parameter(Any)], ExpressionType::List, "one source"),
    fixed_signature(Function::BitAnd, "BitAnd", &[required_parameter("value1", Integer), required_parameter("value2", Integer)], ExpressionType::Integer, "two integers"),
    fixed_signature(Function::CBool, "CBool", &[required_parameter("expression", Condition)], ExpressionType::Boolean, "one condition"),
    fixed_signature(Function::CDate, "CDate", &[required_parameter("expression", Date)], ExpressionType::Date, "one text with a date"),
    variadic_signature(fixed_signature(Function::Coalesce, "Coalesce", &[], ExpressionType::Any, "at least one source"), &[hole_parameter("source", Any)], 1),
    fixed_signature(Function::Contains, "Contains", &[source_parameter(Any), required_parameter("search", Text)], ExpressionType::Integer, "a source and a text to search for"),
    fixed_signature(Function::ConvertFromBase64, "ConvertFromBase64", &[source_parameter(Texts), optional_parameter("encoding", ENCODINGS)], ExpressionType::Any, "a source and perhaps an encoding"),
    fixed_signature(Function::ConvertToBase64, "ConvertToBase64", &[source_parameter(Texts)], ExpressionType::Any, "one source"),
    fixed_signature(Function::ConvertToUtf8Hex, "ConvertToUTF8Hex", &[source_parameter(Texts)], ExpressionType::Any, "one source"),
    fixed_signature(Function::Count, "Count", &[required_parameter("attribute", Any)], ExpressionType::Integer, "one attribute"),
    fixed_signature(Function::CRef, "CRef", &[required_parameter("value", Texts)], ExpressionType::Any, "one value"),
    fixed_signature(Function::CStr, "CStr", &[required_parameter("value", Texts)], ExpressionType::Any, "one value"),
    fixed_signature(Function::DateAdd, "DateAdd", &[required_parameter("interval", Interval), required_parameter("value", Integer), required_parameter("dateTime", Date)], ExpressionType::Date, "an interval, an integer and a date"),
    fixed_signature(Function::DateDiff, "DateDiff", &[required_parameter("interval", Interval), required_parameter("date1", Date), required_parameter("date2", Date)], ExpressionType::Integer, "an interval and two dates"),
    fixed_signature(Function::DateFromNum, "DateFromNum", &[required_parameter("value", Integer)], ExpressionType::Date, "one integer"),
    fixed_signature(Function::DefaultDomain, "DefaultDomain", &[], ExpressionType::Text, "no arguments"),
    fixed_signature(Function::DnComponent, "DNComponent", &[source_parameter(Text), required_parameter("number", Integer)], ExpressionType::Text, "a distinguished name and a number"),
    fixed_signature(Function::Error, "Error", &[required_parameter("message", Text)], ExpressionType::Any, "one message"),
    fixed_signature(Function::FormatDateTime, "FormatDateTime", &[source_parameter(Any), optional_parameter("dateTimeStyles", Any), optional_parameter("inputFormat", Text), required_parameter("outputFormat", Text)], ExpressionType::Text, "a source, perhaps date-time styles, an input format and an output format"),
    fixed_signature(Function::Guid, "Guid", &[], ExpressionType::Text, "no arguments"),
    fixed_signature(Function::IgnoreFlowIfNullOrEmpty, "IgnoreFlowIfNullOrEmpty", &[required_parameter("expression", Any)], ExpressionType::Any, "one expression"),
    fixed_signature(Function::Iif, "IIF", &[required_parameter("condition", Condition), hole_parameter("valueIfTrue", Any), hole_parameter("valueIfFalse", Any)], ExpressionType::Any, "a condition and two values"),
    fixed_signature(Function::InStr, "InStr", &[required_parameter("value1", Text), required_parameter("value2", Text), optional_parameter("start", Integer), optional_parameter("compareType", COMPARE_TYPES)], ExpressionType::Integer, "a text, a text to find, and perhaps a start and a compare type"),
    fixed_signature(Function::IsNothing, "IsNothing", &[source_parameter(Any)], ExpressionType::Boolean, "one source"),
    fixed_signature(Function::IsNull, "IsNull", &[required_parameter("expression", Any)], ExpressionType::Boolean, "one expression"),
    fixed_signature(Function::IsNullOrEmpty, "IsNullOrEmpty", &[required_parameter("expression", Any)], ExpressionType::Boolean, "one expression"),
    fixed_signature(Function::IsPresent, "IsPresent", &[required_parameter("expression", Any)], ExpressionType::Boolean, "one expression"),
    fixed_signature(Function::IsString, "IsString", &[required_parameter("expression", Any)], ExpressionType::Boolean, "one expression"),
    fixed_signature(Function::Item, "Item", &[required_parameter("attribute", Any), required_parameter("index", Integer)], ExpressionType::Any, "an attribute and an index"),
    variadic_signature(fixed_signature(Function::Join, "Join", &[hole_parameter("separator", Text)], ExpressionType::Text, "a separator and at least one source"), &[hole_parameter("source", Any)], 1),
    fixed_signature(Function::Left, "Left", &[source_parameter(Texts), required_parameter("count", Integer)], ExpressionType::Any, "a source and a number of characters"),
    fixed_signature(Function::Mid, "Mid", &[source_parameter(Texts), required_parameter("start", Integer), optional_parameter("length", Integer)], ExpressionType::Any, "a source, a start and perhaps a length"),
    fixed_signature(Function::NormalizeDiacritics, "NormalizeDiacritics", &[source_parameter(Texts)], ExpressionType::Any, "one source"),
    fixed_signature(Function::Not, "Not", &[source_parameter(Condition)], ExpressionType::Boolean, "one condition"),
    fixed_signature(Function::Now, "Now", &[], ExpressionType::Date, "no arguments"),
    fixed_signature(Function::NumFromDate, "NumFromDate", &[required_parameter("value", Date)], ExpressionType::Integer, "one date"),
    fixed_signature(Function::PCase, "PCase", &[source_parameter(Texts), optional_parameter("wordSeparators", Text)], ExpressionType::Any, "a source and perhaps word separators"),
    fixed_signature(Function::Prepend, "Prepend", &[required_parameter("prefix", Text), source_parameter(Texts)], ExpressionType::Any, "a prefix and a source"),
    fixed_signature(Function::RandomString, "RandomString", &[required_parameter("length", Integer), required_parameter("minimumNumbers", Integer), required_parameter("minimumSpecialCharacters", Integer), required_parameter("minimumCapital", Integer), required_parameter("minimumLowerCase", Integer), optional_parameter("charactersToAvoid", Text)], ExpressionType::Text, "a length, the least numbers of digits, special characters, capitals and small letters, and perhaps characters to avoid"),
    fixed_signature(Function::Redact, "Redact", &[required_parameter("value", Any)], ExpressionType::Any, "one value"),
    fixed_signature(Function::RemoveDuplicates, "RemoveDuplicates", &[required_parameter("attribute", Any)], ExpressionType::List, "one attribute"),
    fixed_signature(Function::Replace, "Replace", &[source_parameter(Texts), optional_parameter("oldValue", Text), optional_parameter("regexPattern", Text), optional_parameter("regexGroupName", Text), optional_parameter("replacementValue", Text), optional_parameter("replacementAttributeName", Text), optional_parameter("template", Text)], ExpressionType::Any, "a source and what to replace in it"),
    variadic_signature(fixed_signature(Function::SelectUniqueValue, "SelectUniqueValue", &[], ExpressionType::Text, "at least two rules"), &[required_parameter("rule", Text)], 2),
    fixed_signature(Function::SingleAppRoleAssignment, "SingleAppRoleAssignment", &[source_parameter(Any)], ExpressionType::Text, "one source"),
    fixed_signature(Function::Split, "Split", &[source_parameter(Text), required_parameter("delimiter", Text)], ExpressionType::List, "a source and a delimiter"),
    fixed_signature(Function::StringFromSid, "StringFromSid", &[required_parameter("sid", Text)], ExpressionType::Text, "one security identifier"),
    fixed_signature(Function::StripSpaces, "StripSpaces", &[source_parameter(Texts)], ExpressionType::Any, "one source"),
    variadic_signature(fixed_signature(Function::Switch, "Switch", &[source_parameter(Any), hole_parameter("defaultValue", Any)], ExpressionType::Any, "a default and pairs"), &[required_parameter("key", Text), hole_parameter("value", Any)], 1),
    fixed_signature(Function::ToLower, "ToLower", &[source_parameter(Texts), optional_parameter("culture", Text)], ExpressionType::Any, "a source and perhaps a culture"),
    fixed_signature(Function::ToUpper, "ToUpper", &[source_parameter(Texts), optional_parameter("culture", Text)], ExpressionType::Any, "a source and perhaps a culture"),
    fixed_signature(Function::Trim, "Trim", &[source_parameter(Texts)], ExpressionType::Any, "one source"),
    fixed_signature(Function::Word, "Word", &[source_parameter(Text), required_parameter("number", Integer), required_parameter("delimiters", Text)], ExpressionType::Text, "a source, a number and delimiters"),
];
