//! Carrying a race out: each cell is trained, or read where an earlier process finished it.

use std::time::Instant;

use records::RaceCellRecord;

use crate::cells::Cells;
use crate::race::{Cell, CellResult, End, Next, Race};
use crate::{Error, HeldOut, record};

/// What trains the cells of a race.
pub trait Trainer {
    /// Why a cell could not be trained.
    type Error: From<Error>;

    /// Trains the arm of a cell on its fold, and returns its answers and those of all arms that ride on it.
    ///
    /// # Errors
    /// When it fails, or is interrupted; the cell can be begun again then.
    fn train(&mut self, race: &Race, cell: Cell) -> Result<Vec<HeldOut>, Self::Error>;

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
        let result = match cells.read(race, cell)? {
            Some(known) => known,
            None => train(race, cells, trainer, cell)?,
        };
        race.record(&result)?;
        let line = record::cell(race, &result);
        trainer.finished(race, &line);
        course.push(line);
    }
}

fn train<T: Trainer>(
    race: &Race,
    cells: &Cells,
    trainer: &mut T,
    cell: Cell,
) -> Result<CellResult, T::Error> {
    cells.claim(race, cell)?;
    let began = Instant::now();
    match trainer.train(race, cell) {
        Ok(held_out) => {
            let result = CellResult { cell, held_out, minutes: began.elapsed().as_secs_f64() / 60.0 };
            cells.write(race, &result)?;
            Ok(result)
        }
        Err(error) => {
            cells.release(race, cell)?;
            Err(error)
        }
    }
}
