//! The streams: names, subjects and limits.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use serde::{Deserialize, Serialize};

use crate::BusConfig;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// The time for which the server remembers the ids of events, so that the gateway can tell a source that it sent the
/// same event before. This takes about 200 bytes of the server's memory for each event of a day.
const EVENTS_DUPLICATE_WINDOW: Duration = DAY;
/// The duplicate window of all other messages. It is far longer than any publish is retried; consumers are responsible for idempotency.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(600);
/// The maximum length of a subject token made from a source or target name, in bytes.
const TOKEN_MAX: usize = 64;
/// The endings of the subjects of departures among events.
pub(crate) const DEPARTURE_EVENTS: [&str; 4] =
    [".worker.left", ".worker.deleted", ".group.deleted", ".group.member.removed"];
/// The ending of the subject of a departure among commands.
pub(crate) const DEPARTURE_COMMAND: &str = ".leaver";

/// A stream between services, by the kind of its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamName {
    /// Accepted events, from the gateway to the mapper; kept 30 days.
    Events,
    /// Notices without values, from the gateway to itself: it must fetch the records; kept 7 days.
    Notices,
    /// Commands, from the mapper to the writer; kept 7 days.
    Commands,
    /// Facts for the console and for audit; kept 30 days.
    Journal,
    /// Dead letters for alerts; kept 90 days.
    Dead,
}

/// A durable consumer that a service uses to read a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurableName {
    /// The name of the consumer on the server.
    pub name: &'static str,
    /// The consumer that reads everything, if this one reads only departures.
    pub express_of: Option<&'static str>,
}

impl DurableName {
    /// Returns a durable consumer of a whole feed.
    const fn whole(name: &'static str) -> Self {
        Self { name, express_of: None }
    }

    /// Returns a durable consumer of the departures of a feed. `of` is the consumer of the whole feed.
    const fn departures(name: &'static str, of: &'static str) -> Self {
        Self { name, express_of: Some(of) }
    }
}

