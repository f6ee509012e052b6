//! Which files are taken, how they are split, and what is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use images::{DataSet, Error, LeftOut, Origin, Reason, Sample, Selection, Split, take_per_class};

/// Creates empty files; listing does not read them.
fn folder_of(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        if !file.ends_with('/') {
            fs::write(path, b"").expect("file");
        }
    }
    folder
}

fn open(root: &Path, fraction: f64) -> Result<DataSet, Error> {
    DataSet::open(
        Origin::Folder(root),
        &Selection::default(),
        &Split { validation_fraction: fraction, seed: 1 },
    )
}

fn left_out(set: &DataSet) -> Vec<(std::path::PathBuf, Reason)> {
    set.left_out.iter().map(|LeftOut { path, reason }| (path.clone(), *reason)).collect()
}

fn names(root: &Path, samples: &[Sample]) -> Vec<String> {
    let below = |sample: &Sample| sample.path.strip_prefix(root).expect("below").display().to_string();
    samples.iter().map(below).collect()
}

#[test]
fn image_folder_rules() {
    let folder = folder_of(&[
        "README.md",
        "loose.png",
        "b/2.JPG",
        "b/10.jpeg",
        "b/a/x.webp",
        "b/a-c/x.bmp",
        "b/Thumbs.db",
        "b/old.gif",
        "a/.hidden/1.tiff",
        "a/1.pgm",
        "a/.png",
        "Z/1.ppm",
    ]);
    fs::write(folder.path().join("b/photo"), [0xFF, 0xD8, 0xFF, 0xE0]).expect("a JPEG's first bytes");
    let set = open(folder.path(), 0.0).expect("data set");
    assert_eq!(set.classes, ["Z", "a", "b"]);
    // As sorted(os.walk(..)): folders as strings, then files within one folder.
    let expected =
        ["Z/1.ppm", "a/1.pgm", "b/10.jpeg", "b/2.JPG", "b/old.gif", "b/photo", "b/a/x.webp", "b/a-c/x.bmp"];
    assert_eq!(names(folder.path(), &set.train), expected);
    assert_eq!(set.train.iter().map(|sample| sample.label).collect::<Vec<_>>(), [0, 1, 2, 2, 2, 2, 2, 2]);
    let left_out: Vec<_> = set.left_out.iter().map(|entry| entry.reason).collect();
    assert_eq!(left_out, [Reason::NoData, Reason::NoData, Reason::NoData, Reason::Loose]);
    assert!(set.validation.is_empty() && set.test.is_empty());
}

#[test]
fn a_sample_is_the_same_wherever_the_data_lies() {
    let [one, two] = [folder_of(&["a/x.png"]), folder_of(&["train/a/x.png", "train/a/y.png", "val/a/x.png"])];
    let [one, two] = [one, two].map(|folder| open(folder.path(), 0.0).expect("data set"));
    // First 8 bytes of `printf a/x.png | sha256sum`.
    assert_eq!(one.train[0].id, 0x1308_aee6_195c_34dd);
    assert_eq!(one.train[0].id, two.train[0].id);
    assert_eq!(one.train[0].id, two.validation[0].id);
    assert_ne!(two.train[0].id, two.train[1].id);
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let elsewhere = folder_of(&["cats/1.png", "one.png"]);
    let folder = folder_of(&["dogs/deep/1.png"]);
    symlink(elsewhere.path().join("cats"), folder.path().join("cats")).expect("link");
    symlink(elsewhere.path().join("one.png"), folder.path().join("dogs/linked.png")).expect("link");
    symlink(folder.path().join("nowhere"), folder.path().join("dogs/broken.png")).expect("link");
    symlink(folder.path().join("dogs"), folder.path().join("dogs/deep/circle")).expect("link");
    let set = open(folder.path(), 0.0).expect("data set");
    let expected = ["cats/1.png", "dogs/broken.png", "dogs/linked.png", "dogs/deep/1.png"];
    assert_eq!(names(folder.path(), &set.train), expected);
    assert_eq!(left_out(&set), [(folder.path().join("dogs/deep/circle"), Reason::Circle)]);
}

