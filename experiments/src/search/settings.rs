//! The settings that are measured: the program's default, constant answers, arms of the search, recipes of other programs,
//! and the search itself.

/// A setting: how a cell is trained.
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// What it is, for the page.
    pub(super) what: &'static str,
    pub(super) kind: Kind,
    pub(super) how: How,
}

/// What a setting is to the measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The program's default.
    Default,
    /// The same answer for all data: the best of them on other sets is a baseline.
    Constant,
    /// An answer of the program that looks at the data.
    Answer,
    /// An answer of an earlier version of the program: its cells are kept, and none is measured any more.
    Earlier,
    /// Another program's recipe.
    Peer,
    /// Only for the measurement from few images to many.
    Growth,
}

/// Who trains it, and how.
pub(super) enum How {
    /// `finetune` with these changes of the configuration.
    Program(fn(&Amount) -> Vec<String>),
    /// fastai itself.
    Fastai,
    /// Cross-validation over the constants that [`GRID`] names, within the time of [`BUDGET`] final runs.
    Grid,
}

/// How many images there are to train on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amount {
    pub(super) images: usize,
}

impl Amount {
    /// Epochs that make at least this many steps with batches of 32.
    fn epochs(self, steps: usize) -> usize {
        steps.div_ceil(self.images.div_ceil(32).max(1)).max(1)
    }
}

/// What one final run is: the time of this setting.
pub(super) const FINAL_RUN: &str = "all-frozen";

/// Final runs that the search and the grid may cost.
pub(super) const BUDGET: f64 = 3.0;

/// The constants that cross-validation chooses among, the cheaper first.
pub(super) const GRID: &[&str] =
    &["head", "last:1", "last:2", "last:4-frozen", "all-frozen", "all-trained", "all-full-rate"];

/// All of them; those that come first are measured first.
pub(super) const SETTINGS: &[Setting] = &[
    program("default", "the program's default", Kind::Default, |_| Vec::new()),
    program("head", "always the head alone", Kind::Constant, |amount| {
        long(amount, set(&["finetune.depth=head"]))
    }),
    program("last:1", "always `last:1`", Kind::Constant, |amount| {
        long(amount, set(&["finetune.depth=last:1"]))
    }),
    program("last:2", "always `last:2`", Kind::Constant, |amount| {
        long(amount, set(&["finetune.depth=last:2"]))
    }),
    program(FINAL_RUN, "always `all`, frozen statistics, a tenth of the rate", Kind::Constant, |amount| {
        frozen(amount, "all")
    }),
    program("search", "the search, 3 final runs", Kind::Answer, |_| set(&["finetune.depth=search"])),
    program("search-1", "the search as it was first locked, see above", Kind::Earlier, |_| Vec::new()),
    program("auto", "`finetune.depth = \"auto\"`", Kind::Answer, |_| set(&["finetune.depth=auto"])),
    Setting {
        name: "fastai",
        what: "fastai's `fine_tune` with its defaults, 15 epochs",
        kind: Kind::Peer,
        how: How::Fastai,
    },
    program("ridge", "ridge on the last stage", Kind::Constant, |_| {
        set(&["finetune.depth=head", "finetune.head_solver=ridge"])
    }),
    program("cut:features.7", "ridge, cut after `features.7`", Kind::Constant, |_| cut("features.7")),
    program("cut:features.6", "ridge, cut after `features.6`", Kind::Constant, |_| cut("features.6")),
    program("cut:features.5", "ridge, cut after `features.5`", Kind::Constant, |_| cut("features.5")),
    program("cut:features.4", "ridge, cut after `features.4`", Kind::Constant, |_| cut("features.4")),
    program("cut:features.3", "ridge, cut after `features.3`", Kind::Constant, |_| cut("features.3")),
    program("taps:6-8", "ridge on `features.6` to `features.8`", Kind::Constant, |_| taps(6, 8)),
    program("taps:3-8", "ridge on `features.3` to `features.8`", Kind::Constant, |_| taps(3, 8)),
    program("taps:5-7", "ridge on `features.5` to `features.7`", Kind::Constant, |_| taps(5, 7)),
    program("taps:4-6", "ridge on `features.4` to `features.6`", Kind::Constant, |_| taps(4, 6)),
    program("taps:3-5", "ridge on `features.3` to `features.5`", Kind::Constant, |_| taps(3, 5)),
    program("last:4-frozen", "always `last:4`, frozen statistics", Kind::Constant, |amount| {
        frozen(amount, "last:4")
    }),
    program(
        "all-trained",
        "always `all`, trained statistics, a tenth of the rate",
        Kind::Constant,
        |amount| trained(amount, "all"),
    ),
    program("all-full-rate", "always `all`, trained statistics, the full rate", Kind::Constant, |amount| {
        long(amount, set(&["finetune.depth=all", "finetune.batch_norm=train", "finetune.rate_scale=1.0"]))
    }),
    program(
        "taps:4-6-all",
        "always `all`, frozen statistics, a tenth of the rate, head on `features.4` to `features.6`",
        Kind::Constant,
        |amount| [frozen(amount, "all"), vec![tapped(4, 6)]].concat(),
    ),
    program("fastai-schedule", "fastai's schedule in this program", Kind::Peer, fastai_schedule),
    program("bit", "BiT-HyperRule in this program, batches of 32", Kind::Peer, bit),
    program("autogluon", "an AutoGluon-like recipe in this program", Kind::Peer, autogluon),
    Setting {
        name: "grid",
        what: "cross-validation over a grid of depths, 3 final runs",
        kind: Kind::Answer,
        how: How::Grid,
    },
    program("last:1-frozen", "`last:1`, frozen statistics", Kind::Growth, |amount| frozen(amount, "last:1")),
    program("last:2-frozen", "`last:2`, frozen statistics", Kind::Growth, |amount| frozen(amount, "last:2")),
    program("last:1-trained", "`last:1`, trained statistics", Kind::Growth, |amount| {
        trained(amount, "last:1")
    }),
    program("last:2-trained", "`last:2`, trained statistics", Kind::Growth, |amount| {
        trained(amount, "last:2")
    }),
    program("last:4-trained", "`last:4`, trained statistics", Kind::Growth, |amount| {
        trained(amount, "last:4")
    }),
];

