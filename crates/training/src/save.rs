//! When states of training are saved, decided by the caller.

use records::Session;

use crate::saved::SavedTraining;

/// Saves states of training.
pub trait SaveState {
    /// Returns whether a state is to be saved at this moment.
    fn is_due(&self, moment: SaveMoment) -> bool;

    /// Saves a state. What goes wrong is reported through the session: training goes on.
    fn save(&mut self, saved: &SavedTraining, session: &mut Session<'_>);
}

/// Saves nothing.
impl SaveState for () {
    fn is_due(&self, _: SaveMoment) -> bool {
        false
    }

    fn save(&mut self, _: &SavedTraining, _: &mut Session<'_>) {}
}

/// A moment at which a state can be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveMoment {
    /// After an optimizer step, within an epoch.
    Step,
    /// Between two epochs, where a state is smaller.
    Epoch,
    /// When the phase is over, or the user stops it.
    End,
}
