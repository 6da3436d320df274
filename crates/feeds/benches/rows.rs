//! The speed of reading rows, on one core. Run with `cargo bench -p feeds`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use feeds::{CsvOptions, CsvReader, FeedMapping};
use time::OffsetDateTime;

const ROWS: usize = 200_000;
const COLUMNS: usize = 20;
const ROUNDS: usize = 5;
const WITH_EXPRESSIONS: &str = r#"
key: Column 0
attributes:
  displayName: 'Join(" ", [Column 1], [Column 2])'
  mail: 'ToLower([Column 3] & "@example.com")'
  department: 'Switch([Column 4], "Other", "Sales", "S", "Legal", "L")'
  title: '[Column 5]'
active: 'CBool([Column 6] = "Active")'
effective_at: '[Column 7]'
"#;

/// A file of quoted, empty, accented and plain cells.
fn file() -> String {
    let names: Vec<String> = (0..COLUMNS).map(|n| format!("Column {n}")).collect();
    let mut text = names.join(";") + "\r\n";
    for n in 0..ROWS {
        text += &format!(
            "E-{n:07};Zoë {n};\"Müller; Söhne {}\";zoe.{n};Sales;Title {};Active;2026-03-{:02}",
            n % 97,
            n % 37,
            n % 28 + 1
        );
        for column in 8..COLUMNS {
            text += &if column % 3 == 0 { ";".to_owned() } else { format!(";value {column} {}", n % 1_009) };
        }
        text += "\r\n";
    }
    text
}

fn tell(what: &str, bytes: usize, mut round: impl FnMut() -> usize) {
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            assert_eq!(round(), ROWS);
            started.elapsed()
        })
        .collect();
    took.sort();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = |count: usize, took: Duration| count as f64 / took.as_secs_f64();
    let (best, median) = (took[0], took[ROUNDS / 2]);
    let megabytes = rate(bytes, best) / 1e6;
    println!(
        "{what:<44} {:>10.0} rows/s, {megabytes:>5.0} MB/s (median {:.0} rows/s)",
        rate(ROWS, best),
        rate(ROWS, median)
    );
}

fn said(bytes: &[u8], yaml: &str) -> usize {
    let mapping: FeedMapping = serde_saphyr::from_str(yaml).expect("the mapping of the bench is right");
    let compiled = mapping.compile().expect("the mapping of the bench is right");
    let csv = CsvReader::open(bytes, &CsvOptions::default()).expect("the file of the bench is right");
    let bound = compiled.bind(csv.header()).expect("the mapping fits the file");
    let now = OffsetDateTime::UNIX_EPOCH;
    csv.filter(|row| black_box(bound.read(row.as_ref().expect("a good row"), now)).is_ok()).count()
}

fn main() {
    let text = file();
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let read = |bytes: &[u8]| {
        let csv = CsvReader::open(bytes, &CsvOptions::default()).expect("the file of the bench is right");
        csv.filter(|row| black_box(row).is_ok()).count()
    };
    println!("{ROWS} rows of {COLUMNS} columns, {} MB", text.len() / 1_000_000);
    tell("read, UTF-8", text.len(), || read(text.as_bytes()));
    tell("read, UTF-16", utf16.len(), || read(&utf16));
    tell("read, each column an attribute", text.len(), || said(text.as_bytes(), "key: Column 0"));
    tell("read, 6 expressions", text.len(), || said(text.as_bytes(), WITH_EXPRESSIONS));
}
