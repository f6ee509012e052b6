//! Operations of a graph as operators of ONNX, opset 17. Axes count from 1, behind the batch.

use graph::{Activation, Graph, Op, Value, Window};

use crate::Error;
use crate::builder::Builder;
use crate::message::Attribute;
use crate::ranges::Ranges;
use crate::weights::{Folded, Weights};

/// Turns a graph into operators.
pub(crate) struct Lowering<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) weights: &'a Weights<'a>,
    pub(crate) builder: &'a mut Builder,
    /// Where values are quantised to 8 bits; nowhere without.
    pub(crate) ranges: Option<&'a Ranges>,
    /// Names of the values so far.
    names: Vec<String>,
}

impl<'a> Lowering<'a> {
    /// Begins with the name of the graph's input.
    pub(crate) fn new(
        graph: &'a Graph,
        weights: &'a Weights<'a>,
        builder: &'a mut Builder,
        ranges: Option<&'a Ranges>,
    ) -> Self {
        Self { graph, weights, builder, ranges, names: Vec::new() }
    }

    /// Adds all operations; `input` is the name of what the first one stands for. Returns the name of the last value.
    pub(crate) fn all(mut self, input: &str) -> Result<String, Error> {
        for value in self.graph.values() {
            let name = if value.index() == 0 { input.to_owned() } else { self.operation(value)? };
            let name = self.quantised(value, name);
            self.names.push(name);
        }
        self.names.pop().ok_or_else(|| Error::NoTensor("the logits".to_owned()))
    }

