//! `fetch-weights` and `fetch-data` from outside, with the downloader at work behind them.

mod machine;

use std::fs;

use machine::{machine, serve, told, xtask, zip};

#[test]
fn weights_come_from_a_mirror_and_each_failure_is_told() {
    let machine = machine();
    let mirror = serve(b"not the weights".to_vec());
    let config = machine.path().join("workspace/dogs_cats.toml");
    fs::write(&config, "[model]\narch = \"resnet18\"\nweights = \"IMAGENET1K_V1\"\n").unwrap();
    let fetched = xtask(machine.path(), &["fetch-weights", "--from", &mirror]).output().unwrap();
    assert_eq!(fetched.status.code(), Some(1));
    let error = told(&fetched);
    assert!(error.contains("error: resnet18 IMAGENET1K_V1: ") && error.contains("f37072fd"), "{error}");
    assert!(fetched.stdout.is_empty());

    let both = ["fetch-weights", "resnet18", "vgg16:IMAGENET1K_V1", "--from", &mirror];
    let error = told(&xtask(machine.path(), &both).output().unwrap());
    assert!(error.contains("resnet18 IMAGENET1K_V1: ") && error.contains("vgg16 IMAGENET1K_V1: "), "{error}");

    let unknown = told(&xtask(machine.path(), &["fetch-weights", "resnet19"]).output().unwrap());
    assert!(unknown.contains("no weights are known for \"resnet19\"") && unknown.contains("resnet18"));
}

#[test]
fn a_config_with_nothing_to_fetch_needs_no_downloader() {
    let machine = machine();
    let config = machine.path().join("workspace/dogs_cats.toml");
    fs::write(&config, "[model]\narch = \"lenet5\"\nweights = \"none\"\n").unwrap();
    let fetched =
        xtask(machine.path(), &["fetch-weights"]).env("FINETUNE_FETCH", "/no/such/tool").output().unwrap();
    assert!(fetched.status.success() && told(&fetched).contains("nothing to fetch"), "{}", told(&fetched));
}

#[test]
fn data_of_another_digest_is_refused_from_a_file_and_from_an_address() {
    let machine = machine();
    let other = zip(&[("dogs_cats_small/train/cats/1.jpg", "jpg")]);
    let file = machine.path().join("dogs_cats_small.zip");
    fs::write(&file, &other).unwrap();
    for from in [file.to_str().unwrap(), &serve(other)] {
        let fetched =
            xtask(machine.path(), &["fetch-data", "dogs_cats_small", "--from", from]).output().unwrap();
        assert_eq!(fetched.status.code(), Some(1));
        let error = told(&fetched);
        assert!(
            error.contains("dogs_cats_small.zip has the SHA-256") && error.contains("55f6d112"),
            "{error}"
        );
        assert_eq!(fs::read_dir(machine.path().join("workspace/data")).map_or(0, Iterator::count), 0);
    }

    let there = machine.path().join("workspace/data/dogs_cats_small");
    fs::create_dir_all(&there).unwrap();
    let again = xtask(machine.path(), &["fetch-data", "dogs_cats_small"]).output().unwrap();
    assert!(again.status.success());
    assert_eq!(String::from_utf8_lossy(&again.stdout).trim_end(), there.to_str().unwrap());
}
