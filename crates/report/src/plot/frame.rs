//! Frame of a drawing: its size and edges, coordinates as text, straight lines.

use maud::{Markup, html};

/// Width of the drawing, in its own units; the page scales it.
pub(super) const WIDTH: f64 = 560.0;
/// Height of the drawing without the rows for labels of marks.
pub(super) const HEIGHT: f64 = 340.0;
/// Edges of the frame.
pub(super) const LEFT: f64 = 66.0;
pub(super) const RIGHT: f64 = WIDTH - 22.0;
pub(super) const TOP: f64 = 32.0;
pub(super) const BOTTOM: f64 = HEIGHT - 56.0;

/// A straight line.
pub(super) fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> Markup {
    html! { line x1=(at(x1)) y1=(at(y1)) x2=(at(x2)) y2=(at(y2)) {} }
}

/// A coordinate as text, rounded to a tenth of a unit.
pub(super) fn at(value: f64) -> String {
    format!("{value:.1}")
}
