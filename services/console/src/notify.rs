//! Notifies external systems of work for operators: one HTTP POST for all facts of one kind in a batch of the journal.
//!
//! Each hook has its own consumer. A hook that does not answer delays no other hook, and gets the missed notices when it
//! answers again. Facts older than [`AGE_MAX`] are left out: last week's alarms are not sent.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Bus, BusError, Consumer, Delivery, FactBatch, StreamName};
use lifecycle::{Fact, FactRecord};
use outbound::{HttpClientOptions, build_http_client};
use retry::RetryDelays;
use serde::{Deserialize, Serialize};
use telemetry::{Shutdown, chain};
use time::OffsetDateTime;

/// Journal messages per batch.
const MESSAGES_MAX: usize = 64;
const ANSWER_MAX: Duration = Duration::from_secs(5);
const AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// An external HTTP endpoint that receives notices.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationHook {
    /// Name of the hook: letters, digits, `-` and `_`. The consumer that tracks its progress has this name.
    pub name: String,
    /// URL that receives the POST requests.
    pub url: String,
    /// Token that is sent as a bearer token.
    #[serde(default)]
    pub token: Option<String>,
    /// Occasions for a notice.
    #[serde(default = "default_occasions")]
    pub on: Vec<NotificationOccasion>,
}

impl std::fmt::Debug for NotificationHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hook").field("name", &self.name).field("on", &self.on).finish_non_exhaustive()
    }
}

fn default_occasions() -> Vec<NotificationOccasion> {
    vec![NotificationOccasion::Held, NotificationOccasion::Paused, NotificationOccasion::Leavers]
}

/// An occasion for a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationOccasion {
    /// A change or feed run is held for approval.
    Held,
    /// A target was paused, by an operator or by Usher because of too many failures.
    Paused,
    /// An account or group appears to belong to another person or group.
    Conflict,
    /// An operation became a dead letter.
    Died,
    /// Another version of a policy came into force.
    PolicyApplied,
    /// A leaver's account is overdue or came back; resolved when it is proven disabled.
    Leavers,
}

/// The body of a notice. Chat services show its `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct NotificationBody {
    text: String,
    occasion: NotificationOccasion,
    /// `true` if the state that was notified before under this occasion has ended.
    resolved: bool,
    target: String,
    count: usize,
    /// Key of the first person or group.
    subject: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// The error of a hook that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the hook `{name}` in `console.notify` cannot be used: {why}")]
pub struct HookError {
    name: String,
    why: &'static str,
}

/// A hook with its consumer and HTTP client.
pub(crate) struct HookNotifier {
    hook: NotificationHook,
    journal: Consumer<FactBatch>,
    http: reqwest::Client,
}

impl NotificationHook {
    fn check(&self) -> Result<(), HookError> {
        let wrong = |why| Err(HookError { name: self.name.chars().take(64).collect(), why });
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.chars().all(is_name) {
            return wrong("its name must be 1 to 32 letters, digits, `-` or `_`");
        }
        match reqwest::Url::parse(&self.url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
            _ => wrong("its `url` must begin with https:// or http://"),
        }
    }
}

/// Opens a consumer of the journal for each hook.
pub(crate) async fn open_hooks(
    hooks: Vec<NotificationHook>,
    bus: &Bus,
) -> Result<Vec<HookNotifier>, OpenError> {
    let mut notifiers = Vec::new();
    for hook in hooks {
        hook.check()?;
        let journal = bus.consume(StreamName::Journal, &format!("notify-{}", hook.name)).await?;
        let http = build_http_client(HttpClientOptions::for_others(ANSWER_MAX))
            .map_err(|_| HookError { name: hook.name.clone(), why: "no HTTP client could be made" })?;
        notifiers.push(HookNotifier { hook, journal, http });
    }
    Ok(notifiers)
}

/// The error of hooks that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration of a hook is wrong.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The journal cannot be consumed.
    #[error("cannot consume the journal")]
    Journal(#[from] BusError),
}

