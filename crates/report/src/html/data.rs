//! Inputs of a run (images, source weights, configuration) and the digests of its files.

use std::collections::BTreeMap;

use maud::{Markup, html};
use records::{DataRecord, FoldRecord, LoadRecord};

use super::shell::{Level, listing, scroll};
use crate::numbers;

/// Largest length of a list that starts unfolded.
const UNFOLDED: usize = 12;
/// Largest number of names that are printed; the page of a run with a million unreadable files must still open.
const PRINTED: usize = 2_000;

pub(super) fn data(data: &DataRecord, level: Level) -> Markup {
    html! {
        dl.facts {
            div { dt { "Folder" } dd { code { (data.root.display()) } } }
            div { dt { "Training images" } dd { (numbers::count(data.train)) } }
            div {
                dt { "Validation images" }
                dd { (numbers::count(data.validation)) @if let Some(fold) = data.fold { (of_fold(fold)) } }
            }
            div { dt { "Test images" } dd { (numbers::count(data.test)) } }
            div { dt { "Unreadable files" } dd { (numbers::count(data.unreadable.len() as u64)) } }
        }
        @if !data.classes.is_empty() {
            (folded(
                &format!("{} in label order", classes(data.classes.len())),
                data.classes.len(),
                &html! { ol.names start="0" { @for name in data.classes.iter().take(PRINTED) { li { (name) } } } (rest(data.classes.len())) },
            ))
        }
        (level.heading(&html! { "Unreadable files" }))
        @if data.unreadable.is_empty() { p { "None: every file could be read." } }
        @else { (unreadable(data)) }
    }
}

/// Which training images take the place of the validation images.
fn of_fold(FoldRecord { fold, folds, never_held_out }: FoldRecord) -> String {
    let never = match never_held_out {
        0 => String::new(),
        images => format!(
            "; {} in no fold, because nothing of their class would be left to learn from",
            numbers::counted(images, "training image")
        ),
    };
    format!(": fold {fold} of {folds} of the training images{never}")
}

fn classes(n: usize) -> String {
    if n == 1 { "1 class".into() } else { format!("{} classes", numbers::count(n as u64)) }
}

fn unreadable(data: &DataRecord) -> Markup {
    let table = html! {
        table.wide {
            caption { "Left out, because they could not be read as images" }
            thead { tr { th scope="col" { "File" } th scope="col" { "Reason" } } }
            tbody {
                @for file in data.unreadable.iter().take(PRINTED) {
                    tr { th.path scope="row" { code { (file.path.display()) } } td.path { (file.reason) } }
                }
            }
        }
    };
    let n = data.unreadable.len();
    let title = format!("{}, by path and reason", numbers::counted(n as u64, "file"));
    folded(&title, n, &html! { (scroll("Unreadable files", &table)) (rest(n)) })
}

pub(super) fn load_report(load: &LoadRecord) -> Markup {
    let nothing = load.missing.is_empty() && load.unused.is_empty() && load.wrong_shape.is_empty();
    html! {
        dl.facts {
            div { dt { "Weights" } dd { (load.weights) } }
            div { dt { "Tensors loaded" } dd { (numbers::count(load.loaded)) } }
            div { dt { "Missing" } dd { (numbers::count(load.missing.len() as u64)) } }
            div { dt { "Unused" } dd { (numbers::count(load.unused.len() as u64)) } }
            div { dt { "Wrong shape" } dd { (numbers::count(load.wrong_shape.len() as u64)) } }
        }
        @if !load.sha256.is_empty() { p { "SHA-256 of the file: " code { (load.sha256) } } }
        @if nothing && load.loaded > 0 { p { "Every tensor of the network was found in the file, and every one of the file was used." } }
        (tensors("Missing: in the network, not in the file", &load.missing))
        (tensors("Unused: in the file, not in the network", &load.unused))
        (tensors("Of the wrong shape", &load.wrong_shape))
    }
}

fn tensors(title: &str, names: &[String]) -> Markup {
    html! {
        @if !names.is_empty() {
            (folded(title, names.len(), &html! {
                ul { @for name in names.iter().take(PRINTED) { li { code { (name) } } } }
                (rest(names.len()))
            }))
        }
    }
}

pub(super) fn configuration(label: &str, config: &str) -> Markup {
    html! {
        p { "As resolved: every choice of the run, written out." }
        (listing(label, config))
    }
}

pub(super) fn digests(digests: &BTreeMap<String, String>) -> Markup {
    if digests.is_empty() {
        return html! { p { "The record lists no files." } };
    }
    let table = html! {
        table {
            caption { "SHA-256 of the files of the run directory" }
            thead { tr { th scope="col" { "File" } th scope="col" { "SHA-256" } } }
            tbody {
                @for (file, digest) in digests { tr { th.nowrap scope="row" { (file) } td { code { (digest) } } } }
            }
        }
    };
    scroll("Digests", &table)
}

fn folded(title: &str, length: usize, content: &Markup) -> Markup {
    html! { details open[length <= UNFOLDED] { summary { (title) } (content) } }
}

fn rest(length: usize) -> Markup {
    html! { @if length > PRINTED { p { "… and " (numbers::count((length - PRINTED) as u64)) " more, listed in summary.json." } } }
}
