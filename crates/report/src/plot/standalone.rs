//! A chart as an SVG file of its own: in light colours, its legend below its title.

use maud::{Markup, PreEscaped, html};

use super::draw::{Canvas, class_of, content, fixed_colour, marker};
use super::frame::{LEFT, WIDTH, at};
use super::{Form, LineChart, Series};

/// Height of the title, below which the legend begins.
const TITLE: f64 = 30.0;

/// Style sheet of a file of its own.
const STYLE: &str = include_str!("standalone.css");

pub(super) fn document(chart: &LineChart) -> String {
    let canvas = Canvas::over(chart);
    let (legend, bottom) = legend(chart);
    let drawing = html! {
        rect.paper x="0" y="0" width=(WIDTH) height=(canvas.height() + bottom) {}
        text.title x=(at(LEFT)) y="22" { (chart.title) }
        (legend)
        g transform=(format!("translate(0 {bottom})")) { (content(chart, &canvas)) }
    };
    file(WIDTH, canvas.height() + bottom, &drawing)
}

/// Legend below the title, and its lower end.
fn legend(chart: &LineChart) -> (Markup, f64) {
    let (mut x, mut y) = (LEFT, TITLE);
    let entry = |(index, series): (usize, &Series)| {
        let width = 44.0 + 9.5 * series.name.chars().count() as f64 + 14.0;
        if x > LEFT && x + width > WIDTH {
            (x, y) = (LEFT, y + 22.0);
        }
        let place = format!("translate({} {})", at(x), at(y));
        x += width;
        html! {
            g transform=(place) {
                g class=(class_of(chart, index)) color=[fixed_colour(chart, index)] {
                    path.line d="M1 7L33 7" {}
                    @if series.form == Form::Measured { (marker(index, 17.0, 7.0)) }
                }
                text.name x="40" y="12" { (series.name) }
            }
        }
    };
    let entries: Vec<Markup> = chart.series.iter().enumerate().map(entry).collect();
    (html! { @for entry in &entries { (entry) } }, y + 22.0)
}

/// An SVG file of this size. Characters that XML cannot hold are replaced.
fn file(width: f64, height: f64, drawing: &Markup) -> String {
    let whole = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) {
            style { (PreEscaped(STYLE)) }
            (drawing)
        }
    };
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    whole.into_string().chars().map(|c| if fits(c) { c } else { '\u{fffd}' }).collect()
}
