//! How far back to fine-tune, recommended before training.
//!
//! A subset of the training images passes through the source network once (`source_network`, `stage_features`). The output of
//! each stage, and of several joined, is measured by a ridge regression on folds left out in turn (the crate
//! `transferability`). From the accuracies and the number of images a fixed rule chooses how many stages to train and at which
//! learning rate, or ends the network earlier and freezes it (`ending`); `transferability::words` explains it in a paragraph,
//! `standing` is how the rule did so far, `costs` what trying would cost. The entry points are in `follow`: [`perform`] for the
//! command, [`resolve_auto_depth`] within a run.
//!
//! LogME, the H-score and the predictions of the source's classifier are evidence for the reader: the rule does not use them,
//! because they were made to rank networks; docs/search.md shows how they do on stages. The two scores are computed where they
//! are asked for.

mod costs;
mod ending;
mod follow;
mod source_network;
mod stage_features;
mod standing;

use std::time::Instant;

use backbone::Backbone;
use features::dataset::ImageSubset;
use records::{AdviceRecord, Depth, Event, PartSeconds, Session, StageEvidence};
use run_config::Run;
use tch::Tensor;
use training::freeze::FreezePlan;
use transferability::arms::{self, Frozen, Labelled, StageOutput};
use transferability::rule::{Because, Evidence, Verdict};
use transferability::words::{Context, paragraph, similarity};
use transferability::{LinearHead, h_score, late_stage_gain, logme, resample, rule};

use self::costs::costs;
use self::ending::EarlierEnd;
use self::source_network::SourceNetwork;
use self::stage_features::{StageFeatures, extract};
use crate::Error;
use crate::recipe::Materials;

pub use self::follow::{attach_to_record, perform, resolve_auto_depth};
pub use self::standing::STANDING;

/// Approximate number of images that are measured.
pub const IMAGES: usize = 512;

/// A run with the images to measure.
pub struct Subject<'a> {
    /// The run; its own depth does not matter.
    pub run: &'a Run,
    /// Its source weights and preparation of images.
    pub materials: &'a Materials,
    /// The images to measure.
    pub part: &'a ImageSubset,
    /// Number of all training images.
    pub training: usize,
    /// Whether LogME and the H-score are computed too.
    pub scores: bool,
}

