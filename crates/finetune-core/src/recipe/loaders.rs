//! Batches for the steps: the training and validation images, as the first live stage reads them.

use std::num::NonZeroU32;

use backbone::{Backbone, StageId};
use data_parallel::split;
use features::dataset::ImageSubset;
use features::feature_cache::Cached;
use features::feature_cost::{self, FeatureCost};
use features::feature_key::feature_cache;
use features::loader::{FeatureLoader, Handover, LaterCut, Preparation, Share, Variation};
use images::Transform;
use records::{Event, Interrupt, Session};
use run_config::{Cache, Config, Run};
use training::Loaders;

use super::step::Inputs;

/// Which batches are asked for.
pub(super) struct Request<'a> {
    /// The network, its stages before the cut frozen and prepared.
    pub(super) backbone: &'a Backbone,
    /// The first live stage, whose input the batches are.
    pub(super) cut: StageId,
    /// Number of epochs of the phase.
    pub(super) epochs: u32,
    /// The cuts of later segments, the nearest first: their input is kept on the way, so that no image passes a frozen stage
    /// twice.
    pub(super) later_cuts: Vec<StageId>,
}

/// Makes the loaders of a segment. Features that the loaders of the segment before kept for it go on being kept.
///
/// # Errors
/// When an image can no longer be read, or on interruption.
pub(super) fn loaders(
    inputs: &Inputs<'_>,
    request: &Request<'_>,
    previous: Option<Loaders>,
    session: &mut Session<'_>,
) -> Result<Loaders, features::Error> {
    let Inputs { run, materials, images, .. } = *inputs;
    let &Request { backbone, cut, epochs, .. } = request;
    let (of_training, of_validation): (Option<Handover>, Option<Handover>) = match previous {
        Some(Loaders { training, validation }) => (training.hand_over(cut), validation.hand_over(cut)),
        None => (None, None),
    };
    let input = &materials.input;
    let variation = variation(run, epochs);
    let limit = match run.config.run.cache {
        Cache::Off => 0,
        Cache::On | Cache::Memory => run.config.run.features_mib.saturating_mul(1 << 20),
    };
    let views = if variation == Variation::Varying { 0 } else { variation.count() };
    let shown = images.train.len() as u64 * u64::from(views) + images.validation.len() as u64;
    // What was kept on the way was announced then.
    if views > 0 && of_training.is_none() {
        announce(inputs, request, shown, session);
    }
    let caches = Caches::new(inputs, request)?;
    let interrupt = session.interrupt;
    let once =
        |transform| Preparation::once(transform, run.config.train.batch_size.get(), run.workers, interrupt);
    let augmentation = run.config.augment.changes(run.config.run.seed);
    let training = Preparation {
        variation,
        mixing: run.config.regularize.mixing(),
        memory_bytes: limit,
        cache: caches.at_cut(variation),
        later_cuts: caches.later_cuts(variation),
        handover: of_training,
        team: materials.team.clone(),
        share: share(inputs, backbone, cut)?,
        ..once(Transform::training(input, &augmentation)?)
    };
    let training = FeatureLoader::new(backbone, cut, &images.train, training, session.listener)?;
    // What did not fit into memory and is mapped from disk counts as well.
    let left = limit.saturating_sub(training.all_feature_bytes());
    let validation = Preparation {
        // Pixels are not kept: they are made from the images as fast as they are read, and are four times as large.
        memory_bytes: if cut == StageId::INPUT { 0 } else { left },
        cache: caches.at_cut(Variation::Fixed),
        later_cuts: caches.later_cuts(Variation::Fixed),
        handover: of_validation,
        variation: Variation::Fixed,
        team: materials.team.clone(),
        ..once(Transform::evaluation(input)?)
    };
    let validation = FeatureLoader::new(backbone, cut, &images.validation, validation, session.listener)?;
    if let Some(note) = feature_cost::found(training.found_earlier() + validation.found_earlier(), shown) {
        session.emit(&Event::Note(note));
    }
    Ok(Loaders { training, validation })
}

/// Returns the share of this process in steps of the stages from `cut` on.
///
/// # Errors
/// At `run.split`.
pub(super) fn share(
    inputs: &Inputs<'_>,
    backbone: &Backbone,
    cut: StageId,
) -> Result<Share, features::Error> {
    let Inputs { run, materials, .. } = *inputs;
    let split = split::of_run(run, !backbone.norms(cut).is_empty())?;
    Ok(Share::of(&materials.team, split, run.config.train.accumulate.get()))
}

