//! Charts and matrices as pictures, for readers that show no pages.

use std::sync::{Arc, LazyLock};

use maud::{Markup, html};
use records::{AdviceRecord, EvaluationRecord, RunRecord};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use crate::confusion::Confusion;
use crate::html::{accuracy_charts, advice_charts, flow_chart, rate_charts, reliability_chart};
use crate::pivot::Table;
use crate::plot::{LineChart, standing_alone};

/// More classes than this are not drawn: nobody could read it.
const MATRIX_CLASSES: usize = 50;
/// Up to this many classes the cells hold their numbers.
const NUMBERED_CLASSES: usize = 20;
/// Pixels for a unit of a drawing.
const SCALE: f32 = 2.0;

const FONT: &str = "DejaVu Sans";
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    Arc::new(fonts)
});

/// The gradient norms of the stages over the training.
pub(super) fn gradient_flow(run: &RunRecord) -> Option<String> {
    flow_chart(run).map(|chart| chart.document())
}

/// The planned rates of each training step, under its name.
pub(super) fn rates(run: &RunRecord) -> Vec<(String, String)> {
    let charts = rate_charts(run).into_iter().map(|chart| chart.document());
    run.plan.iter().map(|phase| format!("rates/{}", phase.phase)).zip(charts).collect()
}

/// The evidence for an advice.
pub(super) fn advice(record: &AdviceRecord) -> Vec<(String, String)> {
    let names = ["probe", "logme", "h_score"].map(|name| format!("advice/{name}"));
    names.into_iter().zip(advice_charts(record).map(|chart| chart.document())).collect()
}

/// Accuracy against images per class, a chart for each table.
pub(super) fn accuracy(tables: &[Table<'_>]) -> Vec<String> {
    accuracy_charts(tables).iter().map(LineChart::document).collect()
}

/// The reliability diagram of a measurement.
pub(super) fn reliability(run: &RunRecord, evaluation: &EvaluationRecord) -> Option<String> {
    reliability_chart(run, evaluation).map(|chart| chart.document())
}

/// The confusion matrix: truth downwards, prediction across.
pub(super) fn confusion(run: &RunRecord, evaluation: &EvaluationRecord) -> Option<String> {
    const LEFT: f64 = 150.0;
    const TOP: f64 = 170.0;
    const STYLE: &str = "text { font-size: 13px; font-family: 'DejaVu Sans'; fill: #1c2127; } .paper { fill: #fff; } \
        .title { font-size: 17px; } .cell { stroke: #dfdfd8; } .strong { fill: #fff; }";
    let confusion = Confusion::of(run, evaluation);
    let n = confusion.size();
    if !(1..=MATRIX_CLASSES).contains(&n) {
        return None;
    }
    let side = (520.0 / n as f64).clamp(13.0, 90.0);
    let middle = |place: usize| side * (place as f64 + 0.5);
    let cell = |truth: usize, said: usize| {
        let (of_class, count) = (confusion.of_class(truth), confusion.at(truth, said));
        let part = if of_class == 0 { 0.0 } else { count as f64 / of_class as f64 };
        let colour = if truth == said { "#064a88" } else { "#962e06" };
        let (x, y) = (LEFT + side * said as f64, TOP + side * truth as f64);
        html! {
            rect.cell x=(x) y=(y) width=(side) height=(side) fill=(colour) fill-opacity=(format!("{part:.3}")) {}
            @if n <= NUMBERED_CLASSES {
                text.strong[part > 0.5] x=(x + side / 2.0) y=(y + side / 2.0 + 5.0) text-anchor="middle" { (count) }
            }
        }
    };
    let name = |class: usize| -> String {
        let name = confusion.name(class);
        if name.chars().count() > 18 { name.chars().take(17).chain(['…']).collect() } else { name }
    };
    let size = [LEFT + side * n as f64 + 20.0, TOP + side * n as f64 + 20.0];
    // The title needs its room.
    let size = [size[0].max(430.0), size[1]];
    let drawing: Markup = html! {
        rect.paper x="0" y="0" width=(size[0]) height=(size[1]) {}
        text.title x="20" y="26" { "Confusion: truth downwards, prediction across" }
        @for class in 0..n {
            text x=(LEFT - 8.0) y=(TOP + middle(class) + 5.0) text-anchor="end" { (name(class)) }
            text transform=(format!("translate({} {}) rotate(-90)", LEFT + middle(class) + 5.0, TOP - 8.0)) { (name(class)) }
            @for said in 0..n { (cell(class, said)) }
        }
    };
    Some(standing_alone(size, STYLE, &drawing))
}

/// A drawing as a PNG; what is wrong with it, if it cannot be drawn.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, String> {
    let options = Options { fontdb: FONTS.clone(), font_family: FONT.into(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or("it has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("it is too large")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}
