"""The report in a real browser: opened from disk, its thresholds moved, its filters used."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric
from PIL import Image

from mmwsl.annotations import read_mask
from mmwsl.functional import class_thresholds
from mmwsl.functional.quantization import DEQUANTIZED, quantize_threshold
from mmwsl.inference import ClassThresholds
from mmwsl.report import write_report
from mmwsl.report.image_files import CODE_SIDE
from mmwsl.report.maps import subsample

from .conftest import CLASSES, HOSTILE, PALETTE, THRESHOLDS, make_data, read_codes, write_project


def open_gallery(browser, data, folder, fragment=''):
    """Write a report and open its gallery."""
    write_report(data, folder)
    browser.open(folder / 'gallery.html', fragment)
    browser.wait('mmwsl.ready === true')


def shown(browser):
    """Return the names of the images that are shown."""
    return browser.run('[...document.querySelectorAll(".item h2")].map((element) => element.textContent)')


def choose(browser, field, value):
    """Choose an option of a list, by its text."""
    browser.run(
        f'(() => {{ const list = document.getElementById("{field}");'
        f'list.value = [...list.options].find((option) => option.text === {json.dumps(value)}).value;'
        'list.dispatchEvent(new Event("change")); })()'
    )


def move(browser, index, threshold):
    """Move a slider to the code of a threshold, as a drag does, and return the threshold that results."""
    browser.run(
        f'(() => {{ const slider = document.querySelectorAll("#sliders input[type=range]")[{index}];'
        f'slider.value = {quantize_threshold(threshold) - 1}; slider.dispatchEvent(new Event("input")); }})()'
    )
    value = browser.run(f'mmwsl.values[{index}]')
    assert quantize_threshold(value) == quantize_threshold(threshold)
    return value


def enter(browser, index, threshold):
    """Type a threshold into the field beside a slider."""
    browser.run(
        f'(() => {{ const field = document.querySelectorAll("#sliders input[type=number]")[{index}];'
        f'field.value = {json.dumps(str(threshold))}; field.dispatchEvent(new Event("change")); }})()'
    )


def pixels(browser, number, kind='live'):
    """Return what the canvas of an image shows, ``(H, W, 4)``, once it is drawn."""
    canvas = f'document.querySelector(\'[data-number="{number}"] [data-kind="{kind}"] canvas\')'
    browser.wait(f'{canvas} && {canvas}.parentNode.parentNode.querySelector("span").textContent !== ""')
    browser.run('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(1))))')
    flat = browser.run(
        f'Array.from({canvas}.getContext("2d").getImageData(0, 0, {canvas}.width, {canvas}.height).data)'
    )
    height, width = browser.run(f'[{canvas}.height, {canvas}.width]')
    return np.array(flat, np.uint8).reshape(height, width, 4)


def expected_mask(codes, thresholds):
    """Return the mask of the rule of :func:`class_thresholds` on dequantized codes."""
    scores = torch.from_numpy(DEQUANTIZED[codes])
    return class_thresholds(scores, torch.tensor(thresholds, dtype=scores.dtype)).argmax(0).numpy()


def test_the_pages_open_from_disk_without_an_error(browser, project, tmp_path):
    path = write_report(project, tmp_path / 'report')
    browser.open(path)
    assert browser.run('document.title') == 'Farm <i>animals</i> & "co" · report'
    assert browser.run('document.querySelectorAll("svg.chart").length') == 5
    images = '[...document.querySelectorAll("img")]'
    browser.run('document.querySelectorAll("img").forEach((image) => { image.loading = "eager"; })')
    browser.wait(f'{images}.length > 0 && {images}.every((image) => image.complete && image.naturalWidth > 0)')
    # A style sheet that the page was not allowed to read would leave it without one.
    assert browser.run('getComputedStyle(document.querySelector(".card")).borderRadius') == '8px'
    browser.run('document.querySelector("nav a.go").click()')
    browser.wait('window.mmwsl?.ready === true')
    assert len(shown(browser)) == 5


@pytest.mark.parametrize(
    'thresholds', [THRESHOLDS, [0.0, 0.0, 0.0], [1.0, 0.5, 0.1], [0.999, 0.001, 0.3335], DEQUANTIZED[[77, 128, 200]]]
)
def test_live_masks_are_those_of_the_rule(browser, tmp_path, thresholds):
    thresholds = [float(value) for value in thresholds]
    images = write_project(tmp_path, ['a.jpg', 'b.jpg'], size=(250, 400))
    data = make_data(images)
    open_gallery(browser, replace(data, thresholds=dict(data.thresholds, thresholds=thresholds)), tmp_path / 'report')
    for number, image in enumerate(images):
        codes = subsample(read_codes(image.scores), CODE_SIDE)
        mask = expected_mask(codes, thresholds)
        assert np.array(browser.run(f'mmwsl.mask({number})')).reshape(codes.shape[1:]).tolist() == mask.tolist()
        drawn = pixels(browser, number)
        assert (drawn[mask == 0, 3] == 0).all() and (drawn[mask > 0, 3] == 255).all()
        np.testing.assert_array_equal(drawn[mask > 0, :3], np.array(PALETTE, np.uint8)[mask[mask > 0]])


def test_a_slider_redraws_the_masks_and_counts_their_pixels(browser, project, tmp_path):
    open_gallery(browser, project, tmp_path / 'report')
    before = pixels(browser, 0)
    codes = [read_codes(image.scores) for image in project.images]
    for value in (0.6, 0.05):
        thresholds = [THRESHOLDS[0], move(browser, 1, value), THRESHOLDS[2]]
        after = pixels(browser, 0)
        assert (after != before).any()
        assert ((after[..., 3] > 0) == (expected_mask(codes[0], thresholds) > 0)).all()
        masks = np.stack([expected_mask(image, thresholds) for image in codes])
        numbers = browser.run('[...document.querySelectorAll("#sliders .numbers")].map((e) => e.textContent)')
        for k, text in enumerate(numbers, 1):
            assert float(re.match(r'([\d.]+)% of pixels', text).group(1)) == pytest.approx(
                100 * (masks == k).mean(), abs=0.051
            )
        before = after
    browser.run('document.getElementById("reset").click()')
    assert browser.run('mmwsl.values') == THRESHOLDS
    assert ((pixels(browser, 0)[..., 3] > 0) == (expected_mask(codes[0], THRESHOLDS) > 0)).all()


def test_labels_without_a_pixel_follow_the_sliders(browser, project, tmp_path):
    open_gallery(browser, project, tmp_path / 'report')
    for index in range(3):
        move(browser, index, 1)
    choose(browser, 'only', 'a label without a pixel')
    masks = [expected_mask(read_codes(image.scores), [1.0] * 3) for image in project.images]
    missing = [
        image.name
        for image, mask in zip(project.images, masks, strict=True)
        if not (mask == CLASSES.index(image.labels[0])).any()
    ]
    assert missing and sorted(shown(browser)) == sorted(missing)


@pytest.mark.parametrize('moved', [False, True])
def test_the_exported_file_is_read_by_class_thresholds(browser, project, tmp_path, moved):
    for path in (browser.folder / 'downloads').glob('*'):
        path.unlink()
    open_gallery(browser, project, tmp_path / 'report')
    value = move(browser, 1, 0.705) if moved else THRESHOLDS[1]
    browser.run('document.getElementById("export").click()')
    path = browser.downloads('thresholds.json')
    content = json.loads(path.read_text())
    expected = [THRESHOLDS[0], value, THRESHOLDS[2]]
    assert content['classes'] == list(CLASSES) and content['thresholds'] == expected
    step = ClassThresholds(path)
    assert step.thresholds.tolist() == pytest.approx(expected)
    # One ground-truth mask is shown: whoever moves a slider beside it tunes on it.
    text = 'ground truth shown in the report, images: 1; mIoU shown in the report, on 1 train image'
    assert step.tuned_on == (text if moved else None)
    assert content['method'] == ('set by hand in the report, starting from Otsu' if moved else 'Otsu')
    assert browser.run('document.getElementById("provenance").hidden') is not moved


def test_without_ground_truth_moved_thresholds_are_tuned_on_nothing(browser, project, tmp_path):
    images = [replace(image, ground_truth=None) for image in project.images]
    open_gallery(browser, replace(project, images=images, thresholds=None), tmp_path / 'report')
    value = move(browser, 0, 0.9)
    exported = browser.run('mmwsl.exported()')
    assert exported['tuned_on'] is None and exported['thresholds'] == [value, 0.3, 0.3]
    assert browser.run('document.getElementById("reaction")') is None and 'IoU' not in text_of(browser, '#sliders')


def text_of(browser, selector):
    """Return the text of an element."""
    return browser.run(f'document.querySelector("{selector}").textContent').replace('\xa0', ' ')


def set_thresholds(data, thresholds, **settings):
    """Return the content of a report with other thresholds."""
    return replace(data, thresholds=dict(data.thresholds, thresholds=thresholds, **settings))


def test_a_slider_moves_in_the_codes_of_the_scores(browser, project, tmp_path):
    open_gallery(browser, project, tmp_path / 'report')
    values = []
    for position in range(256):
        browser.run(
            f'(() => {{ const slider = document.querySelector("#sliders input[type=range]"); slider.value = {position};'
            'slider.dispatchEvent(new Event("input")); })()'
        )
        values.append(browser.run('mmwsl.values[0]'))
    assert [quantize_threshold(value) for value in values] == list(range(1, 257))  # each step is one code
    assert values[0] == 0 and values[-1] == 1
    # In the middle of two codes: scores with and without quantization have the same masks.
    moved = [n for n, value in enumerate(values[1:-1], 1) if value != THRESHOLDS[0]]
    angles = 510 / np.pi * np.arcsin(np.sqrt(np.array(values)[moved]))
    np.testing.assert_allclose(angles, np.array(moved) + 0.5, atol=0.01)
    assert len(moved) == 253 and sum(value > 0.99 for value in values) >= 16
    field = 'document.querySelector("#sliders input[type=number]").value'
    for value in values[-3:]:
        enter(browser, 0, value)
        assert float(browser.run(field)) == pytest.approx(value, abs=5e-6)
        said = browser.run('document.querySelector("#sliders input[type=range]").getAttribute("aria-valuetext")')
        assert float(said) == float(browser.run(field))


def test_thresholds_that_are_not_moved_are_exported_unchanged(browser, project, tmp_path):
    loaded = [0.6456949123456789, 0.99812345, 1e-5]
    open_gallery(browser, set_thresholds(project, loaded), tmp_path / 'report')
    changed = '[...document.querySelectorAll(".slider")].map((e) => e.classList.contains("changed"))'
    exported = browser.run('mmwsl.exported()')
    assert exported['thresholds'] == loaded and exported['method'] == 'Otsu'
    assert browser.run(changed) == [False] * 3
    position = 'document.querySelectorAll("#sliders input[type=range]")[1].value'
    assert int(browser.run(position)) == quantize_threshold(loaded[1]) - 1
    moved = move(browser, 1, 0.9991)
    assert browser.run(changed) == [False, True, False]
    assert browser.run('mmwsl.exported().thresholds') == [loaded[0], moved, loaded[2]] and moved != loaded[1]
    move(browser, 1, loaded[1])  # back to where it was
    assert browser.run('mmwsl.exported().thresholds') == loaded and browser.run(changed) == [False] * 3
    enter(browser, 1, 0.99876)
    assert browser.run('mmwsl.exported().thresholds') == [loaded[0], 0.99876, loaded[2]]
    enter(browser, 1, 7)
    assert browser.run('mmwsl.values[1]') == 1


def test_the_spread_lies_where_the_slider_would(browser, project, tmp_path):
    spread = {'cat': [0.9, 0.999]}
    open_gallery(browser, set_thresholds(project, THRESHOLDS, spread=spread), tmp_path / 'report')
    left, right, start, end = browser.run(
        '(() => { const box = (selector) => document.querySelector(selector).getBoundingClientRect();'
        'const band = box(".spread"), track = box(".slider .track"); return [band.left, band.right, track.left, '
        'track.right]; })()'
    )
    for at, threshold in ((left, 0.9), (right, 0.999)):
        fraction = (quantize_threshold(threshold) - 1) / 255
        assert at == pytest.approx(start + 8 + (end - start - 16) * fraction, abs=0.6)


def brute_force_ious(images, thresholds):
    """Return the IoU of the masks of the rule, by the metric of mmseg."""
    areas = []
    for image in images:
        mask = torch.from_numpy(expected_mask(read_codes(image.scores), thresholds))
        ground_truth = torch.from_numpy(read_mask(image.ground_truth)[::2].astype(np.int64))
        areas.append(torch.stack(IoUMetric.intersect_and_union(mask, ground_truth, len(CLASSES), 255)[:2]))
    intersection, union = torch.stack(areas).sum(0).double()
    return (intersection / union).numpy()


@pytest.mark.parametrize(
    'splits, text',
    [
        (('val', 'train', 'val'), '2 val images'),
        (('train', 'train', 'train'), '3 train images'),
        (('train', 'val', 'new'), '1 val image'),
    ],
)
def test_the_mean_iou_follows_the_sliders(browser, tmp_path, splits, text):
    rng = np.random.default_rng(3)
    images = []
    for image, split in zip(write_project(tmp_path, ['a.jpg', 'b.jpg', 'c.jpg']), splits, strict=True):
        mask = read_mask(image.pseudo_label)
        noise = rng.choice([0, 1, 2, 3, 255], mask.shape)
        mask = np.where(rng.random(mask.shape) < 0.2, noise, mask).astype(np.uint8)
        Image.fromarray(mask.repeat(2, 0)).save(image.pseudo_label)  # a size that is not that of the scores
        images.append(replace(image, split=split, ground_truth=image.pseudo_label))
    measured = [image for image in images if image.split in text]
    open_gallery(browser, make_data(images), tmp_path / 'report')
    thresholds = list(THRESHOLDS)
    for index, value in ((None, None), (0, 0.97), (1, 0.02), (2, 1.0)):
        if index is not None:
            thresholds[index] = move(browser, index, value)
        ious = brute_force_ious(measured, thresholds)
        found = browser.run('mmwsl.ious().map((value) => (Number.isNaN(value) ? -1 : value))')
        np.testing.assert_allclose(found, np.nan_to_num(ious, nan=-1))
        said = text_of(browser, '#reaction')
        assert said.startswith(f'mIoU {100 * np.nanmean(ious):.1f}')
        assert said.endswith(f'of the masks by thresholds, before refinement, on {text}')
        assert ('with the initial thresholds' in said) is (index is not None)
        shown_ious = browser.run('[...document.querySelectorAll(".slider .iou")].map((e) => e.textContent)')
        assert shown_ious == ['IoU\xa0–' if np.isnan(iou) else f'IoU\xa0{100 * iou:.1f}' for iou in ious[1:]]
        assert text_of(browser, '#background-total').endswith(f'IoU {100 * ious[0]:.1f}')
    browser.run('document.getElementById("reset").click()')
    initial = np.nanmean(brute_force_ious(measured, THRESHOLDS))
    assert text_of(browser, '#reaction').startswith(f'mIoU {100 * initial:.1f} of')


def test_filters_select_and_sort_images(browser, project, tmp_path):
    images = [replace(image, notes=['odd'] if image.name.endswith('c.jpg') else []) for image in project.images]
    open_gallery(browser, replace(project, images=images), tmp_path / 'report')
    names = {image.name for image in images}
    assert set(shown(browser)) == names
    choose(browser, 'sort', 'name')
    assert shown(browser) == sorted(names)
    for name in CLASSES[1:]:
        choose(browser, 'class', name)
        assert set(shown(browser)) == {image.name for image in images if name in image.labels}
    choose(browser, 'class', 'all classes')
    choose(browser, 'split', 'val')
    assert set(shown(browser)) == {image.name for image in images if image.split == 'val'}
    choose(browser, 'split', 'all splits')
    choose(browser, 'only', 'odd images')
    assert shown(browser) == ['folder/c.jpg']
    choose(browser, 'only', 'all images')
    browser.run('(() => { const e = document.getElementById("search"); e.value = "/B"; e.oninput(); })()')
    assert shown(browser) == ['folder/b.jpg']
    assert browser.run('document.getElementById("count").textContent') == '1 of 5 images'
    browser.run('(() => { const e = document.getElementById("search"); e.value = "nothing"; e.oninput(); })()')
    assert shown(browser) == [] and 'No image' in browser.run('document.getElementById("rows").textContent')


def test_the_highest_doubt_is_first(browser, project, tmp_path):
    open_gallery(browser, project, tmp_path / 'report')
    doubts = browser.run('mmwsl.gallery.images.map((entry) => [entry.name, entry.doubt])')
    assert len({doubt for _, doubt in doubts}) > 1
    assert shown(browser) == [name for name, _ in sorted(doubts, key=lambda pair: -pair[1])]


def test_links_of_the_overview_select_classes_and_images(browser, project, tmp_path):
    folder = tmp_path / 'report'
    write_report(project, folder)
    browser.open(folder / 'index.html')
    browser.run(f'[...document.querySelectorAll("#quality a, #data a")].find((a) => a.text === "{CLASSES[2]}").click()')
    browser.wait('window.mmwsl?.ready === true')
    assert set(shown(browser)) == {image.name for image in project.images if CLASSES[2] in image.labels}
    browser.open(folder / 'gallery.html', '#image=3')
    browser.wait('window.mmwsl?.ready === true')
    assert shown(browser) == [project.images[3].name]
    browser.run('document.querySelector("#count button").click()')
    assert len(shown(browser)) == 5


def test_hostile_names_are_text(browser, hostile, tmp_path):
    folder = tmp_path / 'report'
    path = write_report(hostile, folder)
    browser.open(path)
    texts = browser.run('[...document.querySelectorAll(".strip .file")].map((element) => element.textContent)')
    assert {name.encode('utf-8', 'replace').decode() for name in HOSTILE} <= set(texts)
    assert browser.run('document.querySelectorAll("script, main b > *, img[onerror], i > *").length') == 0
    browser.open(folder / 'gallery.html')
    browser.wait('mmwsl.ready === true')
    names = browser.run('[...document.querySelectorAll(".item h2")].map((e) => e.textContent.toWellFormed())')
    assert set(names) == {name.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace') for name in HOSTILE}
    assert browser.run('[...document.querySelectorAll("script")].every((script) => script.src.startsWith("file:"))')
    assert browser.run('document.querySelectorAll("[onerror], .item h2 > *, .chip b, .title > *").length') == 0
    assert len(browser.run('mmwsl.mask(0)')) == 60 * 90
    choose(browser, 'class', CLASSES[2])
    assert shown(browser)


def test_the_keyboard_moves_sliders_and_images(browser, project, tmp_path):
    open_gallery(browser, project, tmp_path / 'report')
    browser.run('document.querySelector("#sliders input[type=range]").focus()')
    browser.press('ArrowRight')
    assert quantize_threshold(browser.run('mmwsl.values[0]')) == quantize_threshold(THRESHOLDS[0]) + 1
    browser.press('End')
    assert browser.run('mmwsl.values[0]') == 1
    browser.press('Tab')
    outline = 'getComputedStyle(document.activeElement).outlineStyle'
    assert browser.run('document.activeElement.tagName') == 'INPUT' and browser.run(outline) == 'solid'
    browser.run('document.querySelector(".item").focus()')
    browser.press('ArrowDown')
    assert browser.run('document.activeElement.dataset.number') == browser.run(
        'document.querySelectorAll(".item")[1].dataset.number'
    )


def test_images_and_controls_have_names(browser, project, tmp_path):
    open_gallery(browser, project, tmp_path / 'report')
    pixels(browser, 0)
    nameless = (
        '[...document.querySelectorAll("input, select, button")].filter((e) => !e.ariaLabel && !e.labels?.length && '
        '!e.textContent.trim()).map((e) => e.outerHTML)'
    )
    assert browser.run(nameless) == []
    assert browser.run('[...document.querySelectorAll("canvas")].every((canvas) => canvas.ariaLabel.length > 8)')
    assert browser.run('[...document.querySelectorAll("img")].every((image) => image.hasAttribute("alt"))')
    assert browser.run('document.querySelector("[data-kind=image] img").alt').startswith('Image folder/')


@pytest.mark.parametrize('page', ['index', 'gallery'])
@pytest.mark.parametrize('width', [400, 1280])
def test_pages_are_not_wider_than_the_screen(browser, hostile, tmp_path, page, width):
    path = write_report(hostile, tmp_path / 'report').with_name(f'{page}.html')
    browser.resize(width, 800)
    browser.open(path)
    if page == 'gallery':
        browser.wait('mmwsl.ready === true')
        browser.run('document.querySelectorAll("details").forEach((element) => { element.open = true; })')
    assert browser.run('document.documentElement.scrollWidth') <= width


def test_five_thousand_images_are_paged_and_load_only_what_is_seen(browser, project, tmp_path):
    folder = tmp_path / 'report'
    open_gallery(browser, project, folder)
    text = (folder / 'data' / 'gallery.js').read_text()
    data = json.loads(text[text.index('gallery: ') + 9 : -3])
    data['images'] = [dict(data['images'][n % 5], name=f'{n}.jpg', number=n, doubt=1 - n / 1e4) for n in range(5000)]
    (folder / 'data' / 'gallery.js').write_text(f'var mmwsl = {{gallery: {json.dumps(data)}}};')
    for number in range(5, 40):  # the files of two pages
        script = (folder / 'data' / '0.js').read_text().replace('mmwsl.add(0,', f'mmwsl.add({number},')
        (folder / 'data' / f'{number}.js').write_text(script)
        for path in ('images/{}.jpg', *(f'masks/{{}}_{kind}.png' for kind in ('pseudo_label', 'ground_truth'))):
            shutil.copy(folder / path.format(0), folder / path.format(number))
    browser.send('Page.navigate', url='about:blank')
    browser.wait('location.href === "about:blank"')  # nothing of the first page is loaded any more
    browser.requests.clear()
    browser.open(folder / 'gallery.html')
    browser.wait('mmwsl.ready === true')
    pixels(browser, 0)
    assert shown(browser) == [f'{n}.jpg' for n in range(20)]
    assert browser.run('document.getElementById("count").textContent') == '5000 images'
    for pattern in (r'data/\d+\.js$', r'images/\d+\.jpg$'):
        urls = [url for url in browser.requests if re.search(pattern, url)]
        assert len(urls) == len(set(urls)) and 0 < len(urls) < 20
    browser.run('document.getElementById("next").click()')
    assert shown(browser) == [f'{n}.jpg' for n in range(20, 40)]
    seconds = browser.run(
        '(() => { const start = performance.now(); const slider = document.querySelector("#sliders input[type=range]");'
        'for (let i = 0; i < 20; i++) { slider.value = 12 * i; slider.oninput(); }'
        'document.getElementById("search").oninput(); return (performance.now() - start) / 1000; })()'
    )
    assert seconds < 2
