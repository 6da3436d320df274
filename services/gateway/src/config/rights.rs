//! The rights of each sender, as the configuration states them.

use lifecycle::{EmploymentRight, GroupRight, PeopleConfig, PeopleRight, RightsTable, SenderRights};

use super::GatewayConfig;
use crate::intake::admission::authority::SourceAuthority;
use crate::intake::source::{SubjectKind, sender_rights};

/// A sender of the configuration, and what it may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredSender {
    /// The name that its events carry, such as `hr` or `feeds/people`.
    pub sender: String,
    /// Its place in the configuration, such as `gateway.sources[0]`.
    pub place: String,
    /// The `source` values that it may claim, in words.
    pub sources: String,
    /// Its rights.
    pub rights: SenderRights,
    /// `true` if its configuration has `may`, or a feed takes the rights of its source.
    pub is_stated: bool,
    /// `true` if its `kinds` are groups alone.
    pub is_groups_only: bool,
    /// The value of `may` that grants what the configuration grants without it.
    pub as_before: String,
}

impl GatewayConfig {
    /// Returns every sender of the configuration with its rights.
    pub fn configured_senders(&self) -> Vec<ConfiguredSender> {
        let sources = self.sources.iter().enumerate().map(|(at, source)| ConfiguredSender {
            sources: SourceAuthority::new(&source.name, &source.ce_source, &[]).in_words(),
            ..configured(
                source.name.clone(),
                format!("gateway.sources[{at}]"),
                source.may.as_ref(),
                source.kinds.as_deref(),
            )
        });
        let webhooks = self.webhooks.iter().enumerate().map(|(at, webhook)| {
            let place = format!("gateway.webhooks[{at}]");
            configured(
                format!("webhooks/{}", webhook.name),
                place,
                webhook.may.as_ref(),
                webhook.kinds.as_deref(),
            )
        });
        let feeds = self.feeds.iter().enumerate().map(|(at, feed)| {
            let (sender, place) = (format!("feeds/{}", feed.name), format!("gateway.feeds[{at}]"));
            let of = feed.source.as_ref().and_then(|name| self.sources.iter().find(|one| one.name == *name));
            match of.filter(|_| feed.may.is_none()) {
                Some(source) => ConfiguredSender {
                    is_stated: true,
                    ..configured(sender, place, source.may.as_ref(), source.kinds.as_deref())
                },
                None => configured(sender, place, feed.may.as_ref(), None),
            }
        });
        let polls = self.polls.iter().enumerate().map(|(at, poll)| {
            configured(
                format!("polls/{}", poll.name),
                format!("gateway.polls[{at}]"),
                poll.may.as_ref(),
                None,
            )
        });
        let providers = self.scim.iter().enumerate().map(|(at, provider)| {
            let place = format!("gateway.scim[{at}]");
            configured(format!("{}/scim", provider.name), place, provider.may.as_ref(), None)
        });
        sources.chain(webhooks).chain(feeds).chain(polls).chain(providers).collect()
    }

    /// Returns what each sender may say, for the mapper.
    pub fn rights(&self) -> RightsTable {
        RightsTable::new(self.configured_senders().into_iter().map(|one| (one.sender, one.rights)))
    }

    /// Grants the least to each sender without `may` except the first, and returns those senders. Otherwise each of them
    /// could disable everyone. `employment` is their right to state departures of the people whom they introduced.
    pub fn grant_least(&mut self, employment: EmploymentRight) -> Vec<ConfiguredSender> {
        let unstated = self.configured_senders().into_iter().filter(|one| !one.is_stated);
        let unstated: Vec<ConfiguredSender> = unstated.skip(1).collect();
        let sources = self.sources.iter_mut().map(|one| &mut one.may);
        let webhooks = self.webhooks.iter_mut().map(|one| &mut one.may);
        let feeds = self.feeds.iter_mut().map(|one| &mut one.may);
        let polls = self.polls.iter_mut().map(|one| &mut one.may);
        let providers = self.scim.iter_mut().map(|one| &mut one.may);
        let all = placed("sources", sources)
            .chain(placed("webhooks", webhooks))
            .chain(placed("feeds", feeds))
            .chain(placed("polls", polls))
            .chain(placed("scim", providers));
        for (place, may) in all {
            if let Some(one) = unstated.iter().find(|one| one.place == place) {
                *may = Some(least_rights(one.is_groups_only, employment));
            }
        }
        unstated
    }

