//! Configurations that are refused as a whole, each at its line: values that contradict each other, the data or the weights.
//!
//! In process, because libtorch takes longer to load than a configuration to refuse. That such an error ends the program
//! with 2 and leaves no folder is for `tests/cli/bad_input.rs` to show.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use checkpoint::safetensors_file;
use finetune_core::recipe::Course;
use finetune_core::{Error, recipe};
use records::{Interrupt, Session};
use tempfile::TempDir;
use trained_model::model_file;

use crate::base::BASE;
use crate::shapes::draw;

/// `data/` with nine bars and four crosses, and `m.safetensors`, a LeNet that was trained on them.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (class, count) in [("bar", 9), ("cross", 4)] {
        draw(&path("data/train").join(class), class, 0..count);
        draw(&path("data/val").join(class), class, 100..102);
    }
    for split in ["train", "val"] {
        draw(&path("alone").join(split).join("bar"), "bar", 0..4);
    }
    let source = BASE.replace("m.safetensors", "none").replace("last:2", "scratch");
    let config = path("source.toml");
    fs::write(&config, placed(&source, folder.path())).unwrap();
    let (config, source) = run_config::read(&config, &["train.epochs=1".to_owned()]).unwrap();
    let run = run_config::resolve(config, source).unwrap();
    let session = &mut Session { interrupt: &Interrupt::default(), listener: &mut |_| {} };
    let mut materials = recipe::gather(&run, &team::Team::alone(), session).unwrap();
    let finished = recipe::perform(&run, &mut materials, None, Course::unsaved(), session).unwrap();
    let description = finished.description(&materials);
    model_file::save(&finished.backbone, &description, &path("m.safetensors")).unwrap();
    folder
});

/// A configuration with the folder's data and weights by their whole paths.
fn placed(text: &str, folder: &Path) -> String {
    let quoted = |name: &str| format!("{:?}", folder.join(name).display().to_string());
    text.replace("\"data\"", &quoted("data"))
        .replace("\"m.safetensors\"", &quoted("m.safetensors"))
        .replace("FOLDER", &folder.display().to_string())
}

/// Returns why a configuration with these overrides is refused, as `c.toml:LINE:COLUMN: KEY: WHY` or `--set SET: KEY: WHY`.
#[track_caller]
fn refusal(text: &str, sets: &[&str]) -> String {
    let own = tempfile::tempdir().unwrap();
    let file = own.path().join("c.toml");
    fs::write(&file, placed(text, FOLDER.path())).unwrap();
    let sets: Vec<String> =
        sets.iter().map(|set| set.replace("FOLDER", &FOLDER.path().display().to_string())).collect();
    let attempt = || -> Result<(), Error> {
        let (config, source) = run_config::read(&file, &sets)?;
        let run = run_config::resolve(config, source)?;
        let session = &mut Session { interrupt: &Interrupt::default(), listener: &mut |_| {} };
        let mut materials = recipe::gather(&run, &team::Team::alone(), session)?;
        recipe::perform(&run, &mut materials, None, Course::unsaved(), session).map(drop)
    };
    match attempt() {
        Err(Error::Config(error)) => error.to_string().replace(&format!("{}/", own.path().display()), ""),
        Err(error) => panic!("{sets:?} is another error than one of the configuration: {error}\n{text}"),
        Ok(()) => panic!("{sets:?} is not refused\n{text}"),
    }
}

/// Asserts that a configuration is refused at a line and column, with this said of it.
#[track_caller]
fn refused_at(text: &str, place: &str, says: &str) {
    let why = refusal(text, &[]);
    assert!(why.starts_with(&format!("c.toml:{place}: ")) && why.contains(says), "{place}, {says:?}: {why}");
}

/// Asserts that [`BASE`] with these overrides is refused, with all of this said of it.
#[track_caller]
fn refused_with(sets: &[&str], says: &[&str]) {
    let why = refusal(BASE, sets);
    assert!(says.iter().all(|says| why.contains(says)), "{says:?}: {why}");
}

