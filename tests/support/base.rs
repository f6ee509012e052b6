//! The configuration of short trainings.

/// Fine-tuning of the last two stages of a LeNet on uneven classes: nine bars and four crosses, in batches of four.
pub(crate) const BASE: &str = r#"[data]
root = "data"

[data.input]
resize = 28
crop = 28
interpolation = "bilinear"
channels = 1
mean = [0.5]
std = [0.5]

[model]
arch = "lenet5_relu"
weights = "m.safetensors"

[finetune]
depth = "last:2"
head_epochs = 1

[train]
epochs = 3
batch_size = 4
keep = "last"
[run]
device = "cpu"
threads = 1
workers = 1
checkpoints = "none"
"#;
