//! Compilation of a mapping, once for all rows.

use std::collections::HashMap;

use expression::Expression;
use readings::{DateReader, SourceZone, StatusWords};

use super::{FeedMapping, KeyColumns, OperationColumn, RowState};
use crate::COLUMNS_MAX;
use crate::error::{MappingError, MappingFault, text_fault};

/// A compiled and checked mapping. Use [`CompiledMapping::bind`] to bind it to the header of a file.
#[derive(Debug, Clone)]
pub struct CompiledMapping {
    pub(super) key: Vec<String>,
    pub(super) key_separator: String,
    /// The computed attributes. If empty, each column is an attribute.
    pub(super) attributes: Vec<ComputedAttribute>,
    pub(super) active: Option<ComputedAttribute>,
    pub(super) operation: Option<OperationWords>,
    pub(super) effective_at: Option<ComputedAttribute>,
    pub(super) dates: DateReader,
    pub(super) words: StatusWords,
}

/// An expression and its purpose.
#[derive(Debug, Clone)]
pub(super) struct ComputedAttribute {
    /// The place in the mapping.
    pub place: String,
    /// The attribute that it computes.
    pub name: String,
    pub expression: Expression,
}

/// The operation column and its words.
#[derive(Debug, Clone)]
pub(super) struct OperationWords {
    pub column: String,
    /// The states, by word in lower case.
    pub states: HashMap<String, RowState>,
}

impl FeedMapping {
    /// Compiles the expressions. Returns all faults of the mapping at once.
    pub fn compile(&self) -> Result<CompiledMapping, MappingError> {
        let mut faults = Vec::new();
        let key = key_columns(&self.key, &self.key_separator, &mut faults);
        if self.attributes.len() > COLUMNS_MAX {
            let what = format!("there are more than {COLUMNS_MAX} attributes");
            faults.push(MappingFault::new("attributes", what, "leave out what is not needed"));
        }
        let attributes = self.attributes.iter();
        let attributes =
            attributes.filter_map(|(name, text)| compile_attribute(name, text, &mut faults)).collect();
        let mut single = |name: &str, text: &Option<String>| {
            text.as_ref().and_then(|text| compile_computed(name.to_owned(), name, text, &mut faults))
        };
        let active = single("active", &self.active);
        let effective_at = single("effective_at", &self.effective_at);
        let operation = self.operation.as_ref().map(|operation| compile_operations(operation, &mut faults));
        let dates = DateReader::with_forms(SourceZone::utc(), &self.dates).unwrap_or_else(|error| {
            faults.push(MappingFault::new("dates", error.to_string(), "name one of them"));
            DateReader::default()
        });
        let words = StatusWords::default().with(&self.words).unwrap_or_else(|word| {
            let what = format!("has `{word}` in two lists");
            faults.push(MappingFault::new("words", what, "put each word into one of them"));
            StatusWords::default()
        });
        if !faults.is_empty() {
            return Err(MappingError { faults });
        }
        let key_separator = self.key_separator.clone();
        Ok(CompiledMapping { key, key_separator, attributes, active, operation, effective_at, dates, words })
    }
}

/// Checks the columns of the key.
fn key_columns(
    KeyColumns(names): &KeyColumns,
    separator: &str,
    faults: &mut Vec<MappingFault>,
) -> Vec<String> {
    let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    let mut fault = |what: &str, fix: &str| faults.push(MappingFault::new("key", what, fix));
    if names.is_empty() || names.iter().any(String::is_empty) {
        fault("a column of the key has no name", "name the column, or the columns, that tell people apart");
    }
    if names.iter().enumerate().any(|(index, name)| names[..index].contains(name)) {
        fault("names a column twice", "name each column once");
    }
    if names.len() > 1 && text_fault(separator).is_some() {
        let fix = "give `key_separator` a sign that no part of a key has in it";
        fault("nothing separates the parts of the key", fix);
    }
    names
}

/// Checks and compiles one attribute.
fn compile_attribute(name: &str, text: &str, faults: &mut Vec<MappingFault>) -> Option<ComputedAttribute> {
    let place = format!("attributes.{name}");
    let blanks = || (name.trim() != name).then(|| "has blanks around it".to_owned());
    if let Some(fault) = text_fault(name).or_else(blanks) {
        faults.push(MappingFault::new(place, format!("the name {fault}"), "give the attribute another name"));
        return None;
    }
    compile_computed(place, name, text, faults)
}

/// Compiles an expression that must give the same value each time.
fn compile_computed(
    place: String,
    name: &str,
    text: &str,
    faults: &mut Vec<MappingFault>,
) -> Option<ComputedAttribute> {
    match Expression::compile(text) {
        Ok(expression) if expression.uses_random() || expression.needs_uniqueness() => {
            let what = "does not give the same value each time the file is read";
            let fix = "use `Guid`, `RandomString` and `SelectUniqueValue` in a policy";
            faults.push(MappingFault::new(place, what, fix));
            None
        }
        Ok(expression) => Some(ComputedAttribute { place, name: name.to_owned(), expression }),
        Err(error) => {
            let fix = error.hint.clone().unwrap_or_else(|| "correct the expression".to_owned());
            let what = format!("{} (at {:?})", error.message, expression_excerpt(text, error.span.start));
            faults.push(MappingFault::new(place, what, fix));
            None
        }
    }
}

/// The maximum length of an excerpt of an expression in an error, in characters.
const EXCERPT_CHARS_MAX: usize = 40;

/// Returns the expression from the position of the error.
fn expression_excerpt(text: &str, at: usize) -> String {
    text.get(at..).unwrap_or_default().chars().take(EXCERPT_CHARS_MAX).collect()
}

/// Checks the words of the operations.
fn compile_operations(operation: &OperationColumn, faults: &mut Vec<MappingFault>) -> OperationWords {
    let mut states = HashMap::new();
    let all = [
        (RowState::Upsert, &operation.upsert),
        (RowState::Left, &operation.left),
        (RowState::Deleted, &operation.deleted),
    ];
    for (state, words) in all {
        for word in words {
            let before = states.insert(word.trim().to_lowercase(), state);
            if before.is_some_and(|before| before != state) {
                let what = format!("`{}` means two things", word.trim());
                faults.push(MappingFault::new("operation", what, "put each word into one of the lists"));
            }
        }
    }
    if states.is_empty() {
        let fix = "give `upsert`, `left` and `deleted` the words of the file";
        faults.push(MappingFault::new("operation", "no word means anything", fix));
    }
    OperationWords { column: operation.column.trim().to_owned(), states }
}
