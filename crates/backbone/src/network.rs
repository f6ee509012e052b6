//! The network itself: which stage is which, what is frozen, and how a range of stages is run.

mod adaptation;
mod ending;
mod inference;
mod placement;

use std::ops::Range;

use tch::Tensor;
use torch_extra::layout::channels_last;

use self::ending::Carried;
use crate::head::{Aux, Collected, Head, Output};
use crate::layers::LinearInit;
use crate::module::{Mode, Module};
use crate::options::Options;
use crate::parts::Parts;
use crate::running_statistics::RunningStatistics;
use crate::stage::{Stage, StageId, UnknownStage};
use crate::trace::Trace;
use crate::variables::{Role, Variable, Variables, lies_below};

/// A network as a list of named stages from input to head, any contiguous range of which can be run.
///
/// The stages before [`Backbone::first_live`] are frozen, which means four things and is decided here alone: no
/// gradient, batch-norm in evaluation mode (its running statistics do not move), dropout and stochastic depth off, and
/// no graph recorded.
#[derive(Debug)]
pub struct Backbone {
    arch: &'static str,
    variables: Variables,
    stages: Vec<Stage>,
    head: Head,
    left_out: Vec<&'static str>,
    /// Stages whose pooled outputs the head reads; none where it reads the output of the last stage as it is.
    reads: Vec<StageId>,
    /// Shape of one image, `[1, C, H, W]`.
    input: Vec<i64>,
    first_live: StageId,
    first_new: StageId,
    channels_last: bool,
}

impl Backbone {
    /// Everything is live at first.
    pub(crate) fn new(arch: &'static str, variables: Variables, parts: Parts, options: &Options) -> Self {
        let Parts { mut stages, head, left_out } = parts;
        let input = vec![1, options.channels, options.size, options.size];
        Stage::measure(&mut stages, &input);
        Self {
            arch,
            variables,
            first_new: StageId(stages.len()),
            stages,
            head,
            left_out,
            reads: Vec::new(),
            input,
            first_live: StageId::INPUT,
            channels_last: false,
        }
    }

