//! Letters of other scripts, and styles of typefaces, drawn out of Debian's fonts by the crate `glyphs`. Whole families of
//! typefaces are held back for the test.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use xtask::process;
use xtask::tools::{self, Kind, Tool};

use super::drawing::shuffled_by_name;
use super::sources::Sources;

/// Packages of fonts; what lacks a letter of a set is not used for it.
const FONTS: &[&str] = &[
    "culmus",
    "culmus-fancy",
    "fonts-aksharyogini2",
    "fonts-crosextra-caladea",
    "fonts-crosextra-carlito",
    "fonts-dejavu-core",
    "fonts-dejavu-extra",
    "fonts-deva-extra",
    "fonts-freefont-ttf",
    "fonts-gargi",
    "fonts-gfs-artemisia",
    "fonts-gfs-didot",
    "fonts-gfs-neohellenic",
    "fonts-lato",
    "fonts-liberation",
    "fonts-linuxlibertine",
    "fonts-lohit-deva",
    "fonts-nakula",
    "fonts-oldstandard",
    "fonts-open-sans",
    "fonts-sahadeva",
    "fonts-samyak-deva",
    "fonts-sarai",
    "fonts-sil-annapurna",
    "fonts-sil-ezra",
    "fonts-sil-galatia",
    "fonts-sil-gentiumplus",
];

/// Fonts whose small Greek letters are capitals, and of ornaments.
const NOT_USED: &[&str] = &["Keter Aram Tsova", "Linux Biolinum Keyboard O", "Linux Libertine Initials O"];

const TYPEFACES: Kind = Kind {
    what: "the tool that draws out of font files",
    binary: "typefaces",
    build: &["--package", "glyphs", "--example", "typefaces"],
    variable: "FINETUNE_TYPEFACES",
};

/// Images of each class that seeds draw from.
const TRAIN: usize = 100;
/// Images of each class for the test.
const TEST: usize = 20;
/// Side of the images in pixels.
const SIDE: u32 = 64;

/// The 33 Cyrillic capitals in the fonts that `glyphs` carries, faces held back.
pub(super) fn cyrillic(sources: &Sources<'_>, into: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Drawn {}
    let tool = tools::letters(sources.workspace)?;
    // The tool makes its folder itself.
    let drawn = sources.folder.join("packages/cyrillic-drawn");
    let mut command = tool.command(["--replace-outdated", "cyrillic-capitals"]);
    command.arg(&drawn).arg("--train").arg(TRAIN.to_string()).arg("--validation").arg("0");
    command.arg("--test").arg(TEST.to_string()).arg("--size").arg(SIDE.to_string());
    let _: Drawn = Tool::answer(&mut command)?;
    for split in ["train", "test"] {
        fs::rename(drawn.join(split), into.join(split)).context("cannot put the letters in place")?;
    }
    fs::remove_dir_all(&drawn).with_context(|| format!("cannot remove {}", drawn.display()))
}

/// The small letters, the final sigma aside.
pub(super) fn greek(sources: &Sources<'_>, into: &Path) -> Result<()> {
    script(sources, &('α'..='ω').filter(|&letter| letter != 'ς').collect::<Vec<_>>(), into)
}

/// The letters, final forms among them.
pub(super) fn hebrew(sources: &Sources<'_>, into: &Path) -> Result<()> {
    script(sources, &('א'..='ת').collect::<Vec<_>>(), into)
}

/// The consonants.
pub(super) fn devanagari(sources: &Sources<'_>, into: &Path) -> Result<()> {
    // Letters for sounds of other languages are in few fonts.
    let rare = ['ऩ', 'ऱ', 'ऴ', 'ळ'];
    script(sources, &('क'..='ह').filter(|letter| !rare.contains(letter)).collect::<Vec<_>>(), into)
}

/// Latin letters by the style that their font says it has.
pub(super) fn style(sources: &Sources<'_>, into: &Path) -> Result<()> {
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').collect();
    let fonts = covering(sources, &letters)?;
    let (train, test) = split(fonts.iter());
    let styles =
        [("upright", false, false), ("bold", true, false), ("italic", false, true), ("both", true, true)];
    let mut images = Vec::new();
    for (class, bold, italic) in styles {
        for (split, fonts, count) in [("train", &train, 2 * TRAIN), ("test", &test, 150)] {
            let of_style = fonts.iter().filter(|font| font.bold == bold && font.italic == italic);
            let fonts: Vec<&Font> = of_style.copied().collect();
            ensure!(fonts.len() >= 2, "{} fonts are {class} for {split}", fonts.len());
            for number in 0..count {
                let font = fonts[number % fonts.len()];
                // A step that shares no divisor with the number of letters, so that a font shows all of them.
                let letter = letters[number * 17 % letters.len()];
                images.push(Image::of(font, letter, into, &format!("{split}/{class}/{number:03}.png")));
            }
        }
    }
    draw(sources, images)
}

