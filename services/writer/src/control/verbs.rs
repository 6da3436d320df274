//! The handler of each verb of the writer.

use bus::VerbServer;
use lifecycle::{VerbService, verbs};

use super::owner::RequestOrigin;
use super::{WriterControl, WriterRefusal, refuse_request};

/// Returns the server of all verbs. Requests that only the owner of a target can answer are passed on to it, unless another
/// replica passed them on.
pub(super) fn verb_server(origin: RequestOrigin) -> VerbServer<WriterControl, WriterRefusal> {
    VerbServer::<WriterControl, WriterRefusal>::new(VerbService::Writer, refuse_request)
        .on::<verbs::WriterStatusVerb, _, _>(|control, ()| async move { Ok(control.status().await?) })
        .on::<verbs::WriterOutboxVerb, _, _>(
            |control, wanted| async move { Ok(control.outbox(&wanted).await?) },
        )
        .on::<verbs::WriterRetrySetAsideVerb, _, _>(|control, wanted| async move {
            Ok(control.retry_set_aside(wanted).await?)
        })
        .on::<verbs::WriterDiscardSetAsideVerb, _, _>(|control, wanted| async move {
            Ok(control.discard_set_aside(wanted).await?)
        })
        .on::<verbs::WriterQuarantineVerb, _, _>(|control, wanted| async move {
            Ok(control.quarantine(&wanted).await?)
        })
        .on::<verbs::WriterRetryQuarantinedVerb, _, _>(|control, wanted| async move {
            Ok(control.retry_quarantined(&wanted).await?)
        })
        .on::<verbs::ReplayVerb, _, _>(|control, wanted| async move { Ok(control.replay(&wanted).await?) })
        .on::<verbs::StartReplayVerb, _, _>(|control, wanted| async move {
            Ok(control.start_replay(wanted).await?)
        })
        .on::<verbs::ReplayRunsVerb, _, _>(|control, wanted| async move {
            Ok(control.replay_runs(&wanted).await?)
        })
        .on::<verbs::CancelReplayVerb, _, _>(|control, wanted| async move {
            Ok(control.cancel_replay(wanted).await?)
        })
        .on::<verbs::DiscardVerb, _, _>(|control, wanted| async move { Ok(control.discard(&wanted).await?) })
        .on::<verbs::WriterProvisionVerb, _, _>(|control, wanted| async move {
            Ok(control.provision(&control.known_resource(wanted)?).await?)
        })
        .on::<verbs::RowVerb, _, _>(|control, wanted| async move { Ok(control.row(&wanted).await?) })
        .on::<verbs::HeldVerb, _, _>(|control, wanted| async move { Ok(control.held(&wanted).await?) })
        .on::<verbs::DecideHeldVerb, _, _>(|control, wanted| async move {
            control.configured(&wanted.target)?;
            control.decide_held(&wanted).await
        })
        .on::<verbs::ReconcileVerb, _, _>(
            |control, wanted| async move { Ok(control.reconcile(wanted).await?) },
        )
        .on::<verbs::ReconciliationVerb, _, _>(|control, wanted| async move {
            Ok(control.reconciliation(wanted).await?)
        })
        .on::<verbs::PauseVerb, _, _>(|control, wanted| async move {
            control.configured(&wanted.target)?;
            Ok(control.pause(&wanted).await?)
        })
        .on::<verbs::EvidenceVerb, _, _>(|control, wanted| async move {
            Ok(control.evidence(&control.known_people(wanted)?).await?)
        })
        .on::<verbs::OtherAccountsVerb, _, _>(|control, wanted| async move {
            Ok(control.other_accounts(&control.known_leavers(wanted)?).await?)
        })
        .on::<verbs::DigestsVerb, _, _>(|control, wanted| async move { Ok(control.digests(&wanted).await?) })
        .on::<verbs::EntriesVerb, _, _>(|control, wanted| async move { Ok(control.entries(&wanted).await?) })
        .on::<verbs::VerifiedVerb, _, _>(
            |control, wanted| async move { Ok(control.verified(&wanted).await?) },
        )
        .on::<verbs::PreviewVerb, _, _>(move |control, wanted| async move {
            match control.ask_owner::<verbs::PreviewVerb>(origin, Some(&wanted.target), &wanted).await {
                Some(answer) => answer,
                None => Ok(control.look(wanted).await?),
            }
        })
        .on::<verbs::ResolveConflictVerb, _, _>(move |control, wanted| async move {
            match control.ask_owner::<verbs::ResolveConflictVerb>(origin, Some(&wanted.target), &wanted).await
            {
                Some(answer) => answer,
                None => Ok(control.resolve_conflict(wanted).await?),
            }
        })
        .on::<verbs::TestTargetVerb, _, _>(move |control, wanted| async move {
            match control.ask_owner::<verbs::TestTargetVerb>(origin, Some(&wanted.target), &wanted).await {
                Some(answer) => answer,
                None => Ok(control.test(wanted).await?),
            }
        })
        .on::<verbs::PreviewReplayVerb, _, _>(move |control, wanted| async move {
            let target = control.target_of_letter(&wanted).await;
            match control.ask_owner::<verbs::PreviewReplayVerb>(origin, target.as_deref(), &wanted).await {
                Some(answer) => answer,
                None => Ok(control.look_letter(wanted).await?),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_of_the_writer_has_a_handler() {
        assert!(verb_server(RequestOrigin::Operator).unhandled_verbs().is_empty());
    }
}
