//! Vertical marks and their labels, in rows above the lines of a chart.

use maud::{Markup, html};

use super::Mark;
use super::frame::{TOP, WIDTH, at, line};

/// Height of a row of labels, and about the width of a character in them.
const ROW: f64 = 19.0;
const CHARACTER: f64 = 9.0;
/// Right edge of all labels.
const EDGE: f64 = WIDTH;

/// A mark and the position of its label.
pub(super) struct Labelled {
    x: f64,
    row: usize,
    side: Side,
    label: String,
}

/// Side of the line on which its label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    After,
    Before,
}

/// Returns all marks with the positions of their labels, and the height of the rows of labels. A label is after its line
/// where the drawing is wide enough. Labels that would touch are in different rows, such that no line goes down through the label of one on the same side.
pub(super) fn label(marks: &[Mark], x: impl Fn(f64) -> f64) -> (Vec<Labelled>, f64) {
    let mut placed: Vec<(Labelled, [f64; 2])> = Vec::new();
    let with_side = |mark: &Mark| {
        let (x, width) = (x(mark.x), CHARACTER * mark.label.chars().count() as f64 + 12.0);
        (x, width, if x + width <= EDGE { Side::After } else { Side::Before }, mark.label.clone())
    };
    let mut order: Vec<_> = marks.iter().map(with_side).collect();
    // Labels after their lines from the left on, then the others from the right.
    order.sort_by(|a, b| match (a.2, b.2) {
        (Side::After, Side::After) => a.0.total_cmp(&b.0),
        (Side::Before, Side::Before) => b.0.total_cmp(&a.0),
        (a, b) => a.cmp(&b),
    });
    for (x, width, side, label) in order {
        let [from, to] = if side == Side::After { [x, x + width] } else { [x - width, x] };
        let touching = placed.iter().filter(|(_, [start, end])| *end > from && *start < to);
        let row = touching.map(|(other, _)| other.row + 1).max().unwrap_or(0);
        placed.push((Labelled { x, row, side, label }, [from, to]));
    }
    placed.sort_by(|(a, _), (b, _)| a.x.total_cmp(&b.x));
    let rows = placed.iter().map(|(mark, _)| mark.row + 1).max().unwrap_or(0);
    (placed.into_iter().map(|(mark, _)| mark).collect(), ROW * rows as f64)
}

impl Labelled {
    /// Its line down to `bottom`, and the label.
    pub(super) fn draw(&self, bottom: f64) -> Markup {
        let (x, y) = (self.x, TOP + 6.0 + ROW * self.row as f64);
        let (anchor, shift) = match self.side {
            Side::After => ("start", 6.0),
            Side::Before => ("end", -6.0),
        };
        html! {
            g.mark {
                (line(x, y - 12.0, x, bottom))
                text x=(at(x + shift)) y=(at(y)) text-anchor=(anchor) { (self.label) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_would_touch_lie_in_rows_of_their_own() {
        let mark = |x: f64, label: &str| Mark { x, label: label.into() };
        let rows = |marks: &[Mark]| {
            let (placed, height) = label(marks, |x| x);
            (placed.iter().map(|mark| mark.row).collect::<Vec<_>>(), height)
        };
        let apart = [mark(80.0, "head"), mark(200.0, "layer4"), mark(500.0, "layer3")];
        assert_eq!(rows(&apart), (vec![0, 0, 0], ROW));
        // The later lies lower, but where labels stand before their lines the earlier.
        let close = [mark(80.0, "layer4 thaws"), mark(100.0, "layer3 thaws")];
        assert_eq!(rows(&close), (vec![0, 1], 2.0 * ROW));
        let close = [mark(480.0, "layer4 thaws"), mark(500.0, "layer3 thaws")];
        assert_eq!(rows(&close), (vec![1, 0], 2.0 * ROW));
        assert_eq!(rows(&[]), (vec![], 0.0));
    }
}
