//! No bytes cause a panic, and written files are read correctly.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Read;

use feeds::{CsvOptions, CsvReader, FeedMapping, FieldSeparator, FileEncoding, RowTally, TrailerRow};
use proptest::prelude::*;
use time::OffsetDateTime;

/// Returns its bytes in small pieces, as a socket does.
struct Pieces<'b>(&'b [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.1.min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(bytes);
        buffer[..bytes].copy_from_slice(now);
        self.0 = later;
        Ok(bytes)
    }
}

fn separators() -> impl Strategy<Value = FieldSeparator> {
    proptest::sample::select(vec![
        FieldSeparator::Detect,
        FieldSeparator::Comma,
        FieldSeparator::Semicolon,
        FieldSeparator::Tab,
        FieldSeparator::Pipe,
    ])
}

fn encodings() -> impl Strategy<Value = FileEncoding> {
    let names =
        ["detect", "utf-8", "utf-16le", "utf-16be", "windows-1252", "shift_jis", "iso-2022-jp", "gb18030"];
    proptest::sample::select(names.to_vec()).prop_map(|name| FileEncoding::try_from(name.to_owned()).unwrap())
}

/// Returns bytes that are mostly significant to a reader of CSV.
fn files() -> impl Strategy<Value = Vec<u8>> {
    let pieces = proptest::sample::select(vec![
        &b"a"[..],
        b"id",
        b"TRAILER",
        b"7",
        b",",
        b";",
        b"\t",
        b"|",
        b"\"",
        b"\"\"",
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        b" ",
        b"\xEF\xBB\xBF",
        b"\xFF\xFE",
        b"\xFE\xFF",
        b"\xC3",
        b"\xAB",
        b"\xC3\xAB",
        b"\xE2\x82\xAC",
        b"\xF0\x9F",
        b"\xFF",
        b"\xD8\x3D",
        b"\x1B$B",
    ]);
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..400),
        proptest::collection::vec(pieces, 0..200).prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_bytes_panic(bytes in files(), separator in separators(), encoding in encodings(), piece in 1usize..9) {
        let trailer = Some(TrailerRow { marker: "TRAILER".to_owned() });
        let options = CsvOptions { encoding, separator, field_bytes_max: 20, trailer };
        let mut all = b"id,a\n".to_vec();
        all.extend_from_slice(&bytes);
        for bytes in [&bytes, &all] {
            let Ok(mut csv) = CsvReader::open(Pieces(bytes, piece), &options) else { continue };
            let yaml = "{ key: id, attributes: { x: '[a]' }, effective_at: '[a]', active: 'CBool(Not([a]))' }";
            let mapping: FeedMapping = serde_saphyr::from_str(yaml).unwrap();
            let compiled = mapping.compile().unwrap();
            let header = csv.header().clone();
            let Ok(bound) = compiled.bind(&header) else { csv.by_ref().for_each(drop); continue };
            let mut tally = RowTally::default();
            let mut line = 0;
            for row in csv.by_ref() {
                let at = row.as_ref().map_or_else(|error| error.line, |row| row.line());
                prop_assert!(at > line);
                line = at;
                tally.count(&row.and_then(|row| bound.read(&row, OffsetDateTime::UNIX_EPOCH)));
            }
            let end = csv.finish();
            prop_assert_eq!(end.bytes, bytes.len() as u64);
            let seen = tally.seen(&end, None);
            prop_assert!(seen.keys_distinct + seen.bad_rows <= seen.rows);
        }
    }

    #[test]
    fn no_text_of_a_mapping_panics(texts in proptest::array::uniform4(".{0,20}"), name in "[a-c ]{0,3}") {
        let [attribute, active, effective_at, separator] = texts;
        let mapping = FeedMapping {
            key: feeds::KeyColumns(vec![name.clone(), "a".to_owned()]),
            key_separator: separator,
            attributes: [(name, attribute)].into(),
            active: Some(active),
            operation: None,
            effective_at: Some(effective_at),
            dates: readings::DateForms::default(),
            words: readings::WordLists::default(),
        };
        if let Ok(compiled) = mapping.compile() {
            let csv = CsvReader::open(&b"a,b,c\n1,2,3\n"[..], &CsvOptions::default()).unwrap();
            let header = csv.header().clone();
            if let Ok(bound) = compiled.bind(&header) {
                csv.flatten().for_each(|row| drop(bound.read(&row, OffsetDateTime::UNIX_EPOCH)));
            }
        }
    }
}

