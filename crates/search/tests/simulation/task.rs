//! A task whose truth is known.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use records::Depth;
use search::{
    Answers, Arm, Budget, Cell, CellResult, End, HeldOut, Images, Kind, Listed, Next, Place, Prior, Race,
    Rules, Setup, Tier,
};

pub(crate) const FOLDS: usize = 5;
/// Standard deviations of the difficulty that arms share, and of their own.
pub(crate) const SHARED: f64 = 1.0;
pub(crate) const OWN: f64 = 0.45;

/// The same is expected of every arm: no task here is one that the shipped expectations come from.
pub(crate) fn prior() -> Prior {
    Prior { arms: Vec::new(), ..Prior::shipped().unwrap() }
}

/// A task: images, and arms of known accuracy.
pub(crate) struct Task {
    pub(crate) arms: Vec<Arm>,
    /// True accuracy of each arm, in `0..=1`.
    pub(crate) truth: Vec<f64>,
    pub(crate) images: Images,
    /// Margin of each arm for each image.
    pub(crate) margins: Vec<Vec<f64>>,
}

/// Accuracy of an arm of this quality.
pub(crate) fn accuracy_of(quality: f64) -> f64 {
    normal_below(quality / SHARED.hypot(OWN))
}

/// Share of the standard normal distribution below a value, by the trapezoidal rule.
pub(crate) fn normal_below(value: f64) -> f64 {
    let steps = 400;
    let width = (value + 8.0) / f64::from(steps);
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (0..steps).map(|step| width * density(-8.0 + width * (f64::from(step) + 0.5))).sum()
}

/// Quality of an arm of this accuracy, by bisection.
pub(crate) fn quality_of(accuracy: f64) -> f64 {
    let (mut low, mut high) = (-6.0, 6.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if accuracy_of(middle) < accuracy { low = middle } else { high = middle }
    }
    low
}

pub(crate) fn arm(name: &str, kind: Kind, tier: Tier, fold_cost: f64) -> Arm {
    Arm { name: name.to_owned(), kind, tier, fold_cost, rides_on: None, ends_as: None, network: 0 }
}

/// The usual field: linear classifiers, the head, few stages on cached features, and deep arms.
pub(crate) fn field() -> Vec<Arm> {
    let mut arms = vec![arm("joined", Kind::Joined, Tier::Free, 0.0)];
    arms.push(arm("stage last", Kind::Stage(Place::Last), Tier::Free, 0.0));
    for stage in 0..8 {
        arms.push(arm(&format!("stage {stage}"), Kind::Stage(Place::Earlier), Tier::Free, 0.0));
    }
    arms.push(arm("head", Kind::Depth(Depth::Head), Tier::Cached, 0.01));
    for (depth, cost) in [(1, 0.03), (2, 0.06)] {
        for rate in ["0.1", "0.3", "1"] {
            let name = format!("last:{depth} x {rate}");
            arms.push(arm(&name, Kind::Depth(Depth::Last(depth)), Tier::Cached, 0.8 * cost));
        }
    }
    for (name, depth, cost) in [
        ("last:4 x 0.1", Depth::Last(4), 0.62),
        ("all x 0.1", Depth::All, 1.0),
        ("last:4 x 1", Depth::Last(4), 0.62),
        ("all x 1", Depth::All, 1.0),
    ] {
        let tier = if name == "all x 0.1" { Tier::Deep } else { Tier::Further };
        arms.push(arm(name, Kind::Depth(depth), tier, 0.8 * cost));
    }
    arms
}

pub(crate) fn task(arms: Vec<Arm>, truth: Vec<f64>, count: usize, seed: u64) -> Task {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = |sd: f64| {
        let z: f64 = StandardNormal.sample(&mut random);
        sd * z
    };
    let labels: Vec<usize> = (0..count).map(|image| image % 2).collect();
    let folds: Vec<Option<usize>> = (0..count).map(|image| Some(image / 2 % FOLDS)).collect();
    let images = Images::new(Listed { labels: &labels, folds: &folds, groups: &[] }, 2, seed).unwrap();
    let shared: Vec<f64> = (0..count).map(|_| normal(SHARED)).collect();
    let margins = truth
        .iter()
        .map(|&accuracy| {
            let quality = quality_of(accuracy);
            shared.iter().map(|difficulty| quality + difficulty + normal(OWN)).collect()
        })
        .collect();
    Task { arms, truth, images, margins }
}

/// A task whose arms gain by a normal distribution with this standard deviation, in points.
pub(crate) fn drawn(sd: f64, count: usize, seed: u64) -> Task {
    let arms = field();
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0xA5A5);
    let gain = |_: &Arm| {
        let z: f64 = StandardNormal.sample(&mut random);
        0.85 + 0.01 * sd * z
    };
    let truth = arms.iter().map(gain).collect();
    task(arms, truth, count, seed)
}

/// A finished race, with the cells in their order.
pub(crate) struct Raced {
    pub(crate) race: Race,
    pub(crate) cells: Vec<Cell>,
    pub(crate) end: End,
}

impl Task {
    pub(crate) fn race(&self, budget: f64) -> Raced {
        let mut race = Race::new(Setup {
            arms: self.arms.clone(),
            images: self.images.clone(),
            rules: Rules::default(),
            budget: Budget::FinalRuns(budget),
            prior: prior(),
            seed: 7,
        })
        .unwrap();
        let mut cells = Vec::new();
        loop {
            match race.next() {
                Next::Over(end) => return Raced { race, cells, end },
                Next::Run(cell) => {
                    cells.push(cell);
                    race.record(&self.result(cell)).unwrap();
                }
            }
        }
    }

    pub(crate) fn result(&self, cell: Cell) -> CellResult {
        let crew = |arm: &usize| *arm == cell.arm || self.arms[*arm].rides_on == Some(cell.arm);
        let held_out = (0..self.arms.len()).filter(crew).map(|arm| {
            let logits = self.images.held_out(cell.fold).into_iter().flat_map(|image| {
                // Each arm has a scale of its own, which its temperature takes away.
                let margin = (2.0 + arm as f64) * self.margins[arm][image];
                if self.images.label(image) == 0 { [margin as f32, 0.0] } else { [0.0, margin as f32] }
            });
            HeldOut { arm, answers: Answers::Logits(logits.collect()) }
        });
        CellResult { cell, held_out: held_out.collect(), minutes: 0.1 }
    }

    /// Points that an arm lies below the best of those measured.
    pub(crate) fn regret(&self, raced: &Raced, arm: usize) -> f64 {
        let tried = (0..self.arms.len()).filter(|&arm| !raced.race.measured(arm).images.is_empty());
        let best = tried.map(|arm| self.truth[arm]).fold(0.0, f64::max);
        100.0 * (best - self.truth[arm])
    }
}
