//! `run.py`: twelve lines that run the model, for a user to begin with.

use onnx::Pixels;
use pretrained::{Fit, InputSpec, Interpolation, SampleRange};

/// Returns a Python script that classifies one image with onnxruntime, Pillow and numpy.
pub(crate) fn script(pixels: Pixels, input: &InputSpec) -> String {
    let (resize, crop) = (input.resize, input.crop);
    let filter = match input.interpolation {
        Interpolation::Bilinear => "BILINEAR",
        Interpolation::Bicubic => "BICUBIC",
    };
    // As images are read here; Pillow would cut off all that is above 255.
    let bytes = match input.range.map(SampleRange::largest) {
        Some(range) => {
            format!("(np.minimum(np.asarray(image, np.int64), {range}) * 255 + {}) // {range}", range / 2)
        }
        None => "np.asarray(image, np.int64) >> 8".to_owned(),
    };
    let square = match input.fit {
        Fit::Crop => format!(
            "w, h = image.size\n\
             w, h = {resize} * w // min(w, h), {resize} * h // min(w, h)\n\
             left, top = round((w - {crop}) / 2), round((h - {crop}) / 2)\n\
             image = image.resize((w, h), Image.{filter}).crop((left, top, left + {crop}, top + {crop}))\n"
        ),
        Fit::Pad => format!("image = ImageOps.pad(image, ({crop}, {crop}), Image.{filter}, color={:?})\n", {
            let colour =
                |channel: usize| (input.mean[channel.min(input.mean.len() - 1)] * 255.0).round() as u8;
            (colour(0), colour(1), colour(2))
        }),
        Fit::Squash => format!("image = image.resize(({crop}, {crop}), Image.{filter})\n"),
    };
    let square = if pixels == Pixels::Image { "" } else { &square };
    let values = match pixels {
        Pixels::Crop | Pixels::Image => "np.asarray(image)[None]".to_owned(),
        Pixels::Prepared if input.channels == 1 => {
            format!(
                "((np.float32(image.convert(\"L\")) / 255 - {:?}) / {:?})[None, None]",
                input.mean[0], input.std[0]
            )
        }
        Pixels::Prepared => format!(
            "((np.float32(image) / 255 - np.float32({:?})) / np.float32({:?})).transpose(2, 0, 1)[None]",
            input.mean, input.std
        ),
    };
    format!(
        "# Classifies an image: python run.py PHOTO (needs onnxruntime, pillow, numpy)\n\
         import json, sys, pathlib\n\
         import numpy as np, onnxruntime\n\
         from PIL import Image, ImageOps\n\
         model = onnxruntime.InferenceSession(pathlib.Path(__file__).with_name(\"model.onnx\"))\n\
         classes = json.loads(model.get_modelmeta().custom_metadata_map[\"classes\"])\n\
         image = ImageOps.exif_transpose(Image.open(sys.argv[1]))\n\
         image = (Image.fromarray(np.uint8({bytes})) if image.mode[0] == \"I\" else image).convert(\"RGB\")  # gray of 16 bits\n\
         {square}\
         [probabilities] = model.run([\"probabilities\"], {{\"{}\": {values}}})\n\
         for probability, name in sorted(zip(probabilities[0].tolist(), classes), reverse=True)[:5]:\n\
         {:4}print(f\"{{probability:6.1%}} {{name}}\")\n",
        pixels.input(),
        ""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_feeds_its_own_input_in_a_dozen_lines() {
        let spec = InputSpec::imagenet();
        for pixels in [Pixels::Crop, Pixels::Image, Pixels::Prepared] {
            let text = script(pixels, &spec);
            assert!(text.contains(&format!("\"{}\": ", pixels.input())), "{text}");
            assert!(text.lines().count() <= 15, "{text}");
            assert_eq!(text.contains("resize"), pixels != Pixels::Image, "{text}");
        }
    }
}
