"""ProNet: one score over all scales, and a cascade whose second level sees the mistakes of the first."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl.functional import crop_and_resize, lse_pool
from mmwsl.registry import MODELS

PLAIN = dict(type='mmwsl.PlainCNN', channels=(6, 8), strides=(2, 2))
HEAD = dict(
    in_channels=8,
    num_classes=4,
    hidden_channels=(),
    kernel_size=1,
    loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
)
LEVEL1 = dict(
    type='mmwsl.ProposalNetwork',
    backbone=dict(type='mmwsl.ScalePyramid', scales=(0.5, 1.0), backbone=PLAIN),
    decode_head=dict(
        HEAD,
        type='mmwsl.PyramidAggregationHead',
        aggregator=dict(type='mmwsl.LSEPooling', r=2.0),
        background=dict(type='mmwsl.ConstantBackground'),
    ),
    data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(32, 32)),
    train_cfg=dict(),
    test_cfg=ConfigDict(mode='whole'),
)
CASCADE = dict(
    LEVEL1,
    type='mmwsl.ProNet',
    field=12,
    crop_size=16,
    max_pairs=6,
    threshold=0.0,
    max_boxes=None,
    max_overlap=1.0,
    box_backbone=PLAIN,
    box_head=dict(HEAD, type='mmwsl.LSEAggregationHead', aggregator=dict(type='mmwsl.GlobalAveragePooling')),
)
METAS = [dict(img_shape=(32, 32))] * 2
SIZE = (32, 32)


def build(config, **settings):
    torch.manual_seed(0)
    model = MODELS.build(dict(config, **settings))
    for head in (model.decode_head, *getattr(model, 'box_heads', ())):
        nn.init.normal_(head.conv_seg.weight)
    return model.eval()


def batch(*labels, shapes=None):
    torch.manual_seed(1)
    shapes = shapes or [SIZE] * len(labels)
    samples = []
    for label, shape in zip(labels, shapes, strict=True):
        sample = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=shape))
        sample.gt_label = LabelData(score=torch.tensor([-1.0, *label]))
        samples.append(sample)
    images = [torch.randint(0, 256, (3, *shape), dtype=torch.uint8) for shape in shapes]
    return dict(inputs=images, data_samples=samples)


INPUTS = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))


def test_log_sum_exp_is_over_locations_and_scales_in_any_order():
    results = []
    for scales in ((0.5, 1.0, 1.5), (1.5, 0.5, 1.0)):
        model = build(LEVEL1, backbone=dict(LEVEL1['backbone'], scales=scales))
        with torch.no_grad():
            results.append(model.score(INPUTS, METAS, SIZE, SIZE))
            features = [
                model.backbone.backbone(nn.functional.interpolate(INPUTS, (s, s), mode='bilinear'))[-1]
                for s in (16, 32, 48)
            ]
            maps = [model.decode_head.conv_seg(feature).flatten(2) for feature in features]
    torch.testing.assert_close(*results)
    together = torch.cat(maps, 2)[..., None]
    torch.testing.assert_close(results[0][1], lse_pool(together, 2.0))
    assert results[0][0].shape == (2, 4, 12, 12)
    largest = [
        nn.functional.interpolate(one.unflatten(2, (s, s)), (12, 12), mode='bilinear')
        for one, s in zip(maps, (4, 8, 12), strict=True)
    ]
    torch.testing.assert_close(results[0][0], torch.stack(largest).amax(0))


def test_padding_has_no_part_in_any_scale():
    model = build(LEVEL1)
    metas = [dict(img_shape=(16, 32), img_padding_size=(0, 0, 0, 16))]
    padded = INPUTS[:1].clone()
    padded[:, :, 16:] = 0
    other = padded.clone()
    other[:, :, 28:] = 5.0
    with torch.no_grad():
        torch.testing.assert_close(model.score(other, metas, SIZE, SIZE)[1], model.score(padded, metas, SIZE, SIZE)[1])


def test_the_loss_of_level_1_is_of_its_image_scores():
    model = build(LEVEL1).train()
    data = model.data_preprocessor(batch((1, 0, 0), (0, 1, -1)), True)
    loss = model.loss(**data)['decode.loss_cls']
    logits = model.score(data['inputs'], [sample.metainfo for sample in data['data_samples']], SIZE, SIZE)[1]
    targets, known = torch.tensor([[1.0, 0, 0], [0, 1, 0]]), torch.tensor([[1.0, 1, 1], [1, 1, 0]])
    expected = nn.functional.binary_cross_entropy_with_logits(logits[:, 1:], targets, known, reduction='sum') / 5
    torch.testing.assert_close(loss, expected)


def dense(model, inputs):
    """Score every location of every scale by both levels, one box at a time, as ``(N, K - 1, L)``."""
    probs, boxes, _ = model.propose(inputs, METAS)
    found = torch.zeros_like(probs)
    for n in range(len(inputs)):
        for i, box in enumerate(boxes[n]):
            crop = crop_and_resize(inputs[n : n + 1], box[None, None], 16)[0]
            for group, backbone, head in zip(model.groups, model.box_backbones, model.box_heads, strict=True):
                logits = head(backbone(crop)).mean((2, 3))[0]
                for index in group:
                    found[n, index - 1, i] = probs[n, index - 1, i] * logits[index].sigmoid()
    return found, boxes


@pytest.mark.parametrize('groups', [None, [(2,), (1, 3)]], ids=['chain', 'tree'])
def test_all_boxes_give_the_dense_evaluation(groups):
    model = build(CASCADE, groups=groups)
    with torch.no_grad():
        expected, boxes = dense(model, INPUTS)
        maps, image = model.score(INPUTS, METAS, SIZE, SIZE)
    torch.testing.assert_close(image[:, 1:].sigmoid(), expected.amax(2), atol=1e-5, rtol=1e-4)
    assert maps.shape == (2, 4, 8, 8)
    best = expected.argmax(2)
    for n in range(2):
        for k in range(3):  # the point is the center of the best box, up to half a location of the map
            left, top, right, bottom = boxes[n, best[n, k]].tolist()
            row, column = divmod(int(maps[n, k + 1].argmax()), 8)
            assert abs((row + 0.5) / 8 - (top + bottom) / 2) <= 0.125
            assert abs((column + 0.5) / 8 - (left + right) / 2) <= 0.125


def test_the_cost_of_level_2_is_the_number_of_selected_boxes():
    model = build(CASCADE, threshold=0.01, max_boxes=2, max_overlap=0.5)
    seen = []
    model.box_backbones[0].register_forward_hook(lambda module, args, output: seen.append(len(args[0])))
    with torch.no_grad():
        model.score(INPUTS, METAS, SIZE, SIZE)
    assert len(seen) == 2 and all(0 < count <= 2 * 3 for count in seen)
    seen.clear()
    model.selection['threshold'] = 1.0
    with torch.no_grad():
        maps, image = model.score(INPUTS, METAS, SIZE, SIZE)
    assert not seen and (image[:, 1:].sigmoid() < 1e-5).all() and maps.isfinite().all()


@pytest.mark.parametrize('groups', [None, [(2,), (1, 3)]], ids=['chain', 'tree'])
def test_only_level_2_trains_on_the_best_boxes(groups):
    model = build(CASCADE, groups=groups).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    boxes = []
    classify = model.classify
    model.classify = lambda *args: boxes.append(args) or classify(*args)
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    losses = model.train_step(batch((1, 0, 0), (0, 1, -1), (0, 0, 1)), optimizer)
    assert set(losses) == {'loss', 'box.loss_cls'} and losses['loss'].isfinite()
    changed = {name.split('.')[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {'box_backbones', 'box_heads'}
    ((inputs, images, chosen, classes),) = boxes
    labels = [(1, 0, 0), (0, 1, -1), (0, 0, 1)]
    assert [labels[n][k] for n, k in zip(images.tolist(), classes.tolist(), strict=True)] == [1, 1, 1, 0, 0, 0]
    probs, all_boxes, _ = model.propose(inputs, [dict(img_shape=SIZE)] * 3)
    for n, k, box in zip(images, classes, chosen, strict=True):
        assert torch.equal(box, all_boxes[n, probs[n, k].argmax()])


def test_the_loss_is_logistic_of_the_class_of_each_box():
    model = build(CASCADE)
    data = model.data_preprocessor(batch((1, 0, 0)), True)
    found = []
    classify = model.classify
    model.classify = lambda *args: found.append(classify(*args)) or found[-1]
    loss = model.loss(**data)['box.loss_cls']
    ((_, _, logits),) = found[0]
    best = model.propose(data['inputs'], [sample.metainfo for sample in data['data_samples']])[0].amax(2)[0]
    negative = 1 + int(best[1:].argmax())  # one positive box, so one negative: the higher of the two absent classes
    expected = nn.functional.softplus(-logits[0, 1]) + nn.functional.softplus(logits[1, 1 + negative])
    torch.testing.assert_close(loss, expected / 2)


def test_a_batch_without_labels_trains_nothing_without_an_error():
    model = build(CASCADE, groups=[(2,), (1, 3)]).train()
    (loss,) = model.loss(**model.data_preprocessor(batch((-1, -1, -1)), True)).values()
    loss.backward()
    assert loss == 0
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)


def test_a_group_counts_by_its_number_of_boxes():
    model = build(CASCADE, groups=[(2,), (1, 3)])
    data = model.data_preprocessor(batch((1, 0, 0), (0, 1, 0), (0, 0, 1)), True)
    found, targets = [], torch.tensor([1.0, 1, 1, 0, 0, 0])
    classify = model.classify
    model.classify = lambda *args: found.append((args[3], classify(*args))) or found[-1][1]
    loss = model.loss(**data)['box.loss_cls']
    ((classes, parts),) = found
    assert sorted(len(chosen) for _, chosen, _ in parts) != [3, 3]
    each = [
        nn.functional.binary_cross_entropy_with_logits(one[classes[i] + 1], targets[i])
        for _, chosen, logits in parts
        for i, one in zip(chosen, logits, strict=True)
    ]
    torch.testing.assert_close(loss, torch.stack(each).mean())


def test_the_window_of_a_smaller_scale_is_a_larger_part_of_the_image():
    boxes = build(CASCADE).propose(INPUTS[:1], METAS[:1])[1][0]
    small, large = boxes[: 4 * 4].view(4, 4, 4), boxes[4 * 4 :].view(8, 8, 4)
    for grid, place, side in ((small, 2, 12 / 16), (large, 4, 12 / 32)):  # 12 pixels of an input of 16 and of 32
        box, center = grid[place, place], (place + 0.5) / len(grid)
        expected = torch.tensor([center - side / 2] * 2 + [center + side / 2] * 2).clamp(0, 1)
        torch.testing.assert_close(box, expected)


def test_boxes_end_at_the_border_of_the_image():
    model = build(CASCADE)
    metas = [dict(img_padding_size=(0, 8, 0, 16))]
    probs, boxes, valid = model.propose(INPUTS[:1], metas)
    assert (boxes[..., 2] <= 0.75).all() and (boxes[..., 3] <= 0.5).all()
    outside = ~valid[0, :, 0]
    assert outside.any() and (probs[0, :, outside] == -1).all() and (probs[0, :, ~outside] >= 0).all()


def test_the_checkpoint_of_level_1_fits():
    own = {name for name in build(CASCADE).state_dict() if not name.startswith('box_')}
    assert own == set(build(LEVEL1).state_dict())


def test_prediction_is_that_of_every_segmentor():
    model = build(CASCADE, inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
    with torch.no_grad():
        (sample,) = model.test_step(batch((1, 0, 0)))
    assert sample.pred_label.score.shape == (4,) and sample.pred_sem_seg.data.shape == (1, 32, 32)
    assert sample.pred_scores.data.max() <= 1


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(groups=[(1, 2)]), r'`groups` must list each of the classes 1 to 3 once, got \[\[1, 2\]\]'),
        (dict(groups=[(1, 2), (2, 3)]), '`groups` must list each'),
        (dict(backbone=PLAIN), '`backbone` must be a ScalePyramid'),
        (dict(box_head=dict(CASCADE['box_head'], num_classes=5)), 'number of classes .* got None and 5'),
        (
            dict(inference=dict(scorer=dict(type='mmwsl.OverlapTileScorer', tile=8, margin=4))),
            'WholeScorer, got Over',
        ),
        (
            dict(decode_head=dict(LEVEL1['decode_head'], type='mmwsl.LSEAggregationHead')),
            '`decode_head` must be a PyramidAggregationHead .* got LSEAggregationHead',
        ),
        (
            dict(decode_head=dict(LEVEL1['decode_head'], background=dict(type='mmwsl.LearnedBackground'))),
            'must be of independent classes, got LearnedBackground',
        ),
        (dict(backbone=dict(LEVEL1['backbone'], scales=())), '`scales` must be one or more positive factors'),
    ],
)
def test_parts_that_do_not_fit_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        build(CASCADE, **settings)
