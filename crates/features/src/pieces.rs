//! Images dealt out to several processes, in pieces that go round: decoded, and passed through frozen stages.

use std::ops::Range;

use team::Team;

/// Most images that a process works on between two exchanges.
const PIECE: usize = 64;

/// Which of some images a process works on, in pieces that go round. What is left for the last round is dealt out evenly.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    images: usize,
    /// Images in a piece of all rounds but the last; whole chunks.
    piece: usize,
    /// Images that pass through frozen stages at once.
    chunk: usize,
    rank: usize,
    world: usize,
}

impl Pieces {
    pub(crate) fn new(images: usize, chunk: usize, team: &Team) -> Self {
        Self { images, piece: PIECE.next_multiple_of(chunk), chunk, rank: team.rank(), world: team.world() }
    }

    /// Rounds of whole pieces.
    fn whole_rounds(&self) -> usize {
        self.images / (self.world * self.piece)
    }

    /// Number of exchanges.
    pub(crate) fn rounds(&self) -> usize {
        self.images.div_ceil(self.world * self.piece)
    }

    /// Images that a process computes in a round; there may be none in the last.
    pub(crate) fn of(&self, round: usize, rank: usize) -> Range<usize> {
        let begin = round.min(self.whole_rounds()) * self.world * self.piece;
        let piece = match round < self.whole_rounds() {
            true => self.piece,
            false => (self.images - begin).div_ceil(self.world).next_multiple_of(self.chunk),
        };
        let start = (begin + rank * piece).min(self.images);
        start..(start + piece).min(self.images)
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
    fn every_image_is_in_one_piece_of_whole_chunks_and_all_have_as_much_to_do() {
        for world in 1..6 {
            for images in [0, 1, 7, 8, 9, 63, 64, 65, 200, 320, 1000] {
                let of = |rank| Pieces { rank, world, ..Pieces::new(images, 8, &Team::alone()) };
                let mut all: Vec<usize> = (0..world).flat_map(|rank| of(rank).mine()).collect();
                all.sort_unstable();
                assert_eq!(all, (0..images).collect::<Vec<_>>(), "{world} {images}");
                for round in 0..of(0).rounds() {
                    let pieces = (0..world).map(|rank| of(0).of(round, rank));
                    assert!(pieces.clone().all(|piece| piece.start % 8 == 0 || piece.is_empty()));
                    assert!(
                        pieces.clone().all(|piece| piece.len() <= 64)
                            && pieces.map(|piece| piece.len()).sum::<usize>() > 0
                    );
                }
                let most = of(0).mine().len();
                assert!(most < images.div_ceil(world) + 8, "{world} {images}: {most}");
            }
        }
    }
}
