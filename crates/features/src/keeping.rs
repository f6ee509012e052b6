//! What keeping the output of frozen stages takes, and what it saves, in words, before it is done.

use std::fmt;

use backbone::{Backbone, StageId};
use pretrained::InputSpec;
use run_config::{Cache, Config, RunConfig};

/// Known from shapes alone, before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keeping {
    /// Pictures whose features are kept; a picture counts once for each of its views.
    pictures: u64,
    /// What the features of all of them take.
    bytes: u64,
    /// Share of the network's multiply-adds that are in the frozen stages.
    spared: f64,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Memory,
    MemoryAndDisk,
    Disk,
    /// There is not enough room within these.
    Nowhere(&'static str),
    /// As the configuration says.
    Off,
}

impl Keeping {
    /// The features of so many pictures at the cut; `None` if nothing is frozen before it.
    pub fn of(
        backbone: &Backbone,
        cut: StageId,
        input: &InputSpec,
        run: &RunConfig,
        pictures: u64,
    ) -> Option<Self> {
        let side = i64::from(input.crop);
        let traces = backbone.trace(&[1, input.channels.into(), side, side]);
        let frozen = &traces[..cut.index()];
        let features: i64 = frozen.last()?.shape.iter().product();
        let cost =
            |traces: &[backbone::Trace]| traces.iter().map(|trace| trace.multiply_adds as f64).sum::<f64>();
        let value = backbone.kind_before(cut).elt_size_in_bytes() as u64;
        let bytes = pictures * u64::try_from(features).unwrap_or(0) * value;
        let within = |mebibytes: u64| bytes <= mebibytes.saturating_mul(1 << 20);
        let place = match (run.cache, within(run.features_mib), within(run.cache_mib)) {
            (Cache::Off, ..) => Place::Off,
            (Cache::On, true, true) => Place::MemoryAndDisk,
            (_, true, _) => Place::Memory,
            (Cache::On, false, true) => Place::Disk,
            (Cache::On, false, false) => Place::Nowhere("run.features_mib and run.cache_mib allow"),
            (Cache::Memory, false, _) => Place::Nowhere("run.features_mib allows"),
        };
        Some(Self { pictures, bytes, spared: cost(frozen) / cost(&traces), place })
    }
}

impl fmt::Display for Keeping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pictures, bytes, spared, place } = *self;
        let (size, spared) = (format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)), spared * 100.0);
        let place = match place {
            Place::MemoryAndDisk => "in memory, and on disk for later runs",
            Place::Memory => "in memory",
            Place::Disk => "on disk, from where they are mapped",
            Place::Nowhere(limits) => {
                return write!(
                    formatter,
                    "features of the frozen stages are not kept: {pictures} pictures take {size}, more than {limits}; \
                     every epoch computes them anew, {spared:.1}% of a forward pass"
                );
            }
            Place::Off => {
                return write!(
                    formatter,
                    "features of the frozen stages are not kept, as run.cache is \"off\"; every epoch computes them anew, \
                     {spared:.1}% of a forward pass"
                );
            }
        };
        write!(
            formatter,
            "features of the frozen stages are kept: {pictures} pictures take {size} {place}; an epoch is spared \
             {spared:.1}% of its forward pass"
        )
    }
}

/// What was found of so many features, if any.
pub fn found(found: u64, all: u64) -> Option<String> {
    (found > 0).then(|| {
        format!(
            "features of the frozen stages are found from an earlier run: those of {found} of {all} pictures"
        )
    })
}

/// What would let features be kept that are not, because pictures are varied anew in every epoch.
pub fn unkept(config: &Config) -> Option<String> {
    let varies = config.augment.views == 0 && config.augment.changes(config.run.seed).varies();
    // Pictures that are mixed anew each time cannot be kept in any number of views.
    (varies && config.run.cache != Cache::Off && !config.regularize.mixing().varies()).then(|| {
        "pictures vary with every epoch, so each computes the features of the frozen stages anew; augment.views = 4 would \
         show four views of each in turn, and let their features be kept"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use backbone::{Options, Values};

    use super::*;
    use zoo::source_weights::default_input;

    fn keeping(run: &RunConfig, pictures: u64) -> String {
        let network = zoo::network("resnet50").unwrap();
        let outline = network.build(Values::Outline, &Options::default());
        let head = outline.head_id();
        Keeping::of(&outline, head, &default_input(network), run, pictures).unwrap().to_string()
    }

    #[test]
    fn size_place_and_saving_are_told() {
        // 2048 float32 numbers a picture; of the network's 4.09e9 multiply-adds 2.05e6 are in its head.
        let run = RunConfig::default();
        let both = keeping(&run, 600);
        assert!(both.contains("600 pictures take 4.7 MiB in memory, and on disk"), "{both}");
        assert!(both.contains("spared 99.9%"), "{both}");
        let little = RunConfig { features_mib: 4, ..run };
        assert!(keeping(&little, 600).contains("4.7 MiB on disk, from where"));
        let alone = RunConfig { cache: Cache::Memory, ..RunConfig::default() };
        assert!(keeping(&alone, 600).contains("take 4.7 MiB in memory;"));
        let none = RunConfig { features_mib: 4, ..alone };
        assert!(keeping(&none, 600).contains("more than run.features_mib allows; every epoch"));
        let neither = RunConfig { features_mib: 4, cache_mib: 4, ..RunConfig::default() };
        let neither = keeping(&neither, 600);
        assert!(neither.contains("run.features_mib and run.cache_mib allow"), "{neither}");
        assert!(neither.contains("anew, 99.9% of a forward pass"), "{neither}");
        let off = keeping(&RunConfig { cache: Cache::Off, ..RunConfig::default() }, 600);
        assert!(
            off.contains("not kept, as run.cache is \"off\"; every epoch computes them anew, 99.9%"),
            "{off}"
        );
    }

    #[test]
    fn without_frozen_stages_there_is_nothing_to_keep() {
        let network = zoo::network("resnet50").unwrap();
        let outline = network.build(Values::Outline, &Options::default());
        let input = default_input(network);
        assert_eq!(Keeping::of(&outline, StageId::INPUT, &input, &RunConfig::default(), 600), None);
    }
}
