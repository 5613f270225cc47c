"""One page in a headless Chromium, driven over its DevTools protocol.

The protocol is JSON over a web socket: a command has an id, its answer has the same id, events arrive in between.
https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--window-size=1440,900", "--remote-debugging-port=0",
)  # fmt: skip

MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}
KEYS = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
"""Keys without a letter, as the protocol numbers them."""


def find() -> str:
    """The path of Chromium; FileNotFoundError with the remedy when there is none."""
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    raise FileNotFoundError("no Chromium on this machine; on Debian and Ubuntu: apt-get install chromium")


class Page:
    """A browser of its own with one empty page.

    errors: what the page and its scripts complained of. hosts: `name:port` of everything that the page asked for.
    """

    def __init__(self, profile: Path):
        self._log = (profile / "chromium.log").open("wb")
        command = [find(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        try:
            port = self._port(profile / "DevToolsActivePort")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=120) as answer:
                target = next(page for page in json.load(answer) if page["type"] == "page")
            self._socket = websocket.create_connection(target["webSocketDebuggerUrl"], timeout=60, suppress_origin=True)
        except BaseException:
            self._end()
            raise
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self._commands = 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")

    def _port(self, file: Path) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            if file.exists() and file.read_text().count("\n"):
                return file.read_text().splitlines()[0]
            time.sleep(0.1)
        raise RuntimeError(f"Chromium did not start; {self._log.name} says why")

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._end()

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its answer."""
        number = self._send(method, params)
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            if "method" in message:
                self._note(message["method"], message["params"])

    def _send(self, method: str, params: dict[str, Any]) -> int:
        self._commands += 1
        self._socket.send(json.dumps({"id": self._commands, "method": method, "params": params}))
        return self._commands

    def _note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif event == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(" ".join(str(a.get("value", a.get("description", ""))) for a in params["args"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif event == "Network.requestWillBeSent":
            url = urlsplit(params["request"]["url"])
            if url.scheme in ("http", "https"):
                self.hosts.add(url.netloc)
        elif event == "Page.javascriptDialogOpening":  # leave a page with unsaved changes: yes
            self._send("Page.handleJavaScriptDialog", {"accept": True})
        elif event == "Network.webSocketCreated":
            self.hosts.add(urlsplit(params["url"]).netloc)

    def open(self, url: str) -> None:
        """Go to an address."""
        self.command("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, promises awaited."""
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 90) -> None:
        """Wait until an expression is true (as JavaScript sees it); while the page is loading it may fail."""
        deadline = time.monotonic() + seconds
        while not self._is_true(expression):
            if time.monotonic() > deadline:
                text = self.evaluate("document.body.innerText")
                raise TimeoutError(f"not within {seconds:g} s: {expression}\nthe page says: {text[:2000]}")
            time.sleep(0.2)

    def _is_true(self, expression: str) -> bool:
        try:
            return bool(self.evaluate(f"Boolean({expression})"))
        except RuntimeError:
            return False

    def click(self, selector: str, text: str = "") -> None:
        """Click on the first element that matches and whose text begins with `text`."""
        at = self.center(selector, text)
        self._mouse("mouseMoved", at)
        self._mouse("mousePressed", at)
        self._mouse("mouseReleased", at)

    def center(self, selector: str, text: str = "") -> tuple[float, float]:
        """The middle of that element in the window, once it is there and stands still."""
        element = f"[...document.querySelectorAll({selector!r})].find(e => e.innerText.startsWith({text!r}))"
        self.wait_for(element)
        self.evaluate(f"({element}).scrollIntoViewIfNeeded()")
        before, box = None, None
        while box is None or box != before:
            time.sleep(0.2)
            before, box = box, self.evaluate(f"({element}).getBoundingClientRect().toJSON()")
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def double_click(self, selector: str, text: str = "") -> None:
        """Click twice on the first element that matches and whose text begins with `text`."""
        at = self.center(selector, text)
        self._mouse("mouseMoved", at)
        for count in (1, 2):
            self._mouse("mousePressed", at, count)
            self._mouse("mouseReleased", at, count)

    def press(self, key: str, *modifiers: str) -> None:
        """Press a key, with others held down, on what has the focus."""
        held = sum(MODIFIERS[name] for name in modifiers)
        named = {"key": key, "code": f"Key{key.upper()}" if len(key) == 1 else key, "modifiers": held}
        number = KEYS.get(key, ord(key[0].upper()))
        for kind in ("rawKeyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, windowsVirtualKeyCode=number, **named)

    def insert(self, text: str) -> None:
        """Write a text where the cursor is."""
        self.command("Input.insertText", text=text)

    def drag(self, start: tuple[float, float], end: tuple[float, float], moves: int = 10) -> None:
        """Press the left button at `start`, move to `end`, release; in CSS pixels of the window."""
        self._mouse("mouseMoved", start)
        self._mouse("mousePressed", start)
        for i in range(1, moves + 1):
            x, y = (a + (b - a) * i / moves for a, b in zip(start, end, strict=True))
            self._mouse("mouseMoved", (x, y))
        self._mouse("mouseReleased", end)

    def _mouse(self, kind: str, at: tuple[float, float], count: int = 1) -> None:
        left = {"button": "left", "buttons": 1, "clickCount": count}
        self.command("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], **left)

    def screenshot(self, file: Path) -> None:
        """What the window shows, as PNG."""
        file.write_bytes(base64.b64decode(self.command("Page.captureScreenshot")["data"]))
