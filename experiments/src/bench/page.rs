//! The tables: on stdout, and as `docs/benchmarks.md`.

use super::machine::Machine;
use super::remembered::{Measured, Remembered};
use super::table::{Line, Outcomes, Ratio, Tuning, apart, lines};
use super::works::{Expected, Quantity, Side, Work};
use crate::spread::Spread;

/// Runs of each side that make a measurement.
pub(super) const ENOUGH: usize = 3;

/// Farther apart than this, in points of accuracy, two sides did not do the same work.
const EQUAL: f64 = 0.5;

const SIDES: [Side; 4] = [Side::Ours, Side::Tuned, Side::Compiled, Side::Usual];

/// The lines of one work for a terminal.
pub(super) fn text(work: Work, outcomes: &Outcomes) -> String {
    let mut text = String::new();
    for line in lines(work, outcomes) {
        text += &format!("{}\n", line.title);
        for side in SIDES {
            if let Some(figures) = figures(&line, side) {
                text += &format!("  {:9} {figures}\n", side.name());
            }
        }
        for (name, ratio) in [("tuned", line.tuned), ("usual", line.usual)] {
            if let Some(ratio) = ratio {
                text += &format!("  against the {name} script: {}\n", reached(ratio));
            }
        }
    }
    text
}

/// The whole page.
pub(super) fn markdown(works: &Remembered, about: &About<'_>) -> String {
    let all: Vec<Line> = works.iter().flat_map(|(work, measured)| lines(*work, &measured.outcomes)).collect();
    let mut page = format!(
        "# Benchmarks\n\n{}![Bars of seconds for whole jobs: finetune, the tuned and the usual PyTorch script](figures/benchmarks.svg)\n\nWritten by `cargo xtask bench --peers`. Both sides did the same work in turn: the same \
         photographs, weights, batch size ({}), optimizer and epochs. Figures are medians with least and greatest, and the \
         validation accuracy next to them. Caches of ours were deleted before each run, and so were those of \
         `torch.compile`; what was kept from run to run is which precision `auto` had chosen for a network, in a run before \
         the first that counts, as it is remembered once on a user's machine.\n\n\
         - machine: {}\n- finetune: precision `{}`\n- peers: {}\n- weights: {}\n",
        about.preface, about.batch, about.hardware, about.precision, about.versions, about.weights
    );
    if about.weights.contains("random") {
        page += "- weights called *random* are drawn, where TorchVision's cannot be fetched: what is learned on them are \
            random features, whose accuracies differ by chance\n";
    }
    for (work, Measured { machine, rounds, .. }) in works {
        let Machine { day, program, load, .. } = machine;
        let busy = match load {
            Some(load) if machine.is_busy() => {
                format!("; **the machine was not idle**: its load was {load:.1} before the first run")
            }
            _ => String::new(),
        };
        let few = if *rounds < ENOUGH { "; **too few to be a measurement**" } else { "" };
        let title = work.rows()[0].title;
        page += &format!("- {title}: {rounds} runs of each side on {day}, {program}{few}{busy}\n");
    }
    let missing = Work::ALL.into_iter().filter(|work| !works.contains_key(work));
    let missing: Vec<&str> = missing.map(|work| work.rows()[0].title).collect();
    if !missing.is_empty() {
        page += &format!("- **not measured yet:** {}\n", missing.join("; "));
    }
    page += "\n*Usual* is a script as tutorials write it: a `DataLoader` with workers, float32. *Tuned* adds channels_last, \
        bfloat16 autocast and workers that persist; *compiled* adds `torch.compile` with frozen weights, for \
        prediction alone; compiling counts, but for the steady prediction. No training was compiled. They are in `experiments/peers`.\n\n## Ratios\n\nTheirs over ours in \
        each round: the median (least to greatest), and what the median is to be. Of the tuned forms the fastest counts, and \
        it is named where that is another than *tuned*.\n\n\
        | work | against the tuned script | against the usual script |\n|---|---|---|\n";
    for line in &all {
        page += &format!("| {} | {} | {} |\n", line.title, cell(line.tuned), cell(line.usual));
    }
    page += "\n## Figures\n\n| work | finetune | tuned | compiled | usual |\n|---|---|---|---|---|\n";
    for line in &all {
        let cells = SIDES.map(|side| figures(line, side).unwrap_or_else(|| "–".to_owned()));
        page += &format!("| {} | {} |\n", line.title, cells.join(" | "));
    }
    page + &missed(works) + &honest(works)
}

