//! Source text without comments, texts and tests.

/// Blanks comments, texts, characters and test modules. The lines stay where they are.
pub(crate) fn product_code(text: &str) -> String {
    without_tests(without_texts(text))
}

/// Blanks comments, texts and characters.
fn without_texts(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let may_be_raw =
            matches!(first, 'r' | 'b') && !code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => text_length(rest),
            '\'' => char_length(rest),
            _ if may_be_raw => raw_length(rest).unwrap_or(0),
            _ => 0,
        };
        let (token, behind) = rest.split_at(if length == 0 { first.len_utf8() } else { length });
        if length == 0 {
            code.push_str(token);
        } else {
            code.extend(token.chars().map(|c| if c == '\n' { c } else { ' ' }));
        }
        rest = behind;
    }
    code
}

/// Returns the length of the text in quotes at the beginning.
fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Returns the length of the character in quotes at the beginning; 0 for a lifetime.
fn char_length(rest: &str) -> usize {
    let inner = &rest[1..];
    if inner.starts_with('\\') {
        return inner.char_indices().skip(2).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 2);
    }
    let mut inner = inner.chars();
    let (c, quote) = (inner.next(), inner.next());
    if quote == Some('\'') { 2 + c.map_or(0, char::len_utf8) } else { 0 }
}

/// Returns the length of the raw text at the beginning.
fn raw_length(rest: &str) -> Option<usize> {
    let prefix = if rest.starts_with("br") { 2 } else { 1 };
    let behind = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = behind.chars().take_while(|c| *c == '#').count();
    let inner = behind[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(prefix + hashes + 1 + inner.find(&end)? + end.len())
}

/// Blanks what is compiled for tests only.
fn without_tests(mut code: String) -> String {
    for attribute in ["#[cfg(test)]", "#[cfg(all(test,"] {
        let mut from = 0;
        while let Some(at) = code[from..].find(attribute).map(|at| at + from) {
            let end = item_end(&code, at + attribute.len());
            let blank: String = code[at..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
            code.replace_range(at..end, &blank);
            from = at + blank.len();
        }
    }
    code
}

/// Returns the end of the item that begins at `at`: behind its braces, or behind its semicolon.
fn item_end(code: &str, at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, c) in code[at..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + place + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + place + 1,
            _ => {}
        }
    }
    code.len()
}
