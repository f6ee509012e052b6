use std::path::PathBuf;

use crate::left_out::LeftOut;
use crate::listing::Listing;
use crate::{Error, Origin, Remark, Sample, Selection, SplitName};

/// The images of one split with their classes, for measuring a model that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The data folder, or the list.
    pub root: PathBuf,
    /// Which split it is.
    pub split: SplitName,
    /// Names of the classes, sorted; a label is an index into them.
    pub classes: Vec<String>,
    /// The images, class by class.
    pub samples: Vec<Sample>,
    /// What looks like data and is not used. Sorted.
    pub left_out: Vec<LeftOut>,
    /// What else is worth knowing.
    pub remarks: Vec<Remark>,
}

impl Labelled {
    /// Lists the images of a split, by the rules of [`crate::DataSet::open`]. With `None` it is the test split if there is
    /// one, else the validation split; never silently the training split. Data without splits is taken whole.
    ///
    /// # Errors
    /// Data that is missing, unreadable or without classes, or a split that is not there.
    pub fn open(
        origin: Origin<'_>,
        selection: &Selection,
        wanted: Option<SplitName>,
    ) -> Result<Labelled, Error> {
        let root = origin.path().to_owned();
        let Listing { mut items, mut left_out, remarks, .. } = origin.listing(selection)?;
        let has = |wanted: SplitName| items.iter().any(|item| item.split == Some(wanted));
        let found: Vec<SplitName> = [SplitName::Train, SplitName::Validation, SplitName::Test]
            .into_iter()
            .filter(|split| has(*split))
            .collect();
        let split = match wanted {
            None | Some(SplitName::Whole) if found.is_empty() => Some(SplitName::Whole),
            Some(wanted) => found.contains(&wanted).then_some(wanted),
            None => found.iter().copied().rfind(|split| *split != SplitName::Train),
        };
        let Some(split) = split else {
            return Err(Error::NoSplit {
                root,
                wanted: wanted.map_or("test or validation", SplitName::name),
                found: found.into_iter().map(SplitName::name).collect(),
            });
        };
        items.retain(|item| split == SplitName::Whole || item.split == Some(split));
        if items.is_empty() {
            return Err(Error::NoImages(root));
        }
        let mut classes: Vec<String> = items.iter().map(|item| item.class.clone()).collect();
        classes.sort();
        classes.dedup();
        let mut samples: Vec<Sample> = items
            .into_iter()
            .map(|item| Sample {
                label: classes.partition_point(|class| *class < item.class),
                path: item.path,
                id: item.id,
                group: None,
            })
            .collect();
        samples.sort_by_key(|sample| sample.label);
        left_out.sort();
        left_out.dedup();
        Ok(Labelled { root, split, classes, samples, left_out, remarks })
    }
}
