//! Vertical marks and their labels, in rows above the lines of a chart.

use maud::{Markup, html};

use super::Mark;
use super::draw::{LEFT, RIGHT, TOP, at, line};

/// Height of a row of labels, and about the width of a character in them.
const ROW: f64 = 18.0;
const CHARACTER: f64 = 9.0;

/// A mark with a place for its label.
pub(super) struct Labelled {
    x: f64,
    row: usize,
    label: String,
}

/// Places for the labels of all marks and the height they take. Those that would touch lie in different rows, and no line
/// goes down through the label of another mark on its side of the chart.
pub(super) fn label(marks: &[Mark], x: impl Fn(f64) -> f64) -> (Vec<Labelled>, f64) {
    let mut placed: Vec<(Labelled, [f64; 2])> = Vec::new();
    let mut order: Vec<(f64, &Mark)> = marks.iter().map(|mark| (x(mark.x), mark)).collect();
    // From the left edge inwards, then from the right.
    order.sort_by(|a, b| {
        on_left(b.0).cmp(&on_left(a.0)).then(if on_left(a.0) {
            a.0.total_cmp(&b.0)
        } else {
            b.0.total_cmp(&a.0)
        })
    });
    for (x, mark) in order {
        let width = CHARACTER * mark.label.chars().count() as f64 + 12.0;
        let [from, to] = if on_left(x) { [x, x + width] } else { [x - width, x] };
        let touching = placed.iter().filter(|(_, [start, end])| *end > from && *start < to);
        let row = touching.map(|(other, _)| other.row + 1).max().unwrap_or(0);
        placed.push((Labelled { x, row, label: mark.label.clone() }, [from, to]));
    }
    placed.sort_by(|(a, _), (b, _)| a.x.total_cmp(&b.x));
    let rows = placed.iter().map(|(mark, _)| mark.row + 1).max().unwrap_or(0);
    (placed.into_iter().map(|(mark, _)| mark).collect(), ROW * rows as f64)
}

impl Labelled {
    /// Its line down to `bottom`. The label stands on the side that has more room.
    pub(super) fn draw(&self, bottom: f64) -> Markup {
        let (x, y) = (self.x, TOP + 6.0 + ROW * self.row as f64);
        let (anchor, shift) = if on_left(x) { ("start", 6.0) } else { ("end", -6.0) };
        html! {
            g.mark {
                (line(x, y - 12.0, x, bottom))
                text x=(at(x + shift)) y=(at(y)) text-anchor=(anchor) { (self.label) }
            }
        }
    }
}

fn on_left(x: f64) -> bool {
    x < (LEFT + RIGHT) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_would_touch_lie_in_rows_of_their_own() {
        let mark = |x: f64, label: &str| Mark { x, label: label.into() };
        let rows = |marks: &[Mark]| {
            let (placed, room) = label(marks, |x| x);
            (placed.iter().map(|mark| mark.row).collect::<Vec<_>>(), room)
        };
        let apart = [mark(80.0, "head"), mark(200.0, "layer4"), mark(500.0, "layer3")];
        assert_eq!(rows(&apart), (vec![0, 0, 0], ROW));
        // On the left the later lies lower, on the right the earlier.
        let close = [mark(80.0, "layer4 thaws"), mark(100.0, "layer3 thaws")];
        assert_eq!(rows(&close), (vec![0, 1], 2.0 * ROW));
        let close = [mark(480.0, "layer4 thaws"), mark(500.0, "layer3 thaws")];
        assert_eq!(rows(&close), (vec![1, 0], 2.0 * ROW));
        assert_eq!(rows(&[]), (vec![], 0.0));
    }
}
