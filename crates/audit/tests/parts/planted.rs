use std::path::{Path, PathBuf};

use image::RgbImage;
use records::{AuditRecord, CopyKind, FileProblem, Interrupt, Session};
use tch::{Kind, Tensor};

use audit::{AuditedImage, Features, Part, Subject, fix, perform};

/// An image of squares whose brightness and places the number decides.
fn drawn(number: u32) -> RgbImage {
    let mut image = RgbImage::from_pixel(80, 60, image::Rgb([90, 90, 90]));
    let mut state = number.wrapping_mul(2_654_435_761) ^ 0x9E37_79B9;
    for _ in 0..14 {
        let mut next = |most: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % most
        };
        let (left, top, wide, high, value) =
            (next(70), next(50), 6 + next(25), 6 + next(25), next(256) as u8);
        for y in top..(top + high).min(60) {
            for x in left..(left + wide).min(80) {
                image.put_pixel(x, y, image::Rgb([value, value.wrapping_add(20), value]));
            }
        }
    }
    image
}

struct Set {
    folder: tempfile::TempDir,
    images: Vec<AuditedImage>,
    features: Vec<[f32; 8]>,
}

impl Set {
    /// Forty training and ten validation images of each of two classes, whose features tell them apart.
    fn new() -> Self {
        let mut set = Self { folder: tempfile::tempdir().unwrap(), images: Vec::new(), features: Vec::new() };
        for number in 0..80 {
            set.add(&format!("train/{number}.png"), Part::Train, number % 2, &drawn(number as u32));
        }
        for number in 100..120 {
            set.add(&format!("val/{number}.png"), Part::Validation, number % 2, &drawn(number as u32));
        }
        set
    }

    fn add(&mut self, below: &str, part: Part, label: usize, image: &RgbImage) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.save(&path).unwrap();
        let sum = image.as_raw().iter().map(|&value| u64::from(value)).sum::<u64>();
        let noise = |place: u64| ((sum.wrapping_mul(place * 7919 + 13) >> 3) % 1000) as f32 / 1000.0 - 0.5;
        let of_class = if label == 0 { 1.0 } else { -1.0 };
        let features = std::array::from_fn(|place| if place == 0 { of_class } else { noise(place as u64) });
        self.images.push(AuditedImage { path, below: below.to_owned(), part, label, group: None });
        self.features.push(features);
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn position(&self, below: &str) -> usize {
        self.images.iter().position(|image| image.below == below).unwrap()
    }

    fn subject(&self, splits_itself: bool) -> Subject {
        let paths: Vec<PathBuf> = self.images.iter().map(|image| image.path.clone()).collect();
        let examined = copies::examine(&paths, 1, &|_| std::ops::ControlFlow::Continue(())).unwrap();
        let values = Tensor::from_slice(&self.features.concat()).view([-1, 8]).to_kind(Kind::Float);
        let rows = (0..).zip(&examined).map(|(row, file)| file.fingerprint().map(|_| row)).collect();
        Subject {
            classes: vec!["even".to_owned(), "odd".to_owned()],
            images: self.images.clone(),
            examined,
            splits_itself,
            reads: 32,
            features: Some(Features { values, rows }),
            with_test: false,
            seed: 1,
        }
    }
}

fn judged(subject: &Subject) -> AuditRecord {
    let interrupt = Interrupt::default();
    perform(subject, &Session { interrupt: &interrupt, listener: &mut |_| {} }).unwrap()
}

