//! The images of a run: listed, decoded once, and counted.

mod alike;
mod copies;
mod decoding;
mod folds;

pub use alike::agree_on_listing;
pub use copies::SEE_AUDIT;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use images::{DataSet, Keep, Reason, Remark, Sample, Split, Store, WideImages, left_out_sentence};
use records::{DataRecord, Event, FoldRecord, Interrupt, Listener, UnreadableRecord};
use run_config::{DataConfig, Source};
use team::Team;

use crate::Error;

use self::decoding::Decoder;
pub use folds::{Divided, leave_unopened};

/// Some of the images of a store, in an order.
#[derive(Clone)]
pub struct ImageSubset {
    /// Decoded images.
    pub store: Store,
    /// Indices into [`Store::samples`].
    pub indices: Vec<u32>,
}

/// The images of a run, decoded, by split.
#[derive(Clone)]
pub struct DecodedDataset {
    /// The data folder, or the list.
    pub root: PathBuf,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// Labels of each named group of classes.
    pub groups: BTreeMap<String, Vec<usize>>,
    /// Training images.
    pub train: ImageSubset,
    /// Validation images, or the fold that takes their place; may be empty.
    pub validation: ImageSubset,
    /// Test images; may be empty. Used once, at the end.
    pub test: ImageSubset,
    /// The fold that the run holds out; `None` where validation images are those of the data.
    pub fold: Option<FoldRecord>,
    /// Files that could not be decoded.
    pub unreadable: Vec<UnreadableRecord>,
}

/// Lists the images of a data set and checks the names of classes and groups; decodes nothing yet.
///
/// # Errors
/// When the folder is not a data set, or a group names a class that it does not have.
pub fn list(config: &DataConfig, source: &Source, seed: u64) -> Result<DataSet, Error> {
    let split = Split { validation_fraction: config.validation_fraction.get(), seed };
    let set = DataSet::open(config.origin(), &config.selection(), &split)
        .map_err(|error| at_its_key(error, source))?;
    labels_of_groups(config, &set.classes, source)?;
    if set.classes.len() < 2 {
        // A selection by the user comes before the data.
        let key = match () {
            () if !config.classes.is_empty() => "data.classes",
            () if !config.merge.is_empty() => "data.merge",
            () if config.exclude.is_some() => "data.exclude",
            () => config.origin_key(),
        };
        let message = format!(
            "{} has only one class{}, {}; a classifier needs at least two",
            set.root.display(),
            if key == config.origin_key() { "" } else { " left" },
            set.classes.join("")
        );
        return Err(source.wrong(key, message).into());
    }
    Ok(set)
}

/// Places an error at the key of `[data]` that names what the data does not have. Errors of the data itself have no key.
fn at_its_key(error: images::Error, source: &Source) -> Error {
    let key = match &error {
        images::Error::NoSuchClass { key, .. } => key,
        images::Error::MergedTwice { .. } => "data.merge",
        images::Error::NoColumns { .. } | images::Error::NoGroup { .. } => "data.group",
        images::Error::Exclude { line: 0, .. } => "data.exclude",
        images::Error::Missing(path) => {
            let relative = path.is_relative().then(|| source.folder().join(path));
            return match relative.filter(|path| path.exists()) {
                Some(there) => Error::DataElsewhere { path: path.clone(), there },
                None => error.into(),
            };
        }
        _ => return error.into(),
    };
    source.wrong(key, error.to_string()).into()
}

/// Reports the files that are not used, and remarks about the data.
pub fn report(set: &DataSet, listen: &mut Listener<'_>) {
    let is_news = |reason: Reason| reason != Reason::NoData;
    let (news, usual): (Vec<_>, Vec<_>) =
        set.left_out.iter().cloned().partition(|entry| is_news(entry.reason));
    if let Some(sentence) = left_out_sentence(&news, &set.root) {
        listen(&Event::Warning(sentence));
    }
    if let Some(sentence) = left_out_sentence(&usual, &set.root) {
        listen(&Event::Note(sentence));
    }
    for remark in &set.remarks {
        let sentence = remark.to_string();
        match remark {
            Remark::Descended { .. }
            | Remark::FromList { .. }
            | Remark::NotChosen { .. }
            | Remark::Excluded { .. } => listen(&Event::Note(sentence)),
            _ => listen(&Event::Warning(sentence)),
        }
    }
}

/// How the images of a data set are decoded.
#[derive(Clone, Debug)]
pub struct Decoding<'a> {
    /// What is kept in memory of training images.
    pub training: Keep,
    /// What is kept in memory of validation and test images.
    pub others: Keep,
    /// Threads of this process to decode on.
    pub threads: usize,
    /// The processes that share the work, each image in one of them. They have listed the same.
    pub team: &'a Team,
}

/// Decodes every listed image once; unreadable ones are left out and counted.
///
/// # Errors
/// When too many are unreadable, a class has no training image left, or the run is interrupted. All processes fail, or none.
pub fn decode(
    mut set: DataSet,
    config: &DataConfig,
    source: &Source,
    how: Decoding<'_>,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<DecodedDataset, Error> {
    let team = how.team;
    let stores = stores(&mut set, config, how, interrupt, listen)?;
    team.agree(decoded(set, stores, config, source, listen))
}

/// The images of the splits.
struct Stores {
    train: Store,
    validation: Store,
    test: Store,
}

