use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::content::{self, Content};
use super::metadata;
use super::walk::{self, folders_and_files};
use crate::left_out::{LeftOut, Reason};
use crate::{Error, Remark, SplitName};

/// Folders one inside the other that are followed until the data is found.
const DEEPEST: usize = 8;

/// Which folders of a data folder hold which split.
pub(crate) struct Splits {
    /// The data folder, or the only folder in it.
    pub(crate) root: PathBuf,
    /// The splits with their folders, each split once.
    pub(crate) folders: Vec<(SplitName, PathBuf)>,
    /// Folders that are class folders of `root` itself, where it has no training split.
    pub(crate) classes: Vec<PathBuf>,
}

impl Splits {
    /// Finds the splits below `root` by the names of its folders.
    ///
    /// # Errors
    /// A folder that cannot be listed, two folders for one split, or splits without a training split.
    pub(crate) fn find(root: PathBuf, left_out: &mut Vec<LeftOut>) -> Result<Splits, Error> {
        let (folders, files) = folders_and_files(&root, &mut Vec::new())?;
        let is_image = |path: &&PathBuf| content::of(path) == Content::Image;
        left_out.extend(files.iter().filter(is_image).map(|path| LeftOut::new(path, Reason::Loose)));

        let (named, others): (Vec<_>, Vec<_>) =
            folders.into_iter().partition(|folder| split_of(folder).is_some());
        let mut with_classes = Vec::new();
        let mut without = Vec::new();
        for folder in named {
            let split = split_of(&folder).unwrap_or(SplitName::Whole);
            let holds = holds_classes(&folder)?;
            if holds { with_classes.push((split, folder)) } else { without.push((split, folder)) }
        }
        // Nothing but splits: they are no classes, whatever they hold.
        if others.is_empty() && with_classes.is_empty() {
            with_classes.append(&mut without);
        }
        for (position, (split, folder)) in with_classes.iter().enumerate() {
            if let Some((_, first)) = with_classes[..position].iter().find(|(other, _)| other == split) {
                return Err(Error::TwoSplits {
                    split: split.name(),
                    one: first.clone(),
                    other: folder.clone(),
                });
            }
        }
        let has = |wanted| with_classes.iter().any(|(split, _)| *split == wanted);
        if has(SplitName::Train) || has(SplitName::Validation) {
            left_out.extend(others.into_iter().map(|path| LeftOut::new(path, Reason::NoSplit)));
            left_out.extend(without.into_iter().map(|(_, path)| LeftOut::new(path, Reason::NoClasses)));
            return Ok(Splits { root, folders: with_classes, classes: Vec::new() });
        }
        // With neither of these a test split may stand next to the class folders. What has a split's name and no class
        // folders is a class.
        let classes: Vec<PathBuf> =
            others.into_iter().chain(without.into_iter().map(|(_, folder)| folder)).collect();
        Ok(Splits { root, folders: with_classes, classes: sorted(classes) })
    }

    /// The folder of a split.
    pub(crate) fn folder(&self, wanted: SplitName) -> Option<&Path> {
        self.folders.iter().find(|(split, _)| *split == wanted).map(|(_, folder)| folder.as_path())
    }
}

fn sorted(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths
}

/// The split that a folder's name means.
pub(super) fn split_of(folder: &Path) -> Option<SplitName> {
    folder.file_name().and_then(|name| name.to_str()).and_then(SplitName::of_word)
}

/// Whether a folder has sub-folders, or a list of labels in their place.
fn holds_classes(folder: &Path) -> Result<bool, Error> {
    let (folders, _) = folders_and_files(folder, &mut Vec::new())?;
    Ok(!folders.is_empty() || metadata::list(folder)?.is_some())
}

/// A folder, and whether it is another one than was given.
pub(crate) struct Descended {
    pub(crate) folder: PathBuf,
    moved: bool,
}

impl Descended {
    pub(crate) fn remarked(self, remarks: &mut Vec<Remark>) -> PathBuf {
        if self.moved {
            remarks.push(Remark::Descended { into: self.folder.clone() });
        }
        self.folder
    }
}

