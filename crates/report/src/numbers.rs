//! How figures are written: the same everywhere, on the page and in the terminal.

use records::Interval;

/// A fraction as a percentage with one decimal, `97.5%`.
pub fn percent(fraction: f64) -> String {
    if fraction.is_finite() { format!("{:.1}%", 100.0 * fraction) } else { "n/a".into() }
}

/// A mean with its spread in percent, `82.1 ± 1.3`.
pub(crate) fn percent_spread(mean: f64, sd: f64) -> String {
    if mean.is_finite() && sd.is_finite() {
        format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * sd)
    } else {
        "n/a".into()
    }
}

/// A 95 % interval in percent, `79.8 to 84.2`.
pub(crate) fn percent_interval(interval: Interval) -> String {
    format!("{:.1} to {:.1}", 100.0 * interval.low, 100.0 * interval.high)
}

/// Wall-clock time as a person says it: `4 ms`, `0.42 s`, `12.3 s`, `2 min 13 s`, `1 h 02 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "n/a".into();
    }
    let whole = seconds.round();
    match seconds {
        s if s < 0.0995 => format!("{:.0} ms", (1000.0 * s).ceil()),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        s if s < 3599.5 => format!("{:.0} min {:02.0} s", (whole / 60.0).floor(), whole % 60.0),
        s => {
            let minutes = (s / 60.0).round();
            format!("{:.0} h {:02.0} min", (minutes / 60.0).floor(), minutes % 60.0)
        }
    }
}

/// A count with its thousands set apart, `11,689,512`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 image`, `2 images`.
pub fn counted(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

/// A loss: four decimals while that says something, powers of ten beyond; `NaN` and `∞` by name.
pub(crate) fn loss(value: f64) -> String {
    if value.is_finite() && value != 0.0 && (value.abs() < 5e-4 || value.abs() >= 1e5) {
        return format!("{value:.2e}");
    }
    if value.is_finite() { format!("{value:.4}") } else { not_finite(value).into() }
}

/// Any number to four significant digits, trailing zeros dropped: learning rates, axis labels.
pub(crate) fn significant(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value).into();
    }
    if value == 0.0 {
        return "0".into();
    }
    let exponent = value.abs().log10().floor();
    if !(-4.0..6.0).contains(&exponent) {
        let scientific = format!("{value:.3e}");
        let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        return format!("{}e{power}", trimmed(mantissa));
    }
    // `exponent` lies in -4..6 here, so the number of decimals lies in 0..=7.
    let decimals = (3.0 - exponent).max(0.0) as usize;
    trimmed(&format!("{value:.decimals$}")).into()
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

fn not_finite(value: f64) -> &'static str {
    match value {
        v if v.is_nan() => "NaN",
        v if v > 0.0 => "∞",
        _ => "−∞",
    }
}

/// The interval in which the true accuracy lies with 95% confidence, given `right` of `total`.
///
/// Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical
/// inference", JASA 1927): it stays within 0 and 1 and holds for few images too.
pub(crate) fn wilson_interval(right: f64, total: f64) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    let p = right / total;
    let centre = p + Z * Z / (2.0 * total);
    let half = Z * (p * (1.0 - p) / total + Z * Z / (4.0 * total * total)).sqrt();
    let scale = 1.0 + Z * Z / total;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_at_every_size() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(11_689_512), "11,689,512");
        assert_eq!(duration(0.4), "0.40 s");
        assert_eq!(duration(0.004), "4 ms");
        assert_eq!(duration(59.96), "1 min 00 s");
        assert_eq!(duration(133.2), "2 min 13 s");
        assert_eq!(duration(3599.7), "1 h 00 min");
        assert_eq!(duration(f64::NAN), "n/a");
        assert_eq!(significant(0.001), "0.001");
        assert_eq!(significant(0.1 + 0.2), "0.3");
        assert_eq!(significant(1e-7), "1e-7");
        assert_eq!(significant(250_000.0), "250000");
        assert_eq!(significant(f64::NEG_INFINITY), "−∞");
        assert_eq!(loss(0.0), "0.0000");
        assert_eq!(loss(1.23e-7), "1.23e-7");
        assert_eq!(loss(f64::NAN), "NaN");
        assert_eq!(percent(f64::NAN), "n/a");
    }

    #[test]
    fn wilson_interval_agrees_with_scipy() {
        // scipy.stats.binomtest(197, 200).proportion_ci(0.95, method="wilson")
        let (low, high) = wilson_interval(197.0, 200.0);
        assert!((low - 0.956_834).abs() < 1e-5, "{low}");
        assert!((high - 0.994_886).abs() < 1e-5, "{high}");
        assert_eq!(wilson_interval(5.0, 5.0).1, 1.0);
    }
}
