"""The files of a report: contents, escaping, refreshing."""

import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mmwsl.report import write_report
from mmwsl.report.image_files import read_facts, script_json
from mmwsl.utils.output_path import OutputError

from .conftest import CLASSES, HOSTILE, make_data, read_codes, write_project


class Page(HTMLParser):
    """Tags with their attributes, and the text of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text = [], ''
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def gallery(folder):
    """Return the data of the gallery."""
    text = (folder / 'data' / 'gallery.js').read_text()
    return json.loads(re.fullmatch(r'var mmwsl = \{gallery: (.*)\};\n', text).group(1))


def states(folder):
    """Return the inode and time of every file: one that is written anew gets another."""
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob('*') if path.is_file()}


def test_the_report_has_every_part(project, tmp_path):
    seen = []
    path = write_report(project, tmp_path / 'report', progress=lambda done, count: seen.append((done, count)))
    assert path == tmp_path / 'report' / 'index.html' and seen == [(n, 5) for n in range(1, 6)]
    text = Page(path).text
    for part in ('52.61', 'with masks of 9 images', '1 h 1 min', 'checkpoints/epoch_6.pth', 'Otsu', '61.25'):
        assert part in text, part
    assert text.index('one image is broken') < text.index('all is <well>')
    assert path.read_text().count('<svg') == 5  # loss, curve of a threshold, mIoU, IoU of two classes


def test_empty_parts_are_left_out(tmp_path):
    images = [replace(image, scores=None, pseudo_label=None) for image in write_project(tmp_path, ['a.jpg'])]
    empty = make_data(
        images,
        thresholds=None,
        checks=[],
        class_counts={},
        co_occurrence=None,
        curves={},
        metrics={},
        class_metrics={},
        stages=[],
        versions={},
    )
    page = Page(write_report(empty, tmp_path / 'report'))
    for part in ('Stages', 'Checks', 'Training', 'Thresholds', 'Versions', 'together'):
        assert part not in page.text
    assert 'sliders' not in (tmp_path / 'report' / 'gallery.html').read_text()


def test_names_are_escaped_and_name_no_file(hostile, tmp_path):
    folder = write_report(hostile, tmp_path / 'report').parent
    for name in ('index.html', 'gallery.html'):
        page = Page(folder / name)
        assert {tag for tag, _ in page.tags} <= set(
            'html head meta title link body a header div nav main h1 h2 h3 p section ul ol li span img table thead '
            'tbody tr th td code i dl dt dd details summary figure figcaption b svg path text circle rect aside label '
            'select option input button fieldset legend script noscript'.split()
        )
        sources = [attributes.get('src') for tag, attributes in page.tags if tag == 'script']
        assert sources == (['data/gallery.js', 'gallery.js'] if name == 'gallery.html' else [])
        assert not [key for _, attributes in page.tags for key in attributes if key.startswith('on')]
        urls = [attributes.get(key, '') for _, attributes in page.tags for key in ('href', 'src')]
        assert not [url for url in urls if url and not re.match(r'[\w/.]*(#|$)|data:,$', url)]
    index = Page(folder / 'index.html').text
    assert all(name.encode('utf-8', 'replace').decode() in index for name in HOSTILE)
    files = [path.relative_to(folder).as_posix() for path in folder.rglob('[!.]*') if path.is_file()]
    assert all(
        re.fullmatch(r'[a-z]+\.(html|css|js|json)|(data|images|masks)/(gallery|\d+(_[a-z_]+)?)\.\w+', f) for f in files
    )
    assert [entry['name'] for entry in gallery(folder)['images']] == list(HOSTILE)


def test_scripts_are_plain_ascii_without_markup():
    content = script_json({'a': '</script><!--\u2028\u2029 é \ud800 & "\\'})
    assert content.isascii() and not set(b'<>&') & set(content)
    assert json.loads(content) == {'a': '</script><!--\u2028\u2029 é \ud800 & "\\'}
    with pytest.raises(ValueError):
        script_json(float('nan'))


def test_no_file_of_the_report_needs_a_network(project, tmp_path):
    folder = write_report(project, tmp_path / 'report').parent
    for path in folder.rglob('*.*'):
        if path.suffix in ('.html', '.css', '.js'):
            assert not re.search(r'https?:|fetch\(|XMLHttp|@import|url\(', path.read_text()), path


def test_a_second_report_writes_only_what_changed(project, tmp_path):
    folder = write_report(project, tmp_path / 'report').parent
    images = [path for name in ('images', 'masks', 'data') for path in (folder / name).iterdir()]
    images = [path for path in images if path.name != 'gallery.js']
    before = states(folder)
    calls = []

    def read(path):
        calls.append(path)
        return read_codes(path)

    write_report(replace(project, read_scores=read), folder)
    assert not calls and all(states(folder)[path] == before[path] for path in images)

    changed = project.images[2].scores
    np.save(changed, 255 - read_codes(changed))
    os.utime(changed, ns=(1, 1))
    write_report(replace(project, read_scores=read), folder)
    assert calls == [changed]
    write_report(replace(project, read_scores=read, palette=[[9, 9, 9], *project.palette[1:]]), folder)
    assert len(calls) == 6


def test_removed_images_take_their_files_and_others_keep_their_number(project, tmp_path):
    folder = write_report(project, tmp_path / 'report').parent
    (folder / 'mine.txt').write_text('mine')
    (folder / 'images' / 'mine.jpg').write_text('mine')
    kept = {entry['name']: entry['number'] for entry in gallery(folder)['images']}
    write_report(replace(project, images=project.images[1:]), folder)
    after = {entry['name']: entry['number'] for entry in gallery(folder)['images']}
    assert after == {name: number for name, number in kept.items() if name != project.images[0].name}
    assert not [path for path in folder.rglob('*') if re.match(r'0[._]', path.name)]
    assert (folder / 'mine.txt').read_text() == (folder / 'images' / 'mine.jpg').read_text() == 'mine'
    write_report(project, folder)
    assert len({entry['number'] for entry in gallery(folder)['images']}) == 5


def test_a_mask_that_is_gone_leaves_the_report(project, tmp_path):
    folder = write_report(project, tmp_path / 'report').parent
    assert (folder / 'masks' / '1_pseudo_label.png').exists()
    images = [replace(image, pseudo_label=None) for image in project.images]
    write_report(replace(project, images=images), folder)
    assert not (folder / 'masks' / '1_pseudo_label.png').exists()
    assert not any('pseudo_label' in entry['masks'] for entry in gallery(folder)['images'])


@pytest.mark.parametrize('name', ['index.html', 'images'])
def test_foreign_files_are_not_overwritten(project, tmp_path, name):
    folder = tmp_path / 'report'
    folder.mkdir()
    (folder / name).mkdir() if name == 'images' else (folder / name).write_text('mine')
    with pytest.raises(OutputError, match=name):
        write_report(project, folder)
    assert {path.name for path in folder.iterdir()} == {name}


def test_an_interrupted_report_is_resumed(project, tmp_path):
    calls = []

    def interrupted(path):
        calls.append(path)
        if path.name == '3.npy':
            raise KeyboardInterrupt
        return read_codes(path)

    with pytest.raises(KeyboardInterrupt):
        write_report(replace(project, read_scores=interrupted), tmp_path / 'report')
    assert not (tmp_path / 'report' / 'index.html').exists()
    again = []
    write_report(replace(project, read_scores=lambda path: again.append(path) or read_codes(path)), tmp_path / 'report')
    assert len(again) < 5 and project.images[3].scores in again
    assert len(gallery(tmp_path / 'report')['images']) == 5


def test_broken_files_are_listed_with_the_reason(tmp_path):
    images = write_project(tmp_path, ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'])
    images[0].path.write_bytes(b'no image')
    images[1].scores.write_bytes(b'')
    Image.new('RGB', (9, 9)).save(images[2].pseudo_label)
    Image.fromarray(np.full((60, 90), 7, np.uint8)).save(images[3].pseudo_label)
    folder = write_report(make_data(images), tmp_path / 'report').parent
    notes = [' '.join(entry['notes']) for entry in gallery(folder)['images']]
    parts = ('image cannot be read', 'scores cannot be read', 'pseudo-label cannot be read', 'pseudo-label has index 7')
    assert [part in note for part, note in zip(parts, notes, strict=True)] == [True] * 4
    assert gallery(folder)['images'][0]['size'] is None and not (folder / 'images' / '0.jpg').exists()


def test_a_mistake_of_the_caller_is_no_broken_file(project, tmp_path):
    with pytest.raises(TypeError):
        write_report(replace(project, read_scores=lambda: None), tmp_path / 'report')


def test_thumbnails_are_small_and_upright(tmp_path):
    (image,) = write_project(tmp_path, ['a.jpg'], size=(600, 900))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    with Image.open(image.path) as file:
        file.load()
    pixels = np.zeros((600, 900, 3), np.uint8)
    pixels[:, :450] = 255  # white on the left of the file: at the top of the upright image
    Image.fromarray(pixels).save(image.path, exif=exif)
    folder = write_report(make_data([image]), tmp_path / 'report').parent
    with Image.open(folder / 'images' / '0.jpg') as file:
        assert file.size == (240, 360)
        upright = np.asarray(file.convert('L'))
    assert upright[:170].min() > 200 and upright[190:].max() < 50
    assert read_facts(folder / 'data' / '0.js')['size'] == [600, 900]


def test_labels_without_a_pixel_come_first(tmp_path):
    images = write_project(tmp_path, ['a.jpg', 'b.jpg'])
    Image.fromarray(np.zeros((60, 90), np.uint8)).save(images[1].pseudo_label)
    folder = write_report(make_data(images), tmp_path / 'report').parent
    first, second = gallery(folder)['images']
    assert (first['missing'], second['missing']) == (0, 1) and second['doubt'] == 1
    assert second['reasons'][0] == f'{images[1].labels[0]} is labeled and has no pixel'
    assert first['doubt'] < 1 and first['iou'] == {'pseudo_label': 1.0}


def test_numbers_of_the_gallery_are_counted_at_full_size(tmp_path):
    images = write_project(tmp_path, ['a.jpg', 'b.jpg'], size=(300, 450))
    folder = write_report(make_data(images), tmp_path / 'report').parent
    data = gallery(folder)
    assert data['pixels'] == 2 * 300 * 450
    codes = [read_codes(image.scores)[1:] for image in images]
    for k in range(3):
        for code in (1, 100, 255):
            expected = sum(int(((c.argmax(0) == k) & (c.max(0) >= code)).sum()) for c in codes)
            assert data['tails'][k][code] == expected
        assert data['tails'][k][256] == 0


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(palette=[[0, 0, 0]]), '`palette` must have one RGB color'),
        (dict(co_occurrence=[[1]]), '`co_occurrence` must have shape'),
        (dict(thresholds=dict(thresholds=[0.5])), '`thresholds` must have one number'),
        (dict(checks=[('fatal', '')]), '`severity` must be one of'),
    ],
)
def test_parts_that_do_not_fit_are_rejected(project, settings, message):
    with pytest.raises(ValueError, match=message):
        replace(project, **settings)


def test_names_that_are_not_unique_are_rejected(project):
    with pytest.raises(ValueError, match='different names'):
        replace(project, images=[project.images[0], replace(project.images[1], name=project.images[0].name)])
    with pytest.raises(ValueError, match='`split` must be one of'):
        replace(project, images=[replace(project.images[0], split='test')])
    assert CLASSES[2] == 'dog <b>big</b>'
