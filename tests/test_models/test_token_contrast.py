"""ToCo on a vision transformer: labels of the tokens, crops, contrasts, gradients, errors of one line."""

import copy
import math

import pytest
import torch
from mmengine.registry import init_default_scope
from torch.nn import functional as F

from mmwsl.engine.hooks import collect_provenance
from mmwsl.functional import crop_token_contrast, double_threshold, patch_token_contrast, uncertain_crops
from mmwsl.models import CropTokenContrastLoss
from mmwsl.registry import MODELS
from tests.tiny_transformers import PATCH, REASON, WIDTH, write_vision

from .test_aggregation_head import _sample

pytest.importorskip('transformers', reason=REASON)
CLASSIFIER = dict(
    type='mmwsl.LSEAggregationHead',
    in_channels=WIDTH,
    in_index=1,
    num_classes=3,
    hidden_channels=(),
    kernel_size=1,
    aggregator=dict(type='mmwsl.GlobalMaxPooling'),
    background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
    loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
)
HEAD = dict(
    type='FCNHead', in_channels=WIDTH, in_index=1, channels=8, num_convs=1, concat_input=False, num_classes=3,
    dropout_ratio=0.0, loss_decode=dict(type='mmwsl.RobustCrossEntropyLoss', balanced=True, loss_weight=0.1),
)  # fmt: skip
CROPS = dict(type='mmwsl.CropTokenContrastLoss', in_channels=WIDTH, channels=(16, 8, 12), crops=3, crop_size=8)
LABELER = dict(type='mmwsl.OnlineLabeler', bg_threshold=0.4, fg_threshold=0.6, tuned_on='masks of mine')


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp('models')
    return {kind: str(write_vision(root / kind, kind)) for kind in ('ViT', 'Siglip')}


def build(folders, kind='ViT', **settings):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    config = dict(
        type='mmwsl.TokenContrastSegmentor',
        data_preprocessor=dict(type='SegDataPreProcessor', pad_val=0, seg_pad_val=255, size=(32, 24)),
        backbone=dict(type='mmwsl.TransformerBackbone', folder=folders[kind], layers=(-3, -1), frozen=False),
        decode_head=HEAD,
        auxiliary_head=CLASSIFIER,
        token_head=dict(CLASSIFIER, in_index=0),
        contrast=dict(type='mmwsl.PatchTokenContrastLoss', in_index=1),
        crop_contrast=CROPS,
        labeler=LABELER,
        warmup_iters=1,
    )
    model = MODELS.build(copy.deepcopy(config | settings))
    for head in (model.auxiliary_head, model.token_head):
        torch.nn.init.normal_(head.conv_seg.weight)
    return model.train()


def batch(model, *shapes, labels=(0.0, 1.0, 1.0)):
    generator = torch.manual_seed(0)
    images = [torch.rand(3, *shape, generator=generator) * 4 - 2 for shape in shapes]
    data = dict(inputs=images, data_samples=[_sample(shape, labels) for shape in shapes])
    return model.data_preprocessor(data, training=True)


def test_tokens_are_labeled_by_the_second_classifier(folders):
    model = build(folders)
    data = batch(model, (32, 24), (20, 24))
    features = model.extract_feat(data['inputs'])
    found = model.label_tokens(features, **data)
    assert found.shape == (2, 8, 6) and not found.requires_grad
    maps = model.token_head.conv_seg(features[0])[:, 1:].relu().detach()
    for index, rows in enumerate((8, 5)):
        inside = maps[index, :, :rows]
        lowest, highest = inside.amin((1, 2), keepdim=True), inside.amax((1, 2), keepdim=True)
        scores = torch.cat([inside[:1] * 0, (inside - lowest) / (highest - lowest + 1e-5)])
        expected = torch.from_numpy(double_threshold(scores.numpy(), 0.4, 0.6))
        assert torch.equal(found[index, :rows], expected.long()) and set(expected.unique().tolist()) == {0, 1, 2, 255}
        assert (found[index, rows:] == 255).all()


def test_the_contrast_of_patches_has_the_labels_of_the_tokens(folders):
    model = build(folders, crop_contrast=None)
    data = batch(model, (32, 24), (20, 24))
    losses = model(**data, mode='loss')  # in the warm-up
    assert losses['labeled_pixels'] == 0 and losses['tokens.loss_cls'] > 0
    features = model.extract_feat(data['inputs'])
    expected = 0.2 * patch_token_contrast(features[1], model.label_tokens(features, **data))
    torch.testing.assert_close(losses['loss_contrast'], expected)
    assert losses['loss_contrast'] > 0 and 'loss_crops' not in losses
    again = model(**data, mode='loss')
    assert again['labeled_pixels'] > 0 and again['decode.loss_noisy'] > 0


