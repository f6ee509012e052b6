//! An audit on its page and in the terminal.

use records::{AuditRecord, LabelRecord};
use report::html::audit_page;
use report::text;
use scraper::{Html, Selector};

use crate::sample_audit;

fn texts(source: &str, css: &str) -> Vec<String> {
    let page = Html::parse_document(source);
    page.select(&Selector::parse(css).unwrap()).map(|element| element.text().collect()).collect()
}

#[test]
fn every_kind_of_finding_is_on_the_page_and_in_the_terminal() {
    let record = sample_audit::audit();
    let (page, terminal) = (audit_page(&record), text::audit(&record));
    let sentences = texts(&page, "header .sentences li");
    assert!(sentences.len() >= 8, "{sentences:#?}");
    for sentence in &sentences {
        assert!(terminal.contains(sentence), "{sentence}: {terminal}");
    }
    for said in [
        "1 file cannot be read.",
        "1 validation image has a copy in train.",
        "+0.5 points",
        "1 of 2 training images likely have a wrong label.",
    ] {
        assert!(terminal.contains(said), "{said}: {terminal}");
    }
    assert_eq!(texts(&page, "#copies .pairs li").len(), 2);
    assert_eq!(texts(&page, "#labels .samples li").len(), 2, "what is not flagged is not shown");
    assert_eq!(Html::parse_document(&page).select(&Selector::parse("#copies img").unwrap()).count(), 4);
    assert!(!serde_json::to_string(&record).unwrap().contains("thumbnails"));
    let back: AuditRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    assert_eq!(AuditRecord { thumbnails: record.thumbnails.clone(), ..back }, record);
}

#[test]
fn a_section_shows_sixty_and_names_how_many_there_are() {
    let sample = sample_audit::audit();
    let labels = vec![LabelRecord { flagged: true, ..sample.labels[0].clone() }; 100];
    let many = AuditRecord { labels, ..sample };
    let page = audit_page(&many);
    assert_eq!(texts(&page, "#labels .samples:first-of-type li").len(), 60);
    assert!(page.contains("The first 60 of 100"));
    assert!(text::audit(&many).contains("and 88 more, in audit.json"));
}

#[test]
fn nothing_found_is_said_and_hostile_names_do_no_harm() {
    let none = AuditRecord::default();
    assert!(text::audit(&none).contains("Nothing was found."));
    let hostile = "<script>alert(1)</script>\u{1b}[31m".to_owned();
    let mut odd = sample_audit::audit();
    (odd.name, odd.data, odd.classes, odd.labels_refused) =
        (hostile.clone(), hostile.clone(), vec![hostile.clone(); 2], hostile.clone());
    (odd.copies[0].a, odd.copies[0].how, odd.copies[0].correlation) =
        (hostile.clone(), hostile.clone(), Some(f64::NAN));
    (odd.files[0].path, odd.files[0].reason, odd.outliers[0].path) =
        (hostile.clone(), hostile.clone(), hostile);
    assert!(texts(&audit_page(&odd), "script").is_empty());
    assert!(!text::audit(&odd).contains('\u{1b}'));
}