#[test]
fn policies_that_contradict_each_other_are_refused_at_their_line() {
    let tune = "[finetune]";
    let train = "[train]";
    // The line after [finetune] is 17, the one after [train] 21.
    for (section, lines, place, says) in [
        (tune, "rates = { fc9 = 0.1 }", "17:17", "conv1, conv2, fc1, fc2, head"),
        (tune, "rates = { conv1 = 0.1 }", "17:19", "finetune.rates.conv1: "),
        (tune, "rates = { fc2 = 0 }", "17:17", "finetune.rates"),
        (tune, "rate_floor = 0.5", "17:14", "finetune.rate_scale = 0.1"),
        (
            tune,
            "thaw = { at = { fc1 = 4 } }",
            "17:23",
            "finetune.thaw.at.fc1: fc1 would be unfrozen in epoch 4",
        ),
        (tune, "thaw = { at = { conv1 = 2 } }", "17:25", "finetune.thaw.at.conv1: "),
        (tune, "thaw = { at = { fc2 = 3, fc1 = 2 } }", "17:32", "finetune.thaw.at.fc1: "),
        (
            tune,
            "thaw = { every = 3 }",
            "17:18",
            "finetune.thaw.every: the first stage would be unfrozen in epoch 4",
        ),
        (tune, "thaw = { every = 0 }", "17:18", "finetune.thaw.every: must be at least 1, and this is 0"),
        (tune, "thaw = {}", "17:8", "finetune.thaw: "),
        (tune, "thaw = { every = 1, at = { fc2 = 1 } }", "17:26", "finetune.thaw"),
        (tune, "batch_norm = \"off\"", "17:14", "`auto`, `train`, `frozen`"),
        (tune, "lora = { rank = 8 }", "17:8", "finetune.lora: is for attention, and lenet5_relu has none"),
        (tune, "lora = { rank = 0 }", "17:17", "finetune.lora.rank: must be 1 to 256, and this is 0"),
        (tune, "lora = { ranks = 8 }", "17:10", "`rank`"),
        (tune, "lora = {}\nwise_ft = 0.5", "18:11", "finetune.wise_ft: does not go with finetune.lora"),
        (tune, "batch_norm = \"frozen\"", "17:14", "finetune.batch_norm"),
        (train, "swa_from = 4", "21:12", "train.swa_from: epoch 4 comes after the last of 3"),
        (train, "swa_from = 2\nema = 0.9", "21:12", "train.ema"),
        (train, "warmup_epochs = 1.0", "21:17", "finetune.head_epochs = 1"),
        (train, "schedule = \"cosine\"\nstep = { every = 2 }", "22:8", "train.schedule = \"cosine\""),
        (train, "sgd = { momentum = 0.5 }", "21:7", "train.optimizer = \"adamw\""),
        (train, "class_weights = { disc = 2 }", "21:26", "bar, cross"),
        (train, "class_weights = { bar = 0, cross = 0 }", "21:17", "train.class_weights"),
        (train, "class_weights = { bar = -1 }", "21:25", "train.class_weights"),
        (train, "sampler = \"balanced\"\nclass_weights = \"balanced\"", "22:17", "train.class_weights"),
        (train, "clip_norm = 0", "21:13", "train.clip_norm"),
        (train, "ema = 1.0", "21:7", "train.ema"),
        (train, "accumulate = 0", "21:14", "train.accumulate: must be at least 1, and this is 0"),
    ] {
        refused_at(&BASE.replace(section, &format!("{section}\n{lines}")), place, says);
    }
    for (sets, says) in [
        (&["finetune.depth=head", "finetune.thaw.every=1"][..], "finetune.thaw"),
        (&["finetune.depth=scratch", "finetune.thaw.every=1"][..], "finetune.thaw"),
        (&["finetune.depth=scratch", "finetune.batch_norm=frozen"][..], "finetune.batch_norm"),
        (&["finetune.depth=head", "finetune.rates={fc2=1}"][..], "finetune.rates"),
        (&["finetune.depth=head", "finetune.rates={head=0.5}"][..], "train.learning_rate"),
        (&["finetune.depth=head", "finetune.batch_norm=frozen"][..], "finetune.batch_norm"),
        (&["finetune.depth=head", "finetune.rate_scale=0.4"][..], "finetune.rate_scale: "),
        (&["finetune.depth=head", "finetune.rate_floor=0.05"][..], "finetune.rate_floor: "),
        (&["finetune.depth=scratch", "finetune.rate_decay=0.5"][..], "finetune.rate_decay: "),
        (
            &["train.schedule=one-cycle", "train.adam.beta1=0.8"][..],
            "--set train.adam.beta1=0.8: train.optimizer.beta1: ",
        ),
        (
            &["train.schedule=one-cycle", "train.optimizer=sgd", "train.sgd.momentum=0.5"][..],
            "train.sgd.momentum",
        ),
        (
            &["train.schedule=one-cycle", "train.optimizer=rmsprop", "train.rmsprop.momentum=0.5"][..],
            "train.rmsprop.momentum",
        ),
        (&["regularize.weight_decay=0", "regularize.decay=all"][..], "regularize.decay: "),
        (&["train.metric=f1"][..], "train.metric: has no effect"),
        (&["train.keep=best", "train.metric=auc"][..], "`balanced_accuracy`"),
        (&["train.keep=best", "data.root=FOLDER/data/train", "data.validation_fraction=0"][..], "train.keep"),
        (&["finetune.wise_ft=0"][..], "must be above 0 and at most 1"),
        (&["finetune.depth=head", "finetune.wise_ft=0.5"][..], "finetune.wise_ft: has no effect"),
        (&["finetune.depth=scratch", "finetune.wise_ft=0.5"][..], "finetune.wise_ft: has no effect"),
        (&["finetune.depth=auto", "finetune.wise_ft=0.5"][..], "finetune.wise_ft: "),
        (&["finetune.depth=head", "finetune.lora={}"][..], "finetune.lora: has no effect"),
        (&["finetune.depth=scratch", "finetune.lora={}"][..], "finetune.lora: has no effect"),
        (&["finetune.depth=auto", "finetune.lora={}"][..], "finetune.lora: needs stages that are trained"),
        (&["finetune.depth=search", "finetune.lora={}"][..], "finetune.lora: needs stages that are trained"),
        (&["train.swa_from=2", "regularize.early_stopping=1"][..], "train.swa_from"),
        (
            &["data.root=FOLDER/data/train", "data.validation_fraction=0", "train.schedule=plateau"][..],
            "train.schedule",
        ),
    ] {
        refused_with(sets, &[says]);
    }
}