def test_gradients_reach_what_the_losses_say(folders):
    model = build(folders)
    data = batch(model, (32, 24))
    losses = model(**data, mode='loss')
    blocks = [f'model.layers.{n}.' for n in range(3)]
    names = [name for name, _ in model.backbone.named_parameters()]
    blocks = blocks if any(blocks[0] in name for name in names) else [f'layer.{n}.' for n in range(3)]

    def reached(loss):
        parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
        gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True, retain_graph=True)
        return {name for name, grad in zip(parameters, gradients, strict=True) if grad is not None and grad.any()}

    def in_blocks(found):
        return [any(block in name for name in found if name.startswith('backbone.')) for block in blocks]

    tokens = reached(losses['tokens.loss_cls'])
    assert in_blocks(tokens) == [True, False, False] and 'token_head.conv_seg.weight' in tokens
    patches = reached(losses['loss_contrast'])
    assert in_blocks(patches) == [True] * 3 and not any('head' in name for name in patches)
    crops = reached(losses['loss_crops'])
    assert in_blocks(crops) == [True] * 3 and 'crop_contrast.projector.weight' in crops
    assert not any(name.startswith(('teacher', 'crop_contrast.teacher', 'token_head', 'auxiliary')) for name in crops)
    assert not any(value.requires_grad for value in model.crop_contrast.teacher.parameters())
    assert collect_provenance(model) == dict(tuned_on='masks of mine')


def test_the_contrast_of_crops_is_that_of_their_class_tokens(folders):
    """Two images, one of them padded; the crops are drawn again with the same seed."""
    model = build(folders)
    data = batch(model, (32, 24), (20, 24))
    torch.manual_seed(3)
    found = model(**data, mode='loss')['loss_crops']
    inputs, features = data['inputs'], model.extract_feat(data['inputs'])
    labels = model.label_tokens(features, **data)
    valid = torch.ones(2, 8, 6, dtype=torch.bool)
    valid[1, 5:] = False
    torch.manual_seed(3)
    corners, positive = uncertain_crops(labels, valid, 3, 2)
    library, projector = model.backbone.model, model.crop_contrast.projector

    def project(image):
        token = library(image[None], interpolate_pos_encoding=True).last_hidden_state[:, 0]
        hidden = projector.layers(token)
        return F.normalize(hidden, dim=1) @ F.normalize(projector.weight, dim=1).T

    total = 0
    for n in range(2):
        views = [inputs[n], inputs[n].flip(2)]
        crops = [inputs[n][:, PATCH * y : PATCH * (y + 2), PATCH * x : PATCH * (x + 2)] for y, x in corners[n].tolist()]
        students = torch.cat([project(image) for image in views + crops])[None]
        chosen = torch.cat([torch.tensor([True, True]), positive[n]])[None]
        total = total + crop_token_contrast(students[:, :2], students, chosen) / 2
    torch.testing.assert_close(found, 0.5 * total, atol=1e-5, rtol=1e-4)


def test_the_teacher_is_a_moving_average_of_the_projection():
    torch.manual_seed(0)
    loss = CropTokenContrastLoss(4, channels=(5, 3, 2), momentum=0.25)
    views, crops = torch.randn(1, 2, 4), torch.randn(1, 3, 4)
    before = loss.projector.weight.detach().clone()
    loss(views, crops, torch.tensor([True]), torch.tensor([[True, False, False]]))
    torch.testing.assert_close(loss.teacher.module.weight, before)
    loss.projector.weight.data += 1
    loss(views, crops, torch.tensor([True]), torch.tensor([[True, False, False]]))
    torch.testing.assert_close(loss.teacher.module.weight, before + 0.25)
    norms = (loss.projector(100 * views)).abs()
    assert norms.max() <= 1 + 1e-6  # cosines
    assert loss(views, crops, torch.tensor([False]), torch.zeros(1, 3, dtype=torch.bool)) == 0


def test_crops_lie_in_the_image_around_uncertain_locations():
    labels, valid = torch.full((1, 12, 10), 4), torch.ones(1, 12, 10, dtype=torch.bool)
    valid[:, 9:], labels[:, 9:] = False, 255
    labels[0, 2, 3] = 0
    corners, positive = uncertain_crops(labels, valid, 50, 4)
    assert torch.equal(corners, torch.tensor([[[0, 1]]]).expand(1, 50, 2)) and positive.all()
    labels[0, 2, 3] = 4  # no uncertain location: among all
    corners, _ = uncertain_crops(labels, valid, 200, 4)
    assert set(corners[0, :, 0].tolist()) == set(range(6)) and set(corners[0, :, 1].tolist()) == set(range(7))
    valid[:, :3], valid[:, :, :4] = False, False  # a rectangle that begins at (3, 4)
    corners, _ = uncertain_crops(labels, valid, 200, 4)
    assert set(corners[0, :, 0].tolist()) == {3, 4, 5} and set(corners[0, :, 1].tolist()) == {4, 5, 6}
    valid[:, :7], valid[:, :, :7] = False, False  # 2 x 3 locations, fewer than a crop has
    corners, _ = uncertain_crops(labels, valid, 20, 4)
    assert torch.equal(corners, torch.tensor([[[7, 6]]]).expand(1, 20, 2))


