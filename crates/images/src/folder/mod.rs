//! Labelled images in folders: TorchVision's `ImageFolder` (`torchvision/datasets/folder.py`) once for each split, with
//! what exporters, archives and operating systems make of it.
//!
//! - `splits`: which folders are the splits; `walk`: what lies below a folder, in TorchVision's order
//! - `no_data`: what is none by its name; `content`: what is an image, whatever its name; `metadata`: lists of labels in the
//!   folder

pub(crate) mod content;
mod metadata;
mod no_data;
mod splits;
pub(crate) mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use self::content::Content;
use self::splits::{Splits, descended};
use self::walk::folders_and_files;
use crate::class_name::class_name;
use crate::left_out::{LeftOut, Reason};
use crate::listing::{EmptyClass, Item, Listing, id};
use crate::paths::{normal, slashed, text};
use crate::{Error, Remark, SplitName, list};

/// Lists the images below a data folder with their classes and splits. With `classes_are_sure` folders are classes even
/// where they look like another level of folders.
///
/// # Errors
/// A folder that is missing, unreadable, without classes or with a level of folders too many; splits without a training
/// split; a class folder whose name is not Unicode.
pub(crate) fn read(root: &Path, classes_are_sure: bool) -> Result<Listing, Error> {
    check(root)?;
    let mut listing = Listing::default();
    let root = descended(root, &BTreeSet::new(), classes_are_sure, &mut listing.left_out)?
        .remarked(&mut listing.remarks);
    listing.root.clone_from(&root);
    if let Some(list) = metadata::list(&root)? {
        let mut items = listed(&list, &mut listing)?;
        splits_of_paths(&mut items);
        listing.items = items;
        return Ok(listing);
    }
    let splits = Splits::find(root, &mut listing.left_out)?;
    let mut classes = BTreeSet::new();
    let mut order = splits.folders.clone();
    order.sort_by_key(|(split, _)| *split);
    let has_splits =
        [SplitName::Train, SplitName::Validation].iter().any(|split| splits.folder(*split).is_some());
    if !has_splits {
        let folders = splits.classes.clone();
        if folders.is_empty() && splits.folders.is_empty() {
            return Err(no_classes(splits.root));
        }
        if !classes_are_sure {
            check_levels(&splits.root, &folders)?;
        }
        let reading = Reading { root: &splits.root, top: &splits.root, split: None };
        classes.extend(reading.classes(&folders, &mut listing)?);
    }
    for (split, folder) in order {
        let reading = Reading { root: &splits.root, top: &folder, split: Some(split) };
        let found = reading.split(&classes, classes_are_sure, &mut listing)?;
        if split == SplitName::Train {
            classes = found;
        }
    }
    if !has_splits && !splits.folders.is_empty() {
        // Class folders next to a test split: images without a split are training images.
        for item in &mut listing.items {
            item.split.get_or_insert(SplitName::Train);
        }
    }
    Ok(listing)
}

fn check(root: &Path) -> Result<(), Error> {
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::NotAFolder(root.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Missing(root.to_owned())),
        Err(source) => Err(Error::List { path: root.to_owned(), source }),
    }
}

/// The error for a folder without class folders: what is wrong with the list in it, where there is one.
fn no_classes(folder: PathBuf) -> Error {
    let wrong = metadata::candidates(&folder).find_map(|list| list::read(&list, None, None).err());
    wrong.unwrap_or(Error::NoClasses(folder))
}

/// What a list in a folder names; images there that it does not name are left out.
fn listed(list: &Path, listing: &mut Listing) -> Result<Vec<Item>, Error> {
    listing.left_out.retain(|entry| entry.reason != Reason::Loose);
    listing.remarks.push(Remark::FromList { list: list.to_owned() });
    let mut rows = list::read(list, None, None)?;
    listing.remarks.append(&mut rows.remarks);
    let named: BTreeSet<PathBuf> = rows.items.iter().map(|item| normal(&item.path)).collect();
    let folder = list.parent().unwrap_or(Path::new(""));
    let images = walk::images(folder, &mut listing.left_out)?;
    let unnamed = images.into_iter().filter(|path| !named.contains(&normal(path)));
    listing.left_out.extend(unnamed.map(|path| LeftOut::new(path, Reason::Unlisted)));
    Ok(rows.items)
}

/// Where a list at the top has no column of splits and all its paths begin with a folder of a split, that decides.
fn splits_of_paths(items: &mut [Item]) {
    let of = |item: &Item| SplitName::of_word(item.inner.trim_start_matches("./").split_once('/')?.0);
    if items.iter().all(|item| item.split.is_none() && of(item).is_some()) {
        items.iter_mut().for_each(|item| item.split = of(item));
    }
}

/// Class folders of one split.
struct Reading<'a> {
    /// The data folder.
    root: &'a Path,
    /// The folder that holds the class folders.
    top: &'a Path,
    split: Option<SplitName>,
}

