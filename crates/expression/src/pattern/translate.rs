//! Translates patterns from .NET's syntax to that of the engine. Most of it
//! is the same; without translation, the differences would go unnoticed.

use super::PatternError;
use std::iter::Peekable;
use std::str::Chars;

/// Returns the pattern in the engine's syntax, or an error for the part that is not supported.
pub(super) fn translate_pattern(pattern: &str) -> Result<String, PatternError> {
    let mut translation = PatternTranslation { rest: pattern.chars().peekable(), out: String::new() };
    let mut repeated = LastRepetition::No;
    while let Some(c) = translation.rest.next() {
        let mut now = LastRepetition::No;
        match c {
            '\\' => translation.escape()?,
            '[' => translation.class(0)?,
            '(' => translation.group()?,
            '{' if !is_quantifier(translation.rest.clone()) => translation.out.push_str("\\{"),
            '?' if repeated == LastRepetition::Once => {
                translation.out.push('?');
                now = LastRepetition::Lazily;
            }
            '*' | '+' | '?' | '{' if repeated != LastRepetition::No => {
                return Err(PatternError::new(
                    format!("`{c}` follows a repetition: .NET has no possessive repetitions"),
                    "put the first one into a group: `(?:a+)*`",
                ));
            }
            '*' | '+' | '?' => {
                translation.out.push(c);
                now = LastRepetition::Once;
            }
            '{' => {
                translation.out.push('{');
                translation.out.extend(translation.rest.by_ref().take_while(|c| *c != '}'));
                translation.out.push('}');
                now = LastRepetition::Once;
            }
            other => translation.out.push(other),
        }
        repeated = now;
    }
    Ok(translation.out)
}

/// The kind of the repetition that was read last. The engine would read another quantifier after it as a repetition of it.
#[derive(PartialEq, Eq)]
enum LastRepetition {
    No,
    Once,
    Lazily,
}

/// The maximum nesting depth of `[a-z-[aeiou]]`.
const MAX_CLASS_DEPTH: usize = 8;

/// The unread rest of the pattern, and the translation so far.
struct PatternTranslation<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
}

