//! `finetune serve`: a small page on this machine, for a trained model.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use images::{Shown, Transform, thumbnail_png};
use report::text::{count, visible};
use serve::{
    About, Answer, Answerer, ClassProbability, Explanation, HeatMap, Limits, Neighbor, Png, Server, Stop,
};
use trained_model::model::Model;
use trained_model::predict::PredictError;
use trained_model::single::{self, Single};

use crate::source::ModelArguments;
use crate::training_images::TrainingImages;

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
#[command(
    after_help = "The page takes an image that is dropped, chosen or pasted, and shows the answer, where in the image the evidence lies, and the training images most like it. A program sends an image as the body of POST /predict or /explain; GET /status says how it goes. There is neither password nor TLS: it is for this machine. Ctrl-C or SIGTERM ends it after what was accepted is answered; a second one at once (exit code 130)."
)]
pub struct ServeArguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Address and port; port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Number of most probable classes to answer with.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Number of most similar training images to show; 0 for none. Their features are computed at the first start, and cached.
    #[arg(long, value_name = "K", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=100))]
    neighbors: u32,
    /// Most images computed at once when several wait, where that changes no bit of an answer: 1, 2, 4 or 8.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=8))]
    batch: u32,
    /// Labelled images for --neighbors, in place of the run's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Images at once, waiting ones included; one more is answered 503.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    queue: u32,
    /// Largest image file, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1024))]
    max_body: u32,
    /// Largest image, in pixels.
    #[arg(long, value_name = "N", default_value_t = 50_000_000)]
    max_pixels: u64,
    /// Seconds that an image may wait; later it is answered 504.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    deadline: u32,
    /// Seconds to answer what was accepted, at the end.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=3600))]
    drain: u32,
}

/// Exit code of a second signal.
const INTERRUPTED: i32 = 130;
/// Longest side of a heat map.
const MAP: u32 = 512;
/// Longest side of a training image on the page.
const THUMBNAIL: u32 = 160;

/// Serves until it is asked to end.
///
/// # Errors
/// What the program says and exits with.
pub fn perform(arguments: &ServeArguments) -> anyhow::Result<()> {
    let usual = Limits::default();
    let body = arguments.max_body as usize * (1 << 20);
    let limits = Limits {
        queue: arguments.queue as usize,
        body,
        bodies: usual.bodies.max(body),
        pixels: arguments.max_pixels,
        deadline: Duration::from_secs(arguments.deadline.into()),
        drain: Duration::from_secs(arguments.drain.into()),
        ..usual
    };
    // First: an address that is taken is no reason to read a model.
    let server = Server::bind(arguments.listen, limits)?;
    let model = arguments.model.open()?;
    let training = training_images(&model, arguments);
    let stop = listen_for_signals()?;
    let transform = Transform::evaluation(&model.input).map_err(features::Error::from)?;
    let mut answerer = ModelAnswerer {
        model,
        transform,
        training,
        top: arguments.top as usize,
        neighbors: arguments.neighbors as usize,
        threads: Some(arguments.model.threads()),
        at_once: 1,
    };
    answerer.warm_up(arguments.batch)?;
    let mut address = server.address();
    if !address.ip().is_loopback() {
        say(&format!(
            "warning: others can reach port {} by this machine's address, and there is neither password nor TLS",
            address.port()
        ));
    }
    // All addresses of a machine are none that a browser could open.
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let mut out = io::stdout().lock();
    writeln!(out, "http://{address}")?;
    out.flush()?;
    drop(out);
    server.serve(answerer, &stop)?;
    Ok(())
}

fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", visible(line));
}

/// Without them the page shows the rest.
fn training_images(model: &Model, arguments: &ServeArguments) -> Option<TrainingImages> {
    if arguments.neighbors == 0 {
        return None;
    }
    let (run, data) = (arguments.model.run(), arguments.data.as_deref());
    let opened = TrainingImages::open(model, run, data, arguments.model.batching());
    match opened {
        Ok(training) => {
            let (all, computed) = (training.neighbors.count() as u64, training.neighbors.computed as u64);
            say(&format!(
                "{} training images to compare with, {} of them computed now",
                count(all),
                count(computed)
            ));
            Some(training)
        }
        Err(error) => {
            say(&format!(
                "warning: no training images to compare with: {error:#}; --data names some, --neighbors 0 wants none"
            ));
            None
        }
    }
}

