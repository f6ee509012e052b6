//! What every page has: its frame, its sections, its tables.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The frame of a page.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) header: Markup,
    pub(super) contents: Vec<Link>,
    pub(super) main: Markup,
}

/// A line of the table of contents.
pub(super) struct Link {
    pub(super) id: String,
    pub(super) title: String,
}

/// A part of a page with a heading of its own.
pub(super) struct Section {
    id: &'static str,
    title: &'static str,
    pub(super) body: Markup,
}

/// How deep a heading lies: `h2` for a page's sections.
#[derive(Clone, Copy)]
pub(super) struct Level(u8);

impl Level {
    pub(super) const SECTION: Self = Self(2);

    pub(super) fn below(self) -> Self {
        Self(self.0 + 1)
    }

    pub(super) fn heading(self, content: &Markup) -> Markup {
        match self.0 {
            2 => html! { h2 { (content) } },
            3 => html! { h3 { (content) } },
            4 => html! { h4 { (content) } },
            _ => html! { h5 { (content) } },
        }
    }
}

/// `default-src 'none'` leaves a browser nothing to fetch or run, whatever a record holds.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

impl Page {
    pub(super) fn render(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="color-scheme" content="light dark";
                    link rel="icon" href="data:,";
                    title { (self.title) }
                    // Our own text, known when this was compiled: the only thing that is not escaped.
                    style { (PreEscaped(super::style())) }
                }
                body {
                    a.skip href="#main" { "Skip to the results" }
                    div.page {
                        header { (self.header) }
                        nav aria-label="Contents" {
                            ul { @for link in &self.contents { li { a href=(format!("#{}", link.id)) { (link.title) } } } }
                        }
                        main id="main" tabindex="-1" { (self.main) }
                        footer { "Made by finetune " (env!("CARGO_PKG_VERSION")) ". This page needs nothing but itself." }
                    }
                }
            }
        };
        // The one character that no HTML may hold, not even escaped.
        page.into_string().replace('\0', "\u{fffd}")
    }
}

impl Section {
    pub(super) fn new(level: Level, id: &'static str, title: &'static str, content: &Markup) -> Self {
        let body = html! {
            section id=(id) aria-label=(title) {
                (level.heading(&html! { (title) }))
                (content)
            }
        };
        Self { id, title, body }
    }
}

impl From<&Section> for Link {
    fn from(section: &Section) -> Self {
        Self { id: section.id.into(), title: section.title.into() }
    }
}

/// A box for a table that scrolls sideways by itself, by keyboard too, so that the page never does. Its label differs from
/// that of the section around it.
pub(super) fn scroll(label: &str, content: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(format!("{label}, table")) tabindex="0" { (content) } }
}

/// A text shown as it is, such as a configuration.
pub(super) fn listing(label: &str, text: &str) -> Markup {
    html! { pre role="region" aria-label=(format!("{label}, text")) tabindex="0" { code { (text) } } }
}
