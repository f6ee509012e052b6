use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::folder::{self, Folder};
use crate::{Error, split};

/// The pictures of a class-per-folder data set, listed and split, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    /// The data folder.
    pub root: PathBuf,
    /// Names of the classes, sorted; a label is an index into them.
    pub classes: Vec<String>,
    /// What to learn from; at least one sample of every class.
    pub train: Vec<Sample>,
    /// What to choose by; empty if there is no such folder and the fraction is 0.
    pub validation: Vec<Sample>,
    /// What to judge by once, at the end; empty if there is no `test` folder.
    pub test: Vec<Sample>,
    /// What looks like data but is not used: pictures whose extension is not on TorchVision's list or that lie outside
    /// of every class folder, links that lead in a circle, folders beside the splits. Sorted.
    pub ignored: Vec<PathBuf>,
}

/// One picture file and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The file.
    pub path: PathBuf,
    /// Index of the class.
    pub label: usize,
    /// Who the sample is, for random choices: a digest of the path below the split's folder, so that it depends neither
    /// on where the data lies nor on what else there is.
    pub id: u64,
}

/// How a validation set is split off where the data has none of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The share of every class that is held out, `0 <= f < 1`; 0 means no validation set.
    pub validation_fraction: f64,
    /// Decides which pictures.
    pub seed: u64,
}

pub(crate) const TRAIN: &str = "train";
pub(crate) const VALIDATION: [&str; 2] = ["val", "validation"];
pub(crate) const TEST: &str = "test";

impl DataSet {
    /// Lists and splits the pictures below `root`.
    ///
    /// `train/` with `val/` or `validation/` are the splits; without the latter, validation is split off `train/`;
    /// without `train/`, `root` itself holds the classes and is split. `test/`, where there is one, is the test split.
    /// (A `train/` or `test/` without sub-folders next to other folders is a class of that name.) Within a split the
    /// rules are those of TorchVision's `ImageFolder`: classes sorted by name, nested folders, links followed, its
    /// list of extensions. Files of other kinds do not matter, but pictures among them are listed in `ignored`.
    ///
    /// # Errors
    /// A folder that is missing, unreadable or without classes, a training class without pictures, a validation or
    /// test class which training lacks, or a fraction outside of `0..1`.
    pub fn open(root: &Path, split: &Split) -> Result<DataSet, Error> {
        if !(0.0..1.0).contains(&split.validation_fraction) {
            return Err(Error::Fraction(split.validation_fraction));
        }
        let layout = Layout::of(root)?;
        let Folder { classes, samples, mut ignored } = folder::list(&layout.train, &layout.not_classes)?;
        check_every_class(&layout.train, &classes, &samples)?;

        let mut listed = |folder: &Path| -> Result<Vec<Sample>, Error> {
            let other = folder::list(folder, &[])?;
            ignored.extend(other.ignored);
            relabel(other.samples, &other.classes, &classes, folder)
        };
        let test = layout.test.as_deref().map(&mut listed).transpose()?.unwrap_or_default();
        let (train, validation) = match &layout.validation {
            Some(folder) => (samples, listed(folder)?),
            None => split::stratified(samples, split.validation_fraction, split.seed),
        };
        ignored.extend(layout.unused);
        ignored.sort();
        Ok(DataSet { root: root.to_owned(), classes, train, validation, test, ignored })
    }
}

/// Which folders are the splits.
struct Layout {
    train: PathBuf,
    validation: Option<PathBuf>,
    test: Option<PathBuf>,
    /// Folders within `train` that are no classes.
    not_classes: Vec<&'static str>,
    /// Folders beside the splits.
    unused: Vec<PathBuf>,
}

impl Layout {
    fn of(root: &Path) -> Result<Layout, Error> {
        let (splits, others): (Vec<_>, Vec<_>) = top_folders(root)?
            .into_iter()
            .partition(|path| folder::named(path, &[TRAIN, TEST]) || folder::named(path, &VALIDATION));
        let find = |name: &str| splits.iter().find(|path| folder::named(path, &[name])).cloned();
        let with_classes = |name: &str| match find(name) {
            Some(path) => Ok((!folder::sub_folders(&path)?.is_empty()).then_some(path)),
            None => Ok(None),
        };

        let test = with_classes(TEST)?;
        let train = if others.is_empty() { find(TRAIN) } else { with_classes(TRAIN)? };
        let Some(train) = train else {
            let without_training = |found| Error::NoTraining { root: root.to_owned(), found };
            for name in VALIDATION {
                if with_classes(name)?.is_some() {
                    return Err(without_training(name));
                }
            }
            if test.is_some() && others.is_empty() && splits.len() == 1 {
                return Err(without_training(TEST));
            }
            let not_classes = if test.is_some() { vec![TEST] } else { vec![] };
            return Ok(Layout {
                train: root.to_owned(),
                validation: None,
                test,
                not_classes,
                unused: vec![],
            });
        };
        match VALIDATION.map(find) {
            [Some(_), Some(_)] => Err(Error::TwoValidations(root.to_owned())),
            [validation, None] | [None, validation] => {
                Ok(Layout { train, validation, test, not_classes: vec![], unused: others })
            }
        }
    }
}

/// The sub-folders of a data folder.
pub(crate) fn top_folders(root: &Path) -> Result<Vec<PathBuf>, Error> {
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => folder::sub_folders(root),
        Ok(_) => Err(Error::NotAFolder(root.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Missing(root.to_owned())),
        Err(source) => Err(Error::List { path: root.to_owned(), source }),
    }
}

fn check_every_class(folder: &Path, classes: &[String], samples: &[Sample]) -> Result<(), Error> {
    let mut found = vec![false; classes.len()];
    samples.iter().for_each(|sample| found[sample.label] = true);
    match found.iter().position(|found| !found) {
        Some(label) => Err(Error::EmptyClass(folder.join(&classes[label]))),
        None => Ok(()),
    }
}

/// Gives the samples of another split the training classes' labels.
fn relabel(
    mut samples: Vec<Sample>,
    own: &[String],
    classes: &[String],
    folder: &Path,
) -> Result<Vec<Sample>, Error> {
    let labels: HashMap<&String, usize> = classes.iter().zip(0..).collect();
    let unknown = |class: &String| Error::UnknownClass { class: class.clone(), folder: folder.to_owned() };
    let labels = own.iter().map(|class| labels.get(class).copied().ok_or_else(|| unknown(class)));
    let labels = labels.collect::<Result<Vec<usize>, Error>>()?;
    samples.iter_mut().for_each(|sample| sample.label = labels[sample.label]);
    Ok(samples)
}