fn listen_for_signals() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let asked = stop.clone();
    ctrlc::set_handler(move || {
        if asked.request() {
            std::process::exit(INTERRUPTED);
        }
        say("ending: what was accepted is answered; again to end at once");
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

/// A model with its training images.
struct ModelAnswerer {
    model: Model,
    transform: Transform,
    training: Option<TrainingImages>,
    top: usize,
    neighbors: usize,
    /// Set in the thread that computes.
    threads: Option<u32>,
    /// Most images that are computed at once.
    at_once: usize,
}

impl ModelAnswerer {
    /// Computes images of noise, so that the first user does not wait for what is prepared at a first time, and finds out how many
    /// can be computed at once.
    fn warm_up(&mut self, most: u32) -> anyhow::Result<()> {
        let side = self.model.input.crop;
        let noise = |number: u32| {
            image::RgbImage::from_fn(side, side, |x, y| {
                let mixed = (x + 31 * y + 977 * number).wrapping_mul(2_654_435_761);
                image::Rgb(mixed.to_be_bytes()[..3].try_into().unwrap_or_default())
            })
        };
        let images = (0..most).map(|number| self.transform.show(&noise(number)));
        let images: Vec<Shown> = images.collect::<Result<_, _>>().map_err(features::Error::from)?;
        self.at_once = single::together(&self.model, &images)?;
        Ok(())
    }

    /// Libtorch counts threads for each of the program's.
    fn take_threads(&mut self) {
        if let Some(threads) = self.threads.take() {
            tch::set_num_threads(i32::try_from(threads).unwrap_or(1));
        }
    }

    fn single(&mut self, image: &Shown) -> Result<Single, String> {
        self.take_threads();
        Single::of(&self.model, image).map_err(|error| error.to_string()).and_then(finite)
    }

    fn answer(&self, single: &Single) -> Answer {
        let (logits, probabilities) = (&single.scores.logits, &single.scores.probabilities);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        let entry = |&class: &usize| ClassProbability {
            class: self.model.classes[class].clone(),
            probability: probabilities[class],
        };
        let top: Vec<ClassProbability> = order.iter().take(self.top).map(entry).collect();
        let (class, probability) =
            top.first().map_or((String::new(), 0.0), |best| (best.class.clone(), best.probability));
        Answer { class, probability, top }
    }

    fn similar(&self, single: &Single) -> Result<Vec<Neighbor>, PredictError> {
        let Some(training) = &self.training else { return Ok(Vec::new()) };
        let found = training.neighbors.nearest(&single.features, None, self.neighbors)?;
        let shown = found.into_iter().map(|neighbor| {
            let path = &neighbor.image.path;
            let image = image_file::decode(path).ok();
            Neighbor {
                path: path.strip_prefix(&training.root).unwrap_or(path).to_string_lossy().into_owned(),
                class: neighbor.image.class.clone(),
                similarity: neighbor.similarity,
                png: image.map(|image| Png(thumbnail_png(&image, THUMBNAIL))),
            }
        });
        Ok(shown.collect())
    }
}

fn finite(single: Single) -> Result<Single, String> {
    match single.scores.logits.iter().all(|score| score.is_finite()) {
        true => Ok(single),
        false => Err("the scores of this image are not finite numbers, so there is no answer".to_owned()),
    }
}

impl Answerer for ModelAnswerer {
    fn about(&self) -> About {
        let Model { network, classes, temperature, sha256, .. } = &self.model;
        About {
            arch: network.name.to_owned(),
            classes: classes.clone(),
            temperature: *temperature,
            model_sha256: sha256.clone(),
            transform: self.transform.clone(),
        }
    }

    fn predict(&mut self, image: &Shown) -> Result<Answer, String> {
        let single = self.single(image)?;
        Ok(self.answer(&single))
    }

    fn at_once(&self) -> usize {
        self.at_once
    }

    fn predict_all(&mut self, images: &[Shown]) -> Result<Vec<Answer>, String> {
        self.take_threads();
        let (mut answers, mut left) = (Vec::new(), images);
        while !left.is_empty() {
            // A power of two, as they were tried.
            let count = self.at_once.min(1 << left.len().ilog2());
            let (now, rest) = left.split_at(count);
            for single in Single::all(&self.model, now).map_err(|error| error.to_string())? {
                answers.push(self.answer(&finite(single)?));
            }
            left = rest;
        }
        Ok(answers)
    }

    fn explain(&mut self, image: &Shown) -> Result<Explanation, String> {
        let words = |error: PredictError| error.to_string();
        let single = self.single(image)?;
        let answer = self.answer(&single);
        let best = self.model.classes.iter().position(|class| *class == answer.class);
        let class = best.and_then(|best| i64::try_from(best).ok()).unwrap_or(0);
        let evidence = self.model.evidence(std::slice::from_ref(image), &[class], MAP).map_err(words)?;
        let drawn = evidence.and_then(|mut all| all.pop());
        let heat_map = drawn.map(|drawn| HeatMap { stage: drawn.stage, png: Png(drawn.png) });
        let neighbors = self.similar(&single).map_err(words)?;
        Ok(Explanation { answer, heat_map, neighbors })
    }
}
