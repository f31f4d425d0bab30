"""What a folder of pseudo-labels holds: masks, scores, and the report on them."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from mmwsl import apis
from mmwsl.apis.pseudo_labels.generation import check_model
from mmwsl.apis.pseudo_labels.store import compress_scores, expand_codes
from mmwsl.datasets.synthetic import draw_layout, render_mask
from mmwsl.functional import DEQUANTIZED, quantize_scores

from .conftest import codes, files, mask

K = 7


def tags(index):
    return {item.label for item in draw_layout(0, index, 96)}


def test_masks_are_the_best_class_of_the_stored_scores_among_the_tags(finished):
    folder = finished
    assert len(files(folder, '.png')) == len(files(folder, '.npz')) == 6
    for index in range(6):
        stored = codes(folder, index)
        np.testing.assert_array_equal(mask(folder, index), stored.argmax(0))
        assert set(np.unique(mask(folder, index))) <= {0, *tags(index)}
        absent = sorted(set(range(1, K)) - tags(index))
        assert not stored[absent].any()
    image = Image.open(folder / 'masks' / 'shapes-0-000000.png')
    assert image.mode == 'P' and image.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
    manifest = json.loads((folder / 'manifest.json').read_text())
    assert manifest['provenance'] == dict(tags='the tags of the predicted images')
    assert manifest['options']['use_image_labels'] is True and manifest['options']['model']['postprocessors']
    assert manifest['images']['count'] == 6 and len(manifest['options']['checkpoint']) == 64
    assert manifest['config'].endswith('wsl_lse_shapes_ilp.py')
    assert set(manifest['versions']) >= {'mmwsl', 'torch', 'mmseg'}
    assert not list(folder.rglob('*.part'))


def test_scores_are_those_of_the_model(run, shapes):
    folder = run('out', '--no-use-image-labels', indices=2, options=['model.test_cfg.use_image_labels=True'])
    cfg = apis.load_config(shapes[0])
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(shapes[1])['state_dict'])
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.test_mode = True
    for index in range(2):
        data = dataset[index]
        data = dict(inputs=[data['inputs']], data_samples=[data['data_samples']])
        with torch.no_grad():
            scores = model.test_step(data)[0].seg_logits.data.exp().numpy()
        assert np.abs(DEQUANTIZED[codes(folder, index)] - scores).max() < 0.0031
    assert json.loads((folder / 'manifest.json').read_text())['provenance'] == {}


def test_the_report_is_what_the_files_say(run, copied):
    folder = run('out', '--rethreshold', '--high', '0.6', '--low', '0.4', '--masks')
    report = json.loads((folder / 'quality.json').read_text())
    masks = np.stack([mask(folder, index) for index in range(6)])
    seeds = np.stack([codes(folder, index).argmax(0) for index in range(6)])
    truth = np.stack([render_mask(draw_layout(0, index, 96), 96) for index in range(6)])
    decided = masks != 255
    assert 0 < report['undecided'] == pytest.approx(100 * (~decided).mean(), abs=0.01)
    lost = {index: tags(index) - set(np.unique(masks[index])) for index in range(6)}
    assert report['label_without_pixel'] == [f'shapes-0-{index:06d}' for index in range(6) if lost[index]] != []
    ious = dict(seeds=[], labels=[])
    for k, row in enumerate(report['classes']):
        where = [index for index in range(6) if k in masks[index]]
        assert row['tagged'] == sum(k in tags(index) for index in range(6))
        assert row['labeled'] == len(where)
        assert row['label_without_pixel'] == sum(k in lost[index] for index in range(6))
        assert row['share'] == pytest.approx(100 * (masks[decided] == k).mean(), abs=0.01)
        shares = [100 * (masks[index] == k).mean() for index in where]
        assert row['area'] == (
            pytest.approx(np.quantile(shares, [0.1, 0.5, 0.9]).tolist(), abs=0.01) if where else None
        )
        for name, found, keep in (('seeds', seeds, np.ones_like(decided)), ('labels', masks, decided)):
            union = (((found == k) | (truth == k)) & keep).sum()
            iou = 100 * ((found == k) & (truth == k) & keep).sum() / union if union else None
            assert row['IoU'][name] == (None if iou is None else pytest.approx(iou, abs=0.01))
            ious[name] += [] if iou is None else [iou]
        there = truth == k
        assert row['undecided'] == (pytest.approx(100 * (~decided)[there].mean(), abs=0.01) if there.any() else None)
    assert report['mIoU'] == {name: pytest.approx(np.mean(values), abs=0.01) for name, values in ious.items()}
    height, width = truth.shape[1:]
    rows, columns = np.mgrid[0.5:height, 0.5:width]
    distance = np.min([rows / height, 1 - rows / height, columns / width, 1 - columns / width], axis=0)
    for share, low in zip(report['missed_foreground'], np.arange(0, 0.5, 0.1), strict=True):
        objects = (truth > 0) & (distance >= low) & (distance < low + 0.1)
        assert share == pytest.approx(100 * (masks == 0)[objects].mean(), abs=0.01)


def test_what_is_left_out_could_never_be_seen():
    scores = torch.tensor([[0.5, 0.001], [0.004, 0.002], [0.3, 0.0009], [0.0, 0.0]])[:, None]
    kept = compress_scores(scores, min_score=0.01)
    assert kept['classes'].tolist() == [0, 1, 2]  # 1 is the best of a pixel
    np.testing.assert_array_equal(expand_codes(**kept), quantize_scores(scores).numpy())
    assert compress_scores(torch.zeros(4, 2, 2))['classes'].tolist() == [0]


@pytest.mark.parametrize(
    'segmentor, wrapper, message',
    [
        ('EncoderDecoder', None, 'mmwsl.WeakEncoderDecoder.*but has EncoderDecoder'),
        ('mmwsl.PostprocessedEncoderDecoder', None, None),
        ('mmwsl.WeakEncoderDecoder', 'SegTTAModel', 'mmwsl.WeakSegTTAModel'),
        ('mmwsl.WeakEncoderDecoder', 'mmwsl.WeakSegTTAModel', None),
    ],
)
def test_models_that_leave_no_scores(repository, segmentor, wrapper, message):
    init_default_scope('mmseg')
    cfg = apis.load_config(repository / 'configs' / 'wsl_lse_shapes.py')
    model = dict(cfg.model, type=segmentor, test_cfg=dict(mode='whole', use_image_labels=True))
    model = MODELS.build(dict(type=wrapper, module=model) if wrapper else model)
    with pytest.raises(TypeError, match=message) if message else nullcontext():
        check_model(model)
