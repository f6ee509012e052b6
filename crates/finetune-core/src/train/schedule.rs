//! The learning rate over the steps of a phase.

use std::f64::consts::PI;

use crate::config::ScheduleKind;

/// The rate at `step` (from 0) of `steps`.
#[must_use]
pub fn rate(kind: ScheduleKind, base: f64, step: u64, steps: u64) -> f64 {
    match kind {
        ScheduleKind::Constant => base,
        ScheduleKind::Cosine => base * 0.5 * (1.0 + (PI * step as f64 / steps.max(1) as f64).cos()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_falls_from_the_full_rate_through_half_towards_zero() {
        let at = |step| rate(ScheduleKind::Cosine, 0.2, step, 100);
        assert_eq!(at(0), 0.2);
        assert!((at(50) - 0.1).abs() < 1e-12);
        assert!(at(99) > 0.0 && at(99) < 1e-4);
        assert_eq!(rate(ScheduleKind::Constant, 0.2, 99, 100), 0.2);
    }
}
