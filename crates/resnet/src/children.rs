//! The names of a network whose parts were put into an `nn.Sequential`, as `nn.Sequential(*list(model.children())[:-1])` and
//! fastai do: the parts are numbered, and `4` is `layer1`. (timm's names are TorchVision's.)

/// The name of a tensor of the numbered parts in TorchVision's scheme; `None` for any other name.
pub(crate) fn rename(name: &str) -> Option<String> {
    // conv1, bn1, relu, maxpool, layer1 to layer4, avgpool, fc; `fc` comes behind a flattening of its own, if at all.
    let (number, rest) = name.split_once('.')?;
    let part = match number {
        "0" => "conv1",
        "1" => "bn1",
        "4" => "layer1",
        "5" => "layer2",
        "6" => "layer3",
        "7" => "layer4",
        _ => return None,
    };
    Some(format!("{part}.{rest}"))
}
