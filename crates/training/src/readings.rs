//! Numbers of steps that wait on the device to be read together: reading one makes the processor wait for a GPU.

use tch::{Device, Kind, Tensor};

/// Steps, or batches, whose numbers are read together from a GPU.
const AT_ONCE: usize = 20;

/// Every how many steps, or batches, numbers are read. From a CPU at each, where reading costs nothing and what goes out of
/// bounds is seen before a step is taken on it.
#[must_use]
pub fn every(device: Device) -> usize {
    if device.is_cuda() { AT_ONCE } else { 1 }
}

/// Steps whose numbers are not read yet, and those read of which nobody has been told.
#[derive(Debug)]
pub(crate) struct Readings {
    every: usize,
    pending: Vec<Unread>,
    read: Vec<Stepped>,
}

/// A step whose numbers lie on the device.
#[derive(Debug)]
pub(crate) struct Unread {
    /// Within the phase, from 1.
    pub(crate) step: u64,
    /// Learning rate.
    pub(crate) rate: f64,
    pub(crate) images: i64,
    /// The mean loss, float64, a scalar as the other two.
    pub(crate) loss: Tensor,
    /// Pictures told rightly, int64.
    pub(crate) right: Tensor,
    /// Norm of the gradient, float64.
    pub(crate) norm: Tensor,
}

/// What came of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stepped {
    /// Within the phase, from 1.
    pub(crate) step: u64,
    /// Learning rate.
    pub(crate) rate: f64,
    pub(crate) images: i64,
    /// Mean loss.
    pub(crate) loss: f64,
    /// Pictures told rightly.
    pub(crate) right: i64,
    /// Norm of the gradient.
    pub(crate) norm: f64,
}

impl Readings {
    pub(crate) fn every(every: usize) -> Self {
        Self { every, pending: Vec::new(), read: Vec::new() }
    }

    /// Takes in a step. Whether it is time to read.
    pub(crate) fn add(&mut self, step: Unread) -> bool {
        self.pending.push(step);
        self.pending.len() >= self.every
    }

    /// Reads what is pending, up to the first step whose numbers are out of bounds, which is returned.
    pub(crate) fn read(&mut self) -> Option<Stepped> {
        let steps = read(std::mem::take(&mut self.pending));
        let out_of_bounds = steps.iter().position(|step| !step.is_finite());
        self.read.extend(&steps[..out_of_bounds.unwrap_or(steps.len())]);
        out_of_bounds.map(|at| steps[at])
    }

    /// Takes back a step that was out of bounds, and was not taken.
    pub(crate) fn keep(&mut self, step: Stepped) {
        self.read.push(step);
    }

    /// What was read since it was last asked, in order.
    pub(crate) fn take(&mut self) -> Vec<Stepped> {
        std::mem::take(&mut self.read)
    }
}

impl Stepped {
    fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.norm.is_finite()
    }
}

/// All of them with one transfer; counts of pictures are far from where float64 ends to hold whole numbers.
fn read(pending: Vec<Unread>) -> Vec<Stepped> {
    if pending.is_empty() {
        return Vec::new();
    }
    let row = |step: &Unread| Tensor::stack(&[&step.loss, &step.right.to_kind(Kind::Double), &step.norm], 0);
    let rows = Tensor::stack(&pending.iter().map(row).collect::<Vec<_>>(), 0).to_device(Device::Cpu); // [N, 3]
    let stepped = |(Unread { step, rate, images, .. }, at): (Unread, i64)| Stepped {
        step,
        rate,
        images,
        loss: rows.double_value(&[at, 0]),
        right: rows.double_value(&[at, 1]) as i64,
        norm: rows.double_value(&[at, 2]),
    };
    pending.into_iter().zip(0..).map(stepped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(step: u64, loss: f64, norm: f64) -> Unread {
        let images = 4;
        let right = Tensor::from(3i64);
        Unread { step, rate: 0.1, images, loss: Tensor::from(loss), right, norm: Tensor::from(norm) }
    }

    #[test]
    fn steps_are_read_together_in_order_and_each_once() {
        let mut readings = Readings::every(3);
        let due: Vec<bool> = (1..=3).map(|step| readings.add(unread(step, 0.5 * step as f64, 1.0))).collect();
        assert_eq!(due, [false, false, true]);
        assert!(readings.take().is_empty());
        assert!(readings.read().is_none());
        let told: Vec<_> = readings.take().iter().map(|step| (step.step, step.loss, step.right)).collect();
        assert_eq!(told, [(1, 0.5, 3), (2, 1.0, 3), (3, 1.5, 3)]);
        assert!(readings.read().is_none() && readings.take().is_empty());
    }

    #[test]
    fn the_first_step_out_of_bounds_is_told_and_none_after_it() {
        for (loss, norm) in [(f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            let mut readings = Readings::every(9);
            readings.add(unread(1, 1.0, 1.0));
            readings.add(unread(2, loss, norm));
            readings.add(unread(3, f64::NAN, f64::NAN));
            assert_eq!(readings.read().map(|step| step.step), Some(2));
            assert_eq!(readings.take().len(), 1);
        }
    }
}