impl HookNotifier {
    /// Sends notices until the shutdown.
    pub(crate) async fn run(mut self, shutdown: Shutdown) {
        let mut delays = RetryDelays::new(RETRY_FIRST, RETRY_MAX);
        loop {
            let batch = tokio::select! {
                () = shutdown.soft.cancelled() => break,
                batch = self.journal.next_batch(MESSAGES_MAX) => batch,
            };
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(
                        hook = self.hook.name,
                        error = chain(&error),
                        "the journal cannot be read: no more notices are sent"
                    );
                    return;
                }
            };
            let told = called_for(&batch, &self.hook.on);
            if send_notices(&self.hook, &self.http, told).await {
                delays.reset();
                futures_util::future::join_all(batch.into_iter().map(Delivery::ack)).await;
                continue;
            }
            futures_util::future::join_all(batch.into_iter().map(Delivery::nak)).await;
            tokio::select! {
                () = shutdown.soft.cancelled() => break,
                () = tokio::time::sleep(delays.next_delay()) => {}
            }
        }
        self.journal.close().await;
    }
}

/// Sends the notices in order, and returns whether all of them were accepted.
async fn send_notices(hook: &NotificationHook, http: &reqwest::Client, told: Vec<NotificationBody>) -> bool {
    for notice in told {
        let mut request = http.post(&hook.url).json(&notice);
        if let Some(token) = &hook.token {
            request = request.bearer_auth(token);
        }
        let status = match request.send().await {
            Ok(answer) if answer.status().is_success() => continue,
            Ok(answer) => answer.status().as_u16(),
            Err(_) => 0, // its text may hold the URL, which may be a secret
        };
        tracing::warn!(hook = hook.name, status, "the hook did not take a notice; it is told again later");
        return false;
    }
    true
}

/// Returns the notices for the recent facts of a batch.
fn called_for(batch: &[Delivery<FactBatch>], on: &[NotificationOccasion]) -> Vec<NotificationBody> {
    let facts = batch.iter().filter_map(|delivery| delivery.body.as_ref().ok());
    let since = OffsetDateTime::now_utc() - AGE_MAX;
    collect_notices(facts.flat_map(|facts| &facts.0).filter(|record| record.at > since), on)
}

/// Combines all facts of one occasion at a target into one notice.
fn collect_notices<'a>(
    records: impl Iterator<Item = &'a FactRecord>,
    on: &[NotificationOccasion],
) -> Vec<NotificationBody> {
    let mut notices: BTreeMap<(NotificationOccasion, String, bool), NotificationBody> = BTreeMap::new();
    for record in records {
        let Some((occasion, target, words)) = notice_occasion(&record.fact) else { continue };
        if !on.contains(&occasion) {
            continue;
        }
        let resolved = matches!(record.fact, Fact::LeaverProven { .. });
        let notice =
            notices.entry((occasion, target.clone(), resolved)).or_insert_with(|| NotificationBody {
                text: words,
                occasion,
                resolved,
                target,
                count: 0,
                subject: record.subject.clone(),
                at: record.at,
            });
        notice.count += 1;
    }
    let told = notices.into_values().map(|mut notice| {
        if notice.count > 1 {
            notice.text = format!("{} (and {} more)", notice.text, notice.count - 1);
        }
        notice
    });
    told.collect()
}

fn notice_occasion(fact: &Fact) -> Option<(NotificationOccasion, String, String)> {
    Some(match fact {
        Fact::Held { target, reason, .. } => (
            NotificationOccasion::Held,
            target.clone(),
            format!("`{target}`: held until an operator decides (`usher held ls`): {reason}"),
        ),
        Fact::FeedHeld { feed, run, reasons } => (
            NotificationOccasion::Held,
            format!("feed:{feed}"),
            format!(
                "feed `{feed}`: held until an operator decides (`usher feed show {run}`): {}",
                reasons.join("; ")
            ),
        ),
        Fact::Paused { target, outcome, who, why } if outcome == "paused" => {
            (NotificationOccasion::Paused, target.clone(), format!("`{target}` was paused by {who}: {why}"))
        }
        Fact::Conflict { target, .. } => (
            NotificationOccasion::Conflict,
            target.clone(),
            format!(
                "`{target}`: an account or group appears to belong to another person or group (`usher conflicts ls`)"
            ),
        ),
        Fact::Died(letter) => (
            NotificationOccasion::Died,
            letter.target.clone(),
            format!(
                "`{}`: a dead letter (`usher dead groups`): {} {}",
                letter.target,
                letter.operation,
                letter.class.as_str()
            ),
        ),
        Fact::PolicyApplied { target, version, removals, who, .. } => (
            NotificationOccasion::PolicyApplied,
            target.clone(),
            format!("`{target}`: version {version} of the policy, by {who}; takes access from {removals}"),
        ),
        Fact::LeaverOverdue { .. } | Fact::LeaverReopened { .. } | Fact::LeaverProven { .. } => {
            return of_leaver(fact);
        }
        _ => return None,
    })
}

