use backbone::{Backbone, StageId, Values};
use run_config::Run;
use tch::Kind;

use crate::Error;
use crate::recipe::{self, Materials};

/// The whole source network, prepared for inference.
pub(super) struct SourceNetwork {
    /// The network with the source weights.
    pub(super) backbone: Backbone,
    /// Whether its classifier is the source's own, and not a new one.
    pub(super) has_classifier: bool,
}

impl SourceNetwork {
    /// Builds the network of a run and loads the source weights.
    ///
    /// # Errors
    /// When there are no source weights, or they do not fit.
    pub(super) fn load(run: &Run, materials: &Materials) -> Result<Self, Error> {
        let Some(checkpoint) = &materials.checkpoint else {
            let message = "there is nothing to advise on without source weights: name some, or train everything with finetune.depth = \"scratch\"";
            return Err(run.source.wrong("model.weights", message).into());
        };
        let values = Values::Awaited { seed: run.config.run.seed };
        let mut backbone = recipe::build(run, &materials.input, Some(checkpoint), values)?;
        let loaded = backbone.load(checkpoint)?;
        let whole = backbone.ending();
        let has_classifier = recipe::has_classifier(run, &backbone, checkpoint, &loaded);
        recipe::end(run, &mut backbone)?;
        let has_classifier = has_classifier && backbone.ending() == whole;
        backbone.to(run.device, Kind::Float);
        backbone.use_channels_last();
        backbone.freeze_before(backbone.head_id());
        backbone.prepare_inference(StageId::INPUT..backbone.head_id(), Kind::Float);
        Ok(Self { backbone, has_classifier })
    }
}
