//! The keys that sign evidence, and the key of the person hashes. They are stored in the mapper's settings, so that all
//! replicas share them and backups contain them.

use lifecycle::export::{EvidenceKey, ExportPage, key_name};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use store::{Store, StoreError};

use crate::rows::setting;
use crate::unreadable::{StateKind, UnreadableStates};

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
        let secret = row.and_then(|row| hex::decode(&row.value).ok()).filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| unreadable_key(PERSON_KEY))?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// Returns the hash of one person's key.
    pub(crate) fn of(&self, person: &str) -> String {
        hex::encode(hmac::sign(&self.0, person.as_bytes()).as_ref())
    }
}

/// Lists all keys; the key that signs comes first. A key that cannot be read is listed in the quarantine.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn list_keys(store: &Store) -> Result<Vec<EvidenceKey>, StoreError> {
    let rows = signing_rows(store).await?;
    let pairs = rows.iter().filter_map(|row| key_pair(row).ok());
    let keys = pairs.map(|pair| evidence_key(pair.public_key().as_ref())).collect();
    list_unreadable(store, &rows).await?;
    Ok(keys)
}

/// Creates a key that signs from now on. Earlier keys remain listed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn rotate_key(store: &Store) -> Result<(), StoreError> {
    let newest = key_numbers(store).await?.into_iter().max().unwrap_or(0);
    make_secret(store, &key_setting(newest + 1)).await
}

/// Signs the page with the current key. An older key never signs instead of it: the rotation may have been necessary.
///
/// # Errors
/// Returns an error if the database fails, and [`StoreError::Unreadable`] if the current key cannot be read: the key is
/// then listed in the quarantine, and a rotation creates another one.
pub(crate) async fn sign_page(store: &Store, mut page: ExportPage) -> Result<ExportPage, StoreError> {
    let rows = signing_rows(store).await?;
    list_unreadable(store, &rows).await?;
    if let Some(row) = rows.first() {
        let pair = key_pair(row)?;
        let EvidenceKey { key, public_key } = evidence_key(pair.public_key().as_ref());
        (page.seal.key, page.seal.public_key) = (key, public_key);
        page.seal.signature = hex::encode(pair.sign(page.seal.signed_text().as_bytes()).as_ref());
    }
    Ok(page)
}

fn evidence_key(public_key: &[u8]) -> EvidenceKey {
    EvidenceKey { key: key_name(public_key), public_key: hex::encode(public_key) }
}

fn key_setting(number: u32) -> String {
    format!("{KEY}{number:0DIGITS$}")
}

/// Returns whether a key that is listed in the quarantine can be read by now.
///
/// # Errors
/// Returns an error if the database fails, or if the key still cannot be read.
pub(crate) async fn check_key(store: &Store, name: &str) -> Result<(), StoreError> {
    match key_rows(store).await?.iter().find(|row| row.name == name) {
        Some(row) => key_pair(row).map(drop),
        None => Ok(()),
    }
}

/// Returns the stored keys, newest first. Creates one if there is none.
async fn signing_rows(store: &Store) -> Result<Vec<setting::Model>, StoreError> {
    let rows = key_rows(store).await?;
    if !rows.is_empty() {
        return Ok(rows);
    }
    make_secret(store, &key_setting(1)).await?;
    key_rows(store).await
}

fn key_pair(row: &setting::Model) -> Result<Ed25519KeyPair, StoreError> {
    let seed = hex::decode(&row.value).ok();
    let pair = seed.and_then(|seed| Ed25519KeyPair::from_seed_unchecked(&seed).ok());
    pair.ok_or_else(|| unreadable_key(&row.name))
}

fn unreadable_key(name: &str) -> StoreError {
    let source = serde::de::Error::custom("it is no key in hexadecimal digits");
    StoreError::Unreadable { of: format!("the setting `{name}`"), source }
}

/// Lists the keys that cannot be read in the quarantine.
async fn list_unreadable(store: &Store, rows: &[setting::Model]) -> Result<(), StoreError> {
    let mut unreadable = UnreadableStates::default();
    for row in rows {
        if let Err(error) = key_pair(row) {
            unreadable.note(StateKind::EvidenceKey, &[&row.name], &error);
        }
    }
    unreadable.list(store).await
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
    let row = setting::Model { name: name.to_owned(), value: hex::encode(secret) };
    setting::Entity::insert_many([row.into_active_model().reset_all()])
        .on_conflict(OnConflict::column(setting::Column::Name).do_nothing().to_owned())
        .exec_without_returning(store.writer())
        .await
        .map(drop)
        .map_err(StoreError::statement("write a setting"))
}
