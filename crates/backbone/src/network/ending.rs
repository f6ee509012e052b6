//! Networks that end early, or whose head reads several stages.

use graph::{Graph, Op, Value};
use tch::Tensor;

use super::Backbone;
use crate::ending::{Ending, EndingError};
use crate::module::Module;
use crate::stage::StageId;
use crate::trace::Trace;

impl Backbone {
    /// Ends the network after a stage: drops what comes after it, auxiliary heads included, and puts a new head on the pooled
    /// output, or on the pooled outputs of several stages. Names and values of what stays do not change; the new head has the
    /// values that [`Backbone::replace_head`] draws, or a checkpoint has.
    ///
    /// # Errors
    /// When a stage is unknown, or the stages contradict each other; nothing has changed then.
    pub fn end(&mut self, ending: &Ending) -> Result<(), EndingError> {
        if ending.is_whole() {
            return Ok(());
        }
        let reads = self.reads_of(ending)?;
        let Some(&last) = reads.last() else { return Ok(()) };
        let dropped = self.stages.split_off(last.0 + 1);
        for stage in &dropped {
            self.variables.remove(&stage.roots);
            self.variables.remove(&stage.aux.iter().map(|aux| aux.root.to_owned()).collect::<Vec<_>>());
        }
        self.first_new = self.first_new.min(self.head_id());
        self.first_live = self.first_live.min(self.head_id());
        let features = reads.iter().map(|&id| self.pooled_features(id)).sum();
        self.variables.remove(&self.head.roots());
        self.head = self.head.reading(&self.variables.root(), features, !ending.taps.is_empty());
        self.reads = reads;
        Ok(())
    }

