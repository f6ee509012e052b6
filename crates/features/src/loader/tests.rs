use std::ops::ControlFlow;

use backbone::{Backbone, Network, Options, Values};
use images::{Batches, DataSet, Keep, Layout, Origin, Selection, Split, Store, Transform};
use pretrained::InputSpec;
use tch::{Device, Kind, Tensor};
use torch_extra::layout::is_channels_last;

use super::pixels::{OnDevice, host_memory, prepared, to_device};
use crate::dataset::ImageSubset;

/// Five images of noise in two classes.
fn part(folder: &std::path::Path) -> ImageSubset {
    for (number, class) in ["a", "b", "a", "b", "a"].into_iter().enumerate() {
        let image = image::RgbImage::from_fn(40, 36, |x, y| {
            image::Rgb([x * 5, y * 7, x * y + number as u32].map(|value| value as u8))
        });
        std::fs::create_dir_all(folder.join(class)).unwrap();
        image.save(folder.join(class).join(format!("{number}.png"))).unwrap();
    }
    let samples = DataSet::open(
        Origin::Folder(folder),
        &Selection::default(),
        &Split { validation_fraction: 0.0, seed: 0 },
    )
    .unwrap()
    .train;
    let store = Store::decode(samples, Keep::Whole, u64::MAX, 1, &|_, _| ControlFlow::Continue(())).unwrap();
    ImageSubset { indices: (0..5).collect(), store }
}

fn built(network: &Network, size: i64) -> Backbone {
    let options = Options { classes: 2, size, ..Options::default() };
    let mut backbone = network.build(Values::default(), &options);
    backbone.use_channels_last();
    backbone
}

#[test]
fn images_are_written_where_the_tensor_lies_and_as_the_network_lies() {
    let folder = tempfile::tempdir().unwrap();
    let part = part(folder.path());
    let input = InputSpec { resize: 32, crop: 32, ..InputSpec::imagenet() };
    let transform = Transform::evaluation(&input).unwrap();
    for (name, last) in [("resnet18", true), ("lenet5_relu", false)] {
        let backbone = built(zoo::network(name).unwrap(), 32);
        let reference = Batches::new(&part.store, transform.clone(), (0..5).collect(), 0, 2, 0);
        let batches = prepared(&backbone, part.clone(), transform.clone(), 0, 2, 2);
        for (batch, reference) in batches.zip(reference) {
            let (mut batch, reference) = (batch.unwrap(), reference.unwrap());
            let written = batch.pixels.as_mut().as_ptr();
            let OnDevice { pixels, labels } = to_device(batch, &backbone).unwrap();
            assert_eq!(pixels.data_ptr().cast_const().cast(), written, "{name}: it was copied");
            assert_eq!(is_channels_last(&pixels), last, "{name}");
            let expected = Tensor::from_slice(&reference.pixels).view([-1, 3, 32, 32]);
            assert_eq!(pixels.kind(), Kind::Float);
            assert!(pixels.equal(&expected), "{name}");
            assert_eq!(Vec::<i64>::try_from(labels).unwrap(), reference.labels);
        }
    }
}

#[test]
fn memory_has_at_least_the_rows_that_are_wanted() {
    let room = |count, rows| host_memory(Device::Cpu, rows)([count, 3, 4, 4], Layout::ChannelsLast).unwrap();
    assert_eq!(room(2, 5).into_tensor().size(), [5, 3, 4, 4]);
    assert_eq!(room(6, 5).into_tensor().size(), [6, 3, 4, 4]);
}
