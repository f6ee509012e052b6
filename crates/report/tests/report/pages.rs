//! The pages, read back as a browser would: complete, self-contained, accessible, safe against hostile names. What they
//! show is in `contents`.

use records::{
    CalibrationRecord, EpochRecord, GradientRecord, HeatMapRecord, ReliabilityBin, ReliabilityRecord,
    RunRecord, SampleRecord, TemperatureRecord, UnreadableRecord,
};
use report::html::{advice_page, audit_page, comparison_page, run_page};
use scraper::{ElementRef, Html, Selector};

use crate::{sample_advice, sample_audit, samples};

/// Text that would leave an attribute, an element or a text if it were not escaped.
const HOSTILE: &str =
    "</title></style><script>alert(1)</script>\"' onload=alert(2) <img src=x onerror=alert(3)>&amp;";

/// The elements that a CSS selector chooses.
pub(crate) fn all<'a>(page: &'a Html, css: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(css).unwrap()).collect()
}

fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("run", run_page(&samples::run())),
        ("interrupted", run_page(&samples::interrupted())),
        ("thousand", run_page(&samples::thousand_classes())),
        ("advice", advice_page(&sample_advice::advice())),
        ("audit", audit_page(&sample_audit::audit())),
        ("nothing found", audit_page(&records::AuditRecord::default())),
        ("advised", run_page(&sample_advice::advised_run())),
        ("comparison", comparison_page(&samples::comparison())),
        ("empty", run_page(&empty())),
        ("hostile", run_page(&hostile())),
    ]
}

/// A run of which nothing is known.
fn empty() -> RunRecord {
    let mut run = samples::interrupted();
    run.steps.clear();
    run.stages.clear();
    run.epochs.clear();
    run.digests.clear();
    run.data.classes.clear();
    run.data.unreadable.clear();
    run.config.clear();
    run.seconds = f64::NAN;
    run
}

/// A run whose every free text is hostile and whose figures are not finite.
fn hostile() -> RunRecord {
    let mut run = samples::run();
    let text = || HOSTILE.to_owned();
    (run.name, run.arch, run.depth, run.device, run.config) = (text(), text(), text(), text(), text());
    run.data.root = HOSTILE.into();
    run.data.classes = vec![text(), "猫\u{202e}\0".into()];
    run.data.unreadable = vec![UnreadableRecord { path: HOSTILE.into(), reason: text() }];
    (run.load.weights, run.load.sha256, run.load.missing) = (text(), text(), vec![text()]);
    run.steps[0].what = text();
    run.steps[1].name = text();
    run.stages[0].name = text();
    run.stages[0].digest_before = text();
    run.evaluations[0].split = text();
    run.evaluations[0].accuracy = f64::NAN;
    run.evaluations[0].groups = [(text(), f64::INFINITY)].into();
    run.evaluations[0].confusion.push(vec![1, 2, 3, u64::MAX, u64::MAX]);
    run.digests = [(text(), text())].into();
    for (epoch, loss) in run.epochs.iter_mut().skip(2).zip([f64::NAN, f64::INFINITY, f64::MAX, -1.0]) {
        *epoch = EpochRecord { train_loss: loss, train_accuracy: loss, phase: text(), ..epoch.clone() };
    }
    run.samples = vec![SampleRecord {
        path: HOSTILE.into(),
        thumbnail: text(),
        label: 0,
        predicted: usize::MAX,
        probability: f64::NAN,
        heat_map: Some(HeatMapRecord {
            stage: text(),
            values: vec![vec![f64::NAN, f64::INFINITY], vec![]],
            picture: text(),
        }),
    }];
    run.temperature = Some(TemperatureRecord { value: Some(f64::NAN), images: 0, unfitted: text() });
    let bin = ReliabilityBin { images: u64::MAX, confidence: Some(f64::NAN), accuracy: Some(f64::INFINITY) };
    let record = ReliabilityRecord { loss: f64::NAN, error: f64::NAN, bins: vec![bin; 2] };
    run.evaluations[0].calibration = Some(CalibrationRecord { raw: record, scaled: None });
    run.plan[1].phase = text();
    run.plan[1].stages[0].name = text();
    run.epochs[4].gradients = vec![GradientRecord { step: u64::MAX, norms: [(text(), f64::NAN)].into() }];
    run
}

