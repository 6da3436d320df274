//! Work that does not need a source: patterns, formats and dates that are constant.

use super::Compiler;
use crate::error::{CompileError, Span};
use crate::function::Function;
use crate::library::dotnet_format::Format;
use crate::library::{date_styles, dates};
use crate::pattern::{MAX_EXPRESSION_WEIGHT, Pattern, PatternError, Replacement};
use crate::program::{Call, Mode, Node, Prepared, replace};

impl Compiler {
    pub(super) fn prepare(&mut self, call: &mut Call, name: Span, span: Span) -> Result<(), CompileError> {
        call.prepared = match call.function {
            Function::Now => {
                self.uses_now = true;
                Prepared::Nothing
            }
            Function::Guid | Function::RandomString => {
                self.random_calls += 1;
                Prepared::Random(self.random_calls - 1)
            }
            Function::CDate => match call.argument(0).and_then(Node::constant).and_then(dates::parse) {
                Some(date) => Prepared::Date(date),
                None => Prepared::Nothing,
            },
            Function::FormatDateTime => {
                if let Some((node, styles)) = call.argument(1).and_then(|node| Some((node, node.constant()?)))
                {
                    date_styles::adjusts_to_utc(styles)
                        .map_err(|message| CompileError::new(node.span, message))?;
                }
                Prepared::Formats { input: format(call.argument(2))?, output: format(call.argument(3))? }
            }
            Function::Replace => {
                clear_empty(call);
                Prepared::Replace(Box::new(self.mode(call, name.to(span))?))
            }
            _ => Prepared::Nothing,
        };
        Ok(())
    }
}

fn format(node: Option<&Node>) -> Result<Option<Format>, CompileError> {
    let Some(node) = node else { return Ok(None) };
    node.constant()
        .filter(|text| !text.is_empty())
        .map(Format::compile)
        .transpose()
        .map_err(|message| CompileError::new(node.span, message))
}

/// `""` for anything but the replacement means the same as a hole.
fn clear_empty(call: &mut Call) {
    for position in [replace::OLD, replace::PATTERN, replace::GROUP, replace::ATTRIBUTE, replace::TEMPLATE] {
        if let Some(argument) = call.arguments.get_mut(position)
            && argument.as_ref().and_then(Node::constant) == Some("")
        {
            *argument = None;
        }
    }
}

impl Compiler {
    /// Which of the five modes the arguments ask for.
    fn mode(&mut self, call: &Call, span: Span) -> Result<Mode, CompileError> {
        let has = |position| call.argument(position).is_some();
        let given = (
            has(replace::OLD),
            has(replace::PATTERN),
            has(replace::GROUP),
            has(replace::VALUE),
            has(replace::ATTRIBUTE),
            has(replace::TEMPLATE),
        );
        match given {
            (true, false, false, true, false, false) => Ok(Mode::Literal),
            (true, false, false, false, false, true) => Ok(Mode::Template),
            (false, true, false, true, false, false) => {
                let pattern = self.pattern(call)?;
                let value = call.argument(replace::VALUE).and_then(Node::constant);
                let replacement =
                    pattern.as_ref().zip(value).map(|(pattern, value)| Replacement::parse(value, pattern));
                Ok(Mode::Pattern { pattern, replacement })
            }
            (false, true, true, true, false, false) => {
                Ok(Mode::Group { pattern: self.pattern_with_group(call)? })
            }
            (false, true, true, false, true, false) => {
                Ok(Mode::Extract { pattern: self.pattern_with_group(call)? })
            }
            _ => Err(CompileError::new(
                span,
                "`Replace` cannot do anything with this combination of arguments",
            )
            .hint(
                "give oldValue with replacementValue or template, or regexPattern with replacementValue, \
             with regexGroupName and replacementValue, or with regexGroupName and replacementAttributeName",
            )),
        }
    }

    fn pattern(&mut self, call: &Call) -> Result<Option<Pattern>, CompileError> {
        let Some(node) = call.argument(replace::PATTERN) else { return Ok(None) };
        let Some(text) = node.constant() else { return Ok(None) };
        let left = MAX_EXPRESSION_WEIGHT - self.pattern_weight;
        let pattern = Pattern::compile(text, left)
            .map_err(|PatternError { what, fix }| CompileError::new(node.span, what).hint(fix))?;
        self.pattern_weight += pattern.weight();
        Ok(Some(pattern))
    }

    fn pattern_with_group(&mut self, call: &Call) -> Result<Option<Pattern>, CompileError> {
        let pattern = self.pattern(call)?;
        if let (Some(pattern), Some(node)) = (&pattern, call.argument(replace::GROUP))
            && let Some(group) = node.constant()
            && pattern.group(group).is_none()
        {
            return Err(CompileError::new(node.span, format!("the pattern has no group `{group}`"))
                .hint(format!("a group is named in the pattern as `(?<{group}>...)`")));
        }
        Ok(pattern)
    }
}
