"""Images and masks of a run: rejected before it starts, and compared between training and evaluation."""

import json
import os
import shutil
import time

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmwsl.apis.comparison.command import main as compare
from mmwsl.apis.data_check import check_files, files
from mmwsl.apis.data_check.overlap import describe_overlap, shared_images, training_images
from mmwsl.apis.testing import main as evaluate
from mmwsl.apis.training import main as train
from mmwsl.apis.tuning import main as tune_main
from tests.conftest import write_scenes

CLASSES = ('background', 'square')
LOAD = [dict(type='mmwsl.LoadImageAsBGR'), dict(type='LoadAnnotations')]


@pytest.fixture
def scenes(tmp_path):
    """Five images with masks, in a folder of their own."""
    write_scenes(tmp_path / 'data', count=5)
    return tmp_path / 'data'


def build(root, pipeline=(*LOAD, dict(type='PackSegInputs')), **changed):
    """Build a dataset of the scenes."""
    init_default_scope('mmseg')
    return DATASETS.build(settings(root, pipeline) | changed)


def settings(root, pipeline=(*LOAD, dict(type='PackSegInputs'))):
    """Return the config of a dataset of the scenes."""
    return dict(
        type='mmwsl.FolderWeakDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=CLASSES),
        pipeline=list(pipeline),
    )


def edit(root, name, function):
    """Replace a mask by a function of it."""
    path = root / 'masks' / name
    Image.fromarray(function(np.asarray(Image.open(path)))).save(path)


def with_value(value):
    """Return a function that writes a value into a pixel."""

    def write(mask):
        mask = mask.copy()
        mask[3, 4] = value
        return mask

    return write


def spoil(root, kind, name='2.png'):
    """Damage a file of the scenes in one way."""
    image, mask = root / 'images' / name, root / 'masks' / name
    if kind == 'size':
        edit(root, name, lambda mask: mask[:9])
    elif kind == 'rgb':
        edit(root, name, lambda mask: np.stack([mask] * 3, -1))
    elif kind == 'value':
        edit(root, name, with_value(200))
    elif kind == 'binary':
        for path in mask.parent.iterdir():
            edit(root, path.name, lambda mask: mask * 255)
    elif kind == 'empty':
        mask.write_bytes(b'')
    elif kind == 'damaged':
        mask.write_bytes(mask.read_bytes()[:60])
    elif kind == 'image':
        image.write_text('text')
    elif kind == 'side':
        Image.fromarray(np.zeros((1, 16, 3), np.uint8)).save(image)
        Image.fromarray(np.zeros((1, 16), np.uint8)).save(mask)


BAD = [
    ('size', 'data/masks: 1 of 5 masks .* 2.png must have the size 16 x 16 of its image, got 16 x 9. Save a mask at'),
    ('rgb', '2.png must have one channel of class indices, got 3.*Convert colors'),
    ('value', '2.png must have the values 0..1, or 255 to ignore, got 200.*`seg_map_classes`.*--check-data off'),
    ('binary', 'all 5 masks have the values 0 and 255 only.*index of the class.*`seg_map_classes=.*--check-data off'),
    ('empty', r'2.png cannot be read \(must be an image, got an empty file\). Replace'),
    ('damaged', r'2.png cannot be read \(.*'),
    ('image', 'data/images: 1 of 5 images .* 2.png cannot be read .*another file'),
    ('side', 'must have sides of at least 2 pixels, got 16 x 1'),
]


def test_good_files_pass(scenes):
    check_files(build(scenes))


@pytest.mark.parametrize('kind, message', BAD)
def test_bad_files_are_named(scenes, kind, message):
    spoil(scenes, kind)
    with pytest.raises(ValueError, match=message) as error:
        check_files(build(scenes))
    assert len(str(error.value).splitlines()) <= 2 and '\n' not in str(error.value).replace('\n/', '')


def test_many_files_are_counted(scenes):
    for name in '0134':
        spoil(scenes, 'value', f'{name}.png')
    with pytest.raises(ValueError, match=r'4 of 5 masks .* 0.png must .*; 1.png must .*; 3.png must .*; 1 more\.'):
        check_files(build(scenes))


def test_the_hint_for_masks_of_0_and_255_works(scenes):
    spoil(scenes, 'binary')
    with pytest.raises(ValueError, match='seg_map_classes') as error:
        check_files(build(scenes))
    classes = eval(str(error.value).split('`seg_map_classes=')[1].split('`')[0])
    dataset = build(scenes, seg_map_classes=classes)
    check_files(dataset)
    assert set(np.unique(dataset[0]['data_samples'].gt_sem_seg.data)) == {0, 1}


