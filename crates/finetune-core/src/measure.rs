//! A model measured on a folder of pictures: accuracy, each class, who is taken for whom.

use std::path::PathBuf;

use images::{Labelled, Unreadable};
use serde::Serialize;
use training::calibration::{Reliability, cross_entropy};

use crate::Error;
use crate::model::Model;
use crate::predict::{Pace, Passed, Said, predict};
use crate::wide_images;

/// A model measured on one split.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The network.
    pub arch: String,
    /// The model's file.
    pub model: String,
    /// The data folder, or the list.
    pub data: String,
    /// `test`, `validation`, `train`, or `all` where the data has no splits.
    pub split: &'static str,
    /// Images measured.
    pub images: u64,
    /// Images of which the most probable class is the right one.
    pub right: u64,
    /// Their share.
    pub accuracy: f64,
    /// Mean recall of the classes that have images.
    pub balanced_accuracy: f64,
    /// Mean cross-entropy of the scores as they are, in nats.
    pub loss: f64,
    /// The model's temperature; 1 where none was fitted.
    pub temperature: f64,
    /// Expected calibration error of the probabilities at that temperature, over 15 bins.
    pub calibration_error: f64,
    /// Each class that has images or was predicted, in the model's order.
    pub classes: Vec<ClassScore>,
    /// `confusion[truth][prediction]`: number of images, both in the order of `classes`.
    pub confusion: Vec<Vec<u64>>,
    /// Files that gave no picture.
    pub unreadable: Vec<UnreadableFile>,
    /// What to know about the images beside that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How well one class is told from the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// Its name.
    pub class: String,
    /// Images of it.
    pub images: u64,
    /// Images taken for it.
    pub predicted: u64,
    /// Images of it that were taken for it.
    pub right: u64,
    /// Share of the right ones among those taken for it; none where there were none.
    pub precision: Option<f64>,
    /// Share of the right ones among its images; none where there were none.
    pub recall: Option<f64>,
}

/// A file that gave no picture.
#[derive(Clone, Debug, Serialize)]
pub struct UnreadableFile {
    /// The file.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What the model says of one labelled image.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Its file, scores and probabilities.
    pub said: &'a Said<'a>,
    /// The class that it has, by its place in the model's order.
    pub truth: usize,
}

/// Runs the model over a split, and hands over what it says of each image. The data's classes are matched with the model's
/// by name, or by name in other capitals where that is one class.
///
/// # Errors
/// When a class is none of the model's, no image can be read, or `hear` refuses.
pub fn measure<E: From<Error>>(
    model: &Model,
    data: &Labelled,
    pace: Pace,
    hear: &mut dyn FnMut(Judged<'_>) -> Result<(), E>,
) -> Result<Measured, E> {
    let places = data.classes.iter().map(|class| place(model, data, class)).collect::<Result<Vec<_>, _>>()?;
    let labels: Vec<usize> = data.samples.iter().map(|sample| places[sample.label]).collect();
    let paths: Vec<PathBuf> = data.samples.iter().map(|sample| sample.path.clone()).collect();

    let mut pairs = Vec::new(); // (truth, prediction)
    let mut loss = 0.0;
    let mut reliability = Reliability::default();
    let Passed { unreadable, wide, .. } = predict(model, &paths, pace, &mut |said| {
        let truth = labels[said.index];
        let best = said.best();
        pairs.push((truth, best));
        reliability.add(said.probabilities[best], best == truth);
        loss += cross_entropy(said.logits, truth);
        hear(Judged { said, truth })
    })?;
    if pairs.is_empty() {
        let what = data.root.display().to_string();
        return Err(Error::NothingReadable { what, count: unreadable.len() }.into());
    }
    let (classes, confusion) = scores(&model.classes, &pairs);
    let (images, right) = (pairs.len() as u64, classes.iter().map(|class| class.right).sum::<u64>());
    Ok(Measured {
        arch: model.network.name.to_owned(),
        model: model.path.to_string_lossy().into_owned(),
        data: data.root.to_string_lossy().into_owned(),
        split: data.split.name(),
        images,
        right,
        accuracy: right as f64 / images as f64,
        balanced_accuracy: mean(classes.iter().filter_map(|class| class.recall)),
        loss: loss / images as f64,
        temperature: model.temperature,
        calibration_error: reliability.error(),
        classes,
        confusion,
        unreadable: unreadable.into_iter().map(UnreadableFile::from).collect(),
        warnings: wide_images::warning(wide, model.input.range).into_iter().collect(),
    })
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// The model's class that a class of the data means.
fn place(model: &Model, data: &Labelled, class: &str) -> Result<usize, Error> {
    let exact = model.classes.iter().position(|known| known == class);
    let numbered = |(number, name): (usize, &String)| *name == format!("class {number}");
    if exact.is_none() && model.classes.iter().enumerate().all(numbered) {
        let (model, outputs) = (model.path.clone(), model.classes.len());
        return Err(Error::NamelessClasses { model, data: data.root.clone(), outputs });
    }
    let alike = |known: &String| known.to_lowercase() == class.to_lowercase();
    let is_one = model.classes.iter().filter(|known| alike(known)).count() == 1;
    exact.or_else(|| model.classes.iter().position(alike).filter(|_| is_one)).ok_or_else(|| {
        Error::ClassOfNoModel { class: class.to_owned(), data: data.root.clone(), known: few(&model.classes) }
    })
}

/// The first few names, and how many more there are.
fn few(classes: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = classes.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match classes.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// The classes that occur, and the confusion among them.
fn scores(names: &[String], pairs: &[(usize, usize)]) -> (Vec<ClassScore>, Vec<Vec<u64>>) {
    let mut occurring: Vec<usize> = pairs.iter().flat_map(|&(truth, said)| [truth, said]).collect();
    occurring.sort_unstable();
    occurring.dedup();
    let row = |class: usize| occurring.binary_search(&class).unwrap_or(0);
    let mut confusion = vec![vec![0u64; occurring.len()]; occurring.len()];
    for &(truth, said) in pairs {
        confusion[row(truth)][row(said)] += 1;
    }
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let score = |(place, &class): (usize, &usize)| {
        let images = confusion[place].iter().sum();
        let predicted = confusion.iter().map(|truth| truth[place]).sum();
        let right = confusion[place][place];
        ClassScore {
            class: names[class].clone(),
            images,
            predicted,
            right,
            precision: share(right, predicted),
            recall: share(right, images),
        }
    };
    let scores = occurring.iter().enumerate().map(score).collect();
    (scores, confusion)
}

impl From<Unreadable> for UnreadableFile {
    fn from(Unreadable { path, reason }: Unreadable) -> Self {
        Self { path: path.to_string_lossy().into_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_and_recall_are_counted_over_columns_and_rows() {
        let names: Vec<String> = ["ant", "bee", "cow", "dog"].map(str::to_owned).to_vec();
        let (scores, confusion) = scores(&names, &[(0, 0), (0, 0), (0, 3), (1, 0), (1, 1)]);
        assert_eq!(confusion, [[2, 0, 1], [1, 1, 0], [0, 0, 0]]);
        let told: Vec<_> =
            scores.iter().map(|s| (s.class.as_str(), s.images, s.precision, s.recall)).collect();
        let two_thirds = Some(2.0 / 3.0);
        assert_eq!(
            told,
            [
                ("ant", 3, two_thirds, two_thirds),
                ("bee", 2, Some(1.0), Some(0.5)),
                ("dog", 0, Some(0.0), None)
            ]
        );
    }
}
