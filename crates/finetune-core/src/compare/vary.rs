//! What `finetune compare` varies: ready-made settings, each laid over one plain run.

use std::fmt::Display;

use backbone::{Options, Values};
use images::{AreaShares, ColorJitter, HueShift, Policy, RandAugment, ResizedCrop};
use pretrained::Fit;
use ranged::{Fraction, NotNegative, Positive};
use records::{Depth, UnknownDepth};
use run_config::{
    BatchNormPolicy, CompareConfig, Config, Method, RegularizeConfig, SettingConfig, ThawConfig,
};
use training::decide::GENTLE_RATE;
use training::freeze::{FreezePlan, Norms};

/// What the runs of a comparison differ in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vary {
    /// Each technique against overfitting, compared with none.
    Regularize,
    /// How far back the network is trained: these depths, compared with the first of them; without any, the usual ones
    /// compared with the head alone.
    Depth(Vec<String>),
    /// The number of training images.
    Images,
}

/// A variation that is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaryError {
    /// No such setting, or not for this run.
    #[error("{asked:?} cannot be compared here; choose from {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        asked: String,
        /// The settings that there are.
        known: Vec<String>,
    },
    /// An unknown depth.
    #[error("--depths: {0}")]
    Depth(#[from] UnknownDepth),
    /// Depths are named, but something else is varied.
    #[error("--depths goes with --vary depth")]
    DepthsAlone,
    /// Amounts of data are to be compared, and none is given.
    #[error("--vary images needs numbers of images; set --images 5,20,100 or compare.images_per_class")]
    NoAmounts,
}

/// Name of the setting that all others are compared with.
const NONE: &str = "none";

/// Turns a run without `[compare]` into a comparison of that run alone, over several seeds or folds.
pub fn alone(config: &mut Config) {
    let method = own_method(config);
    config.compare.get_or_insert_with(|| CompareConfig { methods: vec![method], ..CompareConfig::default() });
}

/// How the run of a configuration is trained.
fn own_method(config: &Config) -> Method {
    if config.finetune.depth == Depth::Scratch { Method::Scratch } else { Method::FineTune }
}

/// Turns a run into a comparison of settings; seeds, images, judgement and jobs of `[compare]` stay. With names in `only`,
/// only those settings are compared with the first.
///
/// # Errors
/// When a name or a depth is unknown, or there are no amounts of data to compare.
pub fn vary(config: &mut Config, what: &Vary, only: &[String]) -> Result<(), VaryError> {
    let mut settings = match what {
        Vary::Regularize => techniques(config),
        Vary::Depth(named) => depths(config, named)?,
        Vary::Images => Vec::new(),
    };
    let known = || settings.iter().skip(1).map(|setting| setting.name.clone()).collect();
    if let Some(asked) = only.iter().find(|asked| !settings.iter().any(|setting| setting.name == **asked)) {
        return Err(VaryError::Unknown { asked: asked.clone(), known: known() });
    }
    let first = settings.first().map(|setting| setting.name.clone());
    settings.retain(|setting| {
        only.is_empty() || only.contains(&setting.name) || Some(&setting.name) == first.as_ref()
    });
    let method = own_method(config);
    let compare = config.compare.get_or_insert_with(CompareConfig::default);
    compare.settings = settings;
    match what {
        Vary::Images if compare.images_per_class.is_empty() => return Err(VaryError::NoAmounts),
        Vary::Images => {}
        Vary::Regularize | Vary::Depth(_) => compare.methods = vec![method],
    }
    match what {
        Vary::Regularize => {
            let decay = config.regularize.decay;
            config.regularize = RegularizeConfig {
                decay,
                weight_decay: Some(NotNegative::ZERO),
                ..RegularizeConfig::default()
            };
            config.augment = run_config::AugmentConfig::default();
        }
        Vary::Depth(_) => {
            // Keys that name stages hold for one depth only.
            config.finetune.thaw = None::<ThawConfig>;
            config.finetune.rates.clear();
        }
        Vary::Images => {}
    }
    Ok(())
}

/// Depths that are compared by default.
const DEPTHS: [&str; 4] = ["head", "last:1", "last:2", "all"];

