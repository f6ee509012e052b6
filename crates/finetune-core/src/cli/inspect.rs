//! `finetune inspect`: what a checkpoint file holds.

use std::io::{self, Write};
use std::path::PathBuf;

use finetune_core::inspect::{Fit, Inspection, inspect};
use report::text::{Side, aligned, count, counted, visible};

#[derive(Debug, clap::Args)]
pub(super) struct InspectArguments {
    /// A .pth or .safetensors file; its content says which it is.
    file: PathBuf,
    /// List every tensor.
    #[arg(long)]
    tensors: bool,
    /// Print one JSON object, tensors included.
    #[arg(long)]
    json: bool,
}

/// Names and metadata that are shown of long lists and texts.
const SHOWN_NAMES: usize = 10;
const SHOWN_CHARACTERS: usize = 200;

pub(super) fn perform(arguments: &InspectArguments) -> anyhow::Result<()> {
    let inspection = inspect(&arguments.file)?;
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &inspection).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", text(&inspection))?;
        if arguments.tensors {
            write!(out, "\n{}", tensors(&inspection))?;
        }
    }
    Ok(out.flush()?)
}

fn text(inspection: &Inspection) -> String {
    let Inspection { path, form, bytes, sha256, catalog, wrapper, metadata, skipped, .. } = inspection;
    let types = inspection.element_types.iter().map(|(name, tensors)| format!("{name} {tensors}"));
    let mut rows = vec![
        ["file", path.as_str()].map(str::to_owned).to_vec(),
        vec!["form".to_owned(), (*form).to_owned()],
        vec!["size".to_owned(), format!("{} bytes", count(*bytes))],
        vec!["sha256".to_owned(), sha256.clone()],
    ];
    let mut fact = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    if let Some(catalog) = catalog {
        fact("catalog", catalog.clone());
    }
    if let Some(wrapper) = wrapper {
        fact("state dict", format!("under the key {wrapper:?}"));
    }
    fact("tensors", count(inspection.tensors.len() as u64));
    fact("types", types.collect::<Vec<_>>().join(", "));
    fact("parameters", count(inspection.parameters));
    if let Some(images) = &inspection.images {
        fact("images", images.clone());
    }
    for (key, value) in metadata {
        fact(&format!("metadata {key}"), shortened(value));
    }
    if !skipped.is_empty() {
        fact("not read", shortened(&skipped.join(", ")));
    }
    match inspection.fits.as_slice() {
        [] => fact("fits", "no network of the zoo".to_owned()),
        fits => fits.iter().for_each(|fit| fact("fits", fit_in_words(fit))),
    }
    let mut out = aligned(&rows, &[Side::Left]);
    if let [fit, ..] = inspection.fits.as_slice() {
        let wrong = fit
            .wrong_shape
            .iter()
            .map(|wrong| format!("{} is {:?}, the network's is {:?}", wrong.name, wrong.file, wrong.network));
        out.push_str(&names("missing in the file", fit.missing.clone()));
        out.push_str(&names("of no use to the network", fit.unused.clone()));
        out.push_str(&names("of another shape", wrong.collect()));
    }
    out
}

fn fit_in_words(fit: &Fit) -> String {
    let heads = if fit.auxiliary_heads { " with auxiliary heads" } else { "" };
    let classes = fit.classes.map_or(String::new(), |classes| {
        format!(", {}", counted(u64::try_from(classes).unwrap_or(0), "output"))
    });
    let what = format!("{}{heads}{classes}", fit.arch);
    if fit.is_whole() {
        return format!("{what}: all {} tensors", count(fit.loaded));
    }
    format!(
        "{what}, in part: {} would be loaded, {} missing, {} unused, {} of another shape",
        fit.loaded,
        fit.missing.len(),
        fit.unused.len(),
        fit.wrong_shape.len()
    )
}

fn names(what: &str, names: Vec<String>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{} {what}\n", counted(names.len() as u64, "tensor"));
    for name in names.iter().take(SHOWN_NAMES) {
        out.push_str(&format!("  {}\n", visible(name)));
    }
    if names.len() > SHOWN_NAMES {
        out.push_str(&format!("  … and {} more; --json lists all\n", names.len() - SHOWN_NAMES));
    }
    out
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if text.chars().count() > SHOWN_CHARACTERS {
        shown.push('…');
    }
    shown
}

fn tensors(inspection: &Inspection) -> String {
    let rows: Vec<_> = inspection
        .tensors
        .iter()
        .map(|tensor| vec![tensor.name.clone(), format!("{:?}", tensor.shape), tensor.element_type.clone()])
        .collect();
    aligned(&rows, &[Side::Left])
}