/// Text of the page around the figures.
pub(super) struct About<'a> {
    /// What is to be known before all else.
    pub(super) preface: &'a str,
    pub(super) hardware: &'a str,
    pub(super) versions: &'a str,
    pub(super) weights: &'a str,
    pub(super) precision: &'a str,
    pub(super) batch: u32,
}

fn figures(line: &Line, side: Side) -> Option<String> {
    let (spread, accuracy) = line.sides.get(&side)?;
    let mut range = [spread.min, spread.max];
    if line.quantity == Quantity::Steady {
        // The fewest images a second come from the most seconds for an image.
        range.reverse();
    }
    let [median, min, max] = [spread.median, range[0], range[1]].map(|figure| line.quantity.shown(figure));
    let accuracy = accuracy.map_or(String::new(), |share| format!(", {:.1}%", share * 100.0));
    Some(format!("{median} ({min} to {max}){accuracy}"))
}

fn reached(ratio: Ratio) -> String {
    let Spread { median, min, max } = ratio.reached;
    let verdict = match ratio.target {
        None => String::new(),
        Some(target) if ratio.missed() => format!(" of {target:.2}x, missed"),
        Some(target) => format!(" of {target:.2}x, reached"),
    };
    let form = if ratio.against == Side::Compiled { ", compiled" } else { "" };
    format!("{median:.2}x ({min:.2}x to {max:.2}x){verdict}{form}")
}

fn cell(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(|| "–".to_owned(), reached)
}

/// Each target that was missed: by how much, and where our time goes.
fn missed(works: &Remembered) -> String {
    let mut text = "\n## What is missed\n\n".to_owned();
    let empty = text.len();
    for (work, Measured { outcomes, .. }) in works {
        for line in lines(*work, outcomes) {
            for (name, ratio) in [("tuned", line.tuned), ("usual", line.usual)] {
                let Some((ratio, target)) = ratio.and_then(|ratio| Some((ratio, ratio.target?))) else {
                    continue;
                };
                if ratio.missed() {
                    let median = ratio.reached.median;
                    let by = (1.0 - median / target) * 100.0;
                    let profile = if line.quantity.is_time() { profile(outcomes) } else { String::new() };
                    text += &format!(
                        "- {}, against the {name} script: {median:.2}x where {target:.2}x is wanted, short by \
                         {by:.0}%{profile}\n",
                        line.title
                    );
                }
            }
        }
    }
    if text.len() == empty {
        text += "Nothing.\n";
    }
    text
}

/// Where the time of our median run goes.
fn profile(outcomes: &Outcomes) -> String {
    let Some(runs) = outcomes.get(&Side::Ours) else { return String::new() };
    let mut sorted: Vec<_> = runs.iter().collect();
    sorted.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let Some(run) = sorted.get(sorted.len() / 2).filter(|run| !run.profile.is_empty()) else {
        return String::new();
    };
    let parts: Vec<String> =
        run.profile.iter().map(|(name, seconds)| format!("{name} {seconds:.2} s")).collect();
    format!("; of {:.2} s: {}", run.seconds, parts.join(", "))
}

/// Whether the peers are what they should be, and whether both sides learned the same.
fn honest(works: &Remembered) -> String {
    let mut text = "\n## Are the peers honest?\n\n".to_owned();
    for (work, Measured { machine, outcomes, .. }) in works {
        let title = work.rows()[0].title;
        if let Some(tuning) = Tuning::of(*work, outcomes) {
            let Tuning { gained, expected } = tuning;
            let (verdict, because) = match tuning.agrees() {
                true => ("within a fifth of", String::new()),
                false => ("**not** within a fifth of", format!(": {}", why_not(expected, machine))),
            };
            text += &format!(
                "- {title}: {} of the usual script takes {gained:.2} times that of the tuned one, {verdict} the {:.2} times \
                 first measured on two cores with AVX-512, bf16 and AMX{because}.\n",
                expected.what, expected.times
            );
        }
        let Some(points) = lines(*work, outcomes).first().and_then(apart) else { continue };
        let verdict = if points <= EQUAL { "equal" } else { "**not equal**" };
        text += &format!("- {title}: accuracies are {points:.1} points apart at most, {verdict}.\n");
    }
    text
}