#[test]
fn techniques_that_cannot_be_are_refused_at_their_line() {
    // Lines are added at the end, the first of them after an empty one and its table.
    let first = BASE.lines().count() + 3;
    let with = |lines: &str| format!("{BASE}\n{lines}\n");
    for (table, lines, place, says) in [
        ("regularize", "l1 = -1", (0, 6), "regularize.l1"),
        ("regularize", "l1 = nan", (0, 6), "regularize.l1"),
        ("regularize", "max_norm = 0", (0, 12), "regularize.max_norm"),
        ("regularize", "mixup = inf", (0, 9), "regularize.mixup"),
        ("regularize", "cutmix = -0.1", (0, 10), "regularize.cutmix"),
        ("regularize", "label_smoothing = 1.0", (0, 19), "regularize.label_smoothing"),
        ("regularize", "l2_sp = { alpha = -1 }", (0, 19), "regularize.l2_sp"),
        ("regularize", "l2_sp = { gamma = 1 }", (0, 11), "gamma"),
        ("regularize", "delta = { beta = nan }", (0, 18), "regularize.delta"),
        ("regularize", "spectral_shrinkage = { k = 0 }", (0, 28), "regularize.spectral_shrinkage"),
        ("regularize", "co_tuning = { scale = 0 }", (0, 23), "regularize.co_tuning"),
        ("regularize", "l2_sp = {}\ndelta = {}", (0, 9), "regularize.l2_sp"),
        ("regularize", "l2_sp = {}\nweight_decay = 0.1", (1, 16), "regularize.weight_decay"),
        ("regularize", "weight_decay = 0.1\ndelta = {}", (0, 16), "regularize.weight_decay"),
        ("augment", "rotation = 200", (0, 12), "180"),
        ("augment", "policy = \"autoaugment\"", (0, 10), "`trivialaugment`"),
        ("augment", "randaugment = { magnitude = 5 }", (0, 15), "augment.policy"),
        (
            "augment",
            "policy = \"randaugment\"\nrandaugment = { magnitude = 31 }",
            (1, 29),
            "augment.randaugment",
        ),
        (
            "augment",
            "policy = \"randaugment\"\nrandaugment = { operations = 0 }",
            (1, 30),
            "augment.randaugment",
        ),
        ("augment", "color_jitter = { hue = 0.6 }", (0, 24), "augment.color_jitter"),
        ("augment", "color_jitter = { contrast = inf }", (0, 29), "augment.color_jitter"),
        ("augment", "erasing = { scale = [0.5, 0.1] }", (0, 21), "augment.erasing.scale"),
        ("augment", "erasing = { probability = 2 }", (0, 27), "augment.erasing"),
        ("augment", "vertical_flip = 1.5", (0, 17), "augment.vertical_flip"),
        ("augment", "vertical_flip = nan", (0, 17), "augment.vertical_flip"),
        ("augment", "quarter_turns = 1", (0, 17), "boolean"),
        ("augment", "gray = -0.1", (0, 8), "augment.gray"),
        ("augment", "blur = { probability = 2 }", (0, 24), "augment.blur"),
        ("augment", "blur = { kernel = 4 }", (0, 19), "99"),
        ("augment", "blur = { sigma = [2.0, 1.0] }", (0, 18), "augment.blur"),
        ("augment", "blur = { strength = 1 }", (0, 10), "`strength`"),
        ("augment", "sampling = \"bilinear\"", (0, 12), "augment.sampling"),
        ("augment", "views = 4", (0, 9), "augment.views"),
        ("regularize", "stochastic_depth = 0.2", (0, 20), "regularize.stochastic_depth"),
    ] {
        refused_at(&with(&format!("[{table}]\n{lines}")), &format!("{}:{}", first + place.0, place.1), says);
    }
    for (key, value) in [("l1", "0.1"), ("max_norm", "2"), ("l2_sp", "{}"), ("delta", "{}")] {
        let technique = format!("regularize.{key}={value}");
        refused_with(&["finetune.lora={}", &technique], &[&format!("regularize.{key}: does not go with")]);
    }
    for key in ["l2_sp", "delta", "co_tuning"] {
        let technique = format!("regularize.{key}={{}}");
        refused_with(&["finetune.depth=scratch", &technique], &[&format!("regularize.{key}")]);
    }
    for key in ["delta", "spectral_shrinkage", "co_tuning"] {
        for depth in ["finetune.depth=head", "finetune.depth=from:head"] {
            let technique = format!("regularize.{key}={{}}");
            refused_with(&[depth, &technique], &[&format!("regularize.{key}"), "depth"]);
        }
    }
    refused_with(
        &["finetune.depth=head", "regularize.stochastic_depth=0.1"],
        &["regularize.stochastic_depth"],
    );
}