impl Reading<'_> {
    /// Lists a split's own folder, and returns its classes.
    fn split(
        &self,
        known: &BTreeSet<String>,
        classes_are_sure: bool,
        listing: &mut Listing,
    ) -> Result<BTreeSet<String>, Error> {
        let top = descended(self.top, known, classes_are_sure, &mut listing.left_out)?
            .remarked(&mut listing.remarks);
        if let Some(list) = metadata::list(&top)? {
            let mut items = listed(&list, listing)?;
            items.iter_mut().for_each(|item| item.split = self.split);
            let classes = items.iter().map(|item| item.class.clone()).collect();
            listing.items.append(&mut items);
            return Ok(classes);
        }
        let (folders, files) = folders_and_files(&top, &mut Vec::new())?;
        let is_image = |path: &&PathBuf| content::of(path) == Content::Image;
        listing.left_out.extend(files.iter().filter(is_image).map(|path| LeftOut::new(path, Reason::Loose)));
        if folders.is_empty() {
            // An empty val/ is as good as none.
            if self.split == Some(SplitName::Train) || files.iter().any(|file| is_image(&file)) {
                return Err(no_classes(top));
            }
            listing.left_out.push(LeftOut::new(top, Reason::NoClasses));
            return Ok(BTreeSet::new());
        }
        if self.split == Some(SplitName::Train) && !classes_are_sure {
            check_levels(&top, &folders)?;
        }
        let within = Reading { root: self.root, top: &top, split: self.split };
        within.classes(&folders, listing)
    }

    /// Lists class folders, and returns their classes.
    fn classes(&self, folders: &[PathBuf], listing: &mut Listing) -> Result<BTreeSet<String>, Error> {
        let mut classes = BTreeSet::new();
        for folder in folders {
            let name = folder.file_name().and_then(|name| name.to_str());
            let class = class_name(name.ok_or_else(|| Error::ClassName(folder.clone()))?);
            let images = walk::images(folder, &mut listing.left_out)?;
            if images.is_empty() {
                if matches!(self.split, None | Some(SplitName::Train)) {
                    let empty = EmptyClass { folder: folder.clone(), class, holds: holds(folder) };
                    listing.empty.push(empty);
                } else {
                    listing.left_out.push(LeftOut::new(folder, Reason::Empty));
                }
                continue;
            }
            listing.items.extend(images.into_iter().map(|path| Item {
                class: class.clone(),
                split: self.split,
                group: None,
                id: id(&slashed(path.strip_prefix(self.top).unwrap_or(&path))),
                inner: text(path.strip_prefix(folder).unwrap_or(&path)),
                below_root: text(path.strip_prefix(self.root).unwrap_or(&path)),
                line: None,
                path,
            }));
            classes.insert(class);
        }
        Ok(classes)
    }
}

/// Refuses folders that are no classes but a level above them: none has an image of its own, and all have the same
/// sub-folders.
fn check_levels(root: &Path, folders: &[PathBuf]) -> Result<(), Error> {
    if folders.len() < 2 {
        return Ok(());
    }
    let mut shared: Option<BTreeSet<String>> = None;
    for folder in folders {
        let (below, files) = folders_and_files(folder, &mut Vec::new())?;
        if files.iter().any(|file| content::of(file) == Content::Image) {
            return Ok(());
        }
        let names: BTreeSet<String> = below
            .iter()
            .filter_map(|path| path.file_name().and_then(|name| name.to_str()))
            .map(class_name)
            .collect();
        shared = Some(match shared {
            Some(shared) => shared.intersection(&names).cloned().collect(),
            None => names,
        });
    }
    let is_split = |name: &String| SplitName::of_word(name).is_some();
    match shared.filter(|shared| shared.len() > 1 || shared.iter().any(is_split)) {
        Some(shared) if shared.iter().all(is_split) => Err(Error::SplitsBelowClasses {
            root: root.to_owned(),
            example: folders[0].clone(),
            splits: shared.into_iter().collect(),
        }),
        Some(shared) => Err(Error::Levels {
            root: root.to_owned(),
            folders: folders
                .iter()
                .filter_map(|path| path.file_name())
                .map(|n| n.to_string_lossy().into())
                .collect(),
            shared: shared.into_iter().collect(),
        }),
        None => Ok(()),
    }
}

/// What a class folder without images holds.
fn holds(folder: &Path) -> String {
    let (mut kinds, mut hidden): (BTreeMap<String, usize>, _) = (BTreeMap::new(), Vec::new());
    let mut unread: Option<(&'static str, usize)> = None;
    let mut pending = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = pending.pop() {
        let Ok((folders, files)) = folders_and_files(&folder, &mut hidden) else { continue };
        // A link in a circle goes no deeper.
        if depth < 3 {
            pending.extend(folders.into_iter().map(|folder| (folder, depth + 1)));
        }
        for file in files {
            if let Content::Unread(what) = content::of(&file) {
                unread = Some((what, unread.map_or(0, |(_, count)| count) + 1));
                continue;
            }
            let kind = match file.extension() {
                Some(extension) => format!(".{}", extension.to_string_lossy()),
                None => "no extension".to_owned(),
            };
            *kinds.entry(kind).or_default() += 1;
        }
    }
    let mut kinds: Vec<(String, usize)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let each: Vec<String> =
        kinds.iter().take(3).map(|(kind, count)| format!("{count} with {kind}")).collect();
    let count: usize = kinds.iter().map(|(_, count)| count).sum();
    match (unread, each.is_empty(), hidden.len()) {
        (Some((what, 1)), ..) => format!("it holds {what}, which is not read: save it as JPEG or PNG"),
        (Some((what, count)), ..) => {
            format!("it holds {count} files such as {what}, which are not read: save them as JPEG or PNG")
        }
        (None, false, _) => format!("it holds {count} file(s): {}", each.join(", ")),
        (None, true, 0) => "it is empty".to_owned(),
        (None, true, hidden) => format!("all of the {hidden} files in it are hidden ones by their names"),
    }
}
