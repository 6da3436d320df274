//! Compiles a syntax tree to a program. It checks names, argument counts, types and constants.

mod check;
mod prepare;

use crate::error::{CompileError, SourceSpan};
use crate::function::{self, Function, FunctionParameter, FunctionSignature, ParameterPresence};
use crate::program::{FunctionCall, NodeKind, ProgramNode};
use crate::syntax::{SyntaxKind, SyntaxNode, parser};
use crate::value::ExpressionType;
use crate::{MAX_EXPRESSION_CHARS, syntax};

/// The result of compilation.
#[derive(Debug)]
pub(crate) struct CompiledProgram {
    pub root: ProgramNode,
    pub canonical: String,
    pub attributes: Vec<String>,
    pub uses_now: bool,
    pub uses_random: bool,
    pub needs_uniqueness: bool,
    pub pattern_weight: u64,
}

/// Compiles the text of an expression.
pub(crate) fn compile_text(text: &str) -> Result<CompiledProgram, CompileError> {
    if let Some((at, _)) = text.char_indices().nth(MAX_EXPRESSION_CHARS) {
        let message = format!("the expression is longer than {MAX_EXPRESSION_CHARS} characters");
        return Err(CompileError::new(SourceSpan::new(at, text.len()), message));
    }
    let tree = parser::parse_expression(text)?;
    let mut compiler = Compiler::default();
    let root = compiler.top(&tree)?;
    Ok(CompiledProgram {
        root,
        canonical: syntax::print::print_syntax(&tree),
        attributes: compiler.attributes,
        uses_now: compiler.uses_now,
        uses_random: compiler.random_calls > 0,
        needs_uniqueness: compiler.needs_uniqueness,
        pattern_weight: compiler.pattern_weight,
    })
}

/// The state of one compilation.
#[derive(Default)]
struct Compiler {
    attributes: Vec<String>,
    uses_now: bool,
    random_calls: usize,
    needs_uniqueness: bool,
    /// The total weight of the patterns so far; at most [`crate::pattern::MAX_EXPRESSION_WEIGHT`].
    pattern_weight: u64,
}

impl Compiler {
    fn top(&mut self, tree: &SyntaxNode) -> Result<ProgramNode, CompileError> {
        if let SyntaxKind::Call { name, .. } = &tree.kind {
            self.needs_uniqueness = name == "SelectUniqueValue";
        }
        match &tree.kind {
            SyntaxKind::Compare { .. } => Err(check::misplaced_condition(tree.span)),
            _ => self.node(tree, true),
        }
    }

    /// Compiles one part. `top` is `true` for the outermost part.
    fn node(&mut self, tree: &SyntaxNode, top: bool) -> Result<ProgramNode, CompileError> {
        let (kind, result) = match &tree.kind {
            SyntaxKind::Attribute(name) => (self.attribute(name), ExpressionType::Any),
            SyntaxKind::Text(text) => (NodeKind::Text(text.clone()), ExpressionType::Text),
            SyntaxKind::Integer { value, .. } => (NodeKind::Integer(*value), ExpressionType::Integer),
            SyntaxKind::Word(word) => (unexpected_keyword(word, tree.span)?, ExpressionType::Any),
            SyntaxKind::Concat(operands) => {
                (NodeKind::Concat(self.operands(operands)?), ExpressionType::Text)
            }
            SyntaxKind::Compare { comparison, left, right } => {
                let sides = [self.node(left, false)?, self.node(right, false)?];
                (NodeKind::Compare { comparison: *comparison, sides: sides.into() }, ExpressionType::Boolean)
            }
            SyntaxKind::Call { name, name_span, arguments } => {
                let signature = check::find_signature(name, *name_span)?;
                if signature.function == Function::SelectUniqueValue && !top {
                    let error = CompileError::new(
                        tree.span,
                        "`SelectUniqueValue` cannot stand inside of another function",
                    );
                    return Err(
                        error.hint("make it the outermost function, and put the others into its rules")
                    );
                }
                self.call(signature, *name_span, tree.span, arguments)?
            }
        };
        Ok(ProgramNode { span: tree.span, kind, result })
    }

