//! The subjects that each service may use at the broker, and the configuration of `nats-server` that grants no more.
//!
//! A credential of one service must not speak as another: the gateway, which strangers reach, publishes events and
//! notices only; commands come from the mapper only; facts come from their own service only; only the stream keeper and
//! an administrator may change, purge or delete streams. `crates/bus/tests/bus/permissions.rs` tries each credential on
//! each subject of a real server.
//!
//! A new subject, stream, consumer or request between services needs a line in [`BrokerIdentity::publishes`].

use std::fmt;

use lifecycle::{OperatorVerb, verbs};

use crate::feed::{StreamName, subject_token};
use crate::mark;
use crate::streams::MAKE_ROOM;

/// A user of the broker with permissions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BrokerIdentity {
    /// The intake of events.
    Gateway,
    /// The service that decides.
    Mapper,
    /// The service that changes accounts.
    Writer,
    /// The service for operators.
    Console,
    /// The stream keeper: `usher admin streams`.
    Streams,
    /// Backups and repairs: `usher backup`, `usher restore`. It may do everything.
    Admin,
}

impl BrokerIdentity {
    /// All identities.
    pub const ALL: [Self; 6] =
        [Self::Gateway, Self::Mapper, Self::Writer, Self::Console, Self::Streams, Self::Admin];

    /// Returns the user name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Mapper => "mapper",
            Self::Writer => "writer",
            Self::Console => "console",
            Self::Streams => "streams",
            Self::Admin => "admin",
        }
    }

    /// Returns the environment variable that holds the password of the user in a configuration with passwords.
    pub fn password_variable(self) -> String {
        format!("USHER_NATS_{}_PASSWORD", self.as_str().to_uppercase())
    }

    /// Returns the subjects that the user may publish to. The acknowledgement of a message and a request to the
    /// server's JetStream API are publications, too. `shards` is the number of streams of events.
    pub fn publishes(self, shards: u16) -> Vec<String> {
        let events = StreamName::Events.streams(shards);
        let mut allowed = match self {
            Self::Admin => return vec![">".to_owned()],
            Self::Streams => return streams_keeper(),
            Self::Gateway => {
                let mut allowed = vec!["usher.event.>".to_owned(), "usher.notice.>".to_owned()];
                // The keeper makes this consumer, so that the gateway can make none.
                allowed.extend(reads("NOTICES", self.as_str()));
                allowed.extend(events.iter().map(|stream| format!("$JS.API.STREAM.MSG.GET.{stream}")));
                allowed.push(format!("$KV.{}.{}", mark::BUCKET, crate::problems::KEY));
                allowed.push(request::<verbs::KnownRowsVerb>());
                allowed
            }
            Self::Mapper => {
                let mut allowed = vec!["usher.command.>".to_owned()];
                allowed.extend(events.iter().flat_map(|stream| owns(stream, self.as_str())));
                // It reads the acts of operators from JOURNAL when it starts.
                allowed.extend(makes("JOURNAL", "*"));
                allowed.extend(reads("JOURNAL", "*"));
                allowed.extend([
                    request::<verbs::EvidenceVerb>(),
                    request::<verbs::OtherAccountsVerb>(),
                    request::<verbs::DigestsVerb>(),
                    request::<verbs::EntriesVerb>(),
                    request::<verbs::VerifiedVerb>(),
                    request::<verbs::DecideFeedVerb>(),
                ]);
                allowed
            }
            Self::Writer => {
                let mut allowed = vec!["usher.dead.>".to_owned()];
                allowed.extend(owns("COMMANDS", self.as_str()));
                allowed.push(request::<verbs::VerifyVerb>());
                allowed.push(format!("usher.replica.{}.>", self.as_str()));
                allowed
            }
            Self::Console => {
                let mut allowed = vec!["usher.control.>".to_owned(), "usher.replica.>".to_owned()];
                // Each webhook for notifications has a consumer named after it.
                allowed.extend(makes("JOURNAL", "*"));
                allowed.extend(reads("JOURNAL", "*"));
                allowed.push("$JS.API.CONSUMER.DELETE.JOURNAL.console".to_owned());
                allowed
            }
        };
        allowed.extend(self.common());
        allowed.sort();
        allowed
    }

    /// Returns the subjects that every service may publish to.
    fn common(self) -> Vec<String> {
        let service = subject_token(self.as_str());
        let mut allowed = vec![
            format!("usher.journal.{service}.>"),
            MAKE_ROOM.to_owned(),
            "$JS.API.INFO".to_owned(),
            "$JS.API.STREAM.INFO.*".to_owned(),
            "$JS.API.CONSUMER.LIST.*".to_owned(),
            "$JS.API.CONSUMER.INFO.*.*".to_owned(),
            format!("$KV.{}.{service}", mark::BUCKET),
            format!("$KV.{}.{}", mark::BUCKET, mark::INSTALLATION),
        ];
        allowed.push(format!("$JS.API.DIRECT.GET.{}.>", mark::STREAM));
        allowed.push(format!("$JS.API.STREAM.MSG.GET.{}", mark::STREAM));
        allowed
    }

    /// Returns the subjects that the user may subscribe to. Messages of streams arrive at the user's own inbox, so that
    /// no user reads the answers to another.
    pub fn subscribes(self) -> Vec<String> {
        let service = self.as_str();
        let inbox = format!("{}.>", inbox_prefix(service));
        match self {
            Self::Admin => vec![">".to_owned()],
            Self::Streams => vec![inbox, MAKE_ROOM.to_owned()],
            Self::Gateway | Self::Mapper | Self::Writer => {
                vec![inbox, format!("usher.control.{service}.>"), format!("usher.replica.{service}.>")]
            }
            Self::Console => vec![inbox],
        }
    }

    /// Returns whether the user answers requests. The server then permits one answer to each, at the inbox of the asker.
    fn answers(self) -> bool {
        matches!(self, Self::Gateway | Self::Mapper | Self::Writer)
    }
}

