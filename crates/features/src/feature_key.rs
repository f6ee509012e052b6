//! The key of cached features: everything that decides about the features of an image, view and image aside.

use backbone::{Backbone, StageId, digest};
use pretrained::InputSpec;
use run_config::{Cache, Run};
use tch::{Device, Kind};
use torch_extra::determinism::{Algorithms, algorithms};

use crate::Error;
use crate::feature_cache::{Cached, FeatureCache, Key};
use crate::loader::chunk;

/// Number of the arithmetic that makes pixels from images, and features from pixels. Raise it when a result changes, so
/// that cached features of an older program do not count as equal; `tests/features/format.rs` holds golden values that
/// force it up.
pub const FORMAT: u32 = 2;

/// Returns the cache of a run's features at a cut, with the key of images that are not augmented; `None` where features are
/// not cached on disk.
///
/// # Errors
/// When a stage cannot be digested.
pub fn feature_cache(
    run: &Run,
    input: &InputSpec,
    backbone: &Backbone,
    cut: StageId,
) -> Result<Option<Cached>, Error> {
    let config = &run.config.run;
    // Pixels are computed as fast as they are read from disk.
    if config.cache != Cache::On || cut == StageId::INPUT {
        return Ok(None);
    }
    let Some(cache) = FeatureCache::of_user(config.cache_mib.saturating_mul(1 << 20)) else {
        return Ok(None);
    };
    let means = Means {
        format: FORMAT,
        libtorch: torch_extra::determinism::libtorch(),
        processor: torch_extra::processor(),
        device: run.device,
        threads: run.threads,
        chunk: chunk(run.device, run.config.train.batch_size.get()),
        kind: backbone.prepared_kind(),
        algorithms: algorithms(),
        flushes_denormals: config.flush_denormals,
    };
    Ok(Some(Cached { cache, key: key_of(&means, input, backbone, cut)? }))
}

/// What features are computed with. Each of these may change the last bits of a result.
#[derive(Clone, Debug)]
struct Means {
    format: u32,
    libtorch: String,
    processor: String,
    device: Device,
    threads: u32,
    chunk: usize,
    kind: Option<Kind>,
    algorithms: Algorithms,
    flushes_denormals: bool,
}

/// Weights alone do not decide: `lenet5` and `lenet5_relu` have the same.
fn key_of(means: &Means, input: &InputSpec, backbone: &Backbone, cut: StageId) -> Result<Key, Error> {
    let Means { format, libtorch, processor, device, threads, chunk, kind, algorithms, flushes_denormals } =
        means;
    let computed = format!("{device:?}, {threads} threads, {chunk} images at once, {kind:?}, {input:?}");
    let how = format!("{algorithms:?}, denormal numbers flushed: {flushes_denormals}");
    let mut parts =
        vec![format!("features, format {format}"), libtorch.clone(), processor.clone(), computed, how];
    parts.push(backbone.arch().to_owned());
    let frozen = || backbone.ids().take_while(|&id| id < cut);
    for (id, digest) in frozen().zip(digest::stages(backbone, frozen())?) {
        parts.extend([backbone.name(id).to_owned(), digest]);
    }
    parts.extend(carried(backbone, cut));
    Ok(Key::of(&parts))
}

