//! Conversion of bytes to UTF-8, one chunk at a time. A sequence that is invalid in the file's encoding becomes an
//! invalid byte here too, so that its row can be reported.

use std::io::Read;

use encoding_rs::{Decoder, DecoderResult, UTF_8, WINDOWS_1252};
use sha2::{Digest, Sha256};

use super::encoding::{DetectedEncoding, FileEncoding, detect_encoding, is_broken_off};

/// The size of a chunk, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;
/// The byte that replaces an undecodable sequence. It never occurs in UTF-8.
const NO_CHARACTER: u8 = 0xFF;
/// The maximum length of an incomplete character, in bytes.
const TAIL_BYTES: usize = 3;

/// A file as UTF-8.
pub(super) struct Utf8Text<R> {
    read: R,
    raw: Box<[u8]>,
    /// The number of bytes at the start of `raw` that wait for the bytes after them.
    held_bytes: usize,
    decoding: TextDecoding,
    out: Vec<u8>,
    /// The number of bytes of `out` that were taken.
    taken: usize,
    ended: Option<Result<(), std::io::Error>>,
    sha256: Sha256,
    bytes: u64,
}

impl<R: Read> Utf8Text<R> {
    pub(super) fn new(read: R, encoding: FileEncoding) -> Self {
        Self {
            read,
            raw: vec![0; CHUNK_BYTES].into(),
            held_bytes: 0,
            decoding: TextDecoding::new(encoding),
            out: Vec::new(),
            taken: 0,
            ended: None,
            sha256: Sha256::new(),
            bytes: 0,
        }
    }

    /// Returns the decoded bytes that are not yet taken.
    pub(super) fn peek(&self) -> &[u8] {
        &self.out[self.taken..]
    }

    /// Marks bytes as taken.
    pub(super) fn take(&mut self, bytes: usize) {
        self.taken = (self.taken + bytes).min(self.out.len());
    }

    /// Decodes more bytes. Returns `false` if there are none.
    pub(super) fn fill(&mut self) -> bool {
        self.out.drain(..self.taken);
        self.taken = 0;
        let before = self.out.len();
        while self.ended.is_none() && self.out.len() == before {
            let filled = self.read_chunk();
            let last = self.ended.is_some();
            let used = self.decoding.push(&self.raw[..filled], last, &mut self.out);
            self.raw.copy_within(used..filled, 0);
            self.held_bytes = filled - used;
        }
        self.out.len() > before
    }

    /// Fills `raw`, or stores the reason for the end in `ended`. Returns the number of bytes in it.
    fn read_chunk(&mut self) -> usize {
        let mut filled = self.held_bytes;
        while filled < self.raw.len() {
            match self.read.read(&mut self.raw[filled..]) {
                Ok(0) => {
                    self.ended = Some(Ok(()));
                    break;
                }
                Ok(bytes) => filled = (filled + bytes).min(self.raw.len()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = Some(Err(error));
                    break;
                }
            }
        }
        let new = &self.raw[self.held_bytes..filled];
        self.sha256.update(new);
        self.bytes += new.len() as u64;
        filled
    }

    /// Returns whether all input was read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Returns whether reading the input failed.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.ended, Some(Err(_)))
    }

    /// Returns whether the input ended inside of a character.
    pub(super) fn ended_in_character(&self) -> bool {
        self.has_ended() && self.decoding.ended_in_character()
    }

    /// Returns the name of the encoding, as far as it is known.
    pub(super) fn encoding(&self) -> &'static str {
        match &self.decoding {
            TextDecoding::By { decoder, .. } => decoder.encoding().name(),
            _ => UTF_8.name(),
        }
    }

    /// Returns the hash and the number of the bytes read so far, and the end of the input.
    pub(super) fn finish(self) -> ([u8; 32], u64, Option<Result<(), std::io::Error>>) {
        (self.sha256.finalize().into(), self.bytes, self.ended)
    }
}

/// The state of decoding.
enum TextDecoding {
    /// The first bytes are not yet read. They may be the byte order mark of this encoding, or of any if there is none.
    Start(Option<&'static encoding_rs::Encoding>),
    /// Only ASCII so far.
    Undecided,
    /// UTF-8. The last bytes are kept.
    Utf8 {
        tail: Vec<u8>,
    },
    By {
        decoder: Box<Decoder>,
        ended_in_character: bool,
    },
}

impl TextDecoding {
    fn new(encoding: FileEncoding) -> Self {
        match encoding {
            FileEncoding::Detect => Self::Start(None),
            FileEncoding::Is(encoding) => Self::Start(Some(encoding)),
        }
    }

    fn by(encoding: &'static encoding_rs::Encoding) -> Self {
        if encoding == UTF_8 {
            return Self::Utf8 { tail: Vec::new() };
        }
        let decoder = Box::new(encoding.new_decoder_without_bom_handling());
        Self::By { decoder, ended_in_character: false }
    }

    /// Decodes a chunk to the end of `out`. Returns the number of bytes that were used. The last chunk is used completely.
    fn push(&mut self, chunk: &[u8], last: bool, out: &mut Vec<u8>) -> usize {
        let mut used = 0;
        if let Self::Start(configured) = self {
            let mark = encoding_rs::Encoding::for_bom(chunk);
            let mark = mark.filter(|(marked, _)| configured.is_none_or(|configured| configured == *marked));
            used = mark.map_or(0, |(_, bytes)| bytes);
            *self = match configured.or(mark.map(|(encoding, _)| encoding)) {
                Some(encoding) => Self::by(encoding),
                None => Self::Undecided,
            };
        }
        if matches!(self, Self::Undecided) {
            match detect_encoding(&chunk[used..], last) {
                DetectedEncoding::Ascii => {}
                DetectedEncoding::Ambiguous { ascii } => {
                    out.extend_from_slice(&chunk[used..used + ascii]);
                    return used + ascii;
                }
                DetectedEncoding::Utf8 => *self = Self::by(UTF_8),
                DetectedEncoding::Legacy => *self = Self::by(WINDOWS_1252),
            }
        }
        let chunk = &chunk[used..];
        match self {
            Self::Start(_) | Self::Undecided => out.extend_from_slice(chunk),
            Self::Utf8 { tail } => {
                out.extend_from_slice(chunk);
                tail.extend_from_slice(&chunk[chunk.len().saturating_sub(TAIL_BYTES)..]);
                tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
            }
            Self::By { decoder, ended_in_character } => {
                *ended_in_character = decode_chunk(decoder, chunk, last, out);
            }
        }
        used + chunk.len()
    }

    fn ended_in_character(&self) -> bool {
        match self {
            Self::Start(_) | Self::Undecided => false,
            Self::Utf8 { tail } => is_broken_off(tail),
            Self::By { ended_in_character, .. } => *ended_in_character,
        }
    }
}

/// Decodes a chunk. Returns whether the last one ended inside of a character.
fn decode_chunk(decoder: &mut Decoder, mut chunk: &[u8], last: bool, out: &mut Vec<u8>) -> bool {
    let mut ended_in_character = false;
    loop {
        let start = out.len();
        let room = decoder.max_utf8_buffer_length_without_replacement(chunk.len());
        out.resize(start + room.unwrap_or(CHUNK_BYTES).max(16), 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(chunk, &mut out[start..], last);
        out.truncate(start + written);
        chunk = &chunk[read..];
        match result {
            DecoderResult::InputEmpty => return ended_in_character,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                out.push(NO_CHARACTER);
                ended_in_character = last && chunk.is_empty() && !decoder.encoding().is_single_byte();
            }
        }
    }
}
