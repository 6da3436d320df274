//! Evaluation of a row: from its cells to its statements.

use std::sync::Arc;

use expression::{
    AttributeSource, EvalError, EvaluationEnvironment, Expression, MappingEffect, RandomSeed, Value,
};
use lifecycle::{AttributeMap, SubjectKey, UnreadValue};
use readings::{DateReading, EmploymentStatus, ReadDate, StatusReading, class_of};
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::compile::{CompiledMapping, ComputedAttribute, OperationWords};
use super::{RowState, RowStatements};
use crate::ROW_BYTES_MAX;
use crate::error::{MappingError, MappingFault, RowError, text_fault};
use crate::row::{FileHeader, FileRow};

/// The maximum number of names that an error lists.
const LISTED_MAX: usize = 20;

/// A mapping, bound to the header of a file.
#[derive(Debug, Clone)]
pub struct BoundMapping<'m> {
    mapping: &'m CompiledMapping,
    header: Arc<FileHeader>,
    key: Vec<usize>,
    operation: Option<(usize, &'m OperationWords)>,
    /// The columns that the expressions use, by position.
    needed: Vec<bool>,
}

impl CompiledMapping {
    /// Finds the columns. Returns all columns that the file does not have at once.
    pub fn bind(&self, header: &Arc<FileHeader>) -> Result<BoundMapping<'_>, MappingError> {
        let mut faults = Vec::new();
        let mut find = |place: &str, name: &str| {
            let position = header.position(name);
            if position.is_none() {
                faults.push(missing_column(place, name, header));
            }
            position
        };
        let key = self.key.iter().filter_map(|name| find("key", name)).collect();
        let operation = self.operation.as_ref();
        let operation = operation.and_then(|words| Some((find("operation", &words.column)?, words)));
        let mut needed = vec![false; header.names().len()];
        for computed in self.attributes.iter().chain(&self.active).chain(&self.effective_at) {
            for name in computed.expression.attributes() {
                if let Some(position) = find(&computed.place, name) {
                    needed[position] = true;
                }
            }
        }
        if !faults.is_empty() {
            return Err(MappingError { faults });
        }
        Ok(BoundMapping { mapping: self, header: header.clone(), key, operation, needed })
    }
}

/// Returns the fault of a missing column, with the column that differs only in case, if there is one.
fn missing_column(place: &str, name: &str, header: &FileHeader) -> MappingFault {
    let alike = header.names().iter().find(|known| known.to_lowercase() == name.to_lowercase());
    let fix = match alike {
        Some(known) => format!("write `{known}`"),
        None => {
            let names = header.names().iter().take(LISTED_MAX).map(|name| format!("`{name}`"));
            let names: Vec<String> = names.collect();
            let more = if header.names().len() > LISTED_MAX { ", ..." } else { "" };
            format!("the file has {}{more}", names.join(", "))
        }
    };
    MappingFault::new(place, format!("the file has no column `{name}`"), fix)
}

/// The cells of a row as attributes.
struct RowColumns<'r> {
    header: &'r FileHeader,
    values: Vec<Json>,
}

impl AttributeSource for RowColumns<'_> {
    fn attribute(&self, name: &str) -> Option<&Json> {
        self.values.get(self.header.position(name)?)
    }
}

/// The reason that an expression gave no usable value.
enum RowStop {
    /// The row makes no statement.
    IgnoreRow,
    Failed(RowError),
}

impl From<RowError> for RowStop {
    fn from(error: RowError) -> Self {
        Self::Failed(error)
    }
}