fn depths(config: &Config, named: &[String]) -> Result<Vec<SettingConfig>, UnknownDepth> {
    // Where the head alone is trained, frozen statistics are no different.
    let frozen = config.finetune.batch_norm == BatchNormPolicy::Frozen;
    let setting = |depth: &str| -> Result<SettingConfig, UnknownDepth> {
        let depth: Depth = depth.parse()?;
        let idle = frozen && depth == Depth::Head;
        let depth = depth.to_string();
        let mut set = vec![format!("finetune.depth={depth:?}")];
        set.extend(idle.then(|| "finetune.batch_norm=train".to_owned()));
        Ok(SettingConfig { name: depth.replace(':', " "), set })
    };
    match named {
        [] => DEPTHS.into_iter().map(setting).collect(),
        named => named.iter().map(|depth| setting(depth.trim())).collect(),
    }
}

/// Each technique alone, as strong as the configuration has it, else as strong as is usual.
fn techniques(config: &Config) -> Vec<SettingConfig> {
    let Config { regularize, augment, finetune, .. } = config;
    let Trained { skips, norms, own_rate } = Trained::of(config);
    let (head, scratch) = (finetune.depth == Depth::Head, finetune.depth == Depth::Scratch);
    // Weights that stay as they are cannot be pulled or bounded.
    let weights = finetune.lora.is_none();
    let above_zero = |given: f64, usual: f64| if given > 0.0 { given } else { usual };
    let mut settings = vec![SettingConfig { name: NONE.to_owned(), set: Vec::new() }];
    let mut add = |applies: bool, key: &str, value: &dyn Display| {
        let value = value.to_string();
        let technique = key.rsplit('.').next().unwrap_or(key);
        let name = match value.as_str() {
            "0" => format!("no {technique}"),
            KEPT => format!("{technique} frozen"),
            OF_BATCH => format!("{technique} train"),
            _ => technique.to_owned(),
        };
        if applies {
            settings.push(SettingConfig { name, set: vec![format!("{key}={value}")] });
        }
    };
    let decay = RegularizeConfig::default().weight_decay().get();
    add(
        true,
        "regularize.weight_decay",
        &above_zero(regularize.weight_decay.map_or(0.0, NotNegative::get), decay),
    );
    add(weights, "regularize.l1", &above_zero(regularize.l1.get(), 1e-5));
    add(weights, "regularize.max_norm", &regularize.max_norm.map_or(3.0, Positive::get));
    add(true, "regularize.label_smoothing", &above_zero(regularize.label_smoothing.get(), 0.1));
    add(true, "regularize.mixup", &above_zero(regularize.mixup.get(), 0.2));
    add(true, "regularize.cutmix", &above_zero(regularize.cutmix.get(), 1.0));
    add(true, "regularize.dropout", &regularize.dropout.map_or(0.5, Fraction::get));
    let rate = regularize.stochastic_depth.map_or(0.2, Fraction::get);
    // A network with stochastic depth of its own has it in the plain run, too: there the setting is without it.
    add(skips, "regularize.stochastic_depth", &if rate == own_rate { 0.0 } else { rate });
    // The plain run has one of the two, the setting the other. Where the run decides, few images are taken for granted.
    let gentle = norms.is_some_and(|norms| norms.largest_rate <= GENTLE_RATE);
    let plain_keeps = match finetune.batch_norm {
        BatchNormPolicy::Auto => gentle,
        given => given == BatchNormPolicy::Frozen,
    };
    add(norms.is_some() && !scratch, "finetune.batch_norm", &if plain_keeps { OF_BATCH } else { KEPT });
    add(!scratch && weights, "regularize.l2_sp", &inline(regularize.l2_sp.unwrap_or_default()));
    let delta = inline(regularize.delta.unwrap_or_default());
    add(!head && !scratch && weights, "regularize.delta", &delta);
    let shrinkage = regularize.spectral_shrinkage.unwrap_or_default();
    add(!head, "regularize.spectral_shrinkage", &inline(shrinkage));
    add(!head && !scratch, "regularize.co_tuning", &inline(regularize.co_tuning.unwrap_or_default()));
    if let Some(patience) = regularize.early_stopping {
        add(true, "regularize.early_stopping", &patience);
    }
    add(true, "augment.horizontal_flip", &above_zero(augment.horizontal_flip.get(), 0.5));
    add(true, "augment.vertical_flip", &above_zero(augment.vertical_flip.get(), 0.5));
    add(true, "augment.quarter_turns", &true);
    let crop = ResizedCrop { scale: AreaShares::of(0.3, 1.0), ..ResizedCrop::default() };
    let padded = config.data.input.as_ref().is_some_and(|input| input.fit == Some(Fit::Pad));
    add(!padded, "augment.resized_crop", &inline(augment.resized_crop.unwrap_or(crop)));
    add(true, "augment.rotation", &above_zero(augment.rotation.get(), 15.0));
    let jitter = ColorJitter {
        brightness: NotNegative::of(0.4),
        contrast: NotNegative::of(0.4),
        saturation: NotNegative::of(0.4),
        hue: HueShift::of(0.1),
    };
    add(true, "augment.color_jitter", &inline(augment.color_jitter.unwrap_or(jitter)));
    add(true, "augment.gray", &above_zero(augment.gray.get(), 0.1));
    add(true, "augment.blur", &inline(augment.blur.unwrap_or_default()));
    add(true, "augment.erasing", &inline(augment.erasing.unwrap_or_default()));
    let configured = augment.policy.filter(|policy| matches!(policy, Policy::RandAugment(_)));
    let policy = configured.unwrap_or(Policy::RandAugment(RandAugment::default()));
    let policy = format!("augment.policy={}", inline(policy));
    settings.push(SettingConfig { name: "randaugment".to_owned(), set: vec![policy] });
    let policy = "augment.policy=trivialaugment".to_owned();
    settings.push(SettingConfig { name: "trivialaugment".to_owned(), set: vec![policy] });
    settings
}