#[test]
fn folders_for_the_splits() {
    for validation in ["val", "validation", "Valid", "dev"] {
        let folder = folder_of(&[
            "train/a/1.png",
            "train/b/1.png",
            &format!("{validation}/b/2.png"),
            "test/b/3.png",
            "test/a/4.png",
            "old/a/5.png",
        ]);
        let set = open(folder.path(), 0.5).expect("data set");
        assert_eq!(set.classes, ["a", "b"]);
        assert_eq!(names(folder.path(), &set.train), ["train/a/1.png", "train/b/1.png"]);
        assert_eq!(names(folder.path(), &set.validation), [format!("{validation}/b/2.png")]);
        assert_eq!(set.validation[0].label, 1);
        assert_eq!(names(folder.path(), &set.test), ["test/a/4.png", "test/b/3.png"]);
        assert_eq!(left_out(&set), [(folder.path().join("old"), Reason::NoSplit)]);
    }
    // A class called "train" next to others.
    let vehicles = folder_of(&["bus/1.png", "car/1.png", "train/1.png"]);
    assert_eq!(open(vehicles.path(), 0.0).expect("data set").classes, ["bus", "car", "train"]);
    // Without train/, test/ is still the test split.
    let plain = folder_of(&["a/1.png", "b/1.png", "test/a/2.png"]);
    let plain = open(plain.path(), 0.0).expect("data set");
    assert_eq!((plain.classes.len(), plain.train.len(), plain.test.len()), (2, 2, 1));
}

#[test]
fn the_split_is_stratified_and_stable() {
    let files: Vec<_> =
        (0..40).map(|n| format!("many/{n}.png")).chain((0..5).map(|n| format!("few/{n}.png"))).collect();
    let mut files: Vec<_> = files.iter().map(String::as_str).collect();
    files.push("one/1.png");
    let folder = folder_of(&files);
    let set = open(folder.path(), 0.25).expect("data set");
    let per_class =
        |samples: &[Sample]| [0, 1, 2].map(|label| samples.iter().filter(|s| s.label == label).count());
    assert_eq!(per_class(&set.validation), [1, 10, 0]);
    assert_eq!(per_class(&set.train), [4, 30, 1]);
    assert_eq!(open(folder.path(), 0.25).expect("data set"), set);
    let split = Split { validation_fraction: 0.25, seed: 2 };
    let other =
        DataSet::open(Origin::Folder(folder.path()), &Selection::default(), &split).expect("data set");
    assert_ne!(other.validation, set.validation);
    // Nearly everything asked for: one of each class stays.
    assert_eq!(per_class(&open(folder.path(), 0.99).expect("data set").train), [1, 1, 1]);

    // A new image moves no other one between the splits, except at most one at the border.
    fs::write(folder.path().join("many/new.png"), b"").expect("file");
    let grown = open(folder.path(), 0.25).expect("data set");
    let ids = |samples: &[Sample]| samples.iter().map(|sample| sample.id).collect::<BTreeSet<_>>();
    assert!(ids(&set.validation).difference(&ids(&grown.validation)).count() <= 1);
}

#[test]
fn subsets_are_nested_and_complete() {
    let files: Vec<_> = (0..9).flat_map(|n| [format!("a/{n}.png"), format!("b/{n}.png")]).collect();
    let folder = folder_of(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let all = open(folder.path(), 0.0).expect("data set").train;
    let three = take_per_class(&all, 3, 5).expect("subset");
    let one = take_per_class(&all, 1, 5).expect("subset");
    assert_eq!((three.len(), one.len()), (6, 2));
    assert!(one.iter().all(|sample| three.contains(sample)));
    assert_ne!(take_per_class(&all, 3, 6).expect("subset"), three);
    assert_eq!(take_per_class(&all, 9, 5).expect("subset"), all);
    let refused = take_per_class(&all, 10, 5);
    assert!(matches!(refused, Err(Error::TooFew { wanted: 10, available: 9, label: 0, .. })), "{refused:?}");
}

#[test]
fn what_is_wrong_is_named() {
    let cases: [(&[&str], &str, &str); 8] = [
        (&["a/1.png"], "none", "none does not exist"),
        (&["a/1.png"], "a/1.png", "a/1.png is a file"),
        (&["1.png"], "", "has no class folders"),
        (&["a/1.png", "b/readme.txt"], "", "b holds no images: it holds 1 file(s): 1 with .txt"),
        (
            &["train/a/1.png", "val/a/1.png", "val/c/1.png"],
            "",
            "class \"c\" of the validation split is not among the training classes (\"a\")",
        ),
        (&["train/a/1.png", "test/d/1.png"], "", "class \"d\" of the test split"),
        (&["val/a/1.png", "other/a/1.png"], "", "has a validation split but no training split"),
        (&["train/a/1.png", "val/a/1.png", "validation/a/1.png"], "", "both the validation split"),
    ];
    for (files, root, message) in cases {
        let folder = folder_of(files);
        let error = open(&folder.path().join(root), 0.2).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
        assert!(error.contains(&*folder.path().to_string_lossy()), "{error}");
    }
    let folder = folder_of(&["a/1.png"]);
    assert_eq!(open(folder.path(), 0.0).expect("one class is the caller's matter").classes, ["a"]);
    for fraction in [1.0, -0.1, f64::NAN] {
        assert!(matches!(open(folder.path(), fraction), Err(Error::Fraction(_))));
    }
}
