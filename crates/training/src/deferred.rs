//! Metrics of steps that stay on the device until several are read together: reading one makes the processor wait for a GPU.

use tch::{Device, Kind, Tensor};
use team::Team;

/// Steps, or batches, whose metrics are read together from a GPU.
const GPU_INTERVAL: usize = 20;

/// Returns after how many steps, or batches, metrics are read. From a CPU after each, where reading costs nothing and what
/// goes out of bounds is seen before a step is taken on it.
#[must_use]
pub fn sync_interval(device: Device) -> usize {
    if device.is_cuda() { GPU_INTERVAL } else { 1 }
}

/// Steps whose metrics are not read yet, and those read that are in no sum and no record yet.
#[derive(Debug)]
pub(crate) struct DeferredMetrics {
    sync_interval: usize,
    pending: Vec<PendingStep>,
    read: Vec<StepMetrics>,
    /// The processes that share the steps.
    team: Team,
}

/// A step whose metrics lie on the device.
#[derive(Debug)]
pub(crate) struct PendingStep {
    /// Within the phase, from 1.
    pub(crate) step: u64,
    /// Learning rate of the head.
    pub(crate) learning_rate: f64,
    /// Number of images.
    pub(crate) images: i64,
    /// Mean loss, a float64 scalar.
    pub(crate) loss: Tensor,
    /// Images predicted correctly, an int64 scalar.
    pub(crate) correct: Tensor,
    /// Euclidean norm of the gradient, a float64 scalar.
    pub(crate) gradient_norm: Tensor,
}

/// Metrics of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepMetrics {
    /// Within the phase, from 1.
    pub(crate) step: u64,
    /// Learning rate of the head.
    pub(crate) learning_rate: f64,
    /// Number of images.
    pub(crate) images: i64,
    /// Mean loss.
    pub(crate) loss: f64,
    /// Images predicted correctly.
    pub(crate) correct: i64,
    /// Euclidean norm of the gradient.
    pub(crate) gradient_norm: f64,
}

impl DeferredMetrics {
    /// Returns an empty list that is to be read after each `sync_interval` steps.
    pub(crate) fn new(sync_interval: usize) -> Self {
        Self { sync_interval, pending: Vec::new(), read: Vec::new(), team: Team::alone() }
    }

    /// From now on steps are shared by these processes: each has a part of a step's loss and of its correct predictions.
    pub(crate) fn share_with(&mut self, team: Team) {
        self.team = team;
    }

    /// Adds a step. Returns whether it is time to read.
    pub(crate) fn add(&mut self, step: PendingStep) -> bool {
        self.pending.push(step);
        self.pending.len() >= self.sync_interval
    }

    /// Reads what is pending, up to the first step whose numbers are out of bounds, which is returned.
    ///
    /// # Errors
    /// When another process is gone.
    pub(crate) fn read(&mut self) -> Result<Option<StepMetrics>, team::Error> {
        if self.sync_interval > 1 {
            // A GPU may wait for gradients of a process that is gone, and a read waits for the GPU.
            self.team.hear()?;
        }
        let mut steps = read(std::mem::take(&mut self.pending));
        sum(&mut steps, &self.team)?;
        let out_of_bounds = steps.iter().position(|step| !step.is_finite());
        self.read.extend(&steps[..out_of_bounds.unwrap_or(steps.len())]);
        Ok(out_of_bounds.map(|at| steps[at]))
    }

    /// Adds the metrics of a step that was out of bounds and was skipped.
    pub(crate) fn keep(&mut self, step: StepMetrics) {
        self.read.push(step);
    }

    /// Returns whether nothing is pending and all that was read is counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.read.is_empty()
    }

    /// Returns what was read since the last call, in order.
    pub(crate) fn take(&mut self) -> Vec<StepMetrics> {
        std::mem::take(&mut self.read)
    }
}

impl StepMetrics {
    fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.gradient_norm.is_finite()
    }
}

/// Reads all of them with one transfer; counts of images are far from where float64 ends to hold whole numbers.
fn read(pending: Vec<PendingStep>) -> Vec<StepMetrics> {
    if pending.is_empty() {
        return Vec::new();
    }
    let row = |step: &PendingStep| {
        Tensor::stack(&[&step.loss, &step.correct.to_kind(Kind::Double), &step.gradient_norm], 0)
    };
    let rows = Tensor::stack(&pending.iter().map(row).collect::<Vec<_>>(), 0).to_device(Device::Cpu); // [N, 3]
    let metrics = |(PendingStep { step, learning_rate, images, .. }, row): (PendingStep, i64)| StepMetrics {
        step,
        learning_rate,
        images,
        loss: rows.double_value(&[row, 0]),
        correct: rows.double_value(&[row, 1]) as i64,
        gradient_norm: rows.double_value(&[row, 2]),
    };
    pending.into_iter().zip(0..).map(metrics).collect()
}

/// Adds the parts of all processes. Gradients are summed already.
fn sum(steps: &mut [StepMetrics], team: &Team) -> Result<(), team::Error> {
    let mut parts: Vec<f64> = steps.iter().flat_map(|step| [step.loss, step.correct as f64]).collect();
    team.sum(&mut parts)?;
    for (step, parts) in steps.iter_mut().zip(parts.chunks_exact(2)) {
        (step.loss, step.correct) = (parts[0], parts[1] as i64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(step: u64, loss: f64, gradient_norm: f64) -> PendingStep {
        let (loss, gradient_norm) = (Tensor::from(loss), Tensor::from(gradient_norm));
        let correct = Tensor::from(3i64);
        PendingStep { step, learning_rate: 0.1, images: 4, loss, correct, gradient_norm }
    }

    #[test]
    fn steps_are_read_together_in_order_and_each_once() {
        let mut deferred = DeferredMetrics::new(3);
        let due: Vec<bool> =
            (1..=3).map(|step| deferred.add(pending(step, 0.5 * step as f64, 1.0))).collect();
        assert_eq!(due, [false, false, true]);
        assert!(deferred.take().is_empty());
        assert!(deferred.read().unwrap().is_none());
        let read: Vec<_> = deferred.take().iter().map(|step| (step.step, step.loss, step.correct)).collect();
        assert_eq!(read, [(1, 0.5, 3), (2, 1.0, 3), (3, 1.5, 3)]);
        assert!(deferred.read().unwrap().is_none() && deferred.take().is_empty());
    }

    #[test]
    fn the_first_step_out_of_bounds_is_returned_and_none_after_it_is_read() {
        for (loss, gradient_norm) in [(f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            let mut deferred = DeferredMetrics::new(9);
            deferred.add(pending(1, 1.0, 1.0));
            deferred.add(pending(2, loss, gradient_norm));
            deferred.add(pending(3, f64::NAN, f64::NAN));
            assert_eq!(deferred.read().unwrap().map(|step| step.step), Some(2));
            assert_eq!(deferred.take().len(), 1);
        }
    }
}
