//! One operator.

use onnx::{Attribute, Elements, Operator};
use tch::{Kind, TchError, Tensor};

use super::tensors::kind;

/// Computes an operator of these inputs; says why where it cannot.
///
/// Float16 is computed in float32 and rounded after each operator: what engines store, whatever they sum in.
pub(super) fn compute(operator: &Operator, inputs: &[&Tensor]) -> Result<Tensor, String> {
    let is_short = operator.kind != "Cast" && inputs.iter().any(|input| input.kind() == Kind::Half);
    let long: Vec<Tensor> = inputs
        .iter()
        .map(|input| {
            if is_short && input.kind() == Kind::Half {
                input.to_kind(Kind::Float)
            } else {
                input.shallow_clone()
            }
        })
        .collect();
    let of = Of { operator, inputs: &long };
    let result = of.compute().map_err(|failure| match failure {
        Failure::Unknown => format!("{} is not known", operator.kind),
        Failure::Missing(what) => format!("{} has no {what}", operator.kind),
        Failure::Torch(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
    })?;
    Ok(if is_short && result.kind() == Kind::Float { result.to_kind(Kind::Half) } else { result })
}

/// An operator with its inputs.
struct Of<'a> {
    operator: &'a Operator,
    inputs: &'a [Tensor],
}

enum Failure {
    Unknown,
    Missing(String),
    Torch(TchError),
}

impl From<TchError> for Failure {
    fn from(error: TchError) -> Self {
        Self::Torch(error)
    }
}

type Computed = Result<Tensor, Failure>;

