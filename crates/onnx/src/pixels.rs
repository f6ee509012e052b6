//! What comes before the network: from pixels to what it reads, in elementary operators, so that every engine gives the same.

use pretrained::{Fit, InputSpec, Interpolation};

use crate::builder::Builder;
use crate::message::{Attribute, ElementType, ExtentValue, ValueInfo};

/// What a model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// A cropped square as any image library holds it: uint8 `[batch, side, side, 3]`, red first. Scaling, mean and deviation
    /// are inside.
    Crop,
    /// One whole image of any size: uint8 `[1, height, width, 3]`, red first. Resizing is inside too.
    Image,
    /// Prepared values: float32 `[batch, channels, side, side]`.
    Prepared,
}

impl Pixels {
    /// Name on the command line and in a file's metadata.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crop => "crop",
            Self::Image => "image",
            Self::Prepared => "prepared",
        }
    }

    /// Name of the input in the file.
    #[must_use]
    pub fn input(self) -> &'static str {
        match self {
            Self::Crop => "rgb",
            Self::Image => "image",
            Self::Prepared => "prepared",
        }
    }

    /// The input as it is declared in the file.
    pub(crate) fn declared(self, spec: &InputSpec) -> ValueInfo {
        let known = |extent: u32| ExtentValue::Known(extent.into());
        let named = |name: &str| ExtentValue::Named(name.to_owned());
        let side = known(spec.crop);
        let (elements, extents, doc) = match self {
            Self::Crop => {
                let extents = vec![named("batch"), side.clone(), side, known(3)];
                (ElementType::Uint8, extents, format!("red, green, blue; {spec}"))
            }
            Self::Image => {
                let extents = vec![known(1), named("height"), named("width"), known(3)];
                (ElementType::Uint8, extents, "red, green, blue; an upright image of any size".to_owned())
            }
            Self::Prepared => {
                let extents = vec![named("batch"), known(spec.channels.into()), side.clone(), side];
                (
                    ElementType::Float,
                    extents,
                    format!("{spec}; scaled to 0..=1, less the mean, by the deviation"),
                )
            }
        };
        ValueInfo::of(self.input(), elements, &extents, &doc)
    }

    /// Adds what makes the network's input of it, float32 `[batch, channels, side, side]`; returns its name.
    pub(crate) fn lower(self, builder: &mut Builder, spec: &InputSpec) -> String {
        let input = builder.name(self.input());
        if self == Self::Prepared {
            return input;
        }
        let float = vec![Attribute::int("to", i32::from(ElementType::Float).into())];
        let values = builder.node("Cast", &[&input], float);
        let planes = builder.node("Transpose", &[&values], vec![Attribute::ints("perm", &[0, 3, 1, 2])]);
        let planes = if spec.channels == 1 { luma(builder, &planes) } else { planes };
        let square = match self {
            Self::Image => resized(builder, &planes, &input, spec),
            _ => planes,
        };
        normalised(builder, &square, spec)
    }
}

/// (value / 255 - mean) / deviation.
fn normalised(builder: &mut Builder, x: &str, spec: &InputSpec) -> String {
    let dims = [1, spec.channels.into(), 1, 1];
    let largest = builder.floats32("largest", &[], &[255.0]);
    let mean = builder.floats32("mean", &dims, &spec.mean);
    let deviation = builder.floats32("deviation", &dims, &spec.std);
    let x = builder.node("Div", &[x, &largest], vec![]);
    let x = builder.node("Sub", &[&x, &mean], vec![]);
    builder.node("Div", &[&x, &deviation], vec![])
}

