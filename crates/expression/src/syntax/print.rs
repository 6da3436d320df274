//! Prints a tree in the normal form, `Fn(a, b, , "x")`.

use super::{SyntaxKind, SyntaxNode};

/// Returns the normal form. Parsing it results in the same tree again, except for positions.
pub(crate) fn print_syntax(tree: &SyntaxNode) -> String {
    let mut out = String::new();
    write_syntax(&mut out, tree);
    out
}

/// Writes a part in its normal form.
fn write_syntax(out: &mut String, tree: &SyntaxNode) {
    match &tree.kind {
        SyntaxKind::Attribute(name) => {
            out.push('[');
            out.push_str(name);
            out.push(']');
        }
        SyntaxKind::Text(text) => write_text(out, text),
        SyntaxKind::Integer { value, hex: true } => out.push_str(&format!("&H{value:X}")),
        SyntaxKind::Integer { value, hex: false } => out.push_str(&value.to_string()),
        SyntaxKind::Word(word) => out.push_str(word),
        SyntaxKind::Call { name, arguments, .. } => {
            out.push_str(name);
            write_arguments(out, arguments);
        }
        SyntaxKind::Compare { comparison, left, right } => {
            write_syntax(out, left);
            out.push(' ');
            out.push_str(comparison.sign());
            out.push(' ');
            write_syntax(out, right);
        }
        SyntaxKind::Concat(operands) => {
            for (i, operand) in operands.iter().enumerate() {
                if i > 0 {
                    out.push_str(" & ");
                }
                write_syntax(out, operand);
            }
        }
    }
}

/// Writes the arguments. Each one after the first is preceded by `, `, so that a hole at the end is written `, )`.
fn write_arguments(out: &mut String, arguments: &[Option<SyntaxNode>]) {
    out.push('(');
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        if let Some(argument) = argument {
            write_syntax(out, argument);
        }
    }
    out.push(')');
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '\\' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
