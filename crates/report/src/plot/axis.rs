//! Axes: ticks from data, positions of values.

use crate::numbers;

/// Format of the values along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Up to four significant digits.
    Number,
    /// Whole numbers only: ticks never fall between two of them.
    Whole,
    /// Fractions, written as percentages.
    Percent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
}

/// One axis: label, scale and format of its values.
#[derive(Clone, Debug)]
pub struct Axis {
    label: String,
    scale: Scale,
    format: Format,
    ticks: Vec<(f64, String)>,
    including: Vec<f64>,
    within: (f64, f64),
}

/// Largest value that is drawn, as the differences of larger ones overflow.
const LARGEST: f64 = 1e200;
/// Smallest value that is not taken as zero, as quotients of smaller ones underflow.
const SMALLEST: f64 = 1e-200;

impl Axis {
    /// An evenly spaced axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            scale: Scale::Linear,
            format: Format::Number,
            ticks: Vec::new(),
            including: Vec::new(),
            within: (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// A logarithmic axis; values of zero and below are not drawn.
    pub fn logarithmic(label: impl Into<String>) -> Self {
        Self { scale: Scale::Logarithmic, ..Self::linear(label) }
    }

    /// Values are whole numbers, such as epochs.
    #[must_use]
    pub fn whole_numbers(mut self) -> Self {
        self.format = Format::Whole;
        self
    }

    /// Values are fractions of one and are written as percentages; the axis never leaves `0..=1`.
    #[must_use]
    pub fn percent(mut self) -> Self {
        self.format = Format::Percent;
        self.within = (0.0, 1.0);
        self
    }

    /// The axis reaches at least to `value`, whatever the data.
    #[must_use]
    pub fn including(mut self, value: f64) -> Self {
        self.including.push(value);
        self
    }

    /// Ticks at these values with these labels, instead of ticks found from the data.
    #[must_use]
    pub fn ticks_at(mut self, ticks: impl IntoIterator<Item = (f64, String)>) -> Self {
        self.ticks.extend(ticks);
        self
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Returns a value as text: its tick's label where it has one.
    pub(super) fn value_label(&self, value: f64) -> String {
        let tick = self.ticks.iter().find(|(at, _)| *at == value);
        tick.map_or_else(|| self.number(value), |(_, label)| label.clone())
    }

    fn number(&self, value: f64) -> String {
        match self.format {
            Format::Percent => format!("{}%", numbers::significant(100.0 * value)),
            Format::Number | Format::Whole => numbers::significant(value),
        }
    }

    pub(super) fn can_show(&self, value: f64) -> bool {
        value.is_finite() && value.abs() < LARGEST && (self.scale == Scale::Linear || value > SMALLEST)
    }

    /// The axis laid over data: its ends are the data's own.
    pub(super) fn tight(&self, data: impl Iterator<Item = f64>) -> Span {
        let (low, high) = self.extremes(data);
        let ticks = self.ticks_between(low, high);
        Span { scale: self.scale, low, high, ticks }
    }

    /// The axis laid over data: its ends are moved outwards to a tick.
    pub(super) fn rounded(&self, data: impl Iterator<Item = f64>) -> Span {
        let (low, high) = self.extremes(data);
        if self.scale == Scale::Logarithmic {
            return Span { scale: self.scale, low, high, ticks: self.ticks_between(low, high) };
        }
        let step = self.step(low, high);
        let low = ((low / step + 1e-9).floor() * step).max(self.within.0);
        let high = ((high / step - 1e-9).ceil() * step).min(self.within.1);
        Span { scale: self.scale, low, high, ticks: self.ticks_between(low, high) }
    }

    /// The smallest and largest value to show, never the same.
    fn extremes(&self, data: impl Iterator<Item = f64>) -> (f64, f64) {
        let all = data.chain(self.including.iter().copied()).filter(|v| self.can_show(*v));
        let shown = all.map(|v| if v.abs() < SMALLEST { 0.0 } else { v });
        let held = shown.map(|v| v.clamp(self.within.0, self.within.1));
        let (low, high) = held.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = match (low <= high, self.format) {
            (true, _) => (low, high),
            (false, Format::Whole) => (1.0, 1.0),
            (false, _) => (1e-3, 1.0),
        };
        // Closer together than the rounding of a double counts as the same.
        if high - low > 1e-12 * high.abs().max(low.abs()) {
            return (low, high);
        }
        match (self.scale, self.format) {
            (Scale::Logarithmic, _) => (low / 2.0, high * 2.0),
            (Scale::Linear, Format::Whole) => (low - 1.0, high + 1.0),
            (Scale::Linear, Format::Percent) => ((low - 0.05).max(0.0), (high + 0.05).min(1.0)),
            (Scale::Linear, Format::Number) if low == 0.0 => (0.0, 1.0),
            (Scale::Linear, Format::Number) => (low - 0.5 * low.abs(), high + 0.5 * high.abs()),
        }
    }

    fn ticks_between(&self, low: f64, high: f64) -> Vec<(f64, String)> {
        let inside = |value: f64| value >= low - 1e-9 * (high - low) && value <= high + 1e-9 * (high - low);
        if !self.ticks.is_empty() {
            return self.ticks.iter().filter(|(at, _)| inside(*at)).cloned().collect();
        }
        let values: Vec<f64> = match self.scale {
            Scale::Linear => {
                let step = self.step(low, high);
                let first = (low / step - 1e-9).ceil();
                let spaced = (0..=12).map(|i| (first + f64::from(i)) * step);
                // Adding zero turns a negative zero into a plain one.
                spaced.map(|v| if v.abs() < 1e-9 * step { 0.0 } else { v }).collect()
            }
            Scale::Logarithmic => decades(low, high),
        };
        values.into_iter().filter(|v| inside(*v)).map(|v| (v, self.number(v))).collect()
    }

    /// Distance between ticks: 1, 2 or 5 times a power of ten, for about five ticks.
    fn step(&self, low: f64, high: f64) -> f64 {
        let rough = (high - low) / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0]
            .map(|m| m * power)
            .into_iter()
            .find(|s| *s >= rough * 0.999)
            .unwrap_or(10.0 * power);
        if self.format == Format::Whole { step.max(1.0) } else { step }
    }
}

/// Powers of ten, with 2 and 5 between them when there are few.
fn decades(low: f64, high: f64) -> Vec<f64> {
    // `Axis::can_show` keeps both exponents within a few hundred.
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let every = ((last - first) / 6).max(1) as usize;
    let between: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let powers = (first..=last).step_by(every).map(|e| 10f64.powi(e));
    powers.flat_map(|power| between.iter().map(move |m| m * power)).collect()
}

/// An axis laid over data.
#[derive(Debug)]
pub(super) struct Span {
    scale: Scale,
    low: f64,
    high: f64,
    /// Value and label of each tick.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Span {
    /// Returns the position of `value` along the axis, `0.0` at its lower end and `1.0` at its upper; clamped to these.
    pub(super) fn position(&self, value: f64) -> f64 {
        let at = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic if value <= 0.0 => 0.0,
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        at.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(span: &Span) -> Vec<&str> {
        span.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        let span = Axis::linear("loss").rounded([0.13, 2.31].into_iter());
        assert_eq!(labels(&span), ["0", "0.5", "1", "1.5", "2", "2.5"]);
        let span = Axis::linear("accuracy").percent().rounded([0.93, 0.987].into_iter());
        assert_eq!(labels(&span), ["92%", "94%", "96%", "98%", "100%"]);
        let span = Axis::linear("epoch").whole_numbers().tight([1.0, 2.0, 3.0].into_iter());
        assert_eq!(labels(&span), ["1", "2", "3"]);
        let span = Axis::logarithmic("rate").tight([1e-5, 1e-1].into_iter());
        assert_eq!(labels(&span), ["1e-5", "0.0001", "0.001", "0.01", "0.1"]);
    }

    #[test]
    fn degenerate_data_still_gives_an_axis() {
        let hostile: [&[f64]; 7] = [
            &[],
            &[0.0],
            &[7.0, 7.0],
            &[f64::NAN, f64::INFINITY],
            &[1e300, -1e300],
            &[1e-320],
            &[1e16, 1e16 + 2.0],
        ];
        for axis in [
            Axis::linear("v"),
            Axis::logarithmic("v"),
            Axis::linear("v").percent(),
            Axis::linear("v").whole_numbers(),
        ] {
            for data in hostile {
                for span in [axis.tight(data.iter().copied()), axis.rounded(data.iter().copied())] {
                    assert!(span.ticks.len() <= 13, "{span:?}");
                    for value in data.iter().copied().filter(|v| axis.can_show(*v)) {
                        assert!((0.0..=1.0).contains(&span.position(value)), "{value} on {span:?}");
                    }
                }
            }
        }
    }
}
