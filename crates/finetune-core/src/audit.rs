//! What is wrong with the data of a run: reads it as the run would, and has the crate `audit` judge it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use audit::{AuditedImage, Features, Fix, Part, Subject};
use features::dataset::{ImageSubset, SEE_AUDIT};
use images::{DataSet, Sample};
use records::{AuditRecord, Depth, Event, Interrupt, Listener, Session};
use run_config::Run;
use tch::Tensor;

use crate::Error;
use crate::recipe::{self, Materials};

/// What an audit found, and the list of corrections that follow from it.
pub struct Audited {
    /// The findings.
    pub record: AuditRecord,
    /// The list for `data.exclude`.
    pub fix: Fix,
}

/// Judges the data of a run without carrying it out. Labels of test images are looked at with `with_test` alone.
///
/// # Errors
/// As [`recipe::gather`]; unreadable files are no error.
pub fn perform(
    run: &Run,
    with_test: bool,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<Audited, Error> {
    let mut run = run.clone();
    run.config.compare = None;
    run.config.data.max_unreadable = ranged::Share::of(1.0);
    if *run.depth() == Depth::Auto {
        run.config.finetune.depth = Depth::Head;
        run.config.finetune.thaw = None;
        run.config.finetune.rates.clear();
    }
    // What a run takes from the source besides its weights is not needed.
    run.config.regularize.drop_source_techniques();
    let mut listen = |event: &Event<'_>| match event {
        Event::Warning(text) if text.contains(SEE_AUDIT) => {}
        event => listen(event),
    };
    let session = &mut Session { interrupt, listener: &mut listen };
    let mut images = Vec::new();
    let mut splits_itself = true;
    let mut choose = |set: &mut DataSet| {
        splits_itself = !set.validation_is_given;
        let validation = if splits_itself { Part::Train } else { Part::Validation };
        for (samples, part) in
            [(&set.train, Part::Train), (&set.validation, validation), (&set.test, Part::Test)]
        {
            images.extend(samples.iter().map(|sample| audited(set, sample, part)));
        }
        Ok(())
    };
    let materials = recipe::gather_chosen(&run, &mut choose, session)?;
    let paths: Vec<PathBuf> = images.iter().map(|image: &AuditedImage| image.path.clone()).collect();
    let threads = usize::try_from(run.threads).unwrap_or(1);
    let examined = {
        let (total, listener) = (paths.len() as u64, Mutex::new(&mut *session.listener));
        let progress = |done: u64| {
            let event = Event::Prepared { what: "examining files", done, total };
            (listener.lock().unwrap_or_else(PoisonError::into_inner))(&event);
            if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        copies::examine(&paths, threads, &progress).map_err(audit::Error::from)?
    };
    let features = match &materials.checkpoint {
        Some(_) => Some(features_of(&run, &materials, &images, session)?),
        None => None,
    };
    let subject = Subject {
        classes: materials.pictures.classes.clone(),
        images,
        examined,
        splits_itself,
        reads: materials.input.crop,
        features,
        with_test,
        seed: run.config.run.seed,
    };
    let mut record = audit::perform(&subject, session)?;
    record.name.clone_from(&run.name);
    run.network.name.clone_into(&mut record.arch);
    record.weights.clone_from(&run.config.model.weights);
    record.data = run.config.data.origin().path().display().to_string();
    let fix = audit::fix(&subject, &record);
    Ok(Audited { record, fix })
}

fn audited(set: &DataSet, sample: &Sample, part: Part) -> AuditedImage {
    let Sample { path, label, group, .. } = sample;
    AuditedImage { path: path.clone(), below: set.below(path), part, label: *label, group: *group }
}

/// Features of all images that the run could read.
fn features_of(
    run: &Run,
    materials: &Materials,
    images: &[AuditedImage],
    session: &mut Session<'_>,
) -> Result<Features, Error> {
    let parts = recipe::head_features(run, materials, session)?;
    let pictures = &materials.pictures;
    let subsets = [&pictures.train, &pictures.validation, &pictures.test];
    let samples = |part: &&ImageSubset| part.store.samples().to_vec();
    let read: Vec<Sample> = subsets.iter().flat_map(samples).collect();
    let row_of: HashMap<&PathBuf, usize> = read.iter().map(|sample| &sample.path).zip(0..).collect();
    let values: Vec<Tensor> = parts.into_iter().flatten().collect();
    let rows = images.iter().map(|image| row_of.get(&image.path).copied()).collect();
    Ok(Features { values: Tensor::f_cat(&values, 0)?, rows })
}
