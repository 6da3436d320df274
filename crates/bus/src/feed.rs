//! The streams: names, subjects, limits.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use serde::{Deserialize, Serialize};

use crate::BusConfig;
use crate::outgoing::{DEPARTURE_COMMAND, DEPARTURE_EVENTS};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// For how long the server remembers the ids of events, so that the gateway can tell a source that it said the same
/// before. About 200 bytes of the server's memory for each event of a day.
const EVENTS_DUPLICATE_WINDOW: Duration = DAY;
/// The same for all other messages. Far longer than any publish is tried; idempotency lies with whoever consumes.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(600);
/// Longest subject token made from a source or target name, in bytes.
const TOKEN_MAX: usize = 64;

/// What flows between services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamName {
    /// Accepted events, gateway to mapper; kept 30 days.
    Events,
    /// Notices without values, gateway to itself: the records are to be fetched; kept 7 days.
    Notices,
    /// Commands, mapper to writer; kept 7 days.
    Commands,
    /// Facts for the console and for audit; kept 30 days.
    Journal,
    /// Dead letters, for alerting; kept 90 days.
    Dead,
}

/// A durable consumer that a service reads a feed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurableName {
    /// Its name on the server.
    pub name: &'static str,
    /// The consumer that reads everything, if this one reads only departures.
    pub express_of: Option<&'static str>,
}

impl DurableName {
    const fn whole(name: &'static str) -> Self {
        Self { name, express_of: None }
    }

    const fn departures(name: &'static str, of: &'static str) -> Self {
        Self { name, express_of: Some(of) }
    }
}

impl StreamName {
    /// The durable consumers that must have taken a message before it may make room for others. Further ones (of
    /// notifications, of other programs) count while they are there.
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

    /// The durable consumer that reads only the departures of this feed.
    pub(crate) fn express(self) -> Option<DurableName> {
        self.durables().iter().copied().find(|durable| durable.express_of.is_some())
    }

    /// The subjects of departures.
    pub(crate) fn departures(self) -> Vec<String> {
        match self {
            Self::Events => DEPARTURE_EVENTS.iter().map(|kind| format!("usher.event.*.*{kind}")).collect(),
            Self::Commands => vec![format!("usher.command.*{DEPARTURE_COMMAND}")],
            Self::Notices | Self::Journal | Self::Dead => Vec::new(),
        }
    }

    /// Whether room is kept for departures.
    pub(crate) fn reserves_room(self) -> bool {
        self.express().is_some()
    }

    /// Every feed.
    pub const ALL: [Self; 5] = [Self::Events, Self::Notices, Self::Commands, Self::Journal, Self::Dead];

    /// Names of the streams that carry the feed; only events are spread over several.
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

    /// The configuration of each stream of the feed.
    ///
    /// Limits retention: a work queue forgets its duplicates at a restart and syncs every acknowledgement. New
    /// messages are refused when a stream is full, because the oldest may not have been consumed yet; what was consumed
    /// makes room long before ([`crate::Bus::keep_streams`]).
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

fn event_stream(shard: u16) -> String {
    if shard == 0 { "EVENTS".to_owned() } else { format!("EVENTS_{shard}") }
}

/// The shard that the events about `key` go to: FNV-1a, because it must be the same in every build and process.
pub(crate) fn shard_of(key: &str, shards: u16) -> u16 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    u16::try_from(hash % u64::from(shards.max(1))).expect("a remainder of a u16 fits into one")
}

/// `text` as one subject token: what the broker gives a meaning to becomes `_`.
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