impl PatternTranslation<'_> {
    /// Translates the part after a `\` outside a class.
    fn escape(&mut self) -> Result<(), PatternError> {
        match self.rest.next() {
            None => return Err(single_backslash()),
            Some(digit @ '1'..='9') => return Err(not_linear("back references", &format!("\\{digit}"))),
            Some('k') => return Err(not_linear("back references", "\\k")),
            Some('G') => return Err(PatternError::new("`\\G` is not supported", "use `^`")),
            Some('Z') => self.out.push_str("\\z"),
            Some('c') => self.control()?,
            Some(c @ ('p' | 'P')) => self.property(c),
            Some(other) => self.escaped(other),
        }
        Ok(())
    }

    /// Translates the part after `\p` or `\P`. The braces of a property are not a repetition.
    fn property(&mut self, c: char) {
        self.out.push('\\');
        self.out.push(c);
        if self.rest.peek() != Some(&'{') {
            return;
        }
        for c in self.rest.by_ref() {
            self.out.push(c);
            if c == '}' {
                break;
            }
        }
    }

    /// Translates the part after `\c`: the letter of a control character.
    fn control(&mut self) -> Result<(), PatternError> {
        match self.rest.next().and_then(|letter| u8::try_from(letter).ok()) {
            Some(letter @ (b'@'..=b'_' | b'a'..=b'z')) => {
                self.out.push_str(&format!("\\x{:02X}", letter.to_ascii_uppercase() & 0x1F));
                Ok(())
            }
            _ => {
                Err(PatternError::new("`\\c` names no control character", "write a letter behind it: `\\cA`"))
            }
        }
    }

    /// Translates escapes that mean the same inside and outside classes.
    fn escaped(&mut self, c: char) {
        match c {
            'e' => self.out.push_str("\\x1B"),
            '0' => self.out.push_str("\\x00"),
            c if c.is_ascii_alphanumeric() || (c.is_ascii_punctuation() && !matches!(c, '<' | '>')) => {
                self.out.push('\\');
                self.out.push(c);
            }
            plain => self.out.push(plain),
        }
    }

    /// Translates the part after a `(`.
    fn group(&mut self) -> Result<(), PatternError> {
        self.out.push('(');
        let mut ahead = self.rest.clone();
        if ahead.next() != Some('?') {
            return Ok(());
        }
        match (ahead.next(), ahead.next()) {
            (Some(sign @ ('=' | '!')), _) => Err(not_linear("look-around", &format!("(?{sign}"))),
            (Some('<'), Some(sign @ ('=' | '!'))) => Err(not_linear("look-around", &format!("(?<{sign}"))),
            (Some('>'), _) => Err(not_linear("atomic groups", "(?>")),
            (Some('('), _) => Err(not_linear("conditional groups", "(?(")),
            (Some('<'), _) => self.balanced_name('>'),
            (Some('\''), _) => {
                self.balanced_name('\'')?;
                self.rest.nth(1); // `?'`
                self.out.push_str("?<");
                for c in self.rest.by_ref().take_while(|c| *c != '\'') {
                    self.out.push(c);
                }
                self.out.push('>');
                Ok(())
            }
            (Some('#'), _) => {
                self.out.pop();
                self.rest.by_ref().find(|c| *c == ')');
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn balanced_name(&self, close: char) -> Result<(), PatternError> {
        let mut name = self.rest.clone().skip(2).take_while(|c| *c != close);
        if name.any(|c| c == '-') { Err(not_linear("balancing groups", "(?<a-b>")) } else { Ok(()) }
    }

    /// Translates the part after a `[`. In .NET a bracket inside is a
    /// literal character, and `-[...]` at the end subtracts a class.
    fn class(&mut self, depth: usize) -> Result<(), PatternError> {
        if depth == MAX_CLASS_DEPTH {
            return Err(PatternError::new(
                "the classes of the pattern are nested too deep",
                "nest them less deep",
            ));
        }
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        let mut after_set = false;
        while let Some(c) = self.rest.next() {
            let mut set = false;
            match c {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '-' if self.rest.peek() == Some(&'[') && !first => {
                    self.rest.next();
                    self.out.push_str("--");
                    self.class(depth + 1)?;
                }
                // The engine reads any number of leading hyphens as characters; in .NET the first one can begin a range.
                '-' if first => self.out.push_str("\\-"),
                // The second hyphen is the end of a range. The engine would read `--` as a set operation.
                '-' if self.rest.peek() == Some(&'-') && !first => {
                    self.rest.next();
                    self.out.push_str("-\\-");
                }
                '-' if after_set && self.rest.peek() != Some(&']') => self.out.push_str("\\-"),
                '[' | ']' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                '\\' => set = self.class_escape()?,
                other => self.out.push(other),
            }
            after_set = set;
            first = false;
        }
        Err(PatternError::new(
            "the pattern has a `[` without `]`",
            "close it, or write `\\[` for the character",
        ))
    }

    /// Translates the part after a `\` in a class. Returns `true` if it denotes several characters.
    fn class_escape(&mut self) -> Result<bool, PatternError> {
        match self.rest.next() {
            None => Err(single_backslash()),
            Some('c') => self.control().map(|()| false),
            Some('b') => {
                self.out.push_str("\\x08");
                Ok(false)
            }
            Some(c @ ('p' | 'P')) => {
                self.property(c);
                Ok(true)
            }
            Some(other) => {
                self.escaped(other);
                Ok(matches!(other, 'd' | 'D' | 'w' | 'W' | 's' | 'S'))
            }
        }
    }
}

/// Returns `true` if the text after a `{` makes it a repetition: `3}`, `3,}`, `3,5}`.
fn is_quantifier(mut rest: Peekable<Chars<'_>>) -> bool {
    let mut digits = 0;
    while rest.next_if(char::is_ascii_digit).is_some() {
        digits += 1;
    }
    if digits > 0 && rest.next_if_eq(&',').is_some() {
        while rest.next_if(char::is_ascii_digit).is_some() {}
    }
    digits > 0 && rest.next() == Some('}')
}

fn single_backslash() -> PatternError {
    PatternError::new("the pattern ends with a single `\\`", "write `\\\\` for the character")
}

/// Returns the error for a construct that cannot be matched in linear time.
fn not_linear(what: &str, sign: &str) -> PatternError {
    let fix = match what {
        "look-around" => {
            "match it with what is around it and keep a group of that; in a scope, say it with two clauses, one of them \
             NOT REGEX MATCH"
        }
        "back references" => "write out what it repeats",
        "conditional groups" => "write two alternatives: `a|b`",
        _ => "use an ordinary group: `(?:...)`",
    };
    PatternError::new(
        format!("{what} (`{sign}`) cannot be used: matching must take linear time for every text"),
        fix,
    )
}
