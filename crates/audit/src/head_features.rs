use backbone::{Backbone, StageId};
use features::dataset::{DecodedDataset, ImageSubset};
use features::feature_key::feature_cache;
use features::loader::{FeatureLoader, LaterCut, Preparation, Variation};
use images::Transform;
use pretrained::InputSpec;
use records::Session;
use run_config::{Cache, Run};
use tch::{Device, Kind, Tensor};

use crate::{AuditedImage, Error, Features};

/// A network whose stages before the cut are frozen and prepared, as a run has it when it trains the head.
pub struct Frozen<'a> {
    /// The network.
    pub backbone: &'a Backbone,
    /// How its images are prepared.
    pub input: &'a InputSpec,
    /// First stage of the head.
    pub cut: StageId,
    /// First stage that the run trains later, whose input it keeps in passing.
    pub later: Option<StageId>,
}

impl Frozen<'_> {
    /// Returns the features of images as the head reads them. They are found where the run would find them, and computed and
    /// cached as it would compute them.
    ///
    /// # Errors
    /// When an image can no longer be read, libtorch fails, or on interruption.
    pub fn features(
        &self,
        run: &Run,
        decoded: &DecodedDataset,
        images: &[AuditedImage],
        session: &mut Session<'_>,
    ) -> Result<Features, Error> {
        let (mut values, mut places) = (Vec::new(), std::collections::HashMap::new());
        for part in [&decoded.train, &decoded.validation, &decoded.test] {
            if !part.is_empty() {
                values.push(self.of_part(run, part, session)?);
            }
            for sample in part.store.samples() {
                places.insert(sample.path.clone(), places.len());
            }
        }
        let rows = images.iter().map(|image| places.get(&image.path).copied()).collect();
        Ok(Features { values: Tensor::f_cat(&values, 0)?, rows })
    }

    /// Returns the features of a split, `[N, D]`, float32, on the CPU.
    fn of_part(&self, run: &Run, part: &ImageSubset, session: &mut Session<'_>) -> Result<Tensor, Error> {
        let Self { backbone, input, cut, later } = *self;
        let cached = |stage| feature_cache(run, input, backbone, stage);
        let batch_size = run.config.train.batch_size.get();
        let memory = match run.config.run.cache {
            Cache::Off => 0,
            Cache::On | Cache::Memory => run.config.run.features_mib.saturating_mul(1 << 20),
        };
        let later =
            later.map(|stage| Ok::<_, Error>(LaterCut { stage, cache: cached(stage)? })).transpose()?;
        let how = Preparation {
            variation: Variation::Fixed,
            memory_bytes: memory,
            cache: cached(cut)?,
            later_cuts: later.into_iter().collect(),
            ..Preparation::once(Transform::evaluation(input)?, batch_size, run.workers, session.interrupt)
        };
        let loader = FeatureLoader::new(backbone, cut, part, how, session.listener)?;
        let _no_gradient = tch::no_grad_guard();
        let before = cut.index().checked_sub(1).map(|before| &backbone.stages()[before]);
        let mut rows = Vec::new();
        for batch in loader.in_order(backbone, batch_size) {
            if session.interrupted() {
                return Err(Error::Interrupted);
            }
            let x = batch?.x.f_to_kind(Kind::Float)?;
            let pooled = before.map_or_else(|| x.shallow_clone(), |stage| stage.pool.vectors(&x));
            rows.push(pooled.f_flatten(1, -1)?.f_to_device(Device::Cpu)?);
        }
        Ok(Tensor::f_cat(&rows, 0)?)
    }
}