@pytest.mark.parametrize(
    'ignored, objects, expected', [(3, 0, False), (4, 0, True), (0, 1, False), (0, 2, True), (1, 1, False)]
)
def test_crops_with_a_small_mean_are_negative(ignored, objects, expected):
    """Of 16 locations, the mean must exceed 0.2: more than 3.2."""
    labels = torch.zeros(16, dtype=torch.int64)
    labels[:ignored], labels[ignored : ignored + objects] = 255, 7
    _, positive = uncertain_crops(labels.view(1, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool), 1, 4)
    assert positive.item() is expected


@pytest.mark.parametrize('size', [(30, 21), (5, 24)])
def test_sizes_off_the_grid_and_images_smaller_than_a_crop(folders, size):
    model = build(folders, data_preprocessor=dict(type='SegDataPreProcessor', pad_val=0, seg_pad_val=255, size=size))
    data = batch(model, size, size)
    for _ in range(2):
        losses = model(**data, mode='loss')
        assert all(value.isfinite() for value in losses.values())
    assert model.label_tokens(model.extract_feat(data['inputs']), **data).shape == (
        2,
        -(-size[0] // 4),
        -(-size[1] // 4),
    )


def test_an_image_without_a_class_has_no_contrast_of_crops(folders):
    model = build(folders)
    losses = model(**batch(model, (32, 24), labels=(0.0, 0.0, 0.0)), mode='loss')
    assert losses['loss_crops'] == 0 and all(value.isfinite() for value in losses.values())


@pytest.mark.parametrize(
    'kind, settings, words',
    [
        ('ViT', dict(token_head=dict(HEAD)), '`token_head` must be a LSEAggregationHead, got FCNHead'),
        ('ViT', dict(token_head=dict(CLASSIFIER, num_classes=4)), '`token_head.num_classes` must equal.*got 4 and 3'),
        ('ViT', dict(crop_contrast=dict(CROPS, crops=0)), '`crops` must be'),
        ('ViT', dict(crop_contrast=dict(CROPS, momentum=1.0)), r'`crop_contrast.momentum` must be in \(0, 1\)'),
        ('ViT', dict(crop_contrast=dict(CROPS, temperature=0.0)), '`crop_contrast.temperature` must be .* got 0.0'),
        (
            'ViT',
            dict(crop_contrast=dict(CROPS, temperature=math.nan)),
            '`crop_contrast.temperature` must be .* got nan',
        ),
        (
            'ViT',
            dict(crop_contrast=dict(CROPS, threshold=2.0)),
            r'`crop_contrast.threshold` must be in \[0, 2\), got 2.0',
        ),
        (
            'ViT',
            dict(crop_contrast=dict(type='mmwsl.PatchTokenContrastLoss')),
            '`crop_contrast` must be a CropTokenContrastLoss, got PatchTokenContrastLoss',
        ),
        ('Siglip', {}, '`model.crop_contrast` must be None for a backbone without class token'),
        (
            'ViT',
            dict(
                backbone=dict(
                    type='ResNet',
                    depth=18,
                    base_channels=8,
                    num_stages=1,
                    strides=(1,),
                    dilations=(1,),
                    out_indices=(0,),
                )
            ),
            '`backbone` must be a TransformerBackbone, got ResNet',
        ),
    ],
)
def test_wrong_parts_are_one_line(folders, kind, settings, words):
    with pytest.raises(ValueError, match=words) as error:
        build(folders, kind, **settings)
    assert '\n' not in str(error.value)


def test_a_model_without_class_token_trains_without_crops(folders):
    model = build(folders, 'Siglip', crop_contrast=None)
    losses = model(**batch(model, (32, 24)), mode='loss')
    assert 'loss_crops' not in losses and all(value.isfinite() for value in losses.values())


def test_a_frozen_backbone_is_one_line(folders):
    backbone = dict(type='mmwsl.TransformerBackbone', folder=folders['ViT'], layers=(-3, -1))
    with pytest.raises(ValueError, match='`backbone.frozen` must be False for TokenContrastSegmentor, got True'):
        build(folders, backbone=backbone)
