//! What comes next in a race, and what it came to.

use crate::measured::HeldOut;

/// One arm trained on one fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The arm.
    pub arm: usize,
    /// The fold, from 0.
    pub fold: usize,
}

/// What a cell came to.
#[derive(Clone, Debug, PartialEq)]
pub struct CellResult {
    /// The cell.
    pub cell: Cell,
    /// Logits of its arm, and of those that ride on it.
    pub held_out: Vec<HeldOut>,
    /// Wall-clock minutes.
    pub minutes: f64,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Train an arm on a fold.
    Run(Cell),
    /// Nothing: the race is over.
    Over(End),
}

/// Why a race is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The arm in front is expected to be as good as the best.
    Settled,
    /// What is left to try would exceed the budget.
    Budget,
    /// Every arm was measured on every fold, or dropped.
    Complete,
}
