//! Seeds: the input of random functions. It never changes for one person at one target.

use expression::RandomSeed;
use lifecycle::ResourceKind;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use sha2::{Digest, Sha256};
use store::{Store, StoreError};

use crate::rows::setting;

/// The name of the setting with the secret.
const NAME: &str = "seed_secret";
/// The length of the secret in bytes.
const SECRET_BYTES: usize = 32;

/// Derives seeds. All replicas on one database derive the same ones.
#[derive(Clone)]
pub(crate) struct SeedMaker([u8; SECRET_BYTES]);

/// Errors of loading the secret from which seeds are derived.
#[derive(Debug, thiserror::Error)]
pub enum SeedsError {
    /// The database failed.
    #[error("could not read the settings")]
    Store(#[from] StoreError),
    /// The setting was changed by hand. To continue would give all people new random values.
    #[error("the setting `{NAME}` is not {SECRET_BYTES} bytes in hexadecimal digits")]
    Spoilt,
}

impl SeedMaker {
    /// Creates the secret if there is none yet. If several replicas start concurrently, the first secret is kept.
    ///
    /// # Errors
    /// See [`SeedsError`].
    pub(crate) async fn load(store: &Store) -> Result<Self, SeedsError> {
        let fresh: [u8; SECRET_BYTES] = rand::random();
        let row = setting::Model { name: NAME.to_owned(), value: hex::encode(fresh) };
        setting::Entity::insert_many([row.into_active_model().reset_all()])
            .on_conflict(OnConflict::column(setting::Column::Name).do_nothing().to_owned())
            .exec_without_returning(store.writer())
            .await
            .map_err(StoreError::statement("write a setting"))?;
        let row = setting::Entity::find_by_id(NAME)
            .one(store.writer())
            .await
            .map_err(StoreError::statement("read a setting"))?;
        row.and_then(|row| secret_from_hex(&row.value)).map(Self).ok_or(SeedsError::Spoilt)
    }

    /// Returns the seed for one person or group at one target.
    pub(crate) fn of(&self, target: &str, kind: ResourceKind, subject: &str) -> RandomSeed {
        let mut hash = Sha256::new();
        hash.update(self.0);
        for part in [target, kind.as_str(), subject] {
            // Each part includes its length, so that two different triples never produce the same bytes.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        RandomSeed(hash.finalize().into())
    }
}

/// The secret is never printed.
impl std::fmt::Debug for SeedMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seeds(..)")
    }
}

/// Returns the secret in hexadecimal digits.
fn secret_from_hex(text: &str) -> Option<[u8; SECRET_BYTES]> {
    hex::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_depends_on_the_secret_and_on_each_of_target_kind_and_subject() {
        let seed =
            |secret, target, kind, subject| SeedMaker([secret; SECRET_BYTES]).of(target, kind, subject).0;
        let all = [
            seed(0, "crm", ResourceKind::User, "E-1"),
            seed(1, "crm", ResourceKind::User, "E-1"),
            seed(0, "vpn", ResourceKind::User, "E-1"),
            seed(0, "crm", ResourceKind::Group, "E-1"),
            seed(0, "crm", ResourceKind::User, "E-2"),
            seed(0, "cr", ResourceKind::User, "mE-1"),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(all[0], seed(0, "crm", ResourceKind::User, "E-1"));
    }

    #[test]
    fn a_secret_reads_as_it_was_written_and_nothing_else_is_one() {
        let secret: [u8; SECRET_BYTES] = std::array::from_fn(|n| u8::try_from(n * 8).unwrap());
        assert_eq!(secret_from_hex(&hex::encode(secret)), Some(secret));
        for spoilt in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64)] {
            assert_eq!(secret_from_hex(spoilt), None, "{spoilt}");
        }
    }
}
