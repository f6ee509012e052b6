use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tch::{Device, Kind, Tensor};

use super::about::About;
use super::entry::{self, description};
use super::*;

/// With room for this many entries of [`ROWS`] rows.
fn cache(folder: &Path, entries: u64) -> FeatureCache {
    let one = About::before(&list("one"), &form(ROWS)).bytes_with(&form(ROWS)).unwrap();
    FeatureCache::new(folder.to_owned(), entries * one + one / 2)
}

const ROWS: i64 = 5;

/// Images 0 to 4 under a key.
fn list(name: &str) -> List {
    of_images(name, 0..5)
}

fn of_images(name: &str, images: impl IntoIterator<Item = u8>) -> List {
    List::new(Key::of(&[name]), images.into_iter().map(|image| [image; 32]).collect())
}

fn form(rows: i64) -> Form {
    Form { shape: vec![rows, 3], kind: Kind::Float }
}

fn values(rows: i64) -> Tensor {
    Tensor::arange(rows * 3, (Kind::Float, Device::Cpu)).view([rows, 3])
}

/// In two parts, the sum of what lies in the folder measured in between.
fn keep(cache: &FeatureCache, list: &List, rows: i64) -> Option<Tensor> {
    let (values, draft) = (values(rows), cache.begin(list, &form(rows))?);
    let draft = draft.append(&values.narrow(0, 0, 2)).unwrap();
    assert!(held(cache) <= cache.limit, "{} bytes while features are written", held(cache));
    let features = draft.append(&values.narrow(0, 2, rows - 2)).unwrap().finish().unwrap();
    assert!(held(cache) <= cache.limit, "{} bytes", held(cache));
    features
}

fn held(cache: &FeatureCache) -> u64 {
    let entries = fs::read_dir(&cache.folder).unwrap();
    entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn names(cache: &FeatureCache) -> BTreeSet<String> {
    let entries = fs::read_dir(&cache.folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Where the features of a list lie.
fn file(cache: &FeatureCache, list: &List) -> PathBuf {
    entry::features(&cache.folder, &list.name())
}

/// As another run sees the same folder.
fn another(cache: &FeatureCache) -> FeatureCache {
    FeatureCache::new(cache.folder.clone(), cache.limit)
}

fn used_before(cache: &FeatureCache, list: &List, seconds: u64) {
    let file = File::open(file(cache, list)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
}

#[test]
fn what_is_kept_is_found_and_what_is_damaged_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 2);
    let images = || (0..5).map(|image| [image; 32]).collect();
    let (key, form) = (List::new(Key::of(&["resnet18", "layer4"]), images()), form(ROWS));
    assert!(cache.find(&key, &form).is_none());
    assert!(keep(&cache, &key, ROWS).unwrap().equal(&values(ROWS)));
    let found = cache.find(&key, &form).unwrap();
    assert!(found.features.equal(&values(ROWS)) && found.is_whole_list() && !found.is_earlier);
    assert_eq!(found.count(), 5);
    assert!(cache.find_list(&List::new(Key::of(&["resnet18l", "ayer4"]), images()), &form).is_none());

    let path = file(&cache, &key);
    let mut bytes = fs::read(&path).unwrap();
    bytes[7] ^= 1;
    let described = br#"{"key":"","images":"","shape":[-5,3],"kind":"Float","sha256":""}"#;
    let torn = [(&path, bytes.clone()), (&path, bytes[..40].to_vec()), (&path, Vec::new())];
    let foreign = [(&description(&path), described.to_vec()), (&description(&path), b"{".to_vec())];
    for (path_of_damage, damage) in torn.into_iter().chain(foreign) {
        drop(keep(&cache, &key, ROWS).unwrap());
        fs::write(path_of_damage, damage).unwrap();
        assert!(cache.find_list(&key, &form).is_none());
        assert!(!path.exists() && !description(&path).exists(), "what is damaged is dropped");
    }
}

#[test]
fn features_of_other_images_are_not_taken_for_ours() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 4);
    let [ours, theirs] = ["ours", "theirs"].map(list);
    let paths = [&ours, &theirs].map(|key| file(&cache, key));
    drop(keep(&cache, &ours, ROWS).unwrap());
    drop(keep(&cache, &theirs, ROWS).unwrap());
    // Each file is whole and described truly, but lies under the other's name.
    let spare = folder.path().join("spare");
    for extension in ["features", "json"] {
        let [a, b] = [0, 1].map(|which: usize| paths[which].with_extension(extension));
        fs::rename(&a, &spare).unwrap();
        fs::rename(&b, &a).unwrap();
        fs::rename(&spare, &b).unwrap();
    }
    for key in [&ours, &theirs] {
        assert!(cache.find(key, &form(ROWS)).is_none());
    }
    // Of another number of images, another shape, or another type.
    let of = |shape: [i64; 2], kind| Form { shape: shape.to_vec(), kind };
    for other in [of([ROWS + 1, 3], Kind::Float), of([3, ROWS], Kind::Float), of([ROWS, 3], Kind::Int)] {
        drop(keep(&cache, &ours, ROWS).unwrap());
        assert!(cache.find_list(&ours, &other).is_none());
    }
}

