use serde::{Deserialize, Serialize};

/// How an image that is not square becomes the square that a network reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The shorter side is resized to `resize`, and the square of `crop` is cut from the centre: TorchVision's
    /// `Resize(resize)` and `CenterCrop(crop)`. What lies outside is not seen.
    #[default]
    Crop,
    /// The longer side is resized to `crop`, and the rest of the square, on both sides of the shorter one alike, shows the
    /// mean colour: Pillow's `ImageOps.pad`. `resize` is not used.
    Pad,
    /// Both sides are resized to `crop`, whatever their ratio: TorchVision's `Resize((crop, crop))`. `resize` is not used.
    Squash,
}

impl Fit {
    /// Whether it is TorchVision's, which a file that says nothing means.
    #[must_use]
    pub fn is_crop(&self) -> bool {
        *self == Self::Crop
    }
}
