//! Eight bits: values quantised where they pass between operators, weights for each output channel.

use graph::Value;

use crate::lower::{Lowering, transposed};
use crate::message::{Attribute, ElementType};
use crate::ranges::Bytes;
use crate::weights::Folded;

impl Lowering<'_> {
    /// A value through 8 bits and back, if it is one that convolutions, sums and linear layers read.
    pub(crate) fn quantised(&mut self, value: Value, name: String) -> String {
        let Some(Bytes { step, zero }) = self.bytes(value) else { return name };
        let step = self.builder.floats32("step", &[], &[step]);
        let zero = self.builder.constant("zero", ElementType::Uint8, &[], vec![zero]);
        let short = self.builder.node("QuantizeLinear", &[&name, &step, &zero], vec![]);
        self.builder.node("DequantizeLinear", &[&short, &step, &zero], vec![])
    }

    /// Names of weight and bias, which go through 8 bits where the input does: of a convolution, or of a linear layer that reads
    /// no tokens. Output channels are the first axis.
    pub(crate) fn kernel(
        &mut self,
        input: Value,
        [stem, bias_name]: [&str; 2],
        folded: &Folded,
    ) -> [String; 2] {
        let Folded { dims, weight, bias } = folded;
        let Some(Bytes { step: input_step, .. }) = self.bytes(input) else {
            return [
                self.builder.floats(stem, dims, weight),
                self.builder.floats(bias_name, &dims[..1], bias),
            ];
        };
        let steps = folded.steps();
        let whole = self.short_weight(stem, dims, 0, &steps, folded.bytes(&steps));

        let count = steps.len() as i64;
        let steps: Vec<f32> = steps.iter().map(|step| step * input_step).collect();
        let bytes = bias.iter().zip(&steps).flat_map(|(&value, &step)| {
            let steps = (f64::from(value) / f64::from(step)).round();
            (steps.clamp(i32::MIN.into(), i32::MAX.into()) as i32).to_le_bytes()
        });
        let bytes: Vec<u8> = bytes.collect();
        let scale = self.builder.floats32(&format!("{bias_name}.step"), &[count], &steps);
        let zeros = self.builder.constant("zeros", ElementType::Int32, &[count], vec![0; 4 * steps.len()]);
        let short = self.builder.constant(bias_name, ElementType::Int32, &[count], bytes);
        let along = vec![Attribute::int("axis", 0)];
        let bias = self.builder.node("DequantizeLinear", &[&short, &scale, &zeros], along);
        [whole, bias]
    }

    /// Name of the matrix `[inputs, outputs]` that tokens are multiplied by, through 8 bits where they are; its weights are given
    /// as `[outputs, inputs]`.
    pub(crate) fn matrix(&mut self, tokens: Value, stem: &str, folded: &Folded) -> String {
        let [outputs, inputs] = [folded.dims[0], folded.dims[1]];
        if self.bytes(tokens).is_none() {
            return self.builder.floats(
                stem,
                &[inputs, outputs],
                &transposed(&folded.weight, outputs, inputs),
            );
        }
        let steps = folded.steps();
        let bytes = transposed(&folded.bytes(&steps), outputs, inputs);
        self.short_weight(stem, &[inputs, outputs], 1, &steps, bytes)
    }

    fn bytes(&self, value: Value) -> Option<Bytes> {
        self.ranges.and_then(|ranges| ranges.bytes(self.graph, value))
    }

    /// Weights from signed bytes, with a step for each place along an axis.
    fn short_weight(&mut self, stem: &str, dims: &[i64], axis: i64, steps: &[f32], bytes: Vec<u8>) -> String {
        let count = steps.len() as i64;
        let scale = self.builder.floats32(&format!("{stem}.step"), &[count], steps);
        let zeros = self.builder.constant("zeros", ElementType::Int8, &[count], vec![0; steps.len()]);
        let short = self.builder.constant(stem, ElementType::Int8, dims, bytes);
        self.builder.node("DequantizeLinear", &[&short, &scale, &zeros], vec![Attribute::int("axis", axis)])
    }
}
