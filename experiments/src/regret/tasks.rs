use anyhow::Result;

/// A task on which the advice is tried.
pub(super) struct Task {
    /// Its name, and that of its folder.
    pub(super) name: &'static str,
    /// What is learned, from what.
    pub(super) what: &'static str,
    /// What it was to the rule.
    pub(super) part: Part,
    /// Its images.
    pub(super) data: Data,
    /// The network with its weights.
    pub(super) source: Source,
    /// Side of the images as the network sees them, in pixels.
    pub(super) side: u32,
    /// Training images of each class.
    pub(super) images_per_class: u32,
    /// Test images of each class, where they are drawn from more; 0 for all.
    pub(super) test_per_class: u32,
    epochs: u32,
}

/// What a task was to the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The thresholds were chosen on it.
    Tuned,
    /// It was run with the first thresholds, and a line of the rule was added because of it.
    Corrected,
    /// It was run with the first thresholds and changed nothing.
    FirstRound,
    /// It was run after the rule was final.
    Fresh,
}

/// Where images come from.
pub(super) enum Data {
    /// The Cyrillic capitals of the default recipe.
    Cyrillic,
    /// A folder below `data/` with `train` and `val`; the latter is the test split here.
    Photos(&'static str),
    /// Fashion-MNIST.
    Fashion,
}

/// What is transferred.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// EfficientNet-Lite0 and ImageNet.
    ImageNet,
    /// LeNet and Latin letters.
    Letters,
}

/// All of them, in the order in which they were first run.
pub(super) const TASKS: &[Task] = &[
    Task {
        name: "cyrillic-from-letters",
        what: "33 Cyrillic capitals from Latin letters",
        part: Part::Tuned,
        data: Data::Cyrillic,
        source: Source::Letters,
        side: 28,
        images_per_class: 10,
        test_per_class: 0,
        epochs: 40,
    },
    Task {
        name: "dogs-cats-from-imagenet",
        what: "dogs and cats from ImageNet",
        part: Part::Tuned,
        data: Data::Photos("dogs_cats_small"),
        source: Source::ImageNet,
        side: 96,
        images_per_class: 50,
        test_per_class: 0,
        epochs: 15,
    },
    Task {
        name: "fashion-from-letters",
        what: "Fashion-MNIST from Latin letters",
        part: Part::Tuned,
        data: Data::Fashion,
        source: Source::Letters,
        side: 28,
        images_per_class: 20,
        test_per_class: 100,
        epochs: 40,
    },
    Task {
        name: "ants-bees-from-imagenet",
        what: "ants and bees from ImageNet",
        part: Part::FirstRound,
        data: Data::Photos("hymenoptera_data"),
        source: Source::ImageNet,
        side: 96,
        images_per_class: 100,
        test_per_class: 0,
        epochs: 15,
    },
    Task {
        name: "cyrillic-from-imagenet",
        what: "33 Cyrillic capitals from ImageNet",
        part: Part::Corrected,
        data: Data::Cyrillic,
        source: Source::ImageNet,
        side: 64,
        images_per_class: 10,
        test_per_class: 0,
        epochs: 15,
    },
    Task {
        name: "dogs-cats-from-letters",
        what: "dogs and cats from Latin letters",
        part: Part::FirstRound,
        data: Data::Photos("dogs_cats_small"),
        source: Source::Letters,
        side: 28,
        images_per_class: 200,
        test_per_class: 0,
        epochs: 40,
    },
    Task {
        name: "fashion-from-imagenet",
        what: "Fashion-MNIST from ImageNet",
        part: Part::Fresh,
        data: Data::Fashion,
        source: Source::ImageNet,
        side: 64,
        images_per_class: 20,
        test_per_class: 50,
        epochs: 15,
    },
    Task {
        name: "ants-bees-from-letters",
        what: "ants and bees from Latin letters",
        part: Part::Fresh,
        data: Data::Photos("hymenoptera_data"),
        source: Source::Letters,
        side: 28,
        images_per_class: 100,
        test_per_class: 0,
        epochs: 40,
    },
];

