use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::class_name::class_name;
use crate::listing::Listing;
use crate::{Error, GroupBy, Remark, exclude};

/// Which images of a data set are used, under which classes, and which belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The classes to use; all when empty.
    pub classes: Vec<String>,
    /// Classes joined to one of a new name, before `classes` chooses.
    pub merge: BTreeMap<String, Vec<String>>,
    /// What keeps images on one side of a split that this program makes.
    pub group: Option<GroupBy>,
    /// A file that names images to leave out, to relabel and to keep together.
    pub exclude: Option<PathBuf>,
}

impl Selection {
    /// Leaves images out and joins classes.
    ///
    /// # Errors
    /// [`Error::NoSuchClass`] for a class that the data does not have; [`Error::MergedTwice`]; as [`exclude::apply`].
    pub(crate) fn apply(&self, listing: &mut Listing) -> Result<(), Error> {
        if let Some(file) = &self.exclude {
            exclude::apply(file, listing)?;
        }
        self.join(listing)?;
        self.choose(listing)
    }

    fn join(&self, listing: &mut Listing) -> Result<(), Error> {
        let known = classes(listing);
        let mut joined: BTreeMap<String, String> = BTreeMap::new();
        for (into, members) in &self.merge {
            for member in members {
                let member = class_name(member);
                if !known.contains(&member) {
                    return Err(no_such_class("data.merge", member, &known));
                }
                if let Some(other) = joined.insert(member.clone(), class_name(into)) {
                    return Err(Error::MergedTwice { class: member, one: other, other: into.clone() });
                }
            }
        }
        for item in &mut listing.items {
            if let Some(into) = joined.get(&item.class) {
                item.class.clone_from(into);
            }
        }
        for empty in &mut listing.empty {
            if let Some(into) = joined.get(&empty.class) {
                empty.class.clone_from(into);
            }
        }
        Ok(())
    }

    fn choose(&self, listing: &mut Listing) -> Result<(), Error> {
        if self.classes.is_empty() {
            return Ok(());
        }
        let known = classes(listing);
        let chosen: BTreeSet<String> = self.classes.iter().map(|class| class_name(class)).collect();
        if let Some(unknown) = chosen.iter().find(|class| !known.contains(*class)) {
            return Err(no_such_class("data.classes", unknown.clone(), &known));
        }
        let before = listing.items.len();
        listing.items.retain(|item| chosen.contains(&item.class));
        listing.empty.retain(|empty| chosen.contains(&empty.class));
        let others: Vec<String> = known.difference(&chosen).cloned().collect();
        if !others.is_empty() {
            listing.remarks.push(Remark::NotChosen { classes: others, images: before - listing.items.len() });
        }
        Ok(())
    }
}

fn classes(listing: &Listing) -> BTreeSet<String> {
    let empty = listing.empty.iter().map(|empty| empty.class.clone());
    listing.items.iter().map(|item| item.class.clone()).chain(empty).collect()
}

fn no_such_class(key: &'static str, class: String, known: &BTreeSet<String>) -> Error {
    Error::NoSuchClass { key, class, known: known.iter().cloned().collect() }
}
