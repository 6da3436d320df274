//! What separates the fields of a file.

use csv_core::{ReadRecordResult, ReaderBuilder};
use serde::{Deserialize, Serialize};

/// What separates fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldSeparator {
    /// Whichever of the others makes the first rows as long as the header; a comma if none does.
    #[default]
    Detect,
    /// `,`
    #[serde(alias = ",")]
    Comma,
    /// `;`
    #[serde(alias = ";")]
    Semicolon,
    /// A tabulator.
    #[serde(alias = "\t")]
    Tab,
    /// `|`
    #[serde(alias = "|")]
    Pipe,
}

/// How many rows are looked at.
const SAMPLE_ROWS: usize = 50;

impl FieldSeparator {
    const CANDIDATES: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// The byte; of [`FieldSeparator::Detect`] that of a comma.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Detect | Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }

    /// The separator of a file that begins like this.
    pub(super) fn detect(sample: &[u8], is_all: bool) -> Self {
        let scored = Self::CANDIDATES.into_iter().filter_map(|separator| {
            let counts = field_counts(sample, separator, is_all);
            let (header, rows) = counts.split_first()?;
            let fitting = rows.iter().filter(|fields| *fields == header).count();
            // A share of rows in thousandths; a header alone counts as if nothing spoke against it.
            let share = (fitting * 1_000).checked_div(rows.len()).unwrap_or(1_000);
            (*header > 1).then_some((separator, (share, *header)))
        });
        // The first of equals, in the order above.
        let best = scored.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(Self::Comma, |(separator, _)| separator)
    }
}

/// How many fields each of the first rows has with this separator. A row that may go on after the sample does not count.
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
