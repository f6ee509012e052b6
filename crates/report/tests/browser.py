"""Looks at reports in a headless Chromium: light, dark, 320 pixels wide, by keyboard, and printed.

Usage: cargo xtask test --browser CHROMIUM, or for pages of one's own python browser.py FOLDER [CHROMIUM]
FOLDER holds folders with a report.html each, as the example sample_report draws them and as runs/ does. CHROMIUM is the
program, `chromium` without it (the Debian package has that name). Only Python's own library is needed.
Writes screenshots and PDFs into FOLDER/browser, to be looked at, and asserts of every page: nothing scrolls sideways, every
image and drawing has a text alternative, headings go down one level at a time, everything that can be focused is reached
and everything that scrolls can be focused, text stands out from its ground; the Tab key goes through the page in its order
and shows where it is, Enter folds and unfolds; on paper nothing is cut off, and what is folded is printed all the same.
Ends with 1 and says what is wrong.
"""

import html
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import devtools

# Blink's PreferredColorScheme.
SCHEMES = {"dark": 0, "light": 1}
LOOKS = [("light", 1200), ("dark", 1200), ("light", 320), ("dark", 320)]

# What is asked of a page; the answer is left in it for --dump-dom. Sideways scrolling is asked twice: as the page is
# opened, and with everything unfolded.
SCRIPT = r"""
const wrong = [];
const name = e => (e.outerHTML || String(e)).slice(0, 120);
const seen = e => e.getClientRects().length > 0;
const hidden = e => e.closest('[aria-hidden="true"]') !== null;
const sideways = when => {
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.body.querySelectorAll('*')].filter(e => !e.parentElement.closest('.scroll, pre')
      && e.getBoundingClientRect().right > root.clientWidth + 1);
    wrong.push(`scrolls sideways ${when}: ${root.scrollWidth} > ${root.clientWidth}: ${wide.slice(0, 3).map(name)}`);
  }
};
sideways('as opened');
document.querySelectorAll('details').forEach(e => { e.open = true; });
sideways('unfolded');

const texts = ids => (ids || '').split(/\s+/).map(id => document.getElementById(id)?.textContent.trim() || '').join('');
const label = e => (e.getAttribute('aria-label') || '').trim() + texts(e.getAttribute('aria-labelledby'))
  + (e.getAttribute('alt') || '') + (e.querySelector(':scope > title')?.textContent.trim() || '');
const drawn = [...document.querySelectorAll('img, svg')].filter(e => !hidden(e));
for (const e of drawn) {
  if (!label(e)) wrong.push(`no text alternative: ${name(e)}`);
  if (e.tagName.toLowerCase() === 'svg' && e.getAttribute('role') !== 'img') wrong.push(`no role: ${name(e)}`);
  if (e.tagName === 'IMG' && !(e.complete && e.naturalWidth > 0)) wrong.push(`not drawn: ${name(e)}`);
}

let last = 0;
const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')];
for (const e of headings) {
  const level = Number(e.tagName[1]);
  if (level > last + 1) wrong.push(`from h${last} to h${level}: ${name(e)}`);
  if (!e.textContent.trim()) wrong.push(`empty heading: ${name(e)}`);
  last = level;
}
if (headings.filter(e => e.tagName === 'H1').length !== 1 || headings[0].tagName !== 'H1') wrong.push('not one h1, first');

const focusable = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')];
for (const e of focusable) {
  if (e.tabIndex > 0) wrong.push(`out of order: ${name(e)}`);
  e.focus();
  if (document.activeElement !== e) wrong.push(`cannot be focused: ${name(e)}`);
  else if (!seen(e)) wrong.push(`focused and not seen: ${name(e)}`);
  else if (e.tabIndex >= 0 && !label(e) && !e.textContent.trim()) wrong.push(`nameless: ${name(e)}`);
}
for (const e of document.querySelectorAll('a[href^="#"]')) {
  if (!document.getElementById(decodeURIComponent(e.hash.slice(1)))) wrong.push(`leads nowhere: ${name(e)}`);
}
for (const e of document.body.querySelectorAll('*')) {
  const scrolls = ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1;
  if (scrolls && e.tabIndex < 0) wrong.push(`scrolls and cannot be focused: ${name(e)}`);
}

// WCAG's contrast of every text with the colours that lie under it, 4.5 to 1.
const parse = text => {
  const numbers = text.match(/[\d.]+(e-?\d+)?/g).map(Number);
  return numbers.length === 3 ? [...numbers, 1] : numbers;
};
const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
const ground = e => {
  const above = e.parentElement ? ground(e.parentElement) : [255, 255, 255, 1];
  return over(parse(getComputedStyle(e).backgroundColor), above);
};
const light = ([r, g, b]) => {
  const [R, G, B] = [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * R + 0.7152 * G + 0.0722 * B;
};
const contrast = (a, b) => {
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};
let least = 21;
document.activeElement.blur();
for (const e of document.body.querySelectorAll('*')) {
  const own = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
  if (!own || !seen(e) || e.closest('.visually-hidden, .skip, script')) continue;
  const style = getComputedStyle(e);
  const under = ground(e.closest('svg')?.parentElement || e);
  const ratio = contrast(over(parse(e.closest('svg') ? style.fill : style.color), under), under);
  least = Math.min(least, ratio);
  if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${name(e)}`);
}

const answer = document.createElement('pre');
answer.id = 'answer';
answer.textContent = JSON.stringify({
  wrong: wrong.slice(0, 20), width: innerWidth, drawn: drawn.length, headings: headings.length,
  focusable: focusable.length, contrast: Number(least.toFixed(2)),
  dark: matchMedia('(prefers-color-scheme: dark)').matches, paper: light(ground(document.body)),
});
document.body.append(answer);
"""


