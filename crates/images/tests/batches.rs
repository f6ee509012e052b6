//! From files to batches: what is kept, what is reported, and that workers change nothing.

use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use image::RgbImage;
use images::{
    Allocate, Angle, AreaShares, Augment, BatchOrder, Batches, ColorJitter, Erasing, ErasingFill, Error,
    HueShift, Keep, Layout, PixelBatch, Policy, Probability, ResizedCrop, Sample, Sampling, SideRatios,
    Store, Transform, shuffled, thumbnail_png,
};
use pretrained::{InputSpec, Interpolation};
use ranged::NotNegative;

const EVERYTHING: u64 = u64::MAX;

fn samples(folder: &Path, count: u32) -> Vec<Sample> {
    let sample = |n: u32| {
        let path = folder.join(format!("{n:02}.png"));
        RgbImage::from_fn(30 + n, 40, |x, y| image::Rgb([(x * 9) as u8, (y * 5 + n) as u8, n as u8]))
            .save(&path)?;
        Ok(Sample { path, label: n as usize % 3, id: n.into(), group: None })
    };
    (0..count).map(sample).collect::<image::ImageResult<_>>().expect("images")
}

fn decode(samples: Vec<Sample>, limit: u64) -> Store {
    Store::decode(samples, Keep::Whole, limit, 2, &|_, _| ControlFlow::Continue(())).expect("store")
}

fn input(channels: u8) -> InputSpec {
    let count = usize::from(channels);
    InputSpec {
        resize: 20,
        crop: 16,
        interpolation: Interpolation::Bilinear,
        channels,
        mean: vec![0.5; count],
        std: vec![0.25; count],
        ..InputSpec::imagenet()
    }
}

fn augmented() -> Transform {
    let crop = ResizedCrop { scale: AreaShares::of(0.2, 1.0), ratio: SideRatios::of(0.75, 4.0 / 3.0) };
    let augment = Augment {
        seed: 1,
        horizontal_flip: Probability::of(0.5),
        resized_crop: Some(crop),
        rotation: Angle::of(10.0),
        policy: Some(Policy::TrivialAugment),
        color_jitter: Some(ColorJitter {
            brightness: NotNegative::of(0.2),
            contrast: NotNegative::of(0.2),
            saturation: NotNegative::of(0.2),
            hue: HueShift::of(0.1),
        }),
        erasing: Some(Erasing { fill: ErasingFill::Noise, ..Erasing::default() }),
        sampling: Sampling::Bilinear,
        ..Augment::default()
    };
    Transform::training(&input(3), &augment).expect("transform")
}

fn batches(store: &Store, epoch: u32, workers: usize) -> Vec<PixelBatch> {
    let order = shuffled(store.samples().len(), 1, 0);
    let batches = Batches::new(store, augmented(), order, epoch, 4, workers);
    assert_eq!(batches.len(), store.samples().len().div_ceil(4));
    batches.collect::<Result<_, _>>().expect("batches")
}

#[test]
fn batches_depend_on_the_epoch_but_not_on_workers_or_memory() {
    let folder = tempfile::tempdir().expect("folder");
    let samples = samples(folder.path(), 18);
    let store = decode(samples.clone(), EVERYTHING);
    let reference = batches(&store, 0, 0);

    assert_eq!(reference.iter().map(|batch| batch.indices.len()).collect::<Vec<_>>(), [4, 4, 4, 4, 2]);
    let last = &reference[4];
    assert_eq!((last.pixels.len(), last.channels, last.size), (2 * 3 * 16 * 16, 3, 16));
    let seen: Vec<_> = reference.iter().flat_map(|batch| batch.indices.clone()).collect();
    assert_eq!(seen, shuffled(18, 1, 0));
    let labels: Vec<_> = reference.iter().flat_map(|batch| batch.labels.clone()).collect();
    assert_eq!(labels, seen.iter().map(|index| i64::from(index % 3)).collect::<Vec<_>>());

    for workers in [1, 2, 7] {
        assert_eq!(batches(&store, 0, workers), reference, "{workers} workers");
    }
    assert_ne!(batches(&store, 1, 2), reference);
    let little_memory = decode(samples, 40 * 40 * 3 * 5);
    assert_eq!(batches(&little_memory, 0, 2), reference);
}