fn of_leaver(fact: &Fact) -> Option<(NotificationOccasion, String, String)> {
    let (target, words) = match fact {
        Fact::LeaverOverdue { target, waits_for, .. } => (
            target,
            format!(
                "`{target}`: the account of a leaver is overdue (`usher leavers --overdue`): {}",
                waits_for.in_words()
            ),
        ),
        Fact::LeaverReopened { target, .. } => {
            (target, format!("`{target}`: the account of a leaver came back (`usher leavers`)"))
        }
        Fact::LeaverProven { target, evidence, was_overdue: true, .. } => (
            target,
            format!("`{target}`: resolved: the account of a leaver is proven to be off ({evidence})"),
        ),
        _ => return None,
    };
    Some((NotificationOccasion::Leavers, target.clone(), words))
}

#[cfg(test)]
mod tests {
    use lifecycle::ResourceKind;

    use super::*;

    fn held(subject: &str, target: &str) -> FactRecord {
        let fact = Fact::Held {
            target: target.to_owned(),
            kind: ResourceKind::User,
            revision: 1,
            reason: "guard.deletions: 5".to_owned(),
        };
        let at = OffsetDateTime::UNIX_EPOCH;
        FactRecord { id: subject.to_owned(), at, subject: subject.to_owned(), trace: None, fact }
    }

    #[test]
    fn many_of_one_kind_are_one_notice() {
        let records = [held("E-1", "a"), held("E-2", "a"), held("E-3", "b")];
        let told = collect_notices(records.iter(), &default_occasions());
        let counts: Vec<_> = told.iter().map(|n| (n.target.as_str(), n.count, n.subject.as_str())).collect();
        assert_eq!(counts, [("a", 2, "E-1"), ("b", 1, "E-3")]);
        assert!(told[0].text.ends_with("guard.deletions: 5 (and 1 more)"), "{}", told[0].text);
        assert!(collect_notices(records.iter(), &[NotificationOccasion::Died]).is_empty());
    }

    #[test]
    fn an_overdue_leaver_is_told_and_so_is_its_end_and_one_in_time_is_not() {
        let record = |subject: &str, fact| FactRecord { fact, ..held(subject, "a") };
        let proven = |was_overdue| Fact::LeaverProven {
            target: "a".to_owned(),
            cause: lifecycle::LeaverCause::Left,
            evidence: "read_back".to_owned(),
            at: OffsetDateTime::UNIX_EPOCH,
            late_ms: 1,
            was_overdue,
        };
        let overdue = Fact::LeaverOverdue {
            target: "a".to_owned(),
            cause: lifecycle::LeaverCause::Left,
            due_at: OffsetDateTime::UNIX_EPOCH,
            waits_for: lifecycle::WaitingFor::Pause,
            detail: None,
        };
        let records = [record("E-1", overdue), record("E-1", proven(true)), record("E-2", proven(false))];
        let told = collect_notices(records.iter(), &default_occasions());
        let told: Vec<_> = told.iter().map(|n| (n.resolved, n.count, n.subject.as_str())).collect();
        assert_eq!(told, [(false, 1, "E-1"), (true, 1, "E-1")]);
    }

    #[test]
    fn a_hook_that_cannot_work_is_refused() {
        let hook = |name: &str, url: &str| NotificationHook {
            name: name.into(),
            url: url.into(),
            token: None,
            on: default_occasions(),
        };
        hook("ops", "https://hooks.example.com/x").check().unwrap();
        for (name, url) in [("", "https://x"), ("a b", "https://x"), ("ops", "ftp://x"), ("ops", "x")] {
            hook(name, url).check().unwrap_err();
        }
    }
}
