use copies::find;
use records::{AuditRecord, Session};

use crate::labels::{self, Judgement};
use crate::neighbours::nearest;
use crate::outliers::outliers;
use crate::{Error, Part, Subject, files, leaks, pairs, thumbnails};

/// Judges a data set: files, copies, labels, outliers, leaks. What identifies the run in the record is left empty.
///
/// # Errors
/// [`Error::Interrupted`], and where libtorch fails.
pub fn perform(subject: &Subject, session: &Session<'_>) -> Result<AuditRecord, Error> {
    let part = |session: &Session<'_>| if session.interrupted() { Err(Error::Interrupted) } else { Ok(()) };
    let nearest = subject.features.as_ref().map(nearest).transpose()?;
    part(session)?;
    let copies = find(&subject.examined, nearest.as_ref());
    part(session)?;
    let mut record = AuditRecord {
        classes: subject.classes.clone(),
        seed: subject.seed,
        splits: files::splits(subject),
        splits_itself: subject.splits_itself,
        files: files::problems(subject),
        kinds: files::kinds(subject),
        sizes: files::sizes(subject),
        copies: pairs::records(subject, &copies),
        copy_bounds: Some(pairs::bounds(&copies)),
        leaks: leaks::table(subject, &copies),
        labels_refused: "without weights the network knows nothing of images".to_owned(),
        ..AuditRecord::default()
    };
    if let (Some(features), Some(nearest)) = (&subject.features, &nearest) {
        let found = labels::judge(subject, features, nearest, &copies, session.interrupt)?;
        record.labels = found.ranked;
        record.mistakes = found.mistakes;
        record.small_classes = found.small_classes;
        record.probe = found.probe;
        record.labels_refused = found.refused;
        record.outliers = outliers(subject, nearest);
        if let Some(classes) = leaks::classes(subject, features).filter(|_| found.tells_classes) {
            let believed = record.labels_refused.is_empty();
            let judgement = Judgement { subject, classes: &classes, nearest, copies: &copies, believed };
            for part in Part::ALL.into_iter().filter(|&part| leaks::is_measured(subject, part)) {
                if let Some(measured) = leaks::measure(&judgement, features, part)? {
                    record.leakage.extend(measured.leakage);
                    record.held_out_labels.extend(measured.labels);
                }
            }
        }
    }
    part(session)?;
    record.thumbnails = thumbnails::thumbnails(subject, &record);
    part(session)?;
    Ok(record)
}
