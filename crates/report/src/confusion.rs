use std::ops::Deref;

use records::{EvaluationRecord, RunRecord};

use crate::phrases::class_name;

/// The confusion matrix of an evaluation with the names of its classes.
pub(crate) struct Confusion<'a> {
    names: &'a [String],
    matrix: statistics::Confusion,
}

impl<'a> Confusion<'a> {
    /// Matrix of an evaluation of a run; it has no classes where the record has no matrix.
    pub(crate) fn of(run: &'a RunRecord, evaluation: &'a EvaluationRecord) -> Self {
        let names = &run.data.classes;
        let classes = if evaluation.confusion.is_empty() { 0 } else { names.len() };
        Self { names, matrix: statistics::Confusion::from_counts(&evaluation.confusion, classes) }
    }

    pub(crate) fn name(&self, class: usize) -> String {
        class_name(self.names, class)
    }
}

impl Deref for Confusion<'_> {
    type Target = statistics::Confusion;

    fn deref(&self) -> &statistics::Confusion {
        &self.matrix
    }
}