fn stores(
    set: &mut DataSet,
    config: &DataConfig,
    Decoding { training, others, threads, team }: Decoding<'_>,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<Stores, Error> {
    let counts = [&set.train, &set.validation, &set.test].map(|samples| samples.len() as u64);
    let total: u64 = counts.iter().sum();
    let listen = Mutex::new(listen);
    let decode = |samples: Vec<Sample>, keep: Keep, before: u64| {
        let bytes = u128::from(config.memory_mib) << 20;
        let share = samples.len() as u128 * bytes / u128::from(total.max(1));
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        let progress = |done: u64| {
            let event = Event::Prepared { what: "decoding", done: before + done, total };
            (listen.lock().unwrap_or_else(PoisonError::into_inner))(&event);
        };
        Decoder { threads, team, interrupt, progress: &progress }.decode(samples, keep, share)
    };
    Ok(Stores {
        train: decode(std::mem::take(&mut set.train), training, 0)?,
        validation: decode(std::mem::take(&mut set.validation), others.clone(), counts[0])?,
        test: decode(std::mem::take(&mut set.test), others, counts[0] + counts[1])?,
    })
}

/// Sees that enough could be read, and what there is more than once.
fn decoded(
    set: DataSet,
    Stores { train, validation, test }: Stores,
    config: &DataConfig,
    source: &Source,
    listen: &mut Listener<'_>,
) -> Result<DecodedDataset, Error> {
    let groups = labels_of_groups(config, &set.classes, source)?;
    let stores = [&train, &validation, &test];
    let read: usize = stores.iter().map(|store| store.samples().len() + store.unreadable().len()).sum();
    let total = read as u64;
    let unreadable: Vec<UnreadableRecord> = stores
        .into_iter()
        .flat_map(Store::unreadable)
        .map(|file| UnreadableRecord { path: file.path.clone(), reason: file.reason.clone() })
        .collect();
    if unreadable.len() as f64 > config.max_unreadable.get() * total as f64
        && let Some(first) = unreadable.first()
    {
        return Err(Error::TooManyUnreadable {
            count: unreadable.len(),
            total: usize::try_from(total).unwrap_or(usize::MAX),
            root: set.root,
            limit: config.max_unreadable.get(),
            first: format!("{}: {}", first.path.display(), first.reason),
        });
    }
    let has_images = |label: usize| train.samples().iter().any(|sample| sample.label == label);
    if let Some(label) = (0..set.classes.len()).find(|&label| !has_images(label)) {
        return Err(Error::EmptyClass { class: set.classes[label].clone(), root: set.root });
    }
    let others =
        [("validation", &validation), ("test", &test)].map(|(name, store)| copies::Split { name, store });
    let copies = copies::sentences(&train, &others, &set.classes, &set.root);
    copies.into_iter().for_each(|sentence| listen(&Event::Warning(sentence)));
    Ok(DecodedDataset {
        root: set.root,
        classes: set.classes,
        groups,
        train: ImageSubset::all(train),
        validation: ImageSubset::all(validation),
        test: ImageSubset::all(test),
        fold: None,
        unreadable,
    })
}

impl ImageSubset {
    fn all(store: Store) -> Self {
        let indices = (0..u32::try_from(store.samples().len()).unwrap_or(u32::MAX)).collect();
        Self { store, indices }
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Returns the label of each image.
    #[must_use]
    pub fn labels(&self) -> Vec<usize> {
        let samples = self.store.samples();
        self.indices
            .iter()
            .filter_map(|&index| samples.get(index as usize))
            .map(|sample| sample.label)
            .collect()
    }

    /// Returns the group of each image; `None` for one without a group.
    #[must_use]
    pub fn groups(&self) -> Vec<Option<u32>> {
        let samples = self.store.samples();
        self.indices
            .iter()
            .map(|&index| samples.get(index as usize).and_then(|sample| sample.group))
            .collect()
    }

    /// Returns `per_class` images of each class, chosen by the seed.
    ///
    /// # Errors
    /// When a class has fewer.
    pub fn take_per_class(&self, per_class: u32, seed: u64) -> Result<Self, Error> {
        let samples = self.store.samples();
        let index_of: HashMap<&PathBuf, u32> =
            samples.iter().zip(0..).map(|(sample, index)| (&sample.path, index)).collect();
        let chosen = images::take_per_class(samples, per_class, seed)?;
        let indices = chosen.iter().filter_map(|sample| index_of.get(&sample.path).copied()).collect();
        Ok(Self { store: self.store.clone(), indices })
    }
}

impl DecodedDataset {
    /// Counts the images of 16 bits in all splits.
    #[must_use]
    pub fn wide(&self) -> WideImages {
        [&self.train, &self.validation, &self.test]
            .into_iter()
            .fold(WideImages::default(), |wide, part| wide.and(part.store.wide()))
    }

    /// Returns the record of the data: counts and unreadable files.
    #[must_use]
    pub fn record(&self) -> DataRecord {
        DataRecord {
            root: self.root.clone(),
            classes: self.classes.clone(),
            train: self.train.len() as u64,
            validation: self.validation.len() as u64,
            test: self.test.len() as u64,
            unreadable: self.unreadable.clone(),
            fold: self.fold,
        }
    }
}

fn labels_of_groups(
    config: &DataConfig,
    classes: &[String],
    source: &Source,
) -> Result<BTreeMap<String, Vec<usize>>, Error> {
    let label = |group: &str, class: &String| {
        classes.iter().position(|known| known == class).ok_or_else(|| {
            source.wrong(&format!("data.groups.{group}"), format!("the data set has no class {class:?}"))
        })
    };
    let mut groups = BTreeMap::new();
    for (group, members) in &config.groups {
        let labels = members.iter().map(|class| label(group, class)).collect::<Result<Vec<_>, _>>()?;
        groups.insert(group.clone(), labels);
    }
    Ok(groups)
}
