//! The page: one document with its style and its script, and a policy that lets nothing else run or be fetched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::answerer::About;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page of a model.
pub(crate) struct Page {
    pub(crate) html: Bytes,
    /// `Content-Security-Policy`.
    pub(crate) policy: HeaderValue,
}

impl Page {
    pub(crate) fn of(about: &About) -> Self {
        let [style, script] = [STYLE, SCRIPT].map(|text| STANDARD.encode(Sha256::digest(text)));
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src blob: data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self {
            html: Bytes::from(page(about).into_string()),
            policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
        }
    }
}

/// Classes that are listed on the page.
const LISTED: usize = 50;

fn page(about: &About) -> Markup {
    let About { arch, classes, .. } = about;
    let listed = &classes[..classes.len().min(LISTED)];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { "Which class? – " (arch) }
                // Our own text, known when this was compiled.
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Which class is this image?" }
                    p.lead { (arch) " answers with one of " (classes.len()) " classes: " (listed.join(", ")) @if classes.len() > LISTED { ", …" } "." }
                    div #drop .drop {
                        input #file type="file" accept="image/jpeg,image/png,image/webp" aria-labelledby="choose" aria-describedby="how";
                        label #choose for="file" { "Choose an image" }
                        p #how { "or drop one anywhere on this page, or paste one." }
                    }
                    p #state .state role="status" {}
                    p #error .error role="alert" hidden {}
                    section #result aria-labelledby="answer" tabindex="-1" hidden {
                        h2 #answer {}
                        div.columns {
                            figure { img #image alt=""; figcaption #name {} }
                            figure #evidence hidden { img #map alt=""; figcaption #stage {} }
                        }
                        h3 { "Probabilities" }
                        ul #classes .classes {}
                        div #similar hidden {
                            h3 { "Most similar training images" }
                            ul #neighbors .neighbors {}
                        }
                    }
                }
                footer { "Images go to this computer and nowhere else. Nothing is kept." }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pretrained::InputSpec;

    use super::*;

    #[test]
    fn the_policy_names_what_is_in_the_page_and_class_names_are_escaped() {
        let about = About {
            arch: "resnet18".into(),
            classes: vec!["<script>alert(1)</script>".into(), "cat".into()],
            temperature: 1.0,
            model_sha256: String::new(),
            transform: images::Transform::evaluation(&InputSpec::imagenet()).unwrap(),
        };
        let Page { html, policy } = Page::of(&about);
        let (html, policy) = (std::str::from_utf8(&html).unwrap(), policy.to_str().unwrap());
        for [tag, source] in [["script", "script-src"], ["style", "style-src"]] {
            let inside = html.split_once(&format!("<{tag}>")).unwrap().1;
            let inside = inside.split_once(&format!("</{tag}>")).unwrap().0;
            let digest = STANDARD.encode(Sha256::digest(inside));
            assert!(policy.contains(&format!("{source} 'sha256-{digest}'")), "{policy}");
        }
        assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert"), "{html}");
        assert!(!html.contains("style=") && !html.contains("onclick="));
    }
}
