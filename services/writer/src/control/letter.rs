//! Verb `look_letter`: previews the request that a replay of a dead letter would send. Changes nothing.

use lifecycle::{
    ControlError, PlannedOperation, PreviewReplayReply, PreviewReplayRequest, PreviewRequest, ReplayOutcome,
    ResourceKind,
};
use sea_orm::EntityTrait;
use store::StoreError;

use super::look::{no_answer, open_call, wait_patiently};
use super::{WriterControl, database_refusal, refuse_with};
use crate::converge::look;
use crate::rows::words::RowStatus;
use crate::rows::{dead, edge, load_resources, resource};

/// A row that is unchanged since its dead letter was written.
enum WaitingLetter {
    Resource(Box<resource::Model>),
    Membership(Box<edge::Model>),
}

impl WriterControl {
    /// Previews the replay of a dead letter.
    ///
    /// # Errors
    /// If there is no such dead letter, or if the target cannot be asked.
    pub(super) async fn look_letter(
        &self,
        request: PreviewReplayRequest,
    ) -> Result<PreviewReplayReply, ControlError> {
        let id = request.id;
        let letter = dead::Entity::find_by_id(id.to_string()).one(self.store.reader()).await;
        let letter = letter.map_err(StoreError::statement("read a dead letter"));
        let letter = letter.map_err(|error| database_refusal(&error))?;
        let letter = letter.ok_or_else(|| refuse_with(format!("the writer knows no dead letter {id}")))?;
        let (outcome, action) = if letter.state == dead::OPEN {
            match self.waiting(&letter).await.map_err(|error| database_refusal(&error))? {
                Some(WaitingLetter::Resource(row)) => {
                    (ReplayOutcome::Queued, Some(self.about_row(&row).await?))
                }
                Some(WaitingLetter::Membership(edge)) => {
                    (ReplayOutcome::Queued, Some(self.about_edge(&edge).await?))
                }
                None => (ReplayOutcome::Superseded, None),
            }
        } else {
            (ReplayOutcome::NotOpen, None)
        };
        let (subject, member_of) = match letter.member {
            Some(member) => (member, Some(letter.subject)),
            None => (letter.subject, None),
        };
        let kind = kind_of(&letter.kind);
        Ok(PreviewReplayReply { id, target: letter.target, kind, subject, member_of, outcome, action })
    }

    /// Returns the row of an open dead letter if it is unchanged since then.
    async fn waiting(&self, letter: &dead::Model) -> Result<Option<WaitingLetter>, StoreError> {
        let dead::Model { target, subject, revision, .. } = letter;
        let reader = self.store.reader();
        if let Some(member) = &letter.member {
            let key = (target.clone(), subject.clone(), member.clone());
            let row = edge::Entity::find_by_id(key).one(reader).await;
            let row = row.map_err(StoreError::statement("read a membership"))?;
            let row = row.filter(|row| row.revision == *revision && *row.status() == RowStatus::Dead);
            return Ok(row.map(|row| WaitingLetter::Membership(Box::new(row))));
        }
        let subjects = std::slice::from_ref(subject);
        let mut rows = load_resources(reader, target, kind_of(&letter.kind), subjects, false).await?;
        let waits = |row: &resource::Model| {
            row.desired_revision == *revision && matches!(row.status(), RowStatus::Dead | RowStatus::Conflict)
        };
        Ok(rows.remove(subject).filter(waits).map(|row| WaitingLetter::Resource(Box::new(row))))
    }

    /// Previews the change of a resource. The row gives the desired state, even if the mapper would decide otherwise now.
    async fn about_row(&self, row: &resource::Model) -> Result<PlannedOperation, ControlError> {
        let desired = row.desired().map_err(|error| {
            refuse_with(format!("cannot read the desired state of {}: {error}", row.subject))
        })?;
        let request = PreviewRequest { target: row.target.clone(), subject: row.subject.clone(), desired };
        Ok(self.look(request).await?.action)
    }

    /// Previews the change of a membership.
    async fn about_edge(&self, row: &edge::Model) -> Result<PlannedOperation, ControlError> {
        self.configured(&row.target)?;
        let target = self.askable(&row.target).await?;
        let link = async |kind: ResourceKind, subject: &String| {
            let found = self.links(&target.name, kind, std::slice::from_ref(subject)).await;
            found.map(|mut links| links.remove(subject))
        };
        let group = link(ResourceKind::Group, &row.group_subject).await?;
        let (member, kind) = row.member();
        let member = link(kind.resource_kind(), &member.to_owned()).await?;
        let (Some(group), Some(member)) = (group, member) else {
            let why = "the group or the member is not at the target: it is sent once both are";
            return Ok(PlannedOperation {
                action: "wait".to_owned(),
                why: Some(why.to_owned()),
                request: None,
                body: None,
            });
        };
        let asked = async {
            let mut call = open_call(&target, ResourceKind::Membership, &row.group_subject).await;
            let planned = look::look_membership(&mut call, &group, &member, row.desired).await;
            planned.map_err(|stop| no_answer(&call, stop))
        };
        wait_patiently(&target, asked).await
    }
}

fn kind_of(name: &str) -> ResourceKind {
    let all = [ResourceKind::User, ResourceKind::Group, ResourceKind::Membership];
    all.into_iter().find(|kind| kind.as_str() == name).unwrap_or(ResourceKind::User)
}
