"""Masks written in every format and read back by readers made from the specifications."""

import io
import json
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image
from skimage.measure import label as components_of

from mmwsl.annotations import MASK_FORMATS, COCOInstanceWriter, open_mask_writer, read_image_labels, read_mask
from mmwsl.annotations.mask_formats.cvat import object_colors
from mmwsl.annotations.mask_formats.drawing import add_legend, blend_mask
from mmwsl.annotations.mask_formats.label_studio import encode_brush
from mmwsl.annotations.rle import decode_counts, encode_counts

CLASSES = ('background', 'cat', 'traffic light', 'dog "<x>"')
PALETTE = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (10, 20, 30)]
NAMES = ['a/x.jpg', 'b/x.jpg', 'x.jpg', 'x.png', 'X.jpeg', 'x.png.jpg', 'with space ü.jpg', 'empty.jpg']
IGNORE_COLOR = (224, 224, 192)


def blobs(seed, shape=(70, 90)):
    """Blobs of three classes with holes and ignored borders."""
    rng = np.random.default_rng(seed)
    scores = np.stack([cv2.GaussianBlur(rng.random(shape), (0, 0), 4) for _ in range(3)])
    mask = (scores.argmax(0) + 1).astype(np.uint8)
    mask[scores.max(0) < 0.52] = 0
    mask[(scores.max(0) < 0.525) & (mask > 0)] = 255
    return mask


@pytest.fixture(scope='module')
def masks():
    found = {name: blobs(seed, (70 + seed, 90 - seed)) for seed, name in enumerate(NAMES)}
    found['empty.jpg'][:] = 0
    assert all({0, 1, 2, 3, 255} == set(np.unique(mask)) for name, mask in found.items() if name != 'empty.jpg')
    return found


@pytest.fixture(scope='module')
def written(masks, tmp_path_factory):
    """Folder, output and manifest of every format."""
    results = {}
    for kind in MASK_FORMATS:
        folder = tmp_path_factory.mktemp(kind) / 'new'
        with open_mask_writer(kind, folder, CLASSES, PALETTE) as writer:
            for name, mask in masks.items():
                writer.write(name, mask, np.full((*mask.shape, 3), 100, np.uint8))
        results[kind] = folder, writer.output, json.loads((folder / 'manifest.json').read_text())
    return results


def hide_ignored(mask):
    return np.where(mask == 255, 0, mask)


@pytest.mark.parametrize('kind', MASK_FORMATS)
def test_every_image_is_in_the_manifest_and_nothing_else_is_left(written, kind):
    folder, output, manifest = written[kind]
    assert output.exists() and list(manifest) == NAMES
    if kind in ('png', 'color', 'overlay', 'yolo'):
        assert len({path.lower() for path in manifest.values()}) == len(NAMES)
        assert manifest['a/x.jpg'].removeprefix('labels/').rsplit('.', 1)[0] == 'a/x'
        assert Path(manifest['x.jpg']).stem == 'x' and Path(manifest['x.png']).stem == 'x.png'
    files = {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}
    more = {'yolo': {'data.yaml'}, 'label-studio': {'labels.xml'}, 'cvat': {'masks.zip'}}
    listed = set() if kind == 'cvat' else set(manifest.values())
    assert files == listed | {'manifest.json'} | more.get(kind, set())


def test_png(written, masks):
    folder, output, manifest = written['png']
    assert output == folder
    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(folder / manifest[name]), mask)
        with Image.open(folder / manifest[name]) as image:
            assert image.mode == 'P'
            colors = np.asarray(image.convert('RGB'))
        np.testing.assert_array_equal(colors, np.array([*PALETTE, IGNORE_COLOR], np.uint8)[np.minimum(mask, 4)])


def test_color(written, masks):
    folder, _, manifest = written['color']
    for name, mask in masks.items():
        colors = cv2.imread(str(folder / manifest[name]), cv2.IMREAD_COLOR)[..., ::-1]
        np.testing.assert_array_equal(colors, np.array([*PALETTE, IGNORE_COLOR], np.uint8)[np.minimum(mask, 4)])