/// Where the data lies: an unpacked archive often has one folder too many. A folder is left for the one in it that holds
/// all the images: its only sub-folder, if that holds folders and neither has images of its own; one that holds a training
/// split; or one that is no class by its name (`images`) and holds folders. One of the `classes` is none of these, and with
/// `classes_are_sure` none is that has others next to it.
///
/// # Errors
/// [`Error::DataBelow`] where folders next to that one hold images, too.
pub(crate) fn descended(
    folder: &Path,
    classes: &BTreeSet<String>,
    classes_are_sure: bool,
    left_out: &mut Vec<LeftOut>,
) -> Result<Descended, Error> {
    let mut here = Descended { folder: folder.to_owned(), moved: false };
    for _ in 0..DEEPEST {
        let (folders, files) = folders_and_files(&here.folder, left_out)?;
        if metadata::list(&here.folder)?.is_some() {
            break;
        }
        let has_images = files.iter().any(|file| content::of(file) != Content::Other);
        let may_be = |folder: &&PathBuf| !is_class(folder, classes) && !is_split_of(folder, &here.folder);
        let next = match &folders[..] {
            [only] if !has_images && may_be(&only) && holds_folders_alone(only)? => Some(only.clone()),
            _ => {
                let mut found = None;
                for folder in folders.iter().filter(may_be) {
                    if holds_training(folder)? || is_generic(folder) && holds_several_folders(folder)? {
                        found.get_or_insert_with(Vec::new).push(folder.clone());
                    }
                }
                match found.as_deref() {
                    Some([one]) => Some(one.clone()),
                    _ => None,
                }
            }
        };
        let Some(next) = next else { break };
        let others: Vec<&PathBuf> = folders.iter().filter(|folder| **folder != next).collect();
        if classes_are_sure && !others.is_empty() {
            break;
        }
        for other in others {
            if !walk::images(other, &mut Vec::new())?.is_empty() {
                return Err(Error::DataBelow { folder: next, other: other.clone() });
            }
            left_out.push(LeftOut::new(other, Reason::NoSplit));
        }
        let loose = files.iter().filter(|file| content::of(file) == Content::Image);
        left_out.extend(loose.map(|file| LeftOut::new(file, Reason::Loose)));
        here = Descended { folder: next, moved: true };
    }
    Ok(here)
}

fn is_class(folder: &Path, classes: &BTreeSet<String>) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| classes.contains(&crate::class_name::class_name(name)))
}

/// Whether a folder is a split by its name, and not the same split once more (`train/train`).
fn is_split_of(folder: &Path, above: &Path) -> bool {
    split_of(folder).is_some() && split_of(above) != split_of(folder)
}

/// Names of folders that hold images of all classes, or none.
const GENERIC: [&str; 9] =
    ["images", "image", "imgs", "img", "pictures", "photos", "data", "dataset", "datasets"];

fn is_generic(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    GENERIC.contains(&&*name)
}

fn holds_folders_alone(folder: &Path) -> Result<bool, Error> {
    let (folders, files) = folders_and_files(folder, &mut Vec::new())?;
    let has_list = metadata::list(folder)?.is_some();
    let has_files = files.iter().any(|file| content::of(file) != Content::Other);
    Ok(has_list || !folders.is_empty() && !has_files)
}

fn holds_several_folders(folder: &Path) -> Result<bool, Error> {
    let (folders, files) = folders_and_files(folder, &mut Vec::new())?;
    Ok(folders.len() > 1 && !files.iter().any(|file| content::of(file) == Content::Image))
}

fn holds_training(folder: &Path) -> Result<bool, Error> {
    let (folders, _) = folders_and_files(folder, &mut Vec::new())?;
    for folder in folders.iter().filter(|folder| split_of(folder) == Some(SplitName::Train)) {
        if holds_classes(folder)? {
            return Ok(true);
        }
    }
    Ok(false)
}
