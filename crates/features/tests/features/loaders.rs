//! Batches of a loader are the same to the bit, however the features of its frozen stages come: for every family.

use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::Path;

use backbone::{Backbone, StageId};
use features::dataset::ImageSubset;
use features::feature_cache::{Cached, FeatureCache, Key};
use features::loader::{EpochStart, FeatureLoader, LaterCut, Preparation, Variation};
use images::{Augment, Keep, Sample, Store, Transform};
use pretrained::InputSpec;
use records::{Event, Interrupt};
use run_config::SamplerKind;
use tch::{Kind, Tensor};

use crate::families::for_each_family;

/// In float32 the same bits, wherever the network is cut: in each epoch again, or computed once and cached in memory, on disk,
/// or found there again; with images that stay the same and with views of them.
#[test]
fn cached_features_are_those_computed_again() {
    // Two batches and three chunks, the last of each a part.
    const IMAGES: u64 = 19;
    let folder = tempfile::tempdir().unwrap();
    let part = image_subset(folder.path(), IMAGES);
    let views = Variation::Views(NonZeroU32::new(2).unwrap());
    for_each_family(|backbone, side| {
        let network = zoo::network(backbone.arch()).unwrap();
        let input = InputSpec { resize: side, crop: side, ..(network.input)() };
        let augment =
            Augment { seed: 3, horizontal_flip: images::Probability::of(0.5), ..Augment::default() };
        let varied = Transform::training(&input, &augment).unwrap();
        let plain = Transform::evaluation(&input).unwrap();
        for cut in [backbone.head_id(), backbone.stage(backbone.stages()[1].name).unwrap()] {
            backbone.freeze_before(cut);
            backbone.prepare_inference(StageId::INPUT..cut, Kind::Float);
            for (transform, variation, shown) in
                [(&varied, views, 2 * IMAGES), (&plain, Variation::Fixed, IMAGES)]
            {
                let what = format!("{} before {}, {variation:?}", backbone.arch(), backbone.name(cut));
                let key = Key::of(&[&what]);
                let bits = |memory_bytes, on_disk: Option<&FeatureCache>, found| {
                    let cached = |cache: &FeatureCache| Cached { cache: cache.clone(), key: key.clone() };
                    let interrupt = Interrupt::default();
                    let how = Preparation {
                        variation,
                        memory_bytes,
                        cache: on_disk.map(cached),
                        ..Preparation::once(transform.clone(), 16, 2, &interrupt)
                    };
                    let loader = FeatureLoader::new(backbone, cut, &part, how, &mut |_| {}).unwrap();
                    assert_eq!(
                        loader.feature_bytes().is_some(),
                        memory_bytes > 0 || on_disk.is_some(),
                        "{what}"
                    );
                    assert_eq!([loader.found(), loader.found_earlier()], [found, 0], "{what}");
                    let from = |start| {
                        let batches = loader.epoch(backbone, 16, SamplerKind::Shuffle, 0, start);
                        batches.batches(backbone).map(|batch| batch.unwrap()).collect::<Vec<_>>()
                    };
                    let batches = (1..4).flat_map(|epoch| {
                        let all = from(EpochStart { epoch, batch: 0 });
                        let last = from(EpochStart { epoch, batch: 1 });
                        assert_eq!((all.len(), last.len(), last[0].number), (2, 1, 1), "{what}");
                        assert!(last[0].x.equal(&all[1].x) && last[0].labels.equal(&all[1].labels), "{what}");
                        assert!(from(EpochStart { epoch, batch: 2 }).is_empty(), "{what}");
                        all.into_iter().map(|batch| batch.x)
                    });
                    Tensor::cat(&batches.collect::<Vec<_>>(), 0)
                };
                let kept = tempfile::tempdir().unwrap();
                let disk = FeatureCache::new(kept.path().to_owned(), 1 << 30);
                let fresh = bits(0, None, 0);
                assert!(bits(1 << 30, None, 0).equal(&fresh), "{what}, kept in memory");
                assert!(bits(0, Some(&disk), 0).equal(&fresh), "{what}, written to disk");
                assert!(bits(0, Some(&disk), shown).equal(&fresh), "{what}, mapped from disk");
                assert!(bits(1 << 30, Some(&disk), shown).equal(&fresh), "{what}, found on disk");
            }
        }
    });
}

