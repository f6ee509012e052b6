use std::cell::Cell;
use std::fs;
use std::time::{Duration, Instant};

use records::{Event, HeadFitRecord, KeptRecord, RecipeStepRecord, Session};
use run_config::SaveInterval;
use training::{SaveMoment, SaveState, SavedTraining, Tensors};

use crate::record::FrozenStage;
use crate::{Basis, Error, Progress, RunState, StateFolder, VERSION};

/// A state is saved no sooner than this many times what saving the last one took, so that it costs at most 1 % of the time.
const COST: u32 = 100;

/// Between two epochs, where states are smaller, this part of the interval is enough.
const BETWEEN_EPOCHS: u32 = 4;

/// Saves the states of a run: when it is time, and at the ends of phases.
#[derive(Debug)]
pub struct Keeper {
    folder: StateFolder,
    basis: Basis,
    interval: SaveInterval,
    last: Instant,
    cost: Duration,
}

impl Keeper {
    /// Returns a keeper for a run of this basis. The time counts from now.
    #[must_use]
    pub fn new(folder: StateFolder, basis: Basis, interval: SaveInterval) -> Self {
        Self { folder, basis, interval, last: Instant::now(), cost: Duration::ZERO }
    }

    /// Saves what was decided before the first step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_basis(&mut self, images: &str) -> Result<(), Error> {
        self.folder.write_images(images)?;
        let state = RunState { version: VERSION, basis: self.basis.clone(), progress: None };
        self.folder.write(&state, &Tensors::new()).map(drop)
    }

    /// Whether it is time to save a state.
    #[must_use]
    pub fn is_due(&self, moment: SaveMoment) -> bool {
        let interval = match self.interval {
            SaveInterval::Off => return false,
            SaveInterval::Seconds(seconds) if seconds.get() == 0.0 => return true,
            SaveInterval::Seconds(seconds) => {
                Duration::try_from_secs_f64(seconds.get()).unwrap_or(Duration::MAX)
            }
        };
        let wait = match moment {
            SaveMoment::End => return true,
            SaveMoment::Step => interval,
            SaveMoment::Epoch => interval / BETWEEN_EPOCHS,
        };
        self.last.elapsed() >= wait.max(self.cost.saturating_mul(COST))
    }

    /// Saves a state. Where there is no room for it, the oldest one is given up; where there still is none the training goes on,
    /// with a warning.
    fn save(&mut self, progress: Progress, tensors: &Tensors, session: &mut Session<'_>) {
        let began = Instant::now();
        session.emit(&Event::Saving);
        let state = RunState { version: VERSION, basis: self.basis.clone(), progress: Some(progress) };
        let written = self.folder.write(&state, tensors).or_else(|error| {
            if self.folder.remove_oldest() { self.folder.write(&state, tensors) } else { Err(error) }
        });
        if let Err(error) = &written {
            let goes_on = "the training goes on; if it is cut off, it is resumed from an older state";
            session.emit(&Event::Warning(format!("{error}; {goes_on}")));
        }
        self.cost = began.elapsed();
        let bytes = written.ok().and_then(|path| fs::metadata(path).ok()).map_or(0, |about| about.len());
        tracing::debug!(seconds = self.cost.as_secs_f64(), bytes, "saved a state");
        self.last = Instant::now();
    }

    /// Returns the folder: the run is over.
    #[must_use]
    pub fn into_folder(self) -> StateFolder {
        self.folder
    }
}

/// A keeper in one phase, with what the recipe has come to before it.
#[derive(Debug)]
pub struct PhaseKeeper<'a> {
    /// Where states go; `None` where none are saved.
    pub keeper: Option<&'a mut Keeper>,
    /// Steps of the recipe that are over.
    pub steps: Vec<RecipeStepRecord>,
    /// Frozen stages with their digests.
    pub frozen: Vec<FrozenStage>,
    /// Type that the network computes in.
    pub precision: String,
    /// The head as a solver computed it.
    pub head_fit: Option<HeadFitRecord>,
    /// Weights of an earlier phase that are the model so far.
    pub kept: Option<KeptRecord>,
    /// Bytes of features that were kept in the first epoch, once they are.
    pub feature_bytes: &'a Cell<Option<Option<u64>>>,
    /// When this process began the phase, and the seconds that others spent on it.
    pub phase_clock: Clock,
    /// When this process began the run, and the seconds that others spent on it.
    pub run_clock: Clock,
}

/// Time spent, in this process and before.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// When this process began.
    pub began: Instant,
    /// Seconds before.
    pub before: f64,
}

impl Clock {
    /// Returns the seconds spent.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }
}

impl SaveState for PhaseKeeper<'_> {
    fn is_due(&self, moment: SaveMoment) -> bool {
        self.keeper.as_ref().is_some_and(|keeper| keeper.is_due(moment))
    }

    fn save(&mut self, saved: &SavedTraining, session: &mut Session<'_>) {
        let Self { keeper, steps, frozen, precision, head_fit, kept, feature_bytes, phase_clock, run_clock } =
            self;
        let Some(keeper) = keeper else { return };
        let SavedTraining { numbers, tensors } = saved;
        let lines = numbers.steps_before + numbers.steps + numbers.epochs.len() as u64;
        let progress = Progress {
            steps: steps.clone(),
            frozen: frozen.clone(),
            precision: precision.clone(),
            lines: lines + u64::from(head_fit.is_some()),
            head_fit: head_fit.clone(),
            kept: kept.clone(),
            feature_bytes: feature_bytes.get(),
            phase_seconds: phase_clock.seconds(),
            seconds: run_clock.seconds(),
            training: numbers.clone(),
        };
        keeper.save(progress, tensors, session);
    }
}
