//! Carrying a race out: each cell is trained, or read where another process finished it.
//!
//! Several processes share a race through its folder. Each follows the whole race by itself, and trains the first cell of the
//! round at hand that nobody has begun: what a round has does not depend on what its cells come to, so that the result is the
//! same however many work.

use std::time::Instant;

use files::Lease;
use records::RaceCellRecord;

use crate::cells::Cells;
use crate::next::{Cell, CellResult, End, Next};
use crate::race::Race;
use crate::{Error, HeldOut, record};

/// What trains the cells of a race.
pub trait Trainer {
    /// Why a cell could not be trained.
    type Error: From<Error>;

    /// Whether a cell is for this process to train.
    fn takes(&self, _race: &Race, _cell: Cell) -> bool {
        true
    }

    /// Trains the arm of a cell on its fold, and returns its answers and those of all arms that ride on it.
    ///
    /// # Errors
    /// When it fails, or is interrupted; the cell can be begun again then.
    fn train(&mut self, race: &Race, cell: Cell) -> Result<Vec<HeldOut>, Self::Error>;

    /// Waits a moment for the process that trains the next cell.
    ///
    /// # Errors
    /// When it is interrupted.
    fn wait(&mut self) -> Result<(), Self::Error>;

    /// Hears of a cell that is finished.
    fn finished(&mut self, race: &Race, line: &RaceCellRecord);
}

/// Carries a race out until it is over. `course` takes the line of each cell, also of those before a failure.
///
/// # Errors
/// The trainer's, and when a cell cannot be read or written.
pub fn drive<T: Trainer>(
    race: &mut Race,
    cells: &Cells,
    trainer: &mut T,
    course: &mut Vec<RaceCellRecord>,
) -> Result<End, T::Error> {
    loop {
        let cell = match race.next() {
            Next::Over(end) => return Ok(end),
            Next::Run(cell) => cell,
        };
        if let Some(result) = cells.read(race, cell)? {
            race.record(&result)?;
            let line = record::cell(race, &result);
            trainer.finished(race, &line);
            course.push(line);
        } else {
            match claimed(race, cells, trainer)? {
                Some(claimed) => train(race, cells, trainer, claimed)?,
                None => trainer.wait()?,
            }
        }
    }
}

/// A cell that is this process's to train.
struct Claimed {
    cell: Cell,
    lease: Lease,
}

/// Claims the first cell of the round that nobody has begun.
fn claimed<T: Trainer>(race: &Race, cells: &Cells, trainer: &T) -> Result<Option<Claimed>, Error> {
    for cell in race.round() {
        if !trainer.takes(race, cell) {
            continue;
        }
        if let Some(lease) = cells.claim(race, cell)? {
            return Ok(Some(Claimed { cell, lease }));
        }
    }
    Ok(None)
}

fn train<T: Trainer>(
    race: &Race,
    cells: &Cells,
    trainer: &mut T,
    Claimed { cell, lease }: Claimed,
) -> Result<(), T::Error> {
    let began = Instant::now();
    match trainer.train(race, cell) {
        Ok(held_out) => {
            let result = CellResult { cell, held_out, minutes: began.elapsed().as_secs_f64() / 60.0 };
            let written = cells.write(race, &result);
            drop(lease);
            Ok(written?)
        }
        Err(error) => {
            cells.release(race, cell, lease)?;
            Err(error)
        }
    }
}
