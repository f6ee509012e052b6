//! Rows of features in the order of their pictures, from what is known of some and computed of the others.

use tch::Tensor;

use crate::Error;

/// Features in the order of their pictures, a few rows at a time: known ones by their rows, and the others as they are
/// computed.
pub(super) struct Merged<'a, I> {
    /// Of the pictures that are still to come, the known one's row.
    rows: &'a [Option<i64>],
    known: Option<&'a Tensor>,
    computed: I,
    chunk: usize,
    /// Computed already, and not yet its turn.
    left: Option<Tensor>,
}

impl<'a, I> Merged<'a, I> {
    /// For each picture its row among the known features, if it has one; what is computed of the others, in their order; and
    /// how many rows come at once at most.
    pub(super) fn new(
        (rows, known): (&'a [Option<i64>], Option<&'a Tensor>),
        computed: I,
        chunk: usize,
    ) -> Self {
        Self { rows, known, computed, chunk, left: None }
    }
}

impl<I: Iterator<Item = Result<Tensor, Error>>> Iterator for Merged<'_, I> {
    type Item = Result<Tensor, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let alike = self.rows.chunk_by(|one, other| one.is_some() == other.is_some()).next()?;
        let most = &alike[..alike.len().min(self.chunk)];
        let x = match self.known.filter(|_| most[0].is_some()) {
            Some(known) => {
                let rows: Vec<i64> = most.iter().flatten().copied().collect();
                Tensor::f_from_slice(&rows)
                    .and_then(|rows| known.f_index_select(0, &rows))
                    .map_err(Error::from)
            }
            None => self.left.take().map_or_else(|| self.computed.next(), |left| Some(Ok(left)))?,
        };
        Some(x.and_then(|x| {
            let (count, most) = (x.size()[0], i64::try_from(most.len()).unwrap_or(i64::MAX));
            if count > most {
                self.left = Some(x.f_narrow(0, most, count - most)?);
            }
            let taken = count.min(most);
            self.rows = &self.rows[usize::try_from(taken).unwrap_or(usize::MAX)..];
            Ok(x.f_narrow(0, 0, taken)?)
        }))
    }
}

/// The rows at these places.
pub(super) fn chosen(tensor: &Tensor, places: &[usize]) -> Result<Tensor, tch::TchError> {
    let places: Vec<i64> = places.iter().map(|&place| i64::try_from(place).unwrap_or(-1)).collect();
    tensor.f_index_select(0, &Tensor::f_from_slice(&places)?.f_to_device(tensor.device())?)
}
