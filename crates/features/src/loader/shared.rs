//! Features that several processes compute, each image in one of them.

use std::collections::VecDeque;

use tch::{Device, Kind, Tensor};
use team::Team;

use crate::Error;
use crate::pieces::Pieces;

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
        let chunks = mine.len().div_ceil(self.pieces.chunk());
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
