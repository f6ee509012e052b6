//! B0's stages, which all other networks of the family scale.

/// B0's seven stages of blocks: expansion, kernel, stride, channels in, channels out, blocks.
pub(crate) const TABLE: [Row; 7] = [
    row(1, 3, 1, 32, 16, 1),
    row(6, 3, 2, 16, 24, 2),
    row(6, 5, 2, 24, 40, 2),
    row(6, 3, 2, 40, 80, 3),
    row(6, 5, 1, 80, 112, 3),
    row(6, 5, 2, 112, 192, 4),
    row(6, 3, 1, 192, 320, 1),
];

/// A row of the paper's table 1: a stage of like blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) expansion: i64,
    pub(crate) kernel: i64,
    pub(crate) stride: i64,
    pub(crate) input: i64,
    pub(crate) output: i64,
    pub(crate) blocks: u32,
}

const fn row(expansion: i64, kernel: i64, stride: i64, input: i64, output: i64, blocks: u32) -> Row {
    Row { expansion, kernel, stride, input, output, blocks }
}