impl StreamName {
    /// Returns the durable consumers that must acknowledge a message before it may be dropped. Other durable consumers
    /// (of notifications, of other programs) count while they exist.
    pub fn durables(self) -> &'static [DurableName] {
        const EVENTS: [DurableName; 2] =
            [DurableName::whole("mapper"), DurableName::departures("mapper-departures", "mapper")];
        const COMMANDS: [DurableName; 2] =
            [DurableName::whole("writer"), DurableName::departures("writer-departures", "writer")];
        const NOTICES: [DurableName; 1] = [DurableName::whole("gateway")];
        const JOURNAL: [DurableName; 1] = [DurableName::whole("console")];
        match self {
            Self::Events => &EVENTS,
            Self::Commands => &COMMANDS,
            Self::Notices => &NOTICES,
            Self::Journal => &JOURNAL,
            Self::Dead => &[],
        }
    }

    /// Returns the durable consumer that reads only the departures of this feed.
    pub(crate) fn express(self) -> Option<DurableName> {
        self.durables().iter().copied().find(|durable| durable.express_of.is_some())
    }

    /// Returns the subjects of departures.
    pub(crate) fn departures(self) -> Vec<String> {
        match self {
            Self::Events => DEPARTURE_EVENTS.iter().map(|kind| format!("usher.event.*.*{kind}")).collect(),
            Self::Commands => vec![format!("usher.command.*{DEPARTURE_COMMAND}")],
            Self::Notices | Self::Journal | Self::Dead => Vec::new(),
        }
    }

    /// Returns whether the streams of the feed reserve room for departures.
    pub(crate) fn reserves_room(self) -> bool {
        self.express().is_some()
    }

    /// All feeds.
    pub const ALL: [Self; 5] = [Self::Events, Self::Notices, Self::Commands, Self::Journal, Self::Dead];

    /// Returns the names of the streams that carry the feed. Only events are spread over several streams.
    pub(crate) fn streams(self, event_shards: u16) -> Vec<String> {
        match self {
            Self::Events => (0..event_shards).map(event_stream).collect(),
            Self::Notices => vec!["NOTICES".to_owned()],
            Self::Commands => vec!["COMMANDS".to_owned()],
            Self::Journal => vec!["JOURNAL".to_owned()],
            Self::Dead => vec!["DEAD".to_owned()],
        }
    }

    fn max_age(self, config: &BusConfig) -> Duration {
        match self {
            Self::Events | Self::Journal => DAY * u32::from(config.backup_interval_days).max(30),
            Self::Notices | Self::Commands => 7 * DAY,
            Self::Dead => 90 * DAY,
        }
    }

    fn duplicate_window(self) -> Duration {
        if self == Self::Events { EVENTS_DUPLICATE_WINDOW } else { DUPLICATE_WINDOW }
    }

    fn max_bytes(self, config: &BusConfig) -> i64 {
        match self {
            Self::Events => config.max_bytes.events,
            Self::Notices => config.max_bytes.notices,
            Self::Commands => config.max_bytes.commands,
            Self::Journal => config.max_bytes.journal,
            Self::Dead => config.max_bytes.dead,
        }
    }

    fn subjects(self, shard: usize) -> String {
        match self {
            Self::Events => format!("usher.event.{shard}.>"),
            Self::Notices => "usher.notice.>".to_owned(),
            Self::Commands => "usher.command.>".to_owned(),
            Self::Journal => "usher.journal.>".to_owned(),
            Self::Dead => "usher.dead.>".to_owned(),
        }
    }

    /// Returns the configuration of each stream of the feed.
    ///
    /// The retention is by limits: a work queue forgets its duplicates at a restart and syncs every acknowledgement. A
    /// full stream refuses new messages, because its oldest messages may not be consumed yet. Consumed messages are
    /// dropped long before ([`crate::Bus::keep_streams`]).
    pub(crate) fn configs(self, config: &BusConfig) -> Vec<Config> {
        let stream = |(shard, name)| Config {
            name,
            subjects: vec![self.subjects(shard)],
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            max_age: self.max_age(config),
            max_bytes: self.max_bytes(config),
            num_replicas: config.replicas,
            duplicate_window: self.duplicate_window(),
            deny_delete: true,
            allow_direct: true,
            allow_atomic_publish: true,
            ..Config::default()
        };
        self.streams(config.event_shards).into_iter().enumerate().map(stream).collect()
    }
}

/// Returns the name of the stream of an event shard.
fn event_stream(shard: u16) -> String {
    if shard == 0 { "EVENTS".to_owned() } else { format!("EVENTS_{shard}") }
}

/// Returns the shard of the events about `key`. The hash is FNV-1a, because it must be the same in every build and process.
pub(crate) fn shard_of(key: &str, shards: u16) -> u16 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    u16::try_from(hash % u64::from(shards.max(1))).expect("a remainder of a u16 fits into one")
}

/// Returns `text` as one subject token. Characters with a meaning for the broker become `_`.
pub(crate) fn subject_token(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let token: String = text.chars().take(TOKEN_MAX).map(safe).collect();
    if token.is_empty() { "_".to_owned() } else { token }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_one_token_whatever_it_contains() {
        assert_eq!(subject_token("https://hr.example/feed > *"), "https___hr_example_feed____");
        assert_eq!(subject_token(""), "_");
        assert_eq!(subject_token("Zoë"), "Zo_");
        assert_eq!(subject_token(&"x".repeat(1_000)).len(), TOKEN_MAX);
    }

    #[test]
    fn the_shard_of_a_key_never_changes() {
        assert_eq!(shard_of("E-1", 1), 0);
        assert_eq!((shard_of("E-1", 4), shard_of("E-2", 4), shard_of("E-3", 4)), (2, 3, 0));
        assert_eq!(StreamName::Events.streams(3), ["EVENTS", "EVENTS_1", "EVENTS_2"]);
    }
}
