//! What is wrong with the data of a run: reads it as the run would, and has the crate `audit` judge it.

use audit::{AuditedImage, Fix, Subject};
use features::dataset::SEE_AUDIT;
use images::DataSet;
use records::{AuditRecord, Depth, Event, Interrupt, Listener, Session};
use run_config::Run;
use team::Team;

use crate::{Error, recipe};

/// Judges the data of a run without carrying it out. Returns the findings and the list of corrections that follow from them.
/// Labels of test images are looked at with `with_test` alone.
///
/// # Errors
/// As [`recipe::gather`]; unreadable files are no error.
pub fn perform(
    run: &Run,
    with_test: bool,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<(AuditRecord, Fix), Error> {
    let mut run = run.clone();
    run.config.compare = None;
    run.config.data.max_unreadable = ranged::Share::of(1.0);
    if *run.depth() == Depth::Auto {
        run.config.finetune.depth = Depth::Head;
        run.config.finetune.thaw = None;
        run.config.finetune.rates.clear();
    }
    run.config.regularize.drop_source_techniques();
    let mut listen = |event: &Event<'_>| match event {
        Event::Warning(text) if text.contains(SEE_AUDIT) => {}
        event => listen(event),
    };
    let session = &mut Session { interrupt, listener: &mut listen };
    let (mut images, mut splits_itself) = (Vec::new(), true);
    let mut choose = |set: &mut DataSet| {
        (images, splits_itself) = (AuditedImage::all(set), !set.validation_is_given);
        Ok(())
    };
    let materials = recipe::gather_chosen(&run, &Team::alone(), &mut choose, session)?;
    let examined = audit::examine(&images, usize::try_from(run.threads).unwrap_or(1), session)?;
    let features = match &materials.checkpoint {
        Some(_) => Some(recipe::head_features(&run, &materials, &images, session)?),
        None => None,
    };
    let (classes, reads) = (materials.images.classes.clone(), materials.input.crop);
    let seed = run.config.run.seed;
    let subject = Subject { classes, images, examined, splits_itself, reads, features, with_test, seed };
    let mut record = audit::perform(&subject, session)?;
    record.name.clone_from(&run.name);
    run.network.name.clone_into(&mut record.arch);
    record.weights.clone_from(&run.config.model.weights);
    record.data = run.config.data.origin().path().display().to_string();
    let fix = audit::fix(&subject, &record);
    Ok((record, fix))
}
