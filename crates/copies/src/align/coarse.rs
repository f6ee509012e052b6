use crate::Thumbnail;
use crate::thumbnail::Plane;

/// Side of the canvas in pixels.
const CANVAS: usize = 16;

/// Sides of a template in pixels: a part of 9/16 of the canvas up to all of it.
const SMALLEST: usize = 9;

/// Variance of gray values (0 to 255) below which an area says nothing.
const FLAT: f32 = 4.0;

/// A thumbnail at every size in which it is laid over others.
pub(crate) struct Templates<'a> {
    pub(crate) thumbnail: &'a Thumbnail,
    /// From [`SMALLEST`] to [`CANVAS`] pixels a side; mean 0, length 1. `None` for a flat image.
    sizes: Option<Vec<Plane>>,
    /// Sums over the pixels above and left of each, of values and of squares, with a row and a column of zeros in front.
    sums: Vec<[f32; 2]>,
}

/// A place where a pattern lies over a canvas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) correlation: f32,
    orientation: usize,
    side: usize,
    row: usize,
    column: usize,
}

impl<'a> Templates<'a> {
    pub(crate) fn of(thumbnail: &'a Thumbnail) -> Self {
        let whole = thumbnail.plane(0);
        let sizes = (SMALLEST..=CANVAS).map(|side| normalised(whole.shrunk(side))).collect();
        let canvas = thumbnail.plane(2);
        let width = CANVAS + 1;
        let mut sums = vec![[0.0; 2]; width * width];
        for row in 0..CANVAS {
            for column in 0..CANVAS {
                let value = canvas.values[row * CANVAS + column];
                sums[(row + 1) * width + column + 1] = std::array::from_fn(|power| {
                    let of_value = if power == 0 { value } else { value * value };
                    let at = |row: usize, column: usize| sums[row * width + column][power];
                    of_value + at(row, column + 1) + at(row + 1, column) - at(row, column)
                });
            }
        }
        Self { thumbnail, sizes, sums }
    }

    /// Variance times the number of pixels within a square of the canvas.
    fn spread(&self, row: usize, column: usize, side: usize) -> f32 {
        let at = |row: usize, column: usize| self.sums[row * (CANVAS + 1) + column];
        let [sum, squares] = std::array::from_fn(|power| {
            at(row + side, column + side)[power] + at(row, column)[power]
                - at(row, column + side)[power]
                - at(row + side, column)[power]
        });
        squares - sum * sum / (side * side) as f32
    }
}

/// Mean 0 and length 1; `None` for a flat plane.
fn normalised(mut plane: Plane) -> Option<Plane> {
    let count = plane.values.len() as f32;
    let mean = plane.values.iter().sum::<f32>() / count;
    plane.values.iter_mut().for_each(|value| *value -= mean);
    let squares: f32 = plane.values.iter().map(|value| value * value).sum();
    if squares < FLAT * count {
        return None;
    }
    plane.values.iter_mut().for_each(|value| *value /= squares.sqrt());
    Some(plane)
}

/// The best place in each of the eight orientations.
pub(super) fn places<'a>(
    pattern: &'a Templates<'_>,
    canvas: &'a Templates<'_>,
) -> impl Iterator<Item = Place> + 'a {
    let sizes = pattern.sizes.as_deref().unwrap_or_default();
    (0..8).filter_map(move |orientation| {
        let best_of = |template: &Plane| best(&turned(template, orientation), canvas, orientation);
        let all = sizes.iter().filter_map(best_of);
        all.max_by(|one, other| one.correlation.total_cmp(&other.correlation))
    })
}

/// The best place of a turned template on a canvas.
fn best(template: &Plane, canvas: &Templates<'_>, orientation: usize) -> Option<Place> {
    let (side, values) = (template.side, &canvas.thumbnail.plane(2).values);
    let mut best: Option<Place> = None;
    for row in 0..=CANVAS - side {
        for column in 0..=CANVAS - side {
            let spread = canvas.spread(row, column, side);
            if spread < FLAT * (side * side) as f32 {
                continue;
            }
            let lines = template.values.chunks_exact(side).zip(row..);
            let product: f32 = lines
                .map(|(line, row)| {
                    let below = &values[row * CANVAS + column..][..side];
                    line.iter().zip(below).map(|(one, other)| one * other).sum::<f32>()
                })
                .sum();
            let correlation = product / spread.sqrt();
            if best.is_none_or(|best| correlation > best.correlation) {
                best = Some(Place { correlation, orientation, side, row, column });
            }
        }
    }
    best
}

/// Flags of an orientation: mirrored left to right, up to down, rows and columns exchanged.
fn flags(orientation: usize) -> [bool; 3] {
    [1, 2, 4].map(|flag| orientation & flag != 0)
}

fn turned(plane: &Plane, orientation: usize) -> Plane {
    let [left_right, up_down, exchanged] = flags(orientation);
    let last = plane.side - 1;
    let value = |place: usize| {
        let (row, column) = (place / plane.side, place % plane.side);
        let row = if up_down { last - row } else { row };
        let column = if left_right { last - column } else { column };
        let (row, column) = if exchanged { (column, row) } else { (row, column) };
        plane.values[row * plane.side + column]
    };
    Plane { side: plane.side, values: (0..plane.values.len()).map(value).collect() }
}

impl Place {
    /// The map from pattern to canvas, as in [`Alignment`](super::Alignment).
    pub(super) fn map(&self) -> [f64; 6] {
        let [left_right, up_down, exchanged] = flags(self.orientation);
        let scale = self.side as f64 / CANVAS as f64;
        let sign = |mirrored: bool| if mirrored { -scale } else { scale };
        let middle = |corner: usize| (2 * corner + self.side) as f64 / CANVAS as f64 - 1.0;
        // The pattern's column runs along the canvas's rows where they are exchanged.
        let [across, down] = [sign(left_right), sign(up_down)];
        if exchanged {
            [0.0, across, middle(self.column), down, 0.0, middle(self.row)]
        } else {
            [across, 0.0, middle(self.column), 0.0, down, middle(self.row)]
        }
    }
}
