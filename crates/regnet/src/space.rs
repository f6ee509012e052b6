//! The rule that makes a network of four numbers.

/// A place in the space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// Number of blocks.
    pub(crate) depth: usize,
    /// Width of the first block, before rounding: the paper's w_0.
    pub(crate) first: i64,
    /// By how much each block is wider than the one before, before rounding: the paper's w_a.
    pub(crate) slope: f64,
    /// Factor from the width of one stage to that of the next: the paper's w_m.
    pub(crate) step: f64,
    /// Channels of a group.
    pub(crate) group: i64,
}

/// A stage: blocks of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Width {
    /// Channels.
    pub(crate) width: i64,
    /// Number of blocks.
    pub(crate) depth: usize,
    /// Channels of a group; no more than there are.
    pub(crate) group: i64,
}

impl Point {
    /// Returns its stages. Along the line, each width is rounded to a power of `step` times the first, then to a multiple of
    /// eight; blocks that come to the same width are a stage, whose width is then made a multiple of the group's.
    pub(crate) fn widths(&self) -> Vec<Width> {
        let first = self.first as f64;
        let width = |block: usize| {
            let linear = first + self.slope * block as f64;
            let power = ((linear / first).ln() / self.step.ln()).round_ties_even();
            (first * self.step.powf(power) / 8.0).round_ties_even() as i64 * 8
        };
        let widths: Vec<i64> = (0..self.depth).map(width).collect();
        let stages = widths.chunk_by(|one, next| one == next);
        let stages = stages.filter_map(|blocks| Some((*blocks.first()?, blocks.len())));
        stages
            .map(|(width, depth)| {
                let group = self.group.min(width);
                Width { width: multiple(width, group), depth, group }
            })
            .collect()
    }
}

/// The nearest multiple, but never less than nine tenths of the number.
fn multiple(number: i64, of: i64) -> i64 {
    let rounded = ((number + of / 2) / of * of).max(of);
    if rounded * 10 < number * 9 { rounded + of } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_numbers_are_the_papers_networks() {
        let of = |depth, first, slope, step, group| {
            let stages = Point { depth, first, slope, step, group }.widths();
            stages.into_iter().map(|stage| (stage.width, stage.depth)).collect::<Vec<_>>()
        };
        // Tables of the paper's appendix: RegNetY-400MF and RegNetX-32GF.
        assert_eq!(of(16, 48, 27.89, 2.09, 8), [(48, 1), (104, 3), (208, 6), (440, 6)]);
        assert_eq!(of(23, 320, 69.86, 2.0, 168), [(336, 2), (672, 7), (1344, 13), (2520, 1)]);
        assert_eq!([multiple(56, 24), multiple(120, 24), multiple(8, 24)], [48 + 24, 120, 24]);
    }
}
