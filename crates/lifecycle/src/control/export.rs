//! Evidence for auditors: obligations as lines that are chained by hashes, in signed pages.
//!
//! Each line's hash covers the line before it. Each page's seal covers the page's place in the export: its beginning,
//! its end and its last hash. A line or a page that is changed, removed or moved is therefore detected. Everything
//! here is pure, so that a file can be verified without a running Usher.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The maximum number of lines in one page.
pub const EXPORT_LINES_MAX: u64 = 500;
/// The cursor at which the first page begins and the last one ends.
pub const EXPORT_EDGE: &str = "-";
/// The columns of a line. `person_hash` is keyed: a person has the same hash in every export of an installation.
pub const EXPORT_COLUMNS: [&str; 22] = [
    "id",
    "target",
    "person",
    "person_hash",
    "cause",
    "state",
    "said_at",
    "received_at",
    "effective_at",
    "decided_at",
    "due_at",
    "evidence",
    "evidence_at",
    "verified_at",
    "reopened_at",
    "ended_at",
    "waits_for",
    "overdue",
    "member_of",
    "other_accounts",
    "other_accounts_active",
    "other_accounts_gaps",
];
/// The number of columns in files that were made before other accounts were listed.
pub const EXPORT_COLUMNS_MIN: usize = 19;

/// Asks the mapper for a page of evidence; answered by an [`ExportPage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportRequest {
    /// Only obligations that were decided at this time or later (RFC 3339).
    pub from: String,
    /// Only obligations that were decided before this time (RFC 3339).
    pub to: String,
    /// Leave out the keys of people, and give only their keyed hashes.
    pub pseudonyms: bool,
    /// `upto` of the page before; [`EXPORT_EDGE`] for the first page.
    pub after: String,
}

/// A page of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExportPage {
    /// The lines, in order of the decision.
    pub lines: Vec<ExportLine>,
    /// The seal, which proves that the page is complete.
    pub seal: ExportSeal,
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportLine {
    /// The fields, in the order of [`EXPORT_COLUMNS`].
    pub fields: Vec<String>,
    /// The hash of this line and the one before it, in hexadecimal digits.
    pub hash: String,
}

/// An entry of the chain that records every change of an obligation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChainAnchor {
    /// The number of the entry, counted from 1; 0 if there is none.
    pub sequence: u64,
    /// The hash in hexadecimal digits; empty if there is no entry.
    pub hash: String,
}

/// Asks the mapper to verify the chain; answered by a [`ChainReport`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChainRequest {
    /// Entries that the chain had in the past, as files of evidence name them.
    pub anchors: Vec<ChainAnchor>,
}

/// The result of a verification of the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChainReport {
    /// The number of entries that are unchanged.
    pub entries: u64,
    /// The last entry of the chain.
    pub head: ChainAnchor,
    /// The first entry that was changed, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// The signed part of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExportSeal {
    /// The beginning of the requested period.
    pub from: String,
    /// The end of the requested period.
    pub to: String,
    /// `true` if people are named only by keyed hashes.
    pub pseudonyms: bool,
    /// The cursor at which the page begins.
    pub after: String,
    /// The cursor at which the page ends; [`EXPORT_EDGE`] for the last page.
    pub upto: String,
    /// The number of lines in the page.
    pub count: u64,
    /// The hash of the last line, or [`Self::beginning`] if the page has no lines.
    pub head: String,
    /// The last entry of the chain of obligation changes at the time of the export.
    #[serde(default)]
    pub chain: ChainAnchor,
    /// The time at which the page was made (RFC 3339).
    pub issued_at: String,
    /// The name of the key: the first 16 hexadecimal digits of the SHA-256 hash of the public key.
    pub key: String,
    /// The public key (Ed25519), in hexadecimal digits.
    pub public_key: String,
    /// The signature of [`Self::signed_text`], in hexadecimal digits.
    pub signature: String,
}

impl ExportSeal {
    /// Returns the hash that the first line of the page is chained to.
    pub fn beginning(&self) -> String {
        chain_hash("usher evidence 1", [&*self.from, &*self.to, &*self.pseudonyms.to_string(), &*self.after])
    }

    /// Returns the text that is signed.
    pub fn signed_text(&self) -> String {
        let (count, sequence) = (self.count.to_string(), self.chain.sequence.to_string());
        let anchor = [&*sequence, &*self.chain.hash];
        let own = [&*self.upto, &*count, &*self.head, &*self.issued_at, &*self.key];
        chain_hash(&self.beginning(), own.into_iter().chain(anchor))
    }
}

/// Returns the hash of `fields` chained to the hash `before`. Each field is hashed with its length, so that two
/// different lists cannot have the same hash.
pub fn chain_hash<'a>(before: &'a str, fields: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in std::iter::once(before).chain(fields) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// Returns the name of a public key.
pub fn key_name(public_key: &[u8]) -> String {
    hex::encode(Sha256::digest(public_key))[..16].to_owned()
}

