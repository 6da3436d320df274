//! The gateway's section of the configuration.

mod rights;
mod senders;
#[cfg(test)]
mod tests;
mod warnings;

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};

use edge::{Network, TlsConfig, TlsSettings, TokenHash};
use readings::SourceZone;
use serde::Deserialize;

pub use self::rights::ConfiguredSender;
use crate::idp::ScimConfig;
use crate::inbound::csv_feeds::CsvFeedConfig;
use crate::inbound::scim_bulk::ScimBulkConfig;
use crate::inbound::webhooks::WebhookConfig;
use crate::intake::admission::authority;
use crate::intake::limits::EventLimits;
use crate::intake::source::SourceConfig;
use crate::pull::poll::PollConfig;

/// The `gateway` section of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// The address to listen on; port 0 selects a free port.
    pub listen: SocketAddr,
    /// The TLS settings. Plain HTTP if left out.
    pub tls: Option<TlsConfig>,
    /// The proxies in front of the gateway. Their `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<Network>,
    /// The systems that may send events.
    pub sources: Vec<SourceConfig>,
    /// HR systems that send notices in their own format to `/v1/webhooks/{name}`.
    pub webhooks: Vec<WebhookConfig>,
    /// Feeds of CSV files, uploaded to `/v1/feeds/csv/{name}` or found in folders.
    pub feeds: Vec<CsvFeedConfig>,
    /// Lists of people that the gateway reads from the APIs of sources.
    pub polls: Vec<PollConfig>,
    /// Identity providers that provision to `/scim/v2/{name}` as if Usher were an application.
    pub scim: Vec<ScimConfig>,
    /// The limits of one SCIM bulk request.
    pub scim_bulk: ScimBulkConfig,
    /// The URL of the database that keeps the resources of identity providers and the
    /// records to fetch. Required only for `scim`, `polls`, and webhooks with `fetch`.
    pub database: Option<String>,
    /// The maximum length of a request body, in bytes. CSV files have their own limit.
    pub body_bytes_max: usize,
    /// The maximum time for a request body to arrive, in seconds.
    pub body_seconds_max: u64,
    /// The maximum time for the head of a request, for a TLS handshake, and for an idle connection, in seconds.
    pub head_seconds_max: u64,
    /// The maximum number of concurrent connections.
    pub connections_max: usize,
    /// The maximum number of events in one request.
    pub batch_max: usize,
    /// The maximum number of attributes in one event.
    pub attributes_max: usize,
    /// The maximum length of one attribute's value as JSON, in bytes.
    pub attribute_bytes_max: usize,
    /// The maximum number of members in one event.
    pub members_max: usize,
    /// The maximum length of an event as it is stored, in bytes. The broker's own limit (1 MiB unless configured) must be larger.
    pub event_bytes_max: usize,
    /// The maximum number of requests in progress; each may hold a body and its parsed form in memory.
    pub in_flight_max: usize,
    /// The maximum number of bodies that are read at the same time from callers that have not proven who they are: of webhooks,
    /// whose signature covers the body. One address may have half of them. Beyond it, the oldest body gives way.
    pub unproven_bodies_max: usize,
    /// The maximum lag of the mapper in messages. Events are refused while its lag is greater.
    pub mapper_lag_max: u64,
    /// The maximum share of EVENTS that one sender may occupy with events that the mapper has not merged yet, in percent.
    /// Each replica counts the events that it stores itself. Departures are always accepted. 100 means no limit.
    pub sender_share_percent_max: u8,
    /// The maximum time for requests in flight to finish when the process stops, in seconds.
    pub drain_seconds_max: u64,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        let limits = EventLimits::default();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tls: None,
            trusted_proxies: Vec::new(),
            sources: Vec::new(),
            webhooks: Vec::new(),
            feeds: Vec::new(),
            polls: Vec::new(),
            scim: Vec::new(),
            scim_bulk: ScimBulkConfig::default(),
            database: None,
            body_bytes_max: 4 * 1024 * 1024,
            body_seconds_max: 30,
            head_seconds_max: 30,
            connections_max: 800,
            batch_max: limits.batch_max,
            attributes_max: limits.attributes_max,
            attribute_bytes_max: limits.attribute_bytes_max,
            members_max: limits.members_max,
            event_bytes_max: limits.event_bytes_max,
            in_flight_max: 64,
            unproven_bodies_max: 64,
            mapper_lag_max: 200_000,
            sender_share_percent_max: 25,
            drain_seconds_max: 10,
        }
    }
}