/// Pillow's luma (`Convert.c`): (19595 R + 38470 G + 7471 B + 32768) / 65536 rounded down, all of it exact in float32.
fn luma(builder: &mut Builder, x: &str) -> String {
    let weights = builder.floats32("luma", &[1, 3, 1, 1], &[19595.0, 38470.0, 7471.0]);
    let half = builder.floats32("luma_half", &[], &[32768.0]);
    let whole = builder.floats32("luma_whole", &[], &[65536.0]);
    let parts = builder.node("Mul", &[x, &weights], vec![]);
    let axes = builder.ints("luma_axis", &[1]);
    let sum = builder.node("ReduceSum", &[&parts, &axes], vec![Attribute::int("keepdims", 1)]);
    let sum = builder.node("Add", &[&sum, &half], vec![]);
    let scaled = builder.node("Div", &[&sum, &whole], vec![]);
    builder.node("Floor", &[&scaled], vec![])
}

/// Pillow's antialiased resizing as two products with matrices that depend on the image's size, first along rows, then along
/// columns, each rounded to 8 bits, and only for what is shown: `[1, C, H, W]` -> `[1, C, side, side]`.
fn resized(builder: &mut Builder, x: &str, image: &str, spec: &InputSpec) -> String {
    let shape = builder.node("Shape", &[image], vec![]);
    let [height, width] = [1, 2].map(|axis| {
        let axis = builder.int("axis", axis);
        builder.node("Gather", &[&shape, &axis], vec![Attribute::int("axis", 0)])
    });
    let shorter = builder.node("Min", &[&height, &width], vec![]);
    let longer = builder.node("Max", &[&height, &width], vec![]);
    let [rows, columns] = [&height, &width].map(|side| {
        let axis = Axis { side, shorter: &shorter, longer: &longer };
        axis.weights(builder, spec)
    });
    // Along rows: [1, C, H, W] by [W, side].
    let columns = builder.node("Transpose", &[&columns], vec![Attribute::ints("perm", &[1, 0])]);
    let x = builder.node("MatMul", &[x, &columns], vec![]);
    let x = rounded(builder, &x);
    let x = builder.node("MatMul", &[&rows, &x], vec![]);
    let x = rounded(builder, &x);
    filled(builder, &x, &rows, &columns, spec)
}

/// To the nearest of 0..=255, half up.
fn rounded(builder: &mut Builder, x: &str) -> String {
    let half = builder.floats32("half", &[], &[0.5]);
    let [black, white] =
        [("black", 0.0), ("white", 255.0)].map(|(name, of)| builder.floats32(name, &[], &[of]));
    let x = builder.node("Add", &[x, &half], vec![]);
    let x = builder.node("Floor", &[&x], vec![]);
    builder.node("Clip", &[&x, &black, &white], vec![])
}

/// The mean colour where nothing of the image is shown; a crop of what is too small stays black.
fn filled(builder: &mut Builder, x: &str, rows: &str, columns: &str, spec: &InputSpec) -> String {
    if spec.fit != Fit::Pad {
        return x.to_owned();
    }
    let fill: Vec<f32> = spec.mean.iter().map(|mean| (mean * 255.0).round()).collect();
    let fill = builder.floats32("fill", &[1, spec.channels.into(), 1, 1], &fill);
    let one = builder.floats32("shown", &[], &[1.0]);
    // A row of weights sums to 1 where something is shown, else to 0.
    let keep = |last: bool| vec![Attribute::int("keepdims", i64::from(last))];
    let axes = builder.ints("sum_axis", &[1]);
    let rows = builder.node("ReduceSum", &[rows, &axes], keep(true)); // [side, 1]
    let axes = builder.ints("sum_axis", &[0]);
    let columns = builder.node("ReduceSum", &[columns, &axes], keep(true)); // [1, side]
    let shown = builder.node("MatMul", &[&rows, &columns], vec![]);
    let half = builder.floats32("shown_half", &[], &[0.5]);
    let shown = builder.node("Add", &[&shown, &half], vec![]);
    let shown = builder.node("Floor", &[&shown], vec![]);
    let hidden = builder.node("Sub", &[&one, &shown], vec![]);
    let around = builder.node("Mul", &[&fill, &hidden], vec![]);
    builder.node("Add", &[x, &around], vec![])
}

