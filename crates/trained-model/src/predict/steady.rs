//! What is observed along the way: whether decoding should pause, and images a second.

use std::time::{Duration, Instant};

use tch::Device;

/// Whether decoding pauses while the network computes. Both would use all cores of a CPU, and a core that decodes holds up
/// the others at every layer. Where images are slow to arrive, from a slow disk or for a small network, both run at once.
pub(super) struct Alternation {
    pub(super) active: bool,
    /// Batches observed.
    batches: u32,
}

impl Alternation {
    /// Longest wait for a batch, as a share of its computing time.
    const LONGEST_WAIT: f64 = 0.25;
    /// Number of first batches that do not count: they are always late.
    const WARM_UP: u32 = 2;

    pub(super) fn on(device: Device) -> Self {
        Self { active: device == Device::Cpu, batches: 0 }
    }

    /// Records the times of a batch.
    pub(super) fn observe(&mut self, waited: Duration, computed: Duration) {
        self.batches += 1;
        let late = waited.as_secs_f64() > Self::LONGEST_WAIT * computed.as_secs_f64();
        self.active &= self.batches <= Self::WARM_UP || !late;
    }
}

/// Images a second in a steady state.
pub(super) struct Throughput {
    /// Batches left before counting begins.
    warm_up: usize,
    since: Option<Instant>,
    images: usize,
    pub(super) per_second: Option<f64>,
}

impl Throughput {
    /// Most batches that are not counted: buffers are allocated meanwhile, and images are ready that were decoded before.
    const LONGEST_WARM_UP: usize = 8;

    /// Leaves out the first half of the batches, or [`Self::LONGEST_WARM_UP`].
    pub(super) fn over(batches: usize) -> Self {
        Self { warm_up: Self::LONGEST_WARM_UP.min(batches / 2), since: None, images: 0, per_second: None }
    }

    /// Counts the images of a batch that is done.
    pub(super) fn count(&mut self, images: usize) {
        if let Some(since) = self.since {
            self.images += images;
            let seconds = since.elapsed().as_secs_f64();
            self.per_second = (self.images > 0).then(|| self.images as f64 / seconds);
        } else if self.warm_up == 1 {
            self.since = Some(Instant::now());
        }
        self.warm_up = self.warm_up.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_pauses_on_a_cpu_as_long_as_images_arrive_in_time() {
        let ms = Duration::from_millis;
        let mut alternation = Alternation::on(Device::Cpu);
        // The first batches are late.
        for (waited, active) in [(500, true), (80, true), (20, true), (0, true), (30, false), (0, false)] {
            alternation.observe(ms(waited), ms(100));
            assert_eq!(alternation.active, active, "{waited}");
        }
        assert!(!Alternation::on(Device::Cuda(0)).active);
    }

    #[test]
    fn the_first_batches_do_not_count_and_one_alone_has_no_throughput() {
        let counted = |batches: usize| {
            let mut throughput = Throughput::over(batches);
            (0..batches).for_each(|_| throughput.count(4));
            assert_eq!(throughput.per_second.is_some(), throughput.images > 0);
            throughput.images
        };
        assert_eq!([0, 1, 2, 5, 16, 63].map(counted), [0, 0, 4, 12, 32, 220]);
    }
}
