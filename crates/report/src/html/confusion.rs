//! The confusion matrix, the most frequent mistakes, precision and recall of each class.

use maud::{Markup, html};
use records::{EvaluationRecord, RunRecord};
use statistics::Mistake;

use super::shell::{Level, scroll};
use crate::confusion::Confusion;
use crate::numbers;

/// A matrix of more classes is too large to read; only the list of mistakes is shown.
const MATRIX_CLASSES: usize = 50;
/// Beyond this many classes the cells are drawn small.
const ROOMY_CLASSES: usize = 12;
/// A cell with a larger share of its row is coloured so strongly that light text is more legible (see `style.css`).
const STRONG: f64 = 0.6;
/// Number of mistakes in the list.
const LISTED_MISTAKES: usize = 20;
/// Beyond this many classes the table of classes starts folded, with the worst ones shown.
const UNFOLDED_CLASSES: usize = 40;
const WORST_CLASSES: usize = 12;

pub(super) fn results(run: &RunRecord, evaluation: &EvaluationRecord, level: Level) -> Markup {
    let confusion = Confusion::of(run, evaluation);
    if confusion.classes() == 0 {
        return html! { p { "The record holds no confusion matrix." } };
    }
    let small = confusion.classes() <= MATRIX_CLASSES;
    html! {
        p {
            "Measured on the " (evaluation.split) " split, " (numbers::counted(evaluation.images, "image"))
            ", with a loss of " (numbers::loss(evaluation.loss)) "."
        }
        (level.heading(&html! { "Confusion matrix" }))
        @if small {
            p.muted.small {
                "Numbers of images. Outlined cells on the diagonal are correct predictions. The stronger the colour of a cell, "
                "the larger its share of the row" @if confusion.classes() > ROOMY_CLASSES { "; empty cells are zero" } "."
            }
            div.panel { (scroll("Confusion matrix", &matrix(&confusion))) }
        } @else {
            p {
                "A matrix of " (numbers::count(confusion.classes() as u64)) " classes is too large to read; "
                "the most frequent mistakes are listed instead."
            }
        }
        div.split.wide {
            @if confusion.classes() > 2 {
                div { (level.heading(&html! { "Most frequent mistakes" })) (mistakes(&confusion)) }
            }
            div { (level.heading(&html! { "Precision and recall of each class" })) (classes(&confusion)) }
        }
    }
}

fn matrix(confusion: &Confusion<'_>) -> Markup {
    let n = confusion.classes();
    let size = match n {
        0..=3 => "small-classes",
        4..=ROOMY_CLASSES => "roomy",
        _ => "many",
    };
    let slanted = n > 3 && (0..n).any(|class| confusion.name(class).chars().count() > 3);
    html! {
        table class=(format!("confusion {size}")) style=(format!("--classes:{n}")) {
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
    let images = confusion.count(truth, prediction);
    if images == 0 {
        let shown = if confusion.classes() > ROOMY_CLASSES { "" } else { "0" };
        return html! { td.none { (shown) } };
    }
    let part = images as f64 / confusion.images(truth) as f64;
    let class = match (truth == prediction, part > STRONG) {
        (true, true) => "hit strong",
        (true, false) => "hit",
        (false, true) => "miss strong",
        (false, false) => "miss",
    };
    html! { td class=(class) style=(format!("--v:{part:.3}")) { (images) } }
}

fn mistakes(confusion: &Confusion<'_>) -> Markup {
    let mistakes = confusion.mistakes();
    if mistakes.is_empty() {
        return html! { p { "None: every image was classified correctly." } };
    }
    let table = html! {
        table {
            caption {
                @if mistakes.len() > LISTED_MISTAKES {
                    "The " (LISTED_MISTAKES) " most frequent of " (numbers::count(mistakes.len() as u64)) " pairs"
                } @else { "All pairs of a class and a wrong prediction" }
            }
            thead {
                tr {
                    th scope="col" { "True class" } th scope="col" { "Predicted" } th.num scope="col" { "Images" }
                    th.num scope="col" { "Of the class" }
                }
            }
            tbody {
                @for Mistake { truth, prediction, images } in mistakes.iter().copied().take(LISTED_MISTAKES) {
                    tr {
                        th scope="row" { (confusion.name(truth)) }
                        td { (confusion.name(prediction)) }
                        td.num { (numbers::count(images)) }
                        td.num { (numbers::percent(images as f64 / confusion.images(truth) as f64)) }
                    }
                }
            }
        }
    };
    scroll("Most frequent mistakes", &table)
}

fn classes(confusion: &Confusion<'_>) -> Markup {
    let all: Vec<usize> = (0..confusion.classes()).collect();
    if all.len() <= UNFOLDED_CLASSES {
        return scroll("Precision and recall of each class", &class_table(confusion, &all, "In label order"));
    }
    let mut worst: Vec<usize> = all.iter().copied().filter(|c| confusion.images(*c) > 0).collect();
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
                (caption) ". Precision: share of the images predicted as the class that are of it. "
                "Recall: share of the images of the class that are predicted as it."
            }
            thead {
                tr {
                    th scope="col" { "Class" } th.num scope="col" { "Images" } th.num scope="col" { "Correct" }
                    th.num scope="col" { "Precision" } th.num scope="col" { "Recall" }
                    th scope="col" { span.visually-hidden { "Recall as a bar" } }
                }
            }
            tbody {
                @for class in classes {
                    tr {
                        th scope="row" { (confusion.name(*class)) }
                        td.num { (numbers::count(confusion.images(*class))) }
                        td.num { (numbers::count(confusion.count(*class, *class))) }
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
