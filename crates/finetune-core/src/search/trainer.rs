use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::thread;

use ::search::record::{About, standing};
use ::search::{Answers, Budget, Calibration, Cell, Entrant, HeldOut, How, Race, Tier, Trainer};
use tch::Tensor;
use transferability::folds::left_out_together;
use transferability::ridge;

use features::dataset::{DecodedDataset, ImageSubset};
use records::{Event, RaceCellRecord, Session};
use run_config::Run;

use super::arms::run_of_cell;
use super::networks::OfNetwork;
use crate::Error;
use crate::advise;
use crate::helpers::{Helpers, POLL_INTERVAL, Running};
use crate::recipe::{self, Materials, OutOfFold};

/// Trains arms on folds, one after another, on images and weights that are read once.
pub(super) struct FoldTrainer<'a, 's> {
    networks: &'a mut [OfNetwork],
    entrants: &'a [Entrant],
    process: Process<'a>,
    session: &'a mut Session<'s>,
    /// Answers of linear arms for the images of all folds.
    linear: HashMap<usize, Judged>,
}

/// Which of the processes of a search this is.
pub(super) enum Process<'a> {
    /// The one that was started: it fits linear arms, and tells how the race stands.
    First {
        helpers: &'a Helpers<'a>,
        /// Once an arm is trained.
        running: Option<Running>,
        folder: &'a Path,
        about: &'a About,
        calibration: &'a Calibration,
    },
    /// Another, which trains arms alone.
    Helper,
}

impl<'a> Process<'a> {
    pub(super) fn first(
        helpers: &'a Helpers<'a>,
        folder: &'a Path,
        about: &'a About,
        calibration: &'a Calibration,
    ) -> Self {
        Self::First { helpers, running: None, folder, about, calibration }
    }
}

/// Answers of a linear arm for every image that is held out.
struct Judged {
    /// Indices of the images, ascending.
    images: Vec<usize>,
    losses: Vec<f64>,
    correct: Vec<bool>,
}

impl<'a, 's> FoldTrainer<'a, 's> {
    pub(super) fn new(
        networks: &'a mut [OfNetwork],
        entrants: &'a [Entrant],
        process: Process<'a>,
        session: &'a mut Session<'s>,
    ) -> Self {
        Self { networks, entrants, process, session, linear: HashMap::new() }
    }

    /// Trains an arm by the recipe, and asks it and the averages that ride on it about the images of the fold.
    fn train_fold(&mut self, race: &Race, cell: Cell) -> Result<Vec<HeldOut>, Error> {
        let entrant = &self.entrants[cell.arm];
        let mut run = self.run_of(entrant)?;
        if entrant.arm.tier == Tier::Cached && !self.networks[entrant.arm.network].features_kept {
            self.keep_features(entrant.arm.network)?;
        }
        self.start_helpers()?;
        let riders: Vec<(usize, f64)> = (0..self.entrants.len())
            .filter(|&arm| self.entrants[arm].arm.rides_on == Some(cell.arm))
            .filter_map(|arm| match self.entrants[arm].how {
                How::Average(share) => Some((arm, share)),
                _ => None,
            })
            .collect();
        let shares: Vec<f64> = riders.iter().map(|(_, share)| *share).collect();
        let mut materials = of_fold(&self.networks[entrant.arm.network].materials, race, cell.fold);
        let silent = &mut Session { interrupt: self.session.interrupt, listener: &mut |_| {} };
        recipe::decide(&mut run, &materials, silent)?;
        let outer = &mut *self.session;
        let interrupt = outer.interrupt;
        let mut steps = |event: &Event<'_>| {
            if let Event::Stepped { .. } = event {
                outer.emit(event);
            }
        };
        let session = &mut Session { interrupt, listener: &mut steps };
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

    /// Starts the helpers when the first arm is trained: what arms share is in the cache by then.
    fn start_helpers(&mut self) -> Result<(), Error> {
        if let Process::First { helpers, running: running @ None, folder, .. } = &mut self.process {
            let trained = self.entrants.iter().filter(|entrant| entrant.how == How::Train).count();
            *running = Some(helpers.start(folder, trained.saturating_sub(1)).map_err(Error::Helper)?);
        }
        Ok(())
    }

