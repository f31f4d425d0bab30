"""Folder of pseudo-labels: masks, scores and the quality report."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from mmwsl import apis
from mmwsl.annotations.rle import segmentation_runs
from mmwsl.annotations.score_file import expand_codes
from mmwsl.apis.pseudo_labels.generate import generate_pseudo_labels
from mmwsl.apis.pseudo_labels.settings import read_settings
from mmwsl.apis.pseudo_labels.store import compress_scores
from mmwsl.datasets.proposals import RegionTree
from mmwsl.datasets.synthetic import draw_layout, render_image, render_mask
from mmwsl.functional import DEQUANTIZED, quantize_scores, region_vote

from .conftest import codes, files, mask

K = 7


def image_labels(index):
    return {item.label for item in draw_layout(0, index, 96)}


def test_masks_are_the_argmax_of_the_stored_scores_among_the_image_level_labels(finished):
    folder = finished
    assert len(files(folder, '.png')) == len(files(folder, '.npz')) == 6
    for index in range(6):
        stored = codes(folder, index)
        np.testing.assert_array_equal(mask(folder, index), stored.argmax(0))
        assert set(np.unique(mask(folder, index))) <= {0, *image_labels(index)}
        absent = sorted(set(range(1, K)) - image_labels(index))
        assert not stored[absent].any()
    image = Image.open(folder / 'masks' / 'shapes-0-000000.png')
    assert image.mode == 'P' and image.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
    manifest = json.loads((folder / 'manifest.json').read_text())
    assert manifest['provenance'] == dict(image_labels='the image-level labels of the predicted images')
    assert (
        manifest['options']['use_image_labels'] is True and manifest['options']['model']['inference']['postprocessors']
    )
    assert manifest['images']['count'] == 6 and len(manifest['options']['checkpoint']) == 64
    assert manifest['config'].endswith('wsl_lse_shapes_ilp.py')
    assert set(manifest['versions']) >= {'mmwsl', 'torch', 'mmseg'}
    assert not list(folder.rglob('*.part'))


def test_scores_are_predicted_by_the_model_without_image_level_labels(run, shapes):
    known = 'model.inference.image_labels.type=mmwsl.KnownImageLabels'
    folder = run('out', '--no-use-image-labels', max_images=2, options=[known])
    cfg = apis.load_config(shapes[0])
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(shapes[1])['state_dict'])
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.test_mode = True
    for index in range(2):
        data = dataset[index]
        data = dict(inputs=[data['inputs']], data_samples=[data['data_samples']])
        with torch.no_grad():
            scores = model.test_step(data)[0].pred_scores.data.numpy()
        assert np.abs(DEQUANTIZED[codes(folder, index)] - scores).max() < 0.0031
    assert json.loads((folder / 'manifest.json').read_text())['provenance'] == {}


def test_the_report_agrees_with_the_files(run, copied):
    folder = run('out', '--rethreshold', '--fg-threshold', '0.6', '--bg-threshold', '0.4', '--gt-masks')
    report = json.loads((folder / 'quality.json').read_text())
    masks = np.stack([mask(folder, index) for index in range(6)])
    argmax = np.stack([codes(folder, index).argmax(0) for index in range(6)])
    ground_truth = np.stack([render_mask(draw_layout(0, index, 96), 96) for index in range(6)])
    kept = masks != 255
    assert 0 < report['ignored'] == pytest.approx(100 * (~kept).mean(), abs=0.01)
    lost = {index: image_labels(index) - set(np.unique(masks[index])) for index in range(6)}
    assert report['label_without_pixel'] == [f'shapes-0-{index:06d}' for index in range(6) if lost[index]] != []
    ious = dict(argmax=[], labels=[])
    for k, row in enumerate(report['classes']):
        where = [index for index in range(6) if k in masks[index]]
        assert row['images_with_label'] == sum(k in image_labels(index) for index in range(6))
        assert row['images_with_pixels'] == len(where)
        assert row['label_without_pixel'] == sum(k in lost[index] for index in range(6))
        assert row['percentage'] == pytest.approx(100 * (masks[kept] == k).mean(), abs=0.01)
        percentages = [100 * (masks[index] == k).mean() for index in where]
        assert row['area'] == (
            pytest.approx(np.quantile(percentages, [0.1, 0.5, 0.9]).tolist(), abs=0.01) if where else None
        )
        for name, found, keep in (('argmax', argmax, np.ones_like(kept)), ('labels', masks, kept)):
            union = (((found == k) | (ground_truth == k)) & keep).sum()
            iou = 100 * ((found == k) & (ground_truth == k) & keep).sum() / union if union else None
            assert row['IoU'][name] == (None if iou is None else pytest.approx(iou, abs=0.01))
            ious[name] += [] if iou is None else [iou]
        there = ground_truth == k
        assert row['ignored'] == (pytest.approx(100 * (~kept)[there].mean(), abs=0.01) if there.any() else None)
    assert report['mIoU'] == {name: pytest.approx(np.mean(values), abs=0.01) for name, values in ious.items()}
    height, width = ground_truth.shape[1:]
    rows, columns = np.mgrid[0.5:height, 0.5:width]
    distance = np.min([rows / height, 1 - rows / height, columns / width, 1 - columns / width], axis=0)
    for percentage, low in zip(report['missed_foreground'], np.arange(0, 0.5, 0.1), strict=True):
        foreground = (ground_truth > 0) & (distance >= low) & (distance < low + 0.1)
        assert percentage == pytest.approx(100 * (masks == 0)[foreground].mean(), abs=0.01)


def test_dropped_classes_can_never_be_selected():
    scores = torch.tensor([[0.5, 0.001], [0.004, 0.002], [0.3, 0.0009], [0.0, 0.0]])[:, None]
    kept = compress_scores(scores, min_score=0.01)
    assert kept['classes'].tolist() == [0, 1, 2]  # 1 is the argmax of a pixel
    np.testing.assert_array_equal(expand_codes(**kept), quantize_scores(scores).numpy())
    assert compress_scores(torch.zeros(4, 2, 2))['classes'].tolist() == [0]


@pytest.mark.parametrize(
    'segmentor, wrapper, message',
    [
        ('EncoderDecoder', None, "`model.type` must be 'mmwsl.WeakEncoderDecoder' .*got 'EncoderDecoder'"),
        ('mmwsl.ProposalCascade', None, None),
        ('mmwsl.WeakEncoderDecoder', 'SegTTAModel', "`tta_model` 'SegTTAModel' would ignore.*mmwsl.WeakSegTTAModel"),
        ('mmwsl.WeakEncoderDecoder', 'mmwsl.WeakSegTTAModel', None),
    ],
)
def test_models_without_scores_of_all_views_are_rejected(shapes, tmp_path, segmentor, wrapper, message):
    cfg = apis.load_config(shapes[0], {'model.type': segmentor})
    if wrapper:
        cfg.tta_model, cfg.tta_pipeline = dict(type=wrapper), cfg.test_dataloader.dataset.pipeline
    with pytest.raises((TypeError, ValueError), match=message) if message else nullcontext():
        read_settings(cfg, shapes[1], tmp_path, tta=wrapper is not None)


KNOWN = dict(type='mmwsl.KnownImageLabels')


@pytest.mark.parametrize(
    'given, split, argument, expected',
    [
        (None, 'train', None, KNOWN),
        (None, 'test', None, None),
        (None, 'test', True, KNOWN),
        (KNOWN, 'test', None, None),
        (dict(KNOWN, keep_foreground=True), 'train', None, dict(KNOWN, keep_foreground=True)),
        (dict(KNOWN, keep_foreground=True), 'train', False, None),
    ],
)
def test_the_arguments_decide_whether_image_level_labels_are_used(shapes, tmp_path, given, split, argument, expected):
    cfg = apis.load_config(shapes[0])
    cfg.model.inference.image_labels = given
    settings = read_settings(cfg, shapes[1], tmp_path, split=split, use_image_labels=argument)
    assert settings.cfg.model.inference.image_labels == settings.options['model'].inference.image_labels == expected
    assert settings.use_image_labels == bool(expected)
    assert cfg.model.inference.image_labels == given  # the config of the caller is not changed
    assert [part.type for part in settings.cfg.model.inference.postprocessors] == ['mmwsl.ImageLevelPrior']


def test_instances_of_the_masks_as_coco(run, copied):
    folder = run('out', '--format', 'coco-instances')
    content = json.loads((folder / 'coco-instances/annotations.json').read_text())
    assert [image['file_name'] for image in content['images']] == [f'shapes-0-{index:06d}.png' for index in range(6)]
    for image in content['images']:
        found = mask(folder, image['id'] - 1)
        for item in (item for item in content['annotations'] if item['image_id'] == image['id']):
            runs = segmentation_runs(item['segmentation'], found.shape)
            inside = np.concatenate([np.arange(*one) for one in runs])
            assert set(found.T.reshape(-1)[inside]) == {item['category_id']}
    assert content['annotations']
    again = run('out', '--format', 'coco-instances')  # the folder is its own, and is replaced
    assert json.loads((again / 'coco-instances/annotations.json').read_text()) == content


def test_regions_vote_on_the_labels(shapes, finished, tmp_path):
    config = tmp_path / 'regions.py'
    config.write_text(f"""_base_ = ['{shapes[0]}']
model = dict(inference=dict(postprocessors=_base_.model.inference.postprocessors + [dict(type='mmwsl.RegionVote')]))
regions = [dict(type='mmwsl.ComputeRegions')]
test_pipeline = _base_.test_pipeline[:1] + regions + _base_.test_pipeline[1:]
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(pipeline=test_pipeline))
train_dataloader = dict(dataset=dict(length=80))
experiment_name = '{tmp_path.name}'
""")
    cfg = apis.load_config(config)
    generate_pseudo_labels(cfg, shapes[1], tmp_path / 'out', max_images=6)
    changed = 0
    for index in range(6):
        image = render_image(draw_layout(0, index, 96), seed=0, index=index, size=96)
        regions = RegionTree()(np.ascontiguousarray(image), {}).regions()
        expected = region_vote(
            torch.from_numpy(mask(finished, index)),
            torch.from_numpy(regions.superpixels.astype(np.int64)),
            torch.from_numpy(regions.members),
        )
        np.testing.assert_array_equal(mask(tmp_path / 'out', index), expected.numpy())
        changed += (mask(finished, index) != expected.numpy()).sum()
    assert changed
