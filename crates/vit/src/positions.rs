//! Embeddings of positions for images of another size: as many as there are patches, interpolated once, when weights are loaded.
//!
//! The libraries interpolate by cubic convolution, each in a way of its own; weights are read as theirs do.

use backbone::Refit;
use tch::Tensor;

/// `torchvision.models.vision_transformer.interpolate_embeddings`: the corners stay where they are.
pub(crate) const TORCHVISION: Refit = Refit {
    fits,
    refit: |values, shape| {
        refit(values, shape, |grid, side| grid.upsample_bicubic2d([side; 2], true, None, None))
    },
};

/// DINOv2: positions lie a tenth of a patch denser than they are.
pub(crate) const DINO: Refit = Refit {
    fits,
    refit: |values, shape| {
        refit(values, shape, |grid, side| {
            let scale = (side as f64 + 0.1) / grid.size()[2] as f64;
            grid.upsample_bicubic2d([side; 2], false, scale, scale)
        })
    },
};

/// DINOv2 with registers: antialiased.
pub(crate) const DINO_REGISTERS: Refit = Refit {
    fits,
    refit: |values, shape| {
        refit(values, shape, |grid, side| grid.internal_upsample_bicubic2d_aa([side; 2], false, None, None))
    },
};

/// Whether both are of square grids, the network's with a class token before it, the file's with or without one.
fn fits(file: &[i64], network: &[i64]) -> bool {
    match (file, network) {
        (&[1, theirs, width], &[1, ours, other]) => {
            width == other && side(theirs).or_else(|| side(theirs - 1)).is_some() && side(ours - 1).is_some()
        }
        _ => false,
    }
}

/// `[1, (1 +) s s, width]` -> `[1, 1 + t t, width]`. A class token without a position has 0: timm adds it to the token itself.
fn refit(values: &Tensor, shape: &[i64], interpolate: impl Fn(&Tensor, i64) -> Tensor) -> Tensor {
    let &[_, count, width] = shape else { return values.shallow_clone() };
    let Some(ours) = side(count - 1) else { return values.shallow_clone() };
    let found = values.size()[1];
    let (class, theirs) = match side(found) {
        Some(side) => (values.new_zeros([1, 1, width], (values.kind(), values.device())), side),
        None => (values.narrow(1, 0, 1), side(found - 1).unwrap_or(1)),
    };
    let grid = values.narrow(1, found - theirs * theirs, theirs * theirs);
    let grid = grid.reshape([1, theirs, theirs, width]).permute([0, 3, 1, 2]).contiguous();
    let grid = if theirs == ours { grid } else { interpolate(&grid, ours) };
    let grid = grid.permute([0, 2, 3, 1]).reshape([1, ours * ours, width]);
    Tensor::cat(&[class, grid], 1)
}

/// Side of a square of this many positions, at least 1.
fn side(positions: i64) -> Option<i64> {
    let side = (positions.max(0) as f64).sqrt().round() as i64;
    (side > 0 && side * side == positions).then_some(side)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// `make_positions.py` makes them.
    #[test]
    fn positions_are_interpolated_as_each_library_does() {
        let cases: Value = serde_json::from_str(include_str!("positions.json")).unwrap();
        let numbers = |of: &Value| -> Vec<f32> {
            of.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
        };
        let cases = cases.as_array().unwrap();
        assert_eq!(cases.len(), 6);
        for case in cases {
            let refit = match case["way"].as_str().unwrap() {
                "torchvision" => TORCHVISION,
                "dino" => DINO,
                _ => DINO_REGISTERS,
            };
            let [width, from, to] = ["width", "from", "to"].map(|key| case[key].as_i64().unwrap());
            let [found, wanted] = [from, to].map(|side| [1, 1 + side * side, width]);
            assert!((refit.fits)(&found, &wanted), "{found:?}");
            let values = Tensor::from_slice(&numbers(&case["values"])).view(found);
            let expected = Tensor::from_slice(&numbers(&case["expected"])).view(wanted);
            let apart = ((refit.refit)(&values, &wanted) - expected).abs().max().double_value(&[]);
            assert!(apart < 1e-5, "{} {from} to {to}: {apart}", case["way"]);
        }
    }

    #[test]
    fn a_class_token_without_a_position_has_zero_and_other_shapes_are_refused() {
        let values = Tensor::ones([1, 4, 2], (tch::Kind::Float, tch::Device::Cpu));
        assert!((DINO.fits)(&[1, 4, 2], &[1, 5, 2]));
        let refitted = (DINO.refit)(&values, &[1, 5, 2]);
        assert_eq!(refitted.sum(tch::Kind::Float).double_value(&[]), 8.0);
        assert_eq!(refitted.select(1, 0).abs().max().double_value(&[]), 0.0);
        for found in [&[1i64, 7, 2][..], &[1, 5, 3], &[2, 5, 2], &[5, 2]] {
            assert!(!(DINO.fits)(found, &[1, 5, 2]), "{found:?}");
        }
    }
}
