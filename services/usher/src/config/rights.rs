//! The rights of senders: grants the least to those without, passes them from the gateway's section to the mapper, and shows
//! them. See docs/authority.md.

use std::fmt::Write as _;

use lifecycle::{EmploymentRight, PeopleConfig};

use super::UsherConfig;
use crate::render::table::TextTable;

/// Returns the error in the rights of senders, if there is one.
pub(crate) fn fault(config: &UsherConfig) -> Option<String> {
    let gateway = config.gateway.as_ref()?;
    let senders = gateway.configured_senders();
    let people = config.mapper.as_ref().map(|mapper| &mapper.people);
    let of_employment = people.and_then(|people| senders.iter().find_map(|one| one.employment_fault(people)));
    let differs = config.mapper.as_ref().is_some_and(|mapper| {
        let (own, theirs) = (&mapper.senders, gateway.rights());
        !own.is_empty() && *own != theirs
    });
    let twice = differs.then(|| {
        "mapper.senders says something else than `may` in the section `gateway`: remove mapper.senders, the mapper takes the \
         rights from there"
            .to_owned()
    });
    of_employment.or(twice)
}

/// Grants the least to each sender without `may`, except the first. Senders are compared in the order of the file: `sources`,
/// `webhooks`, `feeds`, `polls`, `scim`.
pub(super) fn grant_least(config: &mut UsherConfig) {
    let Some(gateway) = &mut config.gateway else { return };
    let decides = config.mapper.as_ref().is_some_and(|mapper| !mapper.people.employment.is_empty());
    let employment = if decides { EmploymentRight::LeftOut } else { EmploymentRight::Granted };
    config.unstated_senders = gateway.grant_least(employment);
}

/// Passes the rights from the gateway's section to the mapper's, and decides those that `mapper.people.employment` decides.
pub(crate) fn share_rights(config: &mut UsherConfig) {
    let Some(gateway) = &mut config.gateway else { return };
    let Some(mapper) = &mut config.mapper else { return };
    mapper.senders = gateway.rights();
    gateway.decide_rights(&mapper.people);
}

/// Returns warnings about rights that are valid but need attention.
pub(crate) fn warnings(config: &UsherConfig) -> Vec<String> {
    let senders = config.gateway.as_ref().map(gateway::GatewayConfig::configured_senders).unwrap_or_default();
    let wide: Vec<&str> =
        senders.iter().filter(|one| one.rights.is_everything()).map(|one| one.sender.as_str()).collect();
    let mut warnings = Vec::new();
    for one in &config.unstated_senders {
        warnings.push(format!(
            "{} ({}) has no `may`, and another sender has none either: it may only speak of {}; for what it could say before, \
             write `may: {}` (docs/authority.md)",
            one.place,
            one.sender,
            if one.is_groups_only { "groups" } else { "people whom it introduced" },
            one.as_before,
        ));
    }
    if wide.len() > 1 {
        warnings.push(format!(
            "{} may say everything: each of them can disable everyone; narrow `may` (docs/authority.md)",
            wide.join(", ")
        ));
    }
    let is_alone = config.gateway.is_none();
    if config.mapper.as_ref().is_some_and(|mapper| is_alone && mapper.senders.is_empty()) {
        warnings.push(
            "mapper.senders is empty and this file has no `gateway` section: the mapper checks no rights; copy the lines that \
             `usher config check` prints for the gateway's file"
                .to_owned(),
        );
    }
    warnings
}

/// Renders the rights of each sender, and the lines for a mapper with a file of its own.
pub(super) fn render_rights(config: &UsherConfig) -> String {
    let people = config.mapper.as_ref().map(|mapper| &mapper.people);
    let mut table =
        TextTable::new(["SENDER", "SOURCES", "KINDS", "PEOPLE", "ATTRIBUTES", "EMPLOYMENT", "GROUPS"]);
    let mut has_rows = false;
    let senders = config.gateway.as_ref().map(gateway::GatewayConfig::configured_senders).unwrap_or_default();
    for one in &senders {
        add_row(&mut table, (&one.sender, &one.sources, &one.rights), people);
        has_rows = true;
    }
    if let Some(mapper) = config.mapper.as_ref().filter(|_| senders.is_empty()) {
        for (sender, rights) in mapper.senders.iter() {
            add_row(&mut table, (sender, "-", rights), people);
            has_rows = true;
        }
    }
    let mut text = if has_rows { table.render().trim_end().to_owned() } else { String::new() };
    let rights = config.gateway.as_ref().map(gateway::GatewayConfig::rights).unwrap_or_default();
    if config.mapper.is_none() && !rights.is_empty() {
        text.push_str("\n\nfor the mapper's file:\nmapper:\n  senders:");
        for (sender, rights) in rights.iter() {
            let rights = serde_json::to_string(rights).expect("rights have only string keys");
            let _ = write!(text, "\n    {sender}: {rights}");
        }
    }
    text
}

fn add_row(
    table: &mut TextTable,
    (sender, sources, rights): (&str, &str, &lifecycle::SenderRights),
    people: Option<&PeopleConfig>,
) {
    let kinds = rights.kinds.as_ref().map_or_else(
        || "all".to_owned(),
        |kinds| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    );
    table.row([
        sender,
        sources,
        &kinds,
        &rights.people.to_string(),
        &rights.attributes.to_string(),
        &employment_words(sender, rights.employment, people),
        &rights.groups.to_string(),
    ]);
}

/// Describes whether statements of the sender about employment count.
fn employment_words(sender: &str, right: EmploymentRight, people: Option<&PeopleConfig>) -> String {
    let Some(people) = people else { return right.to_string() };
    let named = people.name_of(sender).is_none_or(|name| people.employs(name));
    match right {
        EmploymentRight::Withheld => "no".to_owned(),
        EmploymentRight::LeftOut if people.employment.is_empty() => "no".to_owned(),
        _ if named => "yes".to_owned(),
        _ => "no (mapper.people.employment)".to_owned(),
    }
}

#[cfg(test)]
mod tests;