/// What a loader caches on the way, for stages at which training begins later, is to the bit what the loaders of those stages
/// would have computed, and none of them computes anything.
#[test]
fn features_kept_in_passing_are_those_computed_again() {
    const IMAGES: u64 = 13;
    let folder = tempfile::tempdir().unwrap();
    let part = image_subset(folder.path(), IMAGES);
    for_each_family(|backbone, side| {
        let network = zoo::network(backbone.arch()).unwrap();
        let transform = Transform::evaluation(&InputSpec { resize: side, crop: side, ..(network.input)() });
        let transform = transform.unwrap();
        let loader = |backbone: &Backbone, cut, later_cuts: &[StageId], handover, memory_bytes| {
            let interrupt = Interrupt::default();
            let how = Preparation {
                variation: Variation::Fixed,
                memory_bytes,
                later_cuts: later_cuts.iter().map(|&stage| LaterCut { stage, cache: None }).collect(),
                handover,
                ..Preparation::once(transform.clone(), 5, 1, &interrupt)
            };
            let mut passes = 0;
            let mut listen = |event: &Event<'_>| passes += u32::from(matches!(event, Event::Prepared { .. }));
            (FeatureLoader::new(backbone, cut, &part, how, &mut listen).unwrap(), passes)
        };
        let bits = |backbone: &Backbone, loader: &FeatureLoader| {
            let batches = loader.in_order(backbone, 5).map(|batch| batch.unwrap().x);
            Tensor::cat(&batches.collect::<Vec<_>>(), 0)
        };
        let ids: Vec<StageId> = backbone.ids().collect();
        let cuts = [backbone.head_id(), ids[ids.len() / 2], ids[1]];
        let mut before: Option<FeatureLoader> = None;
        for (place, &cut) in cuts.iter().enumerate() {
            let what = format!("{} before {}", backbone.arch(), backbone.name(cut));
            backbone.freeze_before(cut);
            backbone.prepare_inference(StageId::INPUT..cut, Kind::Float);
            let handover = before.take().and_then(|loader| loader.hand_over(cut));
            assert_eq!(handover.is_some(), place > 0, "{what}");
            let (kept, passes) = loader(backbone, cut, &cuts[place + 1..], handover, 1 << 30);
            assert_eq!(passes > 0, place == 0, "{what}");
            let (fresh, _) = loader(backbone, cut, &[], None, 0);
            assert!(kept.feature_bytes().is_some() && fresh.feature_bytes().is_none(), "{what}");
            assert_eq!(kept.all_feature_bytes() > kept.feature_bytes().unwrap(), place < 2, "{what}");
            assert!(bits(backbone, &kept).equal(&bits(backbone, &fresh)), "{what}");
            before = Some(kept);
        }
    });
}

/// Coloured images of two classes, each another pattern.
fn image_subset(folder: &Path, count: u64) -> ImageSubset {
    let samples = (0..count).map(|id| {
        let path = folder.join(format!("{id}.png"));
        let number = u32::try_from(id).unwrap();
        let (a, b) = (number * 7 + 3, number * 5 + 11);
        let image = image::RgbImage::from_fn(40, 36, |x, y| {
            image::Rgb([x * a + y, y * b, x * y + a].map(|value| (value % 256) as u8))
        });
        image.save(&path).unwrap();
        Sample { path, label: number as usize % 2, id, group: None }
    });
    let store =
        Store::decode(samples.collect(), Keep::Whole, 0, 1, &|_, _| ControlFlow::Continue(())).unwrap();
    ImageSubset { store, indices: (0..u32::try_from(count).unwrap()).collect() }
}
