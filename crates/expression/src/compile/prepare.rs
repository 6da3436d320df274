//! Prepares the constant parts of calls (patterns, formats and dates), which do not depend on a source.

use super::Compiler;
use crate::error::{CompileError, SourceSpan};
use crate::function::Function;
use crate::library::dotnet_format::DotnetFormat;
use crate::library::{date_styles, dates};
use crate::pattern::{MAX_EXPRESSION_WEIGHT, PatternError, ReplacePattern, ReplacementTemplate};
use crate::program::{FunctionCall, PreparedCall, ProgramNode, ReplaceMode, replace};

impl Compiler {
    /// Prepares the constant arguments of a call, and records the properties that depend on it.
    pub(super) fn prepare(
        &mut self,
        call: &mut FunctionCall,
        name: SourceSpan,
        span: SourceSpan,
    ) -> Result<(), CompileError> {
        call.prepared = match call.function {
            Function::Now => {
                self.uses_now = true;
                PreparedCall::Nothing
            }
            Function::Guid | Function::RandomString => {
                self.random_calls += 1;
                PreparedCall::Random(self.random_calls - 1)
            }
            Function::CDate => {
                match call.argument(0).and_then(ProgramNode::constant).and_then(dates::parse_date) {
                    Some(date) => PreparedCall::Date(date),
                    None => PreparedCall::Nothing,
                }
            }
            Function::FormatDateTime => {
                if let Some((node, styles)) = call.argument(1).and_then(|node| Some((node, node.constant()?)))
                {
                    date_styles::adjusts_to_utc(styles)
                        .map_err(|message| CompileError::new(node.span, message))?;
                }
                PreparedCall::Formats {
                    input: prepare_format(call.argument(2))?,
                    output: prepare_format(call.argument(3))?,
                }
            }
            Function::Replace => {
                clear_empty(call);
                PreparedCall::Replace(Box::new(self.mode(call, name.to(span))?))
            }
            _ => PreparedCall::Nothing,
        };
        Ok(())
    }
}

fn prepare_format(node: Option<&ProgramNode>) -> Result<Option<DotnetFormat>, CompileError> {
    let Some(node) = node else { return Ok(None) };
    node.constant()
        .filter(|text| !text.is_empty())
        .map(DotnetFormat::compile)
        .transpose()
        .map_err(|message| CompileError::new(node.span, message))
}

/// Turns `""` into a hole for every argument except the replacement: the two mean the same there.
fn clear_empty(call: &mut FunctionCall) {
    for position in [replace::OLD, replace::PATTERN, replace::GROUP, replace::ATTRIBUTE, replace::TEMPLATE] {
        if let Some(argument) = call.arguments.get_mut(position)
            && argument.as_ref().and_then(ProgramNode::constant) == Some("")
        {
            *argument = None;
        }
    }
}

impl Compiler {
    /// Determines which of the five modes the arguments select.
    fn mode(&mut self, call: &FunctionCall, span: SourceSpan) -> Result<ReplaceMode, CompileError> {
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
            (true, false, false, true, false, false) => Ok(ReplaceMode::Literal),
            (true, false, false, false, false, true) => Ok(ReplaceMode::Template),
            (false, true, false, true, false, false) => {
                let pattern = self.pattern(call)?;
                let value = call.argument(replace::VALUE).and_then(ProgramNode::constant);
                let replacement = pattern
                    .as_ref()
                    .zip(value)
                    .map(|(pattern, value)| ReplacementTemplate::parse(value, pattern));
                Ok(ReplaceMode::Pattern { pattern, replacement })
            }
            (false, true, true, true, false, false) => {
                Ok(ReplaceMode::Group { pattern: self.pattern_with_group(call)? })
            }
            (false, true, true, false, true, false) => {
                Ok(ReplaceMode::Extract { pattern: self.pattern_with_group(call)? })
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

    fn pattern(&mut self, call: &FunctionCall) -> Result<Option<ReplacePattern>, CompileError> {
        let Some(node) = call.argument(replace::PATTERN) else { return Ok(None) };
        let Some(text) = node.constant() else { return Ok(None) };
        let left = MAX_EXPRESSION_WEIGHT - self.pattern_weight;
        let pattern = ReplacePattern::compile(text, left)
            .map_err(|PatternError { what, fix }| CompileError::new(node.span, what).hint(fix))?;
        self.pattern_weight += pattern.weight();
        Ok(Some(pattern))
    }

    fn pattern_with_group(&mut self, call: &FunctionCall) -> Result<Option<ReplacePattern>, CompileError> {
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
