//! From a tree to text: the normal form, `Fn(a, b, , "x")`.

use super::{Kind, Syntax};

/// The normal form: reading it gives the same tree again (but for places).
pub(crate) fn print(tree: &Syntax) -> String {
    let mut out = String::new();
    write(&mut out, tree);
    out
}

fn write(out: &mut String, tree: &Syntax) {
    match &tree.kind {
        Kind::Attribute(name) => {
            out.push('[');
            out.push_str(name);
            out.push(']');
        }
        Kind::Text(text) => write_text(out, text),
        Kind::Integer { value, hex: true } => out.push_str(&format!("&H{value:X}")),
        Kind::Integer { value, hex: false } => out.push_str(&value.to_string()),
        Kind::Word(word) => out.push_str(word),
        Kind::Call { name, arguments, .. } => {
            out.push_str(name);
            write_arguments(out, arguments);
        }
        Kind::Compare { comparison, left, right } => {
            write(out, left);
            out.push(' ');
            out.push_str(comparison.sign());
            out.push(' ');
            write(out, right);
        }
        Kind::Concat(operands) => {
            for (i, operand) in operands.iter().enumerate() {
                if i > 0 {
                    out.push_str(" & ");
                }
                write(out, operand);
            }
        }
    }
}

/// Every argument after the first is preceded by `, `, so that a hole at the end reads `, )`.
fn write_arguments(out: &mut String, arguments: &[Option<Syntax>]) {
    out.push('(');
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        if let Some(argument) = argument {
            write(out, argument);
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