#[test]
fn nothing_hostile_becomes_markup() {
    let mut comparison = samples::comparison();
    *comparison.example = hostile();
    (comparison.name, comparison.judged_on, comparison.config) =
        (HOSTILE.into(), Some(HOSTILE.into()), HOSTILE.into());
    comparison.verdict.push(HOSTILE.into());
    for row in &mut comparison.rows {
        (row.variant, row.method) = (HOSTILE.into(), HOSTILE.into());
        row.groups = [(HOSTILE.to_owned(), row.groups["unshared"])].into();
    }
    for trace in &mut comparison.traces {
        (trace.variant, trace.method) = (HOSTILE.into(), HOSTILE.into());
        *trace.run = hostile();
    }
    for source in [run_page(&hostile()), comparison_page(&comparison)] {
        let page = Html::parse_document(&source);
        assert!(all(&page, "script, iframe, object, embed, base, form, img[src=x]").is_empty());
        for element in all(&page, "*") {
            for (name, _) in element.value().attrs() {
                assert!(!name.starts_with("on"), "{name} on {}", element.value().name());
            }
        }
        // Shown in full all the same: as the page's title and as its first heading.
        let heading = all(&page, "h1")[0].text().collect::<String>();
        assert_eq!(heading, HOSTILE);
        assert!(all(&page, "title")[0].text().collect::<String>().starts_with(HOSTILE));
        assert!(
            all(&page, "svg text, svg title")
                .iter()
                .any(|t| t.text().collect::<String>().contains("<script>"))
        );
    }
}

#[test]
fn pages_need_nothing_but_themselves() {
    for (name, source) in pages() {
        let page = Html::parse_document(&source);
        for element in all(&page, "[src], [href], [srcset], [data], [action]") {
            for (attribute, value) in element
                .value()
                .attrs()
                .filter(|(a, _)| ["src", "href", "srcset", "data", "action"].contains(a))
            {
                assert!(value.starts_with('#') || value.starts_with("data:"), "{name}: {attribute}={value}");
            }
        }
        for style in all(&page, "style") {
            let css = style.text().collect::<String>();
            assert!(!css.contains("url(") && !css.contains("@import"), "{name}");
        }
        assert!(!source.contains("http://") && !source.contains("https://"), "{name}");
    }
}

#[test]
fn pages_can_be_read_without_seeing_them() {
    for (name, source) in pages() {
        let page = Html::parse_document(&source);
        assert_eq!(all(&page, "html[lang] main").len(), 1, "{name}");
        assert_eq!(all(&page, "h1").len(), 1, "{name}");
        let levels: Vec<u8> = all(&page, "h1, h2, h3, h4, h5, h6")
            .iter()
            .map(|h| h.value().name().as_bytes()[1] - b'0')
            .collect();
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: {levels:?}");
        for table in all(&page, "table") {
            let text = |css| {
                table.select(&Selector::parse(css).unwrap()).next().map(|e| e.text().collect::<String>())
            };
            assert!(
                text("caption").is_some_and(|caption| !caption.trim().is_empty()),
                "{name}: a table without caption"
            );
        }
        assert!(all(&page, "th:not([scope])").is_empty(), "{name}");
        assert!(all(&page, "img:not([alt])").is_empty(), "{name}");
        assert_eq!(
            all(&page, "svg:not([aria-hidden])").len(),
            all(&page, "svg[role=img] > title + desc").len(),
            "{name}"
        );
        let ids: Vec<&str> = all(&page, "[id]").iter().filter_map(|e| e.value().id()).collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        let targets =
            all(&page, "a[href]").into_iter().filter_map(|a| a.value().attr("href")).map(|href| &href[1..]);
        let labels = all(&page, "[aria-labelledby]")
            .into_iter()
            .flat_map(|e| e.value().attr("aria-labelledby").unwrap().split(' '));
        for target in targets.chain(labels) {
            assert!(ids.contains(&target), "{name}: {target} is nowhere");
        }
    }
}

#[test]
fn no_element_is_left_open_or_given_an_attribute_twice() {
    for (name, source) in pages() {
        let page = Html::parse_document(&source);
        assert!(page.errors.is_empty(), "{name}: {:?}", page.errors);
    }
}
