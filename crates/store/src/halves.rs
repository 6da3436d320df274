//! A search for the one item that makes a batch fail.

use std::ops::Range;

/// The parts of a batch that must still be processed. A refused part is halved until the culprit is alone; the rest is
/// processed without it.
#[derive(Debug)]
pub struct BatchHalves(Vec<Range<usize>>);

impl BatchHalves {
    /// Returns the halves of a batch of `count` items.
    pub fn of(count: usize) -> Self {
        Self(std::iter::once(0..count).filter(|whole| !whole.is_empty()).collect())
    }

    /// Returns the next part, in the order of the batch.
    pub fn next_part(&mut self) -> Option<Range<usize>> {
        self.0.pop()
    }

    /// Puts `part` back, to be processed again as it is.
    pub fn again(&mut self, part: Range<usize>) {
        self.0.push(part);
    }

    /// Records that `part` was refused. Returns the culprit if it is alone, and halves the part otherwise.
    pub fn refused(&mut self, part: Range<usize>) -> Option<usize> {
        if part.len() == 1 {
            return Some(part.start);
        }
        let middle = part.start + part.len() / 2;
        self.0.extend([middle..part.end, part.start..middle]);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_but_the_culprits_is_done_once_and_in_order() {
        for (count, culprits) in [(0, vec![]), (1, vec![0]), (7, vec![3]), (256, vec![0, 100, 101, 255])] {
            let (mut halves, mut done, mut found) = (BatchHalves::of(count), Vec::new(), Vec::new());
            while let Some(part) = halves.next_part() {
                if culprits.iter().any(|culprit| part.contains(culprit)) {
                    found.extend(halves.refused(part));
                } else {
                    done.extend(part);
                }
            }
            assert_eq!(found, culprits);
            assert_eq!(done, (0..count).filter(|item| !culprits.contains(item)).collect::<Vec<_>>());
        }
    }
}
