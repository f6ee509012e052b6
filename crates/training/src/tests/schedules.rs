use run_config::{OneCycleConfig, PlateauConfig, ScheduleKind, StepConfig, TrainConfig};

use super::{assert_close, goldens, numbers};
use crate::schedule::{Decision, Plateau, Schedule};

/// Five epochs of four steps at a rate of 0.4.
fn laid(schedule: ScheduleKind, warmup_epochs: f64) -> Schedule {
    let train = TrainConfig {
        schedule,
        warmup_epochs,
        learning_rate: 0.4,
        step: Some(StepConfig { every: 2, factor: 0.3 }),
        one_cycle: Some(OneCycleConfig {
            rising: 0.25,
            divisor: 10.0,
            final_divisor: 100.0,
            momentum: (0.8, 0.9),
        }),
        ..TrainConfig::default()
    };
    Schedule::new(&train, 4, 5)
}

#[test]
fn schedules_are_pytorchs() {
    for (name, schedule, warmup) in [
        ("cosine", ScheduleKind::Cosine, 0.0),
        ("step", ScheduleKind::Step, 0.0),
        ("warm cosine", ScheduleKind::Cosine, 1.5),
        ("warm step", ScheduleKind::Step, 1.5),
        ("warm constant", ScheduleKind::Constant, 1.5),
    ] {
        let laid = laid(schedule, warmup);
        let rates: Vec<f64> = (0..20).map(|step| laid.at(step).learning_rate).collect();
        assert_close(&rates, &numbers(&goldens()["schedules"][name]), name);
    }
}

#[test]
fn one_cycle_is_pytorchs_in_rate_and_momentum() {
    for (name, warmup) in [("one-cycle", 0.0), ("warm one-cycle", 1.5)] {
        let laid = laid(ScheduleKind::OneCycle, warmup);
        let both = |step| [laid.at(step).learning_rate, laid.at(step).momentum.unwrap()];
        let said: Vec<f64> = (0..20).flat_map(both).collect();
        assert_close(&said, &numbers(&goldens()["schedules"][name]), name);
    }
}

#[test]
fn a_plateau_is_left_when_pytorch_leaves_it() {
    let golden = &goldens()["plateau"];
    let mut plateau = Plateau::new(PlateauConfig { factor: 0.3, patience: 2, threshold: 0.01, floor: 0.05 });
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
    let laid = laid(ScheduleKind::Plateau, 1.5);
    let mut plateau = Plateau::new(PlateauConfig { factor: 0.3, patience: 0, threshold: 0.01, floor: 0.05 });
    let (mut reduced, mut rates) = (1.0, Vec::new());
    for (epoch, loss) in (0..).zip(numbers(&golden["losses"])) {
        rates.extend((4 * epoch..4 * epoch + 4).map(|step| laid.at(step).learning_rate * reduced));
        if let Decision::Reduce(to) = plateau.observe(loss) {
            reduced = to;
        }
    }
    assert_close(&rates, &numbers(&golden["rates"]), "warm plateau");
}