/// Makes a loader of images that are seen once, unaugmented, as stage `cut` reads them.
///
/// # Errors
/// When an image can no longer be read, or on interruption.
pub(super) fn once(
    inputs: &Inputs<'_>,
    backbone: &Backbone,
    cut: StageId,
    part: &ImageSubset,
    interrupt: &Interrupt,
) -> Result<FeatureLoader, features::Error> {
    let Inputs { run, materials, .. } = *inputs;
    let transform = Transform::evaluation(&materials.input)?;
    let preparation = Preparation::once(transform, run.config.train.batch_size.get(), run.workers, interrupt);
    FeatureLoader::new(backbone, cut, part, preparation, &mut |_| {})
}

/// Makes a loader of images that are seen once, unaugmented, as the network reads them; the processes share them.
///
/// # Errors
/// When an image can no longer be read, or on interruption.
pub(super) fn shared(
    inputs: &Inputs<'_>,
    backbone: &Backbone,
    part: &ImageSubset,
    interrupt: &Interrupt,
) -> Result<FeatureLoader, features::Error> {
    let Inputs { run, materials, .. } = *inputs;
    let transform = Transform::evaluation(&materials.input)?;
    let preparation = Preparation::once(transform, run.config.train.batch_size.get(), run.workers, interrupt);
    let preparation = Preparation { team: materials.team.clone(), ..preparation };
    FeatureLoader::new(backbone, StageId::INPUT, part, preparation, &mut |_| {})
}

/// Returns how the training images vary over this number of epochs.
pub(crate) fn variation(run: &Run, epochs: u32) -> Variation {
    let Config { augment, regularize, run: asked, .. } = &run.config;
    let mixes = regularize.mixing().varies();
    // More views than epochs show the same as a view for each epoch, and what is mixed is another mixture each time.
    match NonZeroU32::new(augment.views.min(epochs)) {
        _ if !mixes && !augment.changes(asked.seed).varies() => Variation::Fixed,
        _ if mixes => Variation::Varying,
        Some(views) => Variation::Views(views),
        None => Variation::Varying,
    }
}

/// Returns whether an image looks the same in every epoch of a run, or comes in a few views, and what frozen stages make of it
/// is kept.
pub(crate) fn shows_the_same(run: &Run) -> bool {
    run.config.run.cache != Cache::Off && variation(run, u32::MAX) != Variation::Varying
}

/// Emits what keeping the features of this number of images takes.
fn announce(inputs: &Inputs<'_>, request: &Request<'_>, shown: u64, session: &mut Session<'_>) {
    let Inputs { run, materials, .. } = *inputs;
    let keeping = |cut| FeatureCost::of(request.backbone, cut, &materials.input, &run.config.run, shown);
    if let Some(keeping) = keeping(request.cut) {
        session.emit(&Event::Note(keeping.to_string()));
    }
    for &cut in &request.later_cuts {
        if let Some(keeping) = keeping(cut) {
            let name = request.backbone.name(cut);
            session.emit(&Event::Note(format!("for when {name} is trained: {keeping}")));
        }
    }
}

/// Where features are kept from run to run: at the cut, and at later cuts.
struct Caches {
    cut: Option<Cached>,
    later: Vec<LaterCut>,
    /// What decides about augmented views, as bytes of a key.
    augmentation: String,
}

impl Caches {
    fn new(inputs: &Inputs<'_>, request: &Request<'_>) -> Result<Self, features::Error> {
        let Inputs { run, materials, .. } = *inputs;
        let of = |cut| feature_cache(run, &materials.input, request.backbone, cut);
        let later = request.later_cuts.iter().map(|&stage| Ok(LaterCut { stage, cache: of(stage)? }));
        let augmentation = format!("{:?}", run.config.augment.changes(run.config.run.seed));
        let later = later.collect::<Result<_, features::Error>>()?;
        Ok(Self { cut: of(request.cut)?, later, augmentation })
    }

    fn at_cut(&self, variation: Variation) -> Option<Cached> {
        self.of_variation(self.cut.as_ref(), variation)
    }

    fn later_cuts(&self, variation: Variation) -> Vec<LaterCut> {
        let stop = |LaterCut { stage, cache }: &LaterCut| LaterCut {
            stage: *stage,
            cache: self.of_variation(cache.as_ref(), variation),
        };
        self.later.iter().map(stop).collect()
    }

    fn of_variation(&self, cache: Option<&Cached>, variation: Variation) -> Option<Cached> {
        cache.map(|cached| match variation {
            Variation::Fixed => cached.clone(),
            _ => cached.and(self.augmentation.as_bytes()),
        })
    }
}
