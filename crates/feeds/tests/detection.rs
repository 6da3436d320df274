//! The detection of encodings and separators, with a sample of each.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use feeds::{CsvOptions, CsvReader, FieldSeparator, FileEncoding};

fn options(encoding: &str, separator: FieldSeparator) -> CsvOptions {
    let encoding = FileEncoding::try_from(encoding.to_owned()).unwrap();
    CsvOptions { encoding, separator, ..CsvOptions::default() }
}

/// The names, the cells of good rows, the encoding at the end, and the number of bad rows.
struct Seen {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    encoding: &'static str,
    bad: usize,
}

fn read(bytes: &[u8], options: &CsvOptions) -> Seen {
    let mut csv = CsvReader::open(bytes, options).unwrap();
    let (mut rows, mut bad) = (Vec::new(), 0);
    for row in csv.by_ref() {
        match row {
            Ok(row) => rows.push(row.cells().map(|(_, cell)| cell.to_owned()).collect()),
            Err(_) => bad += 1,
        }
    }
    let names = csv.header().names().to_vec();
    Seen { names, rows, encoding: csv.encoding(), bad }
}

fn utf16(text: &str, unit: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn with_mark(mark: &[u8], bytes: &[u8]) -> Vec<u8> {
    [mark, bytes].concat()
}

const TEXT: &str = "id,name\r\nE-1,Zoë Müller €\r\n";
const CELLS: [&str; 2] = ["E-1", "Zoë Müller €"];
const WINDOWS: &[u8] = b"id,name\r\nE-1,Zo\xEB M\xFCller \x80\r\n";

#[test]
fn each_encoding_is_detected() {
    let little = utf16(TEXT, u16::to_le_bytes);
    let big = utf16(TEXT, u16::to_be_bytes);
    let table: [(&str, Vec<u8>, &str); 6] = [
        ("UTF-8", TEXT.as_bytes().to_vec(), "UTF-8"),
        ("UTF-8 with a mark", with_mark(b"\xEF\xBB\xBF", TEXT.as_bytes()), "UTF-8"),
        ("UTF-16 LE", with_mark(b"\xFF\xFE", &little), "UTF-16LE"),
        ("UTF-16 BE", with_mark(b"\xFE\xFF", &big), "UTF-16BE"),
        ("Windows-1252", WINDOWS.to_vec(), "windows-1252"),
        ("Windows-1252, last byte", b"name,id\nE-1,Ren\xE9".to_vec(), "windows-1252"),
    ];
    for (what, bytes, encoding) in table {
        let seen = read(&bytes, &CsvOptions::default());
        assert_eq!((seen.encoding, seen.bad), (encoding, 0), "{what}");
        assert_eq!(seen.names.len(), 2, "{what}");
        if !what.ends_with("last byte") {
            assert_eq!(seen.names, ["id", "name"], "{what}");
            assert_eq!(seen.rows, [CELLS], "{what}");
        } else {
            assert_eq!(seen.rows, [["E-1", "René"]], "{what}");
        }
    }
}

#[test]
fn a_configured_encoding_wins() {
    let little = utf16(TEXT, u16::to_le_bytes);
    let table: [(&str, Vec<u8>, &str, &str); 7] = [
        ("utf-16le", little.clone(), "UTF-16LE", CELLS[1]),
        ("UTF-16LE", with_mark(b"\xFF\xFE", &little), "UTF-16LE", CELLS[1]),
        ("utf-16be", utf16(TEXT, u16::to_be_bytes), "UTF-16BE", CELLS[1]),
        ("utf-16", with_mark(b"\xFF\xFE", &little), "UTF-16LE", CELLS[1]),
        ("latin1", WINDOWS.to_vec(), "windows-1252", CELLS[1]),
        ("windows-1252", b"id,name\nE-1,Zo\xC3\xAB".to_vec(), "windows-1252", "ZoÃ«"),
        ("iso-8859-15", b"id,name\nE-1,\xA4".to_vec(), "ISO-8859-15", "€"),
    ];
    for (configured, bytes, encoding, name) in table {
        let seen = read(&bytes, &options(configured, FieldSeparator::Detect));
        assert_eq!(seen.encoding, encoding, "{configured}");
        assert_eq!(seen.names, ["id", "name"], "{configured}");
        assert_eq!(seen.rows, [["E-1", name]], "{configured}");
    }
    let seen = read(WINDOWS, &options("utf-8", FieldSeparator::Detect));
    assert_eq!((seen.rows.len(), seen.bad), (0, 1), "what is not UTF-8 is a bad row");
    assert!(FileEncoding::try_from("klingon".to_owned()).is_err());
}

#[test]
fn the_encoding_is_decided_by_the_first_text_beyond_ascii_however_late_it_comes() {
    for (name, encoding) in [(&b"Zo\xEB"[..], "windows-1252"), (b"Zo\xC3\xAB", "UTF-8")] {
        // The lengths put the character before, on and behind the border of a chunk.
        for rows in [1, 6_551, 6_552, 6_553, 13_105] {
            let mut bytes = b"id,name\n".to_vec();
            bytes.extend_from_slice(&b"1234,Anna\n".repeat(rows));
            bytes.extend_from_slice(b"\"");
            for padding in 0..10 {
                let mut bytes = bytes.clone();
                bytes.extend_from_slice(&b"9".repeat(padding));
                bytes.extend_from_slice(b"\",");
                bytes.extend_from_slice(name);
                bytes.extend_from_slice(b"\n");
                let seen = read(&bytes, &CsvOptions::default());
                assert_eq!((seen.encoding, seen.bad), (encoding, 0), "{rows} {padding}");
                assert_eq!(seen.rows.last().unwrap()[1], "Zoë", "{rows} {padding}");
            }
        }
    }
}

#[test]
fn one_damaged_character_does_not_make_windows_1252_of_utf_8() {
    let mut bytes = "id,name\n1,Zoë\n2,Müller\n3,Jörg\n".as_bytes().to_vec();
    bytes.extend_from_slice(b"4,Ren\xE9e\n5,Anna\n");
    let seen = read(&bytes, &CsvOptions::default());
    assert_eq!((seen.encoding, seen.bad), ("UTF-8", 1));
    assert_eq!(seen.rows[0], ["1", "Zoë"]);
}

#[test]
fn each_separator_is_detected_and_quotes_are_respected() {
    use FieldSeparator::{Comma, Pipe, Semicolon, Tab};
    let table: [(&str, FieldSeparator, usize); 16] = [
        ("a,b,c\n1,2,3\n", Comma, 3),
        ("a;b;c\n1;2;3\n", Semicolon, 3),
        ("a\tb\tc\n1\t2\t3\n", Tab, 3),
        ("a|b|c\n1|2|3\n", Pipe, 3),
        ("a;b\n\"1,2,3\";4\n", Semicolon, 2),
        ("\"Name, first; last\",b\n1,2\n", Comma, 2),
        ("\"a;b;c\"|d\r\n\"x;y\"|z\r\n", Pipe, 2),
        ("name, first;amount\n\"Byron, Ada\";1,5,0\nx;y\n", Semicolon, 2),
        ("a;b\n1,5;2,5\n1,5;2,5\n", Semicolon, 2),
        ("a;b\n1;\"2\n,3\"\n", Semicolon, 2),
        ("only\n1\n2\n", Comma, 1),
        ("only", Comma, 1),
        ("a;b", Semicolon, 2),
        ("a;b\n\"never closed", Semicolon, 2),
        ("\r\n\n  a;b\n", Semicolon, 2),
        ("a,b;c\n", Comma, 2),
    ];
    for (text, separator, columns) in table {
        let csv = CsvReader::open(text.as_bytes(), &CsvOptions::default()).unwrap();
        assert_eq!((csv.separator(), csv.header().names().len()), (separator, columns), "{text:?}");
    }
}

#[test]
fn a_configured_separator_wins() {
    let seen = read(b"a,b,c;d\n1,2,3;4\n", &options("detect", FieldSeparator::Semicolon));
    assert_eq!(seen.names, ["a,b,c", "d"]);
    for (yaml, separator) in [
        ("separator: ';'", FieldSeparator::Semicolon),
        ("separator: semicolon", FieldSeparator::Semicolon),
        ("separator: \"\\t\"", FieldSeparator::Tab),
        ("separator: tab", FieldSeparator::Tab),
        ("separator: '|'", FieldSeparator::Pipe),
        ("separator: ','", FieldSeparator::Comma),
        ("encoding: latin1", FieldSeparator::Detect),
    ] {
        let options: CsvOptions = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(options.separator, separator, "{yaml}");
    }
    for wrong in ["separator: '#'", "encoding: klingon", "delimiter: ';'", "trailer: { mark: x }"] {
        assert!(serde_saphyr::from_str::<CsvOptions>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn line_breaks_of_all_kinds_end_rows_and_quoted_ones_do_not() {
    for text in ["a,b\r\n1,\"x\r\ny\"\r\n2,z\r\n", "a,b\n1,\"x\r\ny\"\n2,z", "a,b\r1,\"x\r\ny\"\r2,z\r"] {
        let seen = read(text.as_bytes(), &CsvOptions::default());
        assert_eq!(seen.rows, [["1", "x\r\ny"], ["2", "z"]], "{text:?}");
    }
}
