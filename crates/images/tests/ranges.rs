//! Data of 10, 12 and 14 bits in images of 16, in every kind of pixel, and those of 8 bits next to them.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};
use images::{Allocate, FileBatches, Keep, Sample, Store, Transform, WideImages};
use pretrained::{Fit, InputSpec, SampleRange};

/// The largest value in the files: the pixel at (3, 1) of [`value`].
const BRIGHTEST: u16 = 4000;

fn value(x: u32, y: u32) -> u16 {
    (x * 1000 + y * 1000).min(4000) as u16
}

/// A 4 x 2 image in each kind of 16-bit pixel, as PNG and TIFF, then an 8-bit one of the same shape.
fn files(folder: &Path) -> Vec<PathBuf> {
    let luma = ImageBuffer::from_fn(4, 2, |x, y| Luma([value(x, y)]));
    // The alpha is brighter than any colour and counts for nothing.
    let luma_a = ImageBuffer::from_fn(4, 2, |x, y| LumaA([value(x, y), 65_535]));
    let rgb = ImageBuffer::from_fn(4, 2, |x, y| Rgb([value(x, y); 3]));
    let rgba = ImageBuffer::from_fn(4, 2, |x, y| Rgba([value(x, y), value(x, y), value(x, y), 65_535]));
    let narrow = ImageBuffer::from_fn(4, 2, |x, y| Luma([(value(x, y) >> 4) as u8]));
    let save = |(name, image): (&str, DynamicImage)| {
        let path = folder.join(name);
        image.save(&path).expect("save");
        path
    };
    [
        ("luma.png", DynamicImage::ImageLuma16(luma)),
        ("luma-alpha.png", DynamicImage::ImageLumaA16(luma_a)),
        ("rgb.png", DynamicImage::ImageRgb16(rgb)),
        ("rgba.png", DynamicImage::ImageRgba16(rgba)),
        ("narrow.png", DynamicImage::ImageLuma8(narrow)),
    ]
    .map(save)
    .into_iter()
    .chain([1, 3].map(|samples| {
        let path = folder.join(format!("{samples}.tiff"));
        fs::write(&path, tiff(samples)).expect("write");
        path
    }))
    .collect()
}

/// The same as an uncompressed TIFF of 16 bits with this number of samples a pixel.
fn tiff(samples: u16) -> Vec<u8> {
    let (short, long) = (3u16, 4u16);
    let bytes = u32::from(samples) * 4 * 2 * 2;
    // Behind the header, nine entries and the end of them: the depths of three samples, then the pixels.
    let depths = 8 + 2 + 9 * 12 + 4;
    let depth = if samples == 1 { 16 } else { depths };
    let entries = [
        (256, short, 1, 4),
        (257, short, 1, 2),
        (258, short, u32::from(samples), depth),
        (259, short, 1, 1),
        (262, short, 1, if samples == 1 { 1 } else { 2 }),
        (273, long, 1, depths + 6),
        (277, short, 1, samples.into()),
        (278, short, 1, 2),
        (279, long, 1, bytes),
    ];
    let mut file = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, kind, count, value) in entries {
        let (tag, kind): (u16, u16) = (tag, kind);
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(u32::to_le_bytes(count));
        file.extend(u32::to_le_bytes(value));
    }
    file.extend([0; 4]);
    file.extend([16, 0, 16, 0, 16, 0]);
    for y in 0..2 {
        for x in 0..4 {
            file.extend(value(x, y).to_le_bytes().repeat(samples.into()));
        }
    }
    file
}

/// The 2 x 2 pixels in the middle, as bytes.
fn transform(range: Option<u16>) -> Transform {
    let range = range.map(|range| SampleRange::try_from(i64::from(range)).expect("range"));
    let (mean, std) = (vec![0.0; 3], vec![1.0 / 255.0; 3]);
    let input = InputSpec { resize: 2, crop: 2, fit: Fit::Crop, range, mean, std, ..InputSpec::imagenet() };
    Transform::evaluation(&input).expect("transform")
}

/// The first channel of each file's centre, 2 x 2, and what was found of 16 bits.
fn read(paths: &[PathBuf], range: Option<u16>) -> (Vec<Vec<u8>>, WideImages) {
    let allocate: Arc<Allocate<Vec<f32>>> = Arc::new(|shape, _| Ok(vec![0.0; shape.iter().product()]));
    let mut batches = FileBatches::new(paths.to_vec(), transform(range), paths.len(), 0, allocate);
    let batch = batches.next().expect("a batch").expect("batch");
    assert!(batch.unreadable.is_empty(), "{:?}", batch.unreadable);
    let first = |pixels: &[f32]| pixels[..4].iter().map(|value| value.round() as u8).collect();
    (batch.pixels.chunks_exact(12).map(first).collect(), batch.wide)
}

#[test]
fn sixteen_bits_are_read_in_their_range_and_eight_stay_as_they_are() {
    let folder = tempfile::tempdir().expect("folder");
    let paths = files(folder.path());
    let narrow: Vec<u8> = [1000, 2000, 2000, 3000].map(|value: u16| (value >> 4) as u8).to_vec();
    for (range, expected, clipped) in [
        // The upper 8 bits.
        (None, [3, 7, 7, 11], 0),
        // round(value * 255 / range)
        (Some(4095), [62, 125, 125, 187], 0),
        (Some(4000), [64, 128, 128, 191], 0),
        (Some(1023), [249, 255, 255, 255], 6),
        (Some(65_535), [4, 8, 8, 12], 0),
    ] {
        let (found, wide) = read(&paths, range);
        for (path, found) in paths.iter().zip(&found) {
            let is_narrow = path.ends_with("narrow.png");
            assert_eq!(
                *found,
                if is_narrow { &narrow[..] } else { &expected },
                "{range:?} {}",
                path.display()
            );
        }
        assert_eq!(wide, WideImages { count: 6, brightest: BRIGHTEST, clipped }, "{range:?}");
    }
}

#[test]
fn a_store_reads_them_so_however_it_keeps_them() {
    let folder = tempfile::tempdir().expect("folder");
    let paths = files(folder.path());
    let samples: Vec<Sample> = paths
        .iter()
        .zip(0..)
        .map(|(path, id)| Sample { path: path.clone(), label: 0, id, group: None })
        .collect();
    let wanted = transform(Some(4095));
    for keep in [Keep::WholeFor(Box::new(wanted.clone())), Keep::Square(Box::new(wanted.clone()))] {
        for limit in [0, u64::MAX] {
            let go_on = |_, _| ControlFlow::Continue(());
            let store = Store::decode(samples.clone(), keep.clone(), limit, 1, &go_on).expect("store");
            assert_eq!(store.wide(), WideImages { count: 6, brightest: BRIGHTEST, clipped: 0 });
            for index in [0, 1, 2, 3, 5, 6] {
                let pixels = store.shown(index, &wanted).expect("shown").pixels;
                assert_eq!(
                    pixels[..4].iter().map(|value| value.round()).collect::<Vec<_>>(),
                    [62.0, 125.0, 125.0, 187.0]
                );
                assert_eq!(store.image(index).expect("image").get_pixel(3, 1).0, [249; 3]);
            }
        }
    }
}
