//! Letters out of font files: which fonts cover them, and images of them. It reads one request as JSON from stdin.
//!
//! - `{"letters": "αβγ", "fonts": ["a.ttf", ...]}` answers a line for each font that has all of the letters:
//!   `{"font", "name", "family", "bold", "italic"}`. Files that are no readable font are left out.
//! - `{"size": 64, "images": [{"font", "letter", "path", "seed"}, ...]}` draws each image, white on black, with the usual
//!   variation, and answers `{"images": N}`. Equal requests give equal bytes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use glyphs::{Typeface, Variation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
#[serde(untagged)]
enum Request {
    Coverage { letters: String, fonts: Vec<PathBuf> },
    Images { size: u32, images: Vec<Image> },
}

/// An image to draw.
#[derive(Deserialize)]
struct Image {
    font: PathBuf,
    letter: char,
    path: PathBuf,
    /// Anything: its digest decides the variation.
    seed: String,
}

/// A font that has all of the letters.
#[derive(Serialize)]
struct Covering<'a> {
    font: &'a PathBuf,
    name: String,
    family: String,
    bold: bool,
    italic: bool,
}

fn main() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read stdin")?;
    match serde_json::from_str(&text).context("the request is of an unknown form")? {
        Request::Coverage { letters, fonts } => coverage(&letters, &fonts),
        Request::Images { size, images } => draw(size, &images),
    }
}

fn coverage(letters: &str, fonts: &[PathBuf]) -> Result<()> {
    let letters: Vec<char> = letters.chars().collect();
    for font in fonts {
        if let Some(typeface) = Typeface::read(font).ok().filter(|typeface| typeface.covers(&letters)) {
            let Typeface { name, family, bold, italic, .. } = typeface;
            answer(&Covering { font, name, family, bold, italic })?;
        }
    }
    Ok(())
}

fn draw(size: u32, images: &[Image]) -> Result<()> {
    let mut typefaces: BTreeMap<&PathBuf, Typeface> = BTreeMap::new();
    for Image { font, letter, path, seed } in images {
        if !typefaces.contains_key(font) {
            typefaces.insert(font, Typeface::read(font)?);
        }
        let seed: [u8; 32] = Sha256::digest(seed).into();
        let image = glyphs::draw_in(&typefaces[font], *letter, size, &Variation::default(), seed)?;
        let folder = path.parent().context("an image has no folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(path, image.to_png()?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    answer(&serde_json::json!({ "images": images.len() }))
}

fn answer(object: &impl Serialize) -> Result<()> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string(object)?).context("cannot write to stdout")
}
