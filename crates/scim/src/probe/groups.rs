//! Probes the support for groups and their members.

use lifecycle::AttributeMap;
use serde_json::json;

use super::{ProbeRun, or_nothing};
use crate::{PatchOp, RemoveForm, ScimKind};

impl ProbeRun {
    /// Creates a group and a member, probes lookups and membership changes, and deletes both.
    pub(super) async fn groups(&mut self, account: &str) {
        let name = format!("usher probe {}", account.split('@').next().unwrap_or(account));
        let attributes: AttributeMap =
            [("displayName".to_owned(), name.clone().into()), ("externalId".to_owned(), name.clone().into())]
                .into();
        let id =
            match self.ask(async |client| client.create(ScimKind::Group, &attributes).await).await.outcome {
                Ok(created) => created.id,
                Err(failure) => return self.note(format!("create a group: {failure}")),
            };
        let filterable =
            self.filterable(ScimKind::Group, &[("externalId", &name), ("displayName", &name)]).await;
        self.note(format!("groups are found by {}", or_nothing(&filterable)));
        self.probed.profile.lookups.group.filterable = filterable;
        let id = match id {
            Some(id) => Some(id),
            None => self.look_for(ScimKind::Group, "displayName", &name).await,
        };
        let Some(id) = id else {
            return self.note("create a group: the answer names no id: LOOK FOR IT YOURSELF");
        };
        let member: AttributeMap = [
            ("userName".to_owned(), format!("m-{account}").into()),
            ("displayName".to_owned(), "Usher probe".into()),
            ("active".to_owned(), true.into()),
        ]
        .into();
        if let Ok(created) =
            self.ask(async |client| client.create(ScimKind::User, &member).await).await.outcome
            && let Some(user) = created.id
        {
            self.members(&id, &user).await;
            let _ = self.ask(async |client| client.delete(ScimKind::User, &user).await).await;
        }
        if let Err(failure) = self.ask(async |client| client.delete(ScimKind::Group, &id).await).await.outcome
        {
            self.note(format!("delete a group: {failure}; group {id} is still there: remove it yourself"));
        }
    }

    /// Probes if members can be added, are returned, and can be removed.
    async fn members(&mut self, group: &str, user: &str) {
        let add = PatchOp::Add { path: "members".to_owned(), value: json!([{ "value": user }]) };
        if let Err(failure) = self
            .ask(async |client| client.patch(ScimKind::Group, group, std::slice::from_ref(&add)).await)
            .await
            .outcome
        {
            return self.note(format!("add a member: {failure}"));
        }
        let shows = async |probe: &Self| {
            probe
                .ask(async |client| client.members(group).await)
                .await
                .outcome
                .is_ok_and(|all| all.is_some_and(|all| all.iter().any(|id| id == user)))
        };
        let readable = shows(self).await;
        self.probed.profile.membership.readable = readable;
        self.note(format!("members of a group: {}", if readable { "show" } else { "do not show" }));
        let forms = [
            (RemoveForm::Filter, PatchOp::Remove { path: format!("members[value eq \"{user}\"]") }),
            (
                RemoveForm::ValueList,
                PatchOp::RemoveValues { path: "members".to_owned(), value: json!([{ "value": user }]) },
            ),
        ];
        for (form, op) in forms {
            let removed = self
                .ask(async |client| client.patch(ScimKind::Group, group, std::slice::from_ref(&op)).await)
                .await
                .outcome;
            if removed.is_ok() && !(readable && shows(self).await) {
                self.probed.profile.membership.remove_form = form;
                return self.note(format!(
                    "a member is removed by {}",
                    if form == RemoveForm::Filter { "a filter in the path" } else { "a list of values" }
                ));
            }
        }
        self.note("no way to remove a member was found");
    }
}
