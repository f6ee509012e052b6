//! How far back to fine-tune, found before training.
//!
//! A subset of the training pictures (`subset`) passes through the network once; what each stage makes of them is kept
//! (`stage_features`), and measured in three ways: a cross-validated linear probe (`probe`, by `logistic`), LogME (`logme`) and
//! the H-score (`h_score`), the latter two by singular values (`spectrum`). From the probes' accuracies and the number of
//! images a fixed rule (`rule`) says how many stages to train and at which rate; how firm that is shows when the pictures
//! are resampled (`resample`); `words` says it in a paragraph, and `standing` how such advice has fared. `follow` is the way
//! in: by itself, or within a run.
//!
//! LogME, the H-score and what the source's classifier says are evidence for the reader: the rule does not use them,
//! because they were made to rank networks and docs/advise.md shows how they do on stages.

mod follow;
mod stage_features;
mod standing;
mod words;

use std::time::Instant;

use backbone::{Backbone, StageId, Values};
use features::pictures::Part;
use images::shuffled;
use records::{AdviceRecord, Depth, Event, Interrupt, Listener, PartSeconds, StageEvidence};
use run_config::Run;
use tch::Kind;
use training::freeze::FreezePlan;
use transferability::probe::{Probe, SETTLED, deal, deal_groups, probe};
use transferability::rule::{Evidence, Verdict};
use transferability::{h_score, late_stage_gain, logme, probe, resample, rule};

use self::stage_features::{Seen, look};
use self::words::{Circumstances, paragraph, similarity};
use crate::Error;
use crate::recipe::{self, Materials};

pub use self::follow::{decide, note, perform};
pub use self::standing::STANDING;

/// Pictures that are looked at, about.
pub const IMAGES: usize = 512;

/// What an advice is about.
pub struct Subject<'a> {
    /// The run; its own depth does not matter.
    pub run: &'a Run,
    /// Its weights, and how pictures are prepared.
    pub materials: &'a Materials,
    /// The pictures to look at.
    pub part: &'a Part,
    /// How many pictures there are to train on.
    pub training: usize,
}

