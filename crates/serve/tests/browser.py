"""The page of a server in a headless Chromium: a file dropped, chosen, pasted and chosen by keyboard; light, dark, 320 pixels.

Usage: cargo xtask test --browser CHROMIUM, or python browser.py SERVER [CHROMIUM] [IMAGE]
SERVER is a program that prints the page's address first, as `cargo build -p serve --example colours` makes one, or an
address. IMAGE is an image to ask about, by default one that is made here. Only Python's own library is needed.
Ends with 1 and says what is wrong.
"""

import base64
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "report" / "tests"))
import browser as pages
import devtools

PATIENCE = 30.0


def png(width, height, colour):
    """An image of one colour."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# What the page shows.
SHOWN = """(() => {
  const at = id => document.getElementById(id), seen = e => e.checkVisibility();
  const drawn = e => seen(e) && e.complete && e.naturalWidth > 0 && e.alt !== '';
  return {
    answer: seen(at('result')) ? at('answer').textContent : '', error: seen(at('error')) ? at('error').textContent : '',
    state: at('state').textContent, image: drawn(at('image')), map: drawn(at('map')),
    classes: at('classes').children.length, neighbors: [...document.querySelectorAll('#neighbors img')].filter(drawn).length,
    bar: at('classes').firstChild && getComputedStyle(at('classes').firstChild.querySelector('i'), '::before').width,
    focus: document.activeElement.id,
  };
})()"""

# A file as another program would bring it.
FILE = """(() => {
  const bytes = Uint8Array.from(atob('%s'), c => c.charCodeAt(0)), data = new DataTransfer();
  %s
  return data;
})()"""
ADD = "data.items.add(new File([bytes], '%s', { type: '%s' }));"


class Page:
    def __init__(self, tab, address):
        self.tab, self.address, self.wrong = tab, address, []

    def open(self, width, scheme):
        tab = self.tab
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        tab.call("Page.navigate", url=self.address + "/")
        self.until(lambda: tab.ask("document.readyState + location.pathname") == "complete/", "the page is not shown")
        tab.ask("window.faults = []; addEventListener('securitypolicyviolation', e => faults.push(e.violatedDirective + ' ' + e.blockedURI));"
                "addEventListener('error', e => faults.push(String(e.message))); console.error = (...all) => faults.push(all.join(' '))")

    def until(self, done, otherwise):
        end = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"{otherwise}: {self.tab.ask(SHOWN)}")
            time.sleep(0.02)

    def answered(self, how):
        """Waits for an answer or an error, and returns what is shown."""
        self.until(lambda: (lambda s: s["answer"] or s["error"])(self.tab.ask(SHOWN)), f"{how}: no answer")
        time.sleep(0.1)  # images are decoded
        return self.tab.ask(SHOWN)

    def expect(self, how, shown, neighbors):
        good = shown["answer"] and not shown["error"] and shown["image"] and shown["map"] and shown["classes"] >= 2
        good = good and (shown["neighbors"] > 0) == neighbors and shown["focus"] == "result" and shown["bar"] != "0px"
        if not good:
            self.wrong.append(f"{how}: {shown}")
        print(f"{how}: {shown['answer']}")

    def event(self, kind, content, name="a.png", type="image/png", empty=False):
        data = FILE % (base64.b64encode(content).decode(), "" if empty else ADD % (name, type))
        key = {"drop": "dataTransfer", "paste": "clipboardData"}[kind]
        made = f"new {'DragEvent' if kind == 'drop' else 'ClipboardEvent'}('{kind}', {{ {key}: data, bubbles: true, cancelable: true }})"
        self.tab.ask(f"(() => {{ const data = {data}; document.body.dispatchEvent({made}); }})()")

    def looks(self, label):
        """What the report's pages are asked, asked of this one."""
        script = pages.SCRIPT.replace("document.body.append(answer)", "window.looked = answer.textContent")
        self.tab.ask("{" + script + "}")
        looked = pages.json.loads(self.tab.ask("window.looked"))
        self.wrong += [f"{label}: {what}" for what in looked["wrong"]]
        print(f"{label}: {looked['drawn']} images, {looked['focusable']} to focus, least contrast {looked['contrast']}")


def by_keyboard(page, path):
    """Tab to the choice, which shows that it has the focus; Enter opens the dialog, in which a file is chosen."""
    tab = page.tab
    tab.press("Tab", 9)
    at = tab.ask("[document.activeElement.id, getComputedStyle(document.querySelector('label')).outlineStyle]")
    if at != ["file", "solid"]:
        page.wrong.append(f"Tab leads to {at}")
    tab.call("Page.setInterceptFileChooserDialog", enabled=True)
    tab.press("Enter", 13, "\r")
    opened = lambda: [event for event in tab.events if event.get("method") == "Page.fileChooserOpened"]
    page.until(lambda: tab.ask("1") and opened(), "Enter opens no dialog")
    node = opened()[-1]["params"]["backendNodeId"]
    tab.events.clear()
    tab.call("DOM.setFileInputFiles", files=[str(path)], backendNodeId=node)
    tab.call("Page.setInterceptFileChooserDialog", enabled=False)


def main(server, program="chromium", image=None):
    process = None
    if not server.startswith("http"):
        process = subprocess.Popen([server], stdout=subprocess.PIPE, text=True)
        server = process.stdout.readline().strip()
    content = pathlib.Path(image).read_bytes() if image else png(300, 200, (200, 40, 40))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch) / "red.png"
            path.write_bytes(content)
            with devtools.Tab(pages.Browser(program, scratch).command) as tab:
                page = Page(tab, server)
                tab.call("Page.enable")
                wrong = walk(page, path, content)
    finally:
        if process:
            process.terminate()
    print("\n".join(wrong) or "the page works")
    return 1 if wrong else 0


def walk(page, path, content):
    tab = page.tab
    for scheme, width in pages.LOOKS:
        label = f"{scheme}, {width} px"
        page.open(width, scheme)
        page.event("drop", content)
        shown = page.answered("drop")
        neighbors = shown["neighbors"] > 0
        page.expect(f"{label}: dropped", shown, neighbors)
        page.looks(label)
        page.open(width, scheme)
        page.event("paste", content)
        page.expect(f"{label}: pasted", page.answered("paste"), neighbors)
        page.open(width, scheme)
        node = tab.call("DOM.getDocument")["root"]["nodeId"]
        node = tab.call("DOM.querySelector", nodeId=node, selector="#file")["nodeId"]
        tab.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)
        page.expect(f"{label}: chosen", page.answered("choice"), neighbors)
        page.open(width, scheme)
        by_keyboard(page, path)
        page.expect(f"{label}: chosen by keyboard", page.answered("keyboard"), neighbors)
        for how, bring in [
            ("no image", lambda: page.event("drop", b"hello", "a.txt", "text/plain")),
            ("damaged", lambda: page.event("drop", content[: len(content) // 2])),
            ("no file", lambda: page.event("paste", b"", empty=True)),
        ]:
            bring()
            page.until(lambda: tab.ask(SHOWN)["error"], f"{how}: nothing is said")
            shown = tab.ask(SHOWN)
            if shown["answer"] or len(shown["error"].split()) < 3:
                page.wrong.append(f"{label}: {how}: {shown}")
        page.event("drop", content)
        page.expect(f"{label}: after an error", page.answered("again"), neighbors)
        faults = tab.ask("faults")
        # A refused image is a response with a status above 400, which the console names.
        page.wrong += [f"{label}: {fault}" for fault in faults]
    return page.wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