/// Recommends how far back to fine-tune.
///
/// # Errors
/// When there are no source weights or too few images for cross-validation, when an image can no longer be read, and on
/// interruption.
pub fn advise(subject: &Subject<'_>, session: &mut Session<'_>) -> Result<AdviceRecord, Error> {
    let Subject { run, materials, part, training, scores } = *subject;
    let started = Instant::now();
    run.set_up_libtorch()?;
    let classes = materials.images.classes.len();
    let labels = part.labels();
    let seed = run.config.run.seed;
    let groups = part.groups();
    let labelled = Labelled { labels: &labels, classes, groups: &groups, seed };
    check_can_be_left_out(run, &labelled)?;

    let source = SourceNetwork::load(run, materials)?;
    let features = extract(run, materials, part, &source, session)?;
    let backbone = &source.backbone;
    let mut clock = Clock { parts: Vec::new(), last: started };
    clock.part("one pass through the network");
    let (pixels, outputs) = outputs_of(backbone, &features);
    let Frozen { folds, heads, arms, earlier, ends } =
        arms::fit(pixels, &outputs, &labelled, &mut |done, total| {
            session.emit(&Event::Prepared { what: "probes", done, total });
            if session.interrupted() { Err(Error::Interrupted) } else { Ok(()) }
        })?;
    clock.part("linear probes");
    let scores = features.stages.iter().map(|stage| match scores {
        false => Ok(None),
        true => Ok(Some(Scores {
            logme: logme::logme(&stage.values, &labels, classes)?,
            h_score: h_score::h_score(&stage.values, &labels, classes)?,
        })),
    });
    let scores = scores.collect::<Result<Vec<Option<Scores>>, Error>>()?;
    if scores.iter().any(Option::is_some) {
        clock.part("LogME and H-score");
    }

    let accuracies: Vec<f64> = heads.iter().map(|head| head.held_out.accuracy()).collect();
    let parameters: u64 =
        backbone.ids().filter(|&id| id < backbone.first_new()).map(|id| backbone.parameter_count(id)).sum();
    let (&pixels, stages) = accuracies.split_first().unwrap_or((&0.0, &[]));
    let end = earlier.and_then(|arm| EarlierEnd::of(run, &arms[arm]));
    let evidence = Evidence {
        pixels,
        stages,
        images: training as f64,
        classes: classes as f64,
        parameters: parameters as f64,
        earlier: end.is_some(),
    };
    let verdict = rule::apply_rule(&evidence);
    let correct: Vec<Vec<bool>> = heads.iter().map(|head| head.held_out.correct().to_vec()).collect();
    let may_end_earlier = arms.first().is_some_and(|arm| EarlierEnd::of(run, arm).is_some());
    let confidence = resample::confidence(&correct, &evidence, may_end_earlier.then_some(&ends), seed);
    clock.part("resampling");

    let (depth, plan) = depth_of(backbone, &features, &verdict)?;
    let names: Vec<String> =
        features.stages.iter().filter_map(|s| s.stage).map(|id| backbone.name(id).to_owned()).collect();
    let live = backbone.name(plan.first_live);
    let end = end.filter(|_| verdict.because == Because::EndsEarlier).unwrap_or_default();
    let context = Context {
        source: &source_name(run),
        names: &names,
        live,
        end: earlier.map(|arm| &arms[arm]),
        images: labels.len(),
        confidence,
    };
    let paragraph = paragraph(&verdict, &evidence, &context);
    Ok(AdviceRecord {
        name: run.name.clone(),
        arch: run.network.name.to_owned(),
        weights: run.config.model.weights.clone(),
        data: run.config.data.origin().path().display().to_string(),
        classes: classes as u64,
        images_per_class: evidence.images / evidence.classes,
        images: labels.len() as u64,
        folds: u32::try_from(folds).unwrap_or(u32::MAX),
        seed,
        stages: evidence_of_stages(backbone, &features, &heads, &scores, &plan),
        arms,
        costs: costs(run, materials, backbone),
        source: features.source,
        value: verdict.value,
        drop: late_stage_gain(stages),
        similarity: similarity(&verdict, &evidence),
        little_value: verdict.little_value(),
        depth: depth.to_string(),
        cut: end.cut,
        taps: end.taps,
        head_solver: end.head_solver,
        rate_scale: verdict.rate_scale,
        learning_rate: run.config.train.learning_rate.get(),
        live: backbone
            .ids()
            .filter(|&id| id >= plan.first_live && !backbone.roots(id).is_empty())
            .map(|id| backbone.name(id).to_owned())
            .collect(),
        confidence,
        paragraph,
        standing: STANDING.to_owned(),
        parts: clock.parts,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Returns the pooled output of every stage before the head that has parameters, from input on: `[N, D]` each, float64, on the
/// CPU. One pass through the source network.
///
/// # Errors
/// When there are no source weights, an image can no longer be read, or on interruption.
pub(crate) fn stage_vectors(
    run: &Run,
    materials: &Materials,
    part: &ImageSubset,
    session: &mut Session<'_>,
) -> Result<Vec<Tensor>, Error> {
    run.set_up_libtorch()?;
    let source = SourceNetwork::load(run, materials)?;
    let features = extract(run, materials, part, &source, session)?;
    let stages = features.stages.into_iter().filter(|output| output.stage.is_some());
    Ok(stages.map(|output| output.values).collect())
}

/// Refuses images of which none can be left out: without the only image of a class there is none to learn from.
fn check_can_be_left_out(run: &Run, labelled: &Labelled<'_>) -> Result<(), Error> {
    if labelled.check().is_ok() {
        return Ok(());
    }
    let message = "leaving images out needs at least two training images (or two groups of images) in each of two classes; add images, or set finetune.depth (\"head\" is usual with one or two images per class)";
    let data = &run.config.data;
    let key = if data.images_per_class.is_some() { "data.images_per_class" } else { data.origin_key() };
    Err(run.source.wrong(key, message).into())
}

/// Returns the features of the pixels, and those of the stages with their names.
fn outputs_of<'a>(backbone: &'a Backbone, features: &'a StageFeatures) -> (&'a Tensor, Vec<StageOutput<'a>>) {
    let stages = features.stages.iter().filter_map(|output| {
        output.stage.map(|id| StageOutput { name: backbone.name(id), values: &output.values })
    });
    (&features.stages[0].values, stages.collect())
}

/// Returns the verdict as a depth of this network, with its freeze plan.
fn depth_of(
    backbone: &Backbone,
    features: &StageFeatures,
    verdict: &Verdict,
) -> Result<(Depth, FreezePlan), Error> {
    let stages = features.stages.len().saturating_sub(1);
    let depth = match verdict.trained {
        0 => Depth::Head,
        trained if trained >= stages => Depth::All,
        trained => Depth::Last(trained),
    };
    let plan = FreezePlan::new(backbone, &depth, verdict.rate_scale)
        .map_err(|error| Error::Advice(error.to_string()))?;
    Ok((depth, plan))
}

/// LogME and H-score of one stage.
struct Scores {
    logme: f64,
    h_score: f64,
}

/// Returns the evidence of each stage, the pixels first.
fn evidence_of_stages(
    backbone: &Backbone,
    features: &StageFeatures,
    heads: &[LinearHead],
    scores: &[Option<Scores>],
    plan: &FreezePlan,
) -> Vec<StageEvidence> {
    let measured = features.stages.iter().zip(heads.iter().zip(scores));
    measured
        .map(|(stage, (head, scores))| StageEvidence {
            name: stage.stage.map_or("pixels", |id| backbone.name(id)).to_owned(),
            features: u64::try_from(stage.values.size()[1]).unwrap_or(0),
            accuracy: head.held_out.accuracy(),
            standard_error: head.held_out.standard_error(),
            loss: head.held_out.loss(),
            penalty: head.penalty,
            logme: scores.as_ref().map(|scores| scores.logme),
            h_score: scores.as_ref().map(|scores| scores.h_score),
            rate_scale: stage.stage.map(|id| plan.rate_scale[id.index()]).filter(|&scale| scale > 0.0),
        })
        .collect()
}

/// Returns the source of the weights in words.
fn source_name(run: &Run) -> String {
    let weights = &run.config.model.weights;
    if weights.starts_with("IMAGENET") { "ImageNet".to_owned() } else { format!("the source ({weights})") }
}

/// Time of each part.
struct Clock {
    parts: Vec<PartSeconds>,
    last: Instant,
}

impl Clock {
    /// Records the time since the last part ended.
    fn part(&mut self, name: &str) {
        let now = Instant::now();
        self.parts.push(PartSeconds { part: name.to_owned(), seconds: (now - self.last).as_secs_f64() });
        self.last = now;
    }
}
