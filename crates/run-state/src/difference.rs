use std::fmt;

/// What a difference means for the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It would be another run.
    Decides,
    /// The last bits of the result may be others.
    Bits,
    /// The same, because the run goes on in another number of processes, which is accepted.
    Processes,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key, or what it is of.
    pub what: String,
    /// How it was and is, in words.
    pub how: String,
    /// What it means for the result.
    pub effect: Effect,
}

impl Difference {
    /// Returns a difference that makes it another run.
    #[must_use]
    pub fn deciding(what: &str, how: String) -> Self {
        Self { what: what.to_owned(), how, effect: Effect::Decides }
    }
}

/// Width of the column of what differs.
const COLUMN: usize = 21;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:COLUMN$} {}", self.what, self.how)
    }
}