/// One side of an image, by names of int64 scalars.
struct Axis<'a> {
    side: &'a str,
    shorter: &'a str,
    longer: &'a str,
}

impl Axis<'_> {
    /// The filter's weights `[side of the square, side of the image]`: row i holds what its pixels count for place i of the
    /// square; a row where nothing is shown holds zeros.
    fn weights(&self, builder: &mut Builder, spec: &InputSpec) -> String {
        let Shown { resized, skipped, from, count } = self.shown(builder, spec);
        let zero = builder.int("zero", 0);
        let one = builder.int("one", 1);
        let side = builder.int("square", spec.crop.into());
        let place = builder.node("Range", &[&zero, &side, &one], vec![]);
        let place = builder.node("Sub", &[&place, &from], vec![]);
        // Whether something is shown there.
        let begun = builder.node("GreaterOrEqual", &[&place, &zero], vec![]);
        let more = builder.node("Less", &[&place, &count], vec![]);
        let shown = builder.node("And", &[&begun, &more], vec![]);
        let shown = as_float(builder, &shown);
        let column = builder.ints("column", &[-1, 1]);
        let shown = builder.node("Reshape", &[&shown, &column], vec![]);
        // Its centre in the image: (place + skipped + 0.5) * side / resized.
        let place = builder.node("Add", &[&place, &skipped], vec![]);
        let place = as_float(builder, &place);
        let half = builder.floats32("half_pixel", &[], &[0.5]);
        let place = builder.node("Add", &[&place, &half], vec![]);
        let place = builder.node("Reshape", &[&place, &column], vec![]);
        let [length, resized] = [self.side, &resized].map(|of| as_float(builder, of));
        let scale = builder.node("Div", &[&length, &resized], vec![]);
        let centre = builder.node("Mul", &[&place, &scale], vec![]);
        // Distance of each pixel of the image from it, in widths of the filter.
        let pixel = builder.node("Range", &[&zero, self.side, &one], vec![]);
        let pixel = as_float(builder, &pixel);
        let pixel = builder.node("Add", &[&pixel, &half], vec![]);
        let distance = builder.node("Sub", &[&pixel, &centre], vec![]);
        let unit = builder.floats32("unit", &[], &[1.0]);
        let wide = builder.node("Max", &[&scale, &unit], vec![]);
        let distance = builder.node("Div", &[&distance, &wide], vec![]);
        let distance = builder.node("Abs", &[&distance], vec![]);
        let weights = match spec.interpolation {
            Interpolation::Bilinear => triangle(builder, &distance, &unit),
            Interpolation::Bicubic => cubic(builder, &distance),
        };
        let axes = builder.ints("pixel_axis", &[1]);
        let sum = builder.node("ReduceSum", &[&weights, &axes], vec![Attribute::int("keepdims", 1)]);
        let weights = builder.node("Div", &[&weights, &sum], vec![]);
        // Where nothing is shown a place may lie outside of the image, and its sum be 0.
        let none = builder.floats32("none", &[], &[0.0]);
        let is_shown = builder.node("Greater", &[&shown, &none], vec![]);
        builder.node("Where", &[&is_shown, &weights, &none], vec![])
    }

    /// TorchVision's `resize` and `center_crop`, Pillow's `ImageOps.pad`, or the whole side.
    fn shown(&self, builder: &mut Builder, spec: &InputSpec) -> Shown {
        let crop = builder.int("crop", spec.crop.into());
        match spec.fit {
            Fit::Squash => {
                let nothing = builder.int("nothing", 0);
                Shown { resized: crop.clone(), skipped: nothing.clone(), from: nothing, count: crop }
            }
            Fit::Crop => {
                let resize = builder.int("resize", spec.resize.into());
                let product = builder.node("Mul", &[&resize, self.side], vec![]);
                let resized = builder.node("Div", &[&product, self.shorter], vec![]);
                let nothing = builder.int("nothing", 0);
                let spare = builder.node("Sub", &[&resized, &crop], vec![]);
                let spare = builder.node("Max", &[&spare, &nothing], vec![]);
                let skipped = half_even(builder, &spare);
                let count = builder.node("Min", &[&resized, &crop], vec![]);
                let two = builder.int("two", 2);
                let rest = builder.node("Sub", &[&crop, &count], vec![]);
                let from = builder.node("Div", &[&rest, &two], vec![]);
                Shown { resized, skipped, from, count }
            }
            Fit::Pad => {
                let [length, longer, crop_f] =
                    [self.side, self.longer, &crop].map(|of| as_float(builder, of));
                let share = builder.node("Div", &[&length, &longer], vec![]);
                let resized = builder.node("Mul", &[&share, &crop_f], vec![]);
                let resized = builder.node("Round", &[&resized], vec![]);
                let resized = as_int(builder, &resized);
                let one = builder.int("least_pixels", 1);
                let resized = builder.node("Max", &[&resized, &one], vec![]);
                let rest = builder.node("Sub", &[&crop, &resized], vec![]);
                let from = half_even(builder, &rest);
                let nothing = builder.int("nothing", 0);
                Shown { resized: resized.clone(), skipped: nothing, from, count: resized }
            }
        }
    }
}

