//! Data folders as exporters, archives and operating systems leave them.

use std::fs;
use std::path::Path;

use images::{DataSet, Error, Origin, Reason, Remark, Selection, Split, SplitName};

/// Creates files, empty ones but for images without a name of one; listing does not read more than first bytes.
fn folder_of(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        if file.ends_with('/') {
            fs::create_dir_all(path).expect("folder");
        } else {
            fs::write(path, [0xFF, 0xD8, 0xFF, 0xE0, 0, 16]).expect("file");
        }
    }
    folder
}

fn open(root: &Path) -> Result<DataSet, Error> {
    choose(root, &Selection::default())
}

fn choose(root: &Path, selection: &Selection) -> Result<DataSet, Error> {
    DataSet::open(Origin::Folder(root), selection, &Split { validation_fraction: 0.0, seed: 1 })
}

fn counts(set: &DataSet) -> [usize; 3] {
    [set.train.len(), set.validation.len(), set.test.len()]
}

#[test]
fn splits_under_the_names_of_exporters() {
    for [train, validation, test] in [
        ["train", "valid", "test"],
        ["Train", "VAL", "Testing"],
        ["training_set", "validation_set", "test_set"],
        ["Training", "dev", "TEST"],
        ["seg_train/seg_train", "eval", "seg_test/seg_test"],
    ] {
        let files = ["a/1.png", "b/1.png", "b/2.png"];
        let all: Vec<String> = [(train, 3), (validation, 2), (test, 1)]
            .iter()
            .flat_map(|(split, count)| files[..*count].iter().map(move |file| format!("{split}/{file}")))
            .collect();
        let folder = folder_of(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let set = open(folder.path()).expect("data set");
        assert_eq!((counts(&set), set.classes.join(" ")), ([3, 2, 1], "a b".to_owned()), "{train}");
    }
}

#[test]
fn a_folder_too_many_is_entered() {
    for wrapper in ["set", "archive/set", "a/b/c"] {
        let files = ["train/a/1.png", "train/b/1.png", "val/a/2.png"].map(|file| format!("{wrapper}/{file}"));
        let folder = folder_of(&files.each_ref().map(String::as_str));
        fs::create_dir(folder.path().join("__MACOSX")).expect("folder");
        fs::write(folder.path().join("README.txt"), "about").expect("file");
        let set = open(folder.path()).expect("data set");
        assert_eq!(counts(&set), [2, 1, 0]);
        assert!(matches!(&set.remarks[0], Remark::Descended { into } if into.ends_with(wrapper)));
        // The same data elsewhere: the same samples.
        let bare = folder_of(&["train/a/1.png"]);
        fs::create_dir_all(bare.path().join("train/b")).expect("folder");
        fs::write(bare.path().join("train/b/1.png"), "").expect("file");
        assert_eq!(open(bare.path()).expect("data set").train[0].id, set.train[0].id);
    }
}

#[test]
fn levels_above_the_classes_are_no_classes() {
    let folder = folder_of(&["one/cat/1.png", "one/dog/1.png", "two/cat/1.png", "two/dog/1.png"]);
    let message = open(folder.path()).expect_err("no classes").to_string();
    assert!(["one, two", "cat, dog", "data.classes"].iter().all(|part| message.contains(part)), "{message}");
    let sure = Selection { classes: vec!["one".to_owned(), "two".to_owned()], ..Selection::default() };
    assert_eq!(counts(&choose(folder.path(), &sure).expect("said to be classes")), [4, 0, 0]);
    // Images of their own, or sub-folders of their own, make classes of them.
    fs::write(folder.path().join("one/loose.png"), "").expect("file");
    assert_eq!(open(folder.path()).expect("classes").classes, ["one", "two"]);
    let nested =
        folder_of(&["cats/persian/1.png", "cats/siamese/1.png", "dogs/boxer/1.png", "dogs/pug/1.png"]);
    assert_eq!(open(nested.path()).expect("classes").classes, ["cats", "dogs"]);
    // Splits with images and no classes are not two classes.
    let flat = folder_of(&["Train/1.png", "Test/1.png"]);
    assert!(matches!(open(flat.path()), Err(Error::NoClasses(path)) if path.ends_with("Train")));
}

#[test]
fn folders_next_to_the_data_are_not_classes() {
    let splits = ["set/train/a/1.png", "set/train/b/1.png", "set/valid/a/2.png"];
    let with = |more: &str| folder_of(&[&splits[..], &[more]].concat());
    // What holds no images is passed, and said.
    for more in ["docs/a.txt", "sample.png", "annotations/"] {
        let folder = with(more);
        if more == "docs/a.txt" {
            fs::write(folder.path().join(more), "words").expect("file");
        }
        let set = open(folder.path()).expect(more);
        assert_eq!(counts(&set), [2, 1, 0], "{more}");
        assert!(!set.left_out.is_empty(), "{more}");
    }
    let message = open(with("docs/a/1.png").path()).expect_err("two that hold images").to_string();
    assert!(message.contains("set") && message.contains("docs"), "{message}");
    let folder = folder_of(&["images/a/1.png", "images/b/1.png", "masks/x/1.png"]);
    assert!(matches!(open(folder.path()), Err(Error::DataBelow { .. })));
    let sure = Selection { classes: vec!["images".to_owned(), "masks".to_owned()], ..Selection::default() };
    assert_eq!(counts(&choose(folder.path(), &sure).expect("said to be classes")), [3, 0, 0]);
    let folder = folder_of(&["images/a/1.png", "images/b/1.png", "annotations/"]);
    assert_eq!(open(folder.path()).expect("data set").classes, ["a", "b"]);
    // Splits within the classes.
    let folder = folder_of(&["a/train/1.png", "a/val/2.png", "b/train/1.png", "b/val/2.png"]);
    let message = open(folder.path()).expect_err("splits below").to_string();
    assert!(message.contains("train, val") && !message.contains("data.classes"), "{message}");
}

#[test]
fn a_class_folder_without_images_says_what_it_holds() {
    for (file, says) in
        [("train/b/1.heic", "a HEIC photograph"), ("train/b/._1.png", "hidden"), ("train/b/1.txt", ".txt")]
    {
        let folder = folder_of(&["train/a/1.png", file]);
        fs::write(folder.path().join(file), b"\0\0\0\x18ftypheic").expect("file");
        if file.ends_with("txt") {
            fs::write(folder.path().join(file), "words").expect("file");
        }
        let message = open(folder.path()).expect_err(file).to_string();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn hidden_files_and_companions_are_left_out() {
    let folder = folder_of(&[
        "train/a/1.png",
        "train/a/._1.png",
        "train/b/1.png",
        "train/.ipynb_checkpoints/1-checkpoint.png",
        "train/a/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg",
        "val/.ipynb_checkpoints/",
        "val/a/2.png",
        ".git/x",
        "__MACOSX/train/a/._1.png",
        "loose.png",
        "train/loose.png",
        "train/a/phone.heic",
        "val/c/",
    ]);
    fs::write(folder.path().join("train/a/phone.heic"), b"\0\0\0\x18ftypheic").expect("file");
    let set = open(folder.path()).expect("data set");
    assert_eq!((set.classes.clone(), counts(&set)), (vec!["a".to_owned(), "b".to_owned()], [2, 1, 0]));
    let count = |wanted: Reason| set.left_out.iter().filter(|entry| entry.reason == wanted).count();
    assert_eq!(
        [Reason::NoData, Reason::Loose, Reason::Format("a HEIC photograph"), Reason::Empty].map(count),
        [6, 2, 1, 1],
        "{:#?}",
        set.left_out
    );
    let missing = Remark::ClassesMissing { split: SplitName::Validation, classes: vec!["b".to_owned()] };
    assert!(set.remarks.contains(&missing), "{:?}", set.remarks);
    let sentence = images::left_out_sentence(&set.left_out, &set.root).expect("a sentence");
    assert!(!sentence.contains('\n') && sentence.contains("6 hidden"), "{sentence}");
}

#[test]
fn an_empty_validation_folder_is_none() {
    let folder = folder_of(&["train/a/1.png", "train/a/2.png", "train/b/1.png", "train/b/2.png", "val/"]);
    let split = Split { validation_fraction: 0.5, seed: 1 };
    let set = DataSet::open(Origin::Folder(folder.path()), &Selection::default(), &split).expect("data set");
    assert_eq!(counts(&set), [2, 2, 0]);
}

#[test]
fn one_class_in_two_spellings_is_one_class() {
    let folder = folder_of(&[
        "train/caf\u{e9}/1.png",
        "train/Cat/1.png",
        "val/cafe\u{301}/2.png",
        "val/cat /2.png",
        "test/CAT/3.png",
    ]);
    let set = open(folder.path()).expect("data set");
    assert_eq!((set.classes.join(" "), counts(&set)), ("Cat caf\u{e9}".to_owned(), [2, 2, 1]));
    assert_eq!(set.validation.iter().map(|sample| sample.label).collect::<Vec<_>>(), [0, 1]);
    assert!(set.remarks.iter().any(|remark| matches!(remark, Remark::CapitalsDiffer { .. })));

    let both = folder_of(&["Cat/1.png", "cat/1.png", "cat/2.png"]);
    let set = open(both.path()).expect("two classes, and it is said");
    assert_eq!(set.classes, ["Cat", "cat"]);
    assert!(matches!(&set.remarks[..], [Remark::NearlyTheSame { .. }]), "{:?}", set.remarks);
    assert!(set.remarks[0].to_string().contains("data.merge"));

    let joined = folder_of(&["train/cafe\u{301}/1.png", "train/caf\u{e9} /2.png", "train/b/1.png"]);
    let set = open(joined.path()).expect("data set");
    assert_eq!((set.classes.len(), set.train.len()), (2, 3));
}

#[test]
fn classes_are_joined_then_chosen() {
    let folder = folder_of(&[
        "train/car/1.png",
        "train/truck/1.png",
        "train/cat/1.png",
        "train/dog/1.png",
        "val/truck/2.png",
        "val/dog/2.png",
    ]);
    let selection = Selection {
        classes: vec!["vehicle".to_owned(), "cat".to_owned()],
        merge: [("vehicle".to_owned(), vec!["car".to_owned(), "truck".to_owned()])].into(),
        ..Selection::default()
    };
    let set = choose(folder.path(), &selection).expect("data set");
    assert_eq!((set.classes.join(" "), counts(&set)), ("cat vehicle".to_owned(), [3, 1, 0]));
    assert_eq!(set.train.iter().map(|sample| sample.label).collect::<Vec<_>>(), [0, 1, 1]);
    assert!(set.remarks.contains(&Remark::NotChosen { classes: vec!["dog".to_owned()], images: 2 }));

    let refused = |selection: Selection| choose(folder.path(), &selection).expect_err("refused").to_string();
    let classes = refused(Selection { classes: vec!["bird".to_owned()], ..Selection::default() });
    assert!(classes.contains("no class \"bird\"") && classes.contains("truck"), "{classes}");
    let merge = |pairs: &[(&str, &str)]| Selection {
        merge: pairs.iter().map(|(into, of)| ((*into).to_owned(), vec![(*of).to_owned()])).collect(),
        ..Selection::default()
    };
    assert!(refused(merge(&[("pet", "bird")])).contains("\"bird\""));
    assert!(refused(merge(&[("pet", "cat"), ("animal", "cat")])).contains("\"animal\""));
}

#[test]
fn groups_stay_together_where_the_program_splits() {
    let files: Vec<String> = (0..30)
        .flat_map(|patient| {
            (0..4)
                .map(move |shot| format!("{}/p{patient}_{shot}.png", ["ill", "well"][usize::from(shot > 1)]))
        })
        .collect();
    let folder = folder_of(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let group = images::GroupBy::Pattern("^([^_]+)_".parse().expect("pattern"));
    let selection = Selection { group: Some(group), ..Selection::default() };
    let split = Split { validation_fraction: 0.2, seed: 3 };
    let set = DataSet::open(Origin::Folder(folder.path()), &selection, &split).expect("data set");
    assert_eq!(counts(&set), [96, 24, 0]);
    let patients = |samples: &[images::Sample]| -> std::collections::BTreeSet<String> {
        samples
            .iter()
            .map(|sample| {
                sample.path.file_name().unwrap().to_str().unwrap().split('_').next().unwrap().to_owned()
            })
            .collect()
    };
    assert!(patients(&set.train).is_disjoint(&patients(&set.validation)));
}

#[test]
fn what_a_file_names_is_left_out() {
    let folder =
        folder_of(&["train/a/1.png", "train/a/2.png", "train/b/1.png", "val/a/3.png", "val/b/3.png"]);
    fs::write(folder.path().join("train/a/2.png"), "two").expect("file");
    let exclude = folder.path().join("exclude.toml");
    // `printf two | sha256sum`
    let two = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";
    let with = |text: String| {
        fs::write(&exclude, text).expect("file");
        choose(folder.path(), &Selection { exclude: Some(exclude.clone()), ..Selection::default() })
    };
    let set = with(format!(
        "[[exclude]]\npath = \"train/a/2.png\"\nsha256 = \"{two}\"\nbecause = \"a copy\"\n\n[[exclude]]\npath = \"val/a/3.png\"\nsha256 = \"{two}\"\n\n[[exclude]]\npath = \"nowhere.png\"\n"
    ))
    .expect("data set");
    assert_eq!(counts(&set), [2, 2, 0]);
    let lines: Vec<usize> = set
        .remarks
        .iter()
        .filter_map(|remark| match remark {
            Remark::ExcludesNothing { line, .. } => Some(*line),
            _ => None,
        })
        .collect();
    assert_eq!(lines, [6, 10], "{:?}", set.remarks);
    assert!(set.remarks.contains(&Remark::Excluded { images: 1, by: exclude.clone() }));
    let by_digest = with(format!("[[exclude]]\nsha256 = \"{two}\"\n")).expect("data set");
    assert_eq!(counts(&by_digest), [2, 2, 0]);
    for (text, says) in [
        ("[[exclude]]\nbecause = \"x\"\n", "exclude.toml:1:1: "),
        ("\n[[exclud]]\n", "exclude.toml:2:3: "),
        ("[[together]]\npaths = 3\n", "exclude.toml:2:9: "),
        ("[[relabel]]\npath = \"train/a/1.png\"\nlabel = \"c\"\n", "exclude.toml:1:1: the data has no class"),
        ("[[exclude]]\nsha256 = \"12\"\n", "64"),
    ] {
        let message = with(text.to_owned()).expect_err("refused").to_string();
        assert!(message.contains(says) && message.contains("exclude.toml"), "{message}");
    }
}

#[test]
fn what_a_file_names_gets_another_label_or_stays_together() {
    let names: Vec<String> = (0..20).flat_map(|n| [format!("a/{n}.png"), format!("b/{n}.png")]).collect();
    let folder = folder_of(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let exclude = folder.path().join("exclude.toml");
    let pairs = (0..10).map(|n| format!("[[together]]\npaths = [\"a/{n}.png\", \"a/{}.png\"]\n", n + 10));
    let relabel =
        "[[relabel]]\npath = \"b/3.png\"\nlabel = \"a\"\n[[relabel]]\npath = \"b/gone.png\"\nlabel = \"a\"\n";
    fs::write(&exclude, pairs.collect::<String>() + relabel).expect("file");
    let selection = Selection { exclude: Some(exclude.clone()), ..Selection::default() };
    for seed in 0..10 {
        let split = Split { validation_fraction: 0.2, seed };
        let set = DataSet::open(Origin::Folder(folder.path()), &selection, &split).expect("data set");
        assert!(
            !set.validation_is_given
                && set.remarks.contains(&Remark::Relabelled { images: 1, by: exclude.clone() })
        );
        assert!(set.remarks.iter().any(|remark| matches!(remark, Remark::ExcludesNothing { line: 24, .. })));
        let of_a = |samples: &[images::Sample]| -> Vec<String> {
            samples.iter().filter(|sample| sample.label == 0).map(|sample| set.below(&sample.path)).collect()
        };
        let (train, validation) = (of_a(&set.train), of_a(&set.validation));
        assert!(train.len() + validation.len() == 21 && (6..=9).contains(&set.validation.len()));
        for n in 0..10 {
            let held = [n, n + 10].map(|n| validation.contains(&format!("a/{n}.png")));
            assert_eq!(held[0], held[1], "seed {seed}: {n}");
        }
    }
}

#[test]
fn so_few_images_that_none_is_held_out_are_named() {
    let folder = folder_of(&["a/1.png", "a/2.png", "b/1.png", "b/2.png", "b/3.png"]);
    let split = Split { validation_fraction: 0.2, seed: 1 };
    let set = DataSet::open(Origin::Folder(folder.path()), &Selection::default(), &split).expect("data set");
    let lacking = Remark::NothingHeldOut { classes: vec![("a".to_owned(), 2)], needed: 3, grouped: false };
    assert_eq!((counts(&set), &set.remarks[..]), ([4, 1, 0], &[lacking][..]));
}
