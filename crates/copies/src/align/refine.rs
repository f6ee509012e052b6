use crate::Thumbnail;
use crate::thumbnail::Plane;

/// A map and how well the pattern agrees with the canvas under it.
pub(super) struct Refined {
    pub(super) correlation: f64,
    pub(super) map: [f64; 6],
}

/// Steps at most.
const STEPS: usize = 10;

/// Step at which a correlation this poor will not become a copy's.
const HALFWAY: usize = 3;
const POOR: f64 = 0.75;

/// Variance of gray values (0 to 255) below which an area says nothing.
const FLAT: f64 = 4.0;

/// Share of the pattern that has to lie on the canvas.
const OVERLAP: f64 = 0.7;

/// Unknowns of a step: six of the map, contrast and brightness.
const UNKNOWNS: usize = 8;

/// Scale below which the pattern's pixels are finer than the canvas's at the same level.
const FINER: f64 = 0.8;

/// Moves, scales and shears until the pattern agrees best with the canvas, contrast and brightness aside: Gauss-Newton steps
/// on the squared difference (Lucas and Kanade 1981).
pub(super) fn refine(pattern: &Thumbnail, canvas: &Thumbnail, start: [f64; 6]) -> Refined {
    let is_small = determinant(&start).abs().sqrt() < FINER;
    let (over, under) = (pattern.plane(1), canvas.plane(usize::from(!is_small)));
    let mut map = start;
    let mut best = Refined { correlation: f64::NEG_INFINITY, map };
    for step in 0..STEPS {
        let Some(sums) = Sums::of(over, under, &map) else { break };
        let correlation = sums.correlation();
        let gained = correlation - best.correlation;
        if gained > 0.0 {
            best = Refined { correlation, map };
        }
        if gained < 1e-4 || step == HALFWAY && correlation < POOR {
            break;
        }
        let Some(by) = sums.step() else { break };
        map.iter_mut().zip(by).for_each(|(value, by)| *value += by);
        if !is_sound(&map) {
            break;
        }
    }
    // What is judged is the finest that both have.
    let finest = if is_small { over } else { pattern.plane(0) };
    let fine = Sums::of(finest, canvas.plane(0), &best.map);
    Refined { correlation: fine.map_or(0.0, |sums| sums.correlation()), ..best }
}

fn determinant(map: &[f64; 6]) -> f64 {
    map[0] * map[4] - map[1] * map[3]
}

/// Whether a map is one of those that copies are made by: no part too small, nothing bent out of shape.
fn is_sound(map: &[f64; 6]) -> bool {
    let (across, down) = (map[0].hypot(map[3]), map[1].hypot(map[4]));
    let skew = (map[0] * map[1] + map[3] * map[4]).abs() / (across * down).max(1e-9);
    let within = |length: f64| (0.45..1.35).contains(&length);
    within(across) && within(down) && skew < 0.25
}

/// Values of one pixel: six slopes, the canvas, one, the pattern.
const VALUES: usize = 9;
const CANVAS: usize = 6;
const ONE: usize = 7;
const PATTERN: usize = 8;

/// Sums over the pixels of a pattern that lie on the canvas: products of all values of a pixel with one another.
struct Sums([[f64; VALUES]; VALUES]);

impl Sums {
    /// `None` where too little of the pattern lies on the canvas.
    fn of(over: &Plane, under: &Plane, map: &[f64; 6]) -> Option<Sums> {
        let map = map.map(|value| value as f32);
        let half = 0.5 * under.side as f32;
        let mut table = [[0.0; VALUES]; VALUES];
        let middle = |pixel: usize| (2 * pixel + 1) as f32 / over.side as f32 - 1.0;
        // The outermost pixels are left out: where the canvas has a frame around the same image they are mixed with it.
        for row in 1..over.side - 1 {
            let y = middle(row);
            for column in 1..over.side - 1 {
                let x = middle(column);
                let across = (map[0] * x + map[1] * y + map[2] + 1.0) * half - 0.5;
                let down = (map[3] * x + map[4] * y + map[5] + 1.0) * half - 0.5;
                let Some([value, by_across, by_down]) = sample(under, across, down) else { continue };
                let (by_x, by_y) = (by_across * half, by_down * half);
                let own = over.values[row * over.side + column];
                let line =
                    [by_x * x, by_x * y, by_x, by_y * x, by_y * y, by_y, value, 1.0, own].map(f64::from);
                for (sums, value) in table.iter_mut().zip(line) {
                    for (sum, other) in sums.iter_mut().zip(line) {
                        *sum += value * other;
                    }
                }
            }
        }
        let inner = (over.side - 2).pow(2) as f64;
        (table[ONE][ONE] >= OVERLAP * inner).then_some(Sums(table))
    }

