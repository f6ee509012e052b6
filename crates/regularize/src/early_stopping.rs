//! Early stopping (Prechelt, "Early Stopping - But When?", 1998): stop when validation has not improved for a while,
//! and keep the best epoch.

/// What to do after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The best so far: keep these weights, go on.
    Best,
    /// No better than the best: go on.
    Worse,
    /// Patience is at its end: stop.
    Stop,
}

/// Watches one figure that should fall, the validation loss.
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    patience: Option<u32>,
    seen: Seen,
}

/// What [`EarlyStopping`] has seen so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The lowest figure; infinite before the first.
    pub best: f64,
    /// Epochs since.
    pub since_best: u32,
}

impl EarlyStopping {
    /// Stops after `patience` epochs without a new best; `None` never stops but still finds the best.
    #[must_use]
    pub fn new(patience: Option<u32>) -> Self {
        Self { patience, seen: Seen { best: f64::INFINITY, since_best: 0 } }
    }

    /// Returns what was seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// Goes on from what another one has seen.
    #[must_use]
    pub fn having_seen(self, seen: Seen) -> Self {
        Self { seen, ..self }
    }

    /// Takes the figure of the epoch just finished. Anything that is not less than the best, NaN included, is worse.
    pub fn observe(&mut self, figure: f64) -> Verdict {
        if figure < self.seen.best {
            self.seen = Seen { best: figure, since_best: 0 };
            return Verdict::Best;
        }
        self.seen.since_best += 1;
        match self.patience {
            Some(patience) if self.seen.since_best >= patience => Verdict::Stop,
            _ => Verdict::Worse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_when_patience_ends_and_counts_from_the_best() {
        let mut watch = EarlyStopping::new(Some(2));
        let verdicts: Vec<_> = [3.0, 2.0, 2.0, 1.0, f64::NAN, 1.5].map(|x| watch.observe(x)).to_vec();
        use Verdict::{Best, Stop, Worse};
        assert_eq!(verdicts, [Best, Best, Worse, Best, Worse, Stop]);
    }

    #[test]
    fn without_patience_it_never_stops() {
        let mut watch = EarlyStopping::new(None);
        watch.observe(1.0);
        assert!((0..100).all(|_| watch.observe(2.0) == Verdict::Worse));
    }
}
