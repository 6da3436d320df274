//! Finding the one item that makes a batch fail.

use std::ops::Range;

/// The parts of a batch that are still to be done. A part that is refused is halved until the culprit is alone, and the
/// rest is done without it.
#[derive(Debug)]
pub struct BatchHalves(Vec<Range<usize>>);

impl BatchHalves {
    /// A batch of `count` items.
    pub fn of(count: usize) -> Self {
        Self(std::iter::once(0..count).filter(|whole| !whole.is_empty()).collect())
    }

    /// The part to do now, in the order of the batch.
    pub fn next_part(&mut self) -> Option<Range<usize>> {
        self.0.pop()
    }

    /// `part` has to be done again as it is.
    pub fn again(&mut self, part: Range<usize>) {
        self.0.push(part);
    }

    /// `part` was refused: returns the culprit, if it is alone, and otherwise halves the part.
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
