use features::pictures::Part;
use images::{DataSet, take_per_class};
use ranged::OutOfRange;
use records::{AdviceRecord, Depth, Interrupt, Listener, PartSeconds, RunRecord, Session, UnknownDepth};
use run_config::Run;
use transferability::subset::subset;

use super::{IMAGES, Subject, advise};
use crate::Error;
use crate::recipe::{self, Materials};

/// The run with the depth that its pictures ask for, and the advice, if its configuration leaves the depth open.
///
/// A `finetune.rate_scale` that is given is the user's, and stays.
///
/// # Errors
/// As [`advise`], and when the advised depth is none.
pub fn decide(
    run: &Run,
    materials: &Materials,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<(Run, Option<AdviceRecord>), Error> {
    if *run.depth() != Depth::Auto {
        let mut decided = run.clone();
        decided.config.finetune.rate_scale = Some(run.config.finetune.rate_scale());
        decided.reset_ineffective();
        return Ok((decided, None));
    }
    let train = recipe::images_of(run, materials)?.train;
    let classes = materials.pictures.classes.len();
    let places = subset(&train.labels(), classes, IMAGES, run.config.run.seed);
    let indices = places.iter().map(|&place| train.indices[place as usize]).collect();
    let part = Part { store: train.store.clone(), indices };
    let subject = Subject { run, materials, part: &part, training: train.len() };
    let advice = advise(&subject, interrupt, listen)?;
    let mut decided = run.clone();
    decided.config.finetune.depth =
        advice.depth.parse().map_err(|error: UnknownDepth| Error::Advice(error.to_string()))?;
    let rate_scale =
        advice.rate_scale.try_into().map_err(|error: OutOfRange| Error::Advice(error.to_string()))?;
    decided.config.finetune.rate_scale.get_or_insert(rate_scale);
    decided.reset_ineffective();
    recipe::forget_skipping(&mut decided, materials)?;
    Ok((decided, Some(advice)))
}

/// Advises on a run without carrying it out: only the pictures that are looked at are decoded.
///
/// # Errors
/// As [`advise`].
pub fn perform(
    run: &Run,
    most: usize,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<AdviceRecord, Error> {
    let mut run = run.clone();
    run.config.finetune.depth = Depth::All;
    // What these say is about stages that the run's own depth names.
    run.config.finetune.thaw = None;
    run.config.finetune.rates.clear();
    run.config.compare = None;
    let (seed, per_class) = (run.config.run.seed, run.config.data.images_per_class);
    let mut training = 0;
    let mut choose = |set: &mut DataSet| {
        if let Some(per_class) = per_class {
            let drawn = take_per_class(&set.train, per_class, seed);
            set.train =
                drawn.map_err(|error| run.source.wrong("data.images_per_class", error.to_string()))?;
        }
        training = set.train.len();
        let labels: Vec<usize> = set.train.iter().map(|sample| sample.label).collect();
        let places = subset(&labels, set.classes.len(), most, seed);
        set.train = places.iter().map(|&place| set.train[place as usize].clone()).collect();
        set.validation.clear();
        set.test.clear();
        Ok(())
    };
    let session = &mut Session { interrupt, listener: &mut *listen };
    let materials = recipe::gather_chosen(&run, &mut choose, session)?;
    let subject = Subject { run: &run, materials: &materials, part: &materials.pictures.train, training };
    let mut advice = advise(&subject, interrupt, listen)?;
    let reading = PartSeconds { part: "reading weights and pictures".to_owned(), seconds: materials.seconds };
    advice.parts.insert(0, reading);
    advice.seconds += materials.seconds;
    Ok(advice)
}

/// Notes in a run's record the advice that it followed: it is part of the step `freeze`.
pub fn note(record: &mut RunRecord, advice: Option<AdviceRecord>) {
    let Some(advice) = advice else { return };
    record.seconds += advice.seconds;
    if let Some(freeze) = record.steps.iter_mut().find(|step| step.name == records::StepName::Freeze.name()) {
        freeze.seconds += advice.seconds;
        freeze.what = format!(
            "advised {:?} (confidence {:.0}%); {}",
            advice.depth,
            100.0 * advice.confidence,
            freeze.what
        );
    }
    record.advice = Some(Box::new(advice));
}