/// The reason why a file of evidence is incomplete or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// The file has no page.
    #[error("there is no page")]
    Empty,
    /// A line differs from the signed one, or a line before it is missing.
    #[error("line {line} of page {page} was changed, or a line before it was removed, added or moved")]
    Line {
        /// The number of the page, counted from 1.
        page: usize,
        /// The number of the line in the page, counted from 1.
        line: usize,
    },
    /// The end of a page differs from the signed one.
    #[error("lines at the end of page {page} were removed or added")]
    Head {
        /// The number of the page, counted from 1.
        page: usize,
    },
    /// A page does not begin at the end of the page before it, or belongs to another export.
    #[error("a page before page {page} was removed, added or moved")]
    Page {
        /// The number of the page, counted from 1.
        page: usize,
    },
    /// The last page is missing.
    #[error("pages at the end were removed")]
    End,
}

/// Checks that all lines and pages are present and unchanged. The caller checks the signatures.
///
/// # Errors
/// Returns the first change that is found.
pub fn check_chain(pages: &[ExportPage]) -> Result<(), BrokenChain> {
    let first = &pages.first().ok_or(BrokenChain::Empty)?.seal;
    let mut after = EXPORT_EDGE;
    for (number, ExportPage { lines, seal }) in pages.iter().enumerate() {
        let page = number + 1;
        let is_of_this =
            (&seal.from, &seal.to, seal.pseudonyms) == (&first.from, &first.to, first.pseudonyms);
        let follows_the_end = number > 0 && after == EXPORT_EDGE;
        if !is_of_this || seal.after != after || follows_the_end {
            return Err(BrokenChain::Page { page });
        }
        let mut head = seal.beginning();
        for (at, line) in lines.iter().enumerate() {
            head = chain_hash(&head, line.fields.iter().map(String::as_str));
            if head != line.hash {
                return Err(BrokenChain::Line { page, line: at + 1 });
            }
        }
        if head != seal.head || seal.count != lines.len() as u64 {
            return Err(BrokenChain::Head { page });
        }
        after = &seal.upto;
    }
    if after == EXPORT_EDGE { Ok(()) } else { Err(BrokenChain::End) }
}

/// The keys that sign evidence or have signed it; the mapper's answer to [`super::verbs::EvidenceKeysVerb`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EvidenceKeys {
    /// The keys, newest first. The first one signs.
    pub keys: Vec<EvidenceKey>,
}

/// One key that signs evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EvidenceKey {
    /// The name of the key.
    pub key: String,
    /// The public key (Ed25519), in hexadecimal digits.
    pub public_key: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: &str, upto: &str, lines: &[&str]) -> ExportPage {
        let mut seal = ExportSeal { after: after.to_owned(), upto: upto.to_owned(), ..ExportSeal::default() };
        let mut head = seal.beginning();
        let mut out = Vec::new();
        for line in lines {
            head = chain_hash(&head, [*line]);
            out.push(ExportLine { fields: vec![(*line).to_owned()], hash: head.clone() });
        }
        (seal.head, seal.count) = (head, lines.len() as u64);
        ExportPage { lines: out, seal }
    }

    #[test]
    fn a_line_or_page_that_is_changed_removed_or_moved_shows() {
        let whole = [page("-", "b", &["1", "2", "3"]), page("b", "c", &["4"]), page("c", "-", &[])];
        assert_eq!(check_chain(&whole), Ok(()));
        assert_eq!(check_chain(&[]), Err(BrokenChain::Empty));
        let broken = |change: fn(&mut Vec<ExportPage>)| {
            let mut pages = whole.to_vec();
            change(&mut pages);
            check_chain(&pages).unwrap_err()
        };
        let line = |line| BrokenChain::Line { page: 1, line };
        assert_eq!(broken(|pages| pages[0].lines[1].fields[0].push('x')), line(2));
        assert_eq!(broken(|pages| drop(pages[0].lines.remove(0))), line(1));
        assert_eq!(broken(|pages| drop(pages[0].lines.remove(1))), line(2));
        assert_eq!(broken(|pages| pages[0].lines.swap(1, 2)), line(2));
        assert_eq!(broken(|pages| drop(pages[0].lines.pop())), BrokenChain::Head { page: 1 });
        assert_eq!(broken(|pages| drop(pages.remove(1))), BrokenChain::Page { page: 2 });
        assert_eq!(broken(|pages| drop(pages.remove(0))), BrokenChain::Page { page: 1 });
        assert_eq!(broken(|pages| drop(pages.pop())), BrokenChain::End);
        assert_eq!(broken(|pages| pages.push(pages[0].clone())), BrokenChain::Page { page: 4 });
    }

    #[test]
    fn every_part_of_a_seal_is_signed() {
        let seal = ExportSeal::default();
        let changes: [fn(&mut ExportSeal); 9] = [
            |seal| seal.from.push('x'),
            |seal| seal.to.push('x'),
            |seal| seal.pseudonyms = true,
            |seal| seal.after.push('x'),
            |seal| seal.upto.push('x'),
            |seal| seal.count = 1,
            |seal| seal.head.push('x'),
            |seal| seal.issued_at.push('x'),
            |seal| seal.key.push('x'),
        ];
        for change in changes {
            let mut other = seal.clone();
            change(&mut other);
            assert_ne!(other.signed_text(), seal.signed_text(), "{other:?}");
        }
    }
}
