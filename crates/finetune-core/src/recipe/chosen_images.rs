use features::dataset::DecodedDataset;
use run_config::Run;

use crate::Error;

/// Returns the images of a run: all that were gathered, or for training as many of each class as it asks for; of these, a
/// fold takes the place of the validation images where it asks for that.
///
/// # Errors
/// When a class has fewer, or the fold is empty.
pub(crate) fn images_of(run: &Run, gathered: &DecodedDataset) -> Result<DecodedDataset, Error> {
    let mut images = gathered.clone();
    if let Some(per_class) = run.config.data.images_per_class {
        images.train = images.train.take_per_class(per_class.get(), run.config.run.seed)?;
    }
    if let Some(divided) = images.train.divided(&run.config.data, &run.source, run.config.run.seed)? {
        (images.train, images.validation) = (divided.training, divided.validation);
        images.fold = Some(divided.record);
    }
    Ok(images)
}
