use features::dataset::ImageSubset;
use images::{DataSet, take_per_class};
use ranged::OutOfRange;
use records::{AdviceRecord, Depth, PartSeconds, RunRecord, Session, UnknownDepth};
use run_config::Run;
use team::Team;
use transferability::subset::subset;

use super::{IMAGES, Subject, advise, ending};
use crate::Error;
use crate::recipe::{self, Materials};

/// Replaces the depth `auto` of a run by the recommended one, and decides what else its configuration leaves open. Returns the
/// run and, where its depth was `auto`, the evidence.
///
/// A `finetune.rate_scale` of the configuration stays.
///
/// # Errors
/// As [`advise`].
pub fn resolve_auto_depth(
    run: &Run,
    materials: &Materials,
    session: &mut Session<'_>,
) -> Result<(Run, Option<AdviceRecord>), Error> {
    let (mut run, advice) = with_depth(run, materials, session)?;
    recipe::decide(&mut run, materials, session)?;
    Ok((run, advice))
}

fn with_depth(
    run: &Run,
    materials: &Materials,
    session: &mut Session<'_>,
) -> Result<(Run, Option<AdviceRecord>), Error> {
    if *run.depth() != Depth::Auto {
        let mut resolved = run.clone();
        resolved.config.finetune.rate_scale = Some(run.config.finetune.rate_scale());
        resolved.reset_ineffective();
        return Ok((resolved, None));
    }
    let train = recipe::images_of(run, &materials.images)?.train;
    let classes = materials.images.classes.len();
    let indices = subset(&train.labels(), classes, IMAGES, run.config.run.seed);
    let indices = indices.iter().map(|&index| train.indices[index as usize]).collect();
    let part = ImageSubset { store: train.store.clone(), indices };
    let subject = Subject { run, materials, part: &part, training: train.len(), scores: false };
    let advice = advise(&subject, session)?;
    let mut resolved = run.clone();
    resolved.config.finetune.depth =
        advice.depth.parse().map_err(|error: UnknownDepth| Error::Advice(error.to_string()))?;
    let rate_scale =
        advice.rate_scale.try_into().map_err(|error: OutOfRange| Error::Advice(error.to_string()))?;
    resolved.config.finetune.rate_scale.get_or_insert(rate_scale);
    ending::follow(&mut resolved, &advice);
    resolved.reset_ineffective();
    recipe::forget_skipping(&mut resolved, materials)?;
    Ok((resolved, Some(advice)))
}

/// Recommends a depth for a run without carrying it out: only the images that are measured are decoded. LogME and the H-score
/// are computed where `scores` asks for them.
///
/// # Errors
/// As [`advise`].
pub fn perform(
    run: &Run,
    images: usize,
    scores: bool,
    session: &mut Session<'_>,
) -> Result<AdviceRecord, Error> {
    let mut run = run.clone();
    run.config.finetune.depth = Depth::All;
    // These name stages that belong to the run's own depth.
    run.config.finetune.thaw = None;
    run.config.finetune.rates.clear();
    run.config.compare = None;
    let (seed, per_class) = (run.config.run.seed, run.config.data.images_per_class);
    let [mut training, mut chosen] = [0; 2];
    let mut choose = |set: &mut DataSet| {
        if let Some(per_class) = per_class {
            let subset_per_class = take_per_class(&set.train, per_class.get(), seed);
            set.train = subset_per_class
                .map_err(|error| run.source.wrong("data.images_per_class", error.to_string()))?;
        }
        training = set.train.len();
        let labels: Vec<usize> = set.train.iter().map(|sample| sample.label).collect();
        let indices = subset(&labels, set.classes.len(), images, seed);
        set.train = indices.iter().map(|&index| set.train[index as usize].clone()).collect();
        chosen = set.train.len();
        set.validation.clear();
        set.test.clear();
        Ok(())
    };
    let materials = recipe::gather_chosen(&run, &Team::alone(), &mut choose, session)?;
    let part = &materials.images.train;
    // What could not be read is no training image.
    let training = training - chosen.saturating_sub(part.len());
    let subject = Subject { run: &run, materials: &materials, part, training, scores };
    let mut advice = advise(&subject, session)?;
    let reading = PartSeconds { part: "reading weights and images".to_owned(), seconds: materials.seconds };
    advice.parts.insert(0, reading);
    advice.seconds += materials.seconds;
    Ok(advice)
}

/// Adds the evidence to the record of the run that followed it, as part of the step `freeze`.
pub fn attach_to_record(record: &mut RunRecord, advice: Option<AdviceRecord>) {
    let Some(advice) = advice else { return };
    record.seconds += advice.seconds;
    if let Some(freeze) = record.steps.iter_mut().find(|step| step.name == records::StepName::Freeze.name()) {
        freeze.seconds += advice.seconds;
        let end = match (&advice.cut, &advice.taps[..]) {
            (Some(cut), _) => format!(", cut {cut:?}"),
            (None, []) => String::new(),
            (None, taps) => format!(", taps {taps:?}"),
        };
        freeze.what = format!("advised {:?}{end}; {}", advice.depth, freeze.what);
    }
    record.advice = Some(Box::new(advice));
}
