//! A server whose model looks at colours alone: `cargo run -p serve --example colours [-- PORT]`, for a browser and for load.
//! It prints its address.

use image::{Rgb, RgbImage};
use images::{Shown, Transform};
use pretrained::InputSpec;
use serve::{
    About, Answer, Answerer, ClassProbability, Explanation, HeatMap, Limits, Neighbor, Png, Server, Stop,
};

const CLASSES: [&str; 3] = ["red", "green", "blue"];

struct Colours;

impl Answerer for Colours {
    fn about(&self) -> About {
        About {
            arch: "colours".into(),
            classes: CLASSES.map(str::to_owned).into(),
            temperature: 1.0,
            model_sha256: "0".repeat(64),
            transform: Transform::evaluation(&InputSpec::imagenet()).expect("it makes sense"),
        }
    }

    fn predict(&mut self, image: &Shown) -> Result<Answer, String> {
        let sums = image.square.pixels().fold([1u64; 3], |sums, pixel| {
            [0, 1, 2].map(|channel| sums[channel] + u64::from(pixel.0[channel]))
        });
        let all = sums.iter().sum::<u64>() as f64;
        let entry = |channel: usize| ClassProbability {
            class: CLASSES[channel].into(),
            probability: sums[channel] as f64 / all,
        };
        let mut top: Vec<_> = (0..3).map(entry).collect();
        top.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(Answer { class: top[0].class.clone(), probability: top[0].probability, top })
    }

    fn explain(&mut self, image: &Shown) -> Result<Explanation, String> {
        let answer = self.predict(image)?;
        let channel = CLASSES.iter().position(|class| *class == answer.class).unwrap_or(0);
        let rows = |y: u32| {
            (0..8).map(|x| f64::from(image.square[(14 + 28 * x, 14 + 28 * y)][channel]) / 255.0).collect()
        };
        let map: Vec<Vec<f64>> = (0..8).map(rows).collect();
        let png = Png(images::heat_map_png(&image.square, &map, 224));
        let neighbor = |(number, class): (u8, &&str)| Neighbor {
            path: format!("train/{class}/{number}.png"),
            class: (*class).into(),
            similarity: 0.9 - 0.1 * f64::from(number),
            png: Some(Png(images::thumbnail_png(&RgbImage::from_pixel(24, 16, Rgb([80 * number; 3])), 96))),
        };
        let neighbors = (0..).zip(&CLASSES).map(neighbor).collect();
        Ok(Explanation { answer, heat_map: Some(HeatMap { stage: "colours".into(), png }), neighbors })
    }
}

fn main() -> Result<(), serve::Error> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let server = Server::bind(([127, 0, 0, 1], port).into(), Limits::default())?;
    println!("http://{}", server.address());
    server.serve(Colours, &Stop::default())
}
