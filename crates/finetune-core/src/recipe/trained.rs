//! A network in training, and its checkpoints.

use std::path::PathBuf;

use backbone::Backbone;
use records::{Event, HeadFitRecord, KeptRecord, Session};
use training::{Loaders, TrainingState};

use super::gather::model_description;
use super::prepared::Prepared;
use super::step::Inputs;
use crate::Error;
use crate::model_file;

/// A network in training, or trained.
pub(super) struct Trained {
    pub(super) prepared: Prepared,
    /// What the training has come to; `None` before any.
    pub(super) state: Option<TrainingState>,
    /// The images as the stages that were trained last read them.
    pub(super) loaders: Option<Loaders>,
    /// The weights that the model is; `None` while nothing was trained.
    pub(super) kept: Option<KeptRecord>,
    /// The head as a solver computed it, if one did.
    pub(super) head_fit: Option<HeadFitRecord>,
    /// Whether the user has stopped the run.
    pub(super) interrupted: bool,
}

impl Trained {
    /// Returns a network that is not trained yet.
    pub(super) fn new(prepared: Prepared) -> Self {
        Self { prepared, state: None, loaders: None, kept: None, head_fit: None, interrupted: false }
    }
}

/// Saves a checkpoint, where the run has a folder. Returns its path.
pub(super) fn checkpoint(
    inputs: &Inputs<'_>,
    backbone: &Backbone,
    name: &str,
) -> Result<Option<PathBuf>, Error> {
    let Some(folder) = inputs.folder else { return Ok(None) };
    let path = folder.checkpoints()?.join(name);
    let description = model_description(inputs.materials, inputs.images);
    model_file::save(backbone, &description, &path)?;
    Ok(Some(path))
}

/// Saves a checkpoint. Where there is no room for it the training goes on, and the last one stays.
pub(super) fn try_checkpoint(
    inputs: &Inputs<'_>,
    backbone: &Backbone,
    name: &str,
    session: &mut Session<'_>,
) {
    if let Err(error) = checkpoint(inputs, backbone, name) {
        session.emit(&Event::Warning(format!("{error}; the training goes on without this checkpoint")));
    }
}
