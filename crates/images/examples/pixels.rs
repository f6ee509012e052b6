//! Times the way of images on one core, and draws images to time other things with. `cargo xtask bench` runs it.
//!
//!     pixels time DATA          images a second, decoding included and from decoded pixels, and the seconds of each part,
//!                               as a JSON object
//!     pixels draw COUNT DATA    that many JPEGs of 500 x 375 in two classes

#[path = "../../../benches/stripes.rs"]
mod stripes;

use std::env;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use images::{
    Augment, Batches, DataSet, Keep, Origin, Probability, ResizedCrop, Selection, Split, Store, Transform,
};
use pretrained::InputSpec;

const BATCH: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    // xtask puts --json before the arguments of its tools; this one answers in nothing else.
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--json").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["time", data] => time(Path::new(data)),
        ["draw", count, data] => {
            stripes::draw(count.parse()?, Path::new(data))?;
            println!(r#"{{"drawn": {count}}}"#);
            Ok(())
        }
        _ => Err("usage: pixels time DATA | pixels draw COUNT DATA".into()),
    }
}

fn time(root: &Path) -> Result<(), Box<dyn Error>> {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let data = DataSet::open(
        Origin::Folder(root),
        &Selection::default(),
        &Split { validation_fraction: 0.0, seed: 0 },
    )?;
    let crop = ResizedCrop::default();
    let augment =
        Augment { resized_crop: Some(crop), horizontal_flip: Probability::of(0.5), ..Augment::default() };
    let transform = Transform::training(&InputSpec::imagenet(), &augment)?;

    let start = Instant::now();
    let store = Store::decode(data.train, Keep::Whole, u64::MAX, 1, &|_, _| ControlFlow::Continue(()))?;
    let count = store.samples().len();
    let stored = start.elapsed().as_secs_f64();
    let mut seconds = Vec::new();
    for epoch in 0..4 {
        let order = (0..u32::try_from(count)?).collect();
        let epoch_start = Instant::now();
        for batch in Batches::new(&store, transform.clone(), order, epoch, BATCH, 0) {
            std::hint::black_box(batch?);
        }
        seconds.push(if epoch == 0 { start.elapsed() } else { epoch_start.elapsed() }.as_secs_f64());
    }
    // The same once more, to know how much of it was decoding.
    let start = Instant::now();
    for sample in store.samples() {
        std::hint::black_box(image_file::decode(&sample.path)?);
    }
    let decoded = start.elapsed().as_secs_f64();
    let parts = [
        ("decoding", decoded),
        ("digesting and keeping", stored - decoded),
        ("cropping and normalising in the first epoch", seconds[0] - stored),
        ("in three later epochs", seconds[1..].iter().sum()),
        ("decoding once more for this profile", decoded),
    ];
    let profile: Vec<String> =
        parts.iter().map(|(part, seconds)| format!(r#"["{part}", {seconds}]"#)).collect();
    let pace = |seconds: f64| count as f64 / seconds;
    let mut later = seconds[1..].to_vec();
    later.sort_by(f64::total_cmp);
    let cached = later[later.len() / 2];
    println!(
        r#"{{"first": {}, "cached": {}, "profile": [{}]}}"#,
        pace(seconds[0]),
        pace(cached),
        profile.join(", ")
    );
    Ok(())
}