#[test]
fn the_limit_is_kept_by_dropping_what_was_used_longest_ago() {
    let folder = tempfile::tempdir().unwrap();
    let before = cache(folder.path(), 2);
    let [old, used, new, third] = ["old", "used", "new", "third"].map(list);
    for (key, age) in [(&old, 100), (&used, 200)] {
        drop(keep(&before, key, ROWS).unwrap());
        used_before(&before, key, age);
    }
    let (cache, form) = (another(&before), form(ROWS));
    assert!(cache.find_list(&used, &form).is_some());
    drop(keep(&cache, &new, ROWS).unwrap());
    assert!(another(&cache).find_list(&old, &form).is_none());
    assert_eq!(names(&cache).len(), 5, "two files, each with its description, and the lock");
    // What is in use does not go, and what is larger than everything drives nothing out.
    assert!(keep(&cache, &third, ROWS).is_none());
    assert!(keep(&another(&cache), &third, 50 * ROWS).is_none());
    assert!([&used, &new].iter().all(|key| cache.find(key, &form).is_some()));
    assert!(cache.holds(&form, 2) && !cache.holds(&form, 3), "all views count together");
}

#[test]
fn what_killed_runs_left_behind_goes_and_what_others_write_stays_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 2);
    let [alone, described, whole, more] = ["a", "b", "c", "d"].map(list);
    drop(keep(&cache, &alone, ROWS).unwrap());
    fs::remove_file(description(&file(&cache, &alone))).unwrap();
    fs::write(description(&file(&cache, &described)), "{}").unwrap();
    for stale in ["killed.draft", ".tmp0a1b2c", ".writing-1-0"] {
        fs::write(folder.path().join(stale), [0; 500]).unwrap();
    }
    let cache = another(&cache);
    let other = another(&cache).begin(&more, &form(ROWS)).unwrap();
    assert_eq!(names(&cache).len(), 2, "a draft and the lock: {:?}", names(&cache));
    drop(keep(&cache, &whole, ROWS).unwrap());
    // With the other's draft there is no room left, and it is not swept.
    assert!(cache.begin(&alone, &form(ROWS)).is_none());
    let other = other.append(&values(ROWS)).unwrap().finish().unwrap();
    assert!(other.unwrap().equal(&values(ROWS)));
    assert_eq!(names(&cache).len(), 5, "{:?}", names(&cache));
}

#[test]
fn a_damaged_entry_is_dropped_whichever_of_its_files_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 2);
    let key = list("key");
    let path = file(&cache, &key);
    for missing in [path.clone(), description(&path)] {
        drop(keep(&cache, &key, ROWS).unwrap());
        fs::remove_file(missing).unwrap();
        entry::remove(&path);
        assert_eq!(names(&cache), BTreeSet::from(["lock".to_owned()]));
    }
}

#[test]
fn rows_too_many_or_too_few_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 2);
    let begin = || cache.begin(&list("key"), &form(ROWS)).unwrap();
    assert!(begin().append(&values(ROWS + 1)).is_err());
    assert!(begin().append(&values(ROWS - 1)).unwrap().finish().is_err());
    assert_eq!(names(&cache), BTreeSet::from(["lock".to_owned()]));
}

#[test]
fn rows_are_taken_from_the_list_that_has_the_most_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 9);
    let wanted = of_images("key", [9, 3, 8, 4, 0]);
    assert!(cache.find_rows(&wanted, &form(ROWS)).is_none(), "there is nothing yet");
    drop(keep(&cache, &list("another key"), ROWS).unwrap());
    drop(keep(&cache, &of_images("key", 20..25), ROWS).unwrap());
    assert!(cache.find_rows(&wanted, &form(ROWS)).is_none(), "neither has one of them");
    drop(keep(&cache, &of_images("key", 7..12), ROWS).unwrap());
    drop(keep(&cache, &list("key"), ROWS).unwrap());
    let found = |cache: &FeatureCache| cache.find_rows(&wanted, &form(ROWS));
    let Found { features, rows, is_earlier } = found(&cache).unwrap();
    assert!(features.equal(&values(ROWS)) && !is_earlier);
    assert_eq!(rows, [None, Some(3), None, Some(4), Some(0)]);
    // Of another form there are none.
    for other in
        [Form { shape: vec![ROWS, 4], kind: Kind::Float }, Form { shape: vec![ROWS, 3], kind: Kind::Half }]
    {
        assert!(cache.find_rows(&wanted, &other).is_none());
    }
    // What is torn is dropped, and the second best taken.
    let best = file(&cache, &list("key"));
    fs::write(&best, [0; 60]).unwrap();
    assert_eq!(found(&cache).unwrap().rows, [Some(2), None, Some(1), None, None]);
    assert!(!best.exists());
    // What lies under a name that is not its own is passed over.
    let [from, to] = [of_images("key", 7..12), list("key")].map(|list| file(&cache, &list));
    for extension in ["features", "json"] {
        fs::rename(from.with_extension(extension), to.with_extension(extension)).unwrap();
    }
    assert!(found(&cache).is_none());
}
