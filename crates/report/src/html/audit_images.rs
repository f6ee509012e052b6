use maud::{Markup, html};
use records::{AuditRecord, CopyRecord};

use super::samples::image;

/// An image with what is said of it.
pub(super) fn card(record: &AuditRecord, path: &str, judgement: &Markup) -> Markup {
    html! {
        li.is-alone {
            figure {
                div.images { (thumbnail(record, path)) }
                figcaption { (judgement) span.file { (path) } }
            }
        }
    }
}

/// Two copies next to each other.
pub(super) fn pair_card(record: &AuditRecord, copy: &CopyRecord) -> Markup {
    let differ = matches!(&copy.labels, [Some(one), Some(other)] if one != other);
    let crosses = copy.splits[0] != copy.splits[1];
    html! {
        li.is-wrong[differ || crosses] {
            figure {
                div.images { (thumbnail(record, &copy.a)) (thumbnail(record, &copy.b)) }
                figcaption {
                    span.judgement { (copy.how) }
                    @if crosses { br; "in " (copy.splits[0]) " and in " (copy.splits[1]) }
                    @if differ { br; span.wrong { "under two labels: " (copy.labels[0].as_deref().unwrap_or_default()) " and " (copy.labels[1].as_deref().unwrap_or_default()) } }
                    @if let Some(correlation) = copy.correlation { br; "correlation " (format!("{correlation:.3}")) @if !copy.certain { ", not certain" } }
                    span.file { (copy.a) } span.file { (copy.b) }
                }
            }
        }
    }
}

fn thumbnail(record: &AuditRecord, path: &str) -> Markup {
    let data = record.thumbnails.get(path).map_or("", String::as_str);
    image(data, path, "no thumbnail")
}
