//! The SVG of a line chart.

use maud::{Markup, PreEscaped, html};

use super::axis::Span;
use super::{Form, LineChart, Mark, Point, Series};

/// The drawing's own units; the page scales it to its place.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = WIDTH - 22.0;
const TOP: f64 = 32.0;
const BOTTOM: f64 = HEIGHT - 56.0;
/// Height of the title of a drawing that stands alone.
const TITLE: f64 = 30.0;
/// Room between the outermost points and the frame.
const PAD: f64 = 14.0;

/// Height of a row of marks' labels, and about the width of a character in them.
const ROW: f64 = 18.0;
const CHARACTER: f64 = 8.0;

/// Number of colours, dashes and markers; the seventh series looks like the first.
const STYLES: usize = 6;

pub(super) fn figure(chart: &LineChart) -> Markup {
    html! {
        figure.plot {
            figcaption {
                span.plot-title { (chart.title) }
                ul.legend {
                    @for (i, series) in chart.series.iter().enumerate() { li { (swatch(chart, i)) (series.name) } }
                }
            }
            (svg(chart))
            @for series in &chart.series {
                @let gaps = series.points.iter().filter(|p| !chart.can_draw(p)).count();
                @if gaps > 0 {
                    p.plot-note {
                        (gaps) @if gaps == 1 { " point of " (series.name) " is" } @else { " points of " (series.name) " are" }
                        " not drawn: not a finite number, or outside what the axis can show."
                    }
                }
            }
        }
    }
}

pub(super) fn svg(chart: &LineChart) -> Markup {
    let canvas = Canvas::over(chart);
    let (title, desc) = (format!("{}-title", chart.id), format!("{}-desc", chart.id));
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{title} {desc}")) {
            title id=(title) { (chart.title) }
            desc id=(desc) { (chart.description()) }
            (drawn(chart, &canvas))
        }
    }
}

/// The style sheet of a drawing that stands alone.
const ALONE: &str = include_str!("alone.css");

pub(super) fn document(chart: &LineChart) -> String {
    let canvas = Canvas::over(chart);
    let (legend, bottom) = legend(chart);
    let drawing = html! {
        rect.paper x="0" y="0" width=(WIDTH) height=(HEIGHT + bottom) {}
        text.title x=(at(LEFT)) y="22" { (chart.title) }
        (legend)
        g transform=(format!("translate(0 {bottom})")) { (drawn(chart, &canvas)) }
    };
    standing_alone([WIDTH, HEIGHT + bottom], ALONE, &drawing)
}

/// Rows of the lines' names below the title, and where they end.
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

/// An SVG file of this size with this style sheet. What XML cannot hold is replaced.
pub(crate) fn standing_alone([width, height]: [f64; 2], style: &str, drawing: &Markup) -> String {
    let whole = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) {
            style { (PreEscaped(style)) }
            (drawing)
        }
    };
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    whole.into_string().chars().map(|c| if fits(c) { c } else { '\u{fffd}' }).collect()
}

fn drawn(chart: &LineChart, canvas: &Canvas) -> Markup {
    html! {
        (canvas.axes(chart))
        @for (mark, row) in chart.marks.iter().zip(canvas.mark_rows(chart)) { (canvas.mark(mark, row)) }
        @for (i, series) in chart.series.iter().enumerate() { (canvas.series(chart, i, series)) }
    }
}

fn on_left(x: f64) -> bool {
    x < (LEFT + RIGHT) / 2.0
}

/// A chart's two axes laid over its data.
struct Canvas {
    x: Span,
    y: Span,
}

impl Canvas {
    fn over(chart: &LineChart) -> Self {
        let points = || chart.series.iter().flat_map(|s| &s.points).filter(|p| chart.can_draw(p));
        let marks = chart.marks.iter().map(|mark| mark.x);
        let ends = |p: &Point| p.bar.unwrap_or([p.y, p.y]);
        Self {
            x: chart.x.tight(points().map(|p| p.x).chain(marks)),
            y: chart.y.rounded(points().flat_map(ends)),
        }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + PAD + self.x.place(value) * (RIGHT - LEFT - 2.0 * PAD)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - self.y.place(value) * (BOTTOM - TOP)
    }

