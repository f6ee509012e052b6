//! One budget of threads for those that compute and those that prepare images, because they work at the same time.

use tch::Device;

/// How a run's threads are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// Threads that libtorch computes with.
    pub computing: u32,
    /// Threads that prepare images; with 0 the computing thread does it between two batches.
    pub preparing: usize,
}

impl Threads {
    /// Shares out a budget of threads, `run.threads`; `workers` is `run.workers`, which holds unless it is 0.
    ///
    /// Computing gets the whole budget. It must not depend on how much there is to prepare: sums over another number of
    /// threads may differ in their last bits, and whether features are kept must not show in a model. Those that prepare
    /// come on top, on a CPU half as many, rounded down: both together are never more than one and a half times the
    /// budget, and within it where it is one. On a GPU the processor has little else to do, and all but one prepare.
    #[must_use]
    pub fn share(budget: u32, workers: usize, device: Device) -> Self {
        let budget = budget.max(1);
        let whole = usize::try_from(budget).unwrap_or(usize::MAX);
        let preparing = match device {
            _ if workers > 0 => workers,
            Device::Cpu => whole / 2,
            _ => (whole - 1).max(1),
        };
        Self { computing: budget, preparing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_together_are_at_most_half_as_many_again_as_the_budget() {
        let on_cpu = |budget| Threads::share(budget, 0, Device::Cpu);
        for budget in 1..=64 {
            let Threads { computing, preparing } = on_cpu(budget);
            assert_eq!(computing, budget);
            let all = usize::try_from(computing).unwrap() + preparing;
            assert!(2 * all <= 3 * usize::try_from(budget).unwrap(), "{all} of {budget}");
        }
        assert_eq!([1, 2, 3, 16].map(|budget| on_cpu(budget).preparing), [0, 1, 1, 8]);
    }

    #[test]
    fn a_gpu_leaves_the_processor_to_the_images() {
        let on_gpu = |budget| Threads::share(budget, 0, Device::Cuda(0)).preparing;
        assert_eq!([1, 2, 16].map(on_gpu), [1, 1, 15]);
    }

    #[test]
    fn workers_that_are_asked_for_are_given_and_change_nothing_else() {
        for device in [Device::Cpu, Device::Cuda(0)] {
            assert_eq!(Threads::share(2, 5, device), Threads { computing: 2, preparing: 5 });
        }
        assert_eq!(Threads::share(0, 0, Device::Cpu), Threads::share(1, 0, Device::Cpu));
    }
}
