//! `finetune inspect`: the contents of a checkpoint file.

use std::io::{self, Write};
use std::path::PathBuf;

use report::text::{Side, aligned, count, counted, visible};
use zoo::inspect::{Fit, Inspection, TensorFacts, inspect};

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
pub struct InspectArguments {
    /// Checkpoint file, .pth or .safetensors; the content decides, not the name.
    file: PathBuf,
    /// List every tensor.
    #[arg(long)]
    tensors: bool,
    /// Print one JSON object instead of text, tensors included.
    #[arg(long)]
    json: bool,
}

/// Most names and characters that are shown of a long list or text.
const SHOWN_NAMES: usize = 10;
const SHOWN_CHARACTERS: usize = 200;

/// Prints what a checkpoint file holds.
///
/// # Errors
/// What the program says and exits with.
pub fn perform(arguments: &InspectArguments) -> anyhow::Result<()> {
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
    let Inspection { path, form, bytes, sha256, catalog, unwrapped, metadata, skipped, .. } = inspection;
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
    if !unwrapped.is_empty() {
        fact("weights", unwrapped.clone());
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
    if let Some(classes) = &inspection.classes {
        fact("classes", shortened(&classes.join(", ")));
    }
    let usable = inspection.fits.iter().any(|fit| fit.usable);
    if !usable {
        fact("fits", "no network of the zoo".to_owned());
        if inspection.nearest.is_empty() {
            fact("nearest", "none: no network has a tensor of the same name and shape".to_owned());
        }
        inspection.nearest.iter().for_each(|fit| fact("nearest", near_in_words(fit)));
    } else {
        inspection.fits.iter().for_each(|fit| fact("fits", fit_in_words(fit)));
    }
    let mut out = aligned(&rows, &[Side::Left]);
    if !usable {
        out.push_str(&tree(inspection));
    }
    if let [fit, ..] = inspection.fits.as_slice() {
        let wrong = fit
            .wrong_shape
            .iter()
            .map(|wrong| format!("{} is {:?}, the network's is {:?}", wrong.name, wrong.file, wrong.network));
        out.push_str(&names("missing in the file", fit.missing.clone()));
        out.push_str(&names("not in the network", fit.unused.clone()));
        out.push_str(&names("of another shape", wrong.collect()));
    }
    out
}

fn fit_in_words(fit: &Fit) -> String {
    let heads = if fit.auxiliary_heads { " with auxiliary heads" } else { "" };
    let classes = fit.classes.map_or(String::new(), |classes| {
        format!(", {}", counted(u64::try_from(classes).unwrap_or(0), "output"))
    });
    let size =
        fit.crop.map_or(String::new(), |crop| format!(", {} channel(s) of {crop} pixels", fit.channels));
    let what = format!("{}{heads}{classes}{size}", fit.arch);
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

/// How many tensors fit a network that does not fit as a whole, and the first that differ.
fn near_in_words(fit: &Fit) -> String {
    let all = fit.loaded + (fit.missing.len() + fit.wrong_shape.len()) as u64;
    let mut words = format!("{}: {} of its {all} tensors have the same name and shape", fit.arch, fit.loaded);
    if let Some(first) = fit.missing.first() {
        words.push_str(&format!("; {} missing, the first is {}", fit.missing.len(), visible(first)));
    }
    if let Some(first) = fit.wrong_shape.first() {
        words.push_str(&format!(
            "; {} of another shape, the first is {} with {:?} in the file and {:?} in the network",
            fit.wrong_shape.len(),
            visible(&first.name),
            first.file,
            first.network
        ));
    }
    if !fit.prefix.is_empty() {
        words.push_str(&format!("; found under {:?}", fit.prefix));
    }
    words
}

/// Most lines of the tree that are shown.
const SHOWN_LINES: usize = 60;

/// The file's keys as a tree.
fn tree(inspection: &Inspection) -> String {
    let mut lines = Vec::new();
    let paths: Vec<(Vec<&str>, &TensorFacts)> =
        inspection.tensors.iter().map(|tensor| (tensor.name.split('.').collect(), tensor)).collect();
    branch(&paths, 0, &mut lines);
    let mut out = String::from("\nthe file's tensors\n");
    for line in lines.iter().take(SHOWN_LINES) {
        out.push_str(&format!("  {}\n", visible(line)));
    }
    if lines.len() > SHOWN_LINES {
        out.push_str(&format!(
            "  … and {} more lines; --tensors lists every tensor\n",
            lines.len() - SHOWN_LINES
        ));
    }
    out
}

fn branch(tensors: &[(Vec<&str>, &TensorFacts)], depth: usize, lines: &mut Vec<String>) {
    const DEEPEST: usize = 12;
    let key_of = |path: &[&str]| path.get(depth).copied().unwrap_or_default().to_owned();
    let mut rest = tensors;
    while let Some((path, _)) = rest.first() {
        let key = key_of(path);
        let count = rest.iter().take_while(|(path, _)| key_of(path) == key).count();
        let (these, others) = rest.split_at(count);
        rest = others;
        let indent = "  ".repeat(depth);
        match these {
            [(path, tensor)] => {
                let name = path[depth.min(path.len())..].join(".");
                lines.push(format!("{indent}{name}  {:?} {}", tensor.shape, tensor.element_type));
            }
            _ if depth + 1 >= DEEPEST => lines.push(format!("{indent}{key}  {} tensors", these.len())),
            _ => {
                lines.push(format!("{indent}{key}  {} tensors", these.len()));
                branch(these, depth + 1, lines);
            }
        }
    }
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
