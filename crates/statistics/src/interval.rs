/// Confidence interval at 95%.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Quantile of the standard normal distribution at 97.5%: `scipy.stats.norm.ppf(0.975)`.
const Z: f64 = 1.959_963_984_540_054;

/// Confidence interval of a share, given that `correct` of `total` samples were: `0.0 <= correct <= total`, `total > 0.0`.
///
/// Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA
/// 1927): it stays within 0 and 1 and holds for few samples too. As
/// `scipy.stats.binomtest(correct, total).proportion_ci(0.95, method="wilson")`.
#[must_use]
pub fn wilson(correct: f64, total: f64) -> Interval {
    let share = correct / total;
    let centre = share + Z * Z / (2.0 * total);
    let half = Z * (share * (1.0 - share) / total + Z * Z / (4.0 * total * total)).sqrt();
    let scale = 1.0 + Z * Z / total;
    Interval { low: ((centre - half) / scale).max(0.0), high: ((centre + half) / scale).min(1.0) }
}
