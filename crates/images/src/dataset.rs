use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::class_name::folded;
use crate::group::Groups;
use crate::left_out::LeftOut;
use crate::listing::{Item, Listing};
use crate::paths::text;
use crate::split::{self, Parts};
use crate::{Error, GroupBy, Remark, Sample, Selection, SplitName, folder, list};

/// Where labelled images are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A folder with a sub-folder per class, or with such folders as its splits.
    Folder(&'a Path),
    /// A `.csv`, `.tsv` or `.jsonl` file with a path and a label in each row.
    List {
        /// The list.
        list: &'a Path,
        /// What its paths are relative to; the list's folder when absent.
        root: Option<&'a Path>,
    },
}

/// The images of a labelled data set, listed and split, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    /// The data folder, or the list.
    pub root: PathBuf,
    /// Names of the classes, sorted; a label is an index into them.
    pub classes: Vec<String>,
    /// What to learn from; at least one sample of every class.
    pub train: Vec<Sample>,
    /// What to choose by; empty if the data has no such split and the fraction is 0.
    pub validation: Vec<Sample>,
    /// What to judge by once, at the end; empty if the data has no test split.
    pub test: Vec<Sample>,
    /// Whether the data brings its validation split; without, it is split off the training images.
    pub validation_is_given: bool,
    /// What the paths in an exclusion list are relative to.
    pub base: PathBuf,
    /// What looks like data and is not used. Sorted.
    pub left_out: Vec<LeftOut>,
    /// What else is worth knowing.
    pub remarks: Vec<Remark>,
}

/// How a validation set is split off where the data has none of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The share of every class that is held out, `0 <= f < 1`; 0 means no validation set.
    pub validation_fraction: f64,
    /// Decides which images.
    pub seed: u64,
}

impl DataSet {
    /// Returns a path as an exclusion list writes it: below the data folder, with `/`.
    #[must_use]
    pub fn below(&self, path: &Path) -> String {
        text(path.strip_prefix(&self.base).unwrap_or(path))
    }

    /// Lists and splits labelled images.
    ///
    /// In a folder, sub-folders with the name of a split ([`SplitName::of_word`]) are the splits; without a validation
    /// split, one is split off the training split; without a training split, the folder itself holds the classes and is
    /// split. (A folder with the name of a split and no sub-folders, next to others, is a class.) A folder that holds
    /// nothing but one folder of folders is that folder. Within a split the rules are those of TorchVision's
    /// `ImageFolder`: classes sorted by name, nested folders, links followed. Files are images by its list of extensions
    /// or by their first bytes; hidden files and companions of other programs are no data.
    ///
    /// A list says in each row which file is of which class, and may say of which split and group.
    ///
    /// # Errors
    /// Data that is missing, unreadable or without classes, a training class without images, a validation or test class
    /// which training lacks, a selection that names what is not there, or a fraction outside of `0..1`.
    pub fn open(origin: Origin<'_>, selection: &Selection, split: &Split) -> Result<DataSet, Error> {
        if !(0.0..1.0).contains(&split.validation_fraction) {
            return Err(Error::Fraction(split.validation_fraction));
        }
        let root = origin.path();
        let listing = origin.listing(selection)?;
        let mut groups = Groups::find(selection.group.as_ref(), &listing.items)?;
        groups.join(&listing.together, &listing.items);
        let Listing { root: base, items, empty, mut left_out, mut remarks, .. } = listing;
        let is_training = |split: Option<SplitName>| matches!(split, None | Some(SplitName::Train));

        let mut classes: BTreeSet<String> =
            items.iter().filter(|item| is_training(item.split)).map(|item| item.class.clone()).collect();
        if let Some(empty) = empty.iter().find(|empty| !classes.contains(&empty.class)) {
            return Err(Error::EmptyClass { folder: empty.folder.clone(), holds: empty.holds.clone() });
        }
        classes.extend(empty.into_iter().map(|empty| empty.class));
        if classes.is_empty() {
            let mut found: Vec<&str> =
                items.iter().filter_map(|item| item.split).map(SplitName::name).collect();
            found.dedup();
            return Err(match found.first() {
                Some(found) => Error::NoTraining { root: root.to_owned(), found: (*found).to_owned() },
                None => Error::NoImages(root.to_owned()),
            });
        }
        let classes: Vec<String> = classes.into_iter().collect();
        let mut labels = Labels::of(&classes);
        let mut parts: BTreeMap<SplitName, Vec<Sample>> = BTreeMap::new();
        for (item, &group) in items.into_iter().zip(&groups.of_images) {
            let label = labels.find(&item, root)?;
            let split = item.split.unwrap_or(SplitName::Train);
            let sample = Sample { path: item.path, label, id: item.id, group };
            parts.entry(split).or_default().push(sample);
        }
        remarks.append(&mut labels.remarks);
        // Of joined classes the images lie apart.
        parts.values_mut().for_each(|samples| samples.sort_by_key(|sample| sample.label));
        let mut take = |split: SplitName| parts.remove(&split);
        let (train, given) = (take(SplitName::Train).unwrap_or_default(), take(SplitName::Validation));
        let test = take(SplitName::Test).unwrap_or_default();
        let is_given = given.is_some();
        let Parts { training: train, validation } = match given {
            Some(validation) => Parts { training: train, validation },
            None => split::split_off(train, split.validation_fraction, split.seed),
        };
        for (split, samples) in [(SplitName::Validation, &validation), (SplitName::Test, &test)] {
            let missing = missing(&classes, samples);
            if !missing.is_empty() && !samples.is_empty() && (is_given || split == SplitName::Test) {
                remarks.push(Remark::ClassesMissing { split, classes: missing });
            }
        }
        if !is_given && split.validation_fraction > 0.0 {
            remarks.extend(nothing_held_out(&classes, &train, &validation, split.validation_fraction));
        }
        let others: Vec<&Sample> =
            if is_given { validation.iter().chain(&test).collect() } else { test.iter().collect() };
        remarks.extend(groups_on_both_sides(&train, &others, &groups.names));
        left_out.sort();
        left_out.dedup();
        let (root, validation_is_given) = (root.to_owned(), is_given);
        Ok(DataSet { root, classes, train, validation, test, validation_is_given, base, left_out, remarks })
    }
}

