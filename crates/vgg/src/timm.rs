//! timm's names: its features are called as TorchVision's, its classifier is not.
//!
//! | in the file      | here           |
//! |------------------|----------------|
//! | `pre_logits.fc1` | `classifier.0` |
//! | `pre_logits.fc2` | `classifier.3` |
//! | `head.fc`        | `classifier.6` |
//!
//! There the first two are convolutions, 7 x 7 and 1 x 1, over the same values in the same order as TorchVision's linear layers.

/// The name of one of timm's tensors in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    const MODULES: [(&str, &str); 3] =
        [("pre_logits.fc1", "classifier.0"), ("pre_logits.fc2", "classifier.3"), ("head.fc", "classifier.6")];
    let (module, tensor) = name.rsplit_once('.')?;
    if name.starts_with("features.") {
        return Some(name.to_owned());
    }
    let (_, ours) = MODULES.iter().find(|(theirs, _)| *theirs == module)?;
    Some(format!("{ours}.{tensor}"))
}
