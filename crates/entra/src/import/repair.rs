//! The last step: parses the converted text as a policy, removes the parts that are not valid, and adds a note on each.
//!
//! Names and values of an export can be anything. The policy parser decides which of them are valid.

use policy::Policy;

use super::scope::NOBODY;
use crate::note::ConversionNote;
use crate::yaml;

/// The maximum number of lines that are removed from one policy. Each removal parses the policy again.
const REPAIRS_MAX: usize = 200;

/// Returns `text` without the lines that make it invalid as a policy.
///
/// # Errors
/// Fails if the error is not in a single line that can be replaced.
pub(super) fn repair_policy(mut text: String, notes: &mut Vec<ConversionNote>) -> Result<String, String> {
    for _ in 0..REPAIRS_MAX {
        let Err(error) = Policy::parse(&text, "the policy") else { return Ok(text) };
        let at = usize::try_from(error.line).ok().and_then(|line| line.checked_sub(1));
        let Some(line) = at.and_then(|at| text.lines().nth(at)).map(str::to_owned) else {
            return Err(error.what);
        };
        let Some((place, instead)) = instead_of(&line) else { return Err(error.what) };
        notes.push(ConversionNote::left_out(place, format!("{}; {}", error.what, error.fix)));
        let lines: Vec<&str> = text.lines().collect();
        let before = at.map_or(&[][..], |at| &lines[..at]);
        let after = at.map_or(&[][..], |at| &lines[at + 1..]);
        let instead = [instead.as_str()];
        text = [before, &instead, after].concat().join("\n") + "\n";
    }
    Err(format!("more than {REPAIRS_MAX} of its lines are not valid in a policy"))
}

/// Returns the section of the line, and its replacement: a clause that no person fulfils, or a comment.
fn instead_of(line: &str) -> Option<(&'static str, String)> {
    let indent = &line[..line.len() - line.trim_start().len()];
    let trimmed = line.trim_start();
    if trimmed.starts_with("- { target:") {
        Some(("mapping", format!("{indent}# {}", yaml::comment_text(trimmed))))
    } else if trimmed.starts_with("- { attribute:") && trimmed != format!("- {NOBODY}") {
        Some(("scope", format!("{indent}- {NOBODY}")))
    } else if trimmed.starts_with("match:") {
        Some(("match", format!("{indent}# {}", yaml::comment_text(trimmed))))
    } else {
        None
    }
}
