"""Command `mmwsl predict`: resumed, quiet, and careful with what is in the output folder."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mmwsl.annotations import MASK_FORMATS
from mmwsl.annotations.score_file import read_codes
from mmwsl.apis import WeakSegInferencer
from mmwsl.apis.image_inputs import ImageInput
from mmwsl.apis.prediction_folder import PredictionFolder, identify
from mmwsl.cli.main import main
from mmwsl.functional import quantize_scores

from .trained import damage, write_shapes, write_weights

CONFIG = 'wsl_lse_shapes_ilp'


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    return write_weights(CONFIG, tmp_path_factory.mktemp('weights') / 'random.pth')


@pytest.fixture
def images(tmp_path):
    return write_shapes(tmp_path / 'images')


@pytest.fixture
def predict(weights, images, tmp_path, capsys):
    """A function that runs the command on the images, and returns its exit code and the lines on the terminal."""

    def run(*arguments, inputs=(images,), config=CONFIG, checkpoint=weights):
        options = ['--out', str(tmp_path / 'out'), '--checkpoint', checkpoint, '--workers', '0']
        try:
            main(['predict', str(config), *map(str, inputs), *options, *map(str, arguments)])
            code = 0
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, [*captured.out.splitlines(), *captured.err.splitlines()]

    return run


def masks(folder):
    return {path.relative_to(folder / 'masks').as_posix(): path for path in (folder / 'masks').rglob('*.png')}


def times(folder):
    return {name: path.stat().st_mtime_ns for name, path in masks(folder).items()}


def entries(folder):
    return [json.loads(line) for line in (folder / 'predictions.jsonl').read_text().splitlines()]


def test_masks_scores_and_probabilities_are_those_of_the_inferencer(predict, weights, images, tmp_path):
    code, lines = predict('--scores')
    out = tmp_path / 'out'
    assert code == 0 and sorted(masks(out)) == ['a.png', 'c.png', 'd.png', 'e.png', 'sub/a.png', 'sub/b.png']
    by_name = {entry['name']: entry for entry in entries(out)}
    for one in WeakSegInferencer(CONFIG, weights).stream(images, return_scores=True):
        entry = by_name.pop(one.name)
        assert np.array_equal(Image.open(out / entry['mask']), one.mask) and entry['image_probs'] == one.image_probs
        codes = read_codes(out / entry['mask'].replace('masks/', 'scores/').replace('.png', '.npz'))
        expected = quantize_scores(one.scores).numpy()
        kept = codes.any((1, 2))
        assert np.array_equal(codes[kept], expected[kept]) and (one.scores[~kept] < 0.01).all()
    assert not by_name
    manifest = json.loads((out / 'manifest.json').read_text())
    assert manifest['checkpoint'] == weights and manifest['classes'][0] == 'background'


def test_the_terminal_shows_the_result_and_the_log_the_rest(predict, tmp_path):
    code, lines = predict()
    assert code == 0 and 3 <= len(lines) <= 5
    assert lines[-3] == f'6 of 6 images have masks in {tmp_path / "out/masks"}'
    assert lines[-2] == f'Log: {tmp_path / "out/predict.log"}' and lines[-1].startswith('Next: ')
    assert 'Loads checkpoint' in (tmp_path / 'out/predict.log').read_text()


def test_images_in_formats_that_are_not_read_are_named(predict, images):
    (images / 'x.gif').write_text('')
    code, lines = predict()
    assert code == 0
    assert 'warning: 1 images have formats that are not read and were left out: x.gif. Convert them.' in lines


def test_an_interrupted_run_predicts_what_is_missing(predict, tmp_path):
    predict(inputs=(tmp_path / 'images/sub', tmp_path / 'images/c.jpg'))
    out = tmp_path / 'out'
    before = times(out)
    assert sorted(before) == ['a.png', 'b.png', 'c.png']
    masks(out)['b.png'].unlink()
    with open(out / 'predictions.jsonl', 'a') as file:
        file.write('{"name": "d.png", "mas')  # killed while it wrote
    (out / 'masks/tmp_x.part').touch()
    code, lines = predict(inputs=(tmp_path / 'images/sub', tmp_path / 'images/c.jpg', tmp_path / 'images/d.png'))
    after = times(out)
    assert code == 0 and '4 of 4' in lines[-3] and sorted(after) == ['a.png', 'b.png', 'c.png', 'd.png']
    assert all(after[name] == before[name] for name in ('a.png', 'c.png'))
    assert len(entries(out)) == 4 and not list(out.rglob('*.part'))


def test_a_finished_folder_needs_no_network(predict, tmp_path, weights):
    predict()
    before = times(tmp_path / 'out')
    (tmp_path / 'out/predict.log').unlink()
    assert predict()[0] == 0
    assert times(tmp_path / 'out') == before
    assert 'Loads checkpoint' not in (tmp_path / 'out/predict.log').read_text()


def test_an_image_that_changed_is_predicted_again(predict, images, tmp_path):
    predict('--scores')
    before = times(tmp_path / 'out')
    shutil.copy(images / 'e.png', images / 'a.png')
    predict('--scores')
    after = times(tmp_path / 'out')
    assert [name for name in before if after[name] != before[name]] == ['a.png']
    assert np.array_equal(*(Image.open(masks(tmp_path / 'out')[name]) for name in ('a.png', 'e.png')))


def test_masks_of_another_image_of_the_same_name_are_kept(predict, images, tmp_path):
    first, second = (tmp_path / name for name in ('first', 'second'))
    for folder, name in ((first, 'a.png'), (second, 'e.png')):
        folder.mkdir()
        shutil.copy(images / name, folder / 'a.png')
    predict(inputs=(first,))
    before = times(tmp_path / 'out')
    code, lines = predict(inputs=(second,))
    assert code == 2 and times(tmp_path / 'out') == before
    assert f'has the mask of {first}/a.png, which would be that of {second}/a.png too' in lines[-1]
    shutil.copy(first / 'a.png', second / 'a.png')  # the same image
    assert predict(inputs=(second,))[0] == 0
    shutil.copy(images / 'e.png', first / 'a.png')
    (second / 'a.png').unlink()  # a folder that was moved, and then changed
    assert predict(inputs=(first,))[0] == 0
    assert times(tmp_path / 'out') != before


def test_a_url_is_another_image_unless_only_its_query_differs(tmp_path):
    given, signed, other = (
        ImageInput('a.png', f'http://host/{path}') for path in ('x/a.png?key=1', 'x/a.png?key=2', 'y/a.png?key=1')
    )
    folder = PredictionFolder(tmp_path, 'digest')
    folder.entries = {'a.png': dict(name='a.png', mask='masks/a.png', source=identify(given))}
    assert folder.missing([given], scores=False) == []
    assert folder.missing([signed], scores=False) == [signed]
    assert folder.missing([other], scores=False, named=True) == [other]
    with pytest.raises(ValueError, match=r'has the mask of http://host/x/a\.png\?key=1'):
        folder.missing([other], scores=False)


def test_scores_asked_for_later_are_added(predict, tmp_path):
    predict()
    assert not (tmp_path / 'out/scores').exists()
    predict('--scores')
    assert len(list((tmp_path / 'out/scores').rglob('*.npz'))) == 6


def test_a_damaged_image_fails_alone_and_is_predicted_once_it_is_replaced(predict, images, tmp_path):
    good = (images / 'd.png').read_bytes()
    damage(images / 'd.png')
    code, lines = predict('--batch-size', 3)
    assert code == 1 and any(line.startswith('failed: d.png: ') for line in lines)
    assert any('5 of 6 images have masks' in line for line in lines) and 'd.png' not in masks(tmp_path / 'out')
    assert 'd.png: ' in (tmp_path / 'out/predict.log').read_text()
    before = times(tmp_path / 'out')
    (images / 'd.png').write_bytes(good)
    code, lines = predict()
    after = times(tmp_path / 'out')
    assert code == 0 and after.keys() - before.keys() == {'d.png'}
    assert all(after[name] == time for name, time in before.items())
    # Damaged now, it has no mask any more: the old one is of another image.
    damage(images / 'd.png')
    assert predict()[0] == 1 and 'd.png' not in masks(tmp_path / 'out')


def test_images_that_differ_in_the_suffix_have_masks_of_their_own(predict, images, tmp_path):
    shutil.copy(images / 'c.jpg', images / 'a.jpg')
    predict()
    names = {entry['name']: entry['mask'] for entry in entries(tmp_path / 'out')}
    assert names['a.jpg'] == 'masks/a.jpg.png' and names['a.png'] == 'masks/a.png.png'
    assert len(set(names.values())) == 7
    shutil.copy(images / 'c.jpg', images / 'e.jpg')  # beside a mask e.png, which remains
    predict()
    names = {entry['name']: entry['mask'] for entry in entries(tmp_path / 'out')}
    assert names['e.png'] == 'masks/e.png' and names['e.jpg'] == 'masks/e.jpg.png'


@pytest.mark.parametrize('change', ['config', 'weights', 'option'])
def test_a_folder_of_another_network_is_rejected_and_kept(predict, tmp_path, change):
    predict()
    files = {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*') if path.name != 'predict.log'}
    other = write_weights(CONFIG, tmp_path / 'other.pth', meta=dict(epoch=3))
    code, lines = {
        'config': lambda: predict(config='wsl_lse_shapes'),
        'weights': lambda: predict(checkpoint=other),
        'option': lambda: predict('--cfg-options', 'model.decode_head.background.threshold=0.4'),
    }[change]()
    assert code == 2 and len(lines) == 1
    assert lines[0].startswith('mmwsl predict: --out must be a new folder') and 'random.pth' in lines[0]
    assert {path: path.read_bytes() for path in files} == files


def test_a_folder_with_masks_of_nobody_is_rejected(predict, tmp_path):
    (tmp_path / 'out/masks').mkdir(parents=True)
    code, lines = predict()
    assert code == 2 and len(lines) == 1
    assert 'must be a new folder or hold results of `mmwsl predict`, got ' in lines[0] and 'with masks' in lines[0]
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['masks']


@pytest.mark.parametrize(
    'arguments, message',
    [
        (dict(inputs=('gone',)), 'must be existing files or folders'),
        (dict(config='wsl_lse_shape'), "config='wsl_lse_shape' does not exist"),
        (dict(checkpoint='gone.pth'), "checkpoint='gone.pth' does not exist"),
    ],
)
def test_a_wrong_argument_is_one_line_and_leaves_nothing(predict, tmp_path, arguments, message):
    code, lines = predict(**arguments)
    assert code == 2 and len(lines) == 1 and message in lines[0]
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('format', [name for name in MASK_FORMATS if name != 'png'])
def test_another_format_is_made_of_the_masks(predict, tmp_path, format):
    predict()
    before = times(tmp_path / 'out')
    for _ in range(2):  # the second one replaces its own files
        code, lines = predict('--format', format)
        assert code == 0 and f'6 of 6 images have masks in {tmp_path / "out" / format}' in lines[0]
        assert any(path.is_file() for path in (tmp_path / 'out' / format).rglob('*'))
    assert times(tmp_path / 'out') == before


def test_a_folder_that_has_the_name_of_a_format_is_kept(predict, tmp_path):
    predict()
    (tmp_path / 'out/overlay').mkdir(parents=True)
    (tmp_path / 'out/overlay/mine.txt').touch()
    code, lines = predict('--format', 'overlay')
    assert code == 2 and 'must hold results of `mmwsl predict` only, got other files overlay/' in lines[-1]
    assert (tmp_path / 'out/overlay/mine.txt').exists()


def test_predictions_of_another_network_are_replaced_only_if_asked_for(predict, images, tmp_path):
    predict()
    (tmp_path / 'out/masks/mine.png').write_text('mine')
    code, lines = predict('--overwrite', inputs=(images / 'c.jpg',), config='wsl_lse_shapes')
    assert code == 0 and sorted(masks(tmp_path / 'out')) == ['c.png', 'mine.png']
    assert [entry['name'] for entry in entries(tmp_path / 'out')] == ['c.jpg']
    assert 'wsl_lse_shapes.py' in json.loads((tmp_path / 'out/manifest.json').read_text())['config']


@pytest.mark.parametrize('out', ['images', 'images/masks', '.'])
def test_masks_are_not_written_beside_the_images(predict, images, tmp_path, out):
    before = sorted(tmp_path.rglob('*'))
    code, lines = predict('--out', tmp_path / out, '--overwrite')
    assert code == 2 and '--out must be apart from the images, labels and masks' in lines[0]
    assert sorted(tmp_path.rglob('*')) == before
