//! How figures are written, the same on the page and in the terminal; what sentences use too is in [`records::wording`].

use records::Interval;
pub(crate) use records::wording::{count, counted, percent, points};

/// A mean with its spread in percent, `82.1 ± 1.3`.
pub(crate) fn percent_spread(mean: f64, sd: f64) -> String {
    if mean.is_finite() && sd.is_finite() {
        format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * sd)
    } else {
        "n/a".into()
    }
}

/// A confidence interval in percent, `79.8 to 84.2`.
pub(crate) fn percent_interval(interval: Interval) -> String {
    format!("{:.1} to {:.1}", 100.0 * interval.low, 100.0 * interval.high)
}

/// Wall-clock time in the unit that fits: `4 ms`, `0.42 s`, `12.3 s`, `2 min 13 s`, `1 h 02 min`.
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

/// A loss with four decimals, or as a power of ten for a small loss; `NaN` and `∞` by name.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_at_every_size() {
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
        assert_eq!(percent_spread(0.821, 0.013), "82.1 ± 1.3");
        assert_eq!(percent_interval(Interval { low: 0.798, high: 0.842 }), "79.8 to 84.2");
    }
}
