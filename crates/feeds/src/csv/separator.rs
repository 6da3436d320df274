//! The separator of the fields of a file, and its detection.

use csv_core::{ReadRecordResult, ReaderBuilder};
use serde::{Deserialize, Serialize};

/// The separator of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldSeparator {
    /// The separator for which the most of the first rows have as many fields as the header; a comma if there is none.
    #[default]
    Detect,
    /// `,`
    #[serde(alias = ",")]
    Comma,
    /// `;`
    #[serde(alias = ";")]
    Semicolon,
    /// A tab.
    #[serde(alias = "\t")]
    Tab,
    /// `|`
    #[serde(alias = "|")]
    Pipe,
}

/// The number of rows that are used for the detection.
const SAMPLE_ROWS: usize = 50;

impl FieldSeparator {
    const CANDIDATES: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// Returns the separator as a byte. For [`FieldSeparator::Detect`] it is a comma.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Detect | Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }

    /// Detects the separator of a file that begins with `sample`.
    pub(super) fn detect(sample: &[u8], is_all: bool) -> Self {
        let scored = Self::CANDIDATES.into_iter().filter_map(|separator| {
            let counts = field_counts(sample, separator, is_all);
            let (header, rows) = counts.split_first()?;
            let fitting = rows.iter().filter(|fields| *fields == header).count();
            // The share of matching rows in thousandths. A header without rows counts as a full match.
            let share = (fitting * 1_000).checked_div(rows.len()).unwrap_or(1_000);
            (*header > 1).then_some((separator, (share, *header)))
        });
        // Among equals, the first in the order above.
        let best = scored.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(Self::Comma, |(separator, _)| separator)
    }
}

/// Returns the number of fields in each of the first rows for this separator. A row that may continue after the sample does not count.
fn field_counts(sample: &[u8], separator: FieldSeparator, is_all: bool) -> Vec<usize> {
    let mut reader = ReaderBuilder::new().delimiter(separator.byte()).build();
    let (mut text, mut ends) = ([0u8; 4096], [0usize; 64]);
    let (mut counts, mut fields, mut at) = (Vec::new(), 0, 0);
    while counts.len() <= SAMPLE_ROWS && (at < sample.len() || is_all) {
        let (result, read, _, ended) = reader.read_record(&sample[at..], &mut text, &mut ends);
        at += read;
        fields += ended;
        match result {
            ReadRecordResult::Record => counts.push(std::mem::take(&mut fields)),
            ReadRecordResult::End => break,
            ReadRecordResult::InputEmpty
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull => {}
        }
    }
    counts
}
