//! Features that several processes compute, each image in one of them.

use std::collections::VecDeque;
use std::ops::Range;

use tch::{Device, Kind, Tensor};
use team::Team;

use crate::Error;

/// Most images that a process computes between two exchanges.
const PIECE: usize = 64;

/// Which of the missing images a process computes, in pieces that go round.
#[derive(Clone, Debug)]
pub(super) struct Pieces {
    images: usize,
    /// Images in a piece; whole chunks.
    piece: usize,
    /// Images that pass through frozen stages at once.
    chunk: usize,
    rank: usize,
    world: usize,
}

impl Pieces {
    pub(super) fn new(images: usize, chunk: usize, team: &Team) -> Self {
        let (rank, world) = (team.rank(), team.world());
        let most = PIECE.next_multiple_of(chunk);
        let piece = images.div_ceil(world).next_multiple_of(chunk).clamp(chunk, most);
        Self { images, piece, chunk, rank, world }
    }

    /// Number of exchanges.
    pub(super) fn rounds(&self) -> usize {
        self.images.div_ceil(self.piece).div_ceil(self.world)
    }

    /// Images that a process computes in a round; there may be none in the last.
    fn of(&self, round: usize, rank: usize) -> Range<usize> {
        let start = ((round * self.world + rank) * self.piece).min(self.images);
        start..(start + self.piece).min(self.images)
    }

    /// Images that this process computes, in order.
    pub(super) fn mine(&self) -> Vec<usize> {
        (0..self.rounds()).flat_map(|round| self.of(round, self.rank)).collect()
    }
}

/// The shape, but for the number of rows, and the type of computed features.
#[derive(Clone, Debug)]
pub(super) struct RowForm {
    pub(super) shape: Vec<i64>,
    pub(super) kind: Kind,
    pub(super) device: Device,
}

/// Features of all missing images in their order: this process computes its pieces, and takes those of the others. Every
/// process asks for them alike.
pub(super) struct Shared<'a, I> {
    team: &'a Team,
    pieces: Pieces,
    form: RowForm,
    /// Features of the images of this process, a chunk at a time.
    own: I,
    round: usize,
    ready: VecDeque<Tensor>,
}

impl<'a, I: Iterator<Item = Result<Tensor, Error>>> Shared<'a, I> {
    pub(super) fn new(team: &'a Team, pieces: Pieces, form: RowForm, own: I) -> Self {
        Self { team, pieces, form, own, round: 0, ready: VecDeque::new() }
    }

    /// Computes the piece of this process and exchanges it for those of the others.
    fn exchange(&mut self) -> Result<(), Error> {
        let round = self.round;
        self.round += 1;
        let mine = self.pieces.of(round, self.team.rank());
        let chunks = mine.len().div_ceil(self.pieces.chunk);
        let computed = self.own.by_ref().take(chunks).collect::<Result<Vec<Tensor>, Error>>();
        let computed = self.team.agree(computed)?;
        for rank in 0..self.team.world() {
            let rows = self.pieces.of(round, rank).len();
            if rows == 0 {
                continue;
            }
            let mut shape = self.form.shape.clone();
            shape[0] = i64::try_from(rows).unwrap_or(i64::MAX);
            let mut piece = match self.team.rank() {
                own if own == rank => {
                    Tensor::f_cat(&computed, 0)?.f_to_kind(self.form.kind)?.f_contiguous()?
                }
                _ => Tensor::f_empty(&shape, (self.form.kind, self.form.device))?,
            };
            self.team.broadcast(&mut piece, rank)?;
            self.ready.push_back(piece);
        }
        Ok(())
    }
}

impl<I: Iterator<Item = Result<Tensor, Error>>> Iterator for Shared<'_, I> {
    type Item = Result<Tensor, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && self.round < self.pieces.rounds()
            && let Err(error) = self.exchange()
        {
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
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
