//! Random numbers that depend on a seed of their own and on nothing drawn before, in whatever order and thread they are
//! asked for. libtorch's functions draw from one generator of the process.

use tch::{Kind, Tensor};

use crate::shim::{extra_normal, extra_uniform, made};

/// Numbers uniform in `-bound..bound`, of this shape: float64 if `kind` is that, float32 otherwise.
///
/// # Panics
/// When libtorch has no memory for them, as tch's own functions do.
pub fn uniform(shape: &[i64], kind: Kind, bound: f64, seed: u64) -> Tensor {
    let wide = kind == Kind::Double;
    // SAFETY: the shape is read and not kept; the tensor handed out is new.
    let made = made(|out| unsafe { extra_uniform(shape.as_ptr(), shape.len(), wide, bound, seed, out) });
    made.unwrap_or_else(|error| panic!("{error}"))
}

/// Normal numbers around 0 with this standard deviation, of this shape, float32.
///
/// # Panics
/// When libtorch has no memory for them, as tch's own functions do.
pub fn normal(shape: &[i64], deviation: f64, seed: u64) -> Tensor {
    // SAFETY: the shape is read and not kept; the tensor handed out is new.
    let made = made(|out| unsafe { extra_normal(shape.as_ptr(), shape.len(), deviation, seed, out) });
    made.unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_their_seed_and_from_nothing_else() {
        let drawn = |seed| [uniform(&[100], Kind::Float, 1.0, seed), normal(&[100], 2.0, seed)];
        let [first, other] = [drawn(1), drawn(2)];
        tch::manual_seed(7);
        let before = Tensor::rand([3], (Kind::Float, tch::Device::Cpu));
        tch::manual_seed(7);
        for ((again, first), other) in drawn(1).iter().zip(&first).zip(&other) {
            assert!(again.equal(first) && !again.equal(other));
        }
        // Nor does the generator of the process move.
        assert!(Tensor::rand([3], (Kind::Float, tch::Device::Cpu)).equal(&before));
        assert!(first[0].abs().max().double_value(&[]) <= 1.0 && first[0].min().double_value(&[]) < -0.8);
        let deviation = normal(&[10_000], 2.0, 3).std(true).double_value(&[]);
        assert!((deviation - 2.0).abs() < 0.1, "{deviation}");
        assert_eq!(uniform(&[2], Kind::Double, 1.0, 0).kind(), Kind::Double);
    }
}
