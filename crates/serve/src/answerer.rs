//! What a server asks of a model.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use images::{Shown, Transform};
use serde::{Serialize, Serializer};

/// A model that answers for images. One thread owns it.
pub trait Answerer: Send + 'static {
    /// Returns what is known of the model.
    fn about(&self) -> About;

    /// Returns the classes of an image with their probabilities.
    ///
    /// # Errors
    /// A sentence for the user.
    fn predict(&mut self, image: &Shown) -> Result<Answer, String>;

    /// Most images that [`Answerer::predict_all`] takes.
    fn at_once(&self) -> usize {
        1
    }

    /// Returns the answers for several images at once, in their order, each that of the image alone.
    ///
    /// # Errors
    /// A sentence for the user, of the first image without an answer.
    fn predict_all(&mut self, images: &[Shown]) -> Result<Vec<Answer>, String> {
        images.iter().map(|image| self.predict(image)).collect()
    }

    /// Returns that, where in the image the evidence lies, and the training images most like it.
    ///
    /// # Errors
    /// A sentence for the user.
    fn explain(&mut self, image: &Shown) -> Result<Explanation, String>;
}

/// What is known of a model.
#[derive(Clone, Debug)]
pub struct About {
    /// TorchVision's name of the network.
    pub arch: String,
    /// Class names in the order of the outputs.
    pub classes: Vec<String>,
    /// Temperature by which logits are divided before the softmax.
    pub temperature: f64,
    /// SHA-256 of the model's file.
    pub model_sha256: String,
    /// Preparation of images.
    pub transform: Transform,
}

/// An answer for one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The most probable class.
    pub class: String,
    /// Its probability, in `0..=1`.
    pub probability: f64,
    /// The most probable classes, the first one included.
    pub top: Vec<ClassProbability>,
}

/// A class with its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassProbability {
    /// The class's name.
    pub class: String,
    /// In `0..=1`.
    pub probability: f64,
}

/// An answer, and what speaks for it.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
    /// Where in the image the evidence lies; `None` for a network without positions.
    pub heat_map: Option<HeatMap>,
    /// The most similar training images, the most similar first; empty where none are known.
    pub neighbors: Vec<Neighbor>,
}

/// The evidence for the most probable class over the part of the image that the network saw.
#[derive(Clone, Debug, Serialize)]
pub struct HeatMap {
    /// The stage whose output it is of.
    pub stage: String,
    /// The image.
    pub png: Png,
}

/// A training image.
#[derive(Clone, Debug, Serialize)]
pub struct Neighbor {
    /// Its path in the data folder.
    pub path: String,
    /// Its class.
    pub class: String,
    /// Cosine of its features and the image's, in `-1..=1`.
    pub similarity: f64,
    /// A small one to look at; `None` where the file can no longer be read.
    pub png: Option<Png>,
}

/// The bytes of a PNG; base64 in JSON.
#[derive(Clone, Debug)]
pub struct Png(pub Vec<u8>);

impl Serialize for Png {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}
