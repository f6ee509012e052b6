//! How figures are written, the same on the page, in the terminal and in sentences.

/// A fraction as a percentage with one decimal, `97.5%`; `n/a` where it is not finite.
#[must_use]
pub fn percent(fraction: f64) -> String {
    if fraction.is_finite() { format!("{:.1}%", 100.0 * fraction) } else { "n/a".into() }
}

/// A difference of two fractions in percentage points, `+2.1` or `-0.3`; `n/a` where it is not finite.
#[must_use]
pub fn points(difference: f64) -> String {
    if difference.is_finite() { format!("{:+.1}", 100.0 * difference) } else { "n/a".into() }
}

/// A count with commas between thousands, `11,689,512`.
#[must_use]
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

/// A count with its noun, `1 image` or `2 images`. The noun's plural must end in `s` alone.
#[must_use]
pub fn counted(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

/// Names as a list in a sentence: `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn listed(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        names => names.concat(),
    }
}

/// Amount of training data: images per class, `None` for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(pub Option<u32>);

impl Amount {
    /// In a sentence: `5 images per class`, `all images`.
    #[must_use]
    pub fn in_words(self) -> String {
        self.0.map_or_else(|| "all images".into(), |n| format!("{} per class", counted(n.into(), "image")))
    }

    /// As part of a name: `5 per class`, `all images`. Folders of cells are named after it.
    #[must_use]
    pub fn short(self) -> String {
        self.0.map_or_else(|| "all images".into(), |n| format!("{n} per class"))
    }

    /// In a table whose heading names the unit: `5`, `all`.
    #[must_use]
    pub fn label(self) -> String {
        self.0.map_or_else(|| "all".into(), |n| n.to_string())
    }

    /// A number that sorts amounts from the least to the most data.
    #[must_use]
    pub fn order(self) -> u64 {
        self.0.map_or(u64::MAX, u64::from)
    }
}

/// Returns a ratio of 0 or more with three digits at most: `0.64`, `3.1e-5`, `0`.
#[must_use]
pub fn ratio(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        small if small < 0.01 => format!("{small:.1e}"),
        usual => format!("{usual:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_one_way() {
        assert_eq!([count(0), count(999), count(11_689_512)], ["0", "999", "11,689,512"]);
        assert_eq!([counted(1, "image"), counted(2000, "image")], ["1 image", "2,000 images"]);
        assert_eq!([percent(0.975), percent(f64::NAN)], ["97.5%", "n/a"]);
        assert_eq!([points(0.021), points(-0.003), points(f64::NAN)], ["+2.1", "-0.3", "n/a"]);
        assert_eq!([listed(&[]), listed(&["a"]), listed(&["a", "b", "c"])], ["", "a", "a, b and c"]);
    }

    #[test]
    fn amounts_have_a_wording_for_each_use() {
        let words = |amount: Amount| [amount.in_words(), amount.short(), amount.label()];
        assert_eq!(words(Amount(Some(1))), ["1 image per class", "1 per class", "1"]);
        assert_eq!(words(Amount(Some(5))), ["5 images per class", "5 per class", "5"]);
        assert_eq!(words(Amount(None)), ["all images", "all images", "all"]);
        assert!(Amount(Some(u32::MAX)).order() < Amount(None).order());
    }

    #[test]
    fn a_ratio_is_short_at_every_size() {
        assert_eq!([0.0, 3.12e-5, 0.01, 0.637, 12.0].map(ratio), ["0", "3.1e-5", "0.01", "0.64", "12.00"]);
    }
}
