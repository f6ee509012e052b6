//! Rows of features in the order of their images, some found and the others computed.

use tch::Tensor;

use crate::Error;

/// Features in the order of their images, a few rows at a time: found ones are selected by their rows, the others are taken
/// as they are computed.
pub(super) struct Merged<'a, I> {
    /// Row of each remaining image among the found features; `None` where it is computed.
    rows: &'a [Option<i64>],
    found: Option<&'a Tensor>,
    computed: I,
    chunk: usize,
    /// Computed rows that come after found ones.
    rest: Option<Tensor>,
}

impl<'a, I> Merged<'a, I> {
    /// `rows` has for each image its row in `found`, if it has one; `computed` yields the others in their order; at most
    /// `chunk` rows come at once.
    pub(super) fn new(rows: &'a [Option<i64>], found: Option<&'a Tensor>, computed: I, chunk: usize) -> Self {
        Self { rows, found, computed, chunk, rest: None }
    }
}

impl<I: Iterator<Item = Result<Tensor, Error>>> Iterator for Merged<'_, I> {
    type Item = Result<Tensor, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let alike = self.rows.chunk_by(|one, other| one.is_some() == other.is_some()).next()?;
        let most = &alike[..alike.len().min(self.chunk)];
        let x = match self.found.filter(|_| most[0].is_some()) {
            Some(found) => {
                let rows: Vec<i64> = most.iter().flatten().copied().collect();
                Tensor::f_from_slice(&rows)
                    .and_then(|rows| found.f_index_select(0, &rows))
                    .map_err(Error::from)
            }
            None => self.rest.take().map_or_else(|| self.computed.next(), |rest| Some(Ok(rest)))?,
        };
        Some(x.and_then(|x| {
            let (count, most) = (x.size()[0], i64::try_from(most.len()).unwrap_or(i64::MAX));
            if count > most {
                self.rest = Some(x.f_narrow(0, most, count - most)?);
            }
            let taken = count.min(most);
            self.rows = &self.rows[usize::try_from(taken).unwrap_or(usize::MAX)..];
            Ok(x.f_narrow(0, 0, taken)?)
        }))
    }
}