/// Says how far back to fine-tune.
///
/// # Errors
/// When there are no source weights, too few pictures to cross-validate anything, a picture can no longer be read, or on
/// interruption.
pub fn advise(
    subject: &Subject<'_>,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<AdviceRecord, Error> {
    let Subject { run, materials, part, training } = *subject;
    let started = Instant::now();
    run.set_up_libtorch()?;
    let classes = materials.pictures.classes.len();
    let labels = part.labels();
    let seed = run.config.run.seed;
    let order = shuffled(labels.len(), seed, 1);
    let groups = part.groups();
    let folds = match groups.iter().any(Option::is_some) {
        true => deal_groups(&labels, classes, &order, &groups),
        false => deal(&labels, classes, &order),
    };
    enough(run, &labels, &folds)?;

    let (backbone, has_classifier) = network(run, materials)?;
    let seen = look(run, materials, part, (&backbone, has_classifier), interrupt, listen)?;
    let mut clock = Clock { parts: Vec::new(), last: started };
    clock.part("one pass through the network");
    let count = seen.stages.len() as u64;
    let mut probes = Vec::new();
    for (stage, done) in seen.stages.iter().zip(1..) {
        if interrupt.requested() {
            return Err(Error::Interrupted);
        }
        probes.push(probe(&stage.values, &labels, classes, &folds, SETTLED)?);
        listen(&Event::Prepared { what: "probes", done, total: count });
    }
    clock.part("linear probes");
    let scores = seen.stages.iter().map(|stage| {
        Ok((
            logme::logme(&stage.values, &labels, classes)?,
            h_score::h_score(&stage.values, &labels, classes)?,
        ))
    });
    let scores = scores.collect::<Result<Vec<(f64, f64)>, Error>>()?;
    clock.part("LogME and H-score");

    let accuracies: Vec<f64> = probes.iter().map(Probe::accuracy).collect();
    let parameters: u64 =
        backbone.ids().filter(|&id| id < backbone.first_new()).map(|id| backbone.parameter_count(id)).sum();
    let amount = [training as f64, classes as f64, parameters as f64];
    let (&pixels, stages) = accuracies.split_first().unwrap_or((&0.0, &[]));
    let evidence = Evidence { pixels, stages, images: amount[0], classes: amount[1], parameters: amount[2] };
    let verdict = rule::decide(&evidence);
    let right: Vec<Vec<bool>> =
        probes.iter().map(|probe| probe.right.iter().flatten().copied().collect()).collect();
    let confidence = resample::confidence(&right, amount, seed);
    clock.part("resampling");

    let (depth, plan) = depth_of(&backbone, &seen, &verdict)?;
    let names: Vec<String> =
        seen.stages.iter().filter_map(|s| s.stage).map(|id| backbone.name(id).to_owned()).collect();
    let live = backbone.name(plan.first_live);
    let around =
        Circumstances { source: &source_name(run), names: &names, live, images: labels.len(), confidence };
    Ok(AdviceRecord {
        name: run.name.clone(),
        arch: run.network.name.to_owned(),
        weights: run.config.model.weights.clone(),
        data: run.config.data.origin().path().display().to_string(),
        classes: classes as u64,
        images_per_class: amount[0] / amount[1],
        images: labels.len() as u64,
        folds: u32::try_from(probe::FOLDS).unwrap_or(0),
        seed,
        stages: rows(&backbone, &seen, (&probes, &scores), &plan),
        source: seen.source,
        value: verdict.value,
        drop: late_stage_gain(stages),
        similarity: similarity(&verdict, &evidence),
        little_value: verdict.little_value(),
        depth: depth.to_string(),
        rate_scale: verdict.rate_scale,
        learning_rate: run.config.train.learning_rate.get(),
        live: backbone
            .ids()
            .filter(|&id| id >= plan.first_live && !backbone.roots(id).is_empty())
            .map(|id| backbone.name(id).to_owned())
            .collect(),
        confidence,
        paragraph: paragraph(&verdict, &evidence, &around),
        standing: STANDING.to_owned(),
        parts: clock.parts,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The whole source network, ready to be asked, and whether its classifier means something.
fn network(run: &Run, materials: &Materials) -> Result<(Backbone, bool), Error> {
    let Some(checkpoint) = &materials.checkpoint else {
        let message = "there is nothing to advise on without source weights: name some, or train everything with finetune.depth = \"scratch\"";
        return Err(run.source.wrong("model.weights", message).into());
    };
    let values = Values::Awaited { seed: run.config.run.seed };
    let mut backbone = recipe::build(run, &materials.input, Some(checkpoint), values);
    let loaded = backbone.load(checkpoint)?;
    let has_classifier = recipe::has_classifier(run, &backbone, checkpoint, &loaded);
    backbone.to(run.device, Kind::Float);
    backbone.use_channels_last();
    backbone.freeze_before(backbone.head_id());
    backbone.prepare_inference(StageId::INPUT..backbone.head_id(), Kind::Float);
    Ok((backbone, has_classifier))
}

/// A class with one picture has none to learn from while that is held out.
fn enough(run: &Run, labels: &[usize], folds: &probe::Folds) -> Result<(), Error> {
    let mut classes: Vec<usize> =
        labels.iter().zip(folds).filter(|(_, fold)| fold.is_some()).map(|(&label, _)| label).collect();
    classes.sort_unstable();
    classes.dedup();
    if classes.len() >= 2 {
        return Ok(());
    }
    let message = "an advice is cross-validated, which takes two training images of at least two classes; add images, or choose finetune.depth yourself (\"head\" is usual with an image or two of each class)";
    let data = &run.config.data;
    let key = if data.images_per_class.is_some() { "data.images_per_class" } else { data.origin_key() };
    Err(run.source.wrong(key, message).into())
}

/// The verdict as a depth of this network.
fn depth_of(backbone: &Backbone, seen: &Seen, verdict: &Verdict) -> Result<(Depth, FreezePlan), Error> {
    let stages = seen.stages.len().saturating_sub(1);
    let depth = match verdict.trained {
        0 => Depth::Head,
        trained if trained >= stages => Depth::All,
        trained => Depth::Last(trained),
    };
    let plan = FreezePlan::new(backbone, &depth, verdict.rate_scale)
        .map_err(|error| Error::Advice(error.to_string()))?;
    Ok((depth, plan))
}

/// The lines of the table.
fn rows(
    backbone: &Backbone,
    seen: &Seen,
    (probes, scores): (&[Probe], &[(f64, f64)]),
    plan: &FreezePlan,
) -> Vec<StageEvidence> {
    let measured = seen.stages.iter().zip(probes.iter().zip(scores));
    measured
        .map(|(stage, (probe, &(logme, h_score)))| StageEvidence {
            name: stage.stage.map_or("pixels", |id| backbone.name(id)).to_owned(),
            features: u64::try_from(stage.values.size()[1]).unwrap_or(0),
            accuracy: probe.accuracy(),
            standard_error: probe.standard_error(),
            penalty: probe.penalty,
            logme,
            h_score,
            rate_scale: stage.stage.map(|id| plan.rate_scale[id.index()]).filter(|&scale| scale > 0.0),
        })
        .collect()
}

/// Where the weights come from, in words.
fn source_name(run: &Run) -> String {
    let weights = &run.config.model.weights;
    if weights.starts_with("IMAGENET") { "ImageNet".to_owned() } else { format!("the source ({weights})") }
}

/// How long each part took.
struct Clock {
    parts: Vec<PartSeconds>,
    last: Instant,
}

impl Clock {
    /// Ends a part.
    fn part(&mut self, name: &str) {
        let now = Instant::now();
        self.parts.push(PartSeconds { part: name.to_owned(), seconds: (now - self.last).as_secs_f64() });
        self.last = now;
    }
}