#[test]
fn techniques_that_do_not_suit_the_data_are_refused_at_their_line() {
    let first = BASE.lines().count() + 3;
    refused_with(&["regularize.mixup=1", "train.batch_size=1"], &["regularize.mixup", "train.batch_size"]);
    refused_with(&["data.root=FOLDER/alone", "regularize.cutmix=1"], &["data.root"]);
    // The same from a file, at the line of what cannot be.
    let alone = BASE.replace("\"data\"", "\"FOLDER/alone\"");
    refused_at(&format!("{alone}\n[regularize]\nmixup = 0.2\n"), "2:8", "data.root");
    let blind = BASE.replace("\"data\"", "\"FOLDER/data/train\"\nvalidation_fraction = 0.0");
    let blind = format!("{blind}\n[regularize]\nearly_stopping = 2\n");
    refused_at(&blind, &format!("{}:18", first + 1), "regularize.early_stopping");
}

/// Weights without a classifier serve every technique but the one that keeps it.
#[test]
fn co_tuning_needs_the_classifier_of_the_source() {
    let mut tensors = checkpoint::read(&FOLDER.path().join("m.safetensors")).unwrap().tensors;
    tensors.retain(|name, _| !name.starts_with("fc3."));
    let headless = FOLDER.path().join("headless.safetensors");
    safetensors_file::write(&headless, &tensors, &Default::default()).unwrap();
    refused_with(
        &["model.weights=FOLDER/headless.safetensors", "regularize.co_tuning={}"],
        &["--set regularize.co_tuning={}: regularize.co_tuning: needs the classifier of the source"],
    );
}