    /// Where the network ends and what its head reads.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let names = || self.reads.iter().map(|&id| self.name(id).to_owned());
        Ending {
            cut: names().next_back(),
            taps: if self.head.is_standardised() { names().collect() } else { Vec::new() },
        }
    }

    /// The stages whose pooled outputs the head reads, in order; none where it reads the output of the last stage as it is.
    #[must_use]
    pub fn reads(&self) -> &[StageId] {
        &self.reads
    }

    /// The stages that the head is to read, in order.
    fn reads_of(&self, ending: &Ending) -> Result<Vec<StageId>, EndingError> {
        let cut = ending.cut.as_ref().map(|name| self.stage(name)).transpose().map_err(EndingError::Cut)?;
        if cut == Some(self.head_id()) {
            return Err(EndingError::CutAtHead);
        }
        let mut reads = Vec::new();
        for name in &ending.taps {
            let tap = self.stage(name).map_err(EndingError::Tap)?;
            match cut {
                _ if tap == self.head_id() => return Err(EndingError::TapAtHead),
                Some(cut) if tap > cut => {
                    let (tap, cut) = (name.clone(), self.name(cut).to_owned());
                    return Err(EndingError::TapAfterCut { tap, cut });
                }
                _ if reads.contains(&tap) => return Err(EndingError::TappedTwice(name.clone())),
                _ => reads.push(tap),
            }
        }
        reads.extend(cut.filter(|cut| !reads.contains(cut)));
        reads.sort_unstable();
        Ok(reads)
    }

    /// Length of a stage's pooled output.
    fn pooled_features(&self, id: StageId) -> i64 {
        self.stages[id.0].channels
    }

    /// Number of values that the head reads of the stages before this one.
    fn features_before(&self, stage: StageId) -> i64 {
        self.reads.iter().filter(|&&id| id < stage).map(|&id| self.pooled_features(id)).sum()
    }

    /// Takes apart what passes into a stage: see [`Backbone::forward`].
    pub(super) fn unpack(&self, stage: StageId, x: &Tensor) -> Carried {
        let read = self.features_before(stage);
        if read == 0 {
            return Carried { output: x.shallow_clone(), read: Vec::new() };
        }
        let values = x.size()[1] - read;
        let read = x.narrow(1, values, read);
        let shape = self.output_shapes(&self.input).into_iter().take(stage.0).next_back();
        let output = x.narrow(1, 0, values);
        let output = match shape.as_deref() {
            Some(&[_, channels, height, width]) if self.channels_last => {
                output.reshape([-1, height, width, channels]).permute([0, 3, 1, 2])
            }
            Some([_, extents @ ..]) => output.reshape([&[-1], extents].concat().as_slice()).contiguous(),
            _ => output.contiguous(),
        };
        Carried { output, read: vec![read] }
    }

    /// Puts together what passes into a stage.
    pub(super) fn pack(&self, stage: StageId, Carried { output, read }: Carried) -> Tensor {
        if read.is_empty() {
            return output;
        }
        let is_map = output.dim() == 4 && self.channels_last;
        let output = if is_map { output.permute([0, 2, 3, 1]) } else { output };
        let output = (stage < self.head_id()).then(|| output.flatten(1, -1));
        let parts: Vec<Tensor> = output.into_iter().chain(read).collect();
        match &parts[..] {
            [only] => only.shallow_clone(),
            parts => Tensor::cat(parts, 1),
        }
    }

    /// Pools the output of a stage, if the head reads it: `[N, features]`, in the type of the parameters.
    pub(super) fn pooled(&self, id: StageId, output: &Tensor) -> Option<Tensor> {
        self.reads.contains(&id).then(|| self.plain(&self.stages[id.0].pool.vectors(output)))
    }

    /// Returns `x`, which passes into the stage after `stage`, with another output of `stage` in it.
    pub fn with_output(&self, stage: StageId, x: &Tensor, output: &Tensor) -> Tensor {
        let (next, read) = (StageId(stage.0 + 1), self.features_before(stage));
        let mut parts = Vec::new();
        if read > 0 {
            let end = x.size()[1] - self.features_before(next);
            parts.push(x.narrow(1, end, read));
        }
        parts.extend(self.pooled(stage, output));
        self.pack(next, Carried { output: output.shallow_clone(), read: parts })
    }

    /// Describes what the network computes in evaluation, from an image `[channels, height, width]` to its logits, the last
    /// value. Auxiliary heads are silent.
    #[must_use]
    pub fn describe(&self, input: [i64; 3]) -> Graph {
        let (mut graph, mut x) = Graph::of(&input);
        let mut read = Vec::new();
        for (id, stage) in self.ids().zip(&self.stages) {
            x = stage.module.describe(&mut graph, x);
            if self.reads.contains(&id) {
                read.push(stage.pool.describe(&mut graph, x));
            }
        }
        let x = match read[..] {
            [] => x,
            [only] => only,
            _ => graph.push(Op::Concatenate { axis: 0 }, &read),
        };
        let _logits: Value = self.head.describe(&mut graph, x);
        graph
    }

    /// Shape of each stage's output for an input of this shape.
    fn output_shapes(&self, input: &[i64]) -> Vec<Vec<i64>> {
        let mut shape = input.to_vec();
        let next = |stage: &crate::Stage| {
            shape = Trace::of(stage.module.as_ref(), &shape).shape;
            shape.clone()
        };
        self.stages.iter().map(next).collect()
    }

    /// The shape of what passes on from a stage whose output has this shape.
    pub(super) fn passed_shape(&self, id: StageId, output: Vec<i64>) -> Vec<i64> {
        let next = StageId(id.0 + 1);
        match self.features_before(next) {
            0 => output,
            read if next == self.head_id() => vec![output[0], read],
            read => vec![output[0], output[1..].iter().product::<i64>() + read],
        }
    }
}

/// What passes from one stage to the next.
pub(super) struct Carried {
    /// Output of the stage before, `[N, C, H, W]` or `[N, features]`.
    pub(super) output: Tensor,
    /// What the head reads of the stages before, `[N, ..]` each.
    pub(super) read: Vec<Tensor>,
}
