//! The binary from outside.

use std::path::Path;
use std::process::{Command, Output};

use glyphs::{Alphabet, Manifest, Spec, Split, write};
use serde_json::{Value, json};

fn glyphs(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glyphs"));
    command.arg("cyrillic-capitals").arg(folder).args(arguments.split_whitespace());
    command.output().unwrap()
}

fn line(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn it_draws_what_the_library_draws_and_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let [ours, librarys] = ["ours", "librarys"].map(|name| temp.path().join(name));
    let spec = Spec {
        train_per_class: 2,
        validation_per_class: 0,
        test_per_class: 1,
        seed: 5,
        ..Spec::new(Alphabet::CyrillicCapitals, Split::by_family())
    };
    let expected = write(&spec, &librarys, &|_, _| {}).unwrap();
    let arguments = "--train 2 --validation 0 --test 1 --seed 5 --by-family --json";
    let drawn = glyphs(&ours, arguments);
    assert!(drawn.status.success(), "{drawn:?}");
    let said = line(&drawn);
    assert_eq!(said["content_digest"], json!(expected.content_digest));
    assert_eq!(said["pictures"], json!(33 * 3));
    assert_eq!(Manifest::read(&ours).unwrap(), Some(expected));
    let classes = |key: &str| said[key].as_array().unwrap().len();
    assert_eq!((classes("classes"), classes("unshared_with_latin")), (33, 23));
    assert!(said["unshared_with_latin"].as_array().unwrap().contains(&json!("capital-Ж")));

    let again = glyphs(&ours, arguments);
    assert_eq!(line(&again), said, "they are there already, and kept");
}

#[test]
fn other_letters_are_replaced_only_when_asked_and_untouched() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("letters");
    let draw = |seed: u32, more: &str| {
        glyphs(&folder, &format!("--train 1 --validation 0 --test 0 --seed {seed} {more}"))
    };
    assert!(draw(0, "").status.success());
    let refused = draw(1, "--json");
    assert_eq!(refused.status.code(), Some(1));
    assert!(line(&refused)["error"].as_str().unwrap().contains("another spec"), "{refused:?}");
    let replaced = draw(1, "--replace-outdated");
    assert!(replaced.status.success() && String::from_utf8_lossy(&replaced.stderr).contains("drawn again"));
    let mine = folder.join("train/capital-Ж/mine.png");
    std::fs::write(&mine, "").unwrap();
    let refused = draw(0, "--replace-outdated");
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("error: ") && mine.exists(), "{refused:?}");
}

#[test]
fn what_cannot_be_drawn_is_refused_with_its_reason() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("letters");
    assert_eq!(glyphs(&folder, "--by-family --test-families comic-sans").status.code(), Some(2));
    let too_small = glyphs(&folder, "--size 3");
    assert_eq!(too_small.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&too_small.stderr).contains("size is 3"), "{too_small:?}");
    assert!(!folder.exists());
}
