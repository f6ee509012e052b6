use images::{DataSet, Sample};
use records::FoldRecord;
use run_config::{DataConfig, Source};

use super::ImageSubset;
use crate::Error;

/// The training images of a run, divided.
pub struct Divided {
    /// Images of the other folds, and those that are never held out.
    pub training: ImageSubset,
    /// Images of the fold.
    pub validation: ImageSubset,
    /// Which fold that is.
    pub record: FoldRecord,
}

/// Leaves validation and test images unopened where the training images are divided into folds. Returns a sentence for the
/// user, without a full stop; `None` where nothing is left out.
pub fn leave_unopened(set: &mut DataSet, config: &DataConfig) -> Option<String> {
    config.folds?;
    let counts = [("validation", set.validation.len()), ("test", set.test.len())];
    set.validation.clear();
    set.test.clear();
    let named = counts.iter().filter(|(_, images)| *images > 0);
    let named: Vec<String> = named.map(|(split, images)| format!("{images} {split}")).collect();
    (!named.is_empty()).then(|| {
        format!(
            "data.folds: measured on folds of the training images; the {} images are not opened",
            named.join(" and ")
        )
    })
}

impl ImageSubset {
    /// Returns the fold, from 0, that holds each image out, as [`images::folds()`] deals them; `None` for one that is never held
    /// out.
    #[must_use]
    pub fn dealt(&self, folds: usize, seed: u64) -> Vec<Option<usize>> {
        let (all, digests) = (self.store.samples(), self.store.sha256s());
        let samples: Vec<&Sample> = self.indices.iter().map(|&index| &all[index as usize]).collect();
        let digests: Vec<&[u8; 32]> = self.indices.iter().map(|&index| &digests[index as usize]).collect();
        images::folds(&samples, &digests, folds, seed)
    }

    /// Divides training images as `data.folds` and `data.fold` say; `None` where they say nothing.
    ///
    /// # Errors
    /// At `data.folds`, when a fold has no images.
    pub fn divided(&self, config: &DataConfig, source: &Source, seed: u64) -> Result<Option<Divided>, Error> {
        let Some((count, fold)) = config.folds.zip(config.fold) else { return Ok(None) };
        let (count, fold) = (count.get(), fold.get());
        let dealt = self.dealt(usize::try_from(count).unwrap_or(usize::MAX), seed);
        let held_out = usize::try_from(fold - 1).ok();
        let part = |is_held: bool| {
            let chosen = self.indices.iter().zip(&dealt).filter(|(_, held)| (**held == held_out) == is_held);
            ImageSubset { store: self.store.clone(), indices: chosen.map(|(&index, _)| index).collect() }
        };
        let (training, validation) = (part(false), part(true));
        if validation.is_empty() {
            let message = format!(
                "fold {fold} of {count} has no images: there are {} to divide{}; use fewer folds",
                self.len(),
                if self.groups().iter().any(Option::is_some) { ", in groups" } else { "" }
            );
            return Err(source.wrong("data.folds", message).into());
        }
        let never = dealt.iter().filter(|held| held.is_none()).count() as u64;
        Ok(Some(Divided {
            training,
            validation,
            record: FoldRecord { fold, folds: count, never_held_out: never },
        }))
    }
}
