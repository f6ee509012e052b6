use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::Path;

use backbone::{Backbone, Options, StageId, Values};
use features::dataset::ImageSubset;
use features::feature_cache::{Cached, FeatureCache, Key};
use features::loader::{Batch, FeatureLoader, LaterCut, Preparation, Variation, chunk};
use images::{Augment, Keep, Sample, Store, Transform};
use records::Interrupt;
use tch::{Device, Kind, Tensor};
use zoo::source_weights::default_input;

use crate::families::use_one_thread;

const IMAGES: u64 = 5;
/// What the head of LeNet reads of an image.
const VALUES: u64 = 84;

#[test]
fn a_gpu_computes_whole_batches_or_equal_parts_and_a_cpu_a_few_images() {
    for (batch_size, expected) in
        [(0, 1), (1, 1), (16, 16), (128, 128), (129, 65), (200, 100), (usize::MAX, 128)]
    {
        assert_eq!(chunk(Device::Cuda(0), batch_size), expected, "{batch_size}");
        assert_eq!(chunk(Device::Cpu, batch_size), 8);
    }
}

/// Features of another type than the network's stand for those of a network on a GPU: they have to be brought to it.
#[test]
fn what_memory_has_no_room_for_stays_mapped_and_is_brought_batch_by_batch() {
    let folder = tempfile::tempdir().unwrap();
    let (mut backbone, part) = (lenet(), part(folder.path()));
    backbone.prepare_inference(StageId::INPUT..backbone.head_id(), Kind::BFloat16);
    let cache = FeatureCache::new(folder.path().join("features"), 1 << 20);
    let values = IMAGES * VALUES;
    // Nothing fits in there: these are computed again.
    let no_room = FeatureCache::new(folder.path().join("none"), 0);
    let fresh = loader(&backbone, &part, Variation::Fixed, 0, &no_room);
    assert_eq!(fresh.feature_bytes(), None);
    let fresh: Vec<Batch> = fresh.in_order(&backbone, 2).map(Result::unwrap).collect();
    for (memory, bytes, found) in [(0, 2 * values, 0), (0, 2 * values, IMAGES), (1 << 20, 2 * values, IMAGES)]
    {
        let loader = loader(&backbone, &part, Variation::Fixed, memory, &cache);
        assert_eq!(loader.feature_bytes(), Some(bytes), "with {memory} bytes of memory");
        assert_eq!([loader.found(), loader.found_earlier()], [found, 0]);
        let batches: Vec<Batch> = loader.in_order(&backbone, 2).map(Result::unwrap).collect();
        assert_eq!(batches.len(), 3);
        // In half the bytes nothing is lost.
        assert!(
            batches
                .iter()
                .zip(&fresh)
                .all(|(cached, fresh)| cached.x.kind() == Kind::Float && cached.x == fresh.x)
        );
    }
}

#[test]
fn all_views_together_have_to_fit_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (backbone, part) = (lenet(), part(folder.path()));
    // A description takes 64 bytes for each image, and fewer than 400 for all of them.
    let cache = FeatureCache::new(folder.path().join("features"), IMAGES * (4 * VALUES + 64) + 400);
    let views = |count| Variation::Views(NonZeroU32::new(count).unwrap());
    let two = loader(&backbone, &part, views(2), 0, &cache);
    assert_eq!(two.feature_bytes(), None);
    assert!(!folder.path().join("features").exists(), "a view was written that could not be used");
    let one = loader(&backbone, &part, views(1), 0, &cache);
    assert_eq!(one.feature_bytes(), Some(4 * IMAGES * VALUES));
}