/// Settings of the measurement from few images to many.
pub(super) const GROWTH: &[&str] = &[
    "head",
    "last:1-frozen",
    "last:2-frozen",
    "last:4-frozen",
    "all-frozen",
    "last:1-trained",
    "last:2-trained",
    "last:4-trained",
    "all-trained",
];

impl Setting {
    /// The setting of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

const fn program(
    name: &'static str,
    what: &'static str,
    kind: Kind,
    changes: fn(&Amount) -> Vec<String>,
) -> Setting {
    Setting { name, what, kind, how: How::Program(changes) }
}

fn set(changes: &[&str]) -> Vec<String> {
    changes.iter().map(|&change| change.to_owned()).collect()
}

/// Adds the epochs that make 500 steps, whatever the program's default.
fn long(amount: &Amount, changes: Vec<String>) -> Vec<String> {
    [changes, vec![format!("train.epochs={}", amount.epochs(500))]].concat()
}

fn frozen(amount: &Amount, depth: &str) -> Vec<String> {
    let depth = format!("finetune.depth={depth}");
    long(amount, set(&[&depth, "finetune.batch_norm=frozen", "finetune.rate_scale=0.1"]))
}

fn trained(amount: &Amount, depth: &str) -> Vec<String> {
    let depth = format!("finetune.depth={depth}");
    long(amount, set(&[&depth, "finetune.batch_norm=train", "finetune.rate_scale=0.1"]))
}

fn cut(stage: &str) -> Vec<String> {
    vec!["finetune.depth=head".into(), "finetune.head_solver=ridge".into(), format!("finetune.cut={stage}")]
}

/// Stages from `first` to `last`, joined; the network ends after `last`.
fn taps(first: u32, last: u32) -> Vec<String> {
    vec!["finetune.depth=head".into(), "finetune.head_solver=ridge".into(), tapped(first, last)]
}

fn tapped(first: u32, last: u32) -> String {
    let stages: Vec<String> = (first..=last).map(|stage| format!("\"features.{stage}\"")).collect();
    format!("finetune.taps=[{}]", stages.join(", "))
}

/// Howard and Gugger's `fine_tune`: an epoch of the head, then one-cycle with the backbone at a hundredth; AdamW with a
/// weight decay of 0.01, batches of 64, trained statistics. The head is this program's, and its first epoch has half
/// fastai's rate.
fn fastai_schedule(_: &Amount) -> Vec<String> {
    set(&[
        "finetune.depth=all",
        "finetune.head_epochs=1",
        "finetune.rate_scale=0.01",
        "finetune.batch_norm=train",
        "train.epochs=15",
        "train.batch_size=64",
        "train.learning_rate=0.001",
        "train.schedule={ name = \"one-cycle\", rising = 0.3, divisor = 5.0, final_divisor = 100000.0 }",
        "regularize.weight_decay=0.01",
    ])
}

/// Kolesnikov et al. 2020: SGD with momentum, rate 0.003 for all, 500 steps below 20,000 images, a tenth after 30, 60 and
/// 90 %; no mixup for few images. Theirs has batches of 512, 128 pixels for small images, and a head that begins at zero.
fn bit(amount: &Amount) -> Vec<String> {
    let epochs = amount.epochs(500);
    let every = (epochs * 3).div_ceil(10).max(1);
    vec![
        "finetune.depth=all".into(),
        "finetune.head_epochs=0".into(),
        "finetune.rate_scale=1.0".into(),
        "finetune.batch_norm=train".into(),
        format!("train.epochs={epochs}"),
        "train.optimizer=sgd".into(),
        "train.learning_rate=0.003".into(),
        format!("train.schedule={{ name = \"step\", every = {every}, factor = 0.1 }}"),
        "regularize.weight_decay=0.0".into(),
    ]
}

/// AutoGluon's MultiModalPredictor: AdamW at 1e-4, layer decay 0.9, cosine with a warm-up of a tenth, 20 epochs. Its stopping
/// by validation images and its mean of the three best checkpoints are left out.
fn autogluon(_: &Amount) -> Vec<String> {
    set(&[
        "finetune.depth=all",
        "finetune.head_epochs=0",
        "finetune.rate_scale=0.9",
        "finetune.rate_decay=0.9",
        "finetune.batch_norm=train",
        "train.epochs=20",
        "train.warmup_epochs=2",
        "train.learning_rate=0.0001",
        "regularize.weight_decay=0.001",
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_what_is_named_is_there() {
        let names: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        assert_eq!(names.len(), SETTINGS.len());
        for name in GRID.iter().chain(GROWTH) {
            assert!(Setting::named(name).is_some(), "{name}");
        }
        for name in GRID {
            assert_eq!(Setting::named(name).unwrap().kind, Kind::Constant, "{name}");
        }
    }

    #[test]
    fn five_hundred_steps_are_counted_in_batches() {
        assert_eq!([40, 32, 10, 3300].map(|images| Amount { images }.epochs(500)), [250, 500, 500, 5]);
    }
}
