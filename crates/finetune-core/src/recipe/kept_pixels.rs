//! What is kept in memory of decoded images.

use images::{Keep, Transform};
use pretrained::InputSpec;
use run_config::{Run, Switch};

use crate::Error;

/// Returns what is kept of training images and of others: what is shown of them, unless each epoch shows something else.
pub(super) fn pixels_to_keep(run: &Run, input: &InputSpec) -> Result<[Keep; 2], Error> {
    let shown = Transform::evaluation(input)?;
    let shown = if run.config.data.reduced_decoding == Switch::On { shown.reducing() } else { shown };
    let whole = shows_crops(run)?.then(|| Keep::WholeFor(Box::new(shown.clone())));
    let square = Keep::Square(Box::new(shown));
    Ok([whole.unwrap_or_else(|| square.clone()), square])
}

/// Returns whether each epoch shows another part of the training images, in a run or in some runs of a comparison.
fn shows_crops(run: &Run) -> Result<bool, Error> {
    let crops = |run: &Run| run.config.augment.resized_crop.is_some();
    let settings = run.config.compare.as_ref().map_or(&[][..], |compare| &compare.settings);
    let of_settings = settings.iter().map(|setting| Ok(crops(&run.with_overrides(setting)?)));
    let of_settings = of_settings.collect::<Result<Vec<bool>, Error>>()?;
    let some = of_settings.contains(&true);
    if some && of_settings.contains(&false) && run.config.data.reduced_decoding == Switch::On {
        let message = "some of the settings that are compared show crops, for which images are decoded whole, and some do not; compare them with data.reduced_decoding = \"off\", or (--only) without those";
        return Err(run.source.wrong("data.reduced_decoding", message).into());
    }
    Ok(if settings.is_empty() { crops(run) } else { some })
}