@pytest.mark.filterwarnings('ignore:__array__ implementation:DeprecationWarning')
def test_coco_with_pycocotools(written, masks, capsys):
    coco = pytest.importorskip('pycocotools.coco', reason='pip install pycocotools')
    from pycocotools import mask as coco_mask

    dataset = coco.COCO(str(written['coco'][1]))
    assert dataset.cats == {label: dict(id=label, name=CLASSES[label]) for label in (1, 2, 3)}
    assert [image['file_name'] for image in dataset.imgs.values()] == NAMES
    for image in dataset.imgs.values():
        mask = masks[image['file_name']]
        assert (image['height'], image['width']) == mask.shape
        read = np.zeros_like(mask)
        annotations = dataset.loadAnns(dataset.getAnnIds(image['id']))
        assert len({item['category_id'] for item in annotations}) == len(annotations)
        for item in annotations:
            region = dataset.annToMask(item).astype(bool)
            assert not read[region].any() and item['iscrowd'] == 0
            read[region] = item['category_id']
            encoded = coco_mask.encode(np.asfortranarray(region.astype(np.uint8)))
            assert item['segmentation']['counts'] == encoded['counts'].decode()
            assert item['area'] == coco_mask.area(encoded) == region.sum()
            assert item['bbox'] == coco_mask.toBbox(encoded).tolist()
        np.testing.assert_array_equal(read, hide_ignored(mask))


def test_coco_instances_are_the_components(written, masks):
    coco = pytest.importorskip('pycocotools.coco', reason='pip install pycocotools')
    dataset = coco.COCO(str(written['coco-instances'][1]))
    assert list(dataset.anns) == list(range(1, len(dataset.anns) + 1))  # unique over the file
    dropped = 0
    for image in dataset.imgs.values():
        mask = masks[image['file_name']]
        rest = {(k, one) for k in (1, 2, 3) for one in range(1, components_of(mask == k, connectivity=1).max() + 1)}
        for item in dataset.loadAnns(dataset.getAnnIds(image['id'])):
            region = dataset.annToMask(item).astype(bool)
            components = components_of(mask == item['category_id'], connectivity=1)
            (one,) = set(components[region].tolist())
            np.testing.assert_array_equal(region, components == one)
            assert region.sum() == item['area'] >= 0.01 * mask.size
            rest.remove((item['category_id'], one))  # each once
        assert all((components_of(mask == k, connectivity=1) == one).sum() < 0.01 * mask.size for k, one in rest)
        dropped += len(rest)
    assert dropped and len(dataset.anns) > 30


def test_coco_instances_of_ids(tmp_path):
    mask = np.array([[1, 1, 2, 0], [1, 1, 2, 255], [0, 0, 0, 1]], np.uint8)
    ids = np.array([[1, 2, 2, 0], [1, 2, 2, 5], [0, 0, 0, 1]])  # two touch; one is in two components
    with COCOInstanceWriter(tmp_path, CLASSES, PALETTE, min_fraction=0) as writer:
        writer.write('a.jpg', mask, instances=ids)
        writer.write('b.jpg', mask)  # the ids of the previous image are forgotten
        with pytest.raises(ValueError, match=r'c.jpg: `instances` must be \(3, 4\) integers, got \(3, 4\) float64'):
            writer.write('c.jpg', mask, instances=ids / 2)
    found = json.loads(writer.output.read_text())['annotations']
    assert [(item['image_id'], item['category_id'], item['area']) for item in found] == [
        (1, 1, 3),
        (1, 1, 2),
        (1, 2, 2),
        (2, 1, 4),
        (2, 1, 1),
        (2, 2, 2),
    ]
    with pytest.raises(ValueError, match=r'`min_fraction` must be in \[0, 1\], got 2'):
        COCOInstanceWriter(tmp_path, CLASSES, PALETTE, 2)


@pytest.mark.parametrize(
    'counts', [[], [5], [0, 7], [3, 4, 33, 8], [0, 1, 100000, 1, 2, 40, 16, 15, 1024], [20, 1, 4, 17, 20]]
)
def test_counts_are_decoded_again(counts):
    assert decode_counts(encode_counts(counts)).tolist() == counts


def yolo_mask(path, shape):
    """Read a label file as Ultralytics does: corners rounded down, filled by OpenCV."""
    mask = np.zeros(shape, np.uint8)
    for line in path.read_text().splitlines():
        label, *numbers = line.split()
        corners = np.array(numbers, float).reshape(-1, 2)
        assert len(corners) >= 4 and corners.min() > 0 and corners.max() < 1
        cv2.fillPoly(mask, [(corners * shape[::-1]).astype(np.int32)], int(label) + 1)
    return mask


