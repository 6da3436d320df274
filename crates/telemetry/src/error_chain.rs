//! The text of an error with its causes, as logs and stored reasons show it.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use tracing::field::DisplayValue;

/// The number of causes that are followed: a chain that is longer is a loop or a mistake.
const CAUSES_MAX: usize = 16;

/// An error that displays itself and each of its causes, separated by `: `.
///
/// A cause whose text the texts before it contain already is left out. JSON errors show the kind of fault and its place,
/// never the value that was met: it can be a person's attribute.
#[derive(Debug, Clone, Copy)]
pub struct ErrorChain<'a>(&'a (dyn Error + 'static));

impl Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = link_text(self.0);
        f.write_str(&shown)?;
        let mut cause = self.0.source();
        for _ in 0..CAUSES_MAX {
            let Some(error) = cause else { break };
            let text = link_text(error);
            if !shown.contains(&text) {
                write!(f, ": {text}")?;
                shown.push_str(": ");
                shown.push_str(&text);
            }
            cause = error.source();
        }
        Ok(())
    }
}

/// Returns a log value that shows `error` and each of its causes: `tracing::warn!(error = chain(&error), "…")`. It reads
/// the same in text and in JSON logs.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> DisplayValue<ErrorChain<'a>> {
    tracing::field::display(ErrorChain(error))
}

/// Returns the text of `error` and its causes, for reasons that are stored or answered.
pub fn chain_text(error: &(dyn Error + 'static)) -> String {
    ErrorChain(error).to_string()
}

fn link_text(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<serde_json::Error>() {
        Some(json) => json_text(json),
        None => error.to_string(),
    }
}

/// Returns the kind of a JSON error and its place, without the value that it quotes.
fn json_text(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Io => "JSON data that could not be read",
        Category::Syntax => "JSON data with a syntax error",
        Category::Data => "JSON data of another shape",
        Category::Eof => "JSON data that ends early",
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum SampleError {
        #[error("could not store commands")]
        Store(#[source] std::io::Error),
        #[error("the answer is wrong: {0}")]
        Repeats(#[source] std::io::Error),
        #[error("a stored state cannot be read")]
        Json(#[source] serde_json::Error),
    }

    #[test]
    fn the_chain_names_each_cause_once() {
        let disk = || std::io::Error::other("disk full");
        assert_eq!(chain_text(&SampleError::Store(disk())), "could not store commands: disk full");
        assert_eq!(chain_text(&SampleError::Repeats(disk())), "the answer is wrong: disk full");
    }

    #[test]
    fn a_json_error_shows_its_place_and_not_the_value() {
        let error = serde_json::from_str::<Vec<u32>>("[1,\n\"Ada Lovelace\"]").expect_err("not numbers");
        assert!(error.to_string().contains("Ada"));
        let text = chain_text(&SampleError::Json(error));
        assert_eq!(text, "a stored state cannot be read: JSON data of another shape at line 2 column 14");
    }
}
