//! Headers, rows, the end of a file, and the text of each error.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Read;

use feeds::{
    COLUMNS_MAX, CsvError, CsvOptions, CsvReader, FileCompleteness, FileEnd, FileRow, MissingFilePart,
    ROW_BYTES_MAX, RowError, TrailerRow,
};

fn read_with(bytes: impl Read, options: &CsvOptions) -> (Vec<Result<FileRow, RowError>>, FileEnd) {
    let mut csv = CsvReader::open(bytes, options).unwrap();
    let rows = csv.by_ref().collect();
    (rows, csv.finish())
}

fn read(bytes: &[u8]) -> (Vec<Result<FileRow, RowError>>, FileEnd) {
    read_with(bytes, &CsvOptions::default())
}

fn missing(end: &FileEnd) -> String {
    match &end.completeness {
        FileCompleteness::Complete => String::new(),
        FileCompleteness::Incomplete(incomplete) => incomplete.to_string(),
    }
}

fn header_error(bytes: &[u8]) -> String {
    match CsvReader::open(bytes, &CsvOptions::default()) {
        Ok(csv) => panic!("{:?}", csv.header()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn names_are_trimmed_and_keep_their_case() {
    let csv = CsvReader::open(&b"\n;;;\n ID ;\"First Name\";\tcost \n"[..], &CsvOptions::default()).unwrap();
    assert_eq!(csv.header().names(), ["ID", "First Name", "cost"]);
    assert_eq!(csv.header().position("First Name"), Some(1));
    assert_eq!(csv.header().position("first name"), None);
}

#[test]
fn a_wrong_header_is_told_with_its_line() {
    let many = (0..=COLUMNS_MAX).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    let long = format!("{},b", "x".repeat(600));
    let endless = format!("a,\"{}", "x".repeat(ROW_BYTES_MAX));
    let table: [(&[u8], &str); 10] = [
        (b"", "no header row"),
        (b"\r\n\n,,\n", "no header row"),
        (b"\na,b,a\n", "line 2: the header row names the columns 1 and 3 alike (`a`)"),
        (b"a, a \n", "columns 1 and 2 alike"),
        (b"a,,b\n", "column 2 is empty"),
        (b"a,\"b\nc\"\n", "column 2 has a line break"),
        (b"a\0,\0b\0\n", "UTF-16 without a byte order mark"),
        (many.as_bytes(), "more than 500 fields"),
        (long.as_bytes(), "more than 512 characters"),
        (endless.as_bytes(), "ends with the file inside of a quoted field"),
    ];
    for (bytes, expected) in table {
        let said = header_error(bytes);
        assert!(said.contains(expected), "{said}");
    }
    let exactly = (0..COLUMNS_MAX).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    assert!(CsvReader::open(exactly.as_bytes(), &CsvOptions::default()).is_ok());
}

#[test]
fn each_bad_row_is_told_with_line_and_column_and_the_rest_is_read() {
    let long = "y".repeat(101);
    let huge = "z".repeat(ROW_BYTES_MAX);
    let many = ",".repeat(COLUMNS_MAX);
    let mut bytes = b"id,name\n1,good\n2\n3,a,b\n4,".to_vec();
    bytes.extend_from_slice(long.as_bytes());
    bytes.extend_from_slice(b"\n5,\"two\nlines \xFF\"\n6,nul\0\n7,");
    bytes.extend_from_slice(huge.as_bytes());
    bytes.extend_from_slice(b"\n8");
    bytes.extend_from_slice(many.as_bytes());
    bytes.extend_from_slice(b"\n\n,\n9,good\n");
    let options = CsvOptions {
        field_bytes_max: 100,
        encoding: "utf-8".to_owned().try_into().unwrap(),
        ..CsvOptions::default()
    };
    let (rows, end) = read_with(&bytes[..], &options);
    let told: Vec<(u64, Option<&str>, &str)> = rows
        .iter()
        .filter_map(|row| row.as_ref().err())
        .map(|error| (error.line, error.column.as_deref(), error.what.as_str()))
        .collect();
    let expected = [
        (3, None, "has 1 fields, and the header has 2 columns"),
        (4, None, "has 3 fields, and the header has 2 columns"),
        (5, Some("name"), "has 101 bytes, and the limit is 100"),
        (6, Some("name"), "is not in the encoding of the file"),
        (8, Some("name"), "has U+0000 in it"),
        (9, None, "is longer than 1048576 bytes"),
        (10, None, "has more than 500 fields"),
    ];
    assert_eq!(told, expected);
    let good: Vec<(u64, &str)> =
        rows.iter().flatten().map(|row| (row.line(), row.get("id").unwrap())).collect();
    assert_eq!(good, [(2, "1"), (13, "9")]);
    assert!(rows.iter().flatten().all(|row| row.get("name") == Some("good") && row.get("no").is_none()));
    assert_eq!((end.rows, missing(&end)), (9, String::new()));
    let error = rows[3].as_ref().unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 5, column `name`: has 101 bytes, and the limit is 100: shorten it, or raise `field_bytes_max`"
    );
}

#[test]
fn a_row_of_the_largest_size_is_read() {
    let row = |bytes: usize| format!("id,name\n1,{}\n", "z".repeat(bytes - 3));
    let options = CsvOptions { field_bytes_max: usize::MAX, ..CsvOptions::default() };
    let (rows, _) = read_with(row(ROW_BYTES_MAX).as_bytes(), &options);
    assert!(rows[0].is_ok());
    let (rows, _) = read_with(row(ROW_BYTES_MAX + 1).as_bytes(), &options);
    assert_eq!(rows[0].as_ref().unwrap_err().what, "is longer than 1048576 bytes");
}

#[test]
fn halves_of_a_character_in_two_cells_do_not_make_one() {
    let options = CsvOptions { encoding: "utf-8".to_owned().try_into().unwrap(), ..CsvOptions::default() };
    let (rows, _) = read_with(&b"a,b\n\xC3,\xAB\n"[..], &options);
    assert_eq!(rows[0].as_ref().unwrap_err().column.as_deref(), Some("a"));
}

#[test]
fn a_file_that_breaks_off_is_not_complete() {
    let table: [(&[u8], usize, &str); 6] = [
        (b"a,b\n1,2\n3,4", 0, ""),
        (b"a,b\n1,2\n3,\"4", 1, "inside of a quoted field of the row that begins in line 3"),
        (b"a,b\n1,2\n3,\"", 1, "inside of a quoted field of the row that begins in line 3"),
        (b"a,b\n1,\"2\n3,4\n5,\"\"6\n", 1, "inside of a quoted field of the row that begins in line 2"),
        ("a,b\n1,ë\n3,ë".as_bytes().split_last().unwrap().1, 1, "inside of a character"),
        (b"\xFF\xFEa\0,\0b\0\n\x001\0,\x002", 1, "inside of a character"),
    ];
    for (bytes, bad, expected) in table {
        let (rows, end) = read(bytes);
        let said = missing(&end);
        assert_eq!(rows.iter().filter(|row| row.is_err()).count(), bad, "{said:?} {expected}");
        assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said:?} {expected}");
    }
}

#[test]
fn a_closed_quote_at_the_end_is_complete() {
    for text in ["a,b\n1,\"2\"", "a,b\n1,\"2\"\n", "a,b\n1,\"\"\"\"", "a,b\n\"1\",", "a,b\n1,\"2\"\r"] {
        let (rows, end) = read(text.as_bytes());
        assert!(rows.len() == 1 && rows[0].is_ok() && end.completeness.is_complete(), "{text:?}");
    }
}

/// Returns its bytes, one at a time, and then fails.
struct Breaks(Vec<u8>);

impl Read for Breaks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(std::io::Error::other("the line was cut"));
        }
        buffer[0] = self.0.remove(0);
        Ok(1)
    }
}

