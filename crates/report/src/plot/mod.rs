//! Line charts as SVG inside an HTML figure.
//!
//! A chart declares its content (axes, series, marks) and this module decides on its style: sensible ticks, a
//! legend outside the drawing that wraps on narrow screens, series that differ by colour, dash and marker, and
//! a description in words for those who cannot see it. Colours are CSS custom properties, so a page decides on
//! light and dark; [`STYLE`] holds the rules a page must include once.
//!
//! - `axis`: from data to ticks and positions
//! - `frame`: size, edges and lines of a drawing
//! - `draw`: the SVG itself; `marks`: labels above it
//! - `standalone`: the same as a file of its own

mod axis;
mod draw;
mod frame;
mod marks;
mod standalone;

pub use axis::{Axis, Format};
pub use maud::Markup;

/// The style sheet of all charts, to be included once in a page.
///
/// It reads the custom properties `--ink`, `--muted`, `--rule`, `--panel` and `--series-1` to `--series-6`.
pub const STYLE: &str = include_str!("plot.css");

/// A chart of one or more lines over a common pair of axes.
#[derive(Clone, Debug)]
pub struct LineChart {
    id: String,
    title: String,
    x: Axis,
    y: Axis,
    series: Vec<Series>,
    marks: Vec<Mark>,
    ordered: bool,
}

/// One line: a name and its points in order of x.
#[derive(Clone, Debug)]
pub struct Series {
    name: String,
    points: Vec<Point>,
    form: Form,
}

/// One point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    x: f64,
    y: f64,
    /// Where the error bar begins and ends.
    bar: Option<[f64; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Measured,
    Reference,
}

/// A vertical line with a label, such as the epoch at which another phase begins.
#[derive(Clone, Debug)]
struct Mark {
    x: f64,
    label: String,
}

impl LineChart {
    /// An empty chart. `id` must be unique in the page and fit for an HTML id; `title` names the chart aloud.
    pub fn new(id: impl Into<String>, title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            x,
            y,
            series: Vec::new(),
            marks: Vec::new(),
            ordered: false,
        }
    }

    /// The same chart under another id and title, for a page with several of its kind.
    #[must_use]
    pub fn named(self, id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), ..self }
    }

    /// The same with an axis that includes these values, so that several charts have one scale.
    #[must_use]
    pub fn reaching(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        self.y = values.into_iter().fold(self.y, Axis::including);
        self
    }

    /// The values of all lines.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| &series.points).filter(|p| self.can_draw(p)).map(|p| p.y)
    }

    /// Adds a line. Its colour, dash and marker follow from the number of lines before it.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Marks the lines as ordered, such as the stages from input to head: their colours shade from one end to the other.
    #[must_use]
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Adds a vertical mark at `x`.
    #[must_use]
    pub fn mark(mut self, x: f64, label: impl Into<String>) -> Self {
        self.marks.push(Mark { x, label: label.into() });
        self
    }

    /// The chart as a `<figure>`: legend, drawing, description. Points that are not finite, or not positive on a
    /// logarithmic axis, leave a gap in their line; the figure gives their number.
    pub fn figure(&self) -> Markup {
        draw::figure(self)
    }

    /// The drawing without its legend.
    pub fn svg(&self) -> Markup {
        draw::svg(self)
    }

    /// The drawing as an SVG file of its own: light, without legend.
    pub(crate) fn document(&self) -> String {
        standalone::document(self)
    }

    /// What the chart shows, in words: first and last point and extremes of each line, and the marks.
    fn description(&self) -> String {
        let lines: Vec<String> = self.series.iter().map(|series| self.line_in_words(series)).collect();
        let marks: Vec<String> = self
            .marks
            .iter()
            .map(|mark| format!("{} at {}", mark.label, self.x.value_label(mark.x)))
            .collect();
        let marked = if marks.is_empty() { String::new() } else { format!(" Marked: {}.", marks.join("; ")) };
        format!("{} against {}. {}{marked}", self.y.label(), self.x.label(), lines.join(" "))
    }

    fn line_in_words(&self, series: &Series) -> String {
        let shown: Vec<&Point> = series.points.iter().filter(|point| self.can_draw(point)).collect();
        let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
            return format!("{}: nothing to draw.", series.name);
        };
        let at = |p: &Point| format!("{} at {}", self.y.value_label(p.y), self.x.value_label(p.x));
        if shown.len() == 1 {
            return format!("{}: {}.", series.name, at(first));
        }
        let low = shown.iter().min_by(|a, b| a.y.total_cmp(&b.y)).unwrap_or(first);
        let high = shown.iter().max_by(|a, b| a.y.total_cmp(&b.y)).unwrap_or(first);
        format!(
            "{}: from {} to {}; lowest {}, highest {}.",
            series.name,
            at(first),
            at(last),
            at(low),
            at(high)
        )
    }

    fn can_draw(&self, point: &Point) -> bool {
        self.x.can_show(point.x) && self.y.can_show(point.y)
    }
}

impl Series {
    /// A line without points yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), points: Vec::new(), form: Form::Measured }
    }

    /// A thin neutral line without markers, to compare with: chance level, the diagonal of a reliability diagram.
    pub fn reference(name: impl Into<String>) -> Self {
        Self { form: Form::Reference, ..Self::new(name) }
    }

    /// Adds a point.
    #[must_use]
    pub fn point(mut self, x: f64, y: f64) -> Self {
        self.points.push(Point { x, y, bar: None });
        self
    }

    /// Adds a point with an error bar from `y - spread` to `y + spread`.
    #[must_use]
    pub fn point_with_spread(self, x: f64, y: f64, spread: f64) -> Self {
        self.point_with_bar(x, y, [y - spread, y + spread])
    }

    /// Adds a point with an error bar between two values.
    #[must_use]
    pub fn point_with_bar(mut self, x: f64, y: f64, bar: [f64; 2]) -> Self {
        self.points.push(Point { x, y, bar: Some(bar) });
        self
    }

    /// Adds many points.
    #[must_use]
    pub fn points(mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.points.extend(points.into_iter().map(|(x, y)| Point { x, y, bar: None }));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> LineChart {
        LineChart::new("c", "Loss", Axis::linear("epoch").whole_numbers(), Axis::linear("loss"))
    }

    #[test]
    fn the_description_names_each_line() {
        let chart = chart().series(Series::new("training").points([(1.0, 2.0), (2.0, 0.5), (3.0, 0.75)]));
        assert_eq!(
            chart.description(),
            "loss against epoch. training: from 2 at 1 to 0.75 at 3; lowest 0.5 at 2, highest 2 at 1."
        );
    }

    #[test]
    fn infinite_points_leave_a_gap_and_are_counted() {
        let points = [(1.0, 2.0), (2.0, 1.0), (3.0, f64::NAN), (4.0, f64::INFINITY), (5.0, 1.0), (6.0, 0.5)];
        let html = chart().series(Series::new("training").points(points)).figure().into_string();
        assert!(html.contains("2 points of training are not drawn"), "{html}");
        let drawing = chart().series(Series::new("training").points(points)).svg().into_string();
        let path =
            drawing.split("class=\"line\" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert!(!html.contains(">NaN<") && !path.contains("NaN") && !path.contains("inf"), "{html}");
    }
}
