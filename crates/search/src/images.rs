use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::Error;

/// Most blocks of images that are resampled as one.
const BLOCKS: usize = 128;

/// The training images of a race: labels, and the fold that holds each out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    labels: Vec<usize>,
    classes: usize,
    folds: Vec<Option<usize>>,
    blocks: Vec<usize>,
}

/// What [`Images`] are made of, a value for each image.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Indices of classes.
    pub labels: &'a [usize],
    /// Fold that holds the image out; `None` for one that is always trained on.
    pub folds: &'a [Option<usize>],
    /// Group that the image belongs to; empty where there are none.
    pub groups: &'a [Option<u32>],
}

impl Images {
    /// Returns the images of these labels below `classes`, held out by these folds. Images of one group vary together: they
    /// are one block when images are resampled. The seed decides about the blocks of others where images are many.
    ///
    /// # Errors
    /// [`Error::NothingHeldOut`].
    pub fn new(listed: Listed<'_>, classes: usize, seed: u64) -> Result<Self, Error> {
        let Listed { labels, folds, groups } = listed;
        if !folds.iter().any(Option::is_some) {
            return Err(Error::NothingHeldOut);
        }
        let mut units: BTreeMap<u32, usize> = BTreeMap::new();
        let mut count = 0;
        let mut unit_of = |group: Option<u32>| {
            let mut next = || {
                count += 1;
                count - 1
            };
            match group {
                Some(group) => *units.entry(group).or_insert_with(next),
                None => next(),
            }
        };
        let units: Vec<usize> =
            (0..labels.len()).map(|image| unit_of(groups.get(image).copied().flatten())).collect();
        let mut places: Vec<usize> = (0..count).collect();
        places.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let blocks = units.iter().map(|&unit| places[unit] % BLOCKS).collect();
        Ok(Self { labels: labels.to_vec(), classes, folds: folds.to_vec(), blocks })
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images for each class, on average.
    #[must_use]
    pub fn per_class(&self) -> f64 {
        self.labels.len() as f64 / self.classes.max(1) as f64
    }

    /// Number of folds.
    #[must_use]
    pub fn folds(&self) -> usize {
        self.folds.iter().flatten().max().map_or(0, |last| last + 1)
    }

    /// Returns the images that a fold holds out, in order.
    #[must_use]
    pub fn held_out(&self, fold: usize) -> Vec<usize> {
        (0..self.len()).filter(|&image| self.folds[image] == Some(fold)).collect()
    }

    /// Returns the images that a fold trains on, in order.
    #[must_use]
    pub fn trained_on(&self, fold: usize) -> Vec<usize> {
        (0..self.len()).filter(|&image| self.folds[image] != Some(fold)).collect()
    }

    /// Index of the class of an image.
    #[must_use]
    pub fn label(&self, image: usize) -> usize {
        self.labels[image]
    }

    /// Block of an image, below [`Images::blocks`].
    pub(crate) fn block(&self, image: usize) -> usize {
        self.blocks[image]
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.iter().max().map_or(0, |last| last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_a_group_share_a_block_and_many_images_share_few_blocks() {
        let labels = vec![0; 2000];
        let folds: Vec<Option<usize>> = (0..2000).map(|image| Some(image % 5)).collect();
        let groups: Vec<Option<u32>> = (0..2000).map(|image| (image < 40).then_some(image / 20)).collect();
        let listed = Listed { labels: &labels, folds: &folds, groups: &groups };
        let images = Images::new(listed, 1, 3).unwrap();
        assert!((0..20).all(|image| images.block(image) == images.block(0)));
        assert_ne!(images.block(0), images.block(20));
        assert_eq!((images.blocks(), images.folds(), images.held_out(2).len()), (BLOCKS, 5, 400));
        let none = Listed { labels: &[0, 1], folds: &[None, None], groups: &[] };
        assert!(matches!(Images::new(none, 2, 0), Err(Error::NothingHeldOut)));
    }
}
