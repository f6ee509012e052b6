//! Width, depth and heads of the networks.

/// How large a network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Side of a patch in pixels.
    pub(crate) patch: i64,
    /// Values of a token.
    pub(crate) width: i64,
    /// Blocks.
    pub(crate) depth: usize,
    /// Heads of attention.
    pub(crate) heads: i64,
    /// Tokens that stand for no patch and that nothing reads in the end (Darcet et al. 2023).
    pub(crate) registers: i64,
}

impl Shape {
    pub(crate) const TINY: Shape = Shape::of(192, 12, 3);
    pub(crate) const SMALL: Shape = Shape::of(384, 12, 6);
    pub(crate) const BASE: Shape = Shape::of(768, 12, 12);
    pub(crate) const LARGE: Shape = Shape::of(1024, 24, 16);
    pub(crate) const HUGE: Shape = Shape::of(1280, 32, 16);

    const fn of(width: i64, depth: usize, heads: i64) -> Self {
        Self { patch: 16, width, depth, heads, registers: 0 }
    }

    /// With patches of this side.
    pub(crate) const fn patch(self, patch: i64) -> Self {
        Self { patch, ..self }
    }

    /// With four registers.
    pub(crate) const fn registers(self) -> Self {
        Self { registers: 4, ..self }
    }

    /// Tokens that stand for no patch: the class token and the registers.
    pub(crate) fn special(self) -> i64 {
        1 + self.registers
    }
}
