use std::num::NonZeroU32;

use ranged::{Fraction, NotNegative, Positive, ProperFraction};
use run_config::{LearningRateSchedule, OneCycle, ReduceOnPlateau, StepDecay, TrainConfig};

use super::{assert_close, goldens, numbers};
use crate::schedule::{Decision, Plateau, Schedule};

/// Five epochs of four steps at a rate of 0.4.
fn laid(schedule: LearningRateSchedule, warmup_epochs: f64) -> Schedule {
    let train = TrainConfig {
        schedule,
        warmup_epochs: NotNegative::of(warmup_epochs),
        learning_rate: Positive::of(0.4),
        ..TrainConfig::default()
    };
    Schedule::new(&train, 4, 5)
}

fn step_decay() -> LearningRateSchedule {
    let every = NonZeroU32::new(2).unwrap();
    LearningRateSchedule::Step(StepDecay { every, factor: Positive::of(0.3) })
}

fn one_cycle() -> LearningRateSchedule {
    LearningRateSchedule::OneCycle(OneCycle {
        rising: ProperFraction::of(0.25),
        divisor: Positive::of(10.0),
        final_divisor: Positive::of(100.0),
        momentum: [Fraction::of(0.8), Fraction::of(0.9)],
    })
}

fn on_plateau(patience: u32) -> ReduceOnPlateau {
    ReduceOnPlateau {
        factor: ProperFraction::of(0.3),
        patience,
        threshold: Fraction::of(0.01),
        floor: Fraction::of(0.05),
    }
}

#[test]
fn schedules_are_pytorchs() {
    for (name, schedule, warmup) in [
        ("cosine", LearningRateSchedule::Cosine, 0.0),
        ("step", step_decay(), 0.0),
        ("warm cosine", LearningRateSchedule::Cosine, 1.5),
        ("warm step", step_decay(), 1.5),
        ("warm constant", LearningRateSchedule::Constant, 1.5),
    ] {
        let laid = laid(schedule, warmup);
        let rates: Vec<f64> = (0..20).map(|step| laid.at(step).learning_rate).collect();
        assert_close(&rates, &numbers(&goldens()["schedules"][name]), name);
    }
}

#[test]
fn one_cycle_is_pytorchs_in_rate_and_momentum() {
    for (name, warmup) in [("one-cycle", 0.0), ("warm one-cycle", 1.5)] {
        let laid = laid(one_cycle(), warmup);
        let both = |step| [laid.at(step).learning_rate, laid.at(step).momentum.unwrap()];
        let said: Vec<f64> = (0..20).flat_map(both).collect();
        assert_close(&said, &numbers(&goldens()["schedules"][name]), name);
    }
}

#[test]
fn a_plateau_is_left_when_pytorch_leaves_it() {
    let golden = &goldens()["plateau"];
    let mut plateau = Plateau::new(on_plateau(2));
    let mut factor = 1.0;
    let rates = numbers(&golden["losses"]).into_iter().map(|loss| {
        if let Decision::Reduce(to) = plateau.observe(loss) {
            factor = to;
        }
        factor
    });
    assert_close(&rates.collect::<Vec<_>>(), &numbers(&golden["rates"]), "plateau");
}

#[test]
fn a_plateau_reduces_what_the_warm_up_gives() {
    let golden = &goldens()["warm plateau"];
    let laid = laid(LearningRateSchedule::Plateau(on_plateau(0)), 1.5);
    let mut plateau = Plateau::new(on_plateau(0));
    let (mut reduced, mut rates) = (1.0, Vec::new());
    for (epoch, loss) in (0..).zip(numbers(&golden["losses"])) {
        rates.extend((4 * epoch..4 * epoch + 4).map(|step| laid.at(step).learning_rate * reduced));
        if let Decision::Reduce(to) = plateau.observe(loss) {
            reduced = to;
        }
    }
    assert_close(&rates, &numbers(&golden["rates"]), "warm plateau");
}