    /// Fits a linear classifier on the outputs of stages to all images but those of a fold. One decomposition gives the answers
    /// for all folds, each fold left out as a block.
    fn fit_linear(&mut self, race: &Race, cell: Cell, stages: &[usize]) -> Result<Vec<HeldOut>, Error> {
        let network = &mut self.networks[self.entrants[cell.arm].arm.network];
        let images = &network.materials.images.train;
        if network.stages.is_empty() {
            network.stages = advise::stage_vectors(&network.run, &network.materials, images, self.session)?;
        }
        let judged = match self.linear.entry(cell.arm) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let read: Vec<&Tensor> =
                    stages.iter().filter_map(|&stage| network.stages.get(stage)).collect();
                let read = transferability::joined(&read)?;
                let (labels, classes) = (images.labels(), race.images().classes());
                let out = ridge::fit_groups(&read, &labels, classes, &parts_of(race, images))?.held_out;
                place.insert(Judged {
                    images: out.images().to_vec(),
                    losses: out.losses().to_vec(),
                    correct: out.correct().to_vec(),
                })
            }
        };
        let places: Option<Vec<usize>> = race
            .images()
            .held_out(cell.fold)
            .iter()
            .map(|image| judged.images.binary_search(image).ok())
            .collect();
        let Some(places) = places else { return Err(::search::Error::NothingHeldOut.into()) };
        let answers = Answers::Judged {
            losses: places.iter().map(|&place| judged.losses[place]).collect(),
            correct: places.iter().map(|&place| judged.correct[place]).collect(),
        };
        Ok(vec![HeldOut { arm: cell.arm, answers }])
    }

    /// Returns the run of a cell of an arm.
    fn run_of(&self, entrant: &Entrant) -> Result<Run, Error> {
        let network = &self.networks[entrant.arm.network];
        run_of_cell(&network.run, &entrant.arm.name, &entrant.set, &network.materials)
    }

    /// Computes what the frozen stages of all cached arms of a network make of all images, in one pass.
    fn keep_features(&mut self, network: usize) -> Result<(), Error> {
        self.networks[network].features_kept = true;
        let cached = |entrant: &&Entrant| {
            entrant.arm.network == network && entrant.arm.tier == Tier::Cached && entrant.how == How::Train
        };
        let Some(deepest) = self.entrants.iter().rfind(cached) else { return Ok(()) };
        let mut run = self.run_of(deepest)?;
        let materials = &self.networks[network].materials;
        let silent = &mut Session { interrupt: self.session.interrupt, listener: &mut |_| {} };
        recipe::decide(&mut run, materials, silent)?;
        recipe::keep_features(&run, materials, self.session)
    }
}

impl Trainer for FoldTrainer<'_, '_> {
    type Error = Error;

    fn train(&mut self, race: &Race, cell: Cell) -> Result<Vec<HeldOut>, Error> {
        if self.session.interrupted() {
            return Err(Error::Interrupted);
        }
        match self.entrants[cell.arm].how.clone() {
            How::Linear(stages) => self.fit_linear(race, cell, &stages),
            How::Train | How::Average(_) => self.train_fold(race, cell),
        }
    }

    fn takes(&self, race: &Race, cell: Cell) -> bool {
        matches!(self.process, Process::First { .. }) || race.arms()[cell.arm].tier != Tier::Free
    }

    fn wait(&mut self) -> Result<(), Error> {
        if self.session.interrupted() {
            return Err(Error::Interrupted);
        }
        thread::sleep(POLL_INTERVAL);
        Ok(())
    }

    fn finished(&mut self, race: &Race, line: &RaceCellRecord) {
        let Process::First { about, calibration, .. } = &self.process else { return };
        let jobs = about.jobs.max(1) as f64;
        let budget = match race.budget() {
            Budget::FinalRuns(limit) => format!("of {limit} final runs"),
            Budget::Minutes(limit) => format!("final runs, within {} minutes", limit / jobs),
        };
        self.session.emit(&Event::Raced { cell: line, budget: &budget });
        // Linear arms take no time, and are shown once all are known.
        let goes_on = race.round().first().is_some_and(|next| race.arms()[next.arm].tier == Tier::Free);
        if !goes_on && let Some(search) = standing(race, about, calibration) {
            self.session.emit(&Event::Standing { search: &search, over: false });
        }
    }
}

/// Returns the materials of a fold: the images that it holds out are those of validation.
fn of_fold(materials: &Materials, race: &Race, fold: usize) -> Materials {
    let all = &materials.images.train;
    let chosen = |images: Vec<usize>| ImageSubset {
        store: all.store.clone(),
        indices: images.into_iter().map(|image| all.indices[image]).collect(),
    };
    let images = DecodedDataset {
        train: chosen(race.images().trained_on(fold)),
        validation: chosen(race.images().held_out(fold)),
        ..materials.images.clone()
    };
    Materials { images, ..materials.clone() }
}

/// Most images of which whole folds are left out of a linear classifier: the work grows with the cube of a fold. Of more
/// images smaller parts are left out; whether one learns from four fifths of so many or from more matters little.
const LEFT_OUT_BY_FOLD: usize = 2500;

/// Returns for each image the number of what is left out together with it.
fn parts_of(race: &Race, images: &ImageSubset) -> Vec<Option<u32>> {
    if images.len() > LEFT_OUT_BY_FOLD {
        let (labels, classes) = (images.labels(), race.images().classes());
        return left_out_together(&labels, classes, &images.groups(), 0).0;
    }
    let mut together = vec![None; images.len()];
    for fold in 0..race.images().folds() {
        for image in race.images().held_out(fold) {
            together[image] = u32::try_from(fold).ok();
        }
    }
    together
}
