//! Runs with random policies, and the images that they see.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;
use std::path::Path;

use backbone::{Backbone, Options, StageId, Values};
use features::dataset::ImageSubset;
use features::loader::{FeatureLoader, Preparation, Variation};
use images::{Augment, Probability, Sample, Store, Transform};
use pretrained::InputSpec;
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ranged::{Fraction, NotNegative, Positive, ProperFraction};
use records::Interrupt;
use run_config::{
    Adam, BatchNormPolicy, FinetuneConfig, KeepPolicy, LearningRateSchedule, LoraConfig, Metric, OneCycle,
    Optimizer, Rank, ReduceOnPlateau, RegularizeConfig, RmsProp, SamplerKind, Sgd, StepDecay, ThawConfig,
    TrainConfig,
};
use tch::Kind;

use training::Loaders;

/// What a run is to do.
#[derive(Debug)]
pub(crate) struct RandomRun {
    pub(crate) network: &'static str,
    pub(crate) finetune: FinetuneConfig,
    pub(crate) train: TrainConfig,
    pub(crate) regularize: RegularizeConfig,
    /// Epochs of `train-head`, 0 for none, and of `fine-tune`.
    pub(crate) epochs: [u32; 2],
    pub(crate) variation: Variation,
    pub(crate) kind: Kind,
    pub(crate) begins_trained: bool,
    pub(crate) weighted: bool,
    pub(crate) sync_interval: usize,
    pub(crate) seed: u64,
}

/// Training and validation images, in grey for a LeNet and in colour for a ResNet or a ViT.
pub(crate) struct Images {
    pub(crate) training: ImageSubset,
    pub(crate) validation: ImageSubset,
}

