"""Pseudo-labels of images in folders, with a table of image-level labels and masks that may be missing."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmwsl import apis
from mmwsl.apis.pseudo_labels import ManifestError, generate_pseudo_labels
from mmwsl.apis.pseudo_labels.command import main
from mmwsl.apis.pseudo_labels.settings import ground_truth_dataset
from mmwsl.inference import PostProcessor
from mmwsl.registry import POSTPROCESSORS

from .conftest import files


@pytest.fixture
def written(shapes, folder_config, tmp_path):
    """The arguments of a run over the images of `folder_config`."""
    return [str(folder_config), shapes[1], '--work-dir', str(tmp_path / 'work'), '--out', str(tmp_path / 'out')]


@pytest.mark.parametrize('tta', [[], ['--tta']])
def test_no_mask_is_opened_and_the_output_folder_serves_as_masks(written, tmp_path, tta):
    main([*written, *tta])
    found = files(tmp_path / 'out' / 'masks', '.png')
    assert set(found) == {'a/one.png', 'b/one.png', 'b/two.half.png'}
    cfg = apis.load_config(written[0])
    names = ('background', 'star', 'ring')
    dataset = DATASETS.build(
        dict(
            cfg.train_dataloader.dataset,
            seg_map_classes=cfg.train_dataloader.dataset.metainfo.classes,
            label_file='',
            metainfo=dict(classes=names),
            data_prefix=dict(img_path='images', seg_map_path=str(tmp_path / 'out/masks')),
            pipeline=[dict(type='LoadAnnotations')],
        )
    )
    for index, present in enumerate([{2}, {1}, set()]):
        seen = set(np.unique(dataset[index]['gt_seg_map']))
        assert seen <= {0, *present, 255} and (present or seen == {0})
    assert dataset[1]['gt_seg_map'].shape == (21, 30)


@pytest.mark.parametrize('tta', [[], ['--tta']])
def test_batches_of_images_of_several_sizes_have_the_labels_of_single_images(written, tmp_path, tta):
    """The images are 20, 21 and 22 pixels high, 20 after the first is changed."""
    sizes = []
    for name in ('a/one', 'b/one', 'b/two.half'):
        path = tmp_path / 'data' / 'images' / f'{name}.png'
        image = Image.open(path)
        if image.height == 22:
            image.crop((0, 0, 30, 20)).save(path)
        sizes.append(Image.open(path).size)
    assert sizes == [(30, 20), (30, 21), (30, 20)]
    found = []
    for batch in (1, 3):
        out = ['--out', str(tmp_path / f'by_{batch}')]
        main([*written[:-2], *out, *tta, '--cfg-options', f'test_dataloader.batch_size={batch}'])
        found.append(files(tmp_path / f'by_{batch}' / 'masks', '.png'))
    assert len(found[0]) == 3 and found[0] == found[1]


def test_the_error_names_a_broken_image_and_the_other_images_stay(written, tmp_path):
    broken = tmp_path / 'data' / 'images' / 'b' / 'two.half.png'
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    with pytest.raises(Exception, match=r'two\.half'):
        main(written)
    assert not list((tmp_path / 'out').rglob('*.npz'))  # found before the start
    with pytest.raises(Exception, match=r'two\.half'):
        main([*written, '--check-data', 'off'])
    assert {path.stem for path in (tmp_path / 'out' / 'scores').rglob('*.npz')} == {'one'}
    broken.write_bytes(whole)
    main(written)
    assert len(files(tmp_path / 'out', '.png')) == 3


def test_an_image_that_was_replaced_is_predicted_again(written, tmp_path):
    main(written)
    out, images = tmp_path / 'out', tmp_path / 'data' / 'images'
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob('*/*.npz')}
    (images / 'a' / 'one.png').touch()
    pixels = np.full((22, 30, 3), 200, np.uint8)
    Image.fromarray(pixels).save(images / 'b' / 'two.half.png')
    main(written)
    changed = {path.name for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp}
    assert changed == {'two.half.npz'}  # the content counts, not the time
    again = [*written[:-1], str(tmp_path / 'again')]
    main(again)
    assert files(out, '.png', '.npz') == files(tmp_path / 'again', '.png', '.npz')


def test_the_image_list_may_change_but_not_the_labels_of_finished_images(written, tmp_path):
    """The table is also the list of the images here."""
    main(written)
    table = tmp_path / 'data' / 'labels.csv'
    before = files(tmp_path / 'out', '.npz', '.png')
    table.write_text(table.read_text().replace('a/one,ring\n', ''))
    main(written)
    assert files(tmp_path / 'out', '.npz', '.png') == before
    changed = table.read_text().replace('circle,star', 'circle')
    table.write_text(changed)
    with pytest.raises(ManifestError, match=r"labels of 1 images changed .*'b/one': \[1, 4\] before, \[1\] now"):
        main(written)
    (tmp_path / 'out' / 'scores' / 'b' / 'one.npz').unlink()
    (tmp_path / 'out' / 'masks' / 'b' / 'one.png').unlink()
    main(written)
    assert len(files(tmp_path / 'out', '.png')) == 3


def test_ground_truth_masks_are_read_as_the_test_set_describes_them(written):
    """The masks of the split may be pseudo-labels with other ids."""
    cfg = apis.load_config(written[0])
    init_default_scope('mmseg')
    split = dict(cfg.train_dataloader.dataset, seg_map_classes=('background', 'ring'), seg_map_suffix='_label.png')
    step = [dict(type='LoadAnnotations')]
    ground_truth = DATASETS.build(ground_truth_dataset(ConfigDict(split), ConfigDict(pipeline=step), 'masks'))
    assert ground_truth.seg_map_classes is None and ground_truth.seg_map_suffix == '.png' and len(ground_truth) == 3
    names = ('background', 'star', 'ring', 'circle', 'square', 'triangle', 'cross')
    test_set = ConfigDict(pipeline=step, seg_map_classes=names)
    ground_truth = DATASETS.build(ground_truth_dataset(ConfigDict(split), test_set, 'masks'))
    assert tuple(ground_truth.seg_map_classes) == names and ground_truth.label_map[1] == 4


def test_a_test_set_without_masks_is_rejected(written):
    with pytest.raises(ValueError, match='seg_map_path` must name a folder, got None. Pass --gt-masks FOLDER'):
        main([*written, '--gt-masks', '--cfg-options', 'test_dataloader.dataset.data_prefix.seg_map_path=None'])


def test_a_missing_ground_truth_mask_is_found_before_the_first_prediction(written, tmp_path):
    (tmp_path / 'data' / 'masks' / 'b' / 'one.png').unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 3 masks .*masks': b/one\.png"):
        main([*written, '--gt-masks', 'masks'])
    assert not (tmp_path / 'out').exists()


def test_masks_other_than_png_files_are_rejected(written):
    with pytest.raises(ValueError, match="seg_map_suffix` must end in '.png', got '.tif'"):
        main([*written, '--cfg-options', "train_dataloader.dataset.seg_map_suffix='.tif'"])


def test_the_second_self_training_round(written, tmp_path):
    """It uses the image-level labels, and its manifest names the masks that the first round was tuned on."""
    first, second = tmp_path / 'out', tmp_path / 'second'
    main(written)
    manifest = json.loads((first / 'manifest.json').read_text())
    (first / 'manifest.json').write_text(json.dumps({**manifest, 'provenance': dict(tuned_on='masks of a test')}))
    config = Path(written[0])
    config.write_text(config.read_text().replace('pipeline=[]', "pipeline=[dict(type='LoadAnnotations')]"))
    again = [*written[:-1], str(second)]
    options = ['--cfg-options', f'train_dataloader.dataset.data_prefix.seg_map_path={first}/masks']
    main([*again, *options])
    provenance = json.loads((second / 'manifest.json').read_text())['provenance']
    assert provenance == dict(
        image_labels='the image-level labels of the predicted images', labels_tuned_on='masks of a test'
    )
    for name, present in (('a/one', {5}), ('b/one', {1, 4}), ('b/two.half', set())):
        assert set(np.unique(Image.open(second / 'masks' / f'{name}.png'))) <= {0, *present}
    with pytest.raises(ValueError, match='`train_dataloader.dataset` has none. .*--no-use-image-labels'):
        main([*again, *options, 'train_dataloader.dataset.label_file='])


def test_a_missing_checkpoint(written):
    with pytest.raises(FileNotFoundError, match="checkpoint='nowhere.pth' does not exist"):
        main([written[0], 'nowhere.pth', *written[2:]])


def test_images_with_the_same_name_but_another_suffix_have_a_mask_each(written, tmp_path):
    images = tmp_path / 'data' / 'images' / 'a'
    (images / 'one.jpg').write_bytes((images / 'one.png').read_bytes())
    options = [
        '--cfg-options',
        'train_dataloader.dataset.label_file=',
        "train_dataloader.dataset.img_suffix=['.png','.jpg']",
    ]
    main([*written, '--no-use-image-labels', *options])
    masks = files(tmp_path / 'out', '.png')
    assert sorted(masks) == [f'masks/{name}.png' for name in ('a/one.jpg', 'a/one.png', 'b/one', 'b/two.half')]
    assert masks['masks/a/one.jpg.png'] == masks['masks/a/one.png.png']


def test_ground_truth_masks_of_another_size_are_rejected(written, tmp_path):
    for path in (tmp_path / 'data' / 'masks').rglob('*.png'):
        Image.fromarray(np.zeros((5, 7), np.uint8)).save(path)
    with pytest.raises(
        ValueError, match='3 of 3 masks .* a/one.png must have the size 30 x 20 of its image, got 7 x 5'
    ):
        main([*written, '--gt-masks', 'masks'])
    assert not list((tmp_path / 'out').rglob('*.npz'))  # nothing was predicted
    with pytest.raises(ValueError, match=r"image 'a/one' must have the size .*\(20, 30\), got \(5, 7\)"):
        main([*written, '--gt-masks', 'masks', '--check-data', 'off'])


def test_a_list_within_a_repeated_dataset(written, tmp_path):
    (tmp_path / 'data' / 'list.txt').write_text('b/two.half\nb/one\n')
    cfg = apis.load_config(written[0])
    part = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=3, dataset=dict(part, indices=[1]))
    report = generate_pseudo_labels(cfg, written[1], tmp_path / 'out', ann_file='list.txt')
    assert report['images'] == 1 and set(files(tmp_path / 'out', '.png')) == {'masks/b/one.png'}
    joined = apis.load_config(written[0])
    joined.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[part, part])
    with pytest.raises(ValueError, match='`train_dataloader.dataset` must be one dataset, got 2 that are joined'):
        generate_pseudo_labels(joined, written[1], tmp_path / 'out')


@POSTPROCESSORS.register_module()
class ScoresAboveOne(PostProcessor):
    def process(self, probs, data_sample):
        return 2 + probs


def test_the_error_names_the_image_whose_scores_are_out_of_range(written):
    cfg = apis.load_config(written[0])
    cfg.model.inference = dict(postprocessors=[dict(type='mmwsl.ScoresAboveOne')])
    with pytest.raises(ValueError, match=r"image '.*a/one.png': `scores` must be in \[0, 1\]"):
        generate_pseudo_labels(cfg, written[1], written[-1], use_image_labels=False)