impl BoundMapping<'_> {
    /// Returns the key of a row. It is needed separately: a row without statements may still prove that its person is in the file.
    pub fn key(&self, row: &FileRow) -> Result<String, RowError> {
        self.check(row)?;
        let mut key = String::new();
        for (index, position) in self.key.iter().enumerate() {
            let part = row.cell(*position).unwrap_or_default().trim();
            let name = || self.header.names().get(*position).cloned().unwrap_or_default();
            let separator = self.mapping.key_separator.as_str();
            if part.is_empty() {
                let fix = "give each person a key that never changes";
                return Err(RowError::new(row.line(), "the key is empty", fix).column(name()));
            }
            if self.key.len() > 1 && part.contains(separator) {
                let what = format!("a part of the key has the separator `{separator}` in it");
                let fix = "choose a `key_separator` that no part of a key has in it";
                return Err(RowError::new(row.line(), what, fix).column(name()));
            }
            if index > 0 {
                key.push_str(separator);
            }
            key.push_str(part);
        }
        let key = SubjectKey::key_of(&key).trim();
        match text_fault(key) {
            None => Ok(key.to_owned()),
            Some(fault) => {
                let error = RowError::new(row.line(), format!("the key {fault}"), "correct the key");
                Err(match self.mapping.key.as_slice() {
                    [name] => error.column(name),
                    _ => error,
                })
            }
        }
    }

    /// Returns the statements of a row. `now` is the value of `Now()`.
    pub fn read(&self, row: &FileRow, now: OffsetDateTime) -> Result<RowStatements, RowError> {
        let key = self.key(row)?;
        match self.say(row, now) {
            Ok(said) => Ok(RowStatements { key, ..said }),
            Err(RowStop::Failed(error)) => Err(error),
            Err(RowStop::IgnoreRow) => {
                let (state, attributes) = (RowState::Ignored, AttributeMap::new());
                Ok(RowStatements { key, attributes, state, effective_at: None, unread: Vec::new() })
            }
        }
    }

    /// Checks that the row is from the file that this mapping was bound to.
    fn check(&self, row: &FileRow) -> Result<(), RowError> {
        if row.is_under(&self.header) {
            return Ok(());
        }
        let fix = "bind the mapping to the header of each file";
        Err(RowError::new(row.line(), "belongs to another header than the mapping was bound to", fix))
    }

    /// Returns all statements except the key.
    fn say(&self, row: &FileRow, now: OffsetDateTime) -> Result<RowStatements, RowStop> {
        let values = self.needed.iter().enumerate();
        let values = values.map(|(position, needed)| match row.cell(position) {
            Some(cell) if *needed => text_or_null(cell),
            _ => Json::Null,
        });
        let columns = RowColumns { header: &self.header, values: values.collect() };
        let said = RowReading { line: row.line(), columns: &columns, now };
        let mut state = match self.operation_of(row)? {
            RowState::Upsert => said.status(self.mapping)?,
            state => state,
        };
        let mut unread = Vec::new();
        let effective_at = match said.effective_at(self.mapping)? {
            RowDay::NotSaid => None,
            RowDay::At(when) => Some(when),
            RowDay::Unusable(value) => {
                let is_departure = matches!(state, RowState::Left | RowState::Deleted | RowState::Inactive);
                unread.push(if is_departure { value.of_departure() } else { value });
                match state {
                    // The status is readable, and takes precedence over the day.
                    RowState::Inactive => {}
                    // "No day" does not mean "now".
                    RowState::Left | RowState::Deleted => state = RowState::Ignored,
                    RowState::Upsert | RowState::PreHire | RowState::Ignored => {
                        let place = self.mapping.effective_at.as_ref();
                        let wrong = place.map(|place| said.wrong(place, "gave no date", DATE_FIX));
                        return Err(wrong.map_or(RowStop::IgnoreRow, RowStop::Failed));
                    }
                }
                None
            }
        };
        let is_gone = matches!(state, RowState::Left | RowState::Inactive);
        let attributes = match state {
            RowState::Deleted | RowState::Ignored => AttributeMap::new(),
            _ if self.mapping.attributes.is_empty() => {
                let cells = row.cells().map(|(name, cell)| (name.to_owned(), text_or_null(cell)));
                cells.filter(|(_, value)| !is_gone || !value.is_null()).collect()
            }
            _ if is_gone => said.known_attributes(&self.mapping.attributes)?,
            _ => said.attributes(&self.mapping.attributes)?,
        };
        Ok(RowStatements { key: String::new(), attributes, state, effective_at, unread })
    }

    fn operation_of(&self, row: &FileRow) -> Result<RowState, RowError> {
        let Some((position, operations)) = self.operation else { return Ok(RowState::Upsert) };
        let word = row.cell(position).unwrap_or_default().trim().to_lowercase();
        operations.states.get(&word).copied().ok_or_else(|| {
            let what = if word.is_empty() { "the operation is empty" } else { "the operation is unknown" };
            let mut words: Vec<String> = operations.states.keys().map(|word| format!("`{word}`")).collect();
            words.sort_unstable();
            words.truncate(LISTED_MAX);
            let fix = format!("write one of {}, or put the word into `operation`", words.join(", "));
            RowError::new(row.line(), what, fix).column(&operations.column)
        })
    }
}

