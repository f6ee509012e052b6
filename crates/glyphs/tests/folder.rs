//! A folder of letters on disk: the same bytes each time, and never half of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::path::Path;

use glyphs::{
    Alphabet, Error, MANIFEST_FILE, Manifest, Spec, Split, Variation, ensure, remove_outdated, write,
};
use sha2::{Digest, Sha256};

fn tiny() -> Spec {
    Spec {
        train_per_class: 3,
        validation_per_class: 1,
        test_per_class: 2,
        ..Spec::new(Alphabet::CyrillicCapitals, Split::default())
    }
}

fn quiet(_: u64, _: u64) {}

/// Names in a folder, sorted.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// SHA-256 of the decoded pixels of all images in the order of their paths: it does not depend on the PNG encoder.
fn pixels(dir: &Path) -> String {
    let mut hash = Sha256::new();
    for part in ["test", "train", "val"] {
        for class in names(&dir.join(part)) {
            for file in names(&dir.join(part).join(&class)) {
                hash.update(format!("{part}/{class}/{file}"));
                hash.update(decoded(&dir.join(part).join(&class).join(&file)));
            }
        }
    }
    hex::encode(hash.finalize())
}

/// The gray values of an image.
fn decoded(path: &Path) -> Vec<u8> {
    let file = BufReader::new(fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let info = reader.info();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::Eight));
    assert_eq!(info.size(), (28, 28));
    let mut pixels = vec![0; 28 * 28];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

#[test]
fn the_same_spec_gives_the_same_bytes() {
    let temp = tempfile::tempdir().unwrap();
    let dirs = ["one", "another"].map(|name| temp.path().join(name));
    let [one, another] = dirs.each_ref().map(|dir| write(&tiny(), dir, &quiet).unwrap());
    assert_eq!(one, another);
    assert_eq!(one.images, 33 * 6);

    // Made by this test itself, which prints the digest when it differs. If the drawing was changed on purpose, raise
    // `DRAWING_VERSION` in `src/spec.rs` and put the new digest here; the manifest's digest then changes with it.
    assert_eq!(pixels(&dirs[0]), "be93b0c652c9caa3eee7847f0fba7caae8d20f94c81375d33298591e17a0a8e9");
    assert_eq!(one.spec_digest, "1ad66ffff21159182917d9737d73194648a4abc7d5dba442c00eba4d9a91e8aa");
}

#[test]
fn a_folder_has_a_class_folder_per_letter_in_each_part_and_a_manifest() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("made/on/the/way");
    let manifest = write(&tiny(), &dir, &quiet).unwrap();
    assert_eq!(names(&dir), [MANIFEST_FILE, "test", "train", "val"]);
    let classes: Vec<_> =
        Alphabet::CyrillicCapitals.classes().into_iter().map(|class| class.folder).collect();
    for (part, count) in [("train", 3), ("val", 1), ("test", 2)] {
        assert_eq!(names(&dir.join(part)), classes);
        assert!(classes.iter().all(|class| names(&dir.join(part).join(class)).len() == count));
    }
    assert_eq!(Manifest::read(&dir).unwrap(), Some(manifest.clone()));
    assert_eq!(manifest.spec_digest, tiny().digest().unwrap());
    assert_eq!(manifest.spec, tiny());
    assert_eq!(names(dir.parent().unwrap()), ["way"], "nothing is left next to it");
}

#[test]
fn a_class_shows_each_face_of_its_part_equally_often_and_more_images_change_none() {
    let temp = tempfile::tempdir().unwrap();
    let spec = Spec { train_per_class: 38, validation_per_class: 0, test_per_class: 0, ..tiny() };
    let [small, large] = ["small", "large"].map(|name| temp.path().join(name));
    write(&spec, &large, &quiet).unwrap();
    write(&Spec { train_per_class: 2, ..spec }, &small, &quiet).unwrap();
    assert_eq!(names(&large), [MANIFEST_FILE, "train"]);

    let mut shown = BTreeMap::<String, usize>::new();
    for file in names(&large.join("train/capital-Ж")) {
        *shown.entry(file.rsplit_once('-').unwrap().0.to_owned()).or_default() += 1;
    }
    assert_eq!((shown.len(), shown.values().all(|&count| count == 2)), (19, true));
    for file in names(&small.join("train/capital-Ж")) {
        let bytes = |dir: &Path| fs::read(dir.join("train/capital-Ж").join(&file)).unwrap();
        assert_eq!(bytes(&small), bytes(&large));
    }
}