# Where the keyboard is: which of the things that can be focused, and whether that shows.
STOPS = """(() => {
  const stops = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
    .filter(e => e.tabIndex >= 0 && e.checkVisibility());
  const at = document.activeElement, style = getComputedStyle(at);
  const shows = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
  return [stops.indexOf(at), stops.length, shows, at.outerHTML.slice(0, 120)];
})()"""

# What does not fit on the paper.
CUT = """(() => {
  const root = document.documentElement, name = e => e.outerHTML.slice(0, 120);
  const cut = [...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
    && getComputedStyle(e).overflowX !== 'visible' && !e.closest('.visually-hidden, .skip'));
  const wide = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1);
  const page = `the page: ${root.scrollWidth} > ${root.clientWidth}: ${wide.slice(0, 3).map(name)}`;
  return (root.scrollWidth > root.clientWidth ? [page] : []).concat(cut.map(e => `${e.scrollWidth} > ${e.clientWidth}: ${name(e)}`));
})()"""

# A4 at 96 pixels an inch, without the margins of 0.4 inches that Chromium leaves.
PAPER = round((210 / 25.4 - 2 * 0.4) * 96)


class Browser:
    def __init__(self, program, scratch):
        self.command = [
            program, "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", f"--user-data-dir={scratch}/profile",
        ]
        if os.geteuid() == 0:
            self.command.append("--no-sandbox")

    def run(self, page, *arguments):
        done = subprocess.run([*self.command, *arguments, page.as_uri()], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout


def framed(page, width):
    """A page that shows another in a frame this wide: a window has a least width, a frame has none."""
    style = "margin:0;border:0;display:block"
    return f'<!doctype html><body style="{style}"><iframe src="{page.as_uri()}" style="{style};width:{width}px;height:4000px">'


def answer_of(dom):
    found = re.search(r'<pre id="answer">(.*?)</pre>', dom, re.DOTALL)
    assert found, "the page did not answer"
    return json.loads(html.unescape(found.group(1)))


def questioned(source):
    """The page with the script in it, and without the policy that would forbid it."""
    source, policies = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)
    assert policies == 1, "the page has no policy"
    return source.replace("</body>", f"<script>{SCRIPT}</script></body>")


def by_keyboard(tab, page, width):
    """What goes wrong when the page is gone through with the Tab key, and folded with Enter."""
    tab.open(page, width)
    wrong, last = [], -1
    while True:
        tab.press("Tab", 9)
        at, count, shows, what = tab.ask(STOPS)
        if at < 0:
            break
        if at != last + 1:
            wrong.append(f"Tab goes from stop {last} to {at}: {what}")
            break
        if not shows:
            wrong.append(f"focus does not show: {what}")
        last = at
    if last != count - 1:
        wrong.append(f"Tab reaches {last + 1} of {count} stops")
    tab.ask("document.querySelector('summary')?.focus()")
    folded = "document.querySelector('details')?.open"
    if (before := tab.ask(folded)) is not None:
        tab.press("Enter", 13, "\r")
        if tab.ask(folded) == before:
            wrong.append("Enter does not unfold")
    return wrong, count


