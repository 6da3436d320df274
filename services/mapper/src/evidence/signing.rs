//! The keys that sign evidence, and the key of the person hashes. They are stored in the mapper's settings, so that all
//! replicas share them and backups contain them.

use lifecycle::export::{EvidenceKey, ExportPage, from_hex, key_name, to_hex};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use store::{Store, StoreError};

use crate::rows::setting;

/// The prefix of signing keys, followed by a number with [`DIGITS`] digits. The key with the greatest number signs.
const KEY: &str = "evidence_key:";
/// The number of digits in the name of a signing key, so that names sort by number.
const DIGITS: usize = 6;
/// The name of the setting with the key of the person hashes.
const PERSON_KEY: &str = "evidence_person_key";

/// Keyed hashes of people. A person has the same hash in every export.
pub(crate) struct PersonHashes(hmac::Key);

impl PersonHashes {
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        make_secret(store, PERSON_KEY).await?;
        Self::read(store.writer()).await
    }

    /// Reads the key that was created when the service started.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn read(connection: &impl ConnectionTrait) -> Result<Self, StoreError> {
        let row = setting::Entity::find_by_id(PERSON_KEY).one(connection).await;
        let row = row.map_err(StoreError::statement("read a setting"))?;
        // With an empty key the hashes would be those that anybody can compute.
        let secret = row.and_then(|row| from_hex(&row.value)).filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| StoreError::Unreadable {
            of: format!("the setting `{PERSON_KEY}`"),
            source: serde::de::Error::custom("no hexadecimal digits"),
        })?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// Returns the hash of one person's key.
    pub(crate) fn of(&self, person: &str) -> String {
        to_hex(hmac::sign(&self.0, person.as_bytes()).as_ref())
    }
}

/// Lists all keys; the key that signs comes first.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn list_keys(store: &Store) -> Result<Vec<EvidenceKey>, StoreError> {
    let pairs = key_pairs(store).await?;
    Ok(pairs.iter().map(|pair| evidence_key(pair.public_key().as_ref())).collect())
}

/// Creates a key that signs from now on. Earlier keys remain listed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn rotate_key(store: &Store) -> Result<(), StoreError> {
    let newest = key_numbers(store).await?.into_iter().max().unwrap_or(0);
    make_secret(store, &key_setting(newest + 1)).await
}

/// Signs the page with the current key.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn sign_page(store: &Store, mut page: ExportPage) -> Result<ExportPage, StoreError> {
    if let Some(pair) = key_pairs(store).await?.first() {
        let EvidenceKey { key, public_key } = evidence_key(pair.public_key().as_ref());
        (page.seal.key, page.seal.public_key) = (key, public_key);
        page.seal.signature = to_hex(pair.sign(page.seal.signed_text().as_bytes()).as_ref());
    }
    Ok(page)
}

fn evidence_key(public_key: &[u8]) -> EvidenceKey {
    EvidenceKey { key: key_name(public_key), public_key: to_hex(public_key) }
}

fn key_setting(number: u32) -> String {
    format!("{KEY}{number:0DIGITS$}")
}

/// Returns the key pairs, newest first. Creates one if there is none.
async fn key_pairs(store: &Store) -> Result<Vec<Ed25519KeyPair>, StoreError> {
    let mut rows = key_rows(store).await?;
    if rows.is_empty() {
        make_secret(store, &key_setting(1)).await?;
        rows = self::key_rows(store).await?;
    }
    let pair = |row: setting::Model| Ed25519KeyPair::from_seed_unchecked(&from_hex(&row.value)?).ok();
    Ok(rows.into_iter().filter_map(pair).collect())
}

async fn key_numbers(store: &Store) -> Result<Vec<u32>, StoreError> {
    let rows = key_rows(store).await?;
    Ok(rows.iter().filter_map(|row| row.name.strip_prefix(KEY)?.parse().ok()).collect())
}

async fn key_rows(store: &Store) -> Result<Vec<setting::Model>, StoreError> {
    setting::Entity::find()
        .filter(setting::Column::Name.like(format!("{KEY}%")))
        .order_by_desc(setting::Column::Name)
        .all(store.writer())
        .await
        .map_err(StoreError::statement("read the keys of evidence"))
}

/// Creates a secret. If several replicas do so concurrently, the first secret is kept.
async fn make_secret(store: &Store, name: &str) -> Result<(), StoreError> {
    let secret: [u8; 32] = rand::random();
    let row = setting::Model { name: name.to_owned(), value: to_hex(&secret) };
    setting::Entity::insert_many([row.into_active_model().reset_all()])
        .on_conflict(OnConflict::column(setting::Column::Name).do_nothing().to_owned())
        .exec_without_returning(store.writer())
        .await
        .map(drop)
        .map_err(StoreError::statement("write a setting"))
}
