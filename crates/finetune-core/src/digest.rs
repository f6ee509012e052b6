//! SHA-256 of what must not change unnoticed.

use backbone::{Backbone, StageId, Variable};
use sha2::{Digest, Sha256};
use tch::{Device, Tensor};

/// Digest of a stage's parameters and buffers: names, shapes, types and values. 64 hex digits.
///
/// # Errors
/// When libtorch cannot copy a tensor to the host.
pub fn stage(backbone: &Backbone, id: StageId) -> Result<String, tch::TchError> {
    variables(&backbone.stage_variables(id))
}

fn variables(variables: &[Variable]) -> Result<String, tch::TchError> {
    let mut hash = Sha256::new();
    for Variable { name, tensor, .. } in variables {
        hash.update(format!("{name} {:?} {:?}\n", tensor.size(), tensor.kind()));
        hash.update(bytes(tensor)?);
    }
    Ok(hex::encode(hash.finalize()))
}

/// A tensor's values on the host, little endian, contiguous, last extent fastest.
///
/// # Errors
/// When libtorch cannot copy it.
pub fn bytes(tensor: &Tensor) -> Result<Vec<u8>, tch::TchError> {
    let host = tch::no_grad(|| tensor.detach().to_device(Device::Cpu).contiguous());
    let size = host.numel() * host.kind().elt_size_in_bytes();
    let mut bytes = vec![0; size];
    // `copy_data_u8` counts elements and checks that they fit.
    host.f_copy_data_u8(&mut bytes, host.numel())?;
    Ok(bytes)
}

/// Digest of a text.
#[must_use]
pub fn text(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