    /// Compiles an attribute, and records its name.
    fn attribute(&mut self, name: &str) -> NodeKind {
        if !self.attributes.iter().any(|known| known == name) {
            self.attributes.push(name.to_owned());
        }
        NodeKind::Attribute(name.to_owned())
    }

    /// Compiles the operands of `&`, which must not be lists.
    fn operands(&mut self, operands: &[SyntaxNode]) -> Result<Vec<ProgramNode>, CompileError> {
        operands
            .iter()
            .map(|operand| {
                let node = self.node(operand, false)?;
                if node.result == ExpressionType::List {
                    Err(check::list_for_one("`&`", &node))
                } else {
                    Ok(node)
                }
            })
            .collect()
    }

    /// Compiles a call: it checks the number and types of the arguments, and prepares constants.
    fn call(
        &mut self,
        signature: &'static FunctionSignature,
        name: SourceSpan,
        span: SourceSpan,
        given: &[Option<SyntaxNode>],
    ) -> Result<(NodeKind, ExpressionType), CompileError> {
        let short_format = signature.function == Function::FormatDateTime && given.len() == 3;
        if !short_format && !signature.takes(given.len()) {
            return Err(check::argument_count_error(signature, given.len(), span));
        }
        let mut arguments = Vec::with_capacity(given.len() + 1);
        for argument in given {
            if short_format && arguments.len() == 1 {
                arguments.push(None); // FormatDateTime(source, inputFormat, outputFormat)
            }
            let parameter = signature.parameter(arguments.len());
            let parameter =
                parameter.ok_or_else(|| check::argument_count_error(signature, given.len(), span))?;
            arguments.push(self.argument(signature, parameter, argument.as_ref(), span)?);
        }
        let result = check::result_type(signature, &arguments);
        let mut call = FunctionCall {
            function: signature.function,
            arguments,
            prepared: crate::program::PreparedCall::Nothing,
        };
        self.prepare(&mut call, name, span)?;
        Ok((NodeKind::Call(call), result))
    }

    /// Compiles one argument; `None` for a hole.
    fn argument(
        &mut self,
        signature: &FunctionSignature,
        parameter: &FunctionParameter,
        given: Option<&SyntaxNode>,
        call: SourceSpan,
    ) -> Result<Option<ProgramNode>, CompileError> {
        let Some(tree) = given else {
            return match parameter.presence {
                ParameterPresence::Required => Err(check::parameter_hole(signature, parameter, call)),
                ParameterPresence::Hole | ParameterPresence::Optional => Ok(None),
            };
        };
        let node = match (&tree.kind, parameter.kind) {
            (SyntaxKind::Word(word), function::ArgumentKind::Word(words)) => {
                check::keyword_value(signature, word, words, tree.span)?
            }
            (SyntaxKind::Word(word), function::ArgumentKind::Any) if parameter.name == "dateTimeStyles" => {
                ProgramNode {
                    span: tree.span,
                    kind: NodeKind::Text(word.clone()),
                    result: ExpressionType::Text,
                }
            }
            (SyntaxKind::Compare { .. }, kind) if kind != function::ArgumentKind::Condition => {
                return Err(check::misplaced_condition(tree.span));
            }
            (SyntaxKind::Text(name), _)
                if parameter.name == "replacementAttributeName" && !name.is_empty() =>
            {
                ProgramNode { span: tree.span, kind: self.attribute(name), result: ExpressionType::Any }
            }
            _ => self.node(tree, false)?,
        };
        check::check_argument(signature, parameter, &node)?;
        Ok(Some(node))
    }
}

fn unexpected_keyword(word: &str, span: SourceSpan) -> Result<NodeKind, CompileError> {
    match word {
        "IgnoreAttributeFlow" => Ok(NodeKind::IgnoreAttribute),
        "IgnoreObjectFlow" => Ok(NodeKind::IgnoreObject),
        _ => Err(check::unknown_word(word, span)),
    }
}