def test_masks_of_ignored_pixels_only_are_rejected(scenes):
    for path in sorted((scenes / 'masks').iterdir())[1:]:
        edit(scenes, path.name, lambda mask: np.full_like(mask, 255))
    check_files(build(scenes))  # one mask has labeled pixels
    edit(scenes, '0.png', lambda mask: np.full_like(mask, 255))
    with pytest.raises(ValueError, match=r'all 5 masks have the values \[255\] only, which are ignored'):
        check_files(build(scenes))


def test_pseudo_labels_without_an_object_are_not_taken_for_masks_of_0_and_255(scenes):
    spoil(scenes, 'binary')
    (scenes / 'manifest.json').write_text('{}')
    check_files(build(scenes))


def test_only_files_that_will_be_read_are_checked(scenes):
    spoil(scenes, 'value')
    check_files(build(scenes, indices=2))
    (scenes / 'list.txt').write_text('0\n4\n')
    check_files(build(scenes, ann_file='list.txt'))
    check_files(build(scenes, pipeline=LOAD[:1], test_mode=True))  # no mask is loaded
    with pytest.raises(ValueError, match='200'):
        check_files(build(scenes, indices=3))


def test_what_the_loader_does_decides(scenes):
    edit(scenes, '1.png', with_value(2))
    with pytest.raises(ValueError, match='got 2'):
        check_files(build(scenes))
    check_files(build(scenes, metainfo=dict(classes=(*CLASSES, 'other'))))
    check_files(build(scenes, seg_map_classes=(*CLASSES, 'other')))  # becomes 255
    check_files(build(scenes, ignore_index=2))
    check_files(build(scenes), ignored=[2])
    plain = dict(type='BaseSegDataset', img_suffix='.png')
    with pytest.raises(ValueError, match=r'must have the values 0..1, or .* got 2'):
        check_files(build(scenes, **plain))
    check_files(build(scenes, reduce_zero_label=True, **plain))


def test_loaders_of_other_classes_are_left_alone(scenes):
    class LoadInvertedMask(LoadAnnotations):
        def _load_seg_map(self, results):
            super()._load_seg_map(results)
            results['gt_seg_map'] = 200 - results['gt_seg_map']

    class LoadOtherFile(BaseTransform):
        loads_masks = True

        def transform(self, results):
            return results

    class NamedLoader(LoadAnnotations):
        """Changes nothing."""

    spoil(scenes, 'value')
    for loader in (LoadInvertedMask, LoadOtherFile, NamedLoader):
        TRANSFORMS.register_module(module=loader, force=True)
        dataset = build(scenes, pipeline=[LOAD[0], dict(type=loader.__name__)])
        if loader is NamedLoader:
            with pytest.raises(ValueError, match='200'):
                check_files(dataset)
        else:
            check_files(dataset)
    with pytest.raises(ValueError, match='200'):
        check_files(build(scenes, pipeline=[LOAD[0], dict(type='RandomApply', transforms=[LOAD[1]])]))


def test_a_palette_is_read_as_its_loader_does(scenes):
    def palette(mask):
        image = Image.fromarray(mask, mode='P')
        image.putpalette([0, 0, 0, 9, 200, 50])
        return image

    for path in (scenes / 'masks').iterdir():
        palette(np.asarray(Image.open(path))).save(path)
    check_files(build(scenes))
    with pytest.raises(ValueError, match='one channel of class indices, got 3'):  # OpenCV decodes colors
        check_files(build(scenes, pipeline=[LOAD[0], dict(LOAD[1], imdecode_backend='cv2')]))


def test_wrappers_are_searched(scenes):
    init_default_scope('mmseg')
    spoil(scenes, 'value')
    good, inner = ({**settings(scenes), 'indices': [index]} for index in (0, 2))
    for wrapper in (
        dict(type='RepeatDataset', times=2, dataset=inner),
        dict(type='ConcatDataset', datasets=[good, inner]),
        dict(type='MultiImageMixDataset', dataset=inner, pipeline=[]),
    ):
        with pytest.raises(ValueError, match='1 of 1 masks'):
            check_files(DATASETS.build(wrapper))
    check_files(DATASETS.build(dict(type='ConcatDataset', datasets=[good, good])))


def test_the_size_is_that_of_the_image_as_it_is_loaded(scenes):
    image = Image.open(scenes / 'images' / '0.png').resize((16, 9))
    exif = image.getexif()
    exif[0x0112] = 6  # upright it is 9 x 16
    image.save(scenes / 'images' / '0.png', exif=exif)
    edit(scenes, '0.png', lambda mask: mask[:9])
    turned = [dict(type='LoadImageFromFile', color_type='unchanged'), LOAD[1]]
    check_files(build(scenes, pipeline=turned))
    with pytest.raises(ValueError, match='must have the size 9 x 16 of its image, got 16 x 9'):
        check_files(build(scenes))
    edit(scenes, '0.png', lambda mask: mask.T)
    dataset = build(scenes)
    check_files(dataset)
    sample = dataset[0]
    assert sample['data_samples'].gt_sem_seg.shape == tuple(sample['inputs'].shape[1:]) == (16, 9)


