//! How blocks become stages: B0's table, which Lite and B1 to B7 scale, and those of V2.

/// B0's seven stages of blocks: expansion, kernel, stride, channels in, channels out, blocks.
const B0: [Row; 7] = [
    row(1, 3, 1, 32, 16, 1),
    row(6, 3, 2, 16, 24, 2),
    row(6, 5, 2, 24, 40, 2),
    row(6, 3, 2, 40, 80, 3),
    row(6, 5, 1, 80, 112, 3),
    row(6, 5, 2, 112, 192, 4),
    row(6, 3, 1, 192, 320, 1),
];

/// The paper's table 4 of V2, and what its authors published for the larger ones.
pub(crate) const V2_S: [Row; 6] = [
    fused(1, 1, 24, 24, 2),
    fused(4, 2, 24, 48, 4),
    fused(4, 2, 48, 64, 4),
    row(4, 3, 2, 64, 128, 6),
    row(6, 3, 1, 128, 160, 9),
    row(6, 3, 2, 160, 256, 15),
];
pub(crate) const V2_M: [Row; 7] = [
    fused(1, 1, 24, 24, 3),
    fused(4, 2, 24, 48, 5),
    fused(4, 2, 48, 80, 5),
    row(4, 3, 2, 80, 160, 7),
    row(6, 3, 1, 160, 176, 14),
    row(6, 3, 2, 176, 304, 18),
    row(6, 3, 1, 304, 512, 5),
];
pub(crate) const V2_L: [Row; 7] = [
    fused(1, 1, 32, 32, 4),
    fused(4, 2, 32, 64, 7),
    fused(4, 2, 64, 96, 7),
    row(4, 3, 2, 96, 192, 10),
    row(6, 3, 1, 192, 224, 19),
    row(6, 3, 2, 224, 384, 25),
    row(6, 3, 1, 384, 640, 7),
];

/// A stage of like blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) expansion: i64,
    pub(crate) kernel: i64,
    pub(crate) stride: i64,
    pub(crate) input: i64,
    pub(crate) output: i64,
    pub(crate) blocks: usize,
}

/// Which block a stage is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 1x1 up, depthwise, 1x1 down.
    Depthwise,
    /// 3x3 up, 1x1 down.
    Fused,
}

const fn row(expansion: i64, kernel: i64, stride: i64, input: i64, output: i64, blocks: usize) -> Row {
    Row { kind: Kind::Depthwise, expansion, kernel, stride, input, output, blocks }
}

const fn fused(expansion: i64, stride: i64, input: i64, output: i64, blocks: usize) -> Row {
    Row { kind: Kind::Fused, ..row(expansion, 3, stride, input, output, blocks) }
}

/// How much wider and deeper than B0 a network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) width: f64,
    pub(crate) depth: f64,
}

impl Scale {
    /// Returns B0's stages at this scale.
    pub(crate) fn rows(self) -> Vec<Row> {
        B0.into_iter().map(|row| self.scaled(row)).collect()
    }

    /// Returns Lite0's at this scale: the first stage and the last keep their depth.
    pub(crate) fn lite_rows(self) -> Vec<Row> {
        let mut rows = self.rows();
        for (place, of_b0) in B0.into_iter().enumerate() {
            if place == 0 || place == B0.len() - 1 {
                rows[place].blocks = of_b0.blocks;
            }
        }
        // What precedes the first stage is not scaled.
        rows[0].input = B0[0].input;
        rows
    }

    fn scaled(self, row: Row) -> Row {
        let [input, output] = [row.input, row.output].map(|channels| eights(channels as f64 * self.width));
        Row { input, output, blocks: (row.blocks as f64 * self.depth).ceil() as usize, ..row }
    }
}

/// The nearest multiple of eight, but never less than nine tenths of the number.
pub(crate) fn eights(channels: f64) -> i64 {
    let rounded = ((channels + 4.0) as i64 / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::eights;

    #[test]
    fn widths_round_to_eights_without_losing_a_tenth() {
        assert_eq!([4.0, 17.6, 18.0, 35.2, 60.0].map(eights), [8, 16, 24, 32, 64]);
    }
}
