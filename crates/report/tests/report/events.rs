//! Event files: byte for byte what TensorBoard's own writer makes of the same events.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use report::Error;
use report::events::message::{Event, Image, What};
use report::events::{EventWriter, read, write_advice, write_comparison, write_run};

use crate::{sample_advice, samples};

/// Made by `golden_events.py` in the folder above.
const GOLDEN: &[u8] = include_bytes!("../golden.tfevents");

/// The image of `golden_events.py`: two gray pixels, one above the other.
const IMAGE: &str = concat!(
    "89504e470d0a1a0a0000000d4948445200000001000000020800000000bceae9fb0000",
    "000c49444154789c636060f80f00010301000889c2ec0000000049454e44ae426082"
);
/// The scalars of `golden_events.py`.
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
    writer.image("picture", 5, hex(IMAGE), 1_700_000_004.0).unwrap();
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
    let scalars: Vec<_> = events[1..].iter().filter_map(scalar).collect();
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
    let mut run = samples::run();
    run.epochs[6].validation_balanced_accuracy = Some(0.77);
    write_run(&run, dir.path()).unwrap();
    let train: Vec<_> =
        read(&only_file(&dir.path().join("train"))).unwrap()[1..].iter().filter_map(scalar).collect();
    let of = |tag: &str| train.iter().filter(|(found, ..)| found == tag).collect::<Vec<_>>();
    assert_eq!(of("loss").len(), run.epochs.len());
    assert_eq!(*of("learning_rate")[1], ("learning_rate".into(), 2, run.epochs[1].learning_rate as f32));
    // In the sample's plan layer3 thaws in the third epoch of the second phase, the sixth of all, at a tenth of the rate.
    let layer3: Vec<i64> = of("learning_rate/layer3").iter().map(|&&(_, step, _)| step).collect();
    assert_eq!(layer3, [6, 7, 8]);
    let rates = |stage: &str| of(&format!("learning_rate/{stage}")).last().unwrap().2;
    assert!((rates("layer3") / rates("head") - 0.1).abs() < 1e-6);
    assert_eq!(of("learning_rate/head").len(), run.epochs.len());
    let moment = &run.epochs[7].gradients[1];
    let last = ("gradient_norm/layer3".into(), moment.step as i64, moment.norms["layer3"] as f32);
    assert_eq!(**of("gradient_norm/layer3").last().unwrap(), last);
    let validation: Vec<_> =
        read(&only_file(&dir.path().join("validation"))).unwrap()[1..].iter().filter_map(scalar).collect();
    assert!(validation.contains(&("balanced_accuracy".into(), 7, 0.77)));
    assert!(validation.contains(&("accuracy".into(), 8, run.epochs[7].validation_accuracy.unwrap() as f32)));
    assert!(validation.contains(&(
        "balanced_accuracy".into(),
        8,
        run.evaluations[0].balanced_accuracy as f32
    )));
    assert_eq!(validation.last(), Some(&("temperature".into(), 8, 1.3742)));
    write_run(&samples::interrupted(), &dir.path().join("other")).unwrap();
    assert!(!dir.path().join("other/validation").exists());
}

#[test]
fn a_second_file_never_replaces_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let paths = [(); 3].map(|()| EventWriter::create(dir.path()).unwrap().path().to_owned());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    assert!(paths.iter().all(|path| path.extension().is_some_and(|e| e == "finetune")));
}

#[test]
fn samples_become_images_and_charts_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = samples::thousand_classes();
    run.data.classes = vec!["<&>\u{1}".into(), "dog".into(), "猫".into()];
    run.evaluations =
        vec![samples::evaluation("validation", vec![vec![1, 0, 2], vec![0, 5, 0], vec![1, 1, 1]])];
    write_run(&run, dir.path()).unwrap();
    let images = |folder: &str| -> Vec<(String, Image)> {
        let events = read(&only_file(&dir.path().join(folder))).unwrap();
        events.iter().filter_map(image_of).collect()
    };
    let found = images("validation");
    let tags: Vec<&str> = found.iter().map(|(tag, _)| tag.as_str()).collect();
    assert!(tags.contains(&"samples/mistake-1") && tags.contains(&"heat_maps/right-1"), "{tags:?}");
    // Charts are on the page alone.
    assert!(tags.iter().all(|tag| tag.starts_with("samples/") || tag.starts_with("heat_maps/")), "{tags:?}");
    assert_eq!(images("train"), []);
    for (tag, Image { width, height, colorspace, encoded_image_string: png }) in found {
        let read = image::load_from_memory(&png).unwrap();
        assert_eq!((read.width() as i32, read.height() as i32), (width, height), "{tag}");
        assert_eq!(i32::from(read.color().channel_count()), colorspace, "{tag}");
    }
    let mut writer = EventWriter::create(&dir.path().join("one")).unwrap();
    let png = STANDARD.decode(&samples::run().samples[0].thumbnail).unwrap();
    writer.image("x", 3, png, 1.0).unwrap();
    let refused = writer.image("x", 3, b"no picture".to_vec(), 1.0).unwrap_err().to_string();
    assert!(refused.contains("not a PNG") && refused.contains(" x "), "{refused}");
}