impl<'a> Origin<'a> {
    /// The folder or the list.
    #[must_use]
    pub fn path(self) -> &'a Path {
        match self {
            Self::Folder(path) | Self::List { list: path, .. } => path,
        }
    }

    /// What is named there, as far as the selection has it.
    pub(crate) fn listing(self, selection: &Selection) -> Result<Listing, Error> {
        let mut listing = match self {
            Self::Folder(root) => {
                if let Some(GroupBy::Column(column)) = &selection.group {
                    return Err(Error::NoColumns { column: column.clone() });
                }
                folder::read(root, !selection.classes.is_empty())?
            }
            Self::List { list, root } => {
                let column = match &selection.group {
                    Some(GroupBy::Column(column)) => Some(column.as_str()),
                    _ => None,
                };
                list::read(list, root, column)?
            }
        };
        selection.apply(&mut listing)?;
        Ok(listing)
    }
}

/// Finds the label of a class by its name, or by its name in other capitals where that is one class.
struct Labels<'a> {
    exact: HashMap<&'a str, usize>,
    /// `None` where several classes differ in capitals alone.
    folded: HashMap<String, Option<usize>>,
    classes: &'a [String],
    remarks: Vec<Remark>,
}

impl<'a> Labels<'a> {
    fn of(classes: &'a [String]) -> Self {
        let mut labels = Self {
            exact: classes.iter().map(String::as_str).zip(0..).collect(),
            folded: HashMap::new(),
            classes,
            remarks: Vec::new(),
        };
        let mut first: HashMap<String, &str> = HashMap::new();
        for (label, class) in classes.iter().enumerate() {
            match first.get(&folded(class)) {
                Some(one) => {
                    let (one, other) = ((*one).to_owned(), class.clone());
                    labels.remarks.push(Remark::NearlyTheSame { one, other });
                    labels.folded.insert(folded(class), None);
                }
                None => {
                    first.insert(folded(class), class);
                    labels.folded.insert(folded(class), Some(label));
                }
            }
        }
        labels
    }

    fn find(&mut self, item: &Item, root: &Path) -> Result<usize, Error> {
        if let Some(label) = self.exact.get(item.class.as_str()) {
            return Ok(*label);
        }
        let Some(Some(label)) = self.folded.get(&folded(&item.class)) else {
            let split = item.split.unwrap_or(SplitName::Whole).name();
            let root = root.to_owned();
            let (class, known) = (item.class.clone(), self.classes.to_vec());
            return Err(Error::UnknownClass { class, root, line: item.line, split, known });
        };
        let remark =
            Remark::CapitalsDiffer { written: item.class.clone(), class: self.classes[*label].clone() };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
        Ok(*label)
    }
}

/// The classes without a sample.
fn missing(classes: &[String], samples: &[Sample]) -> Vec<String> {
    let found: BTreeSet<usize> = samples.iter().map(|sample| sample.label).collect();
    (0..classes.len()).filter(|label| !found.contains(label)).map(|label| classes[label].clone()).collect()
}

fn nothing_held_out(
    classes: &[String],
    train: &[Sample],
    validation: &[Sample],
    fraction: f64,
) -> Option<Remark> {
    let count = |label: usize| train.iter().filter(|sample| sample.label == label).count();
    let lacking = missing(classes, validation);
    let lacking: Vec<(String, usize)> = (0..classes.len())
        .filter(|&label| lacking.contains(&classes[label]))
        .map(|label| (classes[label].clone(), count(label)))
        .collect();
    let grouped = train.iter().any(|sample| sample.group.is_some());
    let needed = split::needed_to_hold_out(fraction);
    (!lacking.is_empty()).then_some(Remark::NothingHeldOut { classes: lacking, needed, grouped })
}

/// Groups of which some images are trained on and others measured with, where the data says so itself.
fn groups_on_both_sides(train: &[Sample], others: &[&Sample], names: &[String]) -> Option<Remark> {
    let trained: BTreeSet<u32> = train.iter().filter_map(|sample| sample.group).collect();
    let both: BTreeSet<u32> =
        others.iter().filter_map(|sample| sample.group).filter(|group| trained.contains(group)).collect();
    let is_of = |sample: &&Sample| sample.group.is_some_and(|group| both.contains(&group));
    let first = usize::try_from(*both.first()?).ok()?;
    Some(Remark::GroupsOnBothSides {
        groups: both.len(),
        example: names.get(first)?.clone(),
        training: train.iter().filter(is_of).count(),
        others: others.iter().copied().filter(|sample| is_of(sample)).count(),
    })
}
