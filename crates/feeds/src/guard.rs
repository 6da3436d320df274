//! Whether a full feed can be believed. Only then has somebody who is not in it left.

use serde::{Deserialize, Serialize};

/// So many people may always be replaced by as many others: small companies have departures, too.
const REPLACED_ALWAYS: u64 = 2;

/// What a full feed must look like before absence counts. Whichever limit is exceeded holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedGuard {
    /// So many readable rows it must have.
    pub min_rows: u64,
    /// So many fewer people than the last accepted file may it have, in percent of those.
    pub shrink_percent_max: u8,
    /// So many of its rows may be bad, in percent.
    pub bad_rows_percent_max: u8,
    /// So many rows may repeat the key of another.
    pub duplicate_keys_max: u64,
    /// Whether it must come with a checksum.
    pub checksum_required: bool,
}

/// The shares are ours: a tenth of a company does not leave in a day, and a file with one bad row in twenty was not
/// written by a program that works.
impl Default for FeedGuard {
    fn default() -> Self {
        Self {
            min_rows: 1,
            shrink_percent_max: 10,
            bad_rows_percent_max: 5,
            duplicate_keys_max: 0,
            checksum_required: false,
        }
    }
}

/// What was seen of a feed. A [`crate::RowTally`] counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedSeen {
    /// Rows, good and bad; without header and trailer.
    pub rows: u64,
    /// Rows that say nothing because something is wrong with them.
    pub bad_rows: u64,
    /// People.
    pub keys_distinct: u64,
    /// Whether all of the file was there.
    pub complete: bool,
    /// How many rows the trailer says there are, if the file has one.
    pub trailer_count: Option<u64>,
    /// Whether the checksum is the right one, if one was given.
    pub checksum_ok: Option<bool>,
}

impl FeedSeen {
    fn readable(&self) -> u64 {
        self.rows.saturating_sub(self.bad_rows)
    }
}

/// Whether a feed can be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "verdict")]
pub enum FeedVerdict {
    /// Who is not in it has left.
    Believed,
    /// Who is not in it is left alone until a human has looked.
    Held {
        /// At least one: the figures, and what to do.
        reasons: Vec<String>,
    },
}

impl FeedGuard {
    /// Judges a feed by itself and against the last one that was accepted.
    pub fn judge(&self, now: &FeedSeen, last: Option<&FeedSeen>) -> FeedVerdict {
        let of_rows = [self.too_few(now), last.and_then(|last| self.shrunk(now, last))];
        let reasons = [
            incomplete_reason(now),
            self.wrong_checksum(now),
            wrong_count(now),
            empty_reason(now),
            self.too_many_bad(now),
            self.too_many_duplicates(now),
        ];
        // Of an empty file the rest goes without saying.
        let of_rows = of_rows.into_iter().filter(|_| now.readable() > 0);
        let reasons: Vec<String> = reasons.into_iter().chain(of_rows).flatten().collect();
        if reasons.is_empty() { FeedVerdict::Believed } else { FeedVerdict::Held { reasons } }
    }

    /// As [`Self::judge`], and by who is lost: `missing` of the people that the feed listed before as employed are not in it,
    /// however many others are new.
    pub fn judge_losses(&self, now: &FeedSeen, last: Option<&FeedSeen>, missing: u64) -> FeedVerdict {
        let verdict = self.judge(now, last);
        match last.and_then(|last| self.replaced(now, last, missing)) {
            Some(reason) if verdict == FeedVerdict::Believed => FeedVerdict::Held { reasons: vec![reason] },
            _ => verdict,
        }
    }

    fn replaced(&self, now: &FeedSeen, last: &FeedSeen, missing: u64) -> Option<String> {
        let (before, max) = (last.keys_distinct, self.shrink_percent_max);
        let new = now.keys_distinct.saturating_sub(before.saturating_sub(missing));
        let is_much = missing > REPLACED_ALWAYS && exceeds_share(missing, before, max);
        is_much.then(|| {
            format!(
                "{missing} people of the feed are not in the file ({} of the {before} in the last accepted one), and {max} % \
                 are allowed; {new} keys are new: if people have new keys, or keys are only written otherwise (zeros in \
                 front), correct the file; if the missing ones left, accept it or raise `shrink_percent_max`",
                format_share(missing, before)
            )
        })
    }

    fn wrong_checksum(&self, now: &FeedSeen) -> Option<String> {
        match now.checksum_ok {
            Some(true) => None,
            Some(false) => Some(
                "the SHA-256 of the file is not the one that was given: send the file and its checksum again"
                    .to_owned(),
            ),
            None => self
                .checksum_required
                .then(|| "no checksum was given: send one, or set `checksum_required` to false".to_owned()),
        }
    }

    fn too_few(&self, now: &FeedSeen) -> Option<String> {
        let (readable, min) = (now.readable(), self.min_rows);
        (readable < min).then(|| {
            format!(
                "the file has {readable} readable rows, and at least {min} are expected: send the whole file, or \
                 lower `min_rows`"
            )
        })
    }

    fn shrunk(&self, now: &FeedSeen, last: &FeedSeen) -> Option<String> {
        let (people, before, max) = (now.keys_distinct, last.keys_distinct, self.shrink_percent_max);
        let fewer = before.saturating_sub(people);
        exceeds_share(fewer, before, max).then(|| {
            format!(
                "the file has {people} people, and the last accepted one had {before}: {fewer} fewer ({}), and \
                 {max} % are allowed: if they left, accept the file or raise `shrink_percent_max`; if not, send the \
                 whole file",
                format_share(fewer, before)
            )
        })
    }

    fn too_many_bad(&self, now: &FeedSeen) -> Option<String> {
        let FeedSeen { rows, bad_rows, .. } = *now;
        let max = self.bad_rows_percent_max;
        exceeds_share(bad_rows, rows, max).then(|| {
            format!(
                "{bad_rows} of {rows} rows are bad ({}), and {max} % are allowed: correct them (each is listed with \
                 its line), or raise `bad_rows_percent_max`",
                format_share(bad_rows, rows)
            )
        })
    }

    fn too_many_duplicates(&self, now: &FeedSeen) -> Option<String> {
        let duplicates = now.readable().saturating_sub(now.keys_distinct);
        let max = self.duplicate_keys_max;
        (duplicates > max).then(|| {
            format!(
                "{duplicates} of {} rows repeat the key of another, and {max} are allowed: give each person one row, \
                 take more columns for `key`, or raise `duplicate_keys_max`",
                now.readable()
            )
        })
    }
}

fn incomplete_reason(now: &FeedSeen) -> Option<String> {
    (!now.complete).then(|| format!("the file is not complete: {} rows came; send it again", now.rows))
}

fn wrong_count(now: &FeedSeen) -> Option<String> {
    let (counted, rows) = (now.trailer_count?, now.rows);
    (counted != rows).then(|| {
        format!("the trailer counts {counted} rows, and the file has {rows}: send the whole file again")
    })
}

fn empty_reason(now: &FeedSeen) -> Option<String> {
    (now.readable() == 0).then(|| {
        format!("the file has no readable row ({} rows, all of them bad): send the whole file", now.rows)
    })
}

/// Whether a share is larger than allowed.
fn exceeds_share(part: u64, of: u64, percent_max: u8) -> bool {
    u128::from(part) * 100 > u128::from(of) * u128::from(percent_max)
}

/// A share, rounded up to a hundredth of a percent so that it is never written as the limit that it exceeds.
fn format_share(part: u64, of: u64) -> String {
    let hundredths = (u128::from(part) * 10_000).div_ceil(u128::from(of).max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}