def on_paper(tab, page):
    """What is cut off where there is nothing to scroll with."""
    tab.open(page, PAPER)
    tab.call("Emulation.setEmulatedMedia", media="print")
    tab.ask("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    cut = tab.ask(CUT)
    tab.call("Emulation.setEmulatedMedia", media="")
    return [f"cut off on paper: {what}" for what in cut]


def sheets(pdf):
    """Pages of a PDF as Chromium writes them: each has an object of its own."""
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF"), pdf
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", data))


def look(browser, name, source, out, scratch):
    page, asked, frame = (scratch / f"{name}-{kind}.html" for kind in ["page", "asked", "frame"])
    page.write_text(source)
    asked.write_text(questioned(source))
    wrong = []
    for scheme, width in LOOKS:
        settings = [f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", "--window-size=1200,4000"]
        shown = page
        if width < 1200:
            # The script runs in the frame, and its answer is handed on to the page around it.
            hand = "<script>parent.postMessage(document.getElementById('answer').textContent, '*')</script></body>"
            inner = scratch / f"{name}-inner.html"
            inner.write_text(questioned(source).replace("</body>", hand))
            take = (
                "<script>onmessage = event => { const answer = document.createElement('pre'); answer.id = 'answer';"
                "answer.textContent = event.data; document.body.append(answer); }</script>"
            )
            frame.write_text(take + framed(inner, width))
            dom = browser.run(frame, *settings, "--virtual-time-budget=5000", "--dump-dom")
            frame.write_text(framed(page, width))
            shown = frame
            settings[1] = f"--window-size={max(width, 500)},4000"
        else:
            dom = browser.run(asked, *settings, "--virtual-time-budget=5000", "--dump-dom")
        answer = answer_of(dom)
        label = f"{name}, {scheme}, {width} px"
        assert answer["width"] == width and answer["dark"] == (scheme == "dark"), (label, answer)
        assert answer["drawn"] and answer["headings"] and answer["focusable"], (label, answer)
        assert (answer["paper"] < 0.05) == (scheme == "dark"), (label, answer)
        wrong += [f"{label}: {what}" for what in answer["wrong"]]
        print(f"{label}: {answer['drawn']} drawings, {answer['focusable']} to focus, least contrast {answer['contrast']}")
        screenshot = out / f"{name}-{scheme}-{width}.png"
        browser.run(shown, *settings, f"--screenshot={screenshot}")
        assert screenshot.read_bytes().startswith(b"\x89PNG"), screenshot
    with devtools.Tab(browser.command) as tab:
        for width in [1200, 320]:
            found, stops = by_keyboard(tab, page, width)
            wrong += [f"{name}, {width} px: {what}" for what in found]
        wrong += [f"{name}: {what}" for what in on_paper(tab, page)]
    print(f"{name}: {stops} stops of the keyboard")
    # Printed as it is and with everything unfolded: as many sheets.
    unfolded = scratch / f"{name}-unfolded.html"
    unfolded.write_text(source.replace("<details>", "<details open>"))
    counts = []
    for kind, printed in [("print", page), ("unfolded", unfolded)]:
        pdf = out / f"{name}-{kind}.pdf"
        browser.run(printed, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
        counts.append(sheets(pdf))
    print(f"{name}: {counts[0]} sheets")
    if counts[0] != counts[1]:
        wrong.append(f"{name}: {counts[0]} sheets are printed, {counts[1]} when everything is unfolded")
    return wrong


def main(root, program="chromium"):
    root = pathlib.Path(root).resolve()
    pages = sorted(root.glob("*/report.html"))
    assert pages, f"{root} holds no pages"
    out = root / "browser"
    out.mkdir(exist_ok=True)
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        browser = Browser(program, scratch)
        for page in pages:
            wrong += look(browser, page.parent.name, page.read_text(), out, pathlib.Path(scratch))
    print("\n".join(wrong) or f"{len(pages)} pages look right; screenshots are in {out}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
