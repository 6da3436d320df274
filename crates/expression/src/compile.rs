//! From a tree to a program: names, counts, types and constants are checked here.

mod check;
mod prepare;

use crate::error::{CompileError, Span};
use crate::function::{self, Function, Parameter, Presence, Signature};
use crate::program::{Call, Node, NodeKind};
use crate::syntax::{Kind, Syntax, parser};
use crate::value::Type;
use crate::{MAX_EXPRESSION_CHARS, syntax};

/// What compilation finds out.
#[derive(Debug)]
pub(crate) struct Program {
    pub root: Node,
    pub canonical: String,
    pub attributes: Vec<String>,
    pub uses_now: bool,
    pub uses_random: bool,
    pub needs_uniqueness: bool,
    pub pattern_weight: u64,
}

/// Compiles a text.
pub(crate) fn compile(text: &str) -> Result<Program, CompileError> {
    if let Some((at, _)) = text.char_indices().nth(MAX_EXPRESSION_CHARS) {
        let message = format!("the expression is longer than {MAX_EXPRESSION_CHARS} characters");
        return Err(CompileError::new(Span::new(at, text.len()), message));
    }
    let tree = parser::parse(text)?;
    let mut compiler = Compiler::default();
    let root = compiler.top(&tree)?;
    Ok(Program {
        root,
        canonical: syntax::print::print(&tree),
        attributes: compiler.attributes,
        uses_now: compiler.uses_now,
        uses_random: compiler.random_calls > 0,
        needs_uniqueness: compiler.needs_uniqueness,
        pattern_weight: compiler.pattern_weight,
    })
}

#[derive(Default)]
struct Compiler {
    attributes: Vec<String>,
    uses_now: bool,
    random_calls: usize,
    needs_uniqueness: bool,
    /// Of the patterns so far; never more than [`crate::pattern::MAX_EXPRESSION_WEIGHT`].
    pattern_weight: u64,
}

impl Compiler {
    fn top(&mut self, tree: &Syntax) -> Result<Node, CompileError> {
        if let Kind::Call { name, .. } = &tree.kind {
            self.needs_uniqueness = name == "SelectUniqueValue";
        }
        match &tree.kind {
            Kind::Compare { .. } => Err(check::misplaced_condition(tree.span)),
            _ => self.node(tree, true),
        }
    }

    fn node(&mut self, tree: &Syntax, top: bool) -> Result<Node, CompileError> {
        let (kind, result) = match &tree.kind {
            Kind::Attribute(name) => (self.attribute(name), Type::Any),
            Kind::Text(text) => (NodeKind::Text(text.clone()), Type::Text),
            Kind::Integer { value, .. } => (NodeKind::Integer(*value), Type::Integer),
            Kind::Word(word) => (keyword(word, tree.span)?, Type::Any),
            Kind::Concat(operands) => (NodeKind::Concat(self.operands(operands)?), Type::Text),
            Kind::Compare { comparison, left, right } => {
                let sides = [self.node(left, false)?, self.node(right, false)?];
                (NodeKind::Compare { comparison: *comparison, sides: sides.into() }, Type::Boolean)
            }
            Kind::Call { name, name_span, arguments } => {
                let signature = check::signature(name, *name_span)?;
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
        Ok(Node { span: tree.span, kind, result })
    }

    fn attribute(&mut self, name: &str) -> NodeKind {
        if !self.attributes.iter().any(|known| known == name) {
            self.attributes.push(name.to_owned());
        }
        NodeKind::Attribute(name.to_owned())
    }

    fn operands(&mut self, operands: &[Syntax]) -> Result<Vec<Node>, CompileError> {
        operands
            .iter()
            .map(|operand| {
                let node = self.node(operand, false)?;
                if node.result == Type::List { Err(check::list_for_one("`&`", &node)) } else { Ok(node) }
            })
            .collect()
    }

    fn call(
        &mut self,
        signature: &'static Signature,
        name: Span,
        span: Span,
        given: &[Option<Syntax>],
    ) -> Result<(NodeKind, Type), CompileError> {
        let short_format = signature.function == Function::FormatDateTime && given.len() == 3;
        if !short_format && !signature.takes(given.len()) {
            return Err(check::count(signature, given.len(), span));
        }
        let mut arguments = Vec::with_capacity(given.len() + 1);
        for argument in given {
            if short_format && arguments.len() == 1 {
                arguments.push(None); // FormatDateTime(source, inputFormat, outputFormat)
            }
            let parameter = signature.parameter(arguments.len());
            let parameter = parameter.ok_or_else(|| check::count(signature, given.len(), span))?;
            arguments.push(self.argument(signature, parameter, argument.as_ref(), span)?);
        }
        let result = check::result(signature, &arguments);
        let mut call =
            Call { function: signature.function, arguments, prepared: crate::program::Prepared::Nothing };
        self.prepare(&mut call, name, span)?;
        Ok((NodeKind::Call(call), result))
    }

    fn argument(
        &mut self,
        signature: &Signature,
        parameter: &Parameter,
        given: Option<&Syntax>,
        call: Span,
    ) -> Result<Option<Node>, CompileError> {
        let Some(tree) = given else {
            return match parameter.presence {
                Presence::Required => Err(check::hole(signature, parameter, call)),
                Presence::Hole | Presence::Optional => Ok(None),
            };
        };
        let node = match (&tree.kind, parameter.kind) {
            (Kind::Word(word), function::Kind::Word(words)) => {
                check::word(signature, word, words, tree.span)?
            }
            (Kind::Word(word), function::Kind::Any) if parameter.name == "dateTimeStyles" => {
                Node { span: tree.span, kind: NodeKind::Text(word.clone()), result: Type::Text }
            }
            (Kind::Compare { .. }, kind) if kind != function::Kind::Condition => {
                return Err(check::misplaced_condition(tree.span));
            }
            (Kind::Text(name), _) if parameter.name == "replacementAttributeName" && !name.is_empty() => {
                Node { span: tree.span, kind: self.attribute(name), result: Type::Any }
            }
            _ => self.node(tree, false)?,
        };
        check::argument(signature, parameter, &node)?;
        Ok(Some(node))
    }
}

fn keyword(word: &str, span: Span) -> Result<NodeKind, CompileError> {
    match word {
        "IgnoreAttributeFlow" => Ok(NodeKind::IgnoreAttribute),
        "IgnoreObjectFlow" => Ok(NodeKind::IgnoreObject),
        _ => Err(check::unknown_word(word, span)),
    }
}