/// The ways to write the same text.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Written {
    Utf8,
    Utf8WithMark,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

const WRITTEN: [Written; 5] =
    [Written::Utf8, Written::Utf8WithMark, Written::Utf16Le, Written::Utf16Be, Written::Windows1252];

fn write(text: &str, written: Written) -> Vec<u8> {
    let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    match written {
        Written::Utf8 => text.as_bytes().to_vec(),
        Written::Utf8WithMark => [&b"\xEF\xBB\xBF"[..], text.as_bytes()].concat(),
        Written::Utf16Le => [&b"\xFF\xFE"[..], &wide(u16::to_le_bytes)].concat(),
        Written::Utf16Be => [&b"\xFE\xFF"[..], &wide(u16::to_be_bytes)].concat(),
        Written::Windows1252 => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
    }
}

/// Returns letters that Windows-1252 has, with all characters that CSV must quote.
fn cell() -> impl Strategy<Value = String> {
    let letters = "abcxyz 0,;|\t\"\n\r'=äßéÿŒ€";
    proptest::collection::vec(proptest::sample::select(letters.chars().collect::<Vec<_>>()), 0..12)
        .prop_map(|letters| letters.into_iter().collect())
}

fn any_cell() -> impl Strategy<Value = String> {
    prop_oneof![cell(), "[^\0]{0,12}"]
}

fn table(cell: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = Vec<Vec<String>>> {
    (2usize..7).prop_flat_map(move |columns| {
        let row = proptest::collection::vec(cell.clone(), columns)
            .prop_filter("a row of nothing is none", |row| row.iter().any(|cell| !cell.is_empty()));
        proptest::collection::vec(row, 0..12)
    })
}

fn check(rows: &[Vec<String>], written: Written, separator: FieldSeparator, crlf: bool, piece: usize) {
    let names: Vec<String> = (0..rows.first().map_or(2, Vec::len)).map(|n| format!("Column {n}")).collect();
    let delimiter = match separator {
        FieldSeparator::Detect | FieldSeparator::Comma => b',',
        FieldSeparator::Semicolon => b';',
        FieldSeparator::Tab => b'\t',
        FieldSeparator::Pipe => b'|',
    };
    let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer =
        csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
    writer.write_record(&names).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    let bytes = write(std::str::from_utf8(&writer.into_inner().unwrap()).unwrap(), written);
    for separator in [separator, FieldSeparator::Detect] {
        // Text of two letters may look like UTF-8 by chance.
        let named = if written == Written::Windows1252 { "windows-1252" } else { "detect" };
        let encoding = FileEncoding::try_from(named.to_owned()).unwrap();
        let options = CsvOptions { encoding, separator, ..CsvOptions::default() };
        let mut csv = CsvReader::open(Pieces(&bytes, piece), &options).unwrap();
        assert_eq!(csv.header().names(), names);
        let read: Vec<Vec<String>> =
            csv.by_ref().map(|row| row.unwrap().cells().map(|(_, cell)| cell.to_owned()).collect()).collect();
        assert_eq!(read, rows);
        let end = csv.finish();
        assert!(end.completeness.is_complete());
        assert_eq!(end.bytes, bytes.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn what_is_written_is_read(
        rows in table(any_cell().boxed()),
        separator in separators(),
        crlf in any::<bool>(),
        piece in 1usize..50,
    ) {
        for written in WRITTEN.into_iter().filter(|written| *written != Written::Windows1252) {
            check(&rows, written, separator, crlf, piece);
        }
    }

    #[test]
    fn what_is_written_in_any_encoding_is_read(
        rows in table(cell().boxed()),
        separator in separators(),
        crlf in any::<bool>(),
    ) {
        for written in WRITTEN {
            check(&rows, written, separator, crlf, 64);
        }
    }
}
