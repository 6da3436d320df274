//! The rules for accounts of leavers, for accounts out of scope, and for orphans.

use lifecycle::{OrphanAction, OrphanPolicy};
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::error::PolicyFlaw;
use crate::policy::{LeaverAction, LeaverMoment, LeaverRule, OutOfScope};

/// A hundred years. A larger number is a typing error.
const DELETE_AFTER_DAYS_MAX: u32 = 36_500;

/// The maximum number of exceptions from the rule for orphans.
const EXCEPTIONS_MAX: usize = 1_000;

/// The leaver rule in the form that the file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LeaverText {
    action: Option<Spanned<String>>,
    when: Option<Spanned<String>>,
    delete_after_days: Option<u32>,
    objective_minutes: Option<u32>,
    verify_days: Option<u32>,
}

/// The rule for orphans in the form that the file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct OrphansText {
    action: Spanned<String>,
    #[serde(default)]
    except: Vec<Spanned<String>>,
}

/// Reads the rule for people and groups that are out of scope.
pub(super) fn out_of_scope(text: Option<&Spanned<String>>) -> Result<OutOfScope, PolicyFlaw> {
    match text.map(|text| (text, text.value.as_str())) {
        None | Some((_, "disable")) => Ok(OutOfScope::Disable),
        Some((_, "keep")) => Ok(OutOfScope::Keep),
        Some((text, other)) => {
            Err(PolicyFlaw::at(text, format!("unknown `outOfScope` `{other}`"), "use disable or keep"))
        }
    }
}

const LEAVER_UNLESS_SAID: LeaverRule = LeaverRule {
    action: LeaverAction::Disable,
    when: LeaverMoment::Effective,
    delete_after_days: None,
    objective_minutes: 5,
    verify_days: 30,
};

/// A week. An objective that is missed later than that is of no use to an operator.
const OBJECTIVE_MINUTES_MAX: u32 = 7 * 24 * 60;

/// The maximum number of days for which the proof is verified: ten years.
const VERIFY_DAYS_MAX: u32 = 3_650;

/// Reads the rule for leavers.
pub(super) fn read_leaver(leaver: Option<&Spanned<LeaverText>>) -> Result<LeaverRule, PolicyFlaw> {
    let Some(leaver) = leaver else { return Ok(LEAVER_UNLESS_SAID) };
    let LeaverText { action, when, delete_after_days, objective_minutes, verify_days } = &leaver.value;
    let objective_minutes = objective_minutes.unwrap_or(LEAVER_UNLESS_SAID.objective_minutes);
    if !(1..=OBJECTIVE_MINUTES_MAX).contains(&objective_minutes) {
        let what = format!("`objectiveMinutes` is {objective_minutes}");
        return Err(PolicyFlaw::at(leaver, what, format!("use 1 to {OBJECTIVE_MINUTES_MAX} (a week)")));
    }
    let verify_days = verify_days.unwrap_or(LEAVER_UNLESS_SAID.verify_days);
    if verify_days > VERIFY_DAYS_MAX {
        let what = format!("`verifyDays` is {verify_days}");
        return Err(PolicyFlaw::at(leaver, what, format!("use at most {VERIFY_DAYS_MAX}")));
    }
    let action = match action.as_ref().map(|action| (action, action.value.as_str())) {
        None | Some((_, "disable")) => LeaverAction::Disable,
        Some((_, "delete")) => LeaverAction::Delete,
        Some((_, "none")) => LeaverAction::None,
        Some((action, other)) => {
            return Err(PolicyFlaw::at(
                action,
                format!("unknown action `{other}`"),
                "use disable, delete or none",
            ));
        }
    };
    let when = match when.as_ref().map(|when| (when, when.value.as_str())) {
        None | Some((_, "effective")) => LeaverMoment::Effective,
        Some((_, "atOnce")) => LeaverMoment::AtOnce,
        Some((when, other)) => {
            return Err(PolicyFlaw::at(when, format!("unknown moment `{other}`"), "use effective or atOnce"));
        }
    };
    match *delete_after_days {
        Some(_) if action == LeaverAction::None => Err(PolicyFlaw::at(
            leaver,
            "`deleteAfterDays` contradicts `action: none`",
            "leave it out, or use `action: disable`",
        )),
        Some(days) if days > DELETE_AFTER_DAYS_MAX => Err(PolicyFlaw::at(
            leaver,
            format!("`deleteAfterDays` is {days}"),
            format!("use at most {DELETE_AFTER_DAYS_MAX}, or leave it out to keep disabled accounts"),
        )),
        delete_after_days => {
            Ok(LeaverRule { action, when, delete_after_days, objective_minutes, verify_days })
        }
    }
}

/// Reads the rule for orphans.
pub(super) fn read_orphans(orphans: Option<&Spanned<OrphansText>>) -> Result<OrphanPolicy, PolicyFlaw> {
    let Some(orphans) = orphans else { return Ok(OrphanPolicy::default()) };
    let OrphansText { action, except } = &orphans.value;
    if except.len() > EXCEPTIONS_MAX {
        let what = format!("`except` has {} names", except.len());
        return Err(PolicyFlaw::at(
            orphans,
            what,
            format!("use at most {EXCEPTIONS_MAX}; `*` stands for anything"),
        ));
    }
    if let Some(empty) = except.iter().find(|pattern| pattern.value.trim().is_empty()) {
        return Err(PolicyFlaw::at(
            empty,
            "an exception without a name",
            "write a login name, or a part of it and `*`",
        ));
    }
    let action = match action.value.as_str() {
        "report" => OrphanAction::Report,
        "disable" => OrphanAction::Disable,
        "delete" => OrphanAction::Delete,
        other => {
            let what = format!("unknown action `{other}`");
            return Err(PolicyFlaw::at(action, what, "use report, disable or delete"));
        }
    };
    Ok(OrphanPolicy { action, except: except.iter().map(|pattern| pattern.value.clone()).collect() })
}
