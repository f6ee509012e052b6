use std::path::{Path, PathBuf};

use crate::divergence::Origin;
use crate::tensors::StateError;

/// Why training could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Batches could not be made.
    #[error(transparent)]
    Features(#[from] features::Error),
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A libtorch call that tch has no function for failed.
    #[error(transparent)]
    TorchExtra(#[from] torch_extra::Error),
    /// A head could not be computed from features.
    #[error(transparent)]
    Transferability(#[from] transferability::Error),
    /// Another process that trains along failed.
    #[error(transparent)]
    Team(#[from] team::Error),
    /// The loss, weights or gradients are no longer finite.
    #[error(
        "{} in {phase}, epoch {epoch}, step {step}; {origin}: the learning rate is probably too high; try a tenth of it (train.learning_rate){}",
        diverged(*loss), where_kept(kept.as_deref())
    )]
    Diverged {
        /// Step of the recipe.
        phase: String,
        /// Epoch within it, from 1.
        epoch: u32,
        /// Optimizer step within the run, from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// Where it began.
        origin: Origin,
        /// The file with the weights from before that epoch.
        kept: Option<PathBuf>,
    },
    /// A saved state could not be taken over.
    #[error(transparent)]
    State(#[from] StateError),
}

fn diverged(loss: f64) -> String {
    if loss.is_finite() { "training diverged".to_owned() } else { format!("the loss became {loss}") }
}

fn where_kept(file: Option<&Path>) -> String {
    file.map_or_else(String::new, |file| {
        format!("; the weights from before that epoch are kept in {}", file.display())
    })
}

impl team::Failed for Error {
    fn failure(&self) -> team::Failure {
        match self {
            Self::Features(error) => error.failure(),
            other => team::Failure { message: other.to_string(), code: 1 },
        }
    }
}
