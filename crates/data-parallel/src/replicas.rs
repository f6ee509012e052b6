//! Whether all processes hold the same weights.

use backbone::{Backbone, StageId};
use tch::{Kind, TchError, Tensor};
use team::Team;

/// Checks that the weights from stage `first` on have the same bits in every process.
///
/// # Errors
/// [`team::Error::Differ`] when they have not: a bug, broken memory, or machines that round in another way.
pub fn check(team: &Team, backbone: &Backbone, first: StageId) -> Result<(), team::Error> {
    if team.is_alone() {
        return Ok(());
    }
    let own = checksum(backbone, first).map_err(|error| team::Error::Torch(error.to_string()))? as f64;
    let mut bounds = [own, -own];
    team.min(&mut bounds)?;
    if bounds[0] == -bounds[1] {
        return Ok(());
    }
    Err(team::Error::Differ(
        "weights any more: a bug, broken memory, or processors that round in another way".to_owned(),
    ))
}

/// Returns 48 bits that depend on every bit of the weights.
fn checksum(backbone: &Backbone, first: StageId) -> Result<u64, TchError> {
    let mut sum = 0u64;
    for variable in backbone.changing_variables(first) {
        sum = sum.rotate_left(7).wrapping_add(bits(&variable.tensor)?);
    }
    Ok((sum ^ (sum >> 48)) & 0xFFFF_FFFF_FFFF)
}

/// Returns the sum of the values' bits as whole numbers.
fn bits(tensor: &Tensor) -> Result<u64, TchError> {
    let whole = match tensor.kind() {
        Kind::Float => tensor.detach().f_contiguous()?.f_view_dtype(Kind::Int)?,
        Kind::Double => tensor.detach().f_contiguous()?.f_view_dtype(Kind::Int64)?,
        _ => tensor.detach(),
    };
    Ok(whole.f_sum(Kind::Int64)?.int64_value(&[]).cast_unsigned())
}