#[test]
fn a_reader_that_fails_never_gives_half_a_row() {
    let (rows, end) = read_with(Breaks(b"a,b\n1,2\n3,Byr".to_vec()), &CsvOptions::default());
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1].as_ref().unwrap_err().what, "ends where reading the file failed");
    assert!(matches!(end.completeness, FileCompleteness::Incomplete(MissingFilePart::ReadFailed(_))));
    let (rows, end) = read_with(Breaks(b"a,b\n1,2\n".to_vec()), &CsvOptions::default());
    assert!(rows.len() == 1 && !end.completeness.is_complete());
    for header in ["", "a,b"] {
        let error = CsvReader::open(Breaks(header.into()), &CsvOptions::default()).err().unwrap();
        assert!(matches!(error, CsvError::Read(_)), "{error}");
    }
}

#[test]
fn a_file_that_was_not_read_to_its_end_is_not_complete() {
    let mut csv = CsvReader::open(&b"a,b\n1,2\n3,4\n"[..], &CsvOptions::default()).unwrap();
    csv.next();
    assert_eq!(missing(&csv.finish()), "the file was not read to its end");
}

#[test]
fn the_trailer_is_not_a_person() {
    let options =
        CsvOptions { trailer: Some(TrailerRow { marker: "TRAILER".to_owned() }), ..CsvOptions::default() };
    let table: [(&str, usize, Option<u64>, &str); 9] = [
        ("id,name,x\n1,A,\n2,B,\nTRAILER,2\n", 2, Some(2), ""),
        ("id,name,x\n1,A,\n TRAILER , 0001 ,", 1, Some(1), ""),
        ("id,name,x\nTRAILER,0\n\n", 0, Some(0), ""),
        ("id,name,x\n1,A,\n", 1, None, "no trailer"),
        ("id,name,x\n1,A,\ntrailer,1,\n", 2, None, "no trailer"),
        ("id,name,x\n1,A,\nTRAILER\n", 1, None, "line 3 has no number"),
        ("id,name,x\n1,A,\nTRAILER,x\n", 1, None, "line 3 has no number"),
        ("id,name,x\n1,A,\nTRAILER,1\n2,B,\n", 2, Some(1), "rows after the trailer, the first in line 4"),
        (
            "id,name,x\n1,A,\nTRAILER,1\nTRAILER,1\n",
            1,
            Some(1),
            "rows after the trailer, the first in line 4",
        ),
    ];
    for (text, good, count, expected) in table {
        let (rows, end) = read_with(text.as_bytes(), &options);
        assert_eq!(rows.iter().flatten().count(), good, "{text:?}");
        assert_eq!((end.trailer_count, end.rows as usize), (count, rows.len()), "{text:?}");
        let said = missing(&end);
        assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{text:?}: {said}");
    }
    let (rows, _) = read(b"id,name\nTRAILER,2\n");
    assert!(rows[0].is_ok(), "without a marker no row is a trailer");
}

#[test]
fn the_hash_is_that_of_the_bytes_as_they_came() {
    let bytes = b"\xEF\xBB\xBFid,name\r\n1,Ada\r\n\r\n";
    let (_, end) = read(bytes);
    let digest = <sha2::Sha256 as sha2::Digest>::digest(bytes);
    let hex = hex::encode_upper(digest);
    assert_eq!(end.sha256, <[u8; 32]>::from(digest));
    assert_eq!(end.bytes, bytes.len() as u64);
    assert!(end.has_sha256(&hex) && end.has_sha256(&format!("{}  people.csv\n", end.sha256_hex())));
    assert!(!end.has_sha256("") && !end.has_sha256(&hex[1..]));
}
