//! A few images with what the model said of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use crate::numbers;
use crate::reading::class_name;
use crate::record::{RunRecord, SampleRecord};

/// Thumbnails narrower than this are shown with their pixels as they are, not blurred.
const TINY: u32 = 64;

pub(super) fn samples(run: &RunRecord) -> Markup {
    let right = run.samples.iter().filter(|s| s.label == s.predicted).count();
    html! {
        p {
            (numbers::counted(run.samples.len() as u64, "image")) ", " (right) " of them classified rightly. "
            "Wrong ones have a dashed frame and a cross. The percentage is the model’s own probability for its answer."
        }
        ul.samples { @for sample in &run.samples { (card(run, sample)) } }
    }
}

fn card(run: &RunRecord, sample: &SampleRecord) -> Markup {
    let right = sample.label == sample.predicted;
    let truth = class_name(&run.data.classes, sample.label);
    let predicted = class_name(&run.data.classes, sample.predicted);
    html! {
        li.is-wrong[!right] {
            figure {
                (thumbnail(&sample.thumbnail, &truth))
                figcaption {
                    @if right {
                        span.judgement.right { "✓ " (predicted) } ", " (numbers::percent(sample.probability))
                    } @else {
                        span.judgement.wrong { "✗ " (predicted) } ", " (numbers::percent(sample.probability))
                        br; "truly " (truth)
                    }
                    span.file { (sample.path.display()) }
                }
            }
        }
    }
}

/// The picture, or a word in its place when the record holds none that a browser could show.
fn thumbnail(base64: &str, truth: &str) -> Markup {
    let bytes = STANDARD.decode(base64).unwrap_or_default();
    match png_width(&bytes) {
        Some(width) => html! {
            img.pixels[width < TINY] src=(format!("data:image/png;base64,{base64}")) alt=(format!("An image of {truth}"));
        },
        None => html! { span.no-image { "no thumbnail" } },
    }
}

/// The width of a PNG, from the header chunk that must come first.
fn png_width(bytes: &[u8]) -> Option<u32> {
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let width = header.get(8..12)?.first_chunk()?;
    Some(u32::from_be_bytes(*width))
}