/// What a row holds of the stages that the head reads, if it holds any: alone, or with the input of the cut.
fn carried(backbone: &Backbone, cut: StageId) -> Option<String> {
    let read: Vec<String> = backbone
        .reads()
        .iter()
        .filter(|&&id| id < cut)
        .map(|&id| format!("{} by {:?}", backbone.name(id), backbone.stages()[id.index()].pool))
        .collect();
    let alone = if cut == backbone.head_id() { "alone" } else { "with the input of the cut" };
    (!read.is_empty()).then(|| format!("pooled {}, {alone}", read.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use backbone::{Ending, Options, Values};

    use pretrained::{Fit, SampleRange};

    use super::*;
    use zoo::source_weights::default_input;

    #[test]
    fn whatever_decides_about_features_is_in_their_key() {
        let build = |name| {
            let network = zoo::network(name).unwrap();
            tch::manual_seed(0);
            let options = Options { channels: 1, size: 32, ..Options::default() };
            network.build(Values::default(), &options)
        };
        let (relu, other) = (build("lenet5_relu"), build("lenet5"));
        let input = default_input(zoo::network("lenet5_relu").unwrap());
        let means = Means {
            format: 1,
            libtorch: "TORCH_VERSION=2.11.0".to_owned(),
            processor: "a processor".to_owned(),
            device: Device::Cpu,
            threads: 2,
            chunk: 8,
            kind: Some(Kind::Float),
            algorithms: Algorithms::Fastest,
            flushes_denormals: false,
        };
        let key = |means: &Means, input: &InputSpec, network: &Backbone, cut| {
            key_of(means, input, network, cut).unwrap().name()
        };
        let head = relu.head_id();
        // The two networks differ in what lies between their layers alone.
        let weights = |network: &Backbone| digest::stage(network, StageId::INPUT).unwrap();
        assert_eq!(weights(&relu), weights(&other));
        let weighed = key(&means, &input, &relu, head);
        assert_eq!(weighed, key(&means.clone(), &input, &relu, head));
        let mut keys = BTreeSet::from([weighed, key(&means, &input, &other, head)]);
        keys.insert(key(&means, &input, &relu, relu.stage("fc2").unwrap()));
        for changed in [
            InputSpec { crop: 30, ..input.clone() },
            InputSpec { fit: Fit::Pad, ..input.clone() },
            InputSpec { fit: Fit::Squash, ..input.clone() },
            InputSpec { range: SampleRange::try_from(4095).ok(), ..input.clone() },
        ] {
            keys.insert(key(&means, &changed, &relu, head));
        }
        for changed in [
            Means { format: 2, ..means.clone() },
            Means { libtorch: "TORCH_VERSION=2.11.1".to_owned(), ..means.clone() },
            Means { processor: "another".to_owned(), ..means.clone() },
            Means { device: Device::Cuda(0), ..means.clone() },
            Means { threads: 1, ..means.clone() },
            Means { chunk: 16, ..means.clone() },
            Means { kind: Some(Kind::BFloat16), ..means.clone() },
            Means { algorithms: Algorithms::Repeatable, ..means.clone() },
            Means { flushes_denormals: true, ..means.clone() },
        ] {
            keys.insert(key(&changed, &input, &relu, head));
        }
        assert_eq!(keys.len(), 3 + 4 + 9, "two of them share a key");
        // The same frozen stages, but other rows.
        let ended = |cut: Option<&str>, taps: &[&str]| {
            let taps = taps.iter().map(ToString::to_string).collect();
            let mut network = build("lenet5_relu");
            network.end(&Ending { cut: cut.map(str::to_owned), taps }).unwrap();
            network
        };
        let cut = ended(Some("conv2"), &[]);
        assert!(keys.insert(key(&means, &input, &relu, relu.stage("fc1").unwrap())));
        assert!(keys.insert(key(&means, &input, &cut, cut.head_id())));
        for (taps, before) in [(&["conv1", "conv2"][..], "head"), (&["conv1", "fc1"], "fc1")] {
            let tapped = ended(None, taps);
            assert!(keys.insert(key(&means, &input, &tapped, tapped.stage(before).unwrap())), "{taps:?}");
        }
        // What comes after the cut does not count.
        let [one, other] = [&["conv1", "fc1"][..], &["conv1", "fc2"]].map(|taps| ended(None, taps));
        let at = one.stage("fc1").unwrap();
        assert_eq!(key(&means, &input, &one, at), key(&means, &input, &other, at));
        let moved = relu.stage_variables(StageId::INPUT);
        tch::no_grad(|| drop(moved[0].tensor.shallow_clone().g_add_scalar_(1.0)));
        assert!(keys.insert(key(&means, &input, &relu, head)), "other weights, another key");
    }

    #[test]
    fn libtorch_says_which_it_is() {
        assert!(torch_extra::determinism::libtorch().contains("TORCH_VERSION="));
    }
}
