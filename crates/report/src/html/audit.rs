//! What is wrong with a data set.

use maud::{Markup, html};
use records::{AuditRecord, CopyRecord, LabelRecord, SizeBinRecord};

use super::audit_images::{card, pair_card};
use super::shell::{Level, Page, Section, scroll};
use crate::findings::{kind_in_words, leakage, refused, sentences};
use crate::numbers::{count, counted, percent, significant};

/// Most that a section shows; the rest is in `audit.json`.
const SHOWN: usize = 60;

/// The page of an audit.
pub(super) fn page(record: &AuditRecord) -> Page {
    let sections = sections(record);
    Page {
        title: format!("{}: what is wrong with the data", record.name),
        header: html! {
            p.eyebrow { "Transfer learning, an audit of the data" }
            h1 { (record.name) }
            div.verdict { (facts(record)) }
            ul.sentences { @for sentence in sentences(record) { li { (sentence) } } }
        },
        contents: sections.iter().map(super::Link::from).collect(),
        main: html! { @for section in &sections { (section.body) } },
    }
}

fn facts(record: &AuditRecord) -> Markup {
    html! {
        dl.facts {
            div { dt { "Data" } dd { (record.data) } }
            @for split in &record.splits {
                div { dt { (split.split) } dd { (counted(split.classes.iter().sum(), "image")) } }
            }
            div { dt { "Classes" } dd { (count(record.classes.len() as u64)) } }
            div { dt { "Network" } dd { (record.arch) ", " (record.weights) } }
            @if let Some(probe) = &record.probe {
                div { dt { "Linear probe" } dd { (percent(probe.accuracy)) " correct; " (percent(probe.pixels)) " on gray pixels" } }
            }
        }
    }
}

fn sections(record: &AuditRecord) -> Vec<Section> {
    let new = |id, title, content: &Markup| Section::new(Level::SECTION, id, title, content);
    let mut sections = Vec::new();
    if !record.files.is_empty() || !record.kinds.is_empty() {
        sections.push(new("files", "Files", &files(record)));
    }
    sections.push(new("copies", "Copies", &copies(record)));
    sections.push(new("labels", "Labels", &labels(record)));
    if !record.outliers.is_empty() {
        sections.push(new("outliers", "Unlike all others", &outliers(record)));
    }
    sections.push(new("counts", "Classes and sizes", &counts(record)));
    sections
}

fn files(record: &AuditRecord) -> Markup {
    html! {
        @if !record.files.is_empty() {
            (scroll("Broken files", &html! {
                table.wide {
                    caption { "Files that are broken or called by a wrong name." }
                    thead { tr { th scope="col" { "file" } th scope="col" { "split" } th scope="col" { "what is wrong" } } }
                    tbody { @for file in record.files.iter().take(SHOWN) {
                        tr { th.path scope="row" { (file.path) } td { (file.split) } td { (file.reason) } }
                    } }
                }
            }))
            (more(record.files.len()))
        }
        @if !record.kinds.is_empty() {
            ul { @for kind in &record.kinds {
                li { (counted(kind.images, "image")) " " (kind_in_words(&kind.kind)) ": " (kind.examples.join(", "))
                    @if kind.images > kind.examples.len() as u64 { ", …" } }
            } }
        }
    }
}

fn copies(record: &AuditRecord) -> Markup {
    if record.copies.is_empty() {
        return html! { p { "No image is a copy of another." } (bounds(record)) };
    }
    html! {
        (scroll("Copies by split", &html! {
            table {
                caption { "Pairs of copies between splits and within them." }
                thead { tr { th scope="col" { "between" } th.num scope="col" { "exact pairs" } th.num scope="col" { "edited pairs" } th.num scope="col" { "under two labels" } th.num scope="col" { "images of the second" } } }
                tbody { @for leak in &record.leaks {
                    tr {
                        th scope="row" { (leak.splits[0]) " and " (leak.splits[1]) }
                        td.num { (count(leak.exact)) } td.num { (count(leak.near)) }
                        td.num { (count(leak.other_labels)) } td.num { (count(leak.images)) }
                    }
                } }
            }
        }))
        @for found in &record.leakage { p { (leakage(found)) } }
        ul.samples.pairs { @for copy in ordered(record).into_iter().take(SHOWN) { (pair_card(record, copy)) } }
        (more(record.copies.len()))
        (bounds(record))
    }
}

/// What harms most first: across splits, then under two labels, then the rest.
fn ordered(record: &AuditRecord) -> Vec<&CopyRecord> {
    let mut copies: Vec<&CopyRecord> = record.copies.iter().collect();
    copies.sort_by_key(|copy| {
        let crosses = copy.splits[0] != copy.splits[1];
        let differs = matches!(&copy.labels, [Some(one), Some(other)] if one != other);
        (!crosses, !differs)
    });
    copies
}

