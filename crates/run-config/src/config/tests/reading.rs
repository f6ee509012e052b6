use super::*;

#[test]
fn an_unknown_key_names_line_column_and_neighbour() {
    let message = read_text(&GOOD.replace("epochs", "epoch"), &[]).unwrap_err();
    assert!(message.starts_with("c.toml:7:1: "), "{message}");
    assert!(message.contains("did you mean `epochs`?"), "{message}");
}

#[test]
fn a_wrong_type_and_broken_syntax_point_at_their_place() {
    let message = read_text(&GOOD.replace("epochs = 3", "epochs = \"three\""), &[]).unwrap_err();
    assert!(message.starts_with("c.toml:7:10: ") && message.contains("three"), "{message}");
    let message = read_text(&GOOD.replace("[model]", "[model"), &[]).unwrap_err();
    assert!(message.starts_with("c.toml:3:"), "{message}");
}

#[test]
fn overrides_win_take_bare_strings_and_answer_for_themselves() {
    let (config, source) = read_text(GOOD, &["train.epochs=9", "finetune.depth=last:2"]).unwrap();
    assert_eq!((config.train.epochs().get(), config.finetune.depth), (9, records::Depth::Last(2)));
    assert!(source.wrong("finetune.depth", "no").to_string().starts_with("--set finetune.depth=last:2: "));
    let message = read_text(GOOD, &["train.epoch=9"]).unwrap_err();
    assert!(message.starts_with("--set train.epoch=9: ") && message.contains("`epochs`"), "{message}");
    assert!(read_text(GOOD, &["train.epochs"]).unwrap_err().contains("KEY=VALUE"));
}

#[test]
fn an_override_below_a_table_answers_for_the_table() {
    let text = format!("{GOOD}[finetune.thaw]\nevery = 2\n");
    let (_, source) = read_text(&text, &["finetune.thaw.every=3"]).unwrap();
    let place = |key: &str| source.wrong(key, "no").to_string();
    assert!(place("finetune.thaw").starts_with("--set finetune.thaw.every=3: finetune.thaw: "));
    assert!(place("finetune.thaw.every").starts_with("--set finetune.thaw.every=3: "));
    assert!(place("finetune.thaw.at").contains("c.toml:"), "{}", place("finetune.thaw.at"));
    for (argument, says) in [
        ("finetune.thaw.every=0", "must be at least 1"),
        ("finetune.thaw.every=often", "often"),
        ("finetune.thaw.ever=1", "`every`"),
    ] {
        let message = read_text(&text, &[argument]).unwrap_err();
        assert!(message.starts_with(&format!("--set {argument}: ")) && message.contains(says), "{message}");
    }
}

#[test]
fn an_override_may_supply_what_the_file_lacks() {
    let text = GOOD.replace("root = \"d\"\n", "");
    let (config, source) = read_text(&text, &[]).unwrap();
    let message = check(&config, &source).unwrap_err().to_string();
    assert!(message.contains("c.toml:1:1: data.root") && message.contains("data.list"), "{message}");
    assert_eq!(
        read_text(&text, &["data.root=elsewhere"]).unwrap().0.data.root,
        Some(std::path::PathBuf::from("elsewhere"))
    );
    let message = read_text(&text.replace("arch = \"resnet18\"\n", ""), &[]).unwrap_err();
    assert!(message.contains("missing field `arch`"), "{message}");
}

#[test]
fn groups_and_paths_are_checked_where_they_are_written() {
    for (line, says) in [
        ("group = { pattern = \"^p\" }", "parentheses"),
        ("group = { column = \"a\", pattern = \"(b)\" }", "one of them"),
        ("group = { colum = \"a\" }", "did you mean `column`?"),
        ("exclude = \"$NO_SUCH_VARIABLE_ANYWHERE/x\"", "is not set"),
    ] {
        let message = read_text(&GOOD.replace("[model]", &format!("{line}\n[model]")), &[]).unwrap_err();
        assert!(message.starts_with("c.toml:3:") && message.contains(says), "{message}");
    }
    let (config, _) =
        read_text(&GOOD.replace("[model]", "group = { pattern = \"(.)\" }\n[model]"), &[]).unwrap();
    assert_eq!(toml::from_str::<Config>(&toml::to_string(&config).unwrap()).unwrap(), config);
}

#[test]
fn a_later_mistake_still_finds_its_line() {
    let (_, source) = read_text(GOOD, &[]).unwrap();
    let message = source.wrong("model.arch", "unknown").to_string();
    assert!(message.contains("c.toml:4:8: model.arch: unknown"), "{message}");
}

#[test]
fn what_is_written_back_reads_the_same() {
    let (config, _) = read_text(GOOD, &[]).unwrap();
    let text = toml::to_string(&config).unwrap();
    assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
}
