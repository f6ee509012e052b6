//! A head that stays: whether there is one, and that its rows are those of the data's classes.

use backbone::{Backbone, LoadReport};
use checkpoint::{Array, Checkpoint};
use run_config::{ConfigError, HeadPolicy, Run};
use zoo::source_weights::{self, NamedBy};

/// How the rows of the source's head were matched with the classes of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassOrder {
    /// The weights name the data's classes in the data's order.
    Same,
    /// They name them in another order; the rows were moved.
    Moved,
    /// They name no classes, or others where that does not matter.
    Unknown,
}

impl ClassOrder {
    /// In a few words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Same => "its classes are the data's, in the same order",
            Self::Moved => "its rows were put into the order of the data's classes, by name",
            Self::Unknown => {
                "its classes cannot be matched by name: their order is taken to be that of the data's classes, sorted by name"
            }
        }
    }
}

/// Refuses to keep a head that there is not, that is for another number of classes, or for others.
pub(super) fn check(
    run: &Run,
    backbone: &Backbone,
    checkpoint: &Checkpoint,
    loaded: &LoadReport,
    classes: &[String],
) -> Result<(), ConfigError> {
    if run.config.finetune.head == HeadPolicy::New {
        return Ok(());
    }
    let refuse = |message: String| Err(run.source.wrong("finetune.head", message));
    if !has_classifier(run, backbone, checkpoint, loaded) {
        return refuse(
            "these weights have no head to keep, they are good for their features only; use \"new\""
                .to_owned(),
        );
    }
    let theirs = backbone.head().classes;
    if i64::try_from(classes.len()) != Ok(theirs) {
        return refuse(format!(
            "the source's head has {theirs} classes and the data have {}: it can only be kept for as many; use \"new\"",
            classes.len()
        ));
    }
    if let Some(wrong) = source_weights::classes_of_no_use(run.network, checkpoint) {
        return refuse(format!(
            "{}: {wrong}: which row is which class is not known; take the names out of the file, or use \"new\"",
            checkpoint.path.display()
        ));
    }
    let Some((named, by)) = names(run, checkpoint, classes) else { return Ok(()) };
    // The folders of ImageNet are numbers of WordNet (n01440764), and sorted they are in the order of the rows.
    let numbers_of_wordnet =
        by == NamedBy::Catalog && classes.iter().all(|class| is_number_of_wordnet(class));
    if places(&named, classes).is_none() && !numbers_of_wordnet {
        let (theirs, ours) = (few(&named), few(classes));
        return refuse(format!(
            "the source's head is for the classes {theirs}, and the data have {ours}: rows are matched by name; rename the folders, or use \"new\""
        ));
    }
    Ok(())
}

/// Moves the rows of the head, and of auxiliary ones, to where the data have their classes.
pub(super) fn put_into_order(
    run: &Run,
    backbone: &Backbone,
    checkpoint: &mut Checkpoint,
    classes: &[String],
) -> ClassOrder {
    let Some((named, _)) = names(run, checkpoint, classes) else { return ClassOrder::Unknown };
    let Some(places) = places(&named, classes) else { return ClassOrder::Unknown };
    if places.iter().copied().eq(0..places.len()) {
        return ClassOrder::Same;
    }
    let auxiliary = backbone.aux().map(|(_, aux)| aux.head.root);
    let roots: Vec<&str> = [backbone.head().root].into_iter().chain(auxiliary).collect();
    for (name, array) in &mut checkpoint.tensors {
        let of_head = roots.iter().any(|root| matches!(name.strip_prefix(*root), Some(".weight" | ".bias")));
        if of_head && array.shape.first() == Some(&places.len()) {
            *array = with_rows(array, &places);
        }
    }
    checkpoint.classes = Some(classes.to_vec());
    ClassOrder::Moved
}

/// The names that the weights give to as many classes as the data have.
fn names(run: &Run, checkpoint: &Checkpoint, classes: &[String]) -> Option<(Vec<String>, NamedBy)> {
    let named = source_weights::class_names(run.network, run.weights.as_ref(), checkpoint);
    named.filter(|(names, _)| names.len() == classes.len())
}

/// For each class of the data its row; None where some class has none. Names that differ in capitals alone are the same, as
/// for `evaluate`, unless two classes do.
fn places(named: &[String], classes: &[String]) -> Option<Vec<usize>> {
    let exact = |class: &String| named.iter().position(|name| name == class);
    if let Some(places) = classes.iter().map(exact).collect() {
        return Some(places);
    }
    let lower = |names: &[String]| names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    let (named, classes) = (lower(named), lower(classes));
    let distinct =
        |names: &[String]| names.iter().collect::<std::collections::BTreeSet<_>>().len() == names.len();
    let place = |class: &String| named.iter().position(|name| name == class);
    classes.iter().map(place).collect::<Option<_>>().filter(|_| distinct(&named) && distinct(&classes))
}

/// The same array with these rows.
fn with_rows(array: &Array, places: &[usize]) -> Array {
    let row = array.data.len() / places.len().max(1);
    let rows = places.iter().flat_map(|place| array.data[place * row..][..row].iter().copied());
    Array { shape: array.shape.clone(), dtype: array.dtype, data: rows.collect() }
}

fn is_number_of_wordnet(class: &str) -> bool {
    class.len() == 9 && class.starts_with('n') && class[1..].bytes().all(|byte| byte.is_ascii_digit())
}

fn few(names: &[String]) -> String {
    let shown = names.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 10 { format!("{shown}, ... ({} in all)", names.len()) } else { shown }
}

/// Refuses Co-Tuning with weights that have no classifier to keep, or one that means nothing.
pub(super) fn check_original_head(
    run: &Run,
    backbone: &Backbone,
    checkpoint: &Checkpoint,
    loaded: &LoadReport,
) -> Result<(), ConfigError> {
    if run.config.regularize.co_tuning.is_some() && !has_classifier(run, backbone, checkpoint, loaded) {
        let message = "needs the classifier of the source, and these weights are good for their features only; use others, or another technique";
        return Err(run.source.wrong("regularize.co_tuning", message));
    }
    Ok(())
}

/// Whether source weights have a classifier of their own, and one that means something.
pub(crate) fn has_classifier(
    run: &Run,
    backbone: &Backbone,
    checkpoint: &Checkpoint,
    loaded: &LoadReport,
) -> bool {
    let head = backbone.variables().below(&backbone.head().roots());
    let lacks = head.iter().any(|variable| !loaded.loaded.contains(&variable.name));
    let known = source_weights::catalog_entry(run.network, run.weights.as_ref(), Some(checkpoint));
    let means_nothing = known.is_some_and(|entry| entry.classes.is_none());
    !lacks && !means_nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_their_names() {
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let named = list(&["cat", "ant", "bee"]);
        let places = places(&named, &list(&["ant", "bee", "cat"])).unwrap();
        assert_eq!(places, [1, 2, 0]);
        let array = Array::from_f32(vec![3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(with_rows(&array, &places).to_f32().unwrap(), [2.0, 3.0, 4.0, 5.0, 0.0, 1.0]);
        assert_eq!(super::places(&named, &list(&["ant", "bee", "dog"])), None);
        assert_eq!(super::places(&named, &list(&["Ant", "BEE", "cat"])).unwrap(), [1, 2, 0]);
        assert_eq!(super::places(&list(&["a", "A"]), &list(&["A", "a"])).unwrap(), [1, 0]);
        assert_eq!(super::places(&list(&["a", "A"]), &list(&["b", "a"])), None);
    }
}
