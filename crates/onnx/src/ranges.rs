//! Intervals of values, and the bytes for them and for weights.

use std::collections::BTreeMap;

use graph::{Graph, Op, Value};

use crate::weights::Folded;

/// The smallest and the largest of each value over calibration images.
#[derive(Clone, Debug, Default)]
pub struct Ranges(BTreeMap<usize, Range>);

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest value.
    pub least: f32,
    /// The largest value.
    pub most: f32,
}

impl Ranges {
    /// Widens the interval of a value by what was seen.
    pub fn see(&mut self, value: Value, range: Range) {
        let known = self.0.entry(value.index()).or_insert(range);
        known.least = known.least.min(range.least);
        known.most = known.most.max(range.most);
    }

    /// Returns the interval of a value.
    #[must_use]
    pub fn get(&self, value: Value) -> Option<Range> {
        self.0.get(&value.index()).copied()
    }

    /// Returns the unsigned bytes that reach over the interval of a value and have 0 among them, where it is quantised: what
    /// passes from one operation to the next, but not what an activation or a scale by channels still follows, not what a linear
    /// layer gives, not the image, not the logits and what they are computed from.
    #[must_use]
    pub fn bytes(&self, graph: &Graph, value: Value) -> Option<Bytes> {
        if value.index() == 0 || matches!(graph.node(value).op, Op::Linear { .. }) {
            return None;
        }
        let reads = |of: Value, op: &Op| match op {
            Op::Convolution(_) | Op::Add | Op::MaxPool(_) | Op::Concatenate { .. } => true,
            Op::Linear { .. } => graph.readers(of).next().is_some(),
            _ => false,
        };
        let mut readers = graph.readers(value).peekable();
        if readers.peek().is_none() || !readers.all(|reader| reads(reader, &graph.node(reader).op)) {
            return None;
        }
        let Range { least, most } = self.get(value)?;
        let (least, most) = (least.min(0.0), most.max(0.0));
        let step = ((most - least) / 255.0).max(f32::MIN_POSITIVE);
        Some(Bytes { step, zero: (-least / step).round().clamp(0.0, 255.0) as u8 })
    }
}

/// Unsigned bytes for numbers: (byte - zero) * step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bytes {
    /// From one byte to the next.
    pub step: f32,
    /// The byte for 0.
    pub zero: u8,
}

impl Folded {
    /// Steps of signed bytes for the weights of each output channel.
    pub(crate) fn steps(&self) -> Vec<f32> {
        let most = |channel: &[f32]| channel.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        self.channels().map(|channel| (most(channel) / 127.0).max(1e-12)).collect()
    }

    /// The signed bytes of all weights, for these steps.
    pub(crate) fn bytes(&self, steps: &[f32]) -> Vec<u8> {
        let bytes = self.channels().zip(steps);
        bytes.flat_map(|(channel, &step)| channel.iter().map(move |&value| byte(value, step) as u8)).collect()
    }

    pub(crate) fn channels(&self) -> impl Iterator<Item = &[f32]> {
        self.weight.chunks((self.weight.len() / self.bias.len().max(1)).max(1))
    }
}

/// The signed byte nearest to a weight.
fn byte(value: f32, step: f32) -> i8 {
    (value / step).round_ties_even().clamp(-127.0, 127.0) as i8
}

#[cfg(test)]
mod tests {
    use graph::Graph;

    use super::*;

    #[test]
    fn bytes_reach_over_what_was_seen_and_have_zero() {
        let (_, value) = Graph::of(&[1]);
        let mut ranges = Ranges::default();
        ranges.see(value, Range { least: -1.0, most: 2.0 });
        ranges.see(value, Range { least: -2.0, most: 1.0 });
        assert_eq!(ranges.get(value), Some(Range { least: -2.0, most: 2.0 }));
        // The image itself and the last value stay as they are.
        assert_eq!(ranges.bytes(&Graph::of(&[1]).0, value), None);
        let (mut graph, image) = Graph::of(&[1, 4, 4]);
        let relu = graph.push(Op::Activation(graph::Activation::Relu), &[image]);
        let pool = graph.push(Op::MaxPool(graph::Window::square(2, 2, 0)), &[relu]);
        for value in graph.values() {
            ranges.see(value, Range { least: -1.0, most: 3.0 });
        }
        let bytes = ranges.bytes(&graph, relu).unwrap();
        assert!((bytes.step - 4.0 / 255.0).abs() < 1e-7 && bytes.zero == 64, "{bytes:?}");
        assert_eq!((ranges.bytes(&graph, image), ranges.bytes(&graph, pool)), (None, None));
        let mut positive = Ranges::default();
        positive.see(relu, Range { least: 3.0, most: 5.1 });
        assert_eq!(positive.bytes(&graph, relu).map(|bytes| bytes.zero), Some(0));
    }

    #[test]
    fn each_channel_has_a_step_of_its_own() {
        let folded =
            Folded { dims: vec![2, 1, 1, 2], weight: vec![1.0, 0.5, 127.0, -3.2], bias: vec![0.26, -1.0] };
        let steps = folded.steps();
        assert_eq!(steps, [1.0 / 127.0, 1.0]);
        assert_eq!(folded.bytes(&steps), [127, 64, 127, -3i8 as u8]);
    }
}