    fn axes(&self, chart: &LineChart) -> Markup {
        html! {
            g.grid {
                @for (value, _) in &self.y.ticks { (line(LEFT, self.y(*value), RIGHT, self.y(*value))) }
            }
            g.axis {
                (line(LEFT, BOTTOM, RIGHT, BOTTOM))
                @for (value, _) in &self.x.ticks { (line(self.x(*value), BOTTOM, self.x(*value), BOTTOM + 5.0)) }
            }
            g.tick {
                @for (value, label) in &self.y.ticks {
                    text x=(at(LEFT - 8.0)) y=(at(self.y(*value))) text-anchor="end" dy="0.35em" { (label) }
                }
                @for (value, label) in &self.x.ticks {
                    text x=(at(self.x(*value))) y=(at(BOTTOM + 8.0)) text-anchor="middle" dy="0.9em" { (label) }
                }
            }
            g.label {
                text x=(at((LEFT + RIGHT) / 2.0)) y=(at(HEIGHT - 8.0)) text-anchor="middle" { (chart.x.label()) }
                text x=(at(LEFT - 8.0)) y=(at(TOP - 16.0)) text-anchor="start" { (chart.y.label()) }
            }
        }
    }

    /// Rows of the marks' labels, from 0 at the top, such that those of a row do not touch.
    fn mark_rows(&self, chart: &LineChart) -> Vec<usize> {
        let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
        let row = |mark: &Mark| {
            let (x, width) = (self.x(mark.x), CHARACTER * mark.label.chars().count() as f64 + 12.0);
            let (from, to) = if on_left(x) { (x, x + width) } else { (x - width, x) };
            let free = |row: &Vec<(f64, f64)>| row.iter().all(|&(start, end)| end <= from || start >= to);
            let place = taken.iter().position(free).unwrap_or(taken.len());
            if place == taken.len() {
                taken.push(Vec::new());
            }
            taken[place].push((from, to));
            place
        };
        chart.marks.iter().map(row).collect()
    }

    /// A mark's label stands on the side that has more room.
    fn mark(&self, mark: &Mark, row: usize) -> Markup {
        let x = self.x(mark.x);
        let (anchor, shift) = if on_left(x) { ("start", 6.0) } else { ("end", -6.0) };
        let y = TOP + 2.0 + ROW * row as f64;
        html! {
            g.mark {
                (line(x, TOP - 8.0, x, BOTTOM))
                text x=(at(x + shift)) y=(at(y)) text-anchor=(anchor) { (mark.label) }
            }
        }
    }

    fn series(&self, chart: &LineChart, index: usize, series: &Series) -> Markup {
        let dodge = dodge(chart, index);
        let drawn = || series.points.iter().filter(|p| chart.can_draw(p));
        // Markers tell lines apart; on a long line a few of them do.
        let every = if drawn().any(|p| p.bar.is_some()) { 1 } else { drawn().count().div_ceil(24).max(1) };
        html! {
            g class=(class_of(chart, index)) style=[shade(chart, index)] color=[fixed_colour(chart, index)] {
                path.line d=(self.path(chart, series, dodge)) {}
                @for point in drawn() {
                    @if let Some(bar) = point.bar.filter(|[low, high]| low.is_finite() && high.is_finite() && low < high) {
                        (self.error_bar(point, bar, dodge))
                    }
                }
                @if series.form == Form::Measured {
                    @for point in drawn().step_by(every) {
                        g {
                            title { (tooltip(chart, series, point)) }
                            (marker(index, self.x(point.x) + dodge, self.y(point.y)))
                        }
                    }
                }
            }
        }
    }

    /// Path data; a point that cannot be drawn starts a new piece.
    fn path(&self, chart: &LineChart, series: &Series, dodge: f64) -> String {
        let mut path = String::new();
        let mut pen = 'M';
        for point in &series.points {
            if !chart.can_draw(point) {
                pen = 'M';
                continue;
            }
            path.push_str(&format!("{pen}{} {}", at(self.x(point.x) + dodge), at(self.y(point.y))));
            pen = 'L';
        }
        path
    }