    /// TorchVision's name of the network, `resnet50`.
    #[must_use]
    pub fn arch(&self) -> &'static str {
        self.arch
    }

    /// All named tensors.
    #[must_use]
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The stages before the head.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The auxiliary heads, each with the stage whose output it reads.
    pub fn aux(&self) -> impl Iterator<Item = (StageId, &Aux)> {
        let stages = self.stages.iter().enumerate();
        stages.filter_map(|(index, stage)| stage.aux.as_ref().map(|aux| (StageId(index), aux)))
    }

    /// The path roots of auxiliary heads that were not built.
    pub(crate) fn left_out(&self) -> &[&'static str] {
        &self.left_out
    }

    /// Every stage from input to head, the head included.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = StageId> + ExactSizeIterator + use<> {
        (0..self.stages.len() + 1).map(StageId)
    }

    /// Position of the head.
    #[must_use]
    pub fn head_id(&self) -> StageId {
        StageId(self.stages.len())
    }

    /// The first stage that has nothing of the source: the head, which will be replaced; or, where the weights hold
    /// features only, the first stage of the classifier that the head ends.
    #[must_use]
    pub fn first_new(&self) -> StageId {
        self.first_new
    }

    pub(crate) fn set_first_new(&mut self, first_new: StageId) {
        self.first_new = first_new;
    }

    /// The first stage of the classifier that the head ends: in AlexNet and VGG the stage `classifier`, elsewhere the
    /// head itself.
    pub(crate) fn classifier(&self) -> StageId {
        let Some((root, _)) = self.head.root.split_once('.') else { return self.head_id() };
        let belongs =
            |stage: &&Stage| !stage.roots.is_empty() && stage.roots.iter().all(|own| lies_below(root, own));
        StageId(self.stages.len() - self.stages.iter().rev().take_while(belongs).count())
    }

    /// The name of a stage; the head is called `head`.
    #[must_use]
    pub fn name(&self, id: StageId) -> &'static str {
        self.stages.get(id.0).map_or("head", |stage| stage.name)
    }

    /// The stage of that name.
    ///
    /// # Errors
    /// When the network has none, with the names it has.
    pub fn stage(&self, name: &str) -> Result<StageId, UnknownStage> {
        self.ids().find(|&id| self.name(id) == name).ok_or_else(|| UnknownStage {
            arch: self.arch.to_owned(),
            asked: name.to_owned(),
            known: self.ids().map(|id| self.name(id).to_owned()).collect(),
        })
    }

    /// The path roots of a stage's variables.
    ///
    /// An auxiliary head belongs to the head: it is replaced with it and is never part of a cached prefix.
    #[must_use]
    pub fn roots(&self, id: StageId) -> Vec<String> {
        match self.stages.get(id.0) {
            Some(stage) => stage.roots.clone(),
            None => {
                let aux = self.aux().map(|(_, aux)| aux.root.to_owned());
                self.head.roots().into_iter().chain(aux).collect()
            }
        }
    }

    /// Whether any stage has a residual branch, which stochastic depth can skip.
    #[must_use]
    pub fn has_branches(&self) -> bool {
        self.stages.iter().any(Stage::has_branch)
    }

    /// The variables of a stage.
    #[must_use]
    pub fn stage_variables(&self, id: StageId) -> Vec<Variable> {
        self.variables.below(&self.roots(id))
    }

    /// Runs the stages of a contiguous range, the head not among them: images `[N, C, H, W]` or the output of the stage
    /// before the range in, the output of its last stage out, `[N, C, H, W]` or `[N, features]`, in the type of the
    /// parameters. An empty range returns its input.
    ///
    /// Where the head reads earlier stages ([`Backbone::reads`]), what passes between two stages is `[N, values]`: the output
    /// of the stage before, flattened in the order of the network's memory, then the pooled outputs of the stages before that
    /// the head reads; and what passes into the head is the latter alone.
    pub fn forward(&self, x: &Tensor, range: Range<StageId>, mode: Mode) -> Tensor {
        self.forward_collect(x, range, &[], mode).0
    }

    /// Does what [`Backbone::forward`] does, and also returns the outputs after the stages in `taps`, in their order.
    pub fn forward_collect(
        &self,
        x: &Tensor,
        range: Range<StageId>,
        taps: &[StageId],
        mode: Mode,
    ) -> (Tensor, Vec<Tensor>) {
        let mut tapped: Vec<Option<Tensor>> = taps.iter().map(|_| None).collect();
        let end = range.end.min(self.head_id());
        if range.start >= end {
            return (x.shallow_clone(), Vec::new());
        }
        let Carried { output: mut x, mut read } = self.unpack(range.start, x);
        for index in range.start.0..end.0 {
            let id = StageId(index);
            x = self.run(id, &x, mode);
            read.extend(self.pooled(id, &x));
            for (slot, _) in tapped.iter_mut().zip(taps).filter(|&(_, &tap)| tap == id) {
                *slot =
                    Some(if self.prepared(id, mode).is_some() { self.plain(&x) } else { x.shallow_clone() });
            }
            let next = StageId(index + 1);
            let leaves_prepared = next == end || self.prepared(next, mode).is_none();
            if leaves_prepared && self.prepared(id, mode).is_some() {
                x = self.plain(&x);
            }
        }
        (self.pack(end, Carried { output: x, read }), tapped.into_iter().flatten().collect())
    }

    /// Runs everything from stage `from`, whose input `x` is (`[N, C, H, W]` or `[N, features]`), to the logits
    /// `[N, classes]`, in the type of the parameters.
    ///
    /// In training, auxiliary heads take part, `[N, classes]` each, but for those whose stage is frozen or lies before
    /// `from`.
    #[must_use]
    pub fn classify(&self, x: &Tensor, from: StageId, mode: Mode) -> Output {
        self.classify_collect(x, from, &[], mode).output
    }

    /// Does what [`Backbone::classify`] does, and also returns what the head reads and the outputs after the stages in `taps`, which
    /// lie between `from` and the head.
    #[must_use]
    pub fn classify_collect(&self, x: &Tensor, from: StageId, taps: &[StageId], mode: Mode) -> Collected {
        let (after, heads): (Vec<StageId>, Vec<&Aux>) = self.live_aux(from, mode).unzip();
        let wanted: Vec<StageId> =
            taps.iter().copied().filter(|&tap| tap >= from && tap < self.head_id()).collect();
        let all = [wanted.as_slice(), after.as_slice()].concat();
        let (features, mut tapped) = self.forward_collect(x, from..self.head_id(), &all, mode);
        let read = tapped.split_off(wanted.len());
        let aux = heads.iter().zip(&read).map(|(aux, x)| (aux.forward(x, mode), aux.weight)).collect();
        let output = Output { logits: self.head.forward(&features, mode), aux };
        Collected { output, features, tapped }
    }

    /// Auxiliary heads that take part when the stages from `from` on run, each with the stage whose output it reads.
    pub fn live_aux(&self, from: StageId, mode: Mode) -> impl Iterator<Item = (StageId, &Aux)> {
        let first = from.max(self.first_live);
        self.aux().filter(move |(after, _)| mode.is_training() && *after >= first)
    }

    fn run(&self, id: StageId, x: &Tensor, mode: Mode) -> Tensor {
        let module = &self.stages[id.0].module;
        match self.prepared(id, mode) {
            Some(kind) => tch::no_grad(|| module.forward(&channels_last(&x.to_kind(kind)), Mode::Evaluate)),
            None if id < self.first_live => tch::no_grad(|| module.forward(&self.laid(x), Mode::Evaluate)),
            None => module.forward(&self.laid(x), mode),
        }
    }

    /// The same batch, laid out as the weights are.
    fn laid(&self, x: &Tensor) -> Tensor {
        if self.channels_last { channels_last(x) } else { x.shallow_clone() }
    }

    /// The first stage that is trained; everything before it is frozen.
    #[must_use]
    pub fn first_live(&self) -> StageId {
        self.first_live
    }

    /// Freezes everything before `first_live` and unfreezes the rest; the head is always live.
    pub fn freeze_before(&mut self, first_live: StageId) {
        self.first_live = first_live.min(self.head_id());
        self.forget_preparation(self.first_live);
        for id in self.ids() {
            for mut variable in self.parameters(id) {
                variable.tensor = variable.tensor.set_requires_grad(id >= self.first_live);
                if id < self.first_live {
                    variable.tensor.zero_grad();
                }
            }
        }
    }

    /// The variables from a stage on that may change: parameters and buffers.
    pub fn changing_variables(&self, first: StageId) -> impl Iterator<Item = Variable> {
        let stages = self.ids().filter(move |&id| id >= first);
        let variables = stages.flat_map(move |id| self.stage_variables(id));
        variables.filter(|variable| variable.role != Role::Constant)
    }

    /// The parameters of a stage, buffers left out.
    #[must_use]
    pub fn parameters(&self, id: StageId) -> Vec<Variable> {
        let variables = self.stage_variables(id);
        variables.into_iter().filter(|variable| variable.role == Role::Parameter).collect()
    }

    /// Returns the running statistics of the batch-norms in the stages from `first` on.
    #[must_use]
    pub fn norms(&self, first: StageId) -> Vec<RunningStatistics> {
        self.ids()
            .filter(|&id| id >= first)
            .flat_map(|id| self.variables.norms_below(&self.roots(id)))
            .collect()
    }

    /// Number of trainable values in a stage.
    #[must_use]
    pub fn parameter_count(&self, id: StageId) -> u64 {
        self.parameters(id).iter().map(|variable| variable.tensor.numel() as u64).sum()
    }

    /// Puts newly drawn classifiers for `classes` classes in place of the head and the last layer of each auxiliary head.
    ///
    /// On trained features [`LinearInit::TorchDefault`] is the one to choose, as a new `nn.Linear` has it in Python. A
    /// network's own may be meant for its 1,000 classes: EfficientNet's spreads as 1/sqrt(classes), which for two
    /// classes is noise of 0.7 that few steps on few images do not wash out.
    pub fn replace_head(&mut self, classes: i64, init: LinearInit) {
        let root = self.variables.root();
        let (device, kind) = self.placement();
        self.variables.remove(&self.head.roots());
        self.head = self.head.renewed(&root, classes, init);
        for aux in self.stages.iter_mut().filter_map(|stage| stage.aux.as_mut()) {
            self.variables.remove(&aux.head.roots());
            aux.head = aux.head.renewed(&root, classes, init);
        }
        self.draw_awaited();
        self.to(device, kind);
    }

    /// What would pass on from each stage for an input of this shape ([`Backbone::forward`]), and what the stage would cost,
    /// the head last. Auxiliary heads are silent, as in evaluation.
    #[must_use]
    pub fn trace(&self, input: &[i64]) -> Vec<Trace> {
        let mut shape = input.to_vec();
        let mut passed = shape.clone();
        let mut traces = Vec::new();
        for (id, stage) in self.ids().zip(&self.stages) {
            let trace = Trace::of(stage.module.as_ref(), &shape);
            shape.clone_from(&trace.shape);
            passed = self.passed_shape(id, trace.shape.clone());
            traces.push(Trace { shape: passed.clone(), ..trace });
        }
        traces.push(Trace::of(&self.head, &passed));
        traces
    }
}
