//! The address at which a target's accounts were linked.
//!
//! If the configuration names another server, every linked account looks as if it were gone. Nothing that is missing at
//! the new address counts as gone, and no account is created again, until an operator resumes the target or a
//! reconciliation finds most of the linked accounts there.

use std::sync::{Mutex, MutexGuard};

use lifecycle::{TargetRemark, TargetRemarkReason};
use scim::Url;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use store::{Store, StoreError};

use crate::rows::{control, resource};

/// The configured address of a target, and the address at which its accounts were linked.
#[derive(Debug)]
pub(crate) struct TargetAddress {
    current: String,
    /// The address at which the accounts were linked, if it differs from the current one.
    linked_at: Mutex<Option<String>>,
}

impl TargetAddress {
    /// Compares the configured address with the one at which the accounts were linked, and keeps both.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn load(store: &Store, target: &str, base_url: &Url) -> Result<Self, StoreError> {
        let current = normalised(base_url);
        let tx = store.begin().await?;
        let row = control::load_control(&tx, target).await?;
        let linked = resource::Entity::find()
            .filter(resource::Column::Target.eq(target))
            .filter(resource::Column::RemoteId.is_not_null())
            .count(&tx)
            .await
            .map_err(StoreError::statement("count links"))?;
        let moved_from = row.linked_address.clone().filter(|before| *before != current && linked > 0);
        if let Some(before) = &moved_from {
            tracing::error!(
                target_name = target,
                before,
                current,
                linked,
                "the target's address changed: what is missing there does not count as gone before an operator lets the target go on"
            );
        }
        let linked_address = moved_from.clone().unwrap_or_else(|| current.clone());
        let new_address = moved_from.is_some().then(|| current.clone());
        if row.linked_address.as_ref() != Some(&linked_address) || row.new_address != new_address {
            let row = control::Model { linked_address: Some(linked_address), new_address, ..row };
            control::save_control(&tx, row, [control::Column::LinkedAddress, control::Column::NewAddress])
                .await?;
        }
        tx.commit().await.map_err(StoreError::statement("keep a target's address"))?;
        Ok(Self { current, linked_at: Mutex::new(moved_from) })
    }

    /// Returns the reason why missing resources do not count as gone, or `None` if they do.
    pub(crate) fn doubt(&self) -> Option<String> {
        let before = self.linked_at().clone()?;
        Some(change_reason(&before, &self.current))
    }

    /// Confirms that the linked accounts are those of the current address. An operator or a reconciliation that found
    /// most of the linked accounts calls for it.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn confirm(&self, store: &Store, target: &str) -> Result<(), StoreError> {
        if self.linked_at().is_none() {
            return Ok(());
        }
        let tx = store.begin().await?;
        let row = control::load_control(&tx, target).await?;
        let row = control::Model { linked_address: Some(self.current.clone()), new_address: None, ..row };
        control::save_control(&tx, row, [control::Column::LinkedAddress, control::Column::NewAddress])
            .await?;
        tx.commit().await.map_err(StoreError::statement("keep a target's address"))?;
        *self.linked_at() = None;
        tracing::info!(
            target_name = target,
            current = self.current,
            "the target's accounts are those of its new address"
        );
        Ok(())
    }

    fn linked_at(&self) -> MutexGuard<'_, Option<String>> {
        self.linked_at.lock().expect("nothing panics while holding it")
    }
}

/// Returns the remark for an operator if the target's address has changed.
pub(crate) fn remark(row: &control::Model) -> Option<TargetRemark> {
    let detail = change_reason(row.linked_address.as_ref()?, row.new_address.as_ref()?);
    Some(TargetRemark { reason: TargetRemarkReason::AddressChanged, detail })
}

/// Describes the change of address for operators.
fn change_reason(before: &str, current: &str) -> String {
    format!(
        "the accounts were linked at {before}, and the address is {current} now: what is missing there does not count as gone \
         until `usher target resume`, or a reconciliation that finds most of them"
    )
}

/// Normalises an address: removes everything that identifies neither a server nor a tenant (the case of the host, the
/// standard port, a slash at the end, credentials).
fn normalised(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None); // it may be a secret
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_differ_in_writing_only_are_one_address() {
        let of = |text: &str| normalised(&text.parse().unwrap());
        let one = of("https://scim.example.com/t/7/scim");
        for same in [
            "https://SCIM.example.com/t/7/scim/",
            "https://scim.example.com:443/t/7/scim",
            "https://usher@scim.example.com/t/7/scim",
        ] {
            assert_eq!(of(same), one, "{same}");
        }
        for other in ["http://scim.example.com/t/7/scim", "https://scim.example.com/t/8/scim"] {
            assert_ne!(of(other), one, "{other}");
        }
    }
}
