//! Verbs `export_evidence`, `check_chain`, `evidence_keys` and `rotate_evidence_key`: signed evidence for auditors.

use lifecycle::export::{
    ChainReport, ChainRequest, EXPORT_EDGE, EXPORT_LINES_MAX, EvidenceKeys, ExportLine, ExportPage,
    ExportRequest, ExportSeal, chain_hash,
};
use lifecycle::{Actor, OtherAccount, OtherAccounts, unix_micros};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::evidence::{PersonHashes, chain, signing};
use crate::leavers::others;
use crate::rows::obligation::{Column, Entity, Model};
use crate::{moment_of, now};

impl MapperControl {
    /// Answers `evidence_keys`: lists the keys that sign evidence.
    pub(super) async fn evidence_keys(&self) -> Result<EvidenceKeys, MapperRefusal> {
        Ok(EvidenceKeys { keys: signing::list_keys(&self.parts.store).await? })
    }

    /// Answers `rotate_evidence_key`: evidence is signed with a new key from now on.
    pub(super) async fn rotate_evidence_key(&self, actor: &Actor) -> Result<EvidenceKeys, MapperRefusal> {
        signing::rotate_key(&self.parts.store).await?;
        tracing::info!(who = %actor.who, why = %actor.why, "evidence is signed with a new key");
        self.evidence_keys().await
    }

    /// Answers `check_chain`: verifies the stored chain of evidence.
    pub(super) async fn check_chain(&self, request: &ChainRequest) -> Result<ChainReport, MapperRefusal> {
        let report = chain::check_stored_chain(&self.parts.store, &request.anchors).await?;
        if let Some(broken) = &report.broken {
            tracing::error!(broken, "the chain of evidence is not as it was written");
        }
        Ok(report)
    }

    /// Answers `export_evidence`: one signed page of obligations that were decided in the requested period.
    pub(super) async fn export_evidence(&self, request: &ExportRequest) -> Result<ExportPage, MapperRefusal> {
        let (from, to) = (parse_instant(&request.from)?, parse_instant(&request.to)?);
        let mut query = Entity::find()
            .filter(Column::DecidedAt.gte(from))
            .filter(Column::DecidedAt.lt(to))
            .order_by_asc(Column::DecidedAt)
            .order_by_asc(Column::Id)
            .limit(EXPORT_LINES_MAX);
        if request.after != EXPORT_EDGE {
            query = query.filter(after_cursor(&request.after)?);
        }
        let rows =
            query.all(self.parts.store.reader()).await.map_err(StoreError::statement("read evidence"))?;
        let is_last = (rows.len() as u64) < EXPORT_LINES_MAX;
        let upto = rows.last().filter(|_| !is_last).map(|row| format!("{}.{}", row.decided_at, row.id));
        let hashes = PersonHashes::load(&self.parts.store).await?;
        let seal = ExportSeal {
            from: request.from.clone(),
            to: request.to.clone(),
            pseudonyms: request.pseudonyms,
            after: request.after.clone(),
            upto: upto.unwrap_or_else(|| EXPORT_EDGE.to_owned()),
            issued_at: format_moment(now()),
            ..ExportSeal::default()
        };
        let at = unix_micros(now());
        let known = others::of(self.parts.store.reader(), &rows).await?;
        let fields = |row: &Model| {
            let mut fields = evidence_fields(row, &hashes, request.pseudonyms, at);
            let is_account = row.member_of.is_empty() && row.ended_at.is_none();
            let key = (row.target.clone(), row.subject.clone());
            let other_accounts = known.get(&key).filter(|_| is_account);
            fields.extend(other_accounts_fields(other_accounts, request.pseudonyms));
            fields
        };
        let fields = rows.iter().map(fields).collect();
        let page =
            chain_page(ExportSeal { chain: chain::load_head(&self.parts.store).await?, ..seal }, fields);
        Ok(signing::sign_page(&self.parts.store, page).await?)
    }
}

/// Chains the lines by their hashes and completes the seal, except for the signature.
fn chain_page(mut seal: ExportSeal, lines: Vec<Vec<String>>) -> ExportPage {
    let mut head = seal.beginning();
    let mut chained = Vec::new();
    for fields in lines {
        head = chain_hash(&head, fields.iter().map(String::as_str));
        chained.push(ExportLine { fields, hash: head.clone() });
    }
    (seal.head, seal.count) = (head, chained.len() as u64);
    ExportPage { lines: chained, seal }
}

/// The fields of a line in the order of [`lifecycle::export::EXPORT_COLUMNS`], without the last three.
fn evidence_fields(row: &Model, hashes: &PersonHashes, pseudonyms: bool, at: i64) -> Vec<String> {
    let optional = |at: Option<i64>| at.map(moment_of).map(format_moment).unwrap_or_default();
    let always = |at: i64| format_moment(moment_of(at));
    vec![
        row.id.clone(),
        row.target.clone(),
        if pseudonyms { String::new() } else { row.subject.clone() },
        hashes.of(&row.subject),
        row.cause.clone(),
        row.state.clone(),
        optional(row.said_at),
        always(row.received_at),
        always(row.effective_at),
        always(row.decided_at),
        always(row.due_at),
        row.evidence.clone().unwrap_or_default(),
        optional(row.evidence_at),
        optional(row.verified_at),
        optional(row.reopened_at),
        optional(row.ended_at),
        row.waiting.clone().unwrap_or_default(),
        row.is_overdue(at).to_string(),
        row.member_of.clone(),
    ]
}

/// The last three of [`lifecycle::export::EXPORT_COLUMNS`]. A login identifies a person, so it is left out with pseudonyms.
fn other_accounts_fields(found: Option<&OtherAccounts>, pseudonyms: bool) -> [String; 3] {
    let Some(found) = found else { return Default::default() };
    let named = |account: &OtherAccount| {
        format!("{} ({}, {})", account.name(), account.state(), account.likeness.as_str())
    };
    let accounts: Vec<String> = found.accounts.iter().filter(|_| !pseudonyms).map(named).collect();
    let gaps: Vec<&str> = found.gaps.iter().map(|gap| gap.as_str()).collect();
    [accounts.join("; "), found.active().to_string(), gaps.join(" ")]
}

fn format_moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

fn parse_instant(text: &str) -> Result<i64, MapperRefusal> {
    let at = OffsetDateTime::parse(text, &Rfc3339);
    at.map(unix_micros)
        .map_err(|_| wrong_request(format!("`{text}` is not a moment like 2026-07-01T00:00:00Z")))
}

/// Returns the condition for rows after a cursor of the form `DECIDED_AT.ID`.
fn after_cursor(cursor: &str) -> Result<Condition, MapperRefusal> {
    let parsed = cursor.split_once('.').and_then(|(at, id)| Some((at.parse::<i64>().ok()?, id)));
    let (at, id) = parsed.ok_or_else(|| wrong_request("`after` is not the `upto` of a page"))?;
    let beside = Condition::all().add(Column::DecidedAt.eq(at)).add(Column::Id.gt(id));
    Ok(Condition::any().add(Column::DecidedAt.gt(at)).add(beside))
}
