use std::cell::Cell;
use std::fs;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use records::{Event, HeadFitRecord, KeptRecord, RecipeStepRecord, Session};
use run_config::SaveInterval;
use training::{SaveMoment, SaveState, SavedTraining, Tensors};

use crate::record::FrozenStage;
use crate::state_file::Snapshot;
use crate::{Basis, Error, Progress, RunState, StateFolder, VERSION, state_folder};

/// A state is saved no sooner than this many times what saving the last one took, so that it costs at most 1 % of the time.
const COST: u32 = 100;

/// Between two epochs, where states are smaller, this part of the interval is enough.
const BETWEEN_EPOCHS: u32 = 4;

/// Saves the states of a run: when it is time, and at the ends of phases. The training waits while a state is copied; a thread
/// writes the copy.
#[derive(Debug)]
pub struct Keeper {
    folder: StateFolder,
    basis: Basis,
    interval: SaveInterval,
    last: Instant,
    /// What saving the last state took, both parts.
    cost: Duration,
    writing: Option<JoinHandle<Written>>,
}

/// What a thread has come to.
#[derive(Debug)]
struct Written {
    outcome: Result<(), Error>,
    took: Duration,
}

impl Keeper {
    /// Returns a keeper for a run of this basis. The time counts from now.
    #[must_use]
    pub fn new(folder: StateFolder, basis: Basis, interval: SaveInterval) -> Self {
        Self { folder, basis, interval, last: Instant::now(), cost: Duration::ZERO, writing: None }
    }

    /// Saves what was decided before the first step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_basis(&mut self, images: &str) -> Result<(), Error> {
        self.folder.write_images(images)?;
        let state = RunState { version: VERSION, basis: self.basis.clone(), progress: None };
        state_folder::put(self.folder.path(), &Snapshot::of(&state, &Tensors::new())?).map(drop)
    }

    /// Whether it is time to save a state.
    #[must_use]
    pub fn is_due(&self, moment: SaveMoment) -> bool {
        let interval = match self.interval {
            SaveInterval::Off => return false,
            _ if self.is_always() => return true,
            SaveInterval::Seconds(seconds) => {
                Duration::try_from_secs_f64(seconds.get()).unwrap_or(Duration::MAX)
            }
        };
        let wait = match moment {
            SaveMoment::End => return true,
            SaveMoment::Step => interval,
            SaveMoment::Epoch => interval / BETWEEN_EPOCHS,
        };
        let is_free = self.writing.as_ref().is_none_or(JoinHandle::is_finished);
        is_free && self.last.elapsed() >= wait.max(self.cost.saturating_mul(COST))
    }

    /// Saves a state. Where there is no room for it, the oldest one is given up; where there still is none the training goes on,
    /// with a warning.
    fn save(&mut self, progress: Progress, tensors: &Tensors, session: &mut Session<'_>) {
        session.emit(&Event::Saving);
        let began = Instant::now();
        self.wait(session);
        let state = RunState { version: VERSION, basis: self.basis.clone(), progress: Some(progress) };
        let begun = Snapshot::of(&state, tensors).and_then(|snapshot| self.write(snapshot, began));
        if let Err(error) = begun {
            session.emit(&Event::Warning(not_saved(&error)));
        }
        if self.is_always() {
            self.wait(session);
        }
        self.last = Instant::now();
    }

    /// Writes a state beside the training, which has waited since `began`.
    fn write(&mut self, snapshot: Snapshot, began: Instant) -> Result<(), Error> {
        let (folder, held) = (self.folder.path().to_owned(), began.elapsed());
        let write = move || {
            let written = state_folder::put(&folder, &snapshot);
            let took = began.elapsed();
            let bytes =
                written.as_ref().ok().and_then(|path| fs::metadata(path).ok()).map_or(0, |it| it.len());
            tracing::debug!(held = held.as_secs_f64(), seconds = took.as_secs_f64(), bytes, "saved a state");
            Written { outcome: written.map(drop), took }
        };
        let started = thread::Builder::new().name("state".to_owned()).spawn(write);
        let path = self.folder.path();
        self.writing = Some(started.map_err(files::Error::io("write", path))?);
        Ok(())
    }

    fn join(&mut self, warn: &mut dyn FnMut(String)) {
        let Some(writing) = self.writing.take() else { return };
        match writing.join() {
            Ok(Written { outcome, took }) => {
                self.cost = took;
                if let Err(error) = outcome {
                    warn(not_saved(&error));
                }
            }
            Err(_) => warn("a state could not be written: its thread broke off".to_owned()),
        }
    }

    /// Whether a state is saved after each step, and waited for.
    fn is_always(&self) -> bool {
        matches!(self.interval, SaveInterval::Seconds(seconds) if seconds.get() == 0.0)
    }

    /// Waits for the state that is being written, if one is.
    pub fn wait(&mut self, session: &mut Session<'_>) {
        self.join(&mut |warning| session.emit(&Event::Warning(warning)));
    }

    /// Removes the states: the run is over.
    pub fn remove(mut self) {
        self.join(&mut |warning| tracing::warn!("{warning}"));
        self.folder.remove();
    }
}

/// A run that breaks off or is stopped leaves its last state whole.
impl Drop for Keeper {
    fn drop(&mut self) {
        self.join(&mut |warning| tracing::warn!("{warning}"));
    }
}

fn not_saved(error: &Error) -> String {
    format!("{error}; the training goes on; if it is cut off, it is resumed from an older state")
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