def test_yolo(written, masks):
    folder, _, manifest = written['yolo']
    content = yaml.safe_load((folder / 'data.yaml').read_text())
    assert content['names'] == dict(enumerate(CLASSES[1:]))
    for name, mask in masks.items():
        np.testing.assert_array_equal(yolo_mask(folder / manifest[name], mask.shape), hide_ignored(mask))


def test_yolo_of_a_large_mask_is_exact(tmp_path):
    mask = np.zeros((3000, 4001), np.uint8)
    cv2.circle(mask, (2000, 1500), 1400, 1, -1)
    cv2.circle(mask, (2100, 1400), 333, 2, -1)
    with open_mask_writer('yolo', tmp_path, CLASSES, PALETTE) as writer:
        writer.write('a.jpg', mask)
    np.testing.assert_array_equal(yolo_mask(tmp_path / 'labels/a.txt', mask.shape), mask)


def test_cvat(written, masks):
    folder, output, manifest = written['cvat']
    with zipfile.ZipFile(output) as archive:
        assert archive.testzip() is None
        lines = [line for line in archive.read('labelmap.txt').decode().splitlines() if not line.startswith('#')]
        labels = {}
        for line in lines:
            name, color, parts, actions = line.split(':')
            labels[tuple(map(int, color.split(',')))] = name
        assert list(labels.values()) == [*CLASSES, 'ignored']
        items = archive.read('ImageSets/Segmentation/default.txt').decode().splitlines()
        members = {f'{part}/{item}.png' for part in ('SegmentationClass', 'SegmentationObject') for item in items}
        assert set(archive.namelist()) == members | {'labelmap.txt', 'ImageSets/Segmentation/default.txt'}
        for name, item in zip(NAMES, items, strict=True):
            assert manifest[name] == f'masks.zip/SegmentationClass/{item}.png'
            colors, objects = (
                np.asarray(Image.open(io.BytesIO(archive.read(f'{part}/{item}.png'))))
                for part in ('SegmentationClass', 'SegmentationObject')
            )
            assert colors.shape == objects.shape == (*masks[name].shape, 3)
            read = np.zeros(masks[name].shape, np.uint8)
            for color in np.unique(objects.reshape(-1, 3), axis=0):
                region = (objects == color).all(-1)
                if color.any():
                    (own,) = {tuple(value) for value in colors[region].tolist()}
                    read[region] = CLASSES.index(labels[own])
                    assert color.tolist() in object_colors(4).tolist()
            np.testing.assert_array_equal(read, hide_ignored(masks[name]))
            np.testing.assert_array_equal((colors == IGNORE_COLOR).all(-1), masks[name] == 255)


def test_object_colors_are_those_of_voc():
    voc = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
    assert object_colors(5).tolist() == [list(color) for color in voc]
    assert object_colors(256)[[20, 255]].tolist() == [[0, 64, 128], [224, 224, 192]]
    assert len(np.unique(object_colors(256), axis=0)) == 256


class Bits:
    """Reader of a stream of bits, the highest of each byte first."""

    def __init__(self, content):
        self.bits, self.place = ''.join(f'{byte:08b}' for byte in content), 0

    def read(self, count):
        self.place += count
        return int(self.bits[self.place - count : self.place], 2)


def decode_brush(content):
    """The decoder of ``@thi.ng/rle-pack``, from its description."""
    stream = Bits(content)
    count, word = stream.read(32), stream.read(5) + 1
    sizes = [stream.read(4) + 1 for _ in range(4)]
    values = []
    while len(values) < count:
        run = stream.read(1)
        length = stream.read(sizes[stream.read(2)]) + 1
        values += [stream.read(word)] * length if run else [stream.read(word) for _ in range(length)]
    assert len(values) == count and len(stream.bits) - stream.place < 8
    return np.array(values, np.uint8)


