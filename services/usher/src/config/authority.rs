//! Checks the names in `mapper.people.employment`: a name that no sender has makes every departure count for nothing.

use super::UsherConfig;

/// Maximum edit distance between a misspelled name and the sender that it means.
const DISTANCE_MAX: usize = 2;

/// Returns the error in the rights of senders or in `mapper.people.employment`, if there is one: no sender has any of its names,
/// or a name almost equals that of a sender.
pub(crate) fn fault(config: &UsherConfig) -> Option<String> {
    super::rights::fault(config).or_else(|| employment_fault(config))
}

fn employment_fault(config: &UsherConfig) -> Option<String> {
    let (gateway, names) = both(config)?;
    let can_nobody = !names.iter().any(|name| gateway.can_speak(name));
    let senders = gateway.senders();
    names.iter().filter(|name| !gateway.can_speak(name)).find_map(|name| {
        let near = senders.iter().find(|sender| is_near(name, sender));
        if near.is_none() && !can_nobody {
            return None;
        }
        let meant = near.map(|near| format!("; perhaps `{near}` is meant")).unwrap_or_default();
        Some(format!(
            "mapper.people.employment names `{name}`, and no sender speaks under that name: no departure would count{meant} \
             (the senders are {})",
            senders.join(", ")
        ))
    })
}

/// Returns warnings about valid settings that an operator should check.
pub(crate) fn warnings(config: &UsherConfig) -> Vec<String> {
    let Some((gateway, names)) = both(config) else { return Vec::new() };
    let unspoken = names.iter().filter(|name| !gateway.can_speak(name)).map(|name| {
        format!("mapper.people.employment names `{name}`, and no sender of this file speaks under that name")
    });
    let counts = |sender: &String| {
        names.iter().any(|name| {
            sender.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let silent: Vec<String> = gateway.fixed_senders().into_iter().filter(|sender| !counts(sender)).collect();
    let silent = (!silent.is_empty()).then(|| {
        format!(
            "departures that {} say do not count: mapper.people.employment names only {}",
            silent.join(", "),
            names.join(", ")
        )
    });
    unspoken.chain(silent).collect()
}

/// Returns the gateway's senders and the names whose departures count; `None` if all count or no gateway is configured here.
fn both(config: &UsherConfig) -> Option<(&gateway::GatewayConfig, &[String])> {
    let (gateway, mapper) = (config.gateway.as_ref()?, config.mapper.as_ref()?);
    let names = mapper.people.employment.as_slice();
    (!names.is_empty() && !gateway.senders().is_empty()).then_some((gateway, names))
}

/// Returns whether the name may be a misspelling of the sender: another case, without the part before the last `/`, or a typo.
fn is_near(name: &str, sender: &str) -> bool {
    let (name, sender) = (name.to_lowercase(), sender.to_lowercase());
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    let named = sender.strip_suffix("/scim").unwrap_or(&sender);
    last(&name) == last(named) || distance(&name, &sender) <= DISTANCE_MAX
}

/// Returns the edit distance: the number of letters to change, add or remove.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = index + 1;
        for at in 1..=other.len() {
            let changed = before + usize::from(letter != other[at - 1]);
            before = row[at];
            row[at] = changed.min(row[at] + 1).min(row[at - 1] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(employment: &[&str]) -> UsherConfig {
        let hash = crate::token::hash_of("x");
        serde_json::from_value(json!({
            "gateway": {
                "sources": [{"name": "hr", "token": crate::token::hash_of("y")},
                            {"name": "ad", "token": hash, "ce_source": ["ad/emea"], "may": "everything"}],
                "feeds": [{"name": "people", "mode": "full", "token": crate::token::hash_of("z"), "mapping": {"key": "id"},
                           "may": "everything"}],
                "scim": [{"name": "entra", "token": crate::token::hash_of("w"), "may": "everything"}], "database": "sqlite::memory:",
            },
            "mapper": {"database": "sqlite::memory:", "people": {"employment": employment}},
        }))
        .unwrap()
    }

    #[test]
    fn a_name_that_is_almost_that_of_a_sender_is_refused_with_the_name_that_is_meant() {
        for (name, meant) in [
            ("Feeds/People", "feeds/people"),
            ("feeds/poeple", "feeds/people"),
            ("people", "feeds/people"),
            ("HR", "hr"),
            ("entra", "entra/scim"),
            ("webhooks/people", "feeds/people"),
        ] {
            let found = fault(&config(&[name]));
            let is_spoken = name == "entra"; // every name below it counts
            if is_spoken {
                assert_eq!(found, None);
                continue;
            }
            assert!(
                found.as_deref().is_some_and(|fault| fault.contains(&format!("perhaps `{meant}`"))),
                "{name}: {found:?}"
            );
            assert!(fault(&config(&["hr", name])).is_some(), "{name}");
        }
    }

    #[test]
    fn names_under_which_nobody_speaks_are_refused_unless_another_one_speaks() {
        assert!(
            fault(&config(&["workday"])).is_some_and(|fault| fault.contains("hr, ad/emea, feeds/people"))
        );
        assert_eq!(fault(&config(&["workday", "feeds/people"])), None);
        assert!(
            warnings(&config(&["workday", "feeds/people"])).iter().any(|text| text.contains("`workday`"))
        );
        for name in ["hr", "hr/berlin", "ad", "ad/emea", "feeds/people", "feeds", "entra/scim"] {
            assert_eq!(fault(&config(&[name])), None, "{name}");
        }
        assert_eq!(fault(&config(&[])), None);
    }

    #[test]
    fn senders_whose_departures_do_not_count_are_warned_of() {
        let warned = warnings(&config(&["hr"]));
        assert_eq!(
            warned,
            [
                "departures that feeds/people, entra/scim say do not count: mapper.people.employment names only hr"
            ]
        );
        assert!(warnings(&config(&["feeds/people", "entra"])).is_empty());
        assert!(warnings(&config(&[])).is_empty());
    }
}
