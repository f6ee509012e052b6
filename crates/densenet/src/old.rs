//! The names in TorchVision's published files, from when a module's name could hold a dot.
//!
//! | in the file             | here                   |
//! |-------------------------|------------------------|
//! | `denselayerN.norm.1`    | `denselayerN.norm1`    |
//! | `denselayerN.conv.1`    | `denselayerN.conv1`    |
//! | `denselayerN.norm.2`    | `denselayerN.norm2`    |
//! | `denselayerN.conv.2`    | `denselayerN.conv2`    |
//!
//! All other names are the same.

/// The name of a tensor of a published file in TorchVision's scheme of today; `None` for a name that such a file does not have.
pub(crate) fn rename(name: &str) -> Option<String> {
    let Some((block, layer)) = name.split_once(".denselayer") else {
        let ours = name.starts_with("features.") || name.starts_with("classifier.");
        return ours.then(|| name.to_owned());
    };
    let [number, module, place, tensor] = layer.split('.').collect::<Vec<_>>()[..] else { return None };
    let known = ["norm", "conv"].contains(&module) && ["1", "2"].contains(&place);
    known.then(|| format!("{block}.denselayer{number}.{module}{place}.{tensor}"))
}
