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

/// A person, what is said of them, and on which day of the history today is.
pub struct Person {
    pub key: String,
    pub history: History,
    /// How many statements are said otherwise than the history has them, because they cannot be posted as events.
    pub said_otherwise: usize,
    today: i64,
}

/// What a target may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    Active,
    /// The account is off, or there is none: whether there was one in between depends on the order of delivery.
    Off,
}

impl Person {
    /// The person of this number; everything in their history was said by today.
    pub fn random(number: usize, random: &mut Random, order: &mut StdRng, named: Option<&[String]>) -> Self {
        let mut history = History::random(random);
        history.cancelled.clear();
        history.named = named.map(<[String]>::to_vec);
        let said_otherwise = history.said.iter_mut().map(|said| usize::from(as_can_be_posted(said))).sum();
        history.said.shuffle(order);
        let today = history.moments()[order.random_range(0..2)];
        Self { key: format!("E-{number:05}"), history, said_otherwise, today }
    }

    /// Login name.
    pub fn login(&self) -> String {
        format!("{}@example.com", self.key.to_lowercase())
    }

    /// The event for the statement at `index`, when today's statements were said at `today`; with its sender.
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

    /// An event that says nothing of employment, and after everything else which values the person has: this is not about them.
    pub fn values(&self, today: OffsetDateTime) -> Value {
        let at = (today + time::Duration::minutes(30)).format(&Rfc3339).unwrap();
        json!({
            "specversion": "1.0", "id": format!("{}-values", self.key), "source": format!("/{}", SENDERS[0]),
            "type": "worker.changed", "subject": self.key, "data": { "effectiveAt": at, "attributes": self.attributes() },
        })
    }

    /// Says in which order the statements were delivered: indexes of them.
    pub fn delivered(&mut self, order: &[usize]) {
        for (position, index) in (1..).zip(order) {
            self.history.said[*index].position = position;
        }
    }

    /// What the page says of today.
    pub fn right(&self) -> Right {
        match self.history.reference(None).decide(self.today).employment {
            Employment::Active => Right::Active,
            _ => Right::Off,
        }
    }

    /// The history in words, for reports.
    pub fn shown(&self) -> String {
        format!("{}: {} | today is {}", self.key, self.history, self.today)
    }
}

/// Full lists are files, a hire is taken back by a webhook, and what was stored before senders were recorded was not posted: it is
/// said by a record, by a departure, and by HR. Whether it is another statement now.
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