impl fmt::Display for BrokerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns the prefix of the inboxes of a client that connects under `name`.
pub(crate) fn inbox_prefix(name: &str) -> String {
    format!("_INBOX_{}", subject_token(name))
}

/// Returns the subject of a request.
fn request<V: OperatorVerb>() -> String {
    crate::control::control_subject(V::SERVICE.as_str(), V::NAME)
}

/// Returns what reading a consumer takes that exists.
fn reads(stream: &str, durable: &str) -> [String; 2] {
    [format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"), format!("$JS.ACK.{stream}.{durable}.>")]
}

/// Returns what making a consumer takes, or changing it. `durable` is its name, or `*` for any name and none.
fn makes(stream: &str, durable: &str) -> Vec<String> {
    let nameless = format!("$JS.API.CONSUMER.CREATE.{stream}");
    let named = format!("{nameless}.{durable}");
    let mut allowed = vec![format!("{named}.>"), named];
    if durable == "*" {
        allowed.push(nameless);
    }
    allowed
}

/// Returns what reading a stream takes with consumers that the user makes and rewinds itself: one for everything and one
/// for departures.
fn owns(stream: &str, durable: &str) -> Vec<String> {
    let names = [durable.to_owned(), format!("{durable}-departures")];
    let about = |name: &String| {
        let mut allowed = makes(stream, name);
        allowed.extend(reads(stream, name));
        allowed.push(format!("$JS.API.CONSUMER.DELETE.{stream}.{name}"));
        allowed
    };
    names.iter().flat_map(about).collect()
}

/// Returns what the keeper may publish: requests about streams, and nothing that a service reads.
fn streams_keeper() -> Vec<String> {
    let mut allowed = vec!["$JS.API.INFO".to_owned()];
    let about = ["INFO", "CREATE", "UPDATE", "PURGE"];
    allowed.extend(about.map(|verb| format!("$JS.API.STREAM.{verb}.*")));
    allowed.extend(["$JS.API.DIRECT.GET.*".to_owned(), "$JS.API.STREAM.MSG.GET.*".to_owned()]);
    allowed.extend(["$JS.API.CONSUMER.LIST.*".to_owned(), "$JS.API.CONSUMER.INFO.*.*".to_owned()]);
    allowed.extend(makes("NOTICES", BrokerIdentity::Gateway.as_str()));
    allowed
}

/// A key pair of a user.
pub struct BrokerKey(nkeys::KeyPair);

impl BrokerKey {
    /// Creates a random key pair.
    pub fn generate() -> Self {
        Self(nkeys::KeyPair::new_user())
    }

    /// Reads the key pair that belongs to a seed, as [`Self::seed`] returns it. `None` if the text is not the seed of a user.
    pub fn from_seed(seed: &str) -> Option<Self> {
        let pair = nkeys::KeyPair::from_seed(seed.trim()).ok()?;
        pair.public_key().starts_with('U').then_some(Self(pair))
    }

    /// Returns the public key, for the configuration of the server.
    pub fn public_key(&self) -> String {
        self.0.public_key()
    }

    /// Returns the secret seed, for the client.
    ///
    /// # Panics
    /// Never panics: the pair was made from a seed.
    pub fn seed(&self) -> String {
        self.0.seed().expect("a pair that was made from a seed has one")
    }
}

/// Omits the seed.
impl fmt::Debug for BrokerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BrokerKey").field(&self.public_key()).finish()
    }
}

/// The credential that the server's configuration holds for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCredential {
    /// The public key of the user. The user holds the seed.
    PublicKey(String),
    /// The name of the environment variable of the server with the password.
    PasswordVariable(String),
}

/// Returns the configuration of `nats-server` with one user for each identity, to be included in its main file.
/// `event_shards` is the setting of the same name.
pub fn users_configuration(
    event_shards: u16,
    credential: impl Fn(BrokerIdentity) -> ServerCredential,
) -> String {
    let mut text = String::from(
        "# One user for each service of Usher, with the subjects that it needs and no others.\n",
    );
    text.push_str("# Written by `usher admin nats`: write it again after an upgrade, or when `nats.event_shards` changes.\n");
    text.push_str("authorization {\n  users = [\n");
    for identity in BrokerIdentity::ALL {
        text.push_str("    {\n");
        match credential(identity) {
            ServerCredential::PublicKey(key) => text.push_str(&format!("      nkey: {key} # {identity}\n")),
            ServerCredential::PasswordVariable(name) => {
                text.push_str(&format!("      user: {identity}\n      password: ${name}\n"));
            }
        }
        text.push_str("      permissions: {\n");
        push_subjects(&mut text, "publish", &identity.publishes(event_shards));
        push_subjects(&mut text, "subscribe", &identity.subscribes());
        if identity.answers() {
            text.push_str("        allow_responses: true\n");
        }
        text.push_str("      }\n    }\n");
    }
    text.push_str("  ]\n}\n");
    text
}

fn push_subjects(text: &mut String, what: &str, subjects: &[String]) {
    text.push_str(&format!("        {what}: [\n"));
    for subject in subjects {
        text.push_str(&format!("          \"{subject}\"\n"));
    }
    text.push_str("        ]\n");
}