/// An input that no image can have.
#[test]
fn an_impossible_input_is_refused_at_its_line() {
    let before = BASE.split("[data.input]").next().unwrap();
    let after = BASE.split("std = [0.5]\n").nth(1).unwrap();
    for (sides, channels, std, says) in [
        ([28, 15], 1, "[0.5]", "at least 16 pixels"),
        ([28, 28], 2, "[0.5]", "channels is 2"),
        ([28, 28], 1, "[0.0]", "input.std is [0.0]"),
        ([28, 28], 3, "[0.5]", "the 3 channels"),
        ([4_000_000_000_u32; 2], 1, "[0.5]", "1 to 16384"),
    ] {
        let [resize, crop] = sides;
        let input = format!(
            "[data.input]\nresize = {resize}\ncrop = {crop}\ninterpolation = \"bilinear\"\n\
             channels = {channels}\nmean = [0.5]\nstd = {std}\n"
        );
        refused_at(&format!("{before}{input}{after}"), "4:1", says);
    }
}

#[test]
fn mistakes_in_keys_are_refused_at_their_line() {
    for (right, wrong, place, says) in [
        ("epochs = 3", "epochs = \"one\"", "21:10", "\"one\""),
        ("epochs = 3", "epochs = -1", "21:10", "-1"),
        ("epochs = 3", "epochs = 0", "21:10", "train.epochs: must be at least 1, and this is 0"),
        ("[train]", "[trian]", "20:2", "`train`"),
        ("\"cpu\"", "\"gpu\"", "25:10", "\"auto\", \"cpu\""),
        ("\"last:2\"", "\"deep\"", "17:9", "\"last:N\""),
        ("threads = 1", "threads = 2000000000", "26:11", "run.threads"),
    ] {
        refused_at(&BASE.replace(right, wrong), place, says);
    }
    for (set, says) in [
        ("train.epochs=many", "many"),
        ("train.epochs", "KEY=VALUE"),
        ("train.learning_rate=-1", "train.learning_rate"),
        ("data.input.fit=stretch", "`crop`, `pad`, `squash`"),
        ("data.input.range=65536", "65535"),
        ("data.images_per_class=0", "--set data.images_per_class=0: must be at least 1, and this is 0"),
        ("compare.images_per_class=[3, 0]", "compare.images_per_class"),
    ] {
        refused_with(&[set], &[says]);
    }
}
