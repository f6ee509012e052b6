//! Random masks of a batch of which this process has some rows: they are drawn for the whole batch and cut, so that an image is
//! masked alike wherever its batch is cut.

use std::cell::Cell;
use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::layout::channels_last;

/// Rows of a batch that are computed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The rows, from 0.
    pub here: Range<i64>,
    /// Rows of the whole batch.
    pub of: i64,
}

thread_local! {
    static CUT: Cell<Option<(i64, i64, i64)>> = const { Cell::new(None) };
}

/// While it lives, masks drawn in this thread are those of some rows of a larger batch.
#[derive(Debug)]
#[must_use]
pub struct CutRows(());

impl Rows {
    /// Returns all rows of a batch.
    #[must_use]
    pub fn all(count: i64) -> Self {
        Self { here: 0..count, of: count }
    }

    /// Whether they are not the whole batch.
    #[must_use]
    pub fn are_cut(&self) -> bool {
        self.here != (0..self.of)
    }

    /// Number of rows.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.here.end - self.here.start
    }

    /// Makes the masks of this thread those of these rows, until the value is dropped; nothing where they are the whole batch.
    pub fn cut(&self) -> CutRows {
        let cut = (self.here.start, self.count(), self.of);
        CUT.set(self.are_cut().then_some(cut));
        CutRows(())
    }
}

impl Drop for CutRows {
    fn drop(&mut self) {
        CUT.set(None);
    }
}

/// Drops each value of `x`, `[N, ..]`, with this probability and scales up the rest, as `torch.nn.functional.dropout` in training.
pub fn dropout(x: &Tensor, probability: f64) -> Tensor {
    let Some((start, count, of)) = cut_of(x) else { return x.dropout(probability, true) };
    // The mask is what ones become.
    let mask = whole(x, of).dropout(probability, true);
    x * mask.narrow(0, start, count)
}

/// Returns for each image of `x`, `[N, ..]`, one or zero, one with probability `keep`: `[N, 1, ..]`.
pub fn kept_images(x: &Tensor, keep: f64) -> Tensor {
    let mut shape = vec![1; x.dim()];
    let cut = cut_of(x);
    shape[0] = cut.map_or(x.size()[0], |(_, _, of)| of);
    let kept = Tensor::empty(shape, (x.kind(), x.device())).bernoulli_float_(keep);
    cut.map_or_else(|| kept.shallow_clone(), |(start, count, _)| kept.narrow(0, start, count))
}

/// Returns the rows of which `x` is, where they are not the whole batch.
fn cut_of(x: &Tensor) -> Option<(i64, i64, i64)> {
    CUT.get().filter(|&(_, count, _)| x.size().first() == Some(&count))
}

/// Returns ones of the shape of the whole batch, laid out as `x`: masks are drawn in the order of memory.
fn whole(x: &Tensor, rows: i64) -> Tensor {
    let mut shape = x.size();
    shape[0] = rows;
    let options: (Kind, Device) = (x.kind(), x.device());
    let ones = Tensor::ones(shape, options);
    if x.dim() == 4 && crate::layout::is_channels_last(x) { channels_last(&ones) } else { ones }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_masks_are_rows_of_the_whole_one() {
        let options = (Kind::Float, Device::Cpu);
        for shape in [vec![7, 5], vec![7, 3, 4, 4]] {
            for nhwc in [false, true] {
                let x = Tensor::randn(&shape, options);
                let x = if nhwc && x.dim() == 4 { channels_last(&x) } else { x };
                let draw = |x: &Tensor| {
                    tch::manual_seed(3);
                    (dropout(x, 0.4), kept_images(x, 0.6), Tensor::rand([2], options))
                };
                let (dropped, kept, next) = draw(&x);
                for rows in [0..4, 4..7, 0..7, 6..7] {
                    let own = x.narrow(0, rows.start, rows.end - rows.start);
                    let cut = Rows { here: rows.clone(), of: 7 };
                    let guard = cut.cut();
                    let (own_dropped, own_kept, own_next) = draw(&own);
                    drop(guard);
                    assert!(
                        own_dropped.equal(&dropped.narrow(0, rows.start, cut.count())),
                        "{shape:?} {rows:?}"
                    );
                    assert!(own_kept.equal(&kept.narrow(0, rows.start, cut.count())), "{shape:?} {rows:?}");
                    assert!(own_next.equal(&next));
                }
                assert!(!dropped.equal(&x));
            }
        }
    }
}
