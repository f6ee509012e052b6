//! A few images with predictions and heat maps.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use records::{HeatMapRecord, RunRecord, SampleRecord};

use super::shell::Level;
use crate::numbers;
use crate::phrases::class_name;

/// Thumbnails narrower than this are shown with their pixels as they are, not blurred.
const TINY: u32 = 64;

pub(super) fn samples(run: &RunRecord, level: Level) -> Markup {
    let (right, wrong): (Vec<&SampleRecord>, Vec<&SampleRecord>) =
        run.samples.iter().partition(|sample| sample.label == sample.predicted);
    html! {
        p { "The percentage is the probability of the predicted class. " (heat_maps_in_words(run)) }
        @if run.samples.iter().any(|sample| sample.heat_map.is_some()) {
            p.scale aria-hidden="true" { "nothing" i {} "most" }
        }
        (list(run, level, "Most confident mistakes", &wrong, "No image was misclassified."))
        (list(run, level, "Correct predictions", &right, "No image was classified correctly."))
    }
}

fn heat_maps_in_words(run: &RunRecord) -> String {
    match run.samples.iter().find_map(|sample| sample.heat_map.as_ref()) {
        Some(map) => format!(
            "To the right of each image, in gray, the part that the network saw, and over it the evidence for the predicted class at \
             the output of {} (Grad-CAM, Selvaraju et al. 2017): the brighter, the more.",
            map.stage
        ),
        None => String::new(),
    }
}

fn list(run: &RunRecord, level: Level, title: &str, samples: &[&SampleRecord], none: &str) -> Markup {
    html! {
        (level.heading(&html! { (title) }))
        @if samples.is_empty() { p { (none) } }
        @else { ul.samples { @for sample in samples { (card(run, sample)) } } }
    }
}

fn card(run: &RunRecord, sample: &SampleRecord) -> Markup {
    let right = sample.label == sample.predicted;
    let truth = class_name(&run.data.classes, sample.label);
    let predicted = class_name(&run.data.classes, sample.predicted);
    html! {
        li.is-wrong[!right] {
            figure {
                div.images {
                    (image(&sample.thumbnail, &format!("An image of {truth}"), "no thumbnail"))
                    @if let Some(map) = &sample.heat_map {
                        (image(&map.picture, &format!("Evidence for {predicted}: {}", whereabouts(map)), "no heat map"))
                    }
                }
                figcaption {
                    @if right {
                        span.judgement.right { "✓ " (predicted) } ", " (numbers::percent(sample.probability))
                    } @else {
                        span.judgement.wrong { "✗ " (predicted) } ", " (numbers::percent(sample.probability))
                        br; "true class: " (truth)
                    }
                    span.file { (sample.path.display()) }
                }
            }
        }
    }
}

/// The image, or a word in its place where the record holds none that a browser could show.
pub(super) fn image(base64: &str, alt: &str, missing: &str) -> Markup {
    let bytes = STANDARD.decode(base64).unwrap_or_default();
    match png_size(&bytes) {
        Some([width, _]) => html! {
            img.pixels[width < TINY] src=(format!("data:image/png;base64,{base64}")) alt=(alt);
        },
        None => html! { span.no-image { (missing) } },
    }
}

/// Width and height of a PNG, from the header chunk that must come first.
pub(crate) fn png_size(bytes: &[u8]) -> Option<[u32; 2]> {
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let number = |at: usize| Some(u32::from_be_bytes(*header.get(at..at + 4)?.first_chunk()?));
    Some([number(8)?, number(12)?])
}

/// The ninth of the image in which most of the evidence lies, in words.
fn whereabouts(map: &HeatMapRecord) -> String {
    const ROWS: [&str; 3] = ["top", "middle", "bottom"];
    const COLUMNS: [&str; 3] = ["left", "centre", "right"];
    let mut ninths = [[0.0; 3]; 3];
    let third = |at: usize, length: usize| ((2 * at + 1) * 3 / (2 * length.max(1))).min(2);
    for (y, row) in map.values.iter().enumerate() {
        for (x, value) in row.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            ninths[third(y, map.values.len())][third(x, row.len())] += value;
        }
    }
    let all: f64 = ninths.iter().flatten().sum();
    let positions = (0..9).map(|ninth| (ninth / 3, ninth % 3));
    let Some((y, x)) = positions.max_by(|a, b| ninths[a.0][a.1].total_cmp(&ninths[b.0][b.1])) else {
        return String::new();
    };
    match (all > 0.0, y, x) {
        (false, ..) => "nothing in the image".into(),
        (true, 1, 1) => format!("most of it in the middle, {}", numbers::percent(ninths[1][1] / all)),
        _ => {
            format!("most of it at the {} {}, {}", ROWS[y], COLUMNS[x], numbers::percent(ninths[y][x] / all))
        }
    }
}