#[test]
fn the_runs_of_a_comparison_become_folders_named_after_their_settings() {
    let dir = tempfile::tempdir().unwrap();
    let mut comparison = samples::comparison();
    comparison.traces[1].method = "../lr 0.1".into();
    write_comparison(&comparison, dir.path()).unwrap();
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let runs = ["1-held-out-faces-30-per-class-scratch", "2-held-out-faces-30-per-class-lr-0-1"];
    assert_eq!(names, [runs[0], runs[1], "comparison"]);
    let events = read(&only_file(&dir.path().join(&names[0]).join("train"))).unwrap();
    let losses = events[1..].iter().filter_map(scalar).filter(|(tag, ..)| tag == "loss");
    assert_eq!(losses.count(), comparison.traces[0].run.epochs.len());

    let events = read(&only_file(&dir.path().join("comparison"))).unwrap();
    let scalars: Vec<_> = events[1..].iter().filter_map(scalar).collect();
    for row in comparison.rows.iter().filter(|row| row.variant == "held-out families") {
        let step = i64::from(row.images_per_class.unwrap());
        let interval = row.accuracy_interval.unwrap();
        let expected = [("", row.accuracy_mean), ("_low", interval.low), ("_high", interval.high)];
        for (end, value) in expected {
            let tag = format!("Held-out families, all classes/accuracy{end}/{}", row.method);
            assert!(scalars.contains(&(tag.clone(), step, value as f32)), "{tag}");
        }
    }
    assert_eq!(events.iter().filter_map(image_of).count(), 0);
}

#[test]
fn advice_becomes_its_evidence_stage_by_stage() {
    let alone = tempfile::tempdir().unwrap();
    write_advice(&sample_advice::advice(), alone.path()).unwrap();
    let events = read(&only_file(&alone.path().join("train"))).unwrap();
    let scalars: Vec<_> = events[1..].iter().filter_map(scalar).collect();
    assert!(scalars.contains(&("advice_confidence".into(), 0, 0.936)));
    assert_eq!(events.iter().filter_map(image_of).count(), 0);

    let dir = tempfile::tempdir().unwrap();
    let run = sample_advice::advised_run();
    write_run(&run, dir.path()).unwrap();
    let events = read(&only_file(&dir.path().join("train"))).unwrap();
    let scalars: Vec<_> = events[1..].iter().filter_map(scalar).collect();
    for (place, stage) in (0..).zip(&sample_advice::advice().stages) {
        let scores = [("logme", stage.logme), ("h_score", stage.h_score)];
        let scores = scores.into_iter().filter_map(|(tag, score)| Some((tag, score?)));
        for (tag, value) in
            [("probe_accuracy", stage.accuracy), ("probe_loss", stage.loss)].into_iter().chain(scores)
        {
            let expected = (format!("evidence/{tag}"), place, value as f32);
            assert!(scalars.contains(&expected), "{expected:?}");
        }
    }
    assert!(scalars.contains(&("advice_confidence".into(), 8, 0.936)));
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn scalar(event: &Event) -> Option<(String, i64, f32)> {
    let Some(What::Summary(summary)) = &event.what else { panic!("{event:?} is no summary") };
    Some((summary.value[0].tag.clone(), event.step, summary.value[0].simple_value?))
}

fn image_of(event: &Event) -> Option<(String, Image)> {
    let Some(What::Summary(summary)) = &event.what else { return None };
    Some((summary.value[0].tag.clone(), summary.value[0].image.clone()?))
}

fn only_file(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert!(files.next().is_none());
    file
}
