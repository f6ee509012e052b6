use ::search::{Answers, Budget, Cell, Entrant, HeldOut, How, Race, Tier, Trainer};
use features::dataset::{DecodedDataset, ImageSubset};
use records::{Event, RaceCellRecord, Session};
use run_config::Run;

use super::arms::run_of_cell;
use crate::Error;
use crate::recipe::{self, Materials, OutOfFold};

/// Trains arms on folds, one after another, on images and weights that are read once.
pub(super) struct FoldTrainer<'a, 's> {
    run: &'a Run,
    /// With the training images alone.
    materials: Materials,
    entrants: &'a [Entrant],
    budget: String,
    session: &'a mut Session<'s>,
    /// Whether the outputs of frozen stages were computed for all images.
    features_kept: bool,
}

impl<'a, 's> FoldTrainer<'a, 's> {
    pub(super) fn new(
        run: &'a Run,
        materials: Materials,
        entrants: &'a [Entrant],
        budget: Budget,
        session: &'a mut Session<'s>,
    ) -> Self {
        let budget = match budget {
            Budget::FinalRuns(limit) => format!("{limit} final runs"),
            Budget::Minutes(limit) => format!("{limit} minutes"),
        };
        Self { run, materials, entrants, budget, session, features_kept: false }
    }

    /// Trains an arm by the recipe, and asks it and the averages that ride on it about the images of the fold.
    fn train_fold(&mut self, race: &Race, cell: Cell) -> Result<Vec<HeldOut>, Error> {
        let entrant = &self.entrants[cell.arm];
        let run = run_of_cell(self.run, &entrant.arm.name, &entrant.set, &self.materials)?;
        if entrant.arm.tier == Tier::Cached && !self.features_kept {
            self.keep_features()?;
        }
        let riders: Vec<(usize, f64)> = (0..self.entrants.len())
            .filter(|&arm| self.entrants[arm].arm.rides_on == Some(cell.arm))
            .filter_map(|arm| match self.entrants[arm].how {
                How::Average(share) => Some((arm, share)),
                _ => None,
            })
            .collect();
        let shares: Vec<f64> = riders.iter().map(|(_, share)| *share).collect();
        let mut materials = self.of_fold(race, cell.fold);
        let listener = &mut *self.session.listener;
        let mut steps = |event: &Event<'_>| {
            if let Event::Stepped { .. } = event {
                listener(event);
            }
        };
        let session = &mut Session { interrupt: self.session.interrupt, listener: &mut steps };
        let done = match recipe::out_of_fold(&run, &mut materials, &shares, session) {
            // An arm that diverges knows nothing: every class is as probable to it.
            Err(Error::Training(training::Error::Diverged { .. })) => {
                let logits = vec![0.0; race.images().held_out(cell.fold).len() * race.images().classes()];
                OutOfFold { averages: vec![logits.clone(); shares.len()], trained: logits }
            }
            done => done?,
        };
        let answers = [done.trained].into_iter().chain(done.averages);
        let arms = [cell.arm].into_iter().chain(riders.into_iter().map(|(arm, _)| arm));
        Ok(arms.zip(answers).map(|(arm, logits)| HeldOut { arm, answers: Answers::Logits(logits) }).collect())
    }

    /// Returns the materials of a fold: the images that it holds out are those of validation.
    fn of_fold(&self, race: &Race, fold: usize) -> Materials {
        let all = &self.materials.pictures.train;
        let chosen = |images: Vec<usize>| ImageSubset {
            store: all.store.clone(),
            indices: images.into_iter().map(|image| all.indices[image]).collect(),
        };
        let pictures = DecodedDataset {
            train: chosen(race.images().trained_on(fold)),
            validation: chosen(race.images().held_out(fold)),
            ..self.materials.pictures.clone()
        };
        Materials { pictures, ..self.materials.clone() }
    }

    /// Computes what the frozen stages of all cached arms make of all images, in one pass.
    fn keep_features(&mut self) -> Result<(), Error> {
        self.features_kept = true;
        let cached = |entrant: &&Entrant| entrant.arm.tier == Tier::Cached && entrant.how == How::Train;
        let Some(deepest) = self.entrants.iter().rfind(cached) else { return Ok(()) };
        let run = run_of_cell(self.run, &deepest.arm.name, &deepest.set, &self.materials)?;
        recipe::keep_features(&run, &self.materials, self.session)
    }
}

impl Trainer for FoldTrainer<'_, '_> {
    type Error = Error;

    fn train(&mut self, race: &Race, cell: Cell) -> Result<Vec<HeldOut>, Error> {
        if self.session.interrupted() {
            return Err(Error::Interrupted);
        }
        self.train_fold(race, cell)
    }

    fn finished(&mut self, _: &Race, line: &RaceCellRecord) {
        self.session.emit(&Event::Raced { cell: line, budget: &self.budget });
    }
}