fn bounds(record: &AuditRecord) -> Markup {
    html! {
        @if let Some(bounds) = &record.copy_bounds {
            p.small.muted {
                "Edited copies: " (counted(bounds.compared, "pair")) " were laid over one another. A pair is a copy from a correlation of "
                (significant(bounds.correlation)) " on, or from " (significant(bounds.supported)) " where its features are nearer than "
                (significant(bounds.ratio)) " of the distance to the next images. These bounds were measured on this data set: pairs here that "
                "resemble each other and are no copies have " (significant(bounds.usual)) "."
                @if bounds.correlation > 0.97 { " These images are so alike that edited copies among them can hardly be told." }
            }
        }
    }
}

fn labels(record: &AuditRecord) -> Markup {
    if !record.labels_refused.is_empty() {
        return html! { p { (refused(record)) } };
    }
    let flagged =
        |labels: &[LabelRecord]| labels.iter().filter(|label| label.flagged).cloned().collect::<Vec<_>>();
    let (trained, measured) = (flagged(&record.labels), flagged(&record.held_out_labels));
    html! {
        p { "Each label was judged by a linear probe on the features of the network that was not fitted on the image, nor on a copy of it. "
            "Likely wrong is not wrong: look first. An image that shows two classes, or none, is found here too." }
        (cards(record, &trained, "No training image has a label that is likely wrong."))
        @if !record.held_out_labels.is_empty() {
            h3 { "Images that are measured on" }
            (cards(record, &measured, "No image that is measured on has a label that is likely wrong."))
        }
        @if !record.mistakes.is_empty() {
            (scroll("Classes that are each other's mistakes", &html! {
                table {
                    caption { "Labels and what their images likely are." }
                thead { tr { th scope="col" { "label" } th scope="col" { "likely" } th.num scope="col" { "images, estimated" } } }
                    tbody { @for pair in record.mistakes.iter().take(SHOWN) {
                        tr { th scope="row" { (pair.label) } td { (pair.likely) } td.num { (count(pair.images)) } }
                    } }
                }
            }))
        }
    }
}

fn cards(record: &AuditRecord, labels: &[LabelRecord], none: &str) -> Markup {
    html! {
        @if labels.is_empty() { p { (none) } }
        @else {
            ul.samples { @for label in labels.iter().take(SHOWN) {
                (card(record, &label.path, &html! {
                    span.judgement.wrong { "says " (label.label) } ", " (percent(label.probability))
                    br; "likely " (label.likely) ", " (percent(label.likely_probability))
                    br; "nearest: " (label.neighbours.join(", "))
                }))
            } }
            (more(labels.len()))
        }
    }
}

fn outliers(record: &AuditRecord) -> Markup {
    html! {
        p { "These lie far from all other images. Some are of no class, others are the only ones of their kind." }
        ul.samples { @for outlier in record.outliers.iter().take(20) {
            (card(record, &outlier.path, &html! {
                span.judgement { (outlier.label) } ", " (significant((10.0 * outlier.distance).round() / 10.0)) " times as far as usual"
            }))
        } }
        @if record.outliers.len() > 20 { p.small.muted { "The first 20 of " (count(record.outliers.len() as u64)) "; the others are in audit.json." } }
    }
}

fn counts(record: &AuditRecord) -> Markup {
    let largest = record.splits.iter().flat_map(|split| &split.classes).copied().max().unwrap_or(1).max(1);
    html! {
        div.split {
            (scroll("Images of each class", &html! {
                table {
                    caption { "Images of each class." }
                thead { tr { th scope="col" { "class" } @for split in &record.splits { th scope="col" { (split.split) } } } }
                    tbody { @for (place, class) in record.classes.iter().enumerate().take(200) {
                        tr { th scope="row" { (class) } @for split in &record.splits {
                            @let images = split.classes.get(place).copied().unwrap_or(0);
                            td { (count(images)) (bar(images, largest)) }
                        } }
                    } }
                }
            }))
            (scroll("Shorter side in pixels", &sizes(&record.sizes.bins)))
        }
        @if !record.sizes.extreme.is_empty() {
            p { "More than three times as long as wide: "
                @for (place, shape) in record.sizes.extreme.iter().enumerate().take(10) {
                    @if place > 0 { ", " } (shape.path) " (" (shape.width) " x " (shape.height) ")"
                } "." }
        }
    }
}

fn sizes(bins: &[SizeBinRecord]) -> Markup {
    let largest = bins.iter().map(|bin| bin.images).max().unwrap_or(1).max(1);
    html! {
        table {
            caption { "Images by their shorter side in pixels." }
                thead { tr { th scope="col" { "shorter side" } th scope="col" { "images" } } }
            tbody { @for bin in bins {
                tr { th scope="row" { (bin.from) " to " (bin.below.saturating_sub(1)) } td { (count(bin.images)) (bar(bin.images, largest)) } }
            } }
        }
    }
}

fn bar(part: u64, whole: u64) -> Markup {
    html! { span.bar aria-hidden="true" { i style=(format!("width: {:.0}%", 100.0 * part as f64 / whole as f64)) {} } }
}

fn more(all: usize) -> Markup {
    html! { @if all > SHOWN { p.small.muted { "The first " (SHOWN) " of " (count(all as u64)) "; the others are in audit.json." } } }
}
