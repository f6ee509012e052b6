//! Where a network's values lie: device, precision and memory layout.

use tch::{Device, Kind};
use torch_extra::layout::channels_last;

use super::Backbone;
use crate::stage::StageId;

impl Backbone {
    /// Stores convolution weights with the channels of a position together, and from then on batches too: that is how
    /// convolutions over many channels compute fastest. Values and names stay as they are. A network that begins with
    /// few channels (LeNet) gains nothing and is left alone.
    pub fn use_channels_last(&mut self) {
        const MANY: i64 = 16;
        self.channels_last = self.stages.first().is_some_and(|stage| stage.channels >= MANY);
        if self.channels_last {
            for mut variable in self.variables.all() {
                let laid = tch::no_grad(|| channels_last(&variable.tensor.detach()));
                variable.tensor.set_data(&laid);
            }
        }
    }

    /// Whether weights, and batches before they are computed with, have the channels of a position together.
    #[must_use]
    pub fn is_channels_last(&self) -> bool {
        self.channels_last
    }

    /// Moves the network to a device and its floating-point tensors to a precision.
    pub fn to(&mut self, device: Device, kind: Kind) {
        self.forget_preparation(StageId::INPUT);
        self.variables.to(device, kind);
    }

    /// The device of the network and the precision in which it computes.
    #[must_use]
    pub fn placement(&self) -> (Device, Kind) {
        let first = self.variables.all().into_iter().find(|variable| variable.tensor.is_floating_point());
        first
            .map_or((Device::Cpu, Kind::Float), |variable| (variable.tensor.device(), variable.tensor.kind()))
    }
}
