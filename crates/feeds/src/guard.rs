//! The check of a full feed. A person who is not in it, or turns inactive in it, has left only if the feed passes the check.

use serde::{Deserialize, Serialize};

/// The number of people who may always leave by a file, because small companies have departures, too.
const LEAVE_ALWAYS: u64 = 2;

/// The limits that a full feed must meet before absence and departures count. If any limit is exceeded, the feed is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedGuard {
    /// The minimum number of readable rows.
    pub min_rows: u64,
    /// The maximum decrease in people compared with the last accepted file, in percent of that file; and the maximum share
    /// of people who leave by the file, because they are not in it or turn inactive in it.
    pub shrink_percent_max: u8,
    /// The maximum share of bad rows, in percent.
    pub bad_rows_percent_max: u8,
    /// The maximum number of rows that repeat the key of another row.
    pub duplicate_keys_max: u64,
    /// `true` if the file must come with a checksum.
    pub checksum_required: bool,
}

/// The defaults are Usher's own choice: a tenth of a company does not leave in a day, and a file with one bad row in
/// twenty was not written by a working program.
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

/// The counts of a feed. A [`crate::RowTally`] counts them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedSeen {
    /// The number of rows, good and bad, without header and trailer.
    pub rows: u64,
    /// The number of rows that cannot be used because they have a fault.
    pub bad_rows: u64,
    /// The number of distinct people.
    pub keys_distinct: u64,
    /// `true` if the file was complete.
    pub complete: bool,
    /// The number of rows according to the trailer, if the file has one.
    pub trailer_count: Option<u64>,
    /// `true` if the checksum matches, `false` if it does not; `None` if none was given.
    pub checksum_ok: Option<bool>,
}

/// The people who leave if a feed is accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeedLosses {
    /// The number of people whom the feed listed before as employed, and who are not in it.
    pub missing: u64,
    /// The number of people who work here until now, and whom their rows state to have left.
    pub inactive: u64,
    /// The number of people whom the feed lists as employed, or listed so before: those who stay, and those who leave.
    pub employed: u64,
}

impl FeedSeen {
    fn readable(&self) -> u64 {
        self.rows.saturating_sub(self.bad_rows)
    }
}

/// The result of the check of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "verdict")]
pub enum FeedVerdict {
    /// The feed is accepted: people who are not in it have left.
    Believed,
    /// The feed is held: people who are not in it are left alone until an operator has reviewed it.
    Held {
        /// The reasons, at least one: the figures, and the remedy.
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
        // For an empty file, the reasons about its rows add nothing.
        let of_rows = of_rows.into_iter().filter(|_| now.readable() > 0);
        let reasons: Vec<String> = reasons.into_iter().chain(of_rows).flatten().collect();
        if reasons.is_empty() { FeedVerdict::Believed } else { FeedVerdict::Held { reasons } }
    }

    /// Judges a feed as [`Self::judge`] does, and also by the people who would leave because of it, regardless of the number
    /// of new people.
    pub fn judge_losses(&self, now: &FeedSeen, last: Option<&FeedSeen>, losses: &FeedLosses) -> FeedVerdict {
        let verdict = self.judge(now, last);
        let Some(reason) = self.lost(now, last, losses) else { return verdict };
        match verdict {
            FeedVerdict::Believed => FeedVerdict::Held { reasons: vec![reason] },
            // The reasons tell the missing people already.
            held if losses.inactive == 0 => held,
            FeedVerdict::Held { mut reasons } => {
                reasons.push(reason);
                FeedVerdict::Held { reasons }
            }
        }
    }

    /// Returns the reason if too many people would leave.
    fn lost(&self, now: &FeedSeen, last: Option<&FeedSeen>, losses: &FeedLosses) -> Option<String> {
        let FeedLosses { missing, inactive, .. } = *losses;
        let max = self.shrink_percent_max;
        let lost = missing + inactive;
        // A file may also list people who left long ago, so the people in it are not all employed.
        let of = last.map_or(losses.employed, |last| last.keys_distinct.min(losses.employed));
        if lost <= LEAVE_ALWAYS || !exceeds_share(lost, of, max) {
            return None;
        }
        let share = format_share(lost, of);
        if inactive > 0 {
            return Some(format!(
                "{inactive} people turn inactive in the file, and {missing} are not in it ({share} of the {of} who work \
                 here by the feed), and {max} % are allowed: if a status is only written otherwise, correct the file or \
                 name the word in `mapping.words`; if they left, accept it or raise `shrink_percent_max`"
            ));
        }
        let before = last.map_or(losses.employed, |last| last.keys_distinct);
        let new = now.keys_distinct.saturating_sub(before.saturating_sub(missing));
        Some(format!(
            "{missing} people of the feed are not in the file ({share} of the {of} who work here by the feed), and \
             {max} % are allowed; {new} keys are new: if people have new keys, or keys are only written otherwise \
             (zeros in front), correct the file; if the missing ones left, accept it or raise `shrink_percent_max`"
        ))
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

/// Returns whether a share is larger than allowed.
fn exceeds_share(part: u64, of: u64, percent_max: u8) -> bool {
    u128::from(part) * 100 > u128::from(of) * u128::from(percent_max)
}

/// Returns a share, rounded up to a hundredth of a percent, so that it never looks equal to the limit that it exceeds.
fn format_share(part: u64, of: u64) -> String {
    let hundredths = (u128::from(part) * 10_000).div_ceil(u128::from(of).max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}