    /// Sum of the products of two values, each less its mean.
    fn spread(&self, one: usize, other: usize) -> f64 {
        let table = &self.0;
        table[one][other] - table[one][ONE] * table[other][ONE] / table[ONE][ONE]
    }

    fn correlation(&self) -> f64 {
        let (over, under) = (self.spread(PATTERN, PATTERN), self.spread(CANVAS, CANVAS));
        let flat = FLAT * self.0[ONE][ONE];
        if over < flat || under < flat { 0.0 } else { self.spread(PATTERN, CANVAS) / (over * under).sqrt() }
    }

    /// The step that makes the difference smallest, to first order; `None` where the canvas does not say which way.
    fn step(&self) -> Option<[f64; 6]> {
        let under = self.spread(CANVAS, CANVAS);
        if under <= 0.0 {
            return None;
        }
        let contrast = self.spread(PATTERN, CANVAS) / under;
        let brightness = (self.0[PATTERN][ONE] - contrast * self.0[CANVAS][ONE]) / self.0[ONE][ONE];
        let scale = |place: usize| if place < CANVAS { contrast } else { 1.0 };
        let table = std::array::from_fn(|row| {
            let sums = &self.0[row];
            let difference = sums[PATTERN] - contrast * sums[CANVAS] - brightness * sums[ONE];
            std::array::from_fn(|column| {
                scale(row) * if column == UNKNOWNS { difference } else { scale(column) * sums[column] }
            })
        });
        solved(table).map(|solution| std::array::from_fn(|place| solution[place]))
    }
}

/// The value of a plane between its pixels, and its slopes; `None` beyond its edge.
fn sample(plane: &Plane, across: f32, down: f32) -> Option<[f32; 3]> {
    let last = (plane.side - 1) as f32;
    let within = |place: f32| place > -0.5 && place < last + 0.5;
    if !within(across) || !within(down) {
        return None;
    }
    let (across, down) = (across.clamp(0.0, last), down.clamp(0.0, last));
    let corner = |place: f32| (place as usize).min(plane.side - 2);
    let (left, top) = (corner(across), corner(down));
    let (right_share, low_share) = (across - left as f32, down - top as f32);
    let at = top * plane.side + left;
    let (upper, lower) = (&plane.values[at..at + 2], &plane.values[at + plane.side..at + plane.side + 2]);
    let (in_upper, in_lower) = (upper[1] - upper[0], lower[1] - lower[0]);
    let (upper, lower) = (upper[0] + right_share * in_upper, lower[0] + right_share * in_lower);
    Some([upper + low_share * (lower - upper), in_upper + low_share * (in_lower - in_upper), lower - upper])
}

/// Solves equations, the right side in the last column, by elimination with a little damping.
fn solved(mut table: [[f64; UNKNOWNS + 1]; UNKNOWNS]) -> Option<[f64; UNKNOWNS]> {
    for (place, row) in table.iter_mut().enumerate() {
        row[place] *= 1.0 + 1e-6;
    }
    for pivot in 0..UNKNOWNS {
        let divisor = table[pivot][pivot];
        if divisor.abs() < 1e-9 {
            return None;
        }
        let (above, below) = table.split_at_mut(pivot + 1);
        for row in below {
            let factor = row[pivot] / divisor;
            row.iter_mut().zip(above[pivot]).skip(pivot).for_each(|(value, over)| *value -= factor * over);
        }
    }
    let mut solution = [0.0; UNKNOWNS];
    for row in (0..UNKNOWNS).rev() {
        let known: f64 = (row + 1..UNKNOWNS).map(|column| table[row][column] * solution[column]).sum();
        solution[row] = (table[row][UNKNOWNS] - known) / table[row][row];
    }
    Some(solution)
}
