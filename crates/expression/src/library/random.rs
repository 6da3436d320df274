//! Random values that are determined by a seed: a repeated call returns the same value.

use crate::RandomSeed;
use sha2::{Digest, Sha256};

/// The maximum length of a random string (Entra's limit).
const MAX_RANDOM_LENGTH: i64 = 256;
/// The size of one block of the stream, in bytes.
const BLOCK_BYTES: usize = 32;

const DIGITS: &str = "0123456789";
const SPECIALS: &str = "!@#$%^&*()_-+=[]{}<>?,.:;/|~";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// A random stream: SHA-256 in counter mode over the seed and the position of the call in its expression.
pub(crate) struct RandomStream {
    seed: RandomSeed,
    position: u64,
    counter: u64,
    block: [u8; BLOCK_BYTES],
    used: usize,
}

impl RandomStream {
    /// Creates the stream of the random call at `position` in its expression.
    pub(crate) fn new(seed: RandomSeed, position: usize) -> Self {
        // A `usize` has at most 64 bits on all supported platforms.
        let position = u64::try_from(position).unwrap_or(u64::MAX);
        Self { seed, position, counter: 0, block: [0; BLOCK_BYTES], used: BLOCK_BYTES }
    }

    /// Returns the next byte of the stream.
    fn byte(&mut self) -> u8 {
        if self.used >= BLOCK_BYTES {
            let mut hash = Sha256::new();
            hash.update(self.seed.0);
            hash.update(self.position.to_be_bytes());
            hash.update(self.counter.to_be_bytes());
            self.block = hash.finalize().into();
            self.counter = self.counter.wrapping_add(1);
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        byte
    }

    /// Returns a uniformly distributed number below `bound`; 0 for a bound of 0.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).unwrap_or(u32::MAX);
        if bound == 0 {
            return 0;
        }
        // Draws above the last whole multiple of the bound would favour small numbers, so they are repeated.
        let limit = u32::MAX - u32::MAX % bound;
        loop {
            let draw = u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()]);
            if draw < limit {
                return (draw % bound) as usize;
            }
        }
    }

    fn pick(&mut self, letters: &[char]) -> Option<char> {
        let index = self.below(letters.len());
        letters.get(index).copied()
    }
}

/// Returns a version 4 GUID in lower case.
pub(crate) fn random_guid(stream: &mut RandomStream) -> String {
    let mut bytes = [0u8; 16];
    bytes.fill_with(|| stream.byte());
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

/// Returns a string of `length` characters with at least the given numbers of each class and none of `avoid`.
/// The remaining characters come from the requested classes, or from letters and digits if there are none.
pub(crate) fn random_string(
    stream: &mut RandomStream,
    length: i64,
    digits: i64,
    specials: i64,
    capitals: i64,
    lowers: i64,
    avoid: &str,
) -> Result<String, String> {
    if !(0..=MAX_RANDOM_LENGTH).contains(&length) {
        return Err(format!("a random string has 0 to {MAX_RANDOM_LENGTH} characters"));
    }
    let minima = [digits, specials, capitals, lowers];
    if minima.iter().any(|minimum| *minimum < 0) {
        return Err("a minimum cannot be negative".into());
    }
    let needed = minima.iter().fold(0i64, |sum, minimum| sum.saturating_add(*minimum));
    if needed > length {
        return Err("the minima add up to more characters than the length".into());
    }
    let classes = [DIGITS, SPECIALS, CAPITALS, LOWERS]
        .map(|class| class.chars().filter(|letter| !avoid.contains(*letter)).collect::<Vec<char>>());
    let mut out = Vec::new();
    for (class, minimum) in classes.iter().zip(minima) {
        draw_letter(stream, class, minimum, &mut out)?;
    }
    draw_letter(stream, &filling_letters(&classes, minima), length - needed, &mut out)?;
    shuffle_letters(stream, &mut out);
    Ok(out.into_iter().collect())
}

fn draw_letter(
    stream: &mut RandomStream,
    letters: &[char],
    count: i64,
    out: &mut Vec<char>,
) -> Result<(), String> {
    for _ in 0..count {
        let letter = stream.pick(letters).ok_or("the characters to avoid leave none to choose from")?;
        out.push(letter);
    }
    Ok(())
}

fn filling_letters(classes: &[Vec<char>; 4], minima: [i64; 4]) -> Vec<char> {
    let asked = minima.iter().any(|minimum| *minimum > 0);
    let chosen = if asked { minima.map(|minimum| minimum > 0) } else { [true, false, true, true] };
    classes
        .iter()
        .zip(chosen)
        .filter(|(_, chosen)| *chosen)
        .flat_map(|(class, _)| class.iter().copied())
        .collect()
}

/// Shuffles the letters with the Fisher–Yates algorithm.
fn shuffle_letters(stream: &mut RandomStream, letters: &mut [char]) {
    for last in (1..letters.len()).rev() {
        let other = stream.below(last + 1);
        letters.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_guid_is_lower_case_and_of_version_4() {
        let first = random_guid(&mut RandomStream::new(RandomSeed([7; 32]), 0));
        assert_eq!(first.len(), 36);
        assert_eq!(first.as_bytes()[14], b'4');
        assert!("89ab".contains(char::from(first.as_bytes()[19])));
        assert_eq!(first, first.to_lowercase());
        assert_eq!(first, random_guid(&mut RandomStream::new(RandomSeed([7; 32]), 0)));
        assert_ne!(first, random_guid(&mut RandomStream::new(RandomSeed([7; 32]), 1)));
        assert_ne!(first, random_guid(&mut RandomStream::new(RandomSeed([8; 32]), 0)));
    }

    #[test]
    fn impossible_demands_are_errors() {
        let mut stream = RandomStream::new(RandomSeed([0; 32]), 0);
        assert!(random_string(&mut stream, 257, 0, 0, 0, 0, "").is_err());
        assert!(random_string(&mut stream, 3, 2, 2, 0, 0, "").is_err());
        assert!(random_string(&mut stream, 3, -1, 0, 0, 0, "").is_err());
        assert!(random_string(&mut stream, 3, 1, 0, 0, 0, DIGITS).is_err());
        assert!(random_string(&mut stream, i64::MAX, i64::MAX, i64::MAX, 0, 0, "").is_err());
    }

    proptest! {
        #[test]
        fn minima_are_kept_and_avoided_characters_never_come(
            seed: [u8; 32], extra in 0i64..20, minima: [u8; 4], avoid in "[a-f0-4!?]{0,4}"
        ) {
            let [d, s, c, l] = minima.map(|m| i64::from(m % 8));
            let length = d + s + c + l + extra;
            let text = random_string(&mut RandomStream::new(RandomSeed(seed), 3), length, d, s, c, l, &avoid).unwrap();
            let count = |class: &str| text.chars().filter(|x| class.contains(*x)).count() as i64;
            prop_assert_eq!(text.chars().count() as i64, length);
            prop_assert!(count(DIGITS) >= d && count(SPECIALS) >= s && count(CAPITALS) >= c && count(LOWERS) >= l);
            prop_assert!(!text.chars().any(|x| avoid.contains(x)));
        }
    }
}