impl Of<'_> {
    fn compute(&self) -> Computed {
        let x = self.input(0)?;
        match self.operator.kind.as_str() {
            "Conv" | "MaxPool" | "AveragePool" => self.window(),
            "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Min" | "Max" | "And" | "Equal" | "Less" | "Greater"
            | "GreaterOrEqual" | "MatMul" => self.pair(),
            "Gemm" | "LayerNormalization" | "QuantizeLinear" | "DequantizeLinear" | "Clip" | "Where" => {
                self.with_numbers()
            }
            "ReduceMean" | "ReduceSum" | "Concat" | "Slice" | "Flatten" | "Reshape" | "Transpose"
            | "Shape" | "Gather" | "Expand" | "Range" => self.axes(),
            "Cast" => Ok(x.f_to_kind(kind(Elements::of(self.int("to")?).ok_or(Failure::Unknown)?))?),
            "Relu" => Ok(x.f_relu()?),
            "Sigmoid" => Ok(x.f_sigmoid()?),
            "Tanh" => Ok(x.f_tanh()?),
            "Erf" => Ok(x.f_erf()?),
            "Exp" => Ok(x.f_exp()?),
            "LpNormalization" if self.int("p").is_ok_and(|p| p == 2) => {
                let axis = [self.int("axis")?];
                Ok(x.f_div(&x.f_square()?.f_sum_dim_intlist(&axis[..], true, x.kind())?.f_sqrt()?)?)
            }
            "HardSwish" => Ok(x.f_hardswish()?),
            "HardSigmoid" => {
                let (slope, middle) = (self.float("alpha")?, self.float("beta")?);
                Ok(x.f_mul_scalar(slope)?.f_add_scalar(middle)?.f_clamp(0.0, 1.0)?)
            }
            "Floor" => Ok(x.f_floor()?),
            "Round" => Ok(x.f_round()?),
            "Abs" => Ok(x.f_abs()?),
            "Softmax" => Ok(x.f_softmax(self.int("axis")?, x.kind())?),
            "GlobalAveragePool" => Ok(x.f_mean_dim(&[2i64, 3][..], true, x.kind())?),
            _ => Err(Failure::Unknown),
        }
    }

    /// Two inputs, value by value; shapes as numpy joins them.
    fn pair(&self) -> Computed {
        let [a, b] = [self.input(0)?, self.input(1)?];
        let is_whole = a.kind() == Kind::Int64;
        Ok(match self.operator.kind.as_str() {
            "Add" => a.f_add(b)?,
            "Sub" => a.f_sub(b)?,
            "Mul" => a.f_mul(b)?,
            // Whole numbers are cut off.
            "Div" if is_whole => a.f_div_tensor_mode(b, "trunc")?,
            "Div" => a.f_div(b)?,
            "Mod" => a.f_remainder_tensor(b)?,
            "Min" => a.f_minimum(b)?,
            "Max" => a.f_maximum(b)?,
            "And" => a.f_logical_and(b)?,
            "Equal" => a.f_eq_tensor(b)?,
            "Less" => a.f_lt_tensor(b)?,
            "Greater" => a.f_gt_tensor(b)?,
            "GreaterOrEqual" => a.f_ge_tensor(b)?,
            _ => a.f_matmul(b)?,
        })
    }

    /// What goes over positions. `pads` are top, left, bottom, right.
    fn window(&self) -> Computed {
        let x = self.input(0)?;
        let [kernel, strides] = [self.ints("kernel_shape")?, self.ints("strides")?];
        let [top, left, bottom, right] =
            self.ints("pads")?.try_into().map_err(|_| Failure::Missing("pads".into()))?;
        let around = [left, right, top, bottom];
        let bordered = |value: f64| -> Computed { Ok(x.f_pad(around, "constant", value)?) };
        Ok(match self.operator.kind.as_str() {
            "Conv" => {
                let groups = self.int("group")?;
                bordered(0.0)?.f_conv2d(
                    self.input(1)?,
                    self.inputs.get(2),
                    strides,
                    [0, 0],
                    [1, 1],
                    groups,
                )?
            }
            "MaxPool" => bordered(f64::NEG_INFINITY)?.f_max_pool2d(kernel, strides, [0, 0], [1, 1], false)?,
            // The border counts, or there is none.
            _ if self.int("count_include_pad").is_ok_and(|it| it == 1) || around == [0; 4] => {
                bordered(0.0)?.f_avg_pool2d(kernel, strides, [0, 0], false, true, None::<i64>)?
            }
            _ => return Err(Failure::Unknown),
        })
    }

    fn with_numbers(&self) -> Computed {
        let x = self.input(0)?;
        Ok(match self.operator.kind.as_str() {
            "Gemm" => {
                let weight = self.input(1)?;
                let turned = if self.int("transB").is_ok_and(|it| it == 1) {
                    weight.f_transpose(0, 1)?
                } else {
                    weight.shallow_clone()
                };
                x.f_matmul(&turned)?.f_add(self.input(2)?)?
            }
            "LayerNormalization" => {
                let last = x.size().last().copied().into_iter().collect::<Vec<i64>>();
                let eps = self.float("epsilon")?;
                x.f_layer_norm(last.as_slice(), self.inputs.get(1), self.inputs.get(2), eps, false)?
            }
            "Clip" => x.f_maximum(self.input(1)?)?.f_minimum(self.input(2)?)?,
            "Where" => self.input(1)?.f_where_self(x, self.input(2)?)?,
            "QuantizeLinear" => {
                let (step, zero) = (self.input(1)?, self.input(2)?);
                let (least, most) = if zero.kind() == Kind::Uint8 { (0.0, 255.0) } else { (-128.0, 127.0) };
                let steps = x.f_div(step)?.f_round()?.f_add(&zero.f_to_kind(Kind::Float)?)?;
                steps.f_clamp(least, most)?.f_to_kind(zero.kind())?
            }
            _ => {
                let float = |value: &Tensor| value.f_to_kind(Kind::Float);
                let along = |numbers: &Tensor| -> Computed {
                    let axis = usize::try_from(self.int("axis").unwrap_or(0)).unwrap_or(0);
                    let shape: Vec<i64> = (0..x.dim()).map(|of| if of == axis { -1 } else { 1 }).collect();
                    let is_one = numbers.numel() == 1;
                    Ok(if is_one { numbers.shallow_clone() } else { numbers.f_reshape(&shape)? })
                };
                let (step, zero) = (along(self.input(1)?)?, along(&float(self.input(2)?)?)?);
                float(x)?.f_sub(&zero)?.f_mul(&step)?
            }
        })
    }

    /// What moves values and does not change them, or sums them.
    fn axes(&self) -> Computed {
        let x = self.input(0)?;
        let numbers = |place: usize| -> Result<Vec<i64>, Failure> {
            Ok(Vec::try_from(self.input(place)?.f_flatten(0, -1)?)?)
        };
        let number = |place: usize| Ok::<i64, Failure>(numbers(place)?.first().copied().unwrap_or(0));
        Ok(match self.operator.kind.as_str() {
            "ReduceMean" => x.f_mean_dim(&self.ints("axes")?[..], self.int("keepdims")? == 1, x.kind())?,
            "ReduceSum" => x.f_sum_dim_intlist(&numbers(1)?[..], self.int("keepdims")? == 1, x.kind())?,
            "Concat" => Tensor::f_cat(self.inputs, self.int("axis")?)?,
            "Slice" => {
                let (from, to, axis) = (number(1)?, number(2)?, number(3)?);
                x.f_slice(axis, from, to, 1)?
            }
            "Flatten" => x.f_flatten(1, -1)?,
            "Reshape" => {
                let size = x.size();
                let kept = |(place, extent): (usize, i64)| if extent == 0 { size[place] } else { extent };
                let shape: Vec<i64> = numbers(1)?.into_iter().enumerate().map(kept).collect();
                x.f_reshape(&shape)?
            }
            "Transpose" => x.f_permute(self.ints("perm")?)?,
            "Shape" => Tensor::f_from_slice(&x.size())?,
            "Gather" => {
                let places = self.input(1)?;
                let axis = self.int("axis")?;
                let rows = x.f_index_select(axis, &places.f_reshape([-1])?)?;
                if places.dim() == 0 { rows.f_squeeze_dim(axis)? } else { rows }
            }
            "Expand" => x.f_expand(numbers(1)?, false)?,
            _ => {
                let [from, to, step] = [number(0)?, number(1)?, number(2)?];
                let whole = (Kind::Int64, tch::Device::Cpu);
                Tensor::f_arange_start_step(from, to, step, whole)?
            }
        })
    }

    fn input(&self, place: usize) -> Result<&Tensor, Failure> {
        self.inputs.get(place).ok_or_else(|| Failure::Missing(format!("input {place}")))
    }

    fn int(&self, name: &str) -> Result<i64, Failure> {
        match self.operator.attributes.get(name) {
            Some(Attribute::Int(value)) => Ok(*value),
            _ => Err(Failure::Missing(name.to_owned())),
        }
    }

    fn float(&self, name: &str) -> Result<f64, Failure> {
        match self.operator.attributes.get(name) {
            Some(Attribute::Float(value)) => Ok((*value).into()),
            _ => Err(Failure::Missing(name.to_owned())),
        }
    }

    fn ints(&self, name: &str) -> Result<Vec<i64>, Failure> {
        match self.operator.attributes.get(name) {
            Some(Attribute::Ints(values)) => Ok(values.clone()),
            _ => Err(Failure::Missing(name.to_owned())),
        }
    }
}
