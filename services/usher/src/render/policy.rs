//! Rendering of policy errors and policy versions.

use lifecycle::{PolicyVersion, PolicyVersions};
use policy::{PolicyError, PolicyRemark};
use time::format_description::well_known::Rfc3339;

use super::table::TextTable;
use super::{clean_text, indent_text, instant_text};

/// Renders each error as `file:line:column: what; fix`, then the underlined place in the file.
pub fn render_fault(error: &PolicyError) -> String {
    let mut text = String::new();
    for error in error.all() {
        text.push_str(&format!("{}\n", clean_text(&error.to_string())));
        if let Some(snippet) = error.snippet() {
            text.push_str(&indent_text(snippet));
        }
    }
    text
}

/// Renders each remark as `file:line:column: remark`.
pub fn render_remarks(file: &str, remarks: &[PolicyRemark]) -> String {
    let line = |PolicyRemark { line, column, text }: &PolicyRemark| {
        format!("{}:{line}:{column}: warning: {}\n", clean_text(file), clean_text(text))
    };
    remarks.iter().map(line).collect()
}

/// Renders a list of versions, one line each, newest first.
pub fn render_versions(answer: &PolicyVersions) -> String {
    if answer.versions.is_empty() {
        return format!("{} has no policy\n", clean_text(&answer.target));
    }
    let mut table = TextTable::new(["VERSION", "SINCE", "BY", "REMOVALS", "WHY"]);
    for version in &answer.versions {
        let (number, removals) = (version.version.to_string(), version.removals.to_string());
        table.row([number.as_str(), &since_text(version), &version.who, &removals, &version.why]);
    }
    table.render()
}

/// Returns the time at which a version came into force.
pub(crate) fn since_text(version: &PolicyVersion) -> String {
    instant_text(&version.at.format(&Rfc3339).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_lines_with_who_when_and_why() {
        let answer = serde_json::from_value(json!({"target": "zia", "versions": [
            {"version": 12, "at": "2026-01-02T03:04:05.123456Z", "who": "alice", "why": "sales\u{1b}[2J only", "removals": 40},
            {"version": 1, "at": "2026-01-01T00:00:00Z", "who": "file", "why": "zia.yaml", "removals": 0},
        ]}))
        .unwrap();
        assert_eq!(
            render_versions(&answer),
            "VERSION  SINCE                     BY     REMOVALS  WHY\n\
             12       2026-01-02T03:04:05.123Z  alice  40        sales [2J only\n\
             1        2026-01-01T00:00:00Z      file   0         zia.yaml\n"
        );
    }

    #[test]
    fn a_fault_begins_with_its_place() {
        let error = policy::Policy::parse("target: zia\nusers: 3\n", "zia.yaml").unwrap_err();
        let text = render_fault(&error);
        assert!(text.starts_with("zia.yaml:2:"), "{text}");
        assert!(text.ends_with('\n'), "{text}");
    }
}
