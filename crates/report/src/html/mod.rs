//! Reports as HTML pages.
//!
//! A page is self-contained: styles are inline, thumbnails are embedded, there is no script, and a content security
//! policy forbids the browser to fetch or run anything. All text from the record is escaped by `maud`.
//!
//! - [`run_page`]: one run
//! - [`comparison_page`]: a comparison of many runs, one of them in full
//! - [`range_page`]: a learning-rate range test
//! - [`advice_page`]: how far back to fine-tune
//! - [`audit_page`]: what is wrong with a data set
//!
//! Below them, each module draws one part of a page from one part of the record.

mod advice;
mod audit;
mod audit_images;
mod calibration;
mod comparison;
mod comparison_training;
mod confusion;
mod curves;
mod data;
mod gradients;
mod metrics;
mod plan;
mod recipe;
mod run;
mod samples;
mod shell;

pub(crate) use comparison::charts as accuracy_charts;
pub(crate) use comparison_training::{accuracy_charts as training_charts, flow_charts};
pub(crate) use samples::png_size;

use maud::html;
use records::{AdviceRecord, AuditRecord, ComparisonRecord, RangeRecord, RunRecord};

use crate::phrases;
use crate::plot;
use shell::{Level, Link, Page};

/// Our own style sheet; the charts bring theirs.
const STYLE: &str = include_str!("style.css");

/// The page of one run.
pub fn run_page(record: &RunRecord) -> String {
    let sections = run::sections(record, Level::SECTION);
    let page = Page {
        title: format!("{}: {} on {}", record.name, record.arch, record.data.root.display()),
        header: html! {
            p.eyebrow { "Transfer learning, one run" }
            h1 { (record.name) }
            (run::verdict(record))
        },
        contents: sections.iter().map(Link::from).collect(),
        main: html! { @for section in &sections { (section.body) } },
    };
    page.render()
}

/// The page of a learning-rate range test.
pub fn range_page(record: &RangeRecord) -> String {
    plan::range_page(record).render()
}

/// The page of advice on how far back to fine-tune.
pub fn advice_page(record: &AdviceRecord) -> String {
    advice::page(record).render()
}

/// The page of an audit of a data set.
pub fn audit_page(record: &AuditRecord) -> String {
    audit::page(record).render()
}

/// The page of a comparison of runs.
pub fn comparison_page(record: &ComparisonRecord) -> String {
    let sections = comparison::sections(record);
    let example = run::sections(&record.example, Level::SECTION.below());
    let mut contents: Vec<Link> = sections.iter().map(Link::from).collect();
    contents.insert(contents.len() - 1, Link { id: "example".into(), title: "One run in full".into() });
    let (config, results) = sections.split_last().map_or((None, &[][..]), |(last, rest)| (Some(last), rest));
    let page = Page {
        title: format!("{}: {} compared over many runs", record.name, record.example.arch),
        header: html! {
            p.eyebrow { "Transfer learning, a comparison of runs" }
            h1 { (record.name) }
            (comparison::question(record))
        },
        contents,
        main: html! {
            @for section in results { (section.body) }
            section.example id="example" aria-labelledby="example-title" {
                h2 id="example-title" { "One run in full: " (record.example.name) }
                @if phrases::interrupted(&record.example) { p { "This run was interrupted." } }
                (run::verdict(&record.example))
                @for section in &example { (section.body) }
            }
            @if let Some(config) = config { (config.body) }
        },
    };
    page.render()
}

fn style() -> String {
    format!("{STYLE}{}", plot::STYLE)
}
