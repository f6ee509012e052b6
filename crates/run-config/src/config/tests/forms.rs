use super::*;

fn train(lines: &str) -> Result<TrainConfig, String> {
    read_text(&format!("{GOOD}{lines}\n"), &[]).map(|(config, _)| config.train)
}

#[test]
fn an_optimizer_is_a_name_or_a_table_and_so_is_a_schedule() {
    let plain = train("optimizer = \"sgd\"").unwrap().optimizer;
    assert_eq!(plain, Optimizer::Sgd(Sgd { momentum: ranged::Fraction::of(0.9) }));
    let table = train("optimizer = { momentum = 0.8, name = \"sgd\" }").unwrap().optimizer;
    assert_eq!(table, Optimizer::Sgd(Sgd { momentum: ranged::Fraction::of(0.8) }));
    let step = train("schedule = { name = \"step\", every = 4 }").unwrap().schedule;
    let LearningRateSchedule::Step(step) = step else { panic!("{step:?}") };
    assert_eq!((step.every.get(), step.factor.get()), (4, 0.1));
    assert_eq!(train("").unwrap().optimizer, Optimizer::default());
}

#[test]
fn the_form_of_before_means_the_same_and_is_hinted_at() {
    for (old, new) in [
        ("optimizer = \"sgd\"\nsgd = { momentum = 0.8 }", "optimizer = { name = \"sgd\", momentum = 0.8 }"),
        ("[train.adam]\nbeta1 = 0.8", "optimizer = { name = \"adamw\", beta1 = 0.8 }"),
        (
            "optimizer = \"adam\"\n[train.adam]\nepsilon = 1e-3\nbeta2 = 0.9",
            "optimizer = { name = \"adam\", beta2 = 0.9, epsilon = 1e-3 }",
        ),
        ("optimizer = \"rmsprop\"\nrmsprop = {}", "optimizer = { name = \"rmsprop\" }"),
        ("schedule = \"step\"\nstep = { every = 2 }", "schedule = { name = \"step\", every = 2 }"),
        (
            "schedule = \"one-cycle\"\n[train.one_cycle]\nmomentum = [0.7, 0.8]",
            "schedule = { name = \"one-cycle\", momentum = [0.7, 0.8] }",
        ),
        (
            "schedule = \"plateau\"\nplateau = { patience = 0 }",
            "schedule = { name = \"plateau\", patience = 0 }",
        ),
    ] {
        let (read, source) = read_text(&format!("{GOOD}{old}\n"), &[]).unwrap();
        assert_eq!(read.train, train(new).unwrap(), "{old}");
        let [hint] = source.hints() else { panic!("{old}: {:?}", source.hints()) };
        assert!(hint.contains("c.toml:") && hint.contains(new), "{hint}");
        assert!(read_text(&format!("{GOOD}{new}\n"), &[]).unwrap().1.hints().is_empty());
        // What is written is the form of today.
        let written = toml::to_string(&read).unwrap();
        assert_eq!(parse(&written).unwrap(), read);
        assert_eq!(toml::from_str::<Config>(&written).unwrap(), read, "{written}");
    }
    let policy = "[augment]\npolicy = \"randaugment\"\nrandaugment = { magnitude = 20 }\n";
    let (old, source) = read_text(&format!("{GOOD}{policy}"), &[]).unwrap();
    let new = "[augment]\npolicy = { name = \"randaugment\", magnitude = 20 }\n";
    assert_eq!(
        (old.augment, source.hints().len()),
        (read_text(&format!("{GOOD}{new}"), &[]).unwrap().0.augment, 1)
    );
}