    /// Decides each right about employment that is left out; see [`RightsTable::decided_by`].
    pub fn decide_rights(&mut self, people: &PeopleConfig) {
        let sources = self.sources.iter_mut().map(|one| &mut one.may);
        let webhooks = self.webhooks.iter_mut().map(|one| &mut one.may);
        let feeds = self.feeds.iter_mut().map(|one| &mut one.may);
        let polls = self.polls.iter_mut().map(|one| &mut one.may);
        let providers = self.scim.iter_mut().map(|one| &mut one.may);
        let all = sources.chain(webhooks).chain(feeds).chain(polls).chain(providers);
        all.flatten().for_each(|rights| rights.decide_employment_right(people));
    }

    /// Returns the first fault in the rights of senders, if any.
    pub(super) fn rights_fault(&self) -> Option<String> {
        let sources = self.sources.iter().map(|one| (&one.name, one.may.as_ref(), one.kinds.is_some()));
        let webhooks = self.webhooks.iter().map(|one| (&one.name, one.may.as_ref(), one.kinds.is_some()));
        let both = |may: Option<&SenderRights>| may.is_some_and(|rights| rights.kinds.is_some());
        let twice = sources.chain(webhooks).find(|(_, may, has_kinds)| *has_kinds && both(*may));
        if let Some((name, ..)) = twice {
            return Some(format!("the source {name} has `kinds` and `may.kinds`: keep only `may.kinds`"));
        }
        let lists = self.feeds.iter().map(|one| (&one.name, one.may.as_ref()));
        let lists = lists.chain(self.polls.iter().map(|one| (&one.name, one.may.as_ref())));
        let mute = lists.into_iter().find(|(_, may)| may.is_some_and(|may| may.people == PeopleRight::None));
        mute.map(|(name, _)| format!("{name} lists people: its `may` must name `people`"))
    }
}

impl ConfiguredSender {
    /// Returns whether `may` says something else about employment than `mapper.people.employment`, and what to do.
    pub fn employment_fault(&self, people: &PeopleConfig) -> Option<String> {
        let name = people.name_of(&self.sender).filter(|_| !people.employment.is_empty())?;
        let (is_named, place) = (people.employs(name), &self.place);
        let sender = &self.sender;
        match self.rights.employment {
            EmploymentRight::Withheld if is_named => Some(format!(
                "{place} ({sender}) has `may.employment: false`, and mapper.people.employment names it: remove one of the two"
            )),
            EmploymentRight::Granted if !is_named && !is_wide(&self.rights) => Some(format!(
                "{place} ({sender}) has `may.employment: true`, and mapper.people.employment does not name it: leave \
                 `may.employment` out, or add {sender} to that list"
            )),
            _ => None,
        }
    }
}

/// Returns whether the rights grant everything, except perhaps some event types.
fn is_wide(rights: &SenderRights) -> bool {
    SenderRights { kinds: None, ..rights.clone() }.is_everything()
}

/// Returns the settings of a section with their places in the configuration.
fn placed<'c>(
    section: &'static str,
    settings: impl Iterator<Item = &'c mut Option<SenderRights>> + 'c,
) -> Box<dyn Iterator<Item = (String, &'c mut Option<SenderRights>)> + 'c> {
    Box::new(settings.enumerate().map(move |(at, may)| (format!("gateway.{section}[{at}]"), may)))
}

/// Returns the rights of a sender whose configuration names none, beside others: people whom it introduces, or the groups that
/// it was restricted to.
fn least_rights(is_groups_only: bool, employment: EmploymentRight) -> SenderRights {
    let everything = SenderRights::everything();
    match is_groups_only {
        true => {
            SenderRights { people: PeopleRight::None, employment: EmploymentRight::Withheld, ..everything }
        }
        false => SenderRights {
            people: PeopleRight::Introduced,
            employment,
            groups: GroupRight::None,
            ..everything
        },
    }
}

/// Describes a sender that cannot claim a `source`.
fn configured(
    sender: String,
    place: String,
    may: Option<&SenderRights>,
    kinds: Option<&[SubjectKind]>,
) -> ConfiguredSender {
    let is_groups_only = kinds.is_some_and(|kinds| !kinds.contains(&SubjectKind::Worker));
    let as_before = if is_groups_only { "{ groups: true, people: all }" } else { "everything" };
    ConfiguredSender {
        sources: sender.clone(),
        sender,
        place,
        rights: sender_rights(may, kinds),
        is_stated: may.is_some(),
        is_groups_only,
        as_before: as_before.to_owned(),
    }
}
