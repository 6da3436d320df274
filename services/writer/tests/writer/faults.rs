//! Each operation against each fault: the class of the failed request, the number of requests, and the final state.
//!
//! The fault happens once, to the first request of the operation; then the target has recovered.

use lifecycle::{AccountState, AttemptClass, DesiredState, GroupResource, RemovalGuard, ResourceKind};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{Sent, World, account, active, group, name_of, person};

/// Short timeouts, and a small limit for answers.
const PROFILE: &str = "timeout_seconds: 1\nresponse_bytes_max: 8192\n";
const GUARD: RemovalGuard =
    RemovalGuard { deletions: 1_000, percent: 100, window_hours: 24, hard_deletions: 1_000, failures: 1_000 };

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operation {
    Create,
    Update,
    Disable,
    Delete,
    AddMember,
    RemoveMember,
    /// The search before a create.
    Search,
    /// An update at a target that does not support PATCH.
    Put,
    CreateGroup,
    RenameGroup,
    DeleteGroup,
}

use Operation::{
    AddMember, Create, CreateGroup, Delete, DeleteGroup, Disable, Put, RemoveMember, RenameGroup, Search,
    Update,
};

impl Operation {
    fn request(self) -> (&'static str, &'static str) {
        match self {
            Create => ("POST", "/Users"),
            Update | Disable => ("PATCH", "/Users"),
            Delete => ("DELETE", "/Users"),
            AddMember | RemoveMember | RenameGroup => ("PATCH", "/Groups"),
            Search => ("GET", "/Users"),
            Put => ("PUT", "/Users"),
            CreateGroup => ("POST", "/Groups"),
            DeleteGroup => ("DELETE", "/Groups"),
        }
    }

    fn profile(self) -> String {
        format!("{PROFILE}update_method: {}\n", if self == Put { "put" } else { "patch" })
    }

    /// Returns whether the operation concerns a membership.
    fn is_membership(self) -> bool {
        matches!(self, AddMember | RemoveMember)
    }

    fn is_group(self) -> bool {
        matches!(self, CreateGroup | RenameGroup | DeleteGroup)
    }
}

/// Returns the faults with their names.
fn faults() -> Vec<(&'static str, InjectedFault)> {
    let status =
        |status| InjectedFault::Status { status, retry_after: None, scim_type: None, after_work: false };
    vec![
        ("reset before", InjectedFault::ResetBeforeWork),
        ("reset after", InjectedFault::ResetAfterWork),
        ("timeout before", InjectedFault::HangBeforeWork { millis: 1_500 }),
        ("timeout after", InjectedFault::HangAfterWork { millis: 1_500 }),
        ("400", status(400)),
        ("401", status(401)),
        ("403", status(403)),
        ("404", status(404)),
        ("409", status(409)),
        ("412", status(412)),
        ("413", status(413)),
        ("429", status(429)),
        ("429 Retry-After", InjectedFault::retry_after(429, "1")),
        ("500", status(500)),
        (
            "500 after",
            InjectedFault::Status { status: 500, retry_after: None, scim_type: None, after_work: true },
        ),
        ("503", status(503)),
        ("truncated body", InjectedFault::TruncatedBody),
        ("wrong content type", InjectedFault::HtmlBody { status: 502 }),
        ("slow drip", InjectedFault::SlowDrip { piece_bytes: 64, millis: 5 }),
        (
            "redirect",
            InjectedFault::Redirect { status: 307, location: "https://example.net/elsewhere".to_owned() },
        ),
        ("huge body", InjectedFault::HugeBody { bytes: 100_000 }),
        ("empty body", InjectedFault::EmptyBody),
    ]
}

