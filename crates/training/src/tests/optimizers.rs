use ranged::{Fraction, Positive};
use run_config::{Adam, LearningRateSchedule, OneCycle, Optimizer as Configured, RmsProp, Sgd, TrainConfig};
use tch::{Kind, Tensor};

use super::{assert_close, goldens, numbers, tensor, values};
use crate::clip;
use crate::optimizer::{Optimizer, Rule, Trainable};
use crate::schedule::Schedule;

/// Least squares, as in the script: a matrix with decay, and a bias with a rate of its own.
struct Problem {
    x: Tensor,
    y: Tensor,
    w: Tensor,
    b: Tensor,
    optimizer: Optimizer,
    schedule: Schedule,
}

impl Problem {
    fn new(rule: Rule, schedule: LearningRateSchedule) -> Self {
        let golden = goldens();
        let parameter = |name: &str, shape: &[i64]| tensor(&golden[name], shape).set_requires_grad(true);
        let (w, b) = (parameter("w", &[3, 2]), parameter("b", &[2]));
        let mut optimizer = Optimizer::new(rule);
        let trainable = |name: &str, value: &Tensor, rate_scale, decay| Trainable {
            name: name.to_owned(),
            value: value.shallow_clone(),
            rate_scale,
            decay,
        };
        optimizer.follow(vec![trainable("w", &w, 1.0, 0.1), trainable("b", &b, 0.4, 0.0)]);
        let train = TrainConfig { schedule, learning_rate: Positive::of(0.05), ..TrainConfig::default() };
        let (x, y) = (tensor(&golden["x"], &[5, 3]), tensor(&golden["y"], &[5, 2]));
        Self { x, y, w, b, optimizer, schedule: Schedule::new(&train, 8, 1) }
    }

    fn step(&mut self, number: u64, clip: impl Fn(&mut [Tensor])) {
        self.optimizer.forget_gradients();
        let error = self.x.matmul(&self.w) + &self.b - &self.y;
        (&error * &error).mean(Kind::Double).backward();
        clip(&mut self.optimizer.gradients());
        self.optimizer.step(self.schedule.at(number));
    }

    fn weights(&self) -> Vec<f64> {
        [values(&self.w), values(&self.b)].concat()
    }
}

fn rules() -> [(&'static str, Rule); 7] {
    let other_betas =
        Adam { beta1: Fraction::of(0.8), beta2: Fraction::of(0.9), epsilon: Positive::of(1e-3) };
    let momentum = Fraction::of(0.5);
    [
        ("sgd", Rule(Configured::Sgd(Sgd::default()))),
        ("sgd without momentum", Rule(Configured::Sgd(Sgd { momentum: Fraction::of(0.0) }))),
        ("adam", Rule(Configured::Adam(Adam::default()))),
        ("adam with other betas", Rule(Configured::Adam(other_betas))),
        ("adamw", Rule(Configured::AdamW(Adam::default()))),
        ("rmsprop", Rule(Configured::RmsProp(RmsProp::default()))),
        ("rmsprop with momentum", Rule(Configured::RmsProp(RmsProp { momentum, ..RmsProp::default() }))),
    ]
}

#[track_caller]
fn follows(name: &str, rule: Rule, schedule: LearningRateSchedule, clip: impl Fn(&mut [Tensor])) {
    let mut problem = Problem::new(rule, schedule);
    let expected = &goldens()["trajectories"][name];
    for step in 0..8u64 {
        problem.step(step, &clip);
        let after = numbers(&expected[usize::try_from(step).unwrap()]);
        assert_close(&problem.weights(), &after, &format!("{name}, step {step}"));
    }
}

#[test]
fn trajectories_are_pytorchs() {
    for (name, rule) in rules() {
        follows(name, rule, LearningRateSchedule::Constant, |_| {});
    }
}

#[test]
fn one_cycle_moves_the_momentum_of_every_optimizer() {
    let [sgd, _, _, _, adamw, _, rmsprop] = rules().map(|(_, rule)| rule);
    follows("sgd over one cycle", sgd, LearningRateSchedule::OneCycle(OneCycle::default()), |_| {});
    follows("adamw over one cycle", adamw, LearningRateSchedule::OneCycle(OneCycle::default()), |_| {});
    follows("rmsprop over one cycle", rmsprop, LearningRateSchedule::OneCycle(OneCycle::default()), |_| {});
}

#[test]
fn clipped_trajectories_are_pytorchs() {
    let [(_, sgd), ..] = rules();
    follows("sgd clipped by norm", sgd, LearningRateSchedule::Constant, |gradients| {
        clip::by_norm(gradients, 0.5);
    });
    follows("sgd clipped by value", sgd, LearningRateSchedule::Constant, |gradients| {
        clip::by_value(gradients, 0.2);
    });
}

#[test]
fn stopping_and_going_on_from_the_state_changes_no_bit() {
    for (name, rule) in rules() {
        let mut whole = Problem::new(rule, LearningRateSchedule::OneCycle(OneCycle::default()));
        (0..8).for_each(|step| whole.step(step, |_| {}));

        let mut first = Problem::new(rule, LearningRateSchedule::OneCycle(OneCycle::default()));
        (0..3).for_each(|step| first.step(step, |_| {}));

        let mut second = Problem::new(rule, LearningRateSchedule::OneCycle(OneCycle::default()));
        tch::no_grad(|| {
            second.w.copy_(&first.w);
            second.b.copy_(&first.b);
        });
        second.optimizer.load_state(&first.optimizer.state()).unwrap();
        (3..8).for_each(|step| second.step(step, |_| {}));
        assert_eq!(whole.weights(), second.weights(), "{name}");
    }
}

#[test]
fn a_state_that_is_not_this_optimizers_is_refused_and_changes_nothing() {
    let [_, _, (_, adam), ..] = rules();
    let mut problem = Problem::new(adam, LearningRateSchedule::Constant);
    problem.step(0, |_| {});
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Double, tch::Device::Cpu));
    let foreign = |key: &str, value: Tensor| {
        let mut state = problem.optimizer.state();
        state.tensors.insert(key.to_owned(), value);
        state
    };
    let cases = [
        (foreign("first.other", zeros(&[1])), "no parameter that is trained"),
        (foreign("first.w", zeros(&[2, 3])), "another shape"),
        (foreign("first.w", zeros(&[3, 2]).to_kind(Kind::Float)), "another shape or type"),
        (foreign("third.w", zeros(&[3, 2])), "neither first nor second"),
        (foreign("w", zeros(&[3, 2])), "names no parameter"),
    ];
    for (state, says) in cases {
        let error = problem.optimizer.load_state(&state).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let state = problem.optimizer.state();
    assert_eq!((state.steps["w"], state.tensors.len()), (1, 4));
    // A parameter that joins later begins at its own first step, and the others go on.
    let (w, b) = (problem.w.shallow_clone(), problem.b.shallow_clone());
    let trainable =
        |name: &str, value: Tensor| Trainable { name: name.to_owned(), value, rate_scale: 1.0, decay: 0.0 };
    let late = zeros(&[2]).set_requires_grad(true);
    problem.optimizer.follow(vec![
        trainable("w", w),
        trainable("b", b),
        trainable("late", late.shallow_clone()),
    ]);
    (late.sum(Kind::Double) * 3.0).backward();
    problem.optimizer.step(problem.schedule.at(1));
    let state = problem.optimizer.state();
    assert_eq!((state.steps["late"], state.steps["w"]), (1, 2));
    // Adam's first step is the rate itself, whatever the gradient.
    assert!(values(&late).iter().all(|value| (value + 0.05).abs() < 1e-8));
}