#[test]
fn what_is_there_already_is_refused_and_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let [foreign, empty, file] = ["foreign", "empty", "file"].map(|name| temp.path().join(name));
    fs::create_dir_all(&foreign).unwrap();
    fs::write(foreign.join("mine.txt"), "mine").unwrap();
    fs::create_dir(&empty).unwrap();
    fs::write(&file, "mine").unwrap();
    for dir in [&foreign, &empty, &file] {
        for attempt in [write(&tiny(), dir, &quiet), ensure(&tiny(), dir, &quiet)] {
            let error = attempt.unwrap_err();
            assert!(matches!(&error, Error::Occupied { dir: named, .. } if named == dir), "{error}");
        }
    }
    assert_eq!(names(&foreign), ["mine.txt"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(names(temp.path()), ["empty", "file", "foreign"]);
}

#[test]
fn a_run_that_fails_leaves_nothing_behind() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("letters");
    // Something appears at the folder's place while the letters are being drawn.
    let intrude = |done, _| {
        if done == 1 {
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("mine.txt"), "mine").unwrap();
        }
        assert!(!dir.join("train").exists(), "images must not appear before all are drawn");
    };
    let error = write(&tiny(), &dir, &intrude).unwrap_err();
    assert!(matches!(error, Error::Occupied { .. }), "{error}");
    assert_eq!(names(&dir), ["mine.txt"]);
    assert_eq!(names(temp.path()), ["letters"]);
}

#[test]
fn ensure_keeps_a_whole_folder_and_refuses_a_changed_one() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("letters");
    let written = ensure(&tiny(), &dir, &quiet).unwrap();
    assert_eq!(ensure(&tiny(), &dir, &|_, _| panic!("must not draw again")).unwrap(), written);

    let other = Spec { variation: Variation { noise: 0.05, ..Variation::default() }, ..tiny() };
    assert!(matches!(ensure(&other, &dir, &quiet), Err(Error::Occupied { .. })));

    let class = dir.join("train/capital-Я");
    let image = class.join(&names(&class)[0]);
    let bytes = fs::read(&image).unwrap();
    let is_refused = || matches!(ensure(&tiny(), &dir, &quiet), Err(Error::Occupied { .. }));
    fs::write(&image, &bytes[..bytes.len() - 1]).unwrap();
    assert!(is_refused(), "a truncated image");
    fs::remove_file(&image).unwrap();
    assert!(is_refused(), "a missing image");
    fs::write(&image, &bytes).unwrap();
    assert!(!is_refused(), "mended");
    fs::write(class.join("extra.png"), &bytes).unwrap();
    assert!(is_refused(), "an added image");

    fs::write(dir.join(MANIFEST_FILE), "{\"spec\": ").unwrap();
    assert!(matches!(ensure(&tiny(), &dir, &quiet), Err(Error::Manifest { .. })));
}

#[test]
fn outdated_letters_are_removed_but_touched_ones_and_todays_are_kept() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("letters");
    let spec = |seed| Spec { seed, train_per_class: 1, validation_per_class: 0, test_per_class: 0, ..tiny() };
    assert!(!remove_outdated(&spec(0), &dir).unwrap(), "nothing is there");
    let first = write(&spec(0), &dir, &quiet).unwrap();
    assert!(!remove_outdated(&spec(0), &dir).unwrap(), "they are today's");
    assert!(remove_outdated(&spec(1), &dir).unwrap() && !dir.exists());
    assert_ne!(write(&spec(1), &dir, &quiet).unwrap().content_digest, first.content_digest);
    fs::write(dir.join("train/capital-Ж/mine.png"), "").unwrap();
    assert!(!remove_outdated(&spec(0), &dir).unwrap() && dir.join("train/capital-Ж/mine.png").exists());
}
