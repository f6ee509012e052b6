use std::collections::BTreeMap;

use predictions::{Image, Predictions};
use records::{CellRecord, DivergedRecord, TrainingRecord};
use statistics::{Confusion, distinct, mean, median};

use crate::Ended;

/// A run on one fold.
#[derive(Clone, Debug)]
pub(crate) struct FoldRun<'a> {
    /// How it ended.
    pub(crate) ended: &'a Ended,
    /// Its predictions for the images of its fold; `None` where it diverged.
    pub(crate) predictions: Option<Predictions>,
}

/// The folds of each setting and seed taken together: one run, measured on each image by the run that held it out. A
/// setting and seed of which a fold diverged has diverged; one of which a fold is missing is left out. `groups` are the
/// named groups of classes. The order is that in which settings and seeds occur first.
pub(crate) fn pooled(runs: &[FoldRun<'_>], folds: u32, groups: &BTreeMap<String, Vec<String>>) -> Pooled {
    let mut all = Pooled::default();
    let keys = distinct(runs.iter().map(|run| key(run.ended)));
    for wanted in keys {
        let here: Vec<&FoldRun<'_>> = runs.iter().filter(|run| key(run.ended) == wanted).collect();
        if let Some(lost) = here.iter().find_map(|run| run.ended.as_ref().err()) {
            all.ended.push(Err(DivergedRecord { fold: None, ..lost.clone() }));
        } else if here.len() == usize::try_from(folds).unwrap_or(usize::MAX) {
            let predictions = together(&here);
            all.ended.push(Ok(pool(&here, &predictions, groups)));
            all.predictions.push(predictions);
        }
    }
    all
}

/// The folds of each setting and seed taken together.
#[derive(Clone, Debug, Default)]
pub struct Pooled {
    /// A run for each setting and seed.
    pub ended: Vec<Ended>,
    /// Predictions of each run that did not diverge, in their order: the same position is the same image in all of a variant.
    pub predictions: Vec<Predictions>,
}

/// The predictions of all folds.
fn together(runs: &[&FoldRun<'_>]) -> Predictions {
    let known: Vec<&Predictions> = runs.iter().filter_map(|run| run.predictions.as_ref()).collect();
    let mut images: Vec<Image> = known.iter().flat_map(|predictions| predictions.images.clone()).collect();
    // The same position is the same image under every setting.
    images.sort_by(|a, b| (a.label, &a.path).cmp(&(b.label, &b.path)));
    Predictions { classes: known.first().map_or_else(Vec::new, |first| first.classes.clone()), images }
}

/// Variant, images per class, method and seed.
type Key<'a> = (&'a str, Option<u32>, &'a str, u64);

fn key(ended: &Ended) -> Key<'_> {
    match ended {
        Ok(run) => (&run.variant, run.images_per_class, &run.method, run.seed),
        Err(run) => (&run.variant, run.images_per_class, &run.method, run.seed),
    }
}

/// All folds of a setting and seed, none of which diverged.
fn pool(
    runs: &[&FoldRun<'_>],
    predictions: &Predictions,
    groups: &BTreeMap<String, Vec<String>>,
) -> CellRecord {
    let cells: Vec<&CellRecord> = runs.iter().filter_map(|run| run.ended.as_ref().ok()).collect();
    let Predictions { classes, images } = predictions;
    let mut confusion = Confusion::new(classes.len());
    images.iter().for_each(|image| confusion.add(image.label, image.predicted));
    let answers = |chosen: &dyn Fn(usize) -> bool| -> String {
        let chosen = images.iter().filter(|image| chosen(image.label));
        chosen.map(|image| if image.label == image.predicted { '1' } else { '0' }).collect()
    };
    let group_answers: BTreeMap<String, String> = groups
        .iter()
        .map(|(name, members)| (name.clone(), answers(&|label| members.contains(&classes[label]))))
        .collect();
    let share = |answers: &String| answers.matches('1').count() as f64 / answers.len() as f64;
    let first = cells.first().copied().cloned().unwrap_or_default();
    CellRecord {
        fold: None,
        accuracy: confusion.accuracy().unwrap_or(f64::NAN),
        balanced_accuracy: confusion.balanced_accuracy(),
        metrics: crate::metrics::of_images(images, classes.len()),
        groups: group_answers.iter().map(|(name, answers)| (name.clone(), share(answers))).collect(),
        answers: answers(&|_| true),
        group_answers,
        training: training(&cells),
        model_sha256: String::new(),
        seconds: cells.iter().map(|cell| cell.seconds).sum(),
        ..first
    }
}

/// Mean training accuracy and median gradient ratio over the folds.
fn training(cells: &[&CellRecord]) -> Option<TrainingRecord> {
    let known: Vec<TrainingRecord> = cells.iter().filter_map(|cell| cell.training).collect();
    let ratios: Vec<f64> = known.iter().filter_map(|training| training.gradient_ratio).collect();
    let accuracies: Vec<f64> = known.iter().map(|training| training.accuracy).collect();
    (!known.is_empty())
        .then(|| TrainingRecord { accuracy: mean(&accuracies), gradient_ratio: median(&ratios) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run on a fold: images by path, label and prediction.
    fn run(method: &str, fold: u32, images: &[(&str, usize, usize)]) -> (Ended, Predictions) {
        let image = |&(path, label, predicted): &(&str, usize, usize)| Image {
            path: path.to_owned(),
            label,
            predicted,
            probabilities: vec![0.5, 0.5],
        };
        let cell =
            CellRecord { method: method.to_owned(), fold: Some(fold), seconds: 2.0, ..CellRecord::default() };
        let classes = ["a", "b"].map(str::to_owned).to_vec();
        (Ok(cell), Predictions { classes, images: images.iter().map(image).collect() })
    }

    fn taken(runs: &[(Ended, Predictions)], folds: u32) -> Vec<Ended> {
        let runs: Vec<FoldRun<'_>> = runs
            .iter()
            .map(|(ended, predictions)| FoldRun { ended, predictions: Some(predictions.clone()) })
            .collect();
        let pooled = pooled(&runs, folds, &BTreeMap::from([("first".to_owned(), vec!["a".to_owned()])]));
        assert_eq!(pooled.predictions.len(), pooled.ended.iter().filter(|ended| ended.is_ok()).count());
        pooled.ended
    }

    #[test]
    fn every_image_is_counted_once_and_has_the_same_position_under_every_setting() {
        let runs = [
            run("head", 1, &[("2", 1, 1), ("1", 0, 0)]),
            run("head", 2, &[("4", 1, 0), ("3", 0, 0), ("0", 0, 1)]),
            run("all", 1, &[("0", 0, 1), ("4", 1, 0), ("3", 0, 0)]),
            run("all", 2, &[("1", 0, 0), ("2", 1, 1)]),
        ];
        let found: Vec<CellRecord> = taken(&runs, 2).into_iter().map(Result::unwrap).collect();
        assert_eq!(found.len(), 2);
        // Class a: images 0, 1, 3; class b: images 2, 4.
        assert_eq!((found[0].answers.as_str(), found[1].answers.as_str()), ("01110", "01110"));
        assert_eq!((found[0].accuracy, found[0].seconds, found[0].fold), (0.6, 4.0, None));
        assert!((found[0].balanced_accuracy.unwrap() - (2.0 / 3.0 + 0.5) / 2.0).abs() < 1e-12);
        assert_eq!(found[0].group_answers["first"], "011");
    }

    #[test]
    fn a_missing_fold_leaves_out_and_a_diverged_one_loses_its_setting_and_seed() {
        let mut runs = vec![
            run("head", 1, &[("1", 0, 0)]),
            run("all", 1, &[("1", 0, 0)]),
            run("all", 2, &[("2", 1, 1)]),
        ];
        assert_eq!(taken(&runs, 2).len(), 1);
        let lost = DivergedRecord { method: "head".to_owned(), fold: Some(2), ..DivergedRecord::default() };
        runs.push((Err(lost), Predictions::default()));
        let found = taken(&runs, 2);
        assert_eq!(found[0].as_ref().unwrap_err().method, "head");
        assert_eq!(found[1].as_ref().unwrap().accuracy, 1.0);
    }
}
