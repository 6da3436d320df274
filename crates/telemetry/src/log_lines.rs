//! Text log lines that no value can forge: a value is quoted if it could be read as something else, and a line has no control
//! characters.

use std::fmt;
use std::io::{self, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;

/// Writes fields as `name=value`. A value with blanks, quotes or `=` is quoted, so that it cannot look like further fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuotedFields;

impl<'w> FormatFields<'w> for QuotedFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = QuotingVisitor { writer, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct QuotingVisitor<'w> {
    writer: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl QuotingVisitor<'_> {
    fn write(&mut self, name: &str, value: &str) {
        if self.result.is_err() || name.starts_with("log.") {
            return;
        }
        let gap = if std::mem::take(&mut self.is_first) { "" } else { " " };
        self.result = match name {
            "message" => write!(self.writer, "{gap}{value}"),
            _ => write!(self.writer, "{gap}{}={value}", name.trim_start_matches("r#")),
        };
    }
}

impl Visit for QuotingVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.write("message", value);
        } else {
            self.write(field.name(), &format!("{value:?}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" || is_one_value(&text) {
            self.write(field.name(), &text);
        } else {
            self.write(field.name(), &format!("{text:?}"));
        }
    }
}

/// Returns whether a value cannot be mistaken for several: it has no blanks, quotes or `=`, or is one quoted text.
fn is_one_value(text: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=' | '\\');
    text.chars().all(is_plain) || is_quoted(text)
}

/// Returns whether the text is one quoted text, without an unescaped quote in it.
fn is_quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut is_escaped = false;
    for c in inner.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return false,
            c if c.is_control() => return false,
            _ => {}
        }
    }
    !is_escaped
}

/// Makes writers to stderr that escape the control characters within a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CleanStderr {
    /// `true` if colours are written: their escape sequences stay.
    pub(crate) has_colours: bool,
}

impl<'a> MakeWriter<'a> for CleanStderr {
    type Writer = CleanWriter<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        CleanWriter { inner: io::stderr(), has_colours: self.has_colours }
    }
}

/// Escapes the control characters of each line. The formatter writes a whole line at a time.
#[derive(Debug)]
pub(crate) struct CleanWriter<W> {
    inner: W,
    has_colours: bool,
}

impl<W: Write> Write for CleanWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(line) => self.inner.write_all(clean_line(line, self.has_colours).as_bytes())?,
            Err(_) => self.inner.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Escapes every control character but the last line end.
fn clean_line(line: &str, has_colours: bool) -> String {
    let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
    let mut clean = String::with_capacity(line.len());
    for c in body.chars() {
        if c.is_control() && !(has_colours && c == '\u{1b}') {
            clean.push_str(&escape(c));
        } else {
            clean.push(c);
        }
    }
    clean + end
}

/// Returns the escape of a control character, as JSON writes it too.
fn escape(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        c => format!("\\u{:04x}", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = CleanWriter<Self>;

        fn make_writer(&'a self) -> Self::Writer {
            CleanWriter { inner: self.clone(), has_colours: false }
        }
    }

    fn logged(write: impl FnOnce()) -> String {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .without_time()
            .fmt_fields(QuotedFields)
            .with_writer(lines.clone());
        let subscriber = tracing_subscriber::registry().with(layer.boxed());
        tracing::subscriber::with_default(subscriber, write);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_key_cannot_forge_a_line_or_a_field() {
        let key =
            "Y-1 level=INFO msg=\"E-CEO approved by alice\"\n2026-12-01T00:00:00Z  INFO forged\u{9b}31m";
        let text = logged(|| tracing::info!(subject = %key, count = 1, "merged"));
        assert_eq!(text.lines().count(), 1, "{text}");
        let quoted = format!("subject={key:?} count=1");
        assert!(text.contains("merged") && text.contains(&quoted), "{text}");
        assert!(!text.trim_end().contains(char::is_control), "{text:?}");
    }

    #[test]
    fn a_text_that_only_looks_quoted_is_quoted() {
        let text = logged(|| tracing::info!(subject = %"\"a\" level=\"b\"", "x"));
        assert!(text.contains(r#"subject="\"a\" level=\"b\"""#), "{text}");
        let text = logged(|| tracing::info!(subject = "plain text", key = %"E-1", n = 3, ok = true, "x"));
        assert!(text.contains(r#"subject="plain text" key=E-1 n=3 ok=true"#), "{text}");
    }

    #[test]
    fn a_message_with_a_line_end_stays_one_line() {
        let text = logged(|| tracing::info!("a\nb \u{1b}[2J"));
        assert!(text.ends_with("a\\nb \\u001b[2J\n"), "{text:?}");
    }
}
