//! Runs `usher policy eval`: one line in, one line out.

use std::io::{self, BufRead, Read as _, Write};

use anyhow::Context as _;
use expression::RandomSeed;
use expression::eval_lines::{self, MAX_LINE_BYTES};
use serde_json::json;
use time::OffsetDateTime;

/// Runs `usher policy eval`.
///
/// # Errors
/// Returns an error if reading stdin or writing stdout fails.
pub(super) fn run_eval() -> anyhow::Result<()> {
    evaluate_lines(io::stdin().lock(), io::stdout().lock(), |line| {
        eval_lines::evaluate_line(line, OffsetDateTime::now_utc(), RandomSeed(rand::random()))
    })
}

/// Answers every line of `input` with one line of `output`, and flushes it. A line that is too long or not UTF-8 is answered
/// with an error. Ends at the end of the input, or when the output is closed.
///
/// # Errors
/// Returns an error if reading or writing fails.
fn evaluate_lines(
    mut input: impl BufRead,
    mut output: impl Write,
    answer: impl Fn(&str) -> String,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let max = MAX_LINE_BYTES as u64 + 1;
        let read = input.by_ref().take(max).read_until(b'\n', &mut line).context("cannot read stdin")?;
        if read == 0 {
            return Ok(());
        }
        let reply = if line.len() > MAX_LINE_BYTES && line.last() != Some(&b'\n') {
            skip_line(&mut input).context("cannot read stdin")?;
            line_error(&format!("the line is longer than {MAX_LINE_BYTES} bytes"))
        } else {
            match std::str::from_utf8(&line) {
                Ok(text) => answer(text.trim_end_matches(['\n', '\r'])),
                Err(_) => line_error("the line is not UTF-8"),
            }
        };
        match writeln!(output, "{reply}").and_then(|()| output.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()), // `| head` has seen enough
            written => written.context("cannot write to stdout")?,
        }
    }
}

/// Returns an error about the whole line.
fn line_error(message: &str) -> String {
    json!({ "error": { "message": message, "span": null } }).to_string()
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let (length, found) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), false),
        };
        input.consume(length);
        if found {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn all(input: &[u8]) -> Vec<String> {
        let mut output = Vec::new();
        evaluate_lines(input, &mut output, |line| format!("<{line}>")).unwrap();
        String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_line_is_answered_in_order_whatever_is_in_it() {
        let answers = all(b"one\r\n\n\xff\xfe\nlast");
        assert_eq!(answers[..2], ["<one>", "<>"]);
        assert!(answers[2].contains("not UTF-8"), "{answers:?}");
        assert_eq!(answers[3], "<last>");
        assert!(all(b"").is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_is_an_error_and_the_next_one_is_read() {
        let mut input = vec![b'x'; MAX_LINE_BYTES];
        input.push(b'\n');
        input.extend(vec![b'y'; MAX_LINE_BYTES * 2]);
        input.extend(b"\nafter");
        let answers = all(&input);
        assert_eq!(answers.len(), 3);
        assert_eq!(answers[0].len(), MAX_LINE_BYTES + 2);
        assert!(answers[1].contains("longer than"), "{}", answers[1]);
        assert_eq!(answers[2], "<after>");
    }

    /// A writer that counts its flushes.
    struct Flushed<'a>(&'a Cell<usize>);

    impl Write for Flushed<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.set(self.0.get() + 1);
            Ok(())
        }
    }

    #[test]
    fn each_answer_is_there_before_the_next_line_is_read() {
        let flushes = Cell::new(0);
        let seen = |line: &str| {
            assert_eq!(line.parse::<usize>().unwrap(), flushes.get());
            String::new()
        };
        evaluate_lines(&b"0\n1\n2\n"[..], Flushed(&flushes), seen).unwrap();
        assert_eq!(flushes.get(), 3);
    }

    #[test]
    fn a_line_that_cannot_be_evaluated_does_not_stop_the_next() {
        let lines = concat!(
            r#"{"expression": "ToUpper([mail])", "source": {"mail": "ada@example.com"}}"#,
            "\nnonsense\n",
            r#"{"expression": "ToLow([mail])"}"#,
            "\n",
            r#"{"expression": "[mail]", "source": {"mail": null}}"#,
        );
        let mut output = Vec::new();
        let answer =
            |line: &str| eval_lines::evaluate_line(line, OffsetDateTime::UNIX_EPOCH, RandomSeed([7; 32]));
        evaluate_lines(lines.as_bytes(), &mut output, answer).unwrap();
        let answers: Vec<serde_json::Value> = output
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        assert_eq!(answers.len(), 4);
        assert_eq!(
            (&answers[0], &answers[3]),
            (&json!({"value": "ADA@EXAMPLE.COM"}), &json!({"value": null}))
        );
        assert_eq!(answers[1]["error"]["span"], json!(null));
        assert!(answers[2]["error"]["span"].is_object(), "{}", answers[2]);
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn it_ends_when_nobody_reads_any_more() {
        evaluate_lines(&b"a\nb\n"[..], Closed, str::to_owned).unwrap();
    }
}
