//! What becomes of an image before a network sees it, on one core: `decode`, `resize`, `augment`.
//!
//! On images that are drawn here; `cargo xtask bench` runs it.

mod harness;
mod stripes;

use std::error::Error;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::PathBuf;

use harness::{Amount, Harness, Outcome};
use images::{
    AreaShares, Augment, Batches, DataSet, Keep, Origin, Probability, ResizedCrop, Sample, Selection,
    SideRatios, Split, Store, Transform,
};
use pretrained::InputSpec;

const IMAGES: u32 = 16;

fn main() -> Outcome {
    let mut harness = Harness::asked();
    let folder = tempfile::tempdir()?;
    stripes::draw(IMAGES.into(), folder.path())?;
    let samples = DataSet::open(
        Origin::Folder(folder.path()),
        &Selection::default(),
        &Split { validation_fraction: 0.0, seed: 0 },
    )?
    .train;
    let amount = Amount { count: IMAGES, of: "image" };

    let paths: Vec<PathBuf> = samples.iter().map(|sample| sample.path.clone()).collect();
    harness.time("decode", &amount, || {
        Ok(|| {
            for path in &paths {
                black_box(image_file::decode(path)?);
            }
            Ok(())
        })
    })?;
    let input = InputSpec::imagenet();
    harness.time("resize", &amount, || prepared(&samples, Transform::evaluation(&input)?))?;
    let crop = ResizedCrop { scale: AreaShares::of(0.08, 1.0), ratio: SideRatios::of(3.0 / 4.0, 4.0 / 3.0) };
    let augment =
        Augment { resized_crop: Some(crop), horizontal_flip: Probability::of(0.5), ..Augment::default() };
    harness.time("augment", &amount, || prepared(&samples, Transform::training(&input, &augment)?))?;
    harness.end()
}

/// From decoded images to a batch of numbers; each run is another epoch.
fn prepared(
    samples: &[Sample],
    transform: Transform,
) -> Result<impl FnMut() -> Outcome + use<>, Box<dyn Error>> {
    let go_on = |_, _| ControlFlow::Continue(());
    let store = Store::decode(samples.to_vec(), Keep::Whole, u64::MAX, 1, &go_on)?;
    let mut epoch = 0;
    Ok(move || {
        epoch += 1;
        let order = (0..IMAGES).collect();
        for batch in Batches::new(&store, transform.clone(), order, epoch, IMAGES as usize, 0) {
            black_box(batch?);
        }
        Ok(())
    })
}
