//! Evidence files: written by `usher leavers export`, verified by `usher leavers verify` without a running Usher.

mod csv;

use anyhow::{Context as _, bail};
use lifecycle::export::{ChainAnchor, EXPORT_COLUMNS, EXPORT_COLUMNS_MIN, ExportPage, check_chain, key_name};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// The format name in an evidence file.
const FORMAT: &str = "usher-evidence-1";

/// An evidence file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFile {
    format: String,
    columns: Vec<String>,
    /// The pages, in order.
    pub pages: Vec<ExportPage>,
}

/// The result for an intact evidence file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEvidence {
    /// The number of lines.
    pub lines: usize,
    /// Names of the keys that signed the file.
    pub keys: Vec<String>,
    /// `true` if every key is one of the trusted keys.
    pub is_trusted: bool,
}

impl EvidenceFile {
    /// Creates a file with these pages.
    pub fn new(pages: Vec<ExportPage>) -> Self {
        Self { format: FORMAT.to_owned(), columns: EXPORT_COLUMNS.map(str::to_owned).to_vec(), pages }
    }

    /// Parses a file in either format.
    ///
    /// # Errors
    /// Returns an error if the text has neither format.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        if !text.trim_start().starts_with('{') {
            return csv::parse_csv(text).map(Self::new);
        }
        let file: Self = serde_json::from_str(text).context("this is no file of evidence")?;
        if file.format != FORMAT {
            bail!("this file is of the format `{}`; this usher knows `{FORMAT}`", file.format);
        }
        Ok(file)
    }

    /// Returns the end of the chain of evidence at the time of the last page.
    pub fn anchor(&self) -> ChainAnchor {
        self.pages.last().map(|page| page.seal.chain.clone()).unwrap_or_default()
    }

    /// Returns the file as JSON.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("evidence is plain data");
        text.push('\n');
        text
    }

    /// Returns the file as comma-separated values.
    pub fn to_csv(&self) -> String {
        csv::csv_text(&self.pages)
    }

    /// Verifies chain and signatures. `trusted` are public keys in hexadecimal digits, or the first digits of their hashes.
    ///
    /// # Errors
    /// Returns an error if the content does not match its signature, or if a key is not one of the trusted ones.
    pub fn verify(&self, trusted: &[String]) -> anyhow::Result<VerifiedEvidence> {
        let count = self.columns.len();
        if count < EXPORT_COLUMNS_MIN || EXPORT_COLUMNS.get(..count) != Some(&*as_names(&self.columns)) {
            bail!("the columns are not those of `{FORMAT}`");
        }
        check_chain(&self.pages)?;
        let mut keys: Vec<String> = Vec::new();
        for (number, page) in self.pages.iter().enumerate() {
            let seal = &page.seal;
            let page = number + 1;
            let public_key = hex::decode(&seal.public_key).unwrap_or_default();
            let signature = hex::decode(&seal.signature).unwrap_or_default();
            let is_signed = UnparsedPublicKey::new(&ED25519, &public_key)
                .verify(seal.signed_text().as_bytes(), &signature)
                .is_ok();
            if !is_signed || key_name(&public_key) != seal.key {
                bail!("the signature of page {page} is not right");
            }
            let is_trusted =
                trusted.iter().any(|key| key.eq_ignore_ascii_case(&seal.public_key) || **key == seal.key);
            if !trusted.is_empty() && !is_trusted {
                bail!("page {page} is signed with the key {}, which is none of the trusted ones", seal.key);
            }
            if !keys.contains(&seal.key) {
                keys.push(seal.key.clone());
            }
        }
        let lines = self.pages.iter().map(|page| page.lines.len()).sum();
        Ok(VerifiedEvidence { lines, keys, is_trusted: !trusted.is_empty() })
    }
}

fn as_names(columns: &[String]) -> Vec<&str> {
    columns.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use lifecycle::export::{ExportLine, ExportSeal, chain_hash};
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn pair(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    fn signed(pair: &Ed25519KeyPair) -> EvidenceFile {
        signed_with(pair, EXPORT_COLUMNS.len())
    }

    fn signed_with(pair: &Ed25519KeyPair, columns: usize) -> EvidenceFile {
        let mut seal = ExportSeal { after: "-".into(), upto: "-".into(), count: 2, ..ExportSeal::default() };
        let mut fields = EXPORT_COLUMNS[..columns].iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        fields[2] = "=E-1, \"of\" Example\nOrg".to_owned();
        let first = chain_hash(&seal.beginning(), fields.iter().map(String::as_str));
        let second = chain_hash(&first, fields.iter().map(String::as_str));
        let line = |hash: &String| ExportLine { fields: fields.clone(), hash: hash.clone() };
        let lines = vec![line(&first), line(&second)];
        seal.head = second;
        let public_key = pair.public_key().as_ref();
        (seal.public_key, seal.key) = (hex::encode(public_key), key_name(public_key));
        seal.signature = hex::encode(pair.sign(seal.signed_text().as_bytes()).as_ref());
        EvidenceFile::new(vec![ExportPage { lines, seal }])
    }

    #[test]
    fn a_file_is_verified_in_both_formats_and_only_with_a_key_that_is_trusted() {
        let file = signed(&pair(1));
        for text in [file.to_json(), file.to_csv()] {
            let read = EvidenceFile::parse(&text).unwrap();
            assert_eq!(read, file, "{text}");
            let verified = read.verify(&[]).unwrap();
            assert_eq!((verified.lines, verified.is_trusted), (2, false));
            assert!(read.verify(&[hex::encode(pair(1).public_key().as_ref())]).unwrap().is_trusted);
            let error = read.verify(&[hex::encode(pair(2).public_key().as_ref())]).unwrap_err().to_string();
            assert!(error.contains("none of the trusted"), "{error}");
        }
    }

    #[test]
    fn a_file_from_before_other_accounts_were_listed_is_still_verified() {
        let mut file = signed_with(&pair(1), EXPORT_COLUMNS_MIN);
        let csv = file.to_csv().replacen(",other_accounts,other_accounts_active,other_accounts_gaps", "", 1);
        file.columns.truncate(EXPORT_COLUMNS_MIN);
        for text in [file.to_json(), csv] {
            assert_eq!(EvidenceFile::parse(&text).and_then(|file| file.verify(&[])).unwrap().lines, 2);
        }
        file.columns.truncate(EXPORT_COLUMNS_MIN - 1);
        assert!(file.verify(&[]).is_err(), "a column is missing");
    }

    #[test]
    fn a_file_that_was_changed_or_signed_by_another_is_refused() {
        let whole = signed(&pair(1));
        let refused = |change: fn(&mut EvidenceFile)| {
            let mut file = whole.clone();
            change(&mut file);
            file.verify(&[]).unwrap_err().to_string()
        };
        assert!(refused(|file| drop(file.pages[0].lines.remove(0))).contains("removed"));
        assert!(refused(|file| file.pages[0].lines[0].fields[2].push('x')).contains("changed"));
        assert!(refused(|file| file.pages[0].seal.issued_at.push('x')).contains("signature"));
        assert!(
            refused(|file| file.pages[0].seal.public_key = hex::encode(pair(2).public_key().as_ref()))
                .contains("signature")
        );
        let cut: String = whole.to_csv().lines().skip(2).map(|line| format!("{line}\r\n")).collect();
        assert!(EvidenceFile::parse(&cut).and_then(|file| file.verify(&[])).is_err());
        EvidenceFile::parse("no evidence").unwrap_err();
    }
}