#[test]
fn overrides_know_both_forms_in_any_order() {
    let file = format!("{GOOD}optimizer = \"sgd\"\n");
    let momentum = |text: &str, overrides: &[&str]| {
        let (config, source) = read_text(text, overrides).unwrap();
        let mut optimizer = config.train.optimizer;
        (optimizer.own_momentum().value.get(), source.hints().len())
    };
    assert_eq!(momentum(&file, &["train.optimizer.momentum=0.5"]), (0.5, 0));
    assert_eq!(momentum(&file, &["train.sgd.momentum=0.5"]), (0.5, 1));
    assert_eq!(momentum(GOOD, &["train.optimizer.beta1=0.5"]), (0.5, 0));
    assert_eq!(momentum(GOOD, &["train.sgd.momentum=0.5", "train.optimizer=sgd"]), (0.5, 1));
    assert_eq!(momentum(GOOD, &["train.optimizer={ name = \"rmsprop\", momentum = 0.5 }"]), (0.5, 0));
    let (config, _) = read_text(GOOD, &[]).unwrap();
    let overlaid = |changes: &[&str]| {
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        overlay(&config, &changes).map(|config| config.train.optimizer).map_err(|error| error.to_string())
    };
    let sgd = Optimizer::Sgd(Sgd { momentum: ranged::Fraction::of(0.5) });
    assert_eq!(overlaid(&["train.optimizer=sgd", "train.sgd.momentum=0.5"]), Ok(sgd));
    assert_eq!(overlaid(&["train.optimizer=sgd", "train.optimizer.momentum=0.5"]), Ok(sgd));
    let message = overlaid(&["train.sgd.momentum=0.5"]).unwrap_err();
    assert!(message.starts_with("--set train.sgd.momentum=0.5: train.sgd: has no effect"), "{message}");
}

#[test]
fn a_mistake_is_found_at_its_line_and_column() {
    for (lines, place, says) in [
        ("learning_rate = -1", "8:17: train.learning_rate: ", "must be above 0, and this is -1"),
        ("batch_size = 0", "8:14: train.batch_size: ", "must be at least 1, and this is 0"),
        ("optimizer = \"sgdd\"", "8:13: train.optimizer: ", "did you mean `sgd`?"),
        (
            "optimizer = { name = \"sgd\", momentum = 1.0 }",
            "8:40: train.optimizer.momentum: ",
            "must be at least 0 and below 1, and this is 1",
        ),
        (
            "optimizer = { name = \"sgd\", beta1 = 0.5 }",
            "8:37: train.optimizer.beta1: ",
            "unknown field `beta1`",
        ),
        ("optimizer = \"sgd\"\n[train.sgd]\nmomentum = 2", "10:12: train.sgd.momentum: ", "below 1"),
        ("sgd = { momentum = 0.5 }", "8:7: train.sgd: ", "no effect with train.optimizer = \"adamw\""),
        ("schedule = { name = \"step\", every = 0 }", "8:37: train.schedule.every: ", "at least 1"),
        ("class_weights = { cat = -1 }", "8:25: train.class_weights.cat: ", "at least 0"),
        ("[augment]\nrandaugment = {}", "9:15: augment.randaugment: ", "without augment.policy"),
        (
            "[augment]\npolicy = { name = \"randaugment\", magnitude = 31 }",
            "9:46: augment.policy.magnitude: ",
            "30",
        ),
        (
            "[augment]\nerasing = { scale = [0.5, 0.1] }",
            "9:21: augment.erasing.scale: ",
            "[smallest, largest]",
        ),
        ("[finetune]\ndepth = \"last:0\"", "9:9: finetune.depth: ", "unknown depth \"last:0\""),
        ("[run]\nthreads = 2000", "9:11: run.threads: ", "at most 1024"),
        (
            "[compare]\nimages_per_class = [3, 0]",
            "9:24: compare.images_per_class",
            "must be at least 1, and this is 0",
        ),
    ] {
        let message = read_text(&format!("{GOOD}{lines}\n"), &[]).unwrap_err();
        assert!(
            message.starts_with(&format!("c.toml:{place}")) && message.contains(says),
            "{lines}: {message}"
        );
    }
    let message = read_text(GOOD, &["train.optimizer.beta1=2"]).unwrap_err();
    assert!(
        message.starts_with("--set train.optimizer.beta1=2: ") && message.contains("below 1"),
        "{message}"
    );
    let message = read_text(GOOD, &["data.images_per_class=0"]).unwrap_err();
    assert!(
        message.starts_with("--set data.images_per_class=0: ") && message.contains("must be at least 1"),
        "{message}"
    );
    let message = read_text(GOOD, &["train.sgd.momentum=0.5"]).unwrap_err();
    assert!(message.starts_with("--set train.sgd.momentum=0.5: train.sgd: has no effect"), "{message}");
}

#[test]
fn settings_in_the_old_form_are_hinted_at_where_they_are() {
    let compare = "[[compare.setting]]\nname = \"a\"\nset = [\"train.adam.beta1=0.8\"]\n";
    let (_, source) = read_text(&format!("{GOOD}{compare}"), &[]).unwrap();
    let [hint] = source.hints() else { panic!("{:?}", source.hints()) };
    assert!(hint.contains("c.toml:10:8: ") && hint.contains("write train.optimizer.beta1=0.8"), "{hint}");
}
