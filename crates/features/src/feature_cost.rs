//! Cost and benefit of keeping the features of frozen stages, in words, before anything is computed.

use std::fmt;

use backbone::{Backbone, StageId};
use pretrained::InputSpec;
use run_config::{Cache, Config, RunConfig};

/// Size of the features of a cut and the computation that they save, from shapes alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureCost {
    /// Number of images; an image counts once for each of its views.
    images: u64,
    /// Size of all features.
    bytes: u64,
    /// Share of the network's multiply-adds that are in the frozen stages, 0 to 1.
    saved: f64,
    storage: Storage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    Memory,
    MemoryAndDisk,
    Disk,
    /// They are larger than these keys allow.
    Nowhere(&'static str),
    /// Switched off by the configuration.
    Off,
}

impl FeatureCost {
    /// Estimates the features of `images` images at a cut; `None` if nothing is frozen before it.
    pub fn of(
        backbone: &Backbone,
        cut: StageId,
        input: &InputSpec,
        run: &RunConfig,
        images: u64,
    ) -> Option<Self> {
        let side = i64::from(input.crop);
        let traces = backbone.trace(&[1, input.channels.into(), side, side]);
        let frozen = &traces[..cut.index()];
        let features: i64 = frozen.last()?.shape.iter().product();
        let cost =
            |traces: &[backbone::Trace]| traces.iter().map(|trace| trace.multiply_adds as f64).sum::<f64>();
        let value = backbone.kind_before(cut).elt_size_in_bytes() as u64;
        let bytes = images * u64::try_from(features).unwrap_or(0) * value;
        let within = |mebibytes: u64| bytes <= mebibytes.saturating_mul(1 << 20);
        let storage = match (run.cache, within(run.features_mib), within(run.cache_mib)) {
            (Cache::Off, ..) => Storage::Off,
            (Cache::On, true, true) => Storage::MemoryAndDisk,
            (_, true, _) => Storage::Memory,
            (Cache::On, false, true) => Storage::Disk,
            (Cache::On, false, false) => Storage::Nowhere("run.features_mib and run.cache_mib allow"),
            (Cache::Memory, false, _) => Storage::Nowhere("run.features_mib allows"),
        };
        Some(Self { images, bytes, saved: cost(frozen) / cost(&traces), storage })
    }
}

impl fmt::Display for FeatureCost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, bytes, saved, storage } = *self;
        let (size, saved) = (format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)), saved * 100.0);
        let storage = match storage {
            Storage::MemoryAndDisk => "in memory, and on disk for later runs",
            Storage::Memory => "in memory",
            Storage::Disk => "on disk, from where they are mapped",
            Storage::Nowhere(limits) => {
                return write!(
                    formatter,
                    "features of the frozen stages are not kept: those of {images} images take {size}, more than \
                     {limits}; every epoch computes them again, {saved:.1}% of a forward pass"
                );
            }
            Storage::Off => {
                return write!(
                    formatter,
                    "features of the frozen stages are not kept, as run.cache is \"off\"; every epoch computes them again, \
                     {saved:.1}% of a forward pass"
                );
            }
        };
        write!(
            formatter,
            "features of the frozen stages are kept {storage}: those of {images} images take {size}; an epoch saves \
             {saved:.1}% of its forward pass"
        )
    }
}

/// Says how many features of an earlier run were found among `all`; `None` if there were none.
pub fn found(found: u64, all: u64) -> Option<String> {
    (found > 0).then(|| {
        format!(
            "features of the frozen stages were found from an earlier run: those of {found} of {all} images"
        )
    })
}

/// Says how features could be kept that are not, because images are augmented at random in every epoch.
pub fn hint(config: &Config) -> Option<String> {
    let varies = config.augment.views == 0 && config.augment.changes(config.run.seed).varies();
    // Images that are mixed differ in every epoch, whatever the number of views.
    (varies && config.run.cache != Cache::Off && !config.regularize.mixing().varies()).then(|| {
        "images are augmented in every epoch, so each computes the features of the frozen stages again; augment.views = 4 \
         would show four views of each in turn, and let their features be kept"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use backbone::{Options, Values};

    use super::*;
    use zoo::source_weights::default_input;

    fn keeping(run: &RunConfig, images: u64) -> String {
        let network = zoo::network("resnet50").unwrap();
        let outline = network.build(Values::Outline, &Options::default());
        let head = outline.head_id();
        FeatureCost::of(&outline, head, &default_input(network), run, images).unwrap().to_string()
    }

    #[test]
    fn size_storage_and_saving_are_named() {
        // 2048 float32 numbers an image; of the network's 4.09e9 multiply-adds 2.05e6 are in its head.
        let run = RunConfig::default();
        let both = keeping(&run, 600);
        assert!(
            both.contains("kept in memory, and on disk for later runs: those of 600 images take 4.7 MiB"),
            "{both}"
        );
        assert!(both.contains("saves 99.9%"), "{both}");
        let little = RunConfig { features_mib: 4, ..run };
        assert!(keeping(&little, 600).contains("kept on disk, from where"));
        let alone = RunConfig { cache: Cache::Memory, ..RunConfig::default() };
        assert!(keeping(&alone, 600).contains("kept in memory: those of 600 images take 4.7 MiB;"));
        let none = RunConfig { features_mib: 4, ..alone };
        assert!(keeping(&none, 600).contains("more than run.features_mib allows; every epoch"));
        let neither = RunConfig { features_mib: 4, cache_mib: 4, ..RunConfig::default() };
        let neither = keeping(&neither, 600);
        assert!(neither.contains("run.features_mib and run.cache_mib allow"), "{neither}");
        assert!(neither.contains("again, 99.9% of a forward pass"), "{neither}");
        let off = keeping(&RunConfig { cache: Cache::Off, ..RunConfig::default() }, 600);
        assert!(
            off.contains("not kept, as run.cache is \"off\"; every epoch computes them again, 99.9%"),
            "{off}"
        );
    }

    #[test]
    fn without_frozen_stages_there_is_nothing_to_keep() {
        let network = zoo::network("resnet50").unwrap();
        let outline = network.build(Values::Outline, &Options::default());
        let input = default_input(network);
        assert_eq!(FeatureCost::of(&outline, StageId::INPUT, &input, &RunConfig::default(), 600), None);
    }
}
