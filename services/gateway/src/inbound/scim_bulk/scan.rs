//! Splits a bulk request into its operations while it arrives. At most one operation is in memory.

use std::io::{ErrorKind, Read};

use edge::{FieldErrors, JsonError, JsonPointer, Problem, parse_json};
use serde_json::Value;

use crate::intake::limits::DEPTH_MAX;

/// The schema URI of the request.
pub(super) const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The number of bytes that are read at a time.
const CHUNK_BYTES: usize = 16 * 1024;
/// The maximum length of a member name of the request, and of a member other than the operations, in bytes.
const MEMBER_BYTES_MAX: usize = 64 * 1024;
/// Two levels less, because the request and its list of operations enclose each operation.
const OPERATION_DEPTH_MAX: usize = DEPTH_MAX - 2;

/// The reason why reading a request stops.
#[derive(Debug)]
pub(super) enum BulkNotRead {
    /// The request as a whole is invalid or too large.
    Refused(Problem),
    /// The bytes ended early, or the receiver of the batches is gone.
    Stopped,
}

impl From<Problem> for BulkNotRead {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// Reads a request to its end. `each` receives the operations in order, including invalid ones.
///
/// # Errors
/// Returns an error if it is not a bulk request, if its bytes end early, or if `each` returns one.
pub(super) fn read_operations(
    bytes: impl Read,
    operation_bytes_max: usize,
    mut each: impl FnMut(usize, Result<Value, String>) -> Result<(), BulkNotRead>,
) -> Result<(), BulkNotRead> {
    let mut scanner = BulkScanner { input: bytes, buffer: Vec::new(), at: 0, line: 1, column: 1 };
    let mut errors = FieldErrors::default();
    let mut seen = false;
    scanner.open_request()?;
    let mut first = true;
    while let Some(name) = scanner.member(first)? {
        first = false;
        if name.eq_ignore_ascii_case("schemas") {
            check_schemas(&scanner.small_value()?, &mut errors);
        } else if !name.eq_ignore_ascii_case("Operations") {
            scanner.small_value()?;
        } else if std::mem::replace(&mut seen, true) {
            return Err(Problem::invalid("the request", field_error("/Operations", "is there twice")).into());
        } else if scanner.next_is(b'[')? {
            refuse_if_wrong(&mut errors)?;
            scanner.each_element(operation_bytes_max, &mut each)?;
        } else {
            scanner.small_value()?;
            errors.add("/Operations", "must be an array");
        }
    }
    scanner.end()?;
    if !seen {
        errors.add("/Operations", "must be an array");
    }
    refuse_if_wrong(&mut errors)
}

fn field_error(at: &str, detail: &str) -> FieldErrors {
    let mut errors = FieldErrors::default();
    errors.add(at, detail);
    errors
}

fn refuse_if_wrong(errors: &mut FieldErrors) -> Result<(), BulkNotRead> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid("this is not a bulk request", std::mem::take(errors)).into())
}

/// Checks that the list of schemas has that of the request.
fn check_schemas(schemas: &Value, errors: &mut FieldErrors) {
    let is_bulk = |schema: &Value| schema.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(BULK_REQUEST));
    if !schemas.as_array().is_some_and(|schemas| schemas.iter().any(is_bulk)) {
        errors.add("/schemas", format!("must be an array with {BULK_REQUEST}"));
    }
}

/// One value as it is written in the request.
struct ValueCut {
    /// The text; `None` if it is longer than the maximum.
    text: Option<Vec<u8>>,
    /// The line in which the value begins, starting at 1.
    line: usize,
    /// The column at which the value begins, starting at 1.
    column: usize,
}

/// A JSON scanner that reads the request in chunks and tracks the position.
struct BulkScanner<R> {
    input: R,
    /// The bytes that were read last.
    buffer: Vec<u8>,
    /// The position of the next byte in the buffer.
    at: usize,
    /// The line of the next byte, starting at 1.
    line: usize,
    /// The column of the next byte, starting at 1.
    column: usize,
}

impl<R: Read> BulkScanner<R> {
    /// Returns the next byte without consuming it.
    fn peek(&mut self) -> Result<Option<u8>, BulkNotRead> {
        while self.at == self.buffer.len() {
            self.buffer.resize(CHUNK_BYTES, 0);
            match self.input.read(&mut self.buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => self.buffer.clear(),
                Err(_) => return Err(BulkNotRead::Stopped),
                Ok(length) => {
                    self.buffer.truncate(length);
                    self.at = 0;
                    break;
                }
            }
            self.at = 0;
        }
        Ok(self.buffer.get(self.at).copied())
    }

    /// Consumes `byte`, which is the next one.
    fn pass(&mut self, byte: u8) {
        self.at += 1;
        if byte == b'\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
    }

    /// Skips blanks and returns the next byte without consuming it.
    fn next_mark(&mut self) -> Result<Option<u8>, BulkNotRead> {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek()? {
            self.pass(byte);
        }
        self.peek()
    }

    /// Returns whether `mark` is the next byte after blanks, and consumes it if so.
    fn next_is(&mut self, mark: u8) -> Result<bool, BulkNotRead> {
        let is_next = self.next_mark()? == Some(mark);
        if is_next {
            self.pass(mark);
        }
        Ok(is_next)
    }