/// The remedy for a date that cannot be read.
const DATE_FIX: &str = "write it like 2026-03-01, name its form in `dates`, or leave it empty for now";

/// The effective day of a row.
enum RowDay {
    NotSaid,
    At(ReadDate),
    Unusable(UnreadValue),
}

/// Returns the cell as JSON. An empty cell is null.
fn text_or_null(cell: &str) -> Json {
    if cell.is_empty() { Json::Null } else { Json::String(cell.to_owned()) }
}

/// The context of one row during its evaluation.
struct RowReading<'r> {
    line: u64,
    columns: &'r RowColumns<'r>,
    now: OffsetDateTime,
}

impl<'r> RowReading<'r> {
    /// Returns the value of an expression, or `None` if it makes no statement about its attribute.
    fn value(&self, computed: &'r ComputedAttribute) -> Result<Option<Value<'r>>, RowStop> {
        let environment = EvaluationEnvironment {
            now: self.now,
            seed: RandomSeed([0; 32]), // expressions that use it are not compiled
            is_taken: &|_| false,
            default_domain: None,
        };
        match computed.expression.evaluate(self.columns, &environment) {
            Ok(MappingEffect::Value(value)) => Ok(Some(value)),
            Ok(MappingEffect::IgnoreAttribute) => Ok(None),
            Ok(MappingEffect::IgnoreObject) => Err(RowStop::IgnoreRow),
            Ok(MappingEffect::Escrow) => Err(self.wrong(computed, "gave no value", "give it a value").into()),
            Err(error) => Err(self.failed(computed, &error).into()),
        }
    }

    /// Returns the state of a row according to the status of the person. An unknown status must not count as a departure.
    fn status(&self, mapping: &'r CompiledMapping) -> Result<RowState, RowStop> {
        let Some(computed) = &mapping.active else { return Ok(RowState::Upsert) };
        let value = self.value(computed)?.map(|value| json_value(&value));
        match mapping.words.read(value.as_ref()) {
            StatusReading::Status(EmploymentStatus::Ended) => Ok(RowState::Inactive),
            StatusReading::Status(EmploymentStatus::PreHire) => Ok(RowState::PreHire),
            StatusReading::Status(
                EmploymentStatus::Active | EmploymentStatus::OnLeave | EmploymentStatus::Suspended,
            ) => Ok(RowState::Upsert),
            StatusReading::NotSaid | StatusReading::Unreadable => {
                let fix = "put the word into `words`";
                Err(self.wrong(computed, "gave no status that is known", fix).into())
            }
        }
    }

    fn effective_at(&self, mapping: &'r CompiledMapping) -> Result<RowDay, RowStop> {
        let Some(computed) = &mapping.effective_at else { return Ok(RowDay::NotSaid) };
        let value = match self.value(computed)? {
            None | Some(Value::Null) => return Ok(RowDay::NotSaid),
            Some(value) => json_value(&value),
        };
        if value.as_str().is_some_and(|text| text.trim().is_empty()) {
            return Ok(RowDay::NotSaid);
        }
        let unusable = |class| RowDay::Unusable(UnreadValue::new(&computed.place, class));
        Ok(match mapping.dates.read(&value) {
            DateReading::At(when) => RowDay::At(mapping.dates.as_day(when)),
            DateReading::NotSaid => RowDay::NotSaid,
            DateReading::NoDate => unusable(format!("no date: {}", class_of(&value))),
            DateReading::Unreadable(class) => unusable(class),
        })
    }

    fn attributes(&self, all: &'r [ComputedAttribute]) -> Result<AttributeMap, RowStop> {
        let mut attributes = AttributeMap::new();
        let mut bytes = 0;
        for computed in all {
            let Some(value) = self.value(computed)? else { continue };
            bytes += text_bytes(&value);
            self.check_size(bytes)?;
            attributes.insert(computed.name.clone(), json_value(&value));
        }
        Ok(attributes)
    }

    /// Returns the attributes that have a value. A departure must not be missed because another cell of the row has no value.
    fn known_attributes(&self, all: &'r [ComputedAttribute]) -> Result<AttributeMap, RowStop> {
        let mut attributes = AttributeMap::new();
        let mut bytes = 0;
        for computed in all {
            let value = match self.value(computed) {
                Ok(Some(value)) if !value.is_null_or_empty() => value,
                Ok(_) | Err(RowStop::Failed(_)) => continue,
                Err(RowStop::IgnoreRow) => return Err(RowStop::IgnoreRow),
            };
            bytes += text_bytes(&value);
            if bytes <= ROW_BYTES_MAX {
                attributes.insert(computed.name.clone(), json_value(&value));
            }
        }
        Ok(attributes)
    }

    fn check_size(&self, bytes: usize) -> Result<(), RowError> {
        if bytes <= ROW_BYTES_MAX {
            return Ok(());
        }
        let what = format!("the attributes have more than {ROW_BYTES_MAX} bytes");
        Err(RowError::new(self.line, what, "take less of the row into attributes"))
    }

    fn wrong(&self, computed: &ComputedAttribute, what: &str, fix: &str) -> RowError {
        self.error(&computed.expression, format!("`{}` {what}", computed.place), fix)
    }

    fn failed(&self, computed: &ComputedAttribute, error: &EvalError) -> RowError {
        let ComputedAttribute { place, expression, .. } = computed;
        let part = expression.text().get(error.span.start..error.span.end).unwrap_or_default();
        // The text of a call to `Error` may be the value of a column.
        let tells_values = part.trim_start().starts_with("Error") && part.contains('[');
        let why = if tells_values { "its own `Error` says so" } else { error.message.as_str() };
        let fix = "correct the cell, or let the expression allow for it";
        self.error(expression, format!("`{place}` could not be computed: {why}"), fix)
    }

    /// Returns an error with the column that the expression uses, if it uses only one.
    fn error(&self, expression: &Expression, what: String, fix: &str) -> RowError {
        let error = RowError::new(self.line, what, fix);
        match expression.attributes() {
            [column] => error.column(column),
            _ => error,
        }
    }
}

/// Returns the value as JSON. Dates are written as RFC 3339.
fn json_value(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(boolean) => Json::Bool(*boolean),
        Value::Integer(integer) => Json::from(*integer),
        Value::Text(text) => Json::String(text.clone().into_owned()),
        Value::Date(date) => date.format(&Rfc3339).map_or_else(|_| value.to_json(), Json::String),
        Value::List(values) => Json::Array(values.iter().map(json_value).collect()),
    }
}

/// Returns the size of a value in bytes.
fn text_bytes(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::List(values) => values.iter().map(text_bytes).sum(),
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Date(_) => size_of::<u64>(),
    }
}