/// Why tuning gained another factor than where the peers were first measured.
fn why_not(expected: Expected, machine: &Machine) -> String {
    match (expected.instead_of_load, machine.load) {
        (Some(instead_of_load), _) => instead_of_load.to_owned(),
        _ if !machine.hardware.contains("2 cores") || !machine.hardware.contains("AMX") => {
            "this is another kind of machine".to_owned()
        }
        (_, None) => "whether the machine was busy is not known".to_owned(),
        (_, Some(load)) if machine.is_busy() => {
            format!("the machine was busy, its load {load:.1} before the first run")
        }
        _ => "the machine is of the same kind and was idle, so one of the scripts is not what it should be"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::head;
    use super::*;

    fn page() -> String {
        let machine = Machine {
            hardware: "a CPU".to_owned(),
            program: "commit abc".to_owned(),
            day: "2026-01-31".to_owned(),
            load: Some(3.0),
        };
        let about = About {
            preface: "",
            hardware: "a CPU",
            versions: "torch 2.11.0",
            weights: "random",
            precision: "auto",
            batch: 16,
        };
        let measured = Measured { machine, precision: "auto".to_owned(), rounds: 3, outcomes: head() };
        markdown(&Remembered::from([(Work::Head, measured)]), &about)
    }

    #[test]
    fn the_page_says_what_was_reached_and_what_was_missed() {
        let page = page();
        let row = "| head only, ResNet-50, start to saved model | 6.00x (4.33x to 14.00x) of 8.00x, missed | \
                   25.00x (13.33x to 60.00x) of 25.00x, reached |";
        assert!(page.contains(row), "{page}");
        assert!(
            page.contains("2.00 s (1.00 s to 3.00 s), 90.0% | 13.0 s (12.0 s to 14.0 s), 90.0% | – |"),
            "{page}"
        );
        assert!(page.contains("short by 25%; of 2.00 s: load 0.25 s"), "{page}");
        assert!(page.contains("what is learned on them are random features"), "{page}");
        let missing = page.lines().find(|line| line.starts_with("- **not measured yet:**")).unwrap();
        assert!(missing.ends_with("start of process to first training step, ResNet-18"), "{page}");
        assert!(!missing.contains("head only, ResNet-50"), "{page}");
        let of_memory = page.lines().find(|line| line.starts_with("- peak memory")).unwrap();
        assert!(of_memory.ends_with("is wanted, short by 40%"), "{page}");
        assert!(page.contains("precision `auto` had chosen") && !page.contains("too few"), "{page}");
        assert!(
            page.contains("not idle") && page.contains("1.0 points apart at most, **not equal**"),
            "{page}"
        );
    }

    #[test]
    fn the_page_says_why_tuning_gained_another_factor() {
        let machine = |hardware: &str, load| Machine {
            hardware: hardware.to_owned(),
            program: String::new(),
            day: String::new(),
            load: Some(load),
        };
        let why = |work: Work, machine| why_not(work.expected_tuning().unwrap(), &machine);
        assert!(why(Work::Head, machine("a CPU", 3.0)).contains("another kind"));
        assert!(why(Work::Head, machine("a CPU, 2 cores, AMX", 3.0)).contains("its load 3.0"));
        assert!(why(Work::Head, machine("a CPU, 2 cores, AMX", 0.1)).contains("one of the scripts"));
        assert!(why(Work::Predict, machine("a CPU, 2 cores, AMX", 0.1)).contains("the network alone"));
    }

    #[test]
    fn a_terminal_gets_the_same_figures() {
        let text = text(Work::Head, &head());
        assert!(text.contains("  finetune  2.00 s (1.00 s to 3.00 s), 90.0%\n"), "{text}");
        assert!(
            text.contains("against the tuned script: 6.00x (4.33x to 14.00x) of 8.00x, missed"),
            "{text}"
        );
    }
}
