//! Deterministic tensor values, so that no weight file is needed to compare two programs.
//!
//! The twin of `generator.py` next to this file, bit for bit; that file states the rule in full.
//! `generator_check.json` holds values that both must reproduce.

const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

/// The values, in row-major order, of the tensor called `name`.
///
/// `num_batches_tracked` comes as one whole number. `None` when the rule knows no tensor of that name.
pub(crate) fn values(name: &str, shape: &[i64], gain: f64) -> Option<Vec<f32>> {
    if last_part(name) == "num_batches_tracked" {
        return Some(vec![batches_tracked(name) as f32]);
    }
    let (offset, scale) = offset_and_scale(name, shape, gain)?;
    let seed = fnv1a64(name);
    let count = shape.iter().product::<i64>() as u64;
    // One product and one sum in f64, rounded once: the same bits as numpy's.
    Some((0..count).map(|index| (offset + scale * uniform(seed, index)) as f32).collect())
}

/// The value of the integer buffer called `name`: a small positive number.
pub(crate) fn batches_tracked(name: &str) -> i64 {
    1 + ((hash(fnv1a64(name), 0) >> 40) % 1000) as i64
}

/// Centre and half-width of the uniform distribution that a tensor's name and shape ask for.
fn offset_and_scale(name: &str, shape: &[i64], gain: f64) -> Option<(f64, f64)> {
    match last_part(name) {
        "input" => Some((0.0, 1.0)),
        "running_mean" => Some((0.0, 0.8)),
        "running_var" => Some((1.0, 0.5)),
        "class_token"
        | "cls_token"
        | "register_tokens"
        | "reg_token"
        | "pos_embedding"
        | "pos_embed"
        | "position_embeddings"
        | "relative_position_bias_table" => Some((0.0, 1.0)),
        // A factor for each channel of a branch, or for the scores of a head.
        "gamma" | "lambda1" => Some((0.5, 0.25)),
        "logit_scale" => Some((2.0, 0.5)),
        "weight" | "in_proj_weight" if shape.len() >= 2 => {
            let fan_in = shape[1..].iter().product::<i64>() as f64;
            Some((0.0, gain * (6.0 / fan_in).sqrt()))
        }
        // The end of a bottleneck's residual branch: small, so that deep networks stay well conditioned.
        "weight" if name.ends_with("bn3.weight") || name.ends_with("f.c.1.weight") => Some((0.2, 0.05)),
        "weight" => Some((1.0, 0.25)),
        // GoogLeNet's and Inception's units have no shortcuts: mostly open, for the same reason.
        "bias" if name.ends_with("bn.bias") => Some((0.75, 0.5)),
        "bias" | "in_proj_bias" | "q_bias" | "v_bias" => Some((0.0, 0.5)),
        "layer_scale" | "layer_scale_parameter" => Some((0.2, 0.05)),
        _ => None,
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// A number in [-1, 1) with 24 bits, exact in `f32`.
fn uniform(seed: u64, index: u64) -> f64 {
    (hash(seed, index) >> 40) as f64 / 8_388_608.0 - 1.0
}

/// Element `index` of the SplitMix64 sequence that starts at `seed`.
fn hash(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add((index + 1).wrapping_mul(GOLDEN_RATIO));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The 64-bit FNV-1a hash of a name's UTF-8 bytes.
fn fnv1a64(name: &str) -> u64 {
    name.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |value, byte| (value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
