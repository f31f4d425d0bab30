"""A project of synthetic images for the report, and a browser."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmwsl.report import ReportData, ReportImage

from .browser import Browser, find_chromium

CLASSES = ('background', 'cat', 'dog <b>big</b>', 'cow')
PALETTE = [[0, 0, 0], [200, 30, 30], [30, 160, 60], [40, 60, 220]]
THRESHOLDS = [0.3, 0.25, 0.5]
HOSTILE = (
    '<script>alert(1)</script>.jpg',
    '"><img src=x onerror=alert(2)>.jpg',
    "'];alert(3);//\\.jpg",
    '</script><script>alert(4)</script>\u2028\u2029.png',
    '{{ 7 * 7 }} ${alert(5)} &lt;b&gt;.jpg',
    'not utf-8 \udce9.jpg',
    '../../escape.jpg',
    'javascript:alert(6)',
)


def read_codes(path):
    """Read codes that a test wrote."""
    return np.load(path)


def smooth_codes(rng, size=(60, 90)):
    """Return smooth random codes ``(K, H, W)`` uint8 that take all values, with ties between classes."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    codes = np.zeros((len(CLASSES), height, width))
    for k in range(len(CLASSES)):
        top, left = rng.uniform(0, height), rng.uniform(0, width)
        codes[k] = 300 * np.exp(-((y - top) ** 2 + (x - left) ** 2) / 600)
    codes[:, 20:24] = codes[2:3, 20:24]  # equal codes of all classes
    codes[:, -4:] = 0
    return np.clip(codes, 0, 255).astype(np.uint8)


def write_project(folder, names, seed=0, size=(60, 90)):
    """Write images, codes and masks under numbers, and return the images of a report."""
    rng = np.random.default_rng(seed)
    images = []
    for number, name in enumerate(names):
        root = folder / 'sources'
        root.mkdir(parents=True, exist_ok=True)
        codes = smooth_codes(rng, size)
        codes[1 + number % 3] = 0  # a class that is dropped
        np.save(root / f'{number}.npy', codes)
        Image.fromarray(rng.integers(0, 255, (*size, 3), np.uint8)).save(root / f'{number}.jpg')
        mask = np.where(codes[1:].max(0) > 128, 1 + codes[1:].argmax(0), 0).astype(np.uint8)
        mask[:2] = 255
        for kind in ('pseudo', 'ground_truth'):
            Image.fromarray(mask).save(root / f'{number}_{kind}.png')
        images.append(
            ReportImage(
                name,
                root / f'{number}.jpg',
                split=('train', 'val')[number % 2],
                labels=[CLASSES[1 + (number + 1) % 3]],
                scores=root / f'{number}.npy',
                pseudo_label=root / f'{number}_pseudo.png',
                ground_truth=root / f'{number}_ground_truth.png' if number == 0 else None,
                image_probs={CLASSES[1]: 0.4, CLASSES[3]: 0.9},
            )
        )
    return images


def make_data(images, **settings):
    """Return the content of a report with every part."""
    values = dict(
        title='Farm <i>animals</i> & "co"',
        classes=CLASSES,
        palette=PALETTE,
        images=images,
        read_scores=read_codes,
        supervision='Trained without masks <u>.',
        thresholds=dict(
            classes=list(CLASSES),
            thresholds=THRESHOLDS,
            tuned_on=None,
            method='Otsu',
            spread={'cat': [0.2, 0.5]},
            curves={'cat': {'t': [0, 0.5, 1], 'value': [10, 40, None], 'what': 'agreement'}},
        ),
        checks=[('info', 'all is <well>'), ('error', 'one image is broken')],
        class_counts={'train': {'cat': 3, 'cow': 1}, 'val': {'cat': 1}},
        co_occurrence=np.array([[3, 1, 0], [1, 2, 0], [0, 0, 1]]),
        curves={'loss': [(10, 1.0), (20, 0.5), (30, 0.4)]},
        metrics={'mIoU on val': 52.613},
        metric_notes={'mIoU on val': 'with masks of 9 images'},
        class_metrics={'IoU': {'cat': 61.25, 'cow': None}},
        stages=[('check', 1.5, ''), ('train', 3700.0, Path('checkpoints/epoch_6.pth'))],
        versions={'mmwsl': '1.0'},
    )
    return ReportData(**(values | settings))


@pytest.fixture
def project(tmp_path):
    """Data of a report of five images."""
    return make_data(write_project(tmp_path, [f'folder/{name}.jpg' for name in 'abcde']))


@pytest.fixture
def hostile(tmp_path):
    """Data of a report of images with hostile names, notes and classes."""
    images = [replace(image, notes=[image.name]) for image in write_project(tmp_path, HOSTILE)]
    return make_data(images)


@pytest.fixture(scope='session')
def browser_process():
    """The browser that the tests share."""
    if find_chromium() is None:
        pytest.skip('Chromium is not installed: apt-get install chromium')
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(browser_process):
    """A browser that saw no error, on a wide screen; at the end it saw none either, and made no request."""
    for seen in (browser_process.errors, browser_process.dialogs, browser_process.requests):
        seen.clear()
    browser_process.resize(1280, 900)
    yield browser_process
    browser_process.run('1')
    assert not browser_process.errors and not browser_process.dialogs
    away = [url for url in browser_process.requests if not url.startswith(('file:', 'data:', 'about:', 'blob:'))]
    assert not away