    fn error_bar(&self, point: &Point, [low, high]: [f64; 2], dodge: f64) -> Markup {
        let (x, low, high) = (self.x(point.x) + dodge, self.y(low), self.y(high));
        html! {
            g.spread { (line(x, low, x, high)) (line(x - 4.0, low, x + 4.0, low)) (line(x - 4.0, high, x + 4.0, high)) }
        }
    }
}

/// Error bars of several series at the same x stand side by side.
fn dodge(chart: &LineChart, index: usize) -> f64 {
    let bars = chart.series.iter().any(|s| s.points.iter().any(|p| p.bar.is_some()));
    if bars { 5.0 * (index as f64 - (chart.series.len() as f64 - 1.0) / 2.0) } else { 0.0 }
}

fn tooltip(chart: &LineChart, series: &Series, point: &Point) -> String {
    let label = |value| chart.y.value_label(value);
    let spread =
        point.bar.map(|[low, high]| format!(" ({} to {})", label(low), label(high))).unwrap_or_default();
    let (x, y) = (chart.x.value_label(point.x), chart.y.value_label(point.y));
    format!("{}, {} {x}: {y}{spread}", series.name, chart.x.label())
}

/// A short piece of the line for the legend.
fn swatch(chart: &LineChart, index: usize) -> Markup {
    html! {
        svg.swatch viewBox="0 0 34 14" aria-hidden="true" {
            g class=(class_of(chart, index)) style=[shade(chart, index)] {
                path.line d="M1 7L33 7" {}
                @if chart.series[index].form == Form::Measured { (marker(index, 17.0, 7.0)) }
            }
        }
    }
}

fn class_of(chart: &LineChart, index: usize) -> String {
    match (chart.series[index].form, chart.ordered) {
        (Form::Reference, _) => "series reference".into(),
        (Form::Measured, true) => "series ordered".into(),
        (Form::Measured, false) => format!("series s{}", index % STYLES + 1),
    }
}

/// How far along the order a line of an ordered chart lies, from 0 to 1.
fn along(chart: &LineChart, index: usize) -> Option<f64> {
    let last = chart.series.len().saturating_sub(1).max(1);
    chart.ordered.then(|| index as f64 / last as f64)
}

fn shade(chart: &LineChart, index: usize) -> Option<String> {
    along(chart, index).map(|part| format!("--part:{:.0}%", 100.0 * part))
}

/// The same colours by number, for readers of SVG that cannot mix any; style sheets come before it.
fn fixed_colour(chart: &LineChart, index: usize) -> Option<&'static str> {
    const SHADES: [&str; 7] = ["#0a5a9c", "#4355a6", "#6f4aa3", "#963b92", "#b22e76", "#c03152", "#c04a00"];
    along(chart, index).map(|part| SHADES[((SHADES.len() - 1) as f64 * part).round() as usize])
}

fn marker(index: usize, x: f64, y: f64) -> Markup {
    const R: f64 = 4.2;
    let polygon = |corners: &[(f64, f64)]| {
        let points: Vec<String> =
            corners.iter().map(|(dx, dy)| format!("{},{}", at(x + dx * R), at(y + dy * R))).collect();
        html! { polygon.marker points=(points.join(" ")) {} }
    };
    match index % STYLES {
        0 => html! { circle.marker cx=(at(x)) cy=(at(y)) r=(R) {} },
        1 => polygon(&[(-0.95, -0.95), (0.95, -0.95), (0.95, 0.95), (-0.95, 0.95)]),
        2 => polygon(&[(0.0, -1.25), (1.2, 0.9), (-1.2, 0.9)]),
        3 => polygon(&[(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)]),
        4 => polygon(&[(0.0, 1.25), (1.2, -0.9), (-1.2, -0.9)]),
        _ => html! { circle.marker.hollow cx=(at(x)) cy=(at(y)) r=(R) {} },
    }
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> Markup {
    html! { line x1=(at(x1)) y1=(at(y1)) x2=(at(x2)) y2=(at(y2)) {} }
}

/// A coordinate, to a tenth of a unit.
fn at(value: f64) -> String {
    format!("{value:.1}")
}