#[test]
fn kept_squares_change_nothing_but_the_memory() {
    let folder = tempfile::tempdir().expect("folder");
    let samples = samples(folder.path(), 9);
    let order: Vec<u32> = (0..9).collect();
    for channels in [1, 3] {
        let input = input(channels);
        let evaluation = Transform::evaluation(&input).expect("transform");
        let keep = Keep::Square(Box::new(evaluation.clone()));
        // There is room for some of them only.
        let squares = 16 * 16 * u64::from(channels) * 6;
        let store = Store::decode(samples.clone(), keep, squares, 2, &|_, _| ControlFlow::Continue(()))
            .expect("store");
        let whole = decode(samples.clone(), EVERYTHING);
        let flip = Augment { seed: 1, horizontal_flip: Probability::of(0.5), ..Augment::default() };
        let flipped = Transform::training(&input, &flip).expect("transform");
        let mut transforms = vec![evaluation, flipped];
        // What shows another part of the image cannot use them.
        transforms.extend((channels == 3).then(augmented));
        for transform in transforms {
            let of = |store: &Store| {
                let batches = Batches::new(store, transform.clone(), order.clone(), 2, 4, 1);
                batches.collect::<Result<Vec<_>, _>>().expect("batches")
            };
            assert_eq!(of(&store), of(&whole));
        }
        // What can be shown of them without their files is the square.
        samples
            .iter()
            .for_each(|sample| fs::rename(&sample.path, sample.path.with_extension("away")).unwrap());
        let views: Vec<_> = order.iter().filter_map(|&index| store.view(index).ok()).collect();
        samples
            .iter()
            .for_each(|sample| fs::rename(sample.path.with_extension("away"), &sample.path).unwrap());
        assert_eq!(views.iter().map(|view| view.dimensions()).collect::<Vec<_>>(), [(16, 16); 6]);
    }
}

#[test]
fn large_photographs_may_be_reduced_while_they_are_decoded() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("large.jpg");
    // Waves of some pixels' length: 16 times as large as the square of 20 that is cut out of it.
    let wave = |at: u32, length: f64| (128.0 + 90.0 * (f64::from(at) / length).sin()) as u8;
    RgbImage::from_fn(640, 480, |x, y| image::Rgb([wave(x, 40.0), wave(y, 50.0), wave(x + y, 60.0)]))
        .save(&path)
        .expect("image");
    let small = folder.path().join("small.jpg");
    RgbImage::from_fn(60, 50, |x, y| image::Rgb([wave(x, 5.0), wave(y, 6.0), 0]))
        .save(&small)
        .expect("image");
    let sample = |path: &Path, id| Sample { path: path.to_owned(), label: 0, id, group: None };
    let samples = vec![sample(&path, 0), sample(&small, 1)];

    let evaluation = Transform::evaluation(&input(3)).expect("transform");
    let of = |transform: &Transform, limit: u64| -> Vec<Vec<f32>> {
        let keep = Keep::Square(Box::new(transform.clone()));
        let store =
            Store::decode(samples.clone(), keep, limit, 2, &|_, _| ControlFlow::Continue(())).expect("store");
        // Readers need not know how they were decoded.
        let batches = Batches::new(&store, evaluation.clone(), vec![0, 1], 0, 1, 0);
        batches.map(|batch| batch.expect("batch").pixels).collect()
    };
    let (whole, reduced) = (of(&evaluation, EVERYTHING), of(&evaluation.clone().reducing(), EVERYTHING));
    assert_eq!(whole[1], reduced[1], "a small image is never reduced");
    assert_ne!(whole[0], reduced[0]);
    // One step of 255 is 1 / 255 / 0.25.
    let farthest = whole[0].iter().zip(&reduced[0]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(farthest <= 4.0 * 4.0 / 255.0, "{} of 255", farthest * 255.0 / 4.0);
    assert_eq!(of(&evaluation.clone().reducing(), 0), reduced, "kept or not, it is decoded alike");
}

#[test]
fn a_image_is_known_by_its_file_and_by_how_it_is_decoded() {
    let folder = tempfile::tempdir().expect("folder");
    let mut samples = samples(folder.path(), 2);
    let elsewhere = folder.path().join("elsewhere.png");
    fs::copy(&samples[0].path, &elsewhere).expect("copy");
    samples.push(Sample { path: elsewhere, label: 0, id: 9, group: None });
    let digests = |store: &Store| [0, 1, 2].map(|index| store.digest(index).expect("digest"));
    let whole = digests(&decode(samples.clone(), EVERYTHING));
    assert!(whole[0] == whole[2] && whole[0] != whole[1]);
    assert_eq!(whole, digests(&decode(samples.clone(), 0)), "kept or not");
    let reducing = Keep::Square(Box::new(Transform::evaluation(&input(3)).expect("transform").reducing()));
    let reduced = Store::decode(samples, reducing, EVERYTHING, 2, &|_, _| ControlFlow::Continue(()));
    assert!(digests(&reduced.expect("store")).iter().zip(whole).all(|(reduced, whole)| *reduced != whole));
}

#[test]
fn unreadable_files_are_reported_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().expect("folder");
    let mut samples = samples(folder.path(), 6);
    fs::write(&samples[4].path, b"").expect("write");
    let whole = fs::read(&samples[1].path).expect("read");
    fs::write(&samples[1].path, &whole[..whole.len() / 2]).expect("write");
    samples.swap(1, 4);
    let store = decode(samples.clone(), EVERYTHING);
    assert_eq!(store.samples(), [0, 2, 3, 5].map(|n| samples[n].clone()));
    let reported: Vec<_> =
        store.unreadable().iter().map(|file| (file.path.clone(), file.reason.is_empty())).collect();
    assert_eq!(reported, [(samples[4].path.clone(), false), (samples[1].path.clone(), false)]);
    assert_eq!(store.unreadable()[1].reason, "the file is empty");
}