/// In memory and on disk alone, with and without a stop on the way: a stage whose input is kept for later.
#[test]
fn images_of_other_lists_are_not_computed_again_and_lie_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    let (backbone, all) = (lenet(), part(folder.path()));
    let no_room = FeatureCache::new(folder.path().join("none"), 0);
    let some = |indices: &[u32]| ImageSubset { store: all.store.clone(), indices: indices.to_vec() };
    let read = |loader: &FeatureLoader| {
        let batches: Vec<Tensor> = loader.in_order(&backbone, 2).map(|batch| batch.unwrap().x).collect();
        Tensor::cat(&batches, 0)
    };
    let stop = backbone.stage("fc1").unwrap();
    for (memory, stop) in [(0, None), (1 << 20, None), (0, Some(stop)), (1 << 20, Some(stop))] {
        let cache = FeatureCache::new(folder.path().join(format!("with {memory} and {stop:?}")), 1 << 20);
        let of = |indices: &[u32]| stopping(&backbone, &some(indices), memory, &cache, stop);
        for (indices, found) in
            [(&[3, 1][..], 0), (&[2, 1, 0, 3, 4], 2), (&[4, 0], 2), (&[0, 4, 1], 3), (&[3, 1], 2)]
        {
            let cached = of(indices);
            assert_eq!(cached.found(), found, "{indices:?}");
            // Where all are known nothing passes the stop.
            let passes = stop.is_some() && found < indices.len() as u64;
            assert_eq!(cached.all_feature_bytes() > cached.feature_bytes().unwrap(), passes, "{indices:?}");
            let fresh = loader(&backbone, &some(indices), Variation::Fixed, 0, &no_room);
            assert_eq!(fresh.feature_bytes(), None);
            assert_eq!(read(&cached), read(&fresh), "{indices:?} with {memory} bytes of memory");
        }
    }
}

fn lenet() -> Backbone {
    use_one_thread();
    let network = zoo::network("lenet5_relu").unwrap();
    let options = Options { channels: 1, size: 28, ..Options::default() };
    let mut backbone = network.build(Values::default(), &options);
    backbone.freeze_before(backbone.head_id());
    backbone
}

fn part(folder: &Path) -> ImageSubset {
    let samples = (0..IMAGES).map(|id| {
        let path = folder.join(format!("{id}.png"));
        let shade = u8::try_from(id).unwrap();
        image::GrayImage::from_fn(28, 28, |x, y| image::Luma([(x * y) as u8 ^ shade])).save(&path).unwrap();
        Sample { path, label: 0, id, group: None }
    });
    let store =
        Store::decode(samples.collect(), Keep::Whole, 0, 1, &|_, _| ControlFlow::Continue(())).unwrap();
    ImageSubset { store, indices: (0..u32::try_from(IMAGES).unwrap()).collect() }
}

/// A loader of images as they are, with a stop or without one.
fn stopping(
    backbone: &Backbone,
    part: &ImageSubset,
    memory: u64,
    cache: &FeatureCache,
    stop: Option<StageId>,
) -> FeatureLoader {
    let cached = || Cached { cache: cache.clone(), key: Key::of(&["lenet before it"]) };
    let stop = stop.map(|stage| LaterCut { stage, cache: Some(cached()) });
    made(backbone, part, Variation::Fixed, memory, cache, stop.into_iter().collect())
}

fn loader(
    backbone: &Backbone,
    part: &ImageSubset,
    variation: Variation,
    memory: u64,
    cache: &FeatureCache,
) -> FeatureLoader {
    made(backbone, part, variation, memory, cache, Vec::new())
}

fn made(
    backbone: &Backbone,
    part: &ImageSubset,
    variation: Variation,
    memory: u64,
    cache: &FeatureCache,
    later_cuts: Vec<LaterCut>,
) -> FeatureLoader {
    let input = default_input(zoo::network("lenet5_relu").unwrap());
    let augment = Augment { rotation: images::Angle::of(20.0), ..Augment::default() };
    let transform = match variation {
        Variation::Fixed => Transform::evaluation(&input),
        _ => Transform::training(&input, &augment),
    };
    let interrupt = Interrupt::default();
    let how = Preparation {
        variation,
        memory_bytes: memory,
        cache: Some(Cached { cache: cache.clone(), key: Key::of(&["lenet"]) }),
        later_cuts,
        ..Preparation::once(transform.unwrap(), 2, 1, &interrupt)
    };
    FeatureLoader::new(backbone, backbone.head_id(), part, how, &mut |_| {}).unwrap()
}