/// The value of `finetune.batch_norm` that keeps the source's statistics.
const KEPT: &str = "\"frozen\"";
/// The value of `finetune.batch_norm` that normalises by the batch.
const OF_BATCH: &str = "\"train\"";

/// What the trained stages contain.
#[derive(Default)]
struct Trained {
    /// Whether there is a residual branch, which stochastic depth can skip.
    skips: bool,
    /// Batch normalisation; `None` where there is none.
    norms: Option<Norms>,
    /// The network's own rate of stochastic depth, `0..1`.
    own_rate: f64,
}

impl Trained {
    /// Reads the outline of the network. An unknown network or depth is an error where the run is resolved, not here.
    fn of(config: &Config) -> Self {
        let Ok(network) = zoo::network(&config.model.arch) else { return Self::default() };
        let outline = network.build(Values::Outline, &Options::default());
        let Config { finetune, .. } = config;
        let Ok(plan) = FreezePlan::of(&outline, &finetune.depth, finetune) else { return Self::default() };
        Self {
            skips: plan.skips_something(&outline),
            norms: plan.norms(&outline),
            own_rate: network.stochastic_depth,
        }
    }
}

/// A table on one line.
fn inline(table: impl serde::Serialize) -> String {
    toml::Value::try_from(table).map_or_else(|_| "{}".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use run_config as config;

    fn varied(depth: &str, what: Vary, only: &[&str]) -> Result<Config, VaryError> {
        let text = format!(
            "[data]\nroot = \"d\"\n[model]\narch = \"resnet18\"\nweights = \"none\"\n[finetune]\ndepth = \"{depth}\"\n[regularize]\nmixup = 0.7\nearly_stopping = 3\n"
        );
        let mut config: Config = toml::from_str(&text).unwrap();
        let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
        vary(&mut config, &what, &only).map(|()| config)
    }

    #[test]
    fn each_technique_stands_alone_at_its_own_strength_and_can_be_laid_over_the_plain_run() {
        let config = varied("all", Vary::Regularize, &[]).unwrap();
        let compare = config.compare.clone().unwrap();
        assert_eq!(compare.settings[0], SettingConfig { name: "none".to_owned(), set: Vec::new() });
        let mixup = compare.settings.iter().find(|setting| setting.name == "mixup").unwrap();
        assert_eq!(mixup.set, ["regularize.mixup=0.7"]);
        assert_eq!((config.regularize.mixup.get(), config.regularize.early_stopping), (0.0, None));
        for SettingConfig { name, set } in &compare.settings {
            let changed = config::overlay(&config, set).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(changed == config, name == "none", "{name}");
        }
        // What cannot be done at this depth is left out.
        let names = |depth| {
            let settings = varied(depth, Vary::Regularize, &[]).unwrap().compare.unwrap().settings;
            settings.into_iter().map(|setting| setting.name).collect::<Vec<_>>()
        };
        assert!(names("all").contains(&"delta".to_owned()));
        assert!(!names("head").contains(&"delta".to_owned()) && names("head").contains(&"l2_sp".to_owned()));
        assert!(!names("scratch").contains(&"l2_sp".to_owned()));
        let skips = |arch: &str, depth: &str| {
            let mut config = varied(depth, Vary::Depth(Vec::new()), &[]).unwrap();
            config.model.arch = arch.to_owned();
            vary(&mut config, &Vary::Regularize, &[]).unwrap();
            let mut settings = config.compare.unwrap().settings.into_iter();
            settings.any(|setting| setting.name.ends_with("stochastic_depth"))
        };
        assert!(skips("resnet18", "last:1") && skips("resnet18", "scratch") && !skips("resnet18", "head"));
        // The last three stages of an EfficientNet: a convolution, a block that changes its width, four blocks.
        assert!(!skips("efficientnet_b0", "last:2") && skips("efficientnet_b0", "last:3"));
        assert!(!skips("vgg11", "all"));
        let setting = |arch: &str, depth: &str, name: &str| {
            let mut config = varied(depth, Vary::Depth(Vec::new()), &[]).unwrap();
            config.model.arch = arch.to_owned();
            vary(&mut config, &Vary::Regularize, &[]).unwrap();
            let settings = config.compare.unwrap().settings;
            settings.into_iter().find(|setting| setting.name == name).map(|setting| setting.set.concat())
        };
        let skipping = |arch| setting(arch, "all", "stochastic_depth");
        assert_eq!(skipping("resnet18").as_deref(), Some("regularize.stochastic_depth=0.2"));
        // EfficientNet skips by nature.
        assert_eq!(skipping("efficientnet_b0"), None);
        let without = setting("efficientnet_b0", "all", "no stochastic_depth");
        assert_eq!(without.as_deref(), Some("regularize.stochastic_depth=0"));
        // What the plain run keeps, the setting trains.
        let trained = |arch, depth| setting(arch, depth, "batch_norm train");
        assert_eq!(trained("resnet18", "last:1").as_deref(), Some("finetune.batch_norm=\"train\""));
        assert_eq!((trained("resnet18", "head"), trained("vgg11", "all")), (None, None));
        assert_eq!(setting("resnet18", "last:1", "batch_norm frozen"), None);
    }

    #[test]
    fn some_can_be_chosen_by_name() {
        let chosen = varied("all", Vary::Depth(Vec::new()), &["all"]).unwrap().compare.unwrap().settings;
        assert_eq!(chosen.iter().map(|setting| setting.name.as_str()).collect::<Vec<_>>(), ["head", "all"]);
        let depths = Vary::Depth(["head", "last:4", "auto"].map(String::from).to_vec());
        let chosen = varied("all", depths.clone(), &[]).unwrap().compare.unwrap().settings;
        let chosen: Vec<(&str, &str)> =
            chosen.iter().map(|setting| (setting.name.as_str(), setting.set[0].as_str())).collect();
        let expected = ["head", "last:4", "auto"].map(|depth| format!("finetune.depth={depth:?}"));
        assert_eq!(chosen, [("head", &*expected[0]), ("last 4", &*expected[1]), ("auto", &*expected[2])]);
        let error = varied("all", Vary::Depth(vec!["last:0".to_owned()]), &[]).unwrap_err().to_string();
        assert!(error.contains("--depths: unknown depth \"last:0\""), "{error}");
        let error = varied("all", Vary::Regularize, &["mixin"]).unwrap_err().to_string();
        assert!(error.contains("\"mixin\"") && error.contains("mixup"), "{error}");
        assert_eq!(varied("all", Vary::Images, &[]), Err(VaryError::NoAmounts));
    }
}