/// All stages at the head's own rate.
pub(super) const FULL: &str = "all-full-rate";

/// A depth of the comparison and how many stages before the head it trains at the usual tenth of the head's rate; `None` for
/// all of them at another one.
pub(super) type DepthOfGrid = (&'static str, Option<usize>);

impl Source {
    /// The depths that are tried, from the head back.
    pub(super) fn depths(self) -> &'static [DepthOfGrid] {
        match self {
            Self::ImageNet => &[
                ("head", Some(0)),
                ("last:1", Some(1)),
                ("last:2", Some(2)),
                ("last:4", Some(4)),
                ("all", Some(9)),
                (FULL, None),
                ("scratch", None),
            ],
            Self::Letters => &[
                ("head", Some(0)),
                ("last:1", Some(1)),
                ("last:2", Some(2)),
                ("last:3", Some(3)),
                ("all", Some(4)),
                (FULL, None),
                ("scratch", None),
            ],
        }
    }
}

impl Task {
    /// The configuration of its comparison: a run a core, for on images this small more threads wait for each other longer
    /// than they compute. `root` and `letters` are the data folder and the LeNet's weights.
    pub(super) fn config(&self, root: &str, letters: &str, seeds: &[u64]) -> Result<String> {
        let (arch, weights, channels, rate) = match self.source {
            Source::ImageNet => ("efficientnet_lite0", "IMAGENET1K_V1", 3, 1e-3),
            Source::Letters => ("lenet5_relu", letters, 1, 2e-3),
        };
        let (mean, std) = match self.source {
            Source::ImageNet => ("[0.498039, 0.498039, 0.498039]", "[0.501961, 0.501961, 0.501961]"),
            Source::Letters => ("[0.5]", "[0.5]"),
        };
        let settings: String = self
            .source
            .depths()
            .iter()
            .map(|(depth, _)| *depth)
            .chain(["auto"])
            .map(|name| {
                let set = match name {
                    FULL => "\"finetune.depth=all\", \"finetune.rate_scale=1.0\"".to_owned(),
                    depth => format!("\"finetune.depth={depth}\""),
                };
                format!("\n[[compare.setting]]\nname = \"{name}\"\nset = [{set}]\n")
            })
            .collect();
        let Self { what, side, images_per_class, epochs, .. } = self;
        let root = serde_json::to_string(root)?;
        let weights = serde_json::to_string(weights)?;
        Ok(format!(
            "# {what}: every depth, and the advised one.\n# Written by `experiments regret`.\n\n\
             [data]\nroot = {root}\nvalidation_fraction = 0.0\nimages_per_class = {images_per_class}\n\n\
             [data.input]\nresize = {side}\ncrop = {side}\ninterpolation = \"bilinear\"\nchannels = {channels}\n\
             mean = {mean}\nstd = {std}\n\n\
             [model]\narch = \"{arch}\"\nweights = {weights}\n\n\
             [train]\nepochs = {epochs}\nlearning_rate = {rate}\n\n\
             [run]\nname = \"{}\"\nthreads = 1\ncheckpoints = \"none\"\n\n\
             [compare]\nmethods = [\"fine-tune\"]\nimages_per_class = [{images_per_class}]\nseeds = {seeds:?}\n{settings}",
            self.name
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_two_tasks_are_kept_from_tuning_and_configs_are_toml() {
        assert!(TASKS.len() >= 4);
        assert!(TASKS.iter().filter(|task| task.part == Part::Fresh).count() >= 2);
        for task in TASKS {
            let text = task.config("data/a \"b\"", "weights/l.safetensors", &[0, 1]).unwrap();
            let config: toml::Table = text.parse().unwrap();
            let settings = config["compare"]["setting"].as_array().unwrap();
            assert_eq!(settings.len(), task.source.depths().len() + 1, "{}", task.name);
            assert_eq!(config["data"]["root"].as_str(), Some("data/a \"b\""));
        }
    }
}
