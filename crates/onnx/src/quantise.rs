//! Eight bits: values quantised where they pass between operators, weights for each output channel.

use graph::Value;

use crate::lower::Lowering;
use crate::message::{Attribute, ElementType};
use crate::ranges::{Bytes, byte};
use crate::weights::Folded;

impl Lowering<'_> {
    /// A value through 8 bits and back, if it is one that convolutions and sums read.
    pub(crate) fn quantised(&mut self, value: Value, name: String) -> String {
        let bytes = self.ranges.and_then(|ranges| ranges.bytes(self.graph, value));
        let Some(Bytes { step, zero }) = bytes else { return name };
        let step = self.builder.floats32("step", &[], &[step]);
        let zero = self.builder.constant("zero", ElementType::Uint8, &[], vec![zero]);
        let short = self.builder.node("QuantizeLinear", &[&name, &step, &zero], vec![]);
        self.builder.node("DequantizeLinear", &[&short, &step, &zero], vec![])
    }

    /// Names of weight and bias of a convolution, which go through 8 bits where its input does and it is not the first.
    pub(crate) fn kernel(&mut self, input: Value, stem: &str, folded: &Folded) -> [String; 2] {
        let Folded { dims, weight, bias } = folded;
        let bias_name = format!("{}.bias", stem.strip_suffix(".weight").unwrap_or(stem));
        let Some(Bytes { step: input_step, .. }) =
            self.ranges.and_then(|ranges| ranges.bytes(self.graph, input))
        else {
            return [
                self.builder.floats(stem, dims, weight),
                self.builder.floats(&bias_name, &dims[..1], bias),
            ];
        };
        let steps = folded.steps();
        let bytes = folded.channels().zip(&steps);
        let bytes =
            bytes.flat_map(|(channel, &step)| channel.iter().map(move |&value| byte(value, step) as u8));
        let bytes: Vec<u8> = bytes.collect();
        let count = steps.len() as i64;
        let scale = self.builder.floats32(&format!("{stem}.step"), &[count], &steps);
        let zeros = self.builder.constant("zeros", ElementType::Int8, &[count], vec![0; steps.len()]);
        let short = self.builder.constant(stem, ElementType::Int8, dims, bytes);
        let along = || vec![Attribute::int("axis", 0)];
        let whole = self.builder.node("DequantizeLinear", &[&short, &scale, &zeros], along());

        let steps: Vec<f32> = steps.iter().map(|step| step * input_step).collect();
        let bytes = bias.iter().zip(&steps).flat_map(|(&value, &step)| {
            let steps = (f64::from(value) / f64::from(step)).round();
            (steps.clamp(i32::MIN.into(), i32::MAX.into()) as i32).to_le_bytes()
        });
        let bytes: Vec<u8> = bytes.collect();
        let scale = self.builder.floats32(&format!("{bias_name}.step"), &[count], &steps);
        let zeros = self.builder.constant("zeros", ElementType::Int32, &[count], vec![0; 4 * steps.len()]);
        let short = self.builder.constant(&bias_name, ElementType::Int32, &[count], bytes);
        let bias = self.builder.node("DequantizeLinear", &[&short, &scale, &zeros], along());
        [whole, bias]
    }
}
