"""A headless Chromium driven by Chrome's DevTools Protocol, over pipes: Python's own library is enough.

https://chromedevtools.github.io/devtools-protocol/
"""

import json
import os
import subprocess
import time

PATIENCE = 60.0


class Tab:
    """One page in a browser of its own."""

    def __init__(self, command):
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()
        # Chromium listens at 3 and answers at 4.
        pipes = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        self.browser = subprocess.Popen(
            ["sh", "-c", pipes, "sh", *command, "--remote-debugging-pipe", "about:blank"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self.calls, self.rest, self.session, self.events = 0, b"", None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.write)
        os.close(self.read)
        self.browser.terminate()
        self.browser.wait(PATIENCE)

    def call(self, method, **parameters):
        """Asks for something and waits for the answer; what comes in between is kept in `events`."""
        self.calls += 1
        message = {"id": self.calls, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.calls:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.read, 1 << 16)
            assert more, "the browser has ended"
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, page, width, height=1000):
        """Shows a file in a window of this size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=page.as_uri())
        end = time.monotonic() + PATIENCE
        while self.ask("document.readyState + location.href") != "complete" + page.as_uri():
            assert time.monotonic() < end, f"{page} is not shown"
            time.sleep(0.02)

    def ask(self, script):
        """What an expression comes to."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key, number, text=None):
        """A key with its Windows key code."""
        about = {"key": key, "code": key, "windowsVirtualKeyCode": number}
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **down, **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)
