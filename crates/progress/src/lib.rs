//! Progress of a run on stderr: bars on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use records::{
    Amount, CellRecord, DivergedRecord, EpochRecord, Event, PhasePlanRecord, RaceCellRecord, SearchRecord,
    StepName, StepRecord,
};

/// Shows events as they happen.
pub struct Progress {
    bar: Option<ProgressBar>,
    /// The table of a search that goes on, on a terminal.
    table: Option<ProgressBar>,
    /// The line of its last cell.
    last_cell: String,
    screen: MultiProgress,
    terminal: Terminal,
}

/// Lines of a terminal that the table of a search leaves free: its last cell, a bar, and one to spare.
const BELOW_THE_TABLE: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Terminal {
    Yes,
    No,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Returns one that has shown nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let terminal = if io::stderr().is_terminal() { Terminal::Yes } else { Terminal::No };
        Self { bar: None, table: None, last_cell: String::new(), screen: MultiProgress::new(), terminal }
    }

    /// Shows one event.
    pub fn listen(&mut self, event: &Event<'_>) {
        match event {
            Event::Began(step) => {
                self.line(&format!("step {}/{} {step}", step.number(), StepName::ALL.len()));
            }
            Event::Ended(step) => self.line(&format!("    {} ({:.1} s)", step.what, step.seconds)),
            Event::Planned(phases) => self.planned(phases),
            Event::Prepared { what, done, total } => self.prepared(what, *done, *total),
            Event::Stepped { record, done, total, epochs } => self.stepped(record, *done, *total, *epochs),
            Event::HeadFit(record) => self.line(&format!("    {record}")),
            Event::Epoch { record, epochs } if is_shown(record, *epochs) => {
                self.line(&epoch(record, *epochs));
            }
            Event::Epoch { .. } => {}
            Event::Cell { record, done, total } => self.cell(record, *done, *total),
            Event::Diverged { record, done, total } => self.diverged(record, *done, *total),
            Event::Raced { cell, budget } => self.raced(cell, budget),
            Event::Standing { search, over } => self.standing(search, *over),
            Event::Saving => {}
            Event::Note(text) => self.line(&format!("    {text}")),
            Event::Warning(text) => self.line(&format!("warning: {text}")),
        }
    }

    fn planned(&mut self, phases: &[PhasePlanRecord]) {
        for phase in phases {
            for line in report::text::phase_plan(phase).lines() {
                self.line(&format!("    {line}"));
            }
        }
    }

    fn prepared(&mut self, what: &str, done: u64, total: u64) {
        if self.terminal == Terminal::Yes {
            let bar = self.bar("    {msg} {wide_bar} {pos}/{len}  {per_sec}  {eta} left", total);
            bar.set_message(what.to_owned());
            bar.set_position(done);
        }
        if done >= total {
            self.line(&format!("    {what}: {total} images"));
        }
    }

    fn stepped(&mut self, record: &StepRecord, done: u64, total: u64, epochs: u32) {
        if self.terminal == Terminal::No {
            return;
        }
        let bar = self.bar("    {msg} {wide_bar} {pos}/{len}  {per_sec}  {eta} left", total);
        bar.set_message(format!("epoch {}/{epochs}  loss {:.4}", record.epoch, record.loss));
        bar.set_position(done);
    }

    fn diverged(&mut self, record: &DivergedRecord, done: usize, total: usize) {
        let DivergedRecord { variant, method, images_per_class, seed, fold, message } = record;
        let amount = Amount(*images_per_class).short();
        self.line(&format!(
            "run {done}/{total}  {variant} {method:>9}  {amount:>13}  seed {seed}{}  diverged: {message}",
            in_words(*fold)
        ));
    }

    fn cell(&mut self, record: &CellRecord, done: usize, total: usize) {
        let amount = Amount(record.images_per_class).short();
        self.line(&format!(
            "run {done}/{total}  {} {:>9}  {amount:>13}  seed {}{}  accuracy {:5.1}%  ({:.1} s)",
            record.variant,
            record.method,
            record.seed,
            in_words(record.fold),
            record.accuracy * 100.0,
            record.seconds
        ));
    }

    fn raced(&mut self, cell: &RaceCellRecord, budget: &str) {
        let RaceCellRecord { arm, fold, accuracy, spent, chosen, seconds } = cell;
        match self.terminal {
            Terminal::Yes => {
                self.last_cell = format!("{arm}, fold {fold} ({seconds:.1} s); spent {spent:.2} {budget}");
            }
            // Free arms are many and take no time: they are in the table.
            Terminal::No if *spent > 0.0 => self.line(&format!(
                "{arm:<28} fold {fold}  accuracy so far {:5.1}%  spent {spent:.2} {budget}  in front: {chosen}  ({seconds:.1} s)",
                accuracy * 100.0
            )),
            Terminal::No => {}
        }
    }

    /// Shows the table of a search: in place on a terminal while it goes on, as lines at its end.
    fn standing(&mut self, search: &SearchRecord, over: bool) {
        if over {
            self.table = None;
            report::text::search_table(search, None)
                .lines()
                .for_each(|line| self.line(&format!("    {line}")));
            return;
        }
        if self.terminal == Terminal::No {
            if search.spent == 0.0 {
                let (tried, folds, chosen) = (search.tried, search.folds, &search.chosen);
                self.line(&format!("{tried} linear arms on {folds} folds  in front: {chosen}"));
            }
            return;
        }
        let screen = Term::stderr();
        let height = usize::from(screen.size().0).saturating_sub(BELOW_THE_TABLE);
        let text = format!("{}{}", report::text::search_table(search, Some(height)), self.last_cell);
        let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let table = self.table.get_or_insert_with(|| {
            let style =
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            self.screen.add(ProgressBar::new_spinner().with_style(style))
        });
        table.set_message(lines.join("\n"));
        table.tick();
    }

    /// Returns the bar on the screen, or a new one.
    fn bar(&mut self, template: &str, total: u64) -> &ProgressBar {
        self.bar.get_or_insert_with(|| {
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = self.screen.add(ProgressBar::new(total).with_style(style));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        })
    }

    /// Prints a line that stays, in place of the bar and above the table.
    fn line(&mut self, text: &str) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.table.is_some() {
            let _ = self.screen.println(text);
            return;
        }
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Whether an epoch has a line: of hundreds over few images some fifty do, and all that were validated.
fn is_shown(record: &EpochRecord, epochs: u32) -> bool {
    let every = epochs.div_ceil(50).max(1);
    record.validation_loss.is_some() || record.epoch.is_multiple_of(every) || record.epoch == epochs
}

fn epoch(record: &EpochRecord, epochs: u32) -> String {
    let validation = match (record.validation_loss, record.validation_accuracy) {
        (Some(loss), Some(accuracy)) => {
            let balanced =
                record.validation_balanced_accuracy.filter(|value| (value - accuracy).abs() > 5e-4);
            let balanced = balanced.map(|value| format!(" (balanced {:.1}%)", value * 100.0));
            let balanced = balanced.unwrap_or_default();
            format!("  validation loss {loss:.4} accuracy {:5.1}%{balanced}", accuracy * 100.0)
        }
        _ => String::new(),
    };
    format!(
        "    epoch {:>width$}/{epochs}  loss {:.4} accuracy {:5.1}%{validation}  {:.0} images/s  {:.1} s",
        record.epoch,
        record.train_loss,
        record.train_accuracy * 100.0,
        record.images_per_second,
        record.seconds,
        width = epochs.to_string().len()
    )
}

/// Returns `  fold 2`, or nothing.
fn in_words(fold: Option<u32>) -> String {
    fold.map_or_else(String::new, |fold| format!("  fold {fold}"))
}
