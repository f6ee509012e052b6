//! SHA-256 of stages, by which a frozen one is shown not to have changed.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use sha2::{Digest, Sha256};
use tch::{Device, TchError, Tensor};

use crate::{Backbone, StageId, Variable};

/// Digest of a stage's parameters and buffers, updates in their weights: names, shapes, types and values. 64 hex digits.
///
/// # Errors
/// When libtorch cannot copy a tensor to the host.
pub fn stage(backbone: &Backbone, id: StageId) -> Result<String, TchError> {
    Ok(stages(backbone, [id])?.remove(0))
}

/// The digest of each of these stages. Values are hashed while the next ones are copied.
///
/// # Errors
/// As [`stage`].
pub fn stages(backbone: &Backbone, ids: impl IntoIterator<Item = StageId>) -> Result<Vec<String>, TchError> {
    thread::scope(|scope| {
        let (give, take) = sync_channel(COPIED);
        let hashed = scope.spawn(|| hash(take));
        // The other thread hashes until the channel is closed.
        let pass = |piece| drop(give.send(piece));
        let copied = ids.into_iter().try_for_each(|id| {
            for Variable { name, tensor, .. } in backbone.merged_variables_of(id) {
                pass(Piece::Bytes(format!("{name} {:?} {:?}\n", tensor.size(), tensor.kind()).into_bytes()));
                pass(Piece::Bytes(bytes(&tensor)?));
            }
            pass(Piece::End);
            Ok(())
        });
        drop(give);
        let digests = hashed.join().unwrap_or_else(|panic| resume_unwind(panic));
        copied.map(|()| digests)
    })
}

/// Tensors that are copied before the first of them is hashed, at most.
const COPIED: usize = 1;

/// A part of what is digested.
enum Piece {
    Bytes(Vec<u8>),
    End,
}

/// A digest for each end.
fn hash(pieces: Receiver<Piece>) -> Vec<String> {
    let mut digests = Vec::new();
    let mut hash = Sha256::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => hash.update(bytes),
            Piece::End => digests.push(hex::encode(hash.finalize_reset())),
        }
    }
    digests
}

/// A tensor's values on the host, little endian, contiguous, last extent fastest.
///
/// # Errors
/// When libtorch cannot copy it.
pub fn bytes(tensor: &Tensor) -> Result<Vec<u8>, TchError> {
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
