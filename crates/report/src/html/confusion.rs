//! What was taken for what: the confusion matrix, the most frequent confusions, precision and recall of each class.

use maud::{Markup, html};
use records::{EvaluationRecord, RunRecord};

use super::shell::{Level, scroll};
use crate::confusion::Confusion;
use crate::numbers;

/// Up to this many classes a matrix can be read; beyond, only the list of confusions is shown.
const MATRIX_CLASSES: usize = 50;
/// Beyond this many classes the cells are drawn small.
const ROOMY_CLASSES: usize = 12;
/// From this part of its row on, a cell is so strongly coloured that the other ink reads better (see `style.css`).
const STRONG: f64 = 0.6;
/// How many confusions the list shows.
const LISTED_CONFUSIONS: usize = 20;
/// Beyond this many classes the table of classes starts folded, with the worst ones shown.
const UNFOLDED_CLASSES: usize = 40;
const WORST_CLASSES: usize = 12;

pub(super) fn results(run: &RunRecord, evaluation: &EvaluationRecord, level: Level) -> Markup {
    let confusion = Confusion::of(run, evaluation);
    if confusion.size() == 0 {
        return html! { p { "The record holds no confusion matrix." } };
    }
    let small = confusion.size() <= MATRIX_CLASSES;
    html! {
        p {
            "Measured on the " (evaluation.split) " split, " (numbers::counted(evaluation.images, "image"))
            ", with a loss of " (numbers::loss(evaluation.loss)) "."
        }
        (level.heading(&html! { "Confusion matrix" }))
        @if small {
            p.muted.small {
                "Numbers are images. Outlined cells lie on the diagonal: classified rightly. The stronger a cell’s "
                "colour, the larger its part of the row" @if confusion.size() > ROOMY_CLASSES { "; empty cells are zero" } "."
            }
            div.panel { (scroll("Confusion matrix", &matrix(&confusion))) }
        } @else {
            p {
                "A matrix of " (numbers::count(confusion.size() as u64)) " classes is too large to be read; "
                "the most frequent confusions are listed instead."
            }
        }
        div.split.wide {
            @if confusion.size() > 2 {
                div { (level.heading(&html! { "Most frequent confusions" })) (pairs(&confusion)) }
            }
            div { (level.heading(&html! { "Precision and recall of each class" })) (classes(&confusion)) }
        }
    }
}

fn matrix(confusion: &Confusion<'_>) -> Markup {
    let n = confusion.size();
    let size = match n {
        0..=3 => "small-classes",
        4..=ROOMY_CLASSES => "roomy",
        _ => "many",
    };
    let slanted = n > 3 && (0..n).any(|class| confusion.name(class).chars().count() > 3);
    html! {
        table class=(format!("confusion {size}")) {
            caption { "True classes in rows" br; "predictions in columns" }
            thead {
                tr {
                    td {}
                    @for class in 0..n { th.slanted[slanted] scope="col" { span { (confusion.name(class)) } } }
                }
            }
            tbody {
                @for truth in 0..n {
                    tr {
                        th scope="row" { (confusion.name(truth)) }
                        @for prediction in 0..n { (cell(confusion, truth, prediction)) }
                    }
                }
            }
        }
    }
}

fn cell(confusion: &Confusion<'_>, truth: usize, prediction: usize) -> Markup {
    let images = confusion.at(truth, prediction);
    if images == 0 {
        let shown = if confusion.size() > ROOMY_CLASSES { "" } else { "0" };
        return html! { td.none { (shown) } };
    }
    let part = images as f64 / confusion.of_class(truth) as f64;
    let class = match (truth == prediction, part > STRONG) {
        (true, true) => "hit strong",
        (true, false) => "hit",
        (false, true) => "miss strong",
        (false, false) => "miss",
    };
    html! { td class=(class) style=(format!("--v:{part:.3}")) { (images) } }
}

fn pairs(confusion: &Confusion<'_>) -> Markup {
    let wrong = confusion.wrong();
    if wrong.is_empty() {
        return html! { p { "None: every image was classified rightly." } };
    }
    let table = html! {
        table {
            caption {
                @if wrong.len() > LISTED_CONFUSIONS {
                    "The " (LISTED_CONFUSIONS) " most frequent of " (numbers::count(wrong.len() as u64)) " pairs"
                } @else { "All pairs that were confused" }
            }
            thead {
                tr {
                    th scope="col" { "True class" } th scope="col" { "Taken for" } th.num scope="col" { "Images" }
                    th.num scope="col" { "Of the class" }
                }
            }
            tbody {
                @for (truth, prediction, images) in wrong.iter().take(LISTED_CONFUSIONS) {
                    tr {
                        th scope="row" { (confusion.name(*truth)) }
                        td { (confusion.name(*prediction)) }
                        td.num { (numbers::count(*images)) }
                        td.num { (numbers::percent(*images as f64 / confusion.of_class(*truth) as f64)) }
                    }
                }
            }
        }
    };
    scroll("Most frequent confusions", &table)
}

fn classes(confusion: &Confusion<'_>) -> Markup {
    let all: Vec<usize> = (0..confusion.size()).collect();
    if all.len() <= UNFOLDED_CLASSES {
        return scroll("Precision and recall of each class", &class_table(confusion, &all, "In label order"));
    }
    let mut worst: Vec<usize> = all.iter().copied().filter(|c| confusion.of_class(*c) > 0).collect();
    worst.sort_by(|a, b| confusion.recall(*a).partial_cmp(&confusion.recall(*b)).unwrap_or(a.cmp(b)));
    worst.truncate(WORST_CLASSES);
    html! {
        (scroll("Classes with the lowest recall", &class_table(confusion, &worst, "The classes with the lowest recall")))
        details {
            summary { "All " (numbers::count(all.len() as u64)) " classes" }
            (scroll("Precision and recall of all classes", &class_table(confusion, &all, "In label order")))
        }
    }
}

fn class_table(confusion: &Confusion<'_>, classes: &[usize], caption: &str) -> Markup {
    html! {
        table {
            caption {
                (caption) ". Precision: of the images taken for the class, those that are of it. "
                "Recall: of the images of the class, those taken for it."
            }
            thead {
                tr {
                    th scope="col" { "Class" } th.num scope="col" { "Images" } th.num scope="col" { "Right" }
                    th.num scope="col" { "Precision" } th.num scope="col" { "Recall" }
                    th scope="col" { span.visually-hidden { "Recall as a bar" } }
                }
            }
            tbody {
                @for class in classes {
                    tr {
                        th scope="row" { (confusion.name(*class)) }
                        td.num { (numbers::count(confusion.of_class(*class))) }
                        td.num { (numbers::count(confusion.at(*class, *class))) }
                        td.num { (confusion.precision(*class).map_or("–".into(), numbers::percent)) }
                        @match confusion.recall(*class) {
                            Some(recall) => {
                                td.num { (numbers::percent(recall)) }
                                td { span.bar aria-hidden="true" { i style=(format!("width:{:.1}%", 100.0 * recall)) {} } }
                            },
                            None => { td.num { "–" } td { span.muted { "no images" } } },
                        }
                    }
                }
            }
        }
    }
}
