//! Prints operators and operands as text.

use std::fmt;

use super::{AttributeOperator, DateTest, TextTest};

impl fmt::Display for AttributeOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name())?;
        match self {
            Self::IsNull | Self::IsNotNull | Self::Is(_) => Ok(()),
            Self::Text { test, .. } => write!(f, " {test}"),
            Self::Integer { operand, .. } => write!(f, " {operand}"),
            Self::Date(DateTest::Within(period) | DateTest::WithinLast(period)) => write!(f, " {period}"),
            Self::Date(
                DateTest::Before(moment)
                | DateTest::OnOrBefore(moment)
                | DateTest::After(moment)
                | DateTest::OnOrAfter(moment),
            ) => write!(f, " {moment}"),
        }
    }
}

impl fmt::Display for TextTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operand = match self {
            Self::Equals(text) | Self::StartsWith(text) | Self::EndsWith(text) | Self::Includes(text) => text,
            Self::Matches(glob) => glob.text(),
            Self::Regex(pattern) => pattern.text(),
            Self::In(operands) => {
                for (at, operand) in operands.operands().iter().enumerate() {
                    let before = if at == 0 { "[" } else { ", " };
                    write!(f, "{before}{}", QuotedText(operand))?;
                }
                return f.write_str("]");
            }
        };
        QuotedText(operand).fmt(f)
    }
}

/// Prints a text between quotes, in a form that can be parsed again.
pub(crate) struct QuotedText<'a>(pub(crate) &'a str);

impl fmt::Display for QuotedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                control if control.is_control() => write!(f, "\\u{{{:x}}}", u32::from(control))?,
                plain => write!(f, "{plain}")?,
            }
        }
        f.write_str("\"")
    }
}