    fn malformed(&self, reason: &str) -> BulkNotRead {
        let (line, column) = (self.line, self.column);
        Problem::from(JsonError::Malformed { line, column, reason: reason.to_owned() }).into()
    }

    /// Consumes a byte order mark and the opening brace of the request.
    fn open_request(&mut self) -> Result<(), BulkNotRead> {
        for byte in *b"\xef\xbb\xbf" {
            if self.peek()? != Some(byte) {
                break;
            }
            self.pass(byte);
        }
        match self.next_mark()? {
            Some(b'{') => {
                self.pass(b'{');
                Ok(())
            }
            Some(b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                let errors = field_error("", "a bulk request is an object");
                Err(Problem::invalid("this is not a bulk request", errors).into())
            }
            _ => Err(self.malformed("expected value")),
        }
    }

    /// Returns the name of the next member of the request, or `None` after the last one.
    fn member(&mut self, first: bool) -> Result<Option<String>, BulkNotRead> {
        if self.next_is(b'}')? {
            return Ok(None);
        }
        if !first && !self.next_is(b',')? {
            return Err(self.malformed("expected `,` or `}`"));
        }
        if self.next_mark()? != Some(b'"') {
            return Err(self.malformed("expected a name in quotes"));
        }
        let Value::String(name) = self.small_value()? else { return Err(self.malformed("expected a name")) };
        if self.next_is(b':')? { Ok(Some(name)) } else { Err(self.malformed("expected `:`")) }
    }

    /// Reads the name or value of a member other than the operations.
    fn small_value(&mut self) -> Result<Value, BulkNotRead> {
        let cut = self.value(MEMBER_BYTES_MAX)?;
        let too_long =
            || Problem::too_large(format!("a member of the request is longer than {MEMBER_BYTES_MAX} bytes"));
        let text = cut.text.as_deref().ok_or_else(too_long)?;
        parse_json(text, DEPTH_MAX - 1)
            .map_err(|error| Problem::from(place_error(error, cut.line, cut.column)).into())
    }

    /// Passes the elements of the array to `each`. Its opening bracket is consumed already.
    fn each_element(
        &mut self,
        bytes_max: usize,
        each: &mut impl FnMut(usize, Result<Value, String>) -> Result<(), BulkNotRead>,
    ) -> Result<(), BulkNotRead> {
        if self.next_is(b']')? {
            return Ok(());
        }
        for index in 0.. {
            let ValueCut { text, line, column } = self.value(bytes_max)?;
            let operation = match text.map(|text| parse_json(&text, OPERATION_DEPTH_MAX)) {
                None => Err(format!("an operation may have at most {bytes_max} bytes")),
                Some(Ok(operation)) => Ok(operation),
                // After malformed JSON the rest cannot be interpreted safely, so reading stops here.
                Some(Err(error @ JsonError::Malformed { .. })) => {
                    return Err(Problem::from(place_error(error, line, column)).into());
                }
                Some(Err(JsonError::NotUtf8 { .. })) => Err("is not UTF-8".to_owned()),
                Some(Err(JsonError::TooDeep { .. })) => {
                    Err(format!("nests deeper than {OPERATION_DEPTH_MAX}"))
                }
            };
            each(index, operation)?;
            if self.next_is(b']')? {
                return Ok(());
            }
            if !self.next_is(b',')? {
                return Err(self.malformed("expected `,` or `]`"));
            }
        }
        unreachable!("indexes do not end")
    }

    /// Returns the next value as it is written.
    fn value(&mut self, bytes_max: usize) -> Result<ValueCut, BulkNotRead> {
        let first = self.next_mark()?;
        let mut cut = ValueCut { text: Some(Vec::new()), line: self.line, column: self.column };
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        loop {
            let Some(byte) = self.peek()? else { return Err(self.malformed("EOF while parsing a value")) };
            let is_scalar = depth == 0 && !in_string;
            if is_scalar && matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(cut);
            }
            self.pass(byte);
            match cut.text.as_mut() {
                Some(text) if text.len() < bytes_max => text.push(byte),
                _ => cut.text = None,
            }
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            let is_over = depth == 0 && !in_string;
            if is_over && matches!(first, Some(b'[' | b'{' | b'"')) {
                return Ok(cut);
            }
        }
    }

    /// Checks that nothing follows the request.
    fn end(&mut self) -> Result<(), BulkNotRead> {
        if self.next_mark()?.is_none() { Ok(()) } else { Err(self.malformed("trailing characters")) }
    }
}

/// Converts the position of an error within a value to a position in the request.
fn place_error(error: JsonError, from_line: usize, from_column: usize) -> JsonError {
    let place = |line: usize, column: usize| {
        (from_line + line.max(1) - 1, if line <= 1 { from_column + column.max(1) - 1 } else { column })
    };
    match error {
        JsonError::Malformed { line, column, reason } => {
            let (line, column) = place(line, column);
            JsonError::Malformed { line, column, reason }
        }
        JsonError::TooDeep { line, column, max } => {
            let (line, column) = place(line, column);
            JsonError::TooDeep { line, column, max }
        }
        error @ JsonError::NotUtf8 { .. } => error,
    }
}

/// Returns the pointer to an operation.
pub(super) fn operation_pointer(index: usize) -> JsonPointer {
    JsonPointer::root().key("Operations").index(index)
}