/// What of a resized side is shown, by names of int64 scalars.
struct Shown {
    /// Its length.
    resized: String,
    /// Pixels before what is shown.
    skipped: String,
    /// Place of the square where it begins.
    from: String,
    /// Number of places.
    count: String,
}

/// Half of a length, rounded half to even as Python's `round`: length / 2, and one more where length % 4 is 3.
fn half_even(builder: &mut Builder, length: &str) -> String {
    let [two, three, four] = [2, 3, 4].map(|number| builder.int("divisor", number));
    let half = builder.node("Div", &[length, &two], vec![]);
    let rest = builder.node("Mod", &[length, &four], vec![]);
    let up = builder.node("Equal", &[&rest, &three], vec![]);
    let up = as_int(builder, &up);
    builder.node("Add", &[&half, &up], vec![])
}

/// max(0, 1 - d).
fn triangle(builder: &mut Builder, distance: &str, one: &str) -> String {
    let x = builder.node("Sub", &[one, distance], vec![]);
    builder.node("Relu", &[&x], vec![])
}

/// Cubic convolution with a = -0.5 (Keys 1981): ((a + 2) d - (a + 3)) d^2 + 1 below 1, (((d - 5) d + 8) d - 4) a below 2.
fn cubic(builder: &mut Builder, d: &str) -> String {
    let mut number = |value: f32| builder.floats32("cubic", &[], &[value]);
    let [n0, n1, n15, n25, n2, n4, n5, n8, nh] =
        [0.0, 1.0, 1.5, 2.5, 2.0, 4.0, 5.0, 8.0, -0.5].map(&mut number);
    let mut op = |operator: &str, left: &str, right: &str| builder.node(operator, &[left, right], vec![]);
    let near = op("Mul", d, &n15);
    let near = op("Sub", &near, &n25);
    let near = op("Mul", &near, d);
    let near = op("Mul", &near, d);
    let near = op("Add", &near, &n1);
    let far = op("Sub", d, &n5);
    let far = op("Mul", &far, d);
    let far = op("Add", &far, &n8);
    let far = op("Mul", &far, d);
    let far = op("Sub", &far, &n4);
    let far = op("Mul", &far, &nh);
    let is_near = op("Less", d, &n1);
    let is_far = op("Less", d, &n2);
    let outer = builder.node("Where", &[&is_far, &far, &n0], vec![]);
    builder.node("Where", &[&is_near, &near, &outer], vec![])
}

fn as_float(builder: &mut Builder, x: &str) -> String {
    builder.node("Cast", &[x], vec![Attribute::int("to", i32::from(ElementType::Float).into())])
}

fn as_int(builder: &mut Builder, x: &str) -> String {
    builder.node("Cast", &[x], vec![Attribute::int("to", i32::from(ElementType::Int64).into())])
}