def test_images_that_may_be_damaged(scenes):
    spoil(scenes, 'image')
    check_files(build(scenes, pipeline=[dict(LOAD[0], on_bad_image='skip'), LOAD[1]]))
    check_files(build(scenes, pipeline=[dict(type='LoadImageFromFile')]))  # OpenCV may have another decoder
    (scenes / 'images' / '2.png').write_bytes(b'')
    with pytest.raises(ValueError, match='2.png cannot be read'):
        check_files(build(scenes, pipeline=[dict(type='LoadImageFromFile')]))
    check_files(build(scenes, pipeline=[dict(type='LoadImageFromFile', ignore_empty=True)]))


def test_a_second_check_reads_nothing(scenes, monkeypatch):
    then = time.time_ns() - 60 * 10**9
    for path in scenes.rglob('*.png'):
        os.utime(path, ns=(then, then))
    check_files(build(scenes))
    for name in ('read_mask_facts', 'read_header'):
        monkeypatch.setattr(files, name, lambda path, **_: pytest.fail(f'{path} was read'))
    check_files(build(scenes))
    edit(scenes, '0.png', with_value(200))
    monkeypatch.undo()
    with pytest.raises(ValueError, match='0.png .* 200'):
        check_files(build(scenes))


def test_progress_of_a_long_check(monkeypatch, capsys):
    monkeypatch.setattr(files, 'SECONDS', 0)
    logged = []
    monkeypatch.setattr(files, 'print_log', lambda text, *_: logged.append(text))
    progress = files.Progress(7, 'masks')
    for _ in range(2):
        time.sleep(0.001)
        progress(3)
    assert logged == ['checked 3 of 7 masks', 'checked 6 of 7 masks']


def test_shared_images(tmp_path):
    names = {}
    for name, content in dict(a=b'1', b=b'22', c=b'33', d=b'22', e=b'44').items():
        names[name] = str(tmp_path / name)
        (tmp_path / name).write_bytes(content)
    os.symlink(names['a'], tmp_path / 'link')
    os.link(names['e'], tmp_path / 'hard')
    trained = [names[name] for name in 'abe']
    evaluated = [str(tmp_path / name) for name in ('link', 'c', 'd', 'hard', 'gone', 'd')]
    assert shared_images(trained, evaluated) == [str(tmp_path / name) for name in ('link', 'd', 'hard')]
    assert shared_images([], evaluated) == shared_images(trained, []) == []
    assert describe_overlap([], 3) == ''
    assert describe_overlap(['/x/a.jpg'], 3, 'test').startswith('1 of 3 test images are also training images')


@pytest.fixture
def config(tiny_config):
    """A config that trains on three images and evaluates the other four."""
    path = tiny_config()
    scenes = path.parent / 'scenes'
    (scenes / 'train.txt').write_text('0\n1\n2\n')
    (scenes / 'val.txt').write_text('3\n4\n5\n6\n')
    text = path.read_text() + "\ntrain_dataloader['dataset'].update(ann_file='train.txt')\n"
    for name in ('val', 'test'):
        text += f"{name}_dataloader['dataset'].update(ann_file='val.txt')\n"
    path.write_text(text.replace('val_interval=100', 'val_interval=4'))
    return path


def metrics_of(work_dir):
    return json.loads(max(work_dir.glob('*/*.json')).read_text())


def test_training_and_test_stop_before_they_start(config, tmp_path):
    scenes = config.parent / 'scenes'
    train([str(config), '--work-dir', str(tmp_path / 'good')])
    checkpoint = str(tmp_path / 'good' / 'iter_4.pth')
    evaluate([str(config), checkpoint, '--work-dir', str(tmp_path / 'tested')])
    assert metrics_of(tmp_path / 'tested').keys() >= {'mIoU'} and 'overlap' not in metrics_of(tmp_path / 'tested')
    edit(scenes, '5.png', with_value(77))  # of val
    for main, arguments in ((train, [str(config)]), (evaluate, [str(config), checkpoint])):
        with pytest.raises(ValueError, match='1 of 4 masks .* 5.png .* got 77'):
            main([*arguments, '--work-dir', str(tmp_path / main.__module__)])
        assert not list((tmp_path / main.__module__).rglob('*.pth'))
        main([*arguments, '--work-dir', str(tmp_path / 'off' / main.__module__), '--check-data', 'off'])
    assert metrics_of(tmp_path / 'off' / evaluate.__module__)['mIoU'] >= 0
    edit(scenes, '1.png', with_value(78))  # of train
    with pytest.raises(ValueError, match='1 of 3 masks .* 1.png .* got 78'):
        train([str(config), '--work-dir', str(tmp_path / 'again')])


