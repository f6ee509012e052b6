//! Predictions for images that a model was not fitted on.

use tch::{Device, Kind, Tensor};

use crate::Error;

/// Log-probabilities that a model gives images it was not fitted on.
#[derive(Debug)]
pub struct HeldOut {
    log_probabilities: Tensor,
    images: Vec<usize>,
    losses: Vec<f64>,
    correct: Vec<bool>,
}

impl HeldOut {
    /// Takes log-probabilities `[M, C]` of images, the index of each (ascending) and its label.
    ///
    /// # Errors
    /// When there are not as many rows as images and labels, a label is not below `C`, or a libtorch call fails.
    pub fn new(log_probabilities: &Tensor, images: Vec<usize>, labels: &[usize]) -> Result<Self, Error> {
        let log_probabilities = log_probabilities.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
        let (rows, classes) = log_probabilities.size2()?;
        let labels = checked_labels(rows, labels, usize::try_from(classes).unwrap_or(0))?;
        check_rows(rows, images.len())?;
        let own = log_probabilities.f_gather(1, &labels.unsqueeze(1), false)?.f_squeeze_dim(1)?;
        let predicted = Vec::<i64>::try_from(log_probabilities.f_argmax(1, false)?)?;
        let correct =
            predicted.into_iter().zip(Vec::<i64>::try_from(&labels)?).map(|(a, b)| a == b).collect();
        Ok(Self { losses: Vec::try_from(-own)?, log_probabilities, images, correct })
    }

    /// Returns the indices of these images among all that the model was made from, ascending. All but those of a class
    /// of which nothing is left to learn from while they are held out.
    pub fn images(&self) -> &[usize] {
        &self.images
    }

    /// Returns the log-probabilities, `[M, C]`, float64, on the CPU, one row an image of [`HeldOut::images`].
    pub fn log_probabilities(&self) -> &Tensor {
        &self.log_probabilities
    }

    /// Returns the cross-entropy of each image, in nats.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Returns whether each image was classified correctly.
    pub fn correct(&self) -> &[bool] {
        &self.correct
    }

    /// Returns the mean cross-entropy, in nats.
    pub fn loss(&self) -> f64 {
        statistics::mean(&self.losses)
    }

    /// Returns the share of images that were classified correctly, in `0..=1`.
    pub fn accuracy(&self) -> f64 {
        self.correct.iter().filter(|correct| **correct).count() as f64 / self.correct.len() as f64
    }

    /// Returns the standard error of the accuracy, that of a binomial share.
    pub fn standard_error(&self) -> f64 {
        let accuracy = self.accuracy();
        (accuracy * (1.0 - accuracy) / self.correct.len() as f64).sqrt()
    }
}

/// Labels as a tensor `[N]`, int64, each held against the number of rows and of classes.
pub(crate) fn checked_labels(rows: i64, labels: &[usize], classes: usize) -> Result<Tensor, Error> {
    check_rows(rows, labels.len())?;
    if let Some((image, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        return Err(Error::Label { image, label, classes });
    }
    let labels: Vec<i64> = labels.iter().map(|&label| i64::try_from(label).unwrap_or(-1)).collect();
    Ok(Tensor::f_from_slice(&labels)?)
}

/// Refuses another number of rows.
pub(crate) fn check_rows(rows: i64, labels: usize) -> Result<(), Error> {
    if usize::try_from(rows) == Ok(labels) { Ok(()) } else { Err(Error::Rows { rows, labels }) }
}
