//! A race between ways to train, the arms, on folds of the training images: which arm trains which fold next, when an arm is
//! dropped, when the race is over, which arm to take, and how sure that is.
//!
//! Nothing here trains or reads an image. Logits of held-out images go in ([`Race::record`]), the next arm and fold come out
//! ([`Race::next`]), and at the end a [`Decision`].
//!
//! In reading order:
//! - [`Arm`], [`Images`]: what races, and on what
//! - [`temperature`]: one temperature for each arm, so that a confident arm is not punished for its scale alone
//! - [`Prior`]: what is expected of an arm before the race, a data file fitted on development sets
//! - [`Posterior`]: differences between arms on the same images, shrunk to the prior, with their correlation
//! - [`Race`]: the schedule; [`Rules`]: its thresholds
//! - [`Decision`]: the best arm, or a cheaper one within one standard error; [`selection`]: accuracy of an arm that was chosen
//!   on the same images
//! - [`Statement`]: how likely the chosen arm is close to the best, through a [`Calibration`] map; [`record`]: all of it as a
//!   record
//! - [`entrants()`]: the arms of a network, [`entrants_of`] of several; [`drive()`]: the race carried out cell by cell, [`Cells`]: their folders
//! - [`fit`]: the data files fitted on finished searches
//!
//! A race is a function of its inputs and its seed: the same results in the same order lead to the same decision.

mod arm;
mod calibration;
mod cells;
mod contestants;
mod decision;
pub mod drive;
pub mod entrants;
mod error;
pub mod fit;
mod gate;
mod images;
mod measured;
mod next;
mod posterior;
mod prior;
mod race;
pub mod record;
mod rules;
pub mod selection;
mod statement;
pub mod temperature;

pub use arm::{Arm, Kind, Place, Tier};
pub use calibration::{Calibration, Knot};
pub use cells::Cells;
pub use contestants::{Contestant, entrants_of};
pub use decision::{Candidate, Decision, decide};
pub use drive::{Trainer, drive};
pub use entrants::{Entrant, How, entrants};
pub use error::Error;
pub use gate::{Gate, gate};
pub use images::{Images, Listed};
pub use measured::{Answers, HeldOut, Measured};
pub use next::{Cell, CellResult, End, Next};
pub use posterior::{Field, Normals, Posterior};
pub use prior::{Condition, Entry, Expected, Prior};
pub use race::{Dropped, Race, Setup, Spent};
pub use rules::{Budget, Measure, Rules};
pub use statement::Statement;