#[test]
fn a_file_that_vanishes_is_an_error_of_its_batch() {
    let folder = tempfile::tempdir().expect("folder");
    let samples = samples(folder.path(), 9);
    let store = decode(samples.clone(), 0);
    fs::remove_file(&samples[4].path).expect("remove");
    let outcomes: Vec<_> = Batches::new(&store, augmented(), (0..9).collect(), 0, 3, 2).collect();
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let message = outcomes[1].as_ref().expect_err("vanished").to_string();
    assert!(message.contains("04.png"), "{message}");
}

#[test]
fn decoding_reports_progress_and_can_be_stopped() {
    let folder = tempfile::tempdir().expect("folder");
    let samples = samples(folder.path(), 8);
    let most = AtomicU64::new(0);
    let threads = Mutex::new(HashSet::new());
    let watch = |done, total| {
        assert_eq!(total, 8);
        most.fetch_max(done, Ordering::Relaxed);
        threads.lock().expect("threads").insert(thread::current().id());
        ControlFlow::Continue(())
    };
    Store::decode(samples.clone(), Keep::Whole, EVERYTHING, 1, &watch).expect("store");
    assert_eq!((most.into_inner(), threads.into_inner().expect("threads").len()), (8, 1));
    let stopped = Store::decode(samples, Keep::Whole, EVERYTHING, 2, &|_, _| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Interrupted)));
}

#[test]
fn an_index_that_does_not_exist_and_an_empty_order() {
    let folder = tempfile::tempdir().expect("folder");
    let store = decode(samples(folder.path(), 2), EVERYTHING);
    let outcome = Batches::new(&store, augmented(), vec![0, 5], 0, 2, 1).next();
    assert!(matches!(outcome, Some(Err(Error::NoSuchSample { index: 5, len: 2 }))));
    assert!(Batches::new(&store, augmented(), vec![], 0, 4, 3).next().is_none());
}

#[test]
fn a_thumbnail_fits_and_is_never_enlarged() {
    for ((width, height), expected) in [((300, 150), (64, 32)), ((20, 30), (20, 30)), ((1000, 1), (64, 1))] {
        let png = thumbnail_png(&RgbImage::from_pixel(width, height, image::Rgb([9, 8, 7])), 64);
        let thumbnail = image::load_from_memory(&png).expect("png").into_rgb8();
        assert_eq!(thumbnail.dimensions(), expected);
        assert_eq!(thumbnail.get_pixel(0, 0).0, [9, 8, 7]);
    }
}

#[test]
fn batches_are_written_into_memory_that_is_given_in_the_layout_that_is_wanted() {
    let folder = tempfile::tempdir().expect("folder");
    let store = decode(samples(folder.path(), 5), EVERYTHING);
    let reference: Vec<_> = Batches::new(&store, augmented(), (0..5).collect(), 3, 2, 0).collect();
    for layout in [Layout::ChannelsFirst, Layout::ChannelsLast] {
        // More than is needed: what is left over stays as it is given.
        let allocate: Arc<Allocate<Vec<f32>>> = Arc::new(move |[count, channels, height, width], asked| {
            assert_eq!(asked, layout);
            Ok(vec![7.0; (count + 1) * channels * height * width])
        });
        let order = BatchOrder { indices: (0..5).collect(), epoch: 3, batch_size: 2 };
        let batches = Batches::within(&store, augmented().laid(layout), order, 2, allocate);
        for (batch, reference) in batches.zip(&reference) {
            let (batch, reference) = (batch.expect("batch"), reference.as_ref().expect("batch"));
            let numbers = 3 * 16 * 16;
            for (at, value) in reference.pixels.iter().enumerate() {
                let (image, within) = (at / numbers, at % numbers);
                let moved = match layout {
                    Layout::ChannelsFirst => within,
                    Layout::ChannelsLast => within % 256 * 3 + within / 256,
                };
                assert_eq!(
                    batch.pixels[image * numbers + moved].to_bits(),
                    value.to_bits(),
                    "{layout:?} {at}"
                );
            }
            assert_eq!(batch.pixels[reference.pixels.len()..], [7.0; 3 * 16 * 16]);
        }
    }
    let one = || BatchOrder { indices: vec![0], epoch: 0, batch_size: 1 };
    let refused: Arc<Allocate<Vec<f32>>> = Arc::new(|_, _| Err("nothing is left".to_owned()));
    let outcome = Batches::within(&store, augmented(), one(), 0, refused).next();
    assert!(matches!(outcome, Some(Err(Error::Worker(text))) if text == "nothing is left"));
    let short: Arc<Allocate<Vec<f32>>> = Arc::new(|_, _| Ok(vec![0.0; 3]));
    assert!(Batches::within(&store, augmented(), one(), 1, short).all(|batch| batch.is_err()));
}