/// A class for each letter.
fn script(sources: &Sources<'_>, letters: &[char], into: &Path) -> Result<()> {
    let fonts = covering(sources, letters)?;
    let (train, test) = split(fonts.iter());
    let mut images = Vec::new();
    for (split, fonts, count) in [("train", train, TRAIN), ("test", test, TEST)] {
        for &letter in letters {
            for number in 0..count {
                let font = fonts[number % fonts.len()];
                let path = format!("{split}/U+{:04X}/{number:03}.png", u32::from(letter));
                images.push(Image::of(font, letter, into, &path));
            }
        }
    }
    draw(sources, images)
}

/// A font that has the letters.
#[derive(Clone, Debug, Deserialize)]
struct Font {
    font: PathBuf,
    name: String,
    family: String,
    bold: bool,
    italic: bool,
}

/// An image to draw.
#[derive(Serialize)]
struct Image {
    font: PathBuf,
    letter: char,
    path: PathBuf,
    seed: String,
}

impl Image {
    fn of(font: &Font, letter: char, into: &Path, path: &str) -> Self {
        Self { font: font.font.clone(), letter, path: into.join(path), seed: path.to_owned() }
    }
}

/// Two of five families for the test, the others to learn from. Families that share the first word of their name (`DejaVu`)
/// stay together, for they are one design.
fn split<'a>(fonts: impl Iterator<Item = &'a Font>) -> (Vec<&'a Font>, Vec<&'a Font>) {
    let mut families: BTreeMap<&str, Vec<&Font>> = BTreeMap::new();
    for font in fonts {
        families.entry(font.family.split([' ', '-']).next().unwrap_or_default()).or_default().push(font);
    }
    let order = shuffled_by_name(families.keys().map(|&name| name.to_owned()).collect());
    let mut parts = (Vec::new(), Vec::new());
    for (place, family) in order.iter().enumerate() {
        let part = if matches!(place % 5, 1 | 3) { &mut parts.1 } else { &mut parts.0 };
        part.extend(&families[family.as_str()]);
    }
    parts
}

/// The fonts that have all of the letters, by name.
fn covering(sources: &Sources<'_>, letters: &[char]) -> Result<Vec<Font>> {
    let root = sources.debian("fonts", FONTS)?;
    let mut files = Vec::new();
    font_files(&root, &mut files)?;
    files.sort();
    let letters: String = letters.iter().collect();
    let answer = ask(sources, &serde_json::json!({ "letters": letters, "fonts": files }))?;
    let fonts = answer.lines().map(serde_json::from_str::<Font>);
    let mut fonts: Vec<Font> =
        fonts.collect::<Result<_, _>>().context("the tool answered in an unknown form")?;
    fonts.sort_by(|one, other| one.name.cmp(&other.name));
    fonts.dedup_by(|one, other| one.name == other.name);
    fonts.retain(|font| !NOT_USED.contains(&font.name.as_str()));
    let (train, test) = split(fonts.iter());
    ensure!(train.len() >= 4 && test.len() >= 2, "only {} fonts have all of the letters", fonts.len());
    Ok(fonts)
}

fn draw(sources: &Sources<'_>, images: Vec<Image>) -> Result<()> {
    ask(sources, &serde_json::json!({ "size": SIDE, "images": images })).map(drop)
}

/// One request to the tool.
fn ask(sources: &Sources<'_>, request: &serde_json::Value) -> Result<String> {
    let tool = tools::built(sources.workspace, &TYPEFACES)?;
    let mut command = Command::new(tool.program());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    process::announce(&command);
    let mut child = command.spawn().with_context(|| format!("cannot run {}", tool.program().display()))?;
    let mut stdin = child.stdin.take().context("the tool has no stdin")?;
    stdin.write_all(serde_json::to_string(request)?.as_bytes()).context("the tool does not read")?;
    drop(stdin);
    let output = child.wait_with_output().context("the tool cannot be waited for")?;
    ensure!(output.status.success(), "the tool that draws failed ({})", output.status);
    String::from_utf8(output.stdout).context("the tool's answer is no text")
}

fn font_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_dir() {
            font_files(&path, files)?;
        } else if kind.is_file()
            && path.extension().is_some_and(|ending| ending == "ttf" || ending == "otf" || ending == "ttc")
        {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_family_is_on_both_sides() {
        let font = |number: usize| Font {
            font: PathBuf::new(),
            name: number.to_string(),
            family: format!("F{} Sans{}", number / 2, number % 2),
            bold: false,
            italic: false,
        };
        let fonts: Vec<Font> = (0..20).map(font).collect();
        let (train, test) = split(fonts.iter());
        assert_eq!((train.len(), test.len()), (12, 8));
        let first = |font: &&Font| font.family.split(' ').next().unwrap().to_owned();
        assert!(test.iter().all(|font| train.iter().all(|other| first(font) != first(other))));
    }
}
