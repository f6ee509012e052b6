//! Features for TensorBoard's projector: a folder that `tensorboard --logdir` opens.

use std::path::Path;

use anyhow::Context;

/// Writes `tensors.tsv`, `metadata.tsv` (path and folder of each image) and `projector_config.pbtxt`. `values` are
/// `[images, width]`.
pub(crate) fn write(folder: &Path, values: &[f32], width: usize, paths: &[String]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let row = |row: &[f32]| row.iter().map(f32::to_string).collect::<Vec<_>>().join("\t") + "\n";
    let tensors: String = values.chunks(width.max(1)).map(row).collect();
    let plain = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    let about = |path: &String| {
        let parent = Path::new(path).parent().and_then(Path::file_name).unwrap_or_default();
        format!("{}\t{}\n", plain(path), plain(&parent.to_string_lossy()))
    };
    let metadata = "path\tfolder\n".to_owned() + &paths.iter().map(about).collect::<String>();
    let config = "embeddings {\n  tensor_name: \"features\"\n  tensor_path: \"tensors.tsv\"\n  metadata_path: \"metadata.tsv\"\n}\n";
    files::write(&folder.join("tensors.tsv"), tensors)?;
    files::write(&folder.join("metadata.tsv"), metadata)?;
    files::write(&folder.join("projector_config.pbtxt"), config)?;
    Ok(())
}
