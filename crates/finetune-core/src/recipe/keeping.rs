//! What keeping the output of frozen stages takes, and what it saves, in words, before it is done.

use std::fmt;

use backbone::{Backbone, StageId};
use pretrained::InputSpec;

use crate::config::{RunConfig, Switch};

/// Known from shapes alone, before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Keeping {
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
    Nowhere,
}

impl Keeping {
    /// The features of so many pictures at the cut; `None` if nothing is frozen before it.
    pub(super) fn of(
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
        let bytes = pictures * u64::try_from(features).unwrap_or(0) * size_of::<f32>() as u64;
        let on_disk = run.cache == Switch::On && bytes <= run.cache_mib.saturating_mul(1 << 20);
        let place = match (bytes <= run.features_mib.saturating_mul(1 << 20), on_disk) {
            (true, true) => Place::MemoryAndDisk,
            (true, false) => Place::Memory,
            (false, true) => Place::Disk,
            (false, false) => Place::Nowhere,
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
            Place::Nowhere => {
                return write!(
                    formatter,
                    "features of the frozen stages are not kept: {pictures} pictures take {size}, more than run.features_mib \
                     and run.cache_mib allow; every epoch computes them anew, {spared:.1}% of a forward pass"
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

#[cfg(test)]
mod tests {
    use backbone::{Options, Values, Variables};

    use super::*;
    use crate::source_weights::default_input;
    use crate::zoo;

    fn keeping(run: &RunConfig, pictures: u64) -> String {
        let network = zoo::network("resnet50").unwrap();
        let outline = (network.build)(&Variables::holding(Values::Outline).root(), &Options::default());
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
        let alone = RunConfig { cache: Switch::Off, ..RunConfig::default() };
        assert!(keeping(&alone, 600).contains("take 4.7 MiB in memory;"));
        let none = RunConfig { features_mib: 4, cache: Switch::Off, ..RunConfig::default() };
        assert!(keeping(&none, 600).contains("anew, 99.9% of a forward pass"));
    }

    #[test]
    fn without_frozen_stages_there_is_nothing_to_keep() {
        let network = zoo::network("resnet50").unwrap();
        let outline = (network.build)(&Variables::holding(Values::Outline).root(), &Options::default());
        let input = default_input(network);
        assert_eq!(Keeping::of(&outline, StageId::INPUT, &input, &RunConfig::default(), 600), None);
    }
}