impl RandomRun {
    /// Returns the run of a number.
    pub(crate) fn of(number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(number);
        let mut chance = |share: f64| random.random_bool(share);
        let residual = number % 20 == 3;
        let attentive = number % 20 == 13;
        let kind = match number % 10 {
            7 => Kind::BFloat16,
            _ => Kind::Float,
        };
        let optimizer = match number % 5 {
            0 => Optimizer::Sgd(Sgd::default()),
            1 => Optimizer::Adam(Adam::default()),
            2 => Optimizer::AdamW(Adam::default()),
            3 => Optimizer::RmsProp(RmsProp { momentum: Fraction::of(0.5), ..RmsProp::default() }),
            _ => Optimizer::Sgd(Sgd { momentum: Fraction::of(0.0) }),
        };
        let plateau =
            ReduceOnPlateau { patience: 0, threshold: Fraction::of(0.5), ..ReduceOnPlateau::default() };
        let schedule = match number % 6 {
            0 => LearningRateSchedule::Cosine,
            1 => LearningRateSchedule::Plateau(plateau),
            2 => LearningRateSchedule::OneCycle(OneCycle::default()),
            3 => LearningRateSchedule::Step(StepDecay { every: NonZeroU32::MIN, factor: Positive::of(0.5) }),
            4 => LearningRateSchedule::Plateau(plateau),
            _ => LearningRateSchedule::Constant,
        };
        let average = number % 3;
        let keep = if chance(0.5) { KeepPolicy::Best } else { KeepPolicy::Last };
        let train = TrainConfig {
            batch_size: NonZeroUsize::new(4).unwrap(),
            accumulate: NonZeroUsize::new(if chance(0.4) { 2 } else { 1 }).unwrap(),
            learning_rate: Positive::of(if residual { 0.002 } else { 0.005 }),
            optimizer,
            schedule,
            keep: Some(keep),
            metric: if chance(0.5) { Metric::Loss } else { Metric::Accuracy },
            validate_every: chance(0.2).then(|| NonZeroU32::new(2).unwrap()),
            warmup_epochs: NotNegative::of(if chance(0.3) { 0.7 } else { 0.0 }),
            clip_norm: chance(0.4).then(|| Positive::of(0.3)),
            clip_value: chance(0.3).then(|| Positive::of(0.1)),
            ema: (average == 1).then(|| ProperFraction::of(0.8)),
            swa_from: (average == 2).then(|| NonZeroU32::new(2).unwrap()),
            sampler: if chance(0.3) { SamplerKind::Balanced } else { SamplerKind::Shuffle },
            ..TrainConfig::default()
        };
        let source = number % 7;
        let mixes = chance(0.25);
        let regularize = RegularizeConfig {
            l1: NotNegative::of(if chance(0.2) && !attentive { 1e-4 } else { 0.0 }),
            max_norm: (chance(0.2) && !attentive).then(|| Positive::of(2.0)),
            label_smoothing: Fraction::of(if chance(0.3) { 0.1 } else { 0.0 }),
            mixup: NotNegative::of(if mixes { 0.4 } else { 0.0 }),
            dropout: chance(0.6).then(|| Fraction::of(0.4)),
            stochastic_depth: (residual && chance(0.5)).then(|| Fraction::of(0.5)),
            early_stopping: chance(0.4).then_some(NonZeroU32::MIN),
            l2_sp: (source == 0).then(|| serde_json::from_str("{}").unwrap()),
            delta: (source == 1 || source == 2).then(|| serde_json::from_str("{}").unwrap()),
            spectral_shrinkage: chance(0.2).then(|| serde_json::from_str(r#"{"k": 1}"#).unwrap()),
            co_tuning: (source == 3 || source == 4).then(|| serde_json::from_str("{}").unwrap()),
            ..RegularizeConfig::default()
        };
        let thaws = chance(0.5);
        let depth = match (residual, chance(0.3)) {
            (_, true) => "all",
            (true, false) => "from:layer4",
            (false, false) => "last:2",
        };
        let finetune = FinetuneConfig {
            depth: depth.parse().unwrap(),
            thaw: thaws.then(|| ThawConfig { every: Some(NonZeroU32::MIN), ..ThawConfig::default() }),
            batch_norm: if chance(0.5) { BatchNormPolicy::Train } else { BatchNormPolicy::Frozen },
            wise_ft: (chance(0.2) && !attentive).then(|| 0.5f64.try_into().unwrap()),
            lora: attentive.then(|| LoraConfig { rank: Rank::of(3), alpha: Some(Positive::of(6.0)) }),
            ..FinetuneConfig::default()
        };
        let variation = match number % 4 {
            _ if mixes => Variation::Varying,
            0 | 3 => Variation::Fixed,
            1 => Variation::Views(NonZeroU32::new(2).unwrap()),
            _ => Variation::Varying,
        };
        Self {
            network: match (residual, attentive) {
                (true, _) => "resnet18",
                (_, true) => "vit_t_16",
                _ => "lenet5_relu",
            },
            finetune,
            train,
            regularize,
            epochs: [if chance(0.6) { 2 } else { 0 }, 3],
            variation,
            kind,
            begins_trained: chance(0.3),
            weighted: chance(0.2),
            sync_interval: if chance(0.3) { 3 } else { 1 },
            seed: number + 5,
        }
    }

    /// Returns the network with the source's weights.
    pub(crate) fn network(&self) -> Backbone {
        let [dropout, stochastic_depth] =
            [self.regularize.dropout, self.regularize.stochastic_depth].map(|rate| rate.map(Fraction::get));
        let side = self.input().crop.into();
        let channels = self.input().channels.into();
        let options =
            Options { classes: 2, channels, size: side, dropout, stochastic_depth, ..Options::default() };
        let mut backbone =
            zoo::network(self.network).unwrap().build(Values::Drawn { seed: self.seed }, &options);
        backbone.use_channels_last();
        backbone
    }

    fn input(&self) -> InputSpec {
        let usual = (zoo::network(self.network).unwrap().input)();
        let side = if self.network == "lenet5_relu" { 28 } else { 32 };
        InputSpec { resize: side, crop: side, ..usual }
    }

    /// Returns the images as the stage at the cut reads them.
    pub(crate) fn loaders(&self, backbone: &Backbone, cut: StageId, images: &Images) -> Loaders {
        let interrupt = Interrupt::default();
        let augment =
            Augment { seed: self.seed, horizontal_flip: Probability::of(0.5), ..Augment::default() };
        let shown = match self.variation {
            Variation::Fixed => Transform::evaluation(&self.input()),
            _ => Transform::training(&self.input(), &augment),
        };
        let loader = |part: &ImageSubset, variation, transform, mixing| {
            let memory_bytes = if cut == StageId::INPUT { 0 } else { 1 << 30 };
            let how = Preparation {
                variation,
                memory_bytes,
                mixing,
                ..Preparation::once(transform, 4, 0, &interrupt)
            };
            FeatureLoader::new(backbone, cut, part, how, &mut |_| {}).unwrap()
        };
        let plain = Transform::evaluation(&self.input()).unwrap();
        Loaders {
            training: loader(&images.training, self.variation, shown.unwrap(), self.regularize.mixing()),
            validation: loader(&images.validation, Variation::Fixed, plain, regularize::Mixing::default()),
        }
    }
}

impl Images {
    /// Draws grey noise with a bright half, the label.
    pub(crate) fn draw(folder: &Path) -> Self {
        let part = |name: &str, count: u32| {
            let samples = (0..count).map(|number| {
                let path = folder.join(format!("{name}{number}.png"));
                let image = image::GrayImage::from_fn(32, 32, |x, y| {
                    let noise = x.wrapping_mul(2_654_435_761).wrapping_add(y * 40_503 + number * 9_973) >> 5;
                    let half = if (x < 16) == (number % 2 == 0) { 60 } else { 0 };
                    image::Luma([u8::try_from(noise % 180 + half).unwrap()])
                });
                image.save(&path).unwrap();
                Sample { path, label: usize::from(number % 3 == 0), id: u64::from(number), group: None }
            });
            let keep = images::Keep::Whole;
            let store =
                Store::decode(samples.collect(), keep, u64::MAX, 1, &|_, _| ControlFlow::Continue(()));
            ImageSubset { store: store.unwrap(), indices: (0..count).collect() }
        };
        Self { training: part("t", 13), validation: part("v", 6) }
    }
}
