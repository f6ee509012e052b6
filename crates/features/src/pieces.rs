//! Images dealt out to several processes, in pieces that go round: decoded, and passed through frozen stages.

use std::ops::Range;

use team::Team;

/// Most images that a process works on between two exchanges.
const PIECE: usize = 64;

/// Which of some images a process works on, in pieces that go round.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    images: usize,
    /// Images in a piece; whole chunks.
    piece: usize,
    /// Images that pass through frozen stages at once.
    chunk: usize,
    rank: usize,
    world: usize,
}

impl Pieces {
    pub(crate) fn new(images: usize, chunk: usize, team: &Team) -> Self {
        let (rank, world) = (team.rank(), team.world());
        let most = PIECE.next_multiple_of(chunk);
        let piece = images.div_ceil(world).next_multiple_of(chunk).clamp(chunk, most);
        Self { images, piece, chunk, rank, world }
    }

    /// Number of exchanges.
    pub(crate) fn rounds(&self) -> usize {
        self.images.div_ceil(self.piece).div_ceil(self.world)
    }

    /// Images that a process computes in a round; there may be none in the last.
    pub(crate) fn of(&self, round: usize, rank: usize) -> Range<usize> {
        let start = ((round * self.world + rank) * self.piece).min(self.images);
        start..(start + self.piece).min(self.images)
    }

    /// Images that pass through frozen stages at once.
    pub(crate) fn chunk(&self) -> usize {
        self.chunk
    }

    /// Images that this process works on, in order.
    pub(crate) fn mine(&self) -> Vec<usize> {
        (0..self.rounds()).flat_map(|round| self.of(round, self.rank)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_in_one_piece_and_pieces_are_whole_chunks() {
        for world in 1..6 {
            for images in [0, 1, 7, 8, 9, 63, 64, 65, 200, 1000] {
                let pieces = |rank| Pieces { rank, world, ..Pieces::new(images, 8, &Team::alone()) };
                let piece = images.div_ceil(world).next_multiple_of(8).clamp(8, 64);
                let of = |rank| Pieces { piece, ..pieces(rank) };
                let mut all: Vec<usize> = (0..world).flat_map(|rank| of(rank).mine()).collect();
                all.sort_unstable();
                assert_eq!(all, (0..images).collect::<Vec<_>>(), "{world} {images}");
                for round in 0..of(0).rounds() {
                    assert!(
                        (0..world).all(|rank| of(rank).of(round, rank).start % 8 == 0
                            || of(rank).of(round, rank).is_empty())
                    );
                }
            }
        }
    }
}