    fn operation(&mut self, value: Value) -> Result<String, Error> {
        let node = self.graph.node(value);
        let inputs: Vec<String> = node.inputs.iter().map(|input| self.names[input.index()].clone()).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let x = inputs.first().copied().unwrap_or_default();
        let shape = |of: Value| self.graph.shape(of).to_vec();
        let first = || node.inputs.first().map_or_else(Vec::new, |&input| shape(input));
        let whole: Vec<i64> = [&[1], node.shape.as_slice()].concat();
        Ok(match &node.op {
            Op::Input => x.to_owned(),
            Op::Parameter(name) => {
                let values = self.weights.values(name)?;
                self.builder.floats(name, &whole, &values)
            }
            Op::Constant(values) => self.builder.floats("constant", &whole, values),
            Op::Rows { table, places } => {
                let values = self.weights.values(table)?;
                let rows = self.weights.dims(table)?.first().copied().unwrap_or(1).max(1);
                let row = values.len() / usize::try_from(rows).unwrap_or(1);
                let at = |place: &i64| usize::try_from(*place).unwrap_or(0) * row;
                let taken: Vec<f32> =
                    places.iter().flat_map(|place| values[at(place)..at(place) + row].to_vec()).collect();
                self.builder.floats(table, &whole, &taken)
            }
            Op::Convolution(convolution) => {
                let folded = self.weights.folded(convolution)?;
                let stem = convolution.weight.clone();
                let bias = format!("{}.bias", stem.strip_suffix(".weight").unwrap_or(&stem));
                let [weight, bias] = self.kernel(node.inputs[0], [&stem, &bias], &folded);
                let mut attributes = window(&convolution.window);
                attributes.push(Attribute::int("group", convolution.groups));
                self.builder.node("Conv", &[x, &weight, &bias], attributes)
            }
            Op::Normalise(norm) => {
                let (scales, shifts) = self.weights.scale_and_shift(norm)?;
                let mut dims = vec![1; node.shape.len() + 1];
                dims[1] = scales.len() as i64;
                let short = |values: Vec<f64>| values.into_iter().map(|it| it as f32).collect::<Vec<f32>>();
                let scale = self.builder.floats(&format!("{}.scale", norm.name), &dims, &short(scales));
                let shift = self.builder.floats(&format!("{}.shift", norm.name), &dims, &short(shifts));
                let scaled = self.builder.node("Mul", &[x, &scale], vec![]);
                self.builder.node("Add", &[&scaled, &shift], vec![])
            }
            Op::Linear { weight, bias, inputs: reads, outputs } => {
                let bias = bias.as_deref();
                self.linear(node.inputs[0], x, [weight, bias.unwrap_or("bias")], bias, [*reads, *outputs])?
            }
            Op::Activation(activation) => self.activation(*activation, x),
            Op::MaxPool(of) => self.builder.node("MaxPool", &[x], window(of)),
            Op::AveragePool(of) => {
                let mut attributes = window(of);
                attributes.push(Attribute::int("count_include_pad", 1));
                self.builder.node("AveragePool", &[x], attributes)
            }
            Op::AdaptiveAveragePool { side: 1 } => self.builder.node("GlobalAveragePool", &[x], vec![]),
            Op::AdaptiveAveragePool { side } => match first()[..] {
                [_, height, width] if [height, width] == [*side; 2] => x.to_owned(),
                [_, height, width] => {
                    let rows = self.builder.floats("rows", &[*side, height], &windows(*side, height));
                    let columns = windows(*side, width);
                    let columns = transposed(&columns, *side, width);
                    let columns = self.builder.floats("columns", &[width, *side], &columns);
                    let pooled = self.builder.node("MatMul", &[&rows, x], vec![]);
                    self.builder.node("MatMul", &[&pooled, &columns], vec![])
                }
                _ => return Err(Error::Shape(format!("{:?}", node.op))),
            },
            Op::Mean { axes } => {
                let axes: Vec<i64> = axes.iter().map(|&axis| behind_batch(axis)).collect();
                let attributes = vec![Attribute::ints("axes", &axes), Attribute::int("keepdims", 0)];
                self.builder.node("ReduceMean", &[x], attributes)
            }
            Op::Add => self.fold("Add", &inputs),
            Op::Multiply => self.fold("Mul", &inputs),
            Op::Scale(factor) => {
                let factor = self.builder.number("factor", *factor);
                self.builder.node("Mul", &[x, &factor], vec![])
            }
            Op::Concatenate { axis } => {
                let spread: Vec<String> = node
                    .inputs
                    .iter()
                    .zip(&inputs)
                    .map(|(&input, name)| self.for_each_image(input, name))
                    .collect();
                let spread: Vec<&str> = spread.iter().map(String::as_str).collect();
                self.builder.node("Concat", &spread, vec![Attribute::int("axis", behind_batch(*axis))])
            }
            Op::Take { places } => {
                let places = self.builder.ints("places", places);
                self.builder.node("Gather", &[x, &places], vec![Attribute::int("axis", 1)])
            }
            Op::UnitLength => {
                let attributes = vec![Attribute::int("axis", -1), Attribute::int("p", 2)];
                self.builder.node("LpNormalization", &[x], attributes)
            }
            Op::Slice { axis, from, to } => {
                let [from, to, axis] = [("from", *from), ("to", *to), ("axis", behind_batch(*axis))]
                    .map(|(name, value)| self.builder.ints(name, &[value]));
                self.builder.node("Slice", &[x, &from, &to, &axis], vec![])
            }
            Op::Reshape(_) if node.shape.len() == 1 => {
                self.builder.node("Flatten", &[x], vec![Attribute::int("axis", 1)])
            }
            Op::Reshape(_) => {
                // An extent of 0 is that of the input: the batch.
                let shape = self.builder.ints("shape", &[&[0], node.shape.as_slice()].concat());
                self.builder.node("Reshape", &[x, &shape], vec![])
            }
            Op::Transpose(order) => {
                let order: Vec<i64> =
                    std::iter::once(0).chain(order.iter().map(|&axis| behind_batch(axis))).collect();
                self.builder.node("Transpose", &[x], vec![Attribute::ints("perm", &order)])
            }
            Op::MatrixProduct => self.builder.node("MatMul", &inputs, vec![]),
            Op::Softmax => self.builder.node("Softmax", &[x], vec![Attribute::int("axis", -1)]),
            Op::LayerNorm { weight, bias, eps } => {
                let last = node.shape.last().copied().unwrap_or(1);
                let [weight, bias] = [weight, bias].map(|name| {
                    self.weights.values(name).map(|values| self.builder.floats(name, &[last], &values))
                });
                let attributes = vec![Attribute::int("axis", -1), Attribute::float("epsilon", *eps)];
                self.builder.node("LayerNormalization", &[x, &weight?, &bias?], attributes)
            }
            Op::Standardise { mean, deviation } => {
                let [mean, deviation] = [mean, deviation].map(|name| {
                    self.weights.values(name).map(|values| self.builder.floats(name, &whole, &values))
                });
                let centred = self.builder.node("Sub", &[x, &mean?], vec![]);
                self.builder.node("Div", &[&centred, &deviation?], vec![])
            }
        })
    }

    fn linear(
        &mut self,
        input: Value,
        x: &str,
        names: [&str; 2],
        bias: Option<&str>,
        [reads, outputs]: [i64; 2],
    ) -> Result<String, Error> {
        let bias = match bias {
            Some(bias) => self.weights.values(bias)?,
            None => vec![0.0; usize::try_from(outputs).unwrap_or(0)],
        };
        let weight = self.weights.values(names[0])?;
        let folded = Folded { dims: vec![outputs, reads], weight, bias };
        if self.graph.shape(input).len() == 1 {
            let [weight, bias] = self.kernel(input, names, &folded);
            return Ok(self.builder.node("Gemm", &[x, &weight, &bias], vec![Attribute::int("transB", 1)]));
        }
        let weight = self.matrix(input, names[0], &folded);
        let bias = self.builder.floats(names[1], &[outputs], &folded.bias);
        let product = self.builder.node("MatMul", &[x, &weight], vec![]);
        Ok(self.builder.node("Add", &[&product, &bias], vec![]))
    }