/// The maximum length of a source's name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// A name and its maximum number of events per second.
type NameAndRate<'a> = (&'a str, Option<u32>);

impl GatewayConfig {
    /// Checks whether the gateway could start with this configuration, without connecting to anything.
    ///
    /// # Errors
    /// Returns a description of the fault and how to correct it.
    pub fn check(&self) -> Result<(), String> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        self.tls
            .clone()
            .map_or(Ok(()), |tls| TlsSettings::open(tls).map(drop).map_err(|error| error.to_string()))
    }

    /// Returns the limits that apply to single events.
    pub(crate) fn limits(&self) -> EventLimits {
        EventLimits {
            batch_max: self.batch_max,
            attributes_max: self.attributes_max,
            attribute_bytes_max: self.attribute_bytes_max,
            members_max: self.members_max,
            event_bytes_max: self.event_bytes_max,
        }
    }

    /// Returns the first fault of the section, if any.
    pub(crate) fn fault(&self) -> Option<String> {
        let numbers = [
            ("body_bytes_max", self.body_bytes_max),
            ("batch_max", self.batch_max),
            ("attributes_max", self.attributes_max),
            ("attribute_bytes_max", self.attribute_bytes_max),
            ("members_max", self.members_max),
            ("event_bytes_max", self.event_bytes_max),
            ("in_flight_max", self.in_flight_max),
            ("unproven_bodies_max", self.unproven_bodies_max),
            ("connections_max", self.connections_max),
            ("head_seconds_max", usize::try_from(self.head_seconds_max).unwrap_or(usize::MAX)),
            ("scim_bulk.operations_max", self.scim_bulk.operations_max),
            ("scim_bulk.bytes_max", usize::try_from(self.scim_bulk.bytes_max).unwrap_or(usize::MAX)),
        ];
        if let Some((name, _)) = numbers.iter().find(|(_, number)| *number == 0) {
            return Some(format!("{name} must not be 0"));
        }
        if !(1..=100).contains(&self.sender_share_percent_max) {
            return Some("sender_share_percent_max must be 1 to 100".to_owned());
        }
        for (name, number) in
            [("in_flight_max", self.in_flight_max), ("connections_max", self.connections_max)]
        {
            if number > tokio::sync::Semaphore::MAX_PERMITS {
                return Some(format!("{name} must be at most {}", tokio::sync::Semaphore::MAX_PERMITS));
            }
        }
        self.names_fault()
            .or_else(|| self.ce_source_fault())
            .or_else(|| self.rights_fault())
            .or_else(|| self.access_fault())
            .or_else(|| self.replaced_fault())
            .or_else(|| self.parts_fault())
    }

    /// Returns a fault if a feed replaces one that is configured: that one would still list its people.
    fn replaced_fault(&self) -> Option<String> {
        let feeds = self.feeds.iter().map(|feed| (&feed.name, &feed.replaces));
        let lists: Vec<_> = feeds.chain(self.polls.iter().map(|poll| (&poll.name, &poll.replaces))).collect();
        lists.iter().find_map(|(name, replaces)| {
            let known = replaces.iter().find(|old| lists.iter().any(|(other, _)| other == old))?;
            Some(format!(
                "{name} replaces {known}, which is configured: remove the feed {known}, or leave it out of `replaces`"
            ))
        })
    }

    /// Returns everything that has a name: its place in the configuration, its name, and its rate limit.
    fn named_places(&self) -> Vec<(String, &str, Option<u32>)> {
        let sections: [(&str, Vec<NameAndRate<'_>>); 5] = [
            ("sources", self.sources.iter().map(|one| (&*one.name, one.events_per_second_max)).collect()),
            ("webhooks", self.webhooks.iter().map(|one| (&*one.name, one.events_per_second_max)).collect()),
            ("feeds", self.feeds.iter().map(|one| (&*one.name, None)).collect()),
            ("polls", self.polls.iter().map(|one| (&*one.name, None)).collect()),
            ("scim", self.scim.iter().map(|one| (&*one.name, one.events_per_second_max)).collect()),
        ];
        let places = sections.into_iter().flat_map(|(section, named)| {
            let named = named.into_iter().enumerate();
            named.map(move |(at, (name, rate))| (format!("gateway.{section}[{at}]"), name, rate))
        });
        places.collect()
    }

    /// Returns the first fault in the names of sources, if any.
    fn names_fault(&self) -> Option<String> {
        let mut names: HashMap<&str, String> = HashMap::new();
        for (place, name, rate) in self.named_places() {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(fits) {
                return Some(format!(
                    "the source name {name:?} is not 1 to {NAME_BYTES_MAX} of A-Z a-z 0-9 - _ ."
                ));
            }
            if rate == Some(0) {
                return Some(format!("events_per_second_max of the source {name} must not be 0"));
            }
            // A feed and a poll of one name would share one list: a person missing in one would count as departed because of the other.
            if let Some(other) = names.insert(name, place.clone()) {
                return Some(format!(
                    "{other} and {place} are both called {name}: give one of them another name"
                ));
            }
        }
        None
    }

    /// Returns the first fault in the sources that tokens may claim, if any.
    fn ce_source_fault(&self) -> Option<String> {
        if let Some(source) = self.sources.iter().find(|source| authority::is_reserved(&source.name)) {
            let name = &source.name;
            return Some(format!(
                "the source name {name} is reserved for webhooks, feeds or polls: choose another one"
            ));
        }
        self.sources.iter().find_map(|source| {
            let fault = source.ce_source.iter().find_map(|own| authority::source_fault(own))?;
            Some(format!("ce_source of the source {}: {fault}", source.name))
        })
    }

    /// Returns a fault if a source requires a client certificate but the server does not request one.
    fn access_fault(&self) -> Option<String> {
        let asks = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let sources = self.sources.iter().map(|source| (&source.name, &source.access));
        let webhooks = self.webhooks.iter().map(|webhook| (&webhook.name, &webhook.access));
        let feeds = self.feeds.iter().map(|feed| (&feed.name, &feed.access));
        let providers = self.scim.iter().map(|provider| (&provider.name, &provider.access));
        let mut all = sources.chain(webhooks).chain(feeds).chain(providers);
        let (name, _) = all.find(|(_, access)| !asks && !access.certificates.is_empty())?;
        Some(format!(
            "the source {name} requires a certificate, but the gateway does not request one: set gateway.tls.client_ca"
        ))
    }

    /// Returns the first fault of a single source, if any.
    fn parts_fault(&self) -> Option<String> {
        let mut tokens = HashSet::new();
        let doubled = self.sources.iter().find(|source| !tokens.insert(source.token));
        if let Some(source) = doubled {
            return Some(format!("the source {} has the token of another one", source.name));
        }
        let unzoned = self.sources.iter().find(|source| SourceZone::named(&source.time_zone).is_none());
        if let Some(SourceConfig { name, time_zone, .. }) = unzoned {
            return Some(format!(
                "time_zone {time_zone:?} of the source {name} is no time zone: write an IANA name such as Europe/Berlin"
            ));
        }
        let fetching = self.webhooks.iter().find(|webhook| webhook.fetch.is_some());
        if let Some(webhook) = fetching.filter(|_| self.database.is_none()) {
            let name = &webhook.name;
            return Some(format!(
                "`fetch` of the webhook {name} needs a `database`, which keeps the records to fetch"
            ));
        }
        if !self.polls.is_empty() && self.database.is_none() {
            return Some("`polls` needs a `database`, which keeps the positions of the lists".to_owned());
        }
        let poll = self.polls.iter().find_map(|poll| Some((&poll.name, poll.fault()?)));
        if let Some((name, fault)) = poll {
            return Some(format!("the poll {name}: {fault}"));
        }
        let webhooks = self.webhooks.iter().find_map(WebhookConfig::fault);
        let feeds = || self.feeds.iter().find_map(|feed| feed.fault(&self.sources));
        webhooks.or_else(feeds).or_else(|| self.providers_fault())
    }

    /// Returns the first fault of the identity providers, if any.
    fn providers_fault(&self) -> Option<String> {
        if self.scim.is_empty() {
            return None;
        }
        if self.database.is_none() {
            let fault = "`scim` needs a `database`, which keeps the resources of identity providers";
            return Some(fault.to_owned());
        }
        let mut tokens: HashSet<TokenHash> = self.sources.iter().map(|source| source.token).collect();
        self.scim.iter().find_map(|provider| provider.fault(&mut tokens))
    }
}