def test_label_studio(written, masks):
    folder, output, _ = written['label-studio']
    tasks = json.loads(output.read_text())
    assert [unquote(task['data']['image'].removeprefix('/data/local-files/?d=')) for task in tasks] == NAMES
    interface = ElementTree.parse(folder / 'labels.xml').getroot()
    image, brush = interface.find('Image'), interface.find('BrushLabels')
    assert image.get('value') == '$image'
    assert [(label.get('value'), label.get('background')) for label in brush] == [
        (name, '#{:02x}{:02x}{:02x}'.format(*color)) for name, color in zip(CLASSES[1:], PALETTE[1:], strict=True)
    ]
    for name, task in zip(NAMES, tasks, strict=True):
        mask = masks[name]
        read = np.zeros_like(mask)
        (prediction,) = task['predictions']
        for result in prediction['result']:
            assert (result['from_name'], result['to_name']) == (brush.get('name'), image.get('name'))
            assert (result['original_height'], result['original_width']) == mask.shape
            assert (result['type'], result['value']['format']) == ('brushlabels', 'rle')
            rgba = decode_brush(result['value']['rle']).reshape(*mask.shape, 4)
            assert set(np.unique(rgba)) == {0, 255} and (rgba == rgba[..., :1]).all()
            (label,) = result['value']['brushlabels']
            read[rgba[..., 3] > 0] = CLASSES.index(label)
        np.testing.assert_array_equal(read, hide_ignored(mask))