    fn activation(&mut self, activation: Activation, x: &str) -> String {
        match activation {
            Activation::Relu => self.builder.node("Relu", &[x], vec![]),
            Activation::Relu6 => {
                let [least, most] =
                    [("least", 0.0), ("most", 6.0)].map(|(name, of)| self.builder.number(name, of));
                self.builder.node("Clip", &[x, &least, &most], vec![])
            }
            Activation::Silu => {
                let gate = self.builder.node("Sigmoid", &[x], vec![]);
                self.builder.node("Mul", &[x, &gate], vec![])
            }
            Activation::Tanh => self.builder.node("Tanh", &[x], vec![]),
            Activation::Sigmoid => self.builder.node("Sigmoid", &[x], vec![]),
            Activation::HardSwish => self.builder.node("HardSwish", &[x], vec![]),
            Activation::HardSigmoid => {
                let [slope, middle] = [("alpha", 1.0 / 6.0), ("beta", 0.5)];
                let attributes = [slope, middle].map(|(name, value)| Attribute::float(name, value)).to_vec();
                self.builder.node("HardSigmoid", &[x], attributes)
            }
            Activation::Exp => self.builder.node("Exp", &[x], vec![]),
            Activation::Gelu => {
                let [root, one, half] = [("root", 0.5f64.sqrt()), ("one", 1.0), ("half", 0.5)]
                    .map(|(name, of)| self.builder.number(name, of));
                let scaled = self.builder.node("Mul", &[x, &root], vec![]);
                let error = self.builder.node("Erf", &[&scaled], vec![]);
                let share = self.builder.node("Add", &[&error, &one], vec![]);
                let half = self.builder.node("Mul", &[x, &half], vec![]);
                self.builder.node("Mul", &[&half, &share], vec![])
            }
        }
    }

    fn fold(&mut self, operator: &str, inputs: &[&str]) -> String {
        let (first, rest) = inputs.split_first().map_or(("", &[][..]), |(&first, rest)| (first, rest));
        rest.iter().fold(first.to_owned(), |x, other| self.builder.node(operator, &[&x, other], vec![]))
    }

    /// A constant once for each image of the batch; other values as they are.
    fn for_each_image(&mut self, value: Value, name: &str) -> String {
        let node = self.graph.node(value);
        if !node.constant {
            return name.to_owned();
        }
        let shape = self.builder.node("Shape", &[&self.names[0]], vec![]);
        let first = self.builder.ints("first", &[0]);
        let batch = self.builder.node("Gather", &[&shape, &first], vec![Attribute::int("axis", 0)]);
        let rest = self.builder.ints("extents", &node.shape);
        let shape = self.builder.node("Concat", &[&batch, &rest], vec![Attribute::int("axis", 0)]);
        self.builder.node("Expand", &[name, &shape], vec![])
    }
}

/// Attributes of what goes over positions.
fn window(window: &Window) -> Vec<Attribute> {
    let Window { kernel, stride, before: [top, left], after: [bottom, right] } = *window;
    vec![
        Attribute::ints("kernel_shape", &kernel),
        Attribute::ints("strides", &[stride; 2]),
        Attribute::ints("pads", &[top, left, bottom, right]),
    ]
}

/// An axis of one image as an axis of the batch.
fn behind_batch(axis: usize) -> i64 {
    axis as i64 + 1
}

/// The matrix `[side, extent]` whose rows are the means that `torch.nn.AdaptiveAvgPool2d` takes: from floor(i n / m) to
/// ceil((i + 1) n / m).
fn windows(side: i64, extent: i64) -> Vec<f32> {
    let mut matrix = Vec::new();
    for place in 0..side {
        let (from, to) = (place * extent / side, ((place + 1) * extent + side - 1) / side);
        let share = 1.0 / (to - from) as f32;
        matrix.extend((0..extent).map(|at| if (from..to).contains(&at) { share } else { 0.0 }));
    }
    matrix
}

/// `[rows, columns]` -> `[columns, rows]`.
pub(crate) fn transposed<T: Copy>(values: &[T], rows: i64, columns: i64) -> Vec<T> {
    let (rows, columns) = (usize::try_from(rows).unwrap_or(0), usize::try_from(columns).unwrap_or(0));
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_an_extent_as_adaptive_pooling_does() {
        assert_eq!(windows(2, 3), [0.5, 0.5, 0.0, 0.0, 0.5, 0.5]);
        assert_eq!(windows(3, 2), [1.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
