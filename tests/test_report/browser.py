"""Headless Chromium, driven through the pipe of its DevTools protocol: no port, no package."""

import base64
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

SWITCHES = (
    '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking '
    '--disable-component-update --disable-sync --disable-dev-shm-usage --disable-extensions --mute-audio '
    '--host-resolver-rules=MAP * ~NOTFOUND'
)
PATIENCE = 30


def find_chromium():
    """Return the path of Chromium or Chrome, or None."""
    names = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """A page in a headless browser. ``errors`` collects exceptions, errors on the console and rejected requests."""

    def __init__(self, width=1280, height=900):
        self.folder = Path(tempfile.mkdtemp(prefix='mmwsl-browser-'))
        self.errors, self.requests, self.dialogs, self._buffer, self._last = [], [], [], b'', 0
        (read, self._out), (self._in, write) = os.pipe(), os.pipe()
        switches = [*SWITCHES.split(' --'), f'user-data-dir={self.folder / "profile"}', 'remote-debugging-pipe']
        command = [find_chromium(), *(f'--{switch.removeprefix("--")}' for switch in switches), 'about:blank']

        def connect():
            spare = [os.dup2(descriptor, 20 + index) for index, descriptor in enumerate((read, write))]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        self._process = subprocess.Popen(
            command,
            preexec_fn=connect,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=str(self.folder)),
        )
        os.close(read)
        os.close(write)
        target = self.send('Target.createTarget', url='about:blank')['targetId']
        self._session = self.send('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.send(f'{domain}.enable')
        self.resize(width, height)
        downloads = dict(behavior='allow', downloadPath=str(self.folder / 'downloads'))
        self.send('Page.setDownloadBehavior', **downloads)

    _session = None

    def resize(self, width, height):
        """Set the size of the window in CSS pixels."""
        self.send(
            'Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def send(self, method, **params):
        """Send a command and return its result."""
        self._last += 1
        message = dict(id=self._last, method=method, params=params)
        if self._session:
            message['sessionId'] = self._session
        os.write(self._out, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._receive()
            if answer.get('id') == self._last:
                if 'error' in answer:
                    raise RuntimeError(f'{method}: {answer["error"]}')
                return answer['result']
            self._note(answer)

    def _receive(self):
        while b'\0' not in self._buffer:
            if not select.select([self._in], [], [], PATIENCE)[0]:
                raise TimeoutError('Chromium does not answer.')
            received = os.read(self._in, 1 << 20)
            if not received:
                raise RuntimeError(f'Chromium ended with code {self._process.wait(PATIENCE)}.')
            self._buffer += received
        line, self._buffer = self._buffer.split(b'\0', 1)
        return json.loads(line)

    def _note(self, event):
        method, params = event.get('method'), event.get('params', {})
        if method == 'Runtime.exceptionThrown':
            self.errors.append(params['exceptionDetails'].get('exception', {}).get('description') or str(params))
        elif method == 'Runtime.consoleAPICalled' and params['type'] in ('error', 'warning', 'assert'):
            self.errors.append(str(params['args']))
        elif method == 'Log.entryAdded' and params['entry']['level'] == 'error':
            self.errors.append(f'{params["entry"]["text"]} {params["entry"].get("url", "")}')
        elif method == 'Network.requestWillBeSent':
            self.requests.append(params['request']['url'])
        elif method == 'Page.javascriptDialogOpening':
            self.dialogs.append(params['message'])

    def run(self, expression):
        """Evaluate an expression, or a promise, and return its value."""
        result = self.send('Runtime.evaluate', expression=expression, awaitPromise=True, returnByValue=True)
        if 'exceptionDetails' in result:
            raise RuntimeError(result['exceptionDetails'].get('exception', {}).get('description', str(result)))
        return result['result'].get('value')

    def wait(self, expression):
        """Wait until an expression is true, also while another page replaces the page."""
        end = time.monotonic() + PATIENCE
        while not self._holds(expression):
            if time.monotonic() > end:
                raise TimeoutError(f'{expression} did not become true. {self.errors}')
            time.sleep(0.03)

    def _holds(self, expression):
        try:
            return self.run(expression)
        except RuntimeError as error:
            if re.search('navigated or closed|context', str(error)):  # the page was replaced in the meantime
                return False
            raise

    def open(self, path, fragment=''):
        """Open a file and wait until it has been loaded."""
        self.send('Page.navigate', url='about:blank')
        self.send('Page.navigate', url=Path(path).resolve().as_uri() + fragment)
        self.wait('document.readyState === "complete" && location.protocol === "file:"')

    def press(self, key, code=None):
        """Press a key."""
        for kind in ('keyDown', 'keyUp'):
            self.send('Input.dispatchKeyEvent', type=kind, key=key, code=code or key, windowsVirtualKeyCode=KEYS[key])

    def screenshot(self, path, full=True):
        """Write a screenshot as PNG."""
        result = self.send('Page.captureScreenshot', captureBeyondViewport=full)
        Path(path).write_bytes(base64.b64decode(result['data']))

    def downloads(self, name):
        """Wait for a downloaded file and return its path."""
        path = self.folder / 'downloads' / name
        end = time.monotonic() + PATIENCE
        while not path.is_file():
            if time.monotonic() > end:
                raise TimeoutError(f'{name} was not downloaded')
            self.run('1')
            time.sleep(0.05)
        return path

    def close(self):
        """End the browser."""
        try:
            self._session = None
            self.send('Browser.close')
        except (RuntimeError, TimeoutError, OSError):
            self._process.kill()
        self._process.wait(PATIENCE)
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self.folder, ignore_errors=True)


KEYS = {'Tab': 9, 'Enter': 13, ' ': 32, 'End': 35, 'Home': 36, 'ArrowUp': 38, 'ArrowRight': 39, 'ArrowDown': 40}
