//! What of each optimizer step one of several processes computes.

use std::ops::Range;

use team::{Team, part};
use torch_extra::rows::Rows;

/// What is dealt out to the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The batches of a step.
    Batches,
    /// The images of each batch, in contiguous rows.
    Rows,
}

/// The share of one process in each optimizer step, which is a group of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    rank: usize,
    world: usize,
    split: Split,
    /// Batches in a step, at least 1.
    accumulate: usize,
}

/// Rows of a batch that a process computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Number of the batch in its epoch.
    pub(super) number: u64,
    /// Positions in the epoch's order.
    pub(super) positions: Range<usize>,
    /// Which rows of the batch these are.
    pub(super) rows: Rows,
}

impl Piece {
    /// Positions of the whole batch in the epoch's order.
    pub(super) fn whole_batch(&self) -> Range<usize> {
        let before = usize::try_from(self.rows.here.start).unwrap_or(0);
        let start = self.positions.start - before;
        start..start + usize::try_from(self.rows.of).unwrap_or(0)
    }
}

impl Share {
    /// Returns the share of a process that computes every step whole.
    #[must_use]
    pub fn whole() -> Self {
        Self { rank: 0, world: 1, split: Split::Batches, accumulate: 1 }
    }

    /// Returns the share of a process in steps of this number of batches.
    #[must_use]
    pub fn of(team: &Team, split: Split, accumulate: usize) -> Self {
        Self { rank: team.rank(), world: team.world(), split, accumulate: accumulate.max(1) }
    }

    /// Whether others compute a part of each step.
    #[must_use]
    pub fn is_spread(&self) -> bool {
        self.world > 1
    }

    /// Returns what a step of batches of this size has, and then what of it each process computes, in words: `rank 0: rows 0
    /// to 15`.
    #[must_use]
    pub fn of_all(&self, batch_size: usize) -> Vec<String> {
        let whole = match self.accumulate {
            1 => format!("step: {batch_size} images"),
            batches => format!("step: {batches} batches of {batch_size} images"),
        };
        let ranks = (0..self.world)
            .map(|rank| format!("rank {rank}: {}", Self { rank, ..*self }.in_words(batch_size)));
        std::iter::once(whole).chain(ranks).collect()
    }

    fn in_words(&self, batch_size: usize) -> String {
        let ([one, many], count) = match self.split {
            Split::Batches => (["batch", "batches"], self.accumulate),
            Split::Rows => (["row", "rows"], batch_size),
        };
        let own = part(count, self.rank, self.world);
        match own.len() {
            0 => format!("no {one}"),
            1 => format!("{one} {}", own.start),
            _ => format!("{many} {} to {}", own.start, own.end - 1),
        }
    }

    /// Returns the pieces of this process of batches from number `first` on, of `images` images in batches of this size. All
    /// have as many rows as the first one, but for the last.
    pub(super) fn pieces(&self, images: usize, batch_size: usize, first: u64) -> Vec<Piece> {
        let batches = images.div_ceil(batch_size);
        let batch = |number: usize| number * batch_size..images.min((number + 1) * batch_size);
        let own: Vec<usize> = match self.split {
            Split::Rows => (0..batches).collect(),
            Split::Batches => (0..batches)
                .step_by(self.accumulate)
                .flat_map(|start| {
                    let own = part(self.accumulate.min(batches - start), self.rank, self.world);
                    start + own.start..start + own.end
                })
                .collect(),
        };
        let pieces = own.into_iter().map(|number| {
            let whole = batch(number);
            let rows = match self.split {
                Split::Batches => 0..whole.len(),
                Split::Rows => part(whole.len(), self.rank, self.world),
            };
            Piece {
                number: first + number as u64,
                positions: whole.start + rows.start..whole.start + rows.end,
                rows: Rows { here: rows.start as i64..rows.end as i64, of: whole.len() as i64 },
            }
        });
        pieces.filter(|piece| !piece.positions.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_every_batch_is_in_one_process() {
        for split in [Split::Batches, Split::Rows] {
            for world in 1..6 {
                for (images, batch_size, accumulate) in
                    [(13, 4, 1), (13, 4, 2), (13, 4, 3), (26, 5, 4), (3, 4, 2), (8, 7, 5)]
                {
                    let share = |rank| Share { rank, world, split, accumulate };
                    let mut seen = vec![0; images];
                    for rank in 0..world {
                        let pieces = share(rank).pieces(images, batch_size, 6);
                        for piece in &pieces {
                            seen[piece.positions.clone()].iter_mut().for_each(|seen| *seen += 1);
                            assert_eq!(piece.positions.len() as i64, piece.rows.count());
                            assert_eq!(
                                piece.positions.start,
                                (piece.number as usize - 6) * batch_size + piece.rows.here.start as usize
                            );
                        }
                        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.positions.len()).collect();
                        if let [all @ .., last] = lengths.as_slice() {
                            assert!(
                                all.iter().all(|length| length == &lengths[0]) && last <= &lengths[0],
                                "{lengths:?}"
                            );
                        }
                    }
                    assert!(
                        seen.iter().all(|&seen| seen == 1),
                        "{split:?} {world} {images} {batch_size}: {seen:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn shares_in_words() {
        let share = |split, accumulate| Share { rank: 0, world: 2, split, accumulate };
        assert_eq!(
            share(Split::Rows, 1).of_all(32).join("; "),
            "step: 32 images; rank 0: rows 0 to 15; rank 1: rows 16 to 31"
        );
        assert_eq!(
            share(Split::Batches, 3).of_all(8).join("; "),
            "step: 3 batches of 8 images; rank 0: batches 0 to 1; rank 1: batch 2"
        );
    }
}
