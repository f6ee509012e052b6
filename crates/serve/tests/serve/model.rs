//! A model that obeys the colour of an image.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use image::{ImageFormat, Rgb, RgbImage};
use images::{Shown, Transform};
use pretrained::InputSpec;
use serve::{About, Answer, Answerer, ClassProbability, Explanation, Limits, Server, Stop};

/// Answers at once.
pub(crate) const WHITE: [u8; 3] = [255; 3];
/// Panics.
pub(crate) const ODD: [u8; 3] = [13, 7, 77];
/// Cannot answer.
pub(crate) const RED: [u8; 3] = [255, 0, 0];
/// Takes [`SLOW`].
pub(crate) const BLUE: [u8; 3] = [0, 0, 255];

/// Time of an answer for [`BLUE`].
pub(crate) const SLOW: Duration = Duration::from_millis(60);

/// The model; it counts what it computes.
pub(crate) struct Obedient {
    pub(crate) computed: Arc<AtomicUsize>,
    /// Images that it computed at once with others.
    pub(crate) together: Arc<AtomicUsize>,
    at_once: usize,
}

/// The preparation of its images.
pub(crate) fn transform() -> Transform {
    Transform::evaluation(&InputSpec { resize: 16, crop: 16, ..InputSpec::imagenet() }).unwrap()
}

impl Answerer for Obedient {
    fn about(&self) -> About {
        About {
            arch: "obedient".into(),
            classes: vec!["yes".into(), "no".into()],
            temperature: 1.5,
            model_sha256: "ab".repeat(32),
            transform: transform(),
        }
    }

    fn predict(&mut self, image: &Shown) -> Result<Answer, String> {
        self.computed.fetch_add(1, Ordering::SeqCst);
        match image.square[(8, 8)].0 {
            ODD => panic!("odd"),
            RED => return Err("red is not for me".to_owned()),
            BLUE => thread::sleep(SLOW),
            _ => {}
        }
        let share = |class: &str, probability| ClassProbability { class: class.into(), probability };
        let probability = f64::from(image.pixels[0]);
        Ok(Answer {
            class: "yes".into(),
            probability,
            top: vec![share("yes", probability), share("no", 0.25)],
        })
    }

    fn at_once(&self) -> usize {
        self.at_once
    }

    fn predict_all(&mut self, images: &[Shown]) -> Result<Vec<Answer>, String> {
        self.together.fetch_add(images.len(), Ordering::SeqCst);
        images.iter().map(|image| self.predict(image)).collect()
    }

    fn explain(&mut self, image: &Shown) -> Result<Explanation, String> {
        Ok(Explanation { answer: self.predict(image)?, heat_map: None, neighbors: Vec::new() })
    }
}

/// A server at work.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: Stop,
    pub(crate) computed: Arc<AtomicUsize>,
    pub(crate) together: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn with(limits: Limits) -> Self {
        Self::in_batches(1, limits)
    }

    pub(crate) fn in_batches(at_once: usize, limits: Limits) -> Self {
        let server = Server::bind(([127, 0, 0, 1], 0).into(), limits).unwrap();
        let (address, stop) = (server.address(), Stop::default());
        let [computed, together] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let model = Obedient { computed: Arc::clone(&computed), together: Arc::clone(&together), at_once };
        let asked = stop.clone();
        let thread = Some(thread::spawn(move || server.serve(model, &asked).unwrap()));
        Self { address, stop, computed, together, thread }
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn end(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A PNG of one colour.
pub(crate) fn png(colour: [u8; 3]) -> Vec<u8> {
    encoded(colour, ImageFormat::Png)
}

/// An image of one colour in a format.
pub(crate) fn encoded(colour: [u8; 3], format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_pixel(40, 20, Rgb(colour)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}
