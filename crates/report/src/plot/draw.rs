//! The SVG of a line chart.

use maud::{Markup, html};

use super::axis::Span;
use super::frame::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, at, line};
use super::marks::{Labelled, label};
use super::{Form, LineChart, Point, Series};

/// Distance between the outermost points and the frame.
const PAD: f64 = 14.0;

/// Number of colours, dashes and markers. The seventh series has the colour of the first and the marker of the second.
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
        svg viewBox=(format!("0 0 {WIDTH} {}", canvas.height())) role="img" aria-labelledby=(format!("{title} {desc}")) {
            title id=(title) { (chart.title) }
            desc id=(desc) { (chart.description()) }
            (content(chart, &canvas))
        }
    }
}

pub(super) fn content(chart: &LineChart, canvas: &Canvas) -> Markup {
    html! {
        (canvas.axes(chart))
        @for mark in &canvas.marks { (mark.draw(BOTTOM + canvas.label_height)) }
        @for (i, series) in chart.series.iter().enumerate() { (canvas.series(chart, i, series)) }
    }
}

/// A chart's two axes laid over its data.
pub(super) struct Canvas {
    x: Span,
    y: Span,
    marks: Vec<Labelled>,
    /// Height of the rows for the labels of marks, above everything else.
    label_height: f64,
}

impl Canvas {
    pub(super) fn over(chart: &LineChart) -> Self {
        let points = || chart.series.iter().flat_map(|s| &s.points).filter(|p| chart.can_draw(p));
        let marks = chart.marks.iter().map(|mark| mark.x);
        let ends = |p: &Point| p.bar.unwrap_or([p.y, p.y]);
        let x = chart.x.tight(points().map(|p| p.x).chain(marks));
        let (marks, label_height) = label(&chart.marks, |mark| along_x(&x, mark));
        Self { x, y: chart.y.rounded(points().flat_map(ends)), marks, label_height }
    }

    pub(super) fn height(&self) -> f64 {
        HEIGHT + self.label_height
    }

    fn x(&self, value: f64) -> f64 {
        along_x(&self.x, value)
    }

    fn y(&self, value: f64) -> f64 {
        self.label_height + BOTTOM - self.y.position(value) * (BOTTOM - TOP)
    }

    fn axes(&self, chart: &LineChart) -> Markup {
        let bottom = self.label_height + BOTTOM;
        html! {
            g.grid {
                @for (value, _) in &self.y.ticks { (line(LEFT, self.y(*value), RIGHT, self.y(*value))) }
            }
            g.axis {
                (line(LEFT, bottom, RIGHT, bottom))
                @for (value, _) in &self.x.ticks { (line(self.x(*value), bottom, self.x(*value), bottom + 5.0)) }
            }
            g.tick {
                @for (value, label) in &self.y.ticks {
                    text x=(at(LEFT - 8.0)) y=(at(self.y(*value))) text-anchor="end" dy="0.35em" { (label) }
                }
                @for (value, label) in &self.x.ticks {
                    text x=(at(self.x(*value))) y=(at(bottom + 8.0)) text-anchor="middle" dy="0.9em" { (label) }
                }
            }
            g.label {
                text x=(at((LEFT + RIGHT) / 2.0)) y=(at(self.height() - 8.0)) text-anchor="middle" { (chart.x.label()) }
                text x=(at(LEFT - 8.0)) y=(at(TOP - 16.0)) text-anchor="start" { (chart.y.label()) }
            }
        }
    }

    fn series(&self, chart: &LineChart, index: usize, series: &Series) -> Markup {
        let dodge = dodge(chart, index);
        let points = || series.points.iter().filter(|p| chart.can_draw(p));
        // Markers distinguish lines; on a long line a few of them are enough.
        let every = if points().any(|p| p.bar.is_some()) { 1 } else { points().count().div_ceil(24).max(1) };
        html! {
            g class=(class_of(chart, index)) style=[shade(chart, index)] color=[fixed_colour(chart, index)] {
                path.line d=(self.path(chart, series, dodge)) {}
                @for point in points() {
                    @if let Some(bar) = point.bar.filter(|[low, high]| low.is_finite() && high.is_finite() && low < high) {
                        (self.error_bar(point, bar, dodge))
                    }
                }
                @if series.form == Form::Measured {
                    @for point in points().step_by(every) {
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

fn along_x(span: &Span, value: f64) -> f64 {
    LEFT + PAD + span.position(value) * (RIGHT - LEFT - 2.0 * PAD)
}

/// Horizontal shift of a series, so that error bars at the same x do not overlap.
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

pub(super) fn class_of(chart: &LineChart, index: usize) -> String {
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
pub(super) fn fixed_colour(chart: &LineChart, index: usize) -> Option<&'static str> {
    const SHADES: [&str; 7] = ["#0a5a9c", "#4355a6", "#6f4aa3", "#963b92", "#b22e76", "#c03152", "#c04a00"];
    along(chart, index).map(|part| SHADES[((SHADES.len() - 1) as f64 * part).round() as usize])
}

pub(super) fn marker(index: usize, x: f64, y: f64) -> Markup {
    const R: f64 = 4.2;
    let polygon = |corners: &[(f64, f64)]| {
        let points: Vec<String> =
            corners.iter().map(|(dx, dy)| format!("{},{}", at(x + dx * R), at(y + dy * R))).collect();
        html! { polygon.marker points=(points.join(" ")) {} }
    };
    match (index + index / STYLES) % STYLES {
        0 => html! { circle.marker cx=(at(x)) cy=(at(y)) r=(R) {} },
        1 => polygon(&[(-0.95, -0.95), (0.95, -0.95), (0.95, 0.95), (-0.95, 0.95)]),
        2 => polygon(&[(0.0, -1.25), (1.2, 0.9), (-1.2, 0.9)]),
        3 => polygon(&[(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)]),
        4 => polygon(&[(0.0, 1.25), (1.2, -0.9), (-1.2, -0.9)]),
        _ => html! { circle.marker.hollow cx=(at(x)) cy=(at(y)) r=(R) {} },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_many_lines_have_the_same_style() {
        let style = |index: usize| (index % STYLES, marker(index, 0.0, 0.0).into_string());
        let styles: std::collections::BTreeSet<_> = (0..STYLES * STYLES).map(style).collect();
        assert_eq!(styles.len(), STYLES * STYLES);
    }
}
