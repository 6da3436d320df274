//! Verifications: what was decided, compared with what the writer knows.

use lifecycle::{Verification, VerificationState};

use super::clean_text;

/// One line for each target, and what differed below it.
pub fn render_verifications(verifications: &[Verification]) -> String {
    verifications.iter().map(|one| format!("{}{}", verification_line(one), difference_names(one))).collect()
}

/// The line of one target.
pub fn verification_line(one: &Verification) -> String {
    let target = clean_text(&one.target);
    let ended = one.ended.map(|at| at.replace_nanosecond(0).unwrap_or(at).to_string()).unwrap_or_default();
    match one.state {
        VerificationState::Running => format!("{target}: being verified\n"),
        VerificationState::Failed => {
            let why = one.error.as_deref().unwrap_or_default();
            format!("{target}: not verified, tried again by itself: {}\n", clean_text(why))
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
                text.push_str(&format!("; {} are not known here and left alone", one.unknown));
            }
            if one.withheld > 0 {
                text.push_str(&format!(
                    "; {} memberships were taken away later than the mapper knows, and are not given back: \
                     let the source say them again",
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
        ("not known", &one.unknown_subjects),
        ("not given back", &one.withheld_subjects),
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
            "9 compared; 2 differed (1 of them should have no access), 2 sent again; 1 are not known here",
            "  differed: E-1\n",
            "  differed: G-1/E-2\n",
            "1 memberships were taken away later than the mapper knows",
            "  not known: E-9\n",
            "  not given back: G-1/E-3\n",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
