//! Points of an outline's curves: where they lie, and maps of the plane.

use ab_glyph::{OutlineCurve, Point, Rect, point};

/// The smallest upright rectangle that holds all points of the curves: `min` bottom left, `max` top right.
pub(crate) fn extent(curves: &[OutlineCurve]) -> Rect {
    let start = Rect { min: point(f32::MAX, f32::MAX), max: point(f32::MIN, f32::MIN) };
    curves.iter().flat_map(points).fold(start, |r, p| Rect {
        min: point(r.min.x.min(p.x), r.min.y.min(p.y)),
        max: point(r.max.x.max(p.x), r.max.y.max(p.y)),
    })
}

/// Curves with `f` applied to each of their points.
pub(crate) fn map(curves: Vec<OutlineCurve>, f: impl Fn(Point) -> Point) -> Vec<OutlineCurve> {
    let moved = |curve| match curve {
        OutlineCurve::Line(a, b) => OutlineCurve::Line(f(a), f(b)),
        OutlineCurve::Quad(a, b, c) => OutlineCurve::Quad(f(a), f(b), f(c)),
        OutlineCurve::Cubic(a, b, c, d) => OutlineCurve::Cubic(f(a), f(b), f(c), f(d)),
    };
    curves.into_iter().map(moved).collect()
}

/// Whether two outlines have the same points.
pub(crate) fn are_equal(one: &[OutlineCurve], other: &[OutlineCurve]) -> bool {
    one.iter().flat_map(points).eq(other.iter().flat_map(points))
}

/// End points and control points of a curve.
fn points(curve: &OutlineCurve) -> Vec<Point> {
    match *curve {
        OutlineCurve::Line(a, b) => vec![a, b],
        OutlineCurve::Quad(a, b, c) => vec![a, b, c],
        OutlineCurve::Cubic(a, b, c, d) => vec![a, b, c, d],
    }
}