@pytest.mark.parametrize('shape', [(1, 1), (1, 2), (3, 64), (128, 129), (129, 128), (200, 300)])
def test_label_studio_runs_of_all_lengths(tmp_path, shape):
    mask = np.ones(shape, np.uint8)  # runs of 4 bytes to more than 65536
    mask.reshape(-1)[1::100] = 2
    mask[: shape[0] // 2] = 1
    with open_mask_writer('label-studio', tmp_path, CLASSES, PALETTE) as writer:
        writer.write('a.jpg', mask)
    (task,) = json.loads(writer.output.read_text())
    for result in task['predictions'][0]['result']:
        label = CLASSES.index(result['value']['brushlabels'][0])
        np.testing.assert_array_equal(decode_brush(result['value']['rle'])[3::4] > 0, mask.reshape(-1) == label)


@pytest.mark.parametrize('pixels', [1, 2, 3, 4, 5, 63, 64, 65, 16383, 16384, 16385, 32768])
def test_label_studio_single_run(pixels):
    assert (decode_brush(encode_brush(np.ones((1, pixels), bool))) == 255).sum() == 4 * pixels


def test_written_labels_are_read_back(written, masks):
    expected = {name: {CLASSES[k] for k in np.unique(mask) if 0 < k < 4} for name, mask in masks.items()}
    records, _ = read_image_labels(written['coco'][1])
    assert {record.image: set(record.labels) for record in records} == expected
    folder, _, manifest = written['yolo']
    records, _ = read_image_labels(folder)
    assert {f'labels/{record.image}.txt': set(record.labels) for record in records} == {
        manifest[name]: labels for name, labels in expected.items()
    }


def test_overlay_keeps_the_background_and_marks_the_rest(written, masks):
    folder, _, manifest = written['overlay']
    for name, mask in masks.items():
        drawing = np.asarray(Image.open(folder / manifest[name]))
        assert drawing.shape[0] > mask.shape[0]
        image = drawing[: mask.shape[0], : mask.shape[1]]
        assert (image[mask == 0] == 100).all()
        for label in (1, 2, 3):
            inside = cv2.erode((mask == label).astype(np.uint8), np.ones((3, 3)), borderValue=1).astype(bool)
            assert (image[inside] == (100 + np.array(PALETTE[label])) // 2).all()
        assert (image[mask == 255] != 100).all()


def test_stripes_have_two_tones():
    blended = blend_mask(np.full((40, 40, 3), 100, np.uint8), np.full((40, 40), 255, np.uint8), PALETTE)
    assert len(np.unique(blended)) == 2 and len(np.unique(np.diagonal(blended))) == 2


def test_legend_has_room_for_its_names():
    image = np.zeros((30, 40, 3), np.uint8)
    entries = [('a name that is wider than the image', (200, 0, 0)), ('ignored', None), ('x', (0, 200, 0))]
    drawing = np.asarray(add_legend(image, entries))
    assert (drawing[:30, :40] == 0).all() and drawing.shape[1] > 40
    assert (drawing[:, -3:] == 255).all() and (drawing[-4:] == 255).all()  # nothing is cut off
    legend = drawing[30:].reshape(-1, 3).tolist()
    for color in ((200, 0, 0), (0, 200, 0), (70, 70, 70), (235, 235, 235)):
        assert list(color) in legend


@pytest.mark.parametrize('kind', ['coco', 'cvat', 'label-studio', 'png'])
def test_an_error_leaves_no_partial_file(tmp_path, kind):
    (tmp_path / 'annotations.json').write_text('old')
    with pytest.raises(RuntimeError, match='stop'):
        with open_mask_writer(kind, tmp_path, CLASSES, PALETTE) as writer:
            writer.write('a.jpg', np.ones((4, 5), np.uint8))
            raise RuntimeError('stop')
    left = {path.name for path in tmp_path.iterdir()} - {'a.png'}
    assert left == {'annotations.json'} and (tmp_path / 'annotations.json').read_text() == 'old'


def test_an_error_at_the_end_leaves_no_partial_file(tmp_path, monkeypatch):
    writer = open_mask_writer('coco', tmp_path, CLASSES, PALETTE)
    monkeypatch.setattr(writer, '_close', lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError), writer:
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('kind', MASK_FORMATS)
def test_no_images(tmp_path, kind):
    with open_mask_writer(kind, tmp_path, CLASSES, PALETTE) as writer:
        pass
    assert json.loads((tmp_path / 'manifest.json').read_text()) == {}
    if writer.output.suffix == '.json':
        json.loads(writer.output.read_text())


def test_coco_without_pycocotools(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycocotools', None)
    with open_mask_writer('coco', tmp_path, CLASSES, PALETTE) as writer:
        writer.write('a.jpg', np.ones((2, 3), np.uint8))
    (item,) = json.loads(writer.output.read_text())['annotations']
    assert decode_counts(item['segmentation']['counts']).tolist() == [0, 6]


MASK = np.zeros((4, 5), np.uint8)


@pytest.mark.parametrize(
    ('name', 'mask', 'image', 'match'),
    [
        ('/a.jpg', MASK, None, r"`name` must be a path within the folder of images, got '/a\.jpg'"),
        ('x/../../a.jpg', MASK, None, 'path within'),
        ('..\\a.jpg', MASK, None, 'path within'),
        ('', MASK, None, 'path within'),
        ('twice.jpg', MASK, MASK, "must not be written twice, got 'twice.jpg'"),
        ('a.jpg', MASK.astype(int), None, r'a\.jpg: `mask` must be \(H, W\) uint8, got \(4, 5\) int64'),
        ('a.jpg', MASK[None], None, r'got \(1, 4, 5\)'),
        ('a.jpg', MASK[:0], None, r'got \(0, 5\)'),
        ('a.jpg', MASK + 4, None, r'must be in 0\.\.3 or 255, got 4'),
        ('a.jpg', MASK, None, r'`image` must be \(4, 5, 3\) uint8, got None'),
        ('a.jpg', MASK, np.zeros((5, 4, 3), np.uint8), r'got \(5, 4, 3\) uint8'),
    ],
)
def test_invalid_masks_are_rejected(tmp_path, name, mask, image, match):
    with open_mask_writer('overlay', tmp_path, CLASSES, PALETTE) as writer:
        writer.write('twice.jpg', MASK, np.zeros((4, 5, 3), np.uint8))
        with pytest.raises(ValueError, match=match):
            writer.write(name, mask, image)
    assert list(writer.manifest) == ['twice.jpg']


@pytest.mark.parametrize(
    ('kind', 'classes', 'palette', 'match'),
    [
        ('gif', CLASSES, PALETTE, r"`format` must be one of \('png', 'color'.*got 'gif'"),
        ('png', CLASSES[:1], PALETTE[:1], 'must be 2 to 255 names.*got 1'),
        ('png', CLASSES, PALETTE[:3], 'a color for each of the 4 classes, got 3'),
        ('color', CLASSES, [*PALETTE[:3], PALETTE[1]], r'got \(128, 0, 0\) twice'),
        ('color', CLASSES, [*PALETTE[:3], IGNORE_COLOR], r'got \(224, 224, 192\) twice'),
        ('cvat', CLASSES, [(9, 9, 9), (0, 0, 0), *PALETTE[2:]], r'got \(0, 0, 0\) twice'),
        ('cvat', ('background', 'a:b'), PALETTE[:2], "names without ':', .*got 'a:b'"),
    ],
)
def test_invalid_classes_are_rejected(tmp_path, kind, classes, palette, match):
    with pytest.raises(ValueError, match=match):
        open_mask_writer(kind, tmp_path, classes, palette)


def test_equal_colors_do_not_matter_where_indices_are_written(tmp_path):
    with open_mask_writer('png', tmp_path, CLASSES, np.zeros((4, 3), int)) as writer:
        writer.write('a.jpg', MASK + 3)
    assert (read_mask(tmp_path / 'a.png') == 3).all()
