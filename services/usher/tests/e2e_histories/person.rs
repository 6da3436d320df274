//! One person with a random history, in the days around today.

use lifecycle::{Employment, EmploymentWord as Word};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::history::{History, Random};
use crate::statements::Said;

/// The two senders of the histories; the tokens of both are used.
pub const SENDERS: [&str; 2] = ["hr", "agency"];

/// A person, the statements about them, and the day of the history that is today.
pub struct Person {
    pub key: String,
    pub history: History,
    /// Number of statements that differ from the history, because they cannot be posted as events.
    pub said_otherwise: usize,
    today: i64,
}

/// The allowed state at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    Active,
    /// The account is disabled or absent: the order of delivery decides whether there was one in between.
    Off,
}

impl Person {
    /// Creates the person of this number; all statements of the history are made by today.
    pub fn random(number: usize, random: &mut Random, order: &mut StdRng, named: Option<&[String]>) -> Self {
        let mut history = History::random(random);
        history.cancelled.clear();
        history.named = named.map(<[String]>::to_vec);
        let said_otherwise = history.said.iter_mut().map(|said| usize::from(as_can_be_posted(said))).sum();
        history.said.shuffle(order);
        let today = history.moments()[order.random_range(0..2)];
        Self { key: format!("E-{number:05}"), history, said_otherwise, today }
    }

    /// Returns the login name.
    pub fn login(&self) -> String {
        format!("{}@example.com", self.key.to_lowercase())
    }

    /// Returns the event for the statement at `index` with its sender; today's statements were made at `today`.
    pub fn event(&self, index: usize, today: OffsetDateTime) -> (&'static str, Value) {
        let said = &self.history.said[index];
        let at = |day: i64| (today + time::Duration::days(day - self.today)).format(&Rfc3339).unwrap();
        let mut attributes = self.attributes();
        let kind = match said.word {
            Word::Joins => "worker.joined",
            Word::Rejoins => "worker.rehired",
            Word::Leaves => "worker.left",
            Word::Erased => "worker.deleted",
            Word::Here | Word::Inactive => {
                attributes["active"] = json!(said.word == Word::Here);
                "worker.snapshot"
            }
            _ => "worker.snapshot",
        };
        let mut data = json!({ "attributes": attributes });
        if let Some(day) = said.day {
            data["effectiveAt"] = json!(at(day));
        }
        let sender = SENDERS.into_iter().find(|sender| *sender == said.sender).unwrap();
        let event = json!({
            "specversion": "1.0", "id": format!("{}-{index}", self.key), "source": format!("/{sender}"), "type": kind,
            "subject": self.key, "time": at(said.said), "data": data,
        });
        (sender, event)
    }

    fn attributes(&self) -> Value {
        json!({
            "userPrincipalName": self.login(), "mail": self.login(), "displayName": self.key, "givenName": "Ann",
            "surname": "Lee", "department": "Sales", "jobTitle": "Clerk",
        })
    }

    /// Returns an event without employment that sets the person's values after everything else, because values are not under test.
    pub fn values(&self, today: OffsetDateTime) -> Value {
        let at = (today + time::Duration::minutes(30)).format(&Rfc3339).unwrap();
        json!({
            "specversion": "1.0", "id": format!("{}-values", self.key), "source": format!("/{}", SENDERS[0]),
            "type": "worker.changed", "subject": self.key, "data": { "effectiveAt": at, "attributes": self.attributes() },
        })
    }

    /// Records the order in which the statements were delivered, as their indexes.
    pub fn delivered(&mut self, order: &[usize]) {
        for (position, index) in (1..).zip(order) {
            self.history.said[*index].position = position;
        }
    }

    /// Returns the documented state for today.
    pub fn right(&self) -> Right {
        match self.history.reference(None).decide(self.today).employment {
            Employment::Active => Right::Active,
            _ => Right::Off,
        }
    }

    /// Returns the history in words, for reports.
    pub fn shown(&self) -> String {
        format!("{}: {} | today is {}", self.key, self.history, self.today)
    }
}

/// Converts a statement into one that can be posted, and returns whether it changed. Full lists are files, a hire is cancelled
/// by a webhook, and statements from before senders were recorded were not posted: a record, a departure, and HR replace them.
fn as_can_be_posted(said: &mut Said) -> bool {
    let before = said.clone();
    said.list = None;
    said.word = match said.word {
        Word::Listed | Word::Stays => Word::Here,
        Word::Absent => Word::Inactive,
        Word::Unhires => Word::Leaves,
        word => word,
    };
    if said.sender.is_empty() {
        SENDERS[0].clone_into(&mut said.sender);
    }
    *said != before
}