/// Runs one operation with one fault and formats a line: the fault, the class of the request that met it, the number of
/// requests of this operation, the final status, and whether the target is right.
async fn line(
    world: &World,
    operation: Operation,
    number: usize,
    fault: &(&'static str, InjectedFault),
) -> String {
    let (key, group_key) = (format!("E-{number}"), format!("G-{number}"));
    let sent = Sent::guarded(GUARD);
    if !matches!(operation, Create | Search) && !operation.is_group() {
        world.send_as(&key, 1, DesiredState::User(active(&key, json!({ "title": "A" }))), sent).await;
        world.settled(ResourceKind::User, &key, 1).await;
    }
    let with_group = operation.is_membership();
    if with_group || matches!(operation, RenameGroup | DeleteGroup) {
        world.send_as(&group_key, 1, DesiredState::Group(GroupResource { ..group(&group_key) }), sent).await;
        world.settled(ResourceKind::Group, &group_key, 1).await;
    }
    let is_member = || world.sandbox.state().groups[&group_key].members.contains(&name_of(&key));
    if operation == RemoveMember {
        world.members(&group_key, 1, &[(&key, true)]).await;
        world.until("a member", async || is_member()).await;
        world.settled(ResourceKind::Group, &group_key, 1).await;
    }
    let (method, path) = operation.request();
    let rule =
        world.sandbox.faults().inject(FaultRule::new(fault.1.clone()).method(method).path(path).times(1));
    let before = world.sandbox.ledger().len();
    let desired = |state| DesiredState::User(account(state, person(&key, json!({ "title": "A" }))));
    let (kind, subject, revision) = match operation {
        Create | Search => {
            world.send_as(&key, 1, desired(AccountState::Active), sent).await;
            (ResourceKind::User, &key, 1)
        }
        CreateGroup => {
            world.send_as(&group_key, 1, DesiredState::Group(group(&group_key)), sent).await;
            (ResourceKind::Group, &group_key, 1)
        }
        RenameGroup => {
            let mut new = group(&group_key);
            new.attributes.insert("displayName".to_owned(), format!("{group_key} new").into());
            world.send_as(&group_key, 2, DesiredState::Group(new), sent).await;
            (ResourceKind::Group, &group_key, 2)
        }
        DeleteGroup => {
            let gone = GroupResource { exists: false, ..group(&group_key) };
            world.send_as(&group_key, 2, DesiredState::Group(gone), sent).await;
            (ResourceKind::Group, &group_key, 2)
        }
        Update | Put => {
            let new = DesiredState::User(active(&key, json!({ "title": "B" })));
            world.send_as(&key, 2, new, sent).await;
            (ResourceKind::User, &key, 2)
        }
        Disable => {
            world.send_as(&key, 2, desired(AccountState::Disabled), sent).await;
            (ResourceKind::User, &key, 2)
        }
        Delete => {
            world.send_as(&key, 2, desired(AccountState::Deleted), sent).await;
            (ResourceKind::User, &key, 2)
        }
        AddMember => {
            world.members(&group_key, 2, &[(&key, true)]).await;
            (ResourceKind::Group, &group_key, 1)
        }
        RemoveMember => {
            world.members(&group_key, 2, &[(&key, false)]).await;
            (ResourceKind::Group, &group_key, 1)
        }
    };
    world.until("the fault happened", async || world.sandbox.faults().fired(rule) == 1).await;
    let ended = async || {
        if with_group {
            let edge = world.edge(&group_key, &key).await;
            edge == "in_sync" || edge == "dead"
        } else {
            let row = world.row(kind, subject).await;
            row.revision == revision && !matches!(row.status.as_deref(), Some("pending" | "retrying") | None)
        }
    };
    world.until("it has ended", ended).await;
    let status = match with_group {
        true => world.edge(&group_key, &key).await,
        false => world.row(kind, subject).await.status.unwrap(),
    };
    world.sandbox.faults().remove(rule);
    let sent = world.sandbox.ledger().since(before, 1_000);
    let mine = sent.iter().filter(|entry| &*entry.method == method && entry.path.starts_with(path)).count();
    let user = world.user(&key);
    let right = match operation {
        Create | Search => user.is_some(),
        CreateGroup => world.sandbox.state().groups.contains_key(&group_key),
        RenameGroup => world.sandbox.state().groups.contains_key(&format!("{group_key} new")),
        DeleteGroup => !world.sandbox.state().groups.contains_key(&group_key),
        Update | Put => world.attributes(&key)["title"] == "B",
        Disable => user.is_none_or(|user| !user.active),
        Delete => user.is_none(),
        AddMember => is_member(),
        RemoveMember => !is_member(),
    };
    let about = if with_group || operation.is_group() { &group_key } else { &key };
    // A member that is removed was added before, by the same method.
    let earlier = usize::from(operation == RemoveMember);
    let classes = world.classes(about, method, mine + earlier).await;
    let class =
        classes.into_iter().find(|class| *class != AttemptClass::Success).unwrap_or(AttemptClass::Success);
    format!(
        "{:<18} {:<16} {mine} {status:<8} {}",
        fault.0,
        class.as_str(),
        if right { "right" } else { "wrong" }
    )
}

impl World {
    async fn edge(&self, group: &str, member: &str) -> String {
        let sql = format!(
            "SELECT status FROM writer_edges WHERE group_subject = '{group}' AND member_subject = '{member}'"
        );
        let rows = self.query(&sql).await;
        rows.first().map_or_else(|| "none".to_owned(), |row| row.try_get("", "status").unwrap())
    }
}

async fn matrix(operation: Operation, expected: &str) {
    let world = World::with_profile(&operation.profile()).await;
    let mut lines = Vec::new();
    for (number, fault) in faults().iter().enumerate() {
        lines.push(line(&world, operation, number, fault).await);
    }
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert!(lines == expected, "{operation:?}:\n{}", lines.join("\n"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creating() {
    matrix(
        Create,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  1 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  1 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                unavailable      2 in_sync  right
        409                already_exists   2 in_sync  right
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                outcome_unknown  2 in_sync  right
        500 after          outcome_unknown  1 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  1 in_sync  right
        wrong content type outcome_unknown  2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updating() {
    matrix(
        Update,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  1 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  1 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                not_found        2 in_sync  right
        409                already_exists   2 in_sync  right
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                transient        2 in_sync  right
        500 after          transient        1 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  1 in_sync  right
        wrong content type transient        2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling() {
    matrix(
        Disable,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  1 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  1 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                not_found        2 in_sync  right
        409                already_exists   2 in_sync  right
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                transient        2 in_sync  right
        500 after          transient        1 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  1 in_sync  right
        wrong content type transient        2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting() {
    matrix(
        Delete,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  2 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  2 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                not_found        2 in_sync  right
        409                permanent        1 dead     wrong
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                transient        2 in_sync  right
        500 after          transient        2 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  2 in_sync  right
        wrong content type transient        2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adding_a_member() {
    matrix(
        AddMember,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  1 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  1 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                not_found        1 dead     wrong
        409                already_exists   2 in_sync  right
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                transient        2 in_sync  right
        500 after          transient        1 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  1 in_sync  right
        wrong content type transient        2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_a_member() {
    matrix(
        RemoveMember,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  2 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  2 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                not_found        1 dead     wrong
        409                already_exists   2 in_sync  right
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                transient        2 in_sync  right
        500 after          transient        2 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  2 in_sync  right
        wrong content type transient        2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ", // a group that shows no members may hide them: a removal in doubt is sent again
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searching() {
    matrix(
        Search,
        "
        reset before       transient        3 in_sync  right
        reset after        transient        3 in_sync  right
        timeout before     transient        3 in_sync  right
        timeout after      transient        3 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     3 in_sync  right
        403                unauthorised     3 in_sync  right
        404                unavailable      3 in_sync  right
        409                permanent        1 dead     wrong
        412                transient        3 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        3 in_sync  right
        429 Retry-After    throttled        3 in_sync  right
        500                transient        3 in_sync  right
        500 after          transient        3 in_sync  right
        503                unavailable      3 in_sync  right
        truncated body     transient        3 in_sync  right
        wrong content type transient        3 in_sync  right
        slow drip          success          2 in_sync  right
        redirect           unavailable      3 in_sync  right
        huge body          permanent        1 dead     wrong
        empty body         transient        3 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing() {
    matrix(
        Put,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  1 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  1 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                not_found        2 in_sync  right
        409                already_exists   2 in_sync  right
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                transient        2 in_sync  right
        500 after          transient        1 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  1 in_sync  right
        wrong content type transient        2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creating_a_group() {
    matrix(
        CreateGroup,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  1 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  1 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                unavailable      2 in_sync  right
        409                already_exists   2 in_sync  right
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                outcome_unknown  2 in_sync  right
        500 after          outcome_unknown  1 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  1 in_sync  right
        wrong content type outcome_unknown  2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renaming_a_group() {
    matrix(
        RenameGroup,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  1 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  1 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                not_found        2 in_sync  right
        409                already_exists   2 in_sync  right
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                transient        2 in_sync  right
        500 after          transient        1 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  1 in_sync  right
        wrong content type transient        2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_group() {
    matrix(
        DeleteGroup,
        "
        reset before       outcome_unknown  2 in_sync  right
        reset after        outcome_unknown  2 in_sync  right
        timeout before     outcome_unknown  2 in_sync  right
        timeout after      outcome_unknown  2 in_sync  right
        400                permanent        1 dead     wrong
        401                unauthorised     2 in_sync  right
        403                unauthorised     2 in_sync  right
        404                not_found        2 in_sync  right
        409                permanent        1 dead     wrong
        412                transient        2 in_sync  right
        413                permanent        1 dead     wrong
        429                throttled        2 in_sync  right
        429 Retry-After    throttled        2 in_sync  right
        500                transient        2 in_sync  right
        500 after          transient        2 in_sync  right
        503                unavailable      2 in_sync  right
        truncated body     outcome_unknown  2 in_sync  right
        wrong content type transient        2 in_sync  right
        slow drip          success          1 in_sync  right
        redirect           unavailable      2 in_sync  right
        huge body          success          1 in_sync  right
        empty body         success          1 in_sync  right
    ",
    )
    .await;
}