/// A list read back as a run reads it: what it leaves out.
fn left_out(text: &str) -> Vec<String> {
    let table: toml::Table = text.parse().unwrap();
    let entries = table.get("exclude").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let mut paths: Vec<String> =
        entries.iter().map(|entry| entry["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

#[test]
fn every_fault_that_is_planted_is_found_and_nothing_else() {
    let mut set = Set::new();
    set.images[4].label = 1; // features say 0

    std::fs::write(set.path("train/6.png"), b"no image").unwrap();
    std::fs::copy(set.path("train/8.png"), set.path("train/10.png")).unwrap();
    set.features[10] = set.features[8];
    std::fs::copy(set.path("val/102.png"), set.path("train/12.png")).unwrap();
    set.features[12] = set.features[set.position("val/102.png")];
    let mirrored = image::imageops::flip_horizontal(&drawn(104));
    mirrored.save(set.path("train/14.png")).unwrap();
    let subject = set.subject(false);
    let record = judged(&subject);
    let broken: Vec<&str> = record.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!((broken, record.files[0].problem), (vec!["train/6.png"], FileProblem::Unreadable));
    let copies: Vec<_> =
        record.copies.iter().map(|copy| (copy.a.as_str(), copy.b.as_str(), copy.kind)).collect();
    assert_eq!(
        copies,
        [
            ("train/12.png", "val/102.png", CopyKind::File),
            ("train/8.png", "train/10.png", CopyKind::File),
            ("train/14.png", "val/104.png", CopyKind::Near),
        ]
    );
    assert_eq!(record.copies[2].how, "mirrored");
    let flagged = |labels: &[records::LabelRecord]| -> Vec<String> {
        labels.iter().filter(|label| label.flagged).map(|label| label.path.clone()).collect()
    };
    assert_eq!(flagged(&record.labels), ["train/4.png"]);
    assert_eq!((record.labels.len(), record.labels[0].path.as_str()), (79, "train/4.png"));
    assert_eq!(record.leakage.len(), 1);
    assert_eq!((record.leakage[0].leaked, record.leakage[0].images), (2, 20));
    let fix = fix(&subject, &record);
    assert_eq!(left_out(&fix.text), ["train/10.png", "train/12.png", "train/14.png", "train/6.png"]);
    assert!(fix.text.contains("# [[relabel]]\n# path = \"train/4.png\"") && fix.proposed >= 1);
    assert_eq!(record, judged(&subject), "the same data, the same findings");
}

#[test]
fn copies_stay_together_where_the_program_splits() {
    let mut set = Set::new();
    set.images.iter_mut().for_each(|image| image.part = Part::Train);
    let cropped = image::imageops::crop_imm(&drawn(104), 4, 3, 66, 50).to_image();
    cropped.save(set.path("train/14.png")).unwrap();
    set.features[14] = set.features[set.position("val/104.png")];
    let subject = set.subject(true);
    let fix = fix(&subject, &judged(&subject));
    assert_eq!((left_out(&fix.text), fix.together), (Vec::new(), 1), "{}", fix.text);
    assert!(fix.text.contains("paths = [\"train/14.png\", \"val/104.png\"]"), "{}", fix.text);
}

#[test]
fn no_test_label_is_looked_at_and_no_test_image_left_out() {
    let mut set = Set::new();
    for number in 100..120 {
        let place = set.position(&format!("val/{number}.png"));
        set.images[place].part = Part::Test;
    }
    set.images[81].label = 0;
    std::fs::write(set.path("val/105.png"), b"no image").unwrap();
    std::fs::copy(set.path("val/108.png"), set.path("val/109.png")).unwrap();
    std::fs::copy(set.path("val/110.png"), set.path("train/3.png")).unwrap();
    let subject = set.subject(false);
    let record = judged(&subject);
    assert!(record.held_out_labels.is_empty() && record.leakage.is_empty());
    let crossing = record.copies.iter().find(|copy| copy.splits[0] != copy.splits[1]).unwrap();
    assert_eq!(crossing.labels[1], None);
    assert_eq!(left_out(&fix(&subject, &record).text), ["train/3.png"]);
    let with_test = Subject { with_test: true, ..subject };
    let record = judged(&with_test);
    assert_eq!(record.held_out_labels.len(), 19);
    assert!(Path::new(&record.held_out_labels[0].path).starts_with("val"));
}
