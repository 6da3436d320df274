//! Rendering of verifications, which compare the mapper's decisions with the writer's state.

use lifecycle::{Verification, VerificationState};

use super::clean_text;

/// Renders one line for each target, and its differences below it.
pub fn render_verifications(verifications: &[Verification]) -> String {
    verifications.iter().map(|one| format!("{}{}", verification_line(one), difference_names(one))).collect()
}

/// Renders the line of one target.
pub fn verification_line(one: &Verification) -> String {
    let target = clean_text(&one.target);
    let ended = one.ended.map(|at| at.replace_nanosecond(0).unwrap_or(at).to_string()).unwrap_or_default();
    match one.state {
        VerificationState::Running => format!("{target}: being verified\n"),
        VerificationState::Failed => {
            let why = one.error.as_deref().unwrap_or_default();
            format!("{target}: not verified, retried automatically: {}\n", clean_text(why))
        }
        VerificationState::Finished => {
            let mut text = format!("{target}: verified {ended}, {} compared", one.compared);
            if one.differed > 0 {
                let (differed, leavers, sent) = (one.differed, one.leavers, one.sent_again);
                text.push_str(&format!(
                    "; {differed} differed ({leavers} of them should have no access), {sent} sent again"
                ));
            }
            if one.unknown > 0 {
                text.push_str(&format!("; {} are unknown to the mapper and not changed", one.unknown));
            }
            if one.withheld > 0 {
                text.push_str(&format!(
                    "; {} memberships were removed later than the mapper knows, and are not restored: \
                     have the source send them again",
                    one.withheld
                ));
            }
            text.push('\n');
            text
        }
    }
}

fn difference_names(one: &Verification) -> String {
    let mut text = String::new();
    for (what, names) in [
        ("differed", &one.differing),
        ("unknown", &one.unknown_subjects),
        ("not restored", &one.withheld_subjects),
    ] {
        for name in names {
            text.push_str(&format!("  {what}: {}\n", clean_text(name)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differed_is_named_below_the_target() {
        let one = Verification {
            target: "zia".to_owned(),
            state: VerificationState::Finished,
            compared: 9,
            differed: 2,
            leavers: 1,
            sent_again: 2,
            unknown: 1,
            differing: vec!["E-1".to_owned(), "G-1/E-2".to_owned()],
            unknown_subjects: vec!["E-9".to_owned()],
            withheld: 1,
            withheld_subjects: vec!["G-1/E-3".to_owned()],
            ..Verification::default()
        };
        let text = render_verifications(&[one]);
        for part in [
            "9 compared; 2 differed (1 of them should have no access), 2 sent again; 1 are unknown to the mapper",
            "  differed: E-1\n",
            "  differed: G-1/E-2\n",
            "1 memberships were removed later than the mapper knows",
            "  unknown: E-9\n",
            "  not restored: G-1/E-3\n",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
