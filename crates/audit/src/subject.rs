use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use copies::Examined;
use images::DataSet;
use records::{Event, Session};
use tch::Tensor;

use crate::Error;

/// A data set to judge.
pub struct Subject {
    /// Class names in label order.
    pub classes: Vec<String>,
    /// Its images, those that cannot be read too, in the order train, validation, test.
    pub images: Vec<AuditedImage>,
    /// What is known of each file, in the same order.
    pub examined: Vec<Examined>,
    /// Whether the program splits validation images off itself.
    pub splits_itself: bool,
    /// Side of the square that the network reads, in pixels.
    pub reads: u32,
    /// Features of the images; `None` where the network knows nothing of images.
    pub features: Option<Features>,
    /// Whether labels of test images are looked at.
    pub with_test: bool,
    /// Seed of the folds.
    pub seed: u64,
}

/// One image of a data set.
#[derive(Clone, Debug)]
pub struct AuditedImage {
    /// The file.
    pub path: PathBuf,
    /// Its path below the data folder, with `/`.
    pub below: String,
    /// Its split.
    pub part: Part,
    /// Index of its class.
    pub label: usize,
    /// Number of the group that it belongs together with.
    pub group: Option<u32>,
}

/// A split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Trained on, or not split yet.
    Train,
    /// Chosen by.
    Validation,
    /// Judged by.
    Test,
}

impl AuditedImage {
    /// All images of a data set. Validation images that the program splits off are of the training split.
    #[must_use]
    pub fn all(set: &DataSet) -> Vec<Self> {
        let validation = if set.validation_is_given { Part::Validation } else { Part::Train };
        let parts = [(&set.train, Part::Train), (&set.validation, validation), (&set.test, Part::Test)];
        let image = |sample: &images::Sample, part: Part| Self {
            path: sample.path.clone(),
            below: set.below(&sample.path),
            part,
            label: sample.label,
            group: sample.group,
        };
        parts
            .into_iter()
            .flat_map(|(samples, part)| samples.iter().map(move |sample| image(sample, part)))
            .collect()
    }
}

/// Reads and decodes the file of every image.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn examine(
    images: &[AuditedImage],
    threads: usize,
    session: &mut Session<'_>,
) -> Result<Vec<Examined>, Error> {
    let paths: Vec<PathBuf> = images.iter().map(|image| image.path.clone()).collect();
    let (total, interrupt) = (paths.len() as u64, session.interrupt);
    let listener = Mutex::new(&mut *session.listener);
    let progress = |done: u64| {
        let event = Event::Prepared { what: "examining files", done, total };
        (listener.lock().unwrap_or_else(PoisonError::into_inner))(&event);
        if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    Ok(copies::examine(&paths, threads, &progress)?)
}

impl Part {
    /// All, in order.
    pub(crate) const ALL: [Part; 3] = [Part::Train, Part::Validation, Part::Test];

    /// The name in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

/// Features of images, as the head of the network reads them.
pub struct Features {
    /// `[M, D]`, float32, on the CPU.
    pub values: Tensor,
    /// Row of each image there; `None` for one that could not be read.
    pub rows: Vec<Option<usize>>,
}

impl Subject {
    /// Whether the label of an image may be looked at.
    pub(crate) fn shows_label(&self, image: usize) -> bool {
        self.with_test || self.images[image].part != Part::Test
    }

    /// The name of an image's class.
    pub(crate) fn class(&self, image: usize) -> &str {
        &self.classes[self.images[image].label]
    }
}

impl Features {
    /// Features of these images, `[N, D]`; all of them have features.
    pub(crate) fn of(&self, images: &[usize]) -> Result<Tensor, tch::TchError> {
        let rows = images.iter().filter_map(|&image| self.rows[image]);
        let rows: Vec<i64> = rows.map(|row| i64::try_from(row).unwrap_or(0)).collect();
        self.values.f_index_select(0, &Tensor::f_from_slice(&rows)?)
    }
}