def test_what_is_trained_on_and_evaluated_stands_in_the_result(config, tmp_path, caplog):
    scenes = config.parent / 'scenes'
    shutil.copy(scenes / 'images' / '2.png', scenes / 'images' / '6.png')  # a copy
    (scenes / 'val.txt').write_text('0\n3\n6\n')  # and the same file
    train([str(config), '--work-dir', str(tmp_path / 'trained')])
    text = '2 of 3 {} images are also training images, as the same file or a copy: 0.png, 6.png'
    log = max((tmp_path / 'trained').glob('*/*.log')).read_text()
    assert f'overlap: {text.format("validation")}' in log and log.count('overestimated') == 1
    evaluate([str(config), str(tmp_path / 'trained' / 'iter_4.pth'), '--work-dir', str(tmp_path / 'tested')])
    assert metrics_of(tmp_path / 'tested')['overlap'] == text.format('test')


def test_training_images_that_are_not_there_do_not_stop_a_test(config, tmp_path):
    train([str(config), '--work-dir', str(tmp_path / 'trained')])
    (config.parent / 'scenes' / 'train.txt').unlink()
    # A run of the name of another one of this process has no log file.
    name = ['--cfg-options', f'experiment_name={tmp_path.name}_tested']
    evaluate([str(config), str(tmp_path / 'trained' / 'iter_4.pth'), '--work-dir', str(tmp_path / 'tested'), *name])
    log = max((tmp_path / 'tested').glob('*/*.log')).read_text()
    assert 'The test images were not compared with the training images: ' in log
    assert 'overlap' not in metrics_of(tmp_path / 'tested')


def test_labels_of_training_images_in_another_folder_are_not_read(scenes, tmp_path):
    """Those of COCO take long; where the folder has an evaluated image, the labels tell whether it is trained on."""
    label_file = scenes / 'labels.csv'
    label_file.write_text('image,labels\n0,square\n1,square\n')
    cfg = Config(dict(train_dataloader=dict(dataset=settings(scenes, ()) | dict(label_file=str(label_file)))))
    files = [str(scenes / 'images' / f'{name}.png') for name in range(5)]
    other = shutil.copytree(scenes / 'images', tmp_path / 'other')
    for index, path in enumerate(sorted(other.iterdir())):
        path.write_bytes(b'%d' % index)
    others = [str(path) for path in other.iterdir()]
    init_default_scope('mmseg')
    assert shared_images(training_images(cfg, files), files) == files[:2]
    assert shared_images(training_images(cfg, [*others, files[3]]), [*others, files[3]]) == []
    label_file.write_text('not a table')
    assert training_images(cfg, others) == []
    shutil.copy(files[1], others[0])
    with pytest.raises(ValueError, match='labels.csv'):
        training_images(cfg, others)


def test_every_command_that_checks_has_the_switch(capsys):
    from mmwsl.apis.pseudo_labels.command import main as generate
    from mmwsl.cli.run import main as run

    for main in (train, evaluate, tune_main, compare, generate, run):
        with pytest.raises(SystemExit):
            main(['--help'])
        assert '--check-data {on,off}' in capsys.readouterr().out


def test_a_comparison_without_the_check_is_not_the_result_of_one_with_it(config, tmp_path):
    scenes = config.parent / 'scenes'
    train([str(config), '--work-dir', str(tmp_path / 'run')])
    edit(scenes, '5.png', with_value(77))
    arguments = [f'{config}:{tmp_path / "run" / "iter_4.pth"}', '--out', str(tmp_path / 'out'), '--num-images', '0']
    compare([*arguments, '--check-data', 'off'])
    assert (tmp_path / 'out' / 'comparison.csv').exists()
    with pytest.raises(ValueError, match=r'run .* could not be evaluated: .* 5.png .* got 77'):
        compare(arguments)


def test_a_comparison_names_what_is_trained_on_and_evaluated(config, tmp_path, capsys):
    (config.parent / 'scenes' / 'val.txt').write_text('0\n3\n')
    train([str(config), '--work-dir', str(tmp_path / 'run')])
    for _ in range(2):  # the second result is stored
        capsys.readouterr()
        compare([f'{config}:{tmp_path / "run" / "iter_4.pth"}', '--out', str(tmp_path / 'out'), '--num-images', '0'])
        assert 'overlap: 1 of 2 test images are also training images' in capsys.readouterr().out
    assert 'overlap: 1 of 2' in (tmp_path / 'out' / 'comparison.csv').read_text()
