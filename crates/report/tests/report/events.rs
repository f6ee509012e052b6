//! Event files: byte for byte what TensorBoard's own writer makes of the same events.

use std::fs;
use std::path::{Path, PathBuf};

use crate::records;
use report::Error;
use report::events::message::{Event, What};
use report::events::{EventWriter, read, write_run};

/// Made by `golden_events.py` in the folder above.
const GOLDEN: &[u8] = include_bytes!("../golden.tfevents");

/// The events of `golden_events.py`.
const SCALARS: [(&str, u64, f64, f64); 4] = [
    ("loss", 1, 0.731_234_567_890_123_4, 1_700_000_001.25),
    ("accuracy", 1, 0.0, 1_700_000_001.25),
    ("loss", 2, f64::INFINITY, 1_700_000_002.5),
    ("größe", 3_000_000_000, -1.5e-8, 1_700_000_003.0),
];

#[test]
fn files_equal_those_of_tensorboard() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path()).unwrap();
    for (tag, step, value, wall_time) in SCALARS {
        writer.scalar(tag, step, value, wall_time).unwrap();
    }
    writer.flush().unwrap();
    let written = fs::read(writer.path()).unwrap();
    // The first record holds the time of creation: frame of 12 bytes, tag byte, 8 bytes of time, version, checksum.
    let first = 12 + 24 + 4;
    assert_eq!(written[first..], GOLDEN[first..]);
    assert_eq!((&written[..13], &written[21..36]), (&GOLDEN[..13], &GOLDEN[21..36]));
}

#[test]
fn a_file_of_tensorboard_is_read_and_its_damage_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("golden");
    fs::write(&path, GOLDEN).unwrap();
    let events = read(&path).unwrap();
    assert_eq!(events[0].what, Some(What::FileVersion("brain.Event:2".into())));
    let scalars: Vec<_> = events[1..].iter().map(scalar).collect();
    assert_eq!(scalars, SCALARS.map(|(tag, step, value, _)| (tag.to_owned(), step as i64, value as f32)));

    let mut damaged = GOLDEN.to_vec();
    damaged[60] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, Error::Malformed { record: 2, .. }), "{error}");
}

#[test]
fn a_run_becomes_two_folders_with_common_tags() {
    let dir = tempfile::tempdir().unwrap();
    let run = records::run();
    write_run(&run, dir.path()).unwrap();
    let train: Vec<_> =
        read(&only_file(&dir.path().join("train"))).unwrap()[1..].iter().map(scalar).collect();
    assert_eq!(train.len(), 3 * run.epochs.len());
    assert_eq!(train[5], ("learning_rate".into(), 2, run.epochs[1].learning_rate as f32));
    let validation: Vec<_> =
        read(&only_file(&dir.path().join("validation"))).unwrap()[1..].iter().map(scalar).collect();
    assert_eq!(
        validation.last(),
        Some(&("accuracy".into(), 8, run.epochs[7].validation_accuracy.unwrap() as f32))
    );
    write_run(&records::interrupted(), &dir.path().join("other")).unwrap();
    assert!(!dir.path().join("other/validation").exists());
}

#[test]
fn a_second_file_never_replaces_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let paths = [(); 3].map(|()| EventWriter::create(dir.path()).unwrap().path().to_owned());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    assert!(paths.iter().all(|path| path.extension().is_some_and(|e| e == "finetune")));
}

fn scalar(event: &Event) -> (String, i64, f32) {
    let Some(What::Summary(summary)) = &event.what else { panic!("{event:?} is no summary") };
    (summary.value[0].tag.clone(), event.step, summary.value[0].simple_value.unwrap())
}

fn only_file(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert!(files.next().is_none());
    file
}
