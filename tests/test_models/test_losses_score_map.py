"""Losses of score maps: their latent labels, masks beside tags, and one training step through head and runner."""

import csv

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import adaptive_bias, best_cell_loss, cell_label_loss
from mmwsl.models.losses import AreaConstrainedLoss, BestCellLoss, EMAdaptLoss, EMFixedLoss, MaskLikelihoodLoss
from mmwsl.registry import MODELS

from ..conftest import write_scenes

WEAK = [BestCellLoss, EMFixedLoss, EMAdaptLoss, AreaConstrainedLoss]
TAGS = torch.tensor([[1., 1., 0., 0.], [1., 0., 1., -1.]])
VALID = torch.ones(2, 6, 6, dtype=torch.bool)
VALID[1, 4:] = False


def _scores(*shape, seed=0):
    return 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _mask(seed=0):
    return torch.randint(-1, 4, (6, 6), generator=torch.Generator().manual_seed(seed))


# One loss at a time


def test_em_fixed_is_its_definition():
    scores = _scores(2, 4, 6, 6)
    labels = torch.full((2, 6, 6), -1)
    for n, i, j in VALID.nonzero().tolist():
        biased = {k: scores[n, k, i, j].item() + (1. if k == 0 else 2.5) for k in range(4) if TAGS[n, k] == 1}
        labels[n, i, j] = max(biased, key=biased.get)
    expected = cell_label_loss(scores, labels, TAGS).mean()
    torch.testing.assert_close(EMFixedLoss(2.5, 1.)(scores, TAGS, VALID), expected)
    plain = EMFixedLoss(1.5, 0.)(scores, TAGS, VALID)
    torch.testing.assert_close(plain, expected, msg='only the difference of the biases matters')


def test_em_adapt_teaches_the_shares():
    """Steps along the gradient end with labels of 40 % background, though the network began sure of background."""
    scores = _scores(1, 3, 10, 10)
    scores[:, 0] += 12
    scores.requires_grad_()
    optimizer = torch.optim.Adam([scores], lr=0.5)
    valid, tags = torch.ones(1, 10, 10, dtype=torch.bool), torch.tensor([[1., 1., 0.]])
    torch.manual_seed(0)
    for _ in range(60):
        optimizer.zero_grad()
        EMAdaptLoss(foreground_portion=0.6, background_portion=0.4)(scores, tags, valid).backward()
        optimizer.step()
    areas = scores.detach().argmax(1).flatten().bincount(minlength=3) / 100
    torch.testing.assert_close(areas, torch.tensor([0.4, 0.6, 0.]), atol=0.03, rtol=0)


def test_em_adapt_gives_the_papers_portions():
    scores = _scores(2, 4, 6, 6)
    loss = EMAdaptLoss()
    torch.manual_seed(0)
    biases = loss.biases(scores, TAGS == 1, VALID)
    torch.manual_seed(0)
    torch.testing.assert_close(biases, adaptive_bias(scores, TAGS == 1, [0.4, 0.2, 0.2, 0.2], VALID, sweeps=5))


def test_area_loss_teaches_the_bounds():
    """Small steps from a network that is sure of background everywhere end at the bound that was broken."""
    scores = _scores(1, 3, 10, 10)
    scores[:, 0] += 6
    scores.requires_grad_()
    optimizer = torch.optim.SGD([scores], lr=100.)  # 1 for each of the 100 cells
    valid, tags = torch.ones(1, 10, 10, dtype=torch.bool), torch.tensor([[1., 1., 0.]])
    first = AreaConstrainedLoss()(scores, tags, valid).item()
    for _ in range(400):  # what is left is the absent class, which fades as 1 / step
        optimizer.zero_grad()
        value = AreaConstrainedLoss()(scores, tags, valid)
        value.backward()
        optimizer.step()
    areas = scores.detach().softmax(1).mean((0, 2, 3))
    torch.testing.assert_close(areas, torch.tensor([0.7, 0.3, 0.], dtype=torch.float64), atol=0.01, rtol=0)
    assert value < 1e-3 < first


def test_area_loss_is_zero_where_bounds_hold():
    scores = torch.full((1, 3, 4, 4), -30.)
    scores[0, 0, :2], scores[0, 1, 2:] = 30., 30.
    value = AreaConstrainedLoss()(scores, torch.tensor([[1., 1., 0.]]), torch.ones(1, 4, 4, dtype=torch.bool))
    assert value.abs() < 1e-6


def test_sizes_replace_the_bounds():
    loss = AreaConstrainedLoss(background_area=(0.2, 0.6), slack=3.)
    lower, upper, slack = loss.bounds(torch.ones(1, 5), torch.tensor([[-1., 1., 0., -1., -1.]]))
    torch.testing.assert_close(lower, torch.tensor([[0.2, 0.1, 0., 0.05, 0.05]]))
    torch.testing.assert_close(upper, torch.tensor([[0.6, 1., 0.01, 1., 1.]]))
    assert slack.tolist() == [[float('inf'), 3., 3., 3., 3.]]
    with pytest.raises(ValueError, match=r'`sizes` must have the shape of `image_labels` \(1, 5\), got \(1, 4\)'):
        loss.bounds(torch.ones(1, 5), torch.ones(1, 4))


def test_hardness_gives_each_cell_to_one_class_and_counts_cells():
    """The latent labels, which are what the gradient points to, are nearly hard and keep the bounds as cells."""
    scores, tags = _scores(1, 4, 10, 10), torch.tensor([[1., 1., 1., 0.]])
    scores[:, 0] += 3
    valid, sizes = torch.ones(1, 10, 10, dtype=torch.bool), torch.tensor([[-1., 1., 0., -1.]])
    settings = dict(background_area=(0.2, 0.7), small_area=0.01, large_area=0.1, slack=10.)
    entropies = []
    for hardness in (1., 1000.):
        inputs = scores.clone().requires_grad_()
        value = AreaConstrainedLoss(**settings, hardness=hardness)(inputs, tags, valid, sizes=sizes)
        latent = inputs.detach().softmax(1) - 100 * torch.autograd.grad(value, inputs)[0]
        entropies.append(-torch.xlogy(latent.clamp(0), latent.clamp(0)).sum(1).mean().item())
        areas = latent.mean((0, 2, 3))
        assert value > 0 and 0.199 < areas[0] < 0.701 and areas[1] > 0.099 and areas[2] < 0.011
        torch.testing.assert_close(areas[3], torch.zeros_like(areas[3]), rtol=0, atol=1e-9)
    assert entropies[1] < 0.03 < 0.3 < entropies[0]


@pytest.mark.parametrize('hardness', [0., -1., float('inf'), float('nan')])
def test_hardness_is_positive(hardness):
    with pytest.raises(ValueError, match=f'`hardness` must be positive and finite, got {hardness}'):
        AreaConstrainedLoss(hardness=hardness)


@pytest.mark.parametrize('loss', WEAK)
def test_background_alone_is_cross_entropy(loss):
    """A picture of background has no other latent label than background, whatever the shares and bounds say."""
    scores, valid = _scores(1, 3, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)
    value = loss()(scores, torch.tensor([[1., 0., 0.]]), valid)
    log_probs = scores.log_softmax(1)[0, 0]
    torch.testing.assert_close(value, -(log_probs.amax() if loss is BestCellLoss else log_probs.mean()))


# What all share


@pytest.mark.parametrize('loss', WEAK)
def test_average_over_pictures_that_have_a_tag(loss):
    torch.manual_seed(0)  # the order of EM-Adapt matters little with one foreground class
    scores = _scores(3, 4, 6, 6)
    tags, valid = torch.cat([TAGS, torch.full((1, 4), -1.)]), torch.cat([VALID, VALID[:1]])
    alone = [loss()(scores[n:n + 1], tags[n:n + 1], valid[n:n + 1]) for n in range(2)]
    torch.testing.assert_close(loss()(scores, tags, valid), sum(alone) / 2, rtol=1e-4, atol=0)


@pytest.mark.parametrize('loss', [*WEAK, MaskLikelihoodLoss])
def test_a_picture_with_a_mask_is_supervised_by_it(loss):
    scores, mask = _scores(2, 4, 6, 6), _mask()
    expected = cell_label_loss(scores[:1], mask[None])[0]
    if loss is not MaskLikelihoodLoss:
        expected = (expected + loss()(scores[1:], TAGS[1:], VALID[1:])) / 2
    torch.testing.assert_close(loss()(scores, TAGS, VALID, [mask, None]), expected)
    unknown = TAGS.clone()
    unknown[0] = -1
    torch.testing.assert_close(loss()(scores, unknown, VALID, [mask, None]), expected)


def test_padding_of_a_mask_does_not_count():
    scores = _scores(2, 4, 6, 6)
    mask = _mask().clamp(min=0)
    value = BestCellLoss()(scores, TAGS, VALID, [None, mask])
    mask[4:] = 3
    torch.testing.assert_close(BestCellLoss()(scores, TAGS, VALID, [None, mask]), value)


@pytest.mark.parametrize('loss', WEAK)
def test_unknown_classes_and_padding_do_not_contribute(loss):
    scores = _scores(2, 4, 6, 6).requires_grad_()
    value = loss()(scores, TAGS, VALID)
    value.backward()
    assert not scores.grad[1, 3].any() and not scores.grad[1, :, 4:].any() and scores.grad[1, :3, :4].any()
    changed = scores.detach().clone()
    changed[1, 3], changed[1, :, 4:] = 40., 60.
    torch.testing.assert_close(loss()(changed, TAGS, VALID), value.detach())


@pytest.mark.parametrize('loss', [*WEAK, MaskLikelihoodLoss])
@pytest.mark.parametrize('masks', [None, [torch.full((6, 6), -1), None], [torch.full((6, 6), -1)] * 2])
@pytest.mark.parametrize('tag', [-1., 0.])
def test_nothing_to_learn_is_zero_with_a_gradient(loss, masks, tag):
    scores = _scores(2, 4, 6, 6).requires_grad_()
    value = loss()(scores, torch.full((2, 4), tag), VALID, masks)
    value.backward()
    assert value == 0 and scores.grad is not None and not scores.grad.any()


@pytest.mark.parametrize('loss', WEAK)
def test_half_precision_and_huge_scores_stay_finite(loss):
    scores = (1e4 * _scores(2, 4, 6, 6)).bfloat16().requires_grad_()
    value = loss()(scores, TAGS, VALID)
    value.backward()
    assert value.dtype == torch.float32 and value.isfinite() and scores.grad.isfinite().all()


@pytest.mark.parametrize('loss', WEAK)
def test_weight_and_name(loss):
    scores = _scores(2, 4, 6, 6)
    torch.testing.assert_close(loss(loss_weight=3.)(scores, TAGS, VALID), 3 * loss()(scores, TAGS, VALID))
    assert loss(loss_name='loss_other').loss_name == 'loss_other'


def test_settings_may_be_integers():
    scores = _scores(2, 4, 6, 6)
    for whole, real in ((EMFixedLoss(5, 3), EMFixedLoss(5., 3.)),
                        (AreaConstrainedLoss(foreground_area=0), AreaConstrainedLoss(foreground_area=0.))):
        torch.testing.assert_close(whole(scores, TAGS, VALID), real(scores, TAGS, VALID))


@pytest.mark.parametrize('loss', WEAK)
@pytest.mark.parametrize('background', [0., -1.])
def test_tags_must_say_that_background_is_present(loss, background):
    tags = TAGS.clone()
    tags[1, 0] = background
    with pytest.raises(ValueError, match=f"{loss.__name__} needs .* background='always'"):
        loss()(_scores(2, 4, 6, 6), tags, VALID)


@pytest.mark.parametrize(('build', 'message'), [
    (lambda: EMAdaptLoss(foreground_portion=1.2), '`foreground_portion` is a share .* got 1.2'),
    (lambda: EMAdaptLoss(background_portion=-0.1), '`background_portion` is a share'),
    (lambda: EMAdaptLoss(sweeps=0), '`sweeps` must be at least 1, got 0'),
    (lambda: AreaConstrainedLoss(background_area=(0.7, 0.3)), r'`background_area` must be .* got \(0.7, 0.3\)'),
    (lambda: AreaConstrainedLoss(foreground_area=5), '`foreground_area` is a share .* got 5'),
    (lambda: AreaConstrainedLoss(slack=-1.), '`slack` must not be negative, got -1.0'),
])
def test_bad_settings(build, message):
    with pytest.raises(ValueError, match=message):
        build()


# Through the head


def _head(loss, **kwargs):
    return MODELS.build(dict(
        type='mmwsl.LSEAggregationHead', in_channels=8, num_classes=4, hidden_channels=(), kernel_size=1,
        aggregator=dict(type='mmwsl.MaxPooling'), loss_decode=loss, **kwargs))


def _sample(tags=None, mask=None, size=None, shape=(24, 24)):
    sample = SegDataSample(metainfo=dict(img_shape=shape, padding_size=(0, 24 - shape[1], 0, 24 - shape[0])))
    if tags is not None:
        sample.gt_label = LabelData(score=torch.tensor(tags))
        if size is not None:
            sample.gt_label.size = torch.tensor(size)
    if mask is not None:
        sample.gt_sem_seg = PixelData(data=mask[None])
    return sample


def test_head_samples_masks_at_the_centres_of_cells():
    mask = torch.full((24, 24), 255)
    mask[2::4, 2::4] = _mask().masked_fill(_mask() == -1, 255)  # cells of 4 pixels, centred between 1 and 2
    scores = _scores(2, 4, 6, 6)
    losses = _head(dict(type='mmwsl.BestCellLoss')).loss_by_feat(scores, [_sample(TAGS[0].tolist()),
                                                                        _sample(mask=mask)])
    weak = best_cell_loss(scores[:1], TAGS[:1])[0]
    expected = (weak + cell_label_loss(scores[1:], _mask()[None])[0]) / 2
    torch.testing.assert_close(losses, dict(loss_map=expected))


def test_head_leaves_padding_out():
    head, scores = _head(dict(type='mmwsl.BestCellLoss')), _scores(1, 4, 6, 6)
    samples = [_sample(TAGS[1].tolist(), shape=(16, 24))]
    value = head.loss_by_feat(scores, samples)['loss_map']
    torch.testing.assert_close(value, best_cell_loss(scores, TAGS[1:], VALID[1:])[0])


def test_head_passes_sizes():
    head, scores = _head(dict(type='mmwsl.AreaConstrainedLoss')), _scores(2, 4, 6, 6)
    samples = [_sample(TAGS[0].tolist(), size=[-1., 0., -1., -1.]), _sample(TAGS[1].tolist())]
    sizes = torch.tensor([[-1., 0., -1., -1.], [-1.] * 4])
    value = head.loss_by_feat(scores, samples)['loss_map']
    loss, every = AreaConstrainedLoss(), torch.ones_like(VALID)
    torch.testing.assert_close(value, loss(scores, TAGS, every, None, sizes))
    assert value != loss(scores, TAGS, every)


def test_image_scores_and_masks_in_one_head():
    """Every picture's tags, and the masks of those that have one."""
    scores = _scores(2, 4, 6, 6)
    mask = torch.zeros(24, 24, dtype=torch.long)
    samples = [_sample([0., 1., 0., 0.]), _sample([0., 0., 1., 0.], mask)]
    both = _head([dict(type='mmwsl.SoftmaxLikelihoodLoss'), dict(type='mmwsl.MaskLikelihoodLoss')])
    tags_alone = _head(dict(type='mmwsl.SoftmaxLikelihoodLoss'))
    losses = both.loss_by_feat(scores, samples)
    torch.testing.assert_close(losses['loss_cls'], tags_alone.loss_by_feat(scores, samples)['loss_cls'])
    torch.testing.assert_close(losses['loss_map'], -scores.log_softmax(1)[1, 0].mean())


def test_errors_of_the_head():
    with pytest.raises(ValueError, match="BestCellLoss trains a softmax .* ConstantBackground: use dict"):
        _head(dict(type='mmwsl.BestCellLoss'), background=dict(type='mmwsl.ConstantBackground'))
    mask, scores = torch.zeros(24, 24, dtype=torch.long), _scores(1, 4, 6, 6)
    with pytest.raises(KeyError, match='PackImageLabelInputs'):  # a mask does not replace the tag of an image loss
        _head(dict(type='mmwsl.SoftmaxLikelihoodLoss')).loss_by_feat(scores, [_sample(mask=mask)])
    with pytest.raises(KeyError, match='PackImageLabelInputs'):
        _head(dict(type='mmwsl.BestCellLoss')).loss_by_feat(scores, [_sample()])
    with pytest.raises(ValueError, match='`labels` must be classes 0 to 3'):
        _head(dict(type='mmwsl.BestCellLoss')).loss_by_feat(scores, [_sample(mask=mask + 4)])


@pytest.mark.parametrize('loss', [
    'BestCellLoss', 'EMFixedLoss', 'EMAdaptLoss', 'AreaConstrainedLoss', 'AveragePrecisionLoss', 'AsymmetricLoss',
    'MultiLabelFocalLoss'])
def test_training_step(loss):
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='mmwsl.WeakEncoderDecoder', backbone=dict(type='mmwsl.PlainCNN', channels=(8, ), strides=(4, )),
        decode_head=dict(type='mmwsl.LSEAggregationHead', in_channels=8, num_classes=4, hidden_channels=(6, ),
                         kernel_size=1, dropout_ratio=0., loss_decode=dict(type=f'mmwsl.{loss}'),
                         init_cfg=dict(type='Normal', std=0.3, override=dict(name='conv_seg'))),
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(24, 24), pad_val=0, seg_pad_val=255,
                               mean=[128.] * 3, std=[64.] * 3),
        train_cfg=dict(), test_cfg=ConfigDict(mode='whole')))
    model.init_weights()
    pictures = [torch.randint(0, 256, (3, side, 24), dtype=torch.uint8) for side in (24, 20)]
    tags = [[1., 1., 0., 0.], [1., 0., 1., 0.]]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    values = []
    for _ in range(8):
        samples = [_sample(tag) for tag in tags]
        batch = model.data_preprocessor(dict(inputs=pictures, data_samples=samples), training=True)
        value, log = model.parse_losses(model(**batch, mode='loss'))
        optimizer.zero_grad()
        value.backward()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
        optimizer.step()
        values.append(value.item())
    assert values[-1] < values[0]


# Through the runner


def test_masks_and_tags_mixed_in_one_config(tmp_path):
    """One folder with masks and no tags, one with tags and no masks: both reach the loss in every batch."""
    for name, seed in (('strong', 0), ('weak', 1)):
        write_scenes(tmp_path / name, count=4, size=24, seed=seed)
    (tmp_path / 'weak' / 'masks' / '0.png').write_bytes(b'not a picture')  # whoever opens it fails
    with open(tmp_path / 'weak' / 'tags.csv', 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'labels'), *((f'{i}.png', 'square') for i in range(4))])
    classes = dict(classes=('background', 'square'))
    load = dict(type='mmwsl.LoadImageAsBGR')
    strong = dict(type='mmwsl.FolderWeakDataset', data_root=str(tmp_path / 'strong'), metainfo=classes,
                  img_suffix='.png', data_prefix=dict(img_path='images', seg_map_path='masks'),
                  pipeline=[load, dict(type='LoadAnnotations'), dict(type='PackSegInputs')])
    weak = dict(type='mmwsl.FolderWeakDataset', data_root=str(tmp_path / 'weak'), metainfo=classes,
                img_suffix='.png', data_prefix=dict(img_path='images'), label_file='tags.csv',
                pipeline=[load, dict(type='mmwsl.PackImageLabelInputs', background='always')])
    config = Config(dict(
        default_scope='mmseg', work_dir=str(tmp_path / 'work'), randomness=dict(seed=0),
        model=dict(
            type='mmwsl.WeakEncoderDecoder', train_cfg=dict(), test_cfg=dict(mode='whole'),
            backbone=dict(type='mmwsl.PlainCNN', channels=(8, ), strides=(4, )),
            decode_head=dict(type='mmwsl.LSEAggregationHead', in_channels=8, num_classes=2, hidden_channels=(),
                             kernel_size=1, aggregator=dict(type='mmwsl.MaxPooling'),
                             loss_decode=dict(type='mmwsl.EMAdaptLoss')),
            data_preprocessor=dict(type='SegDataPreProcessor', size=(24, 24), pad_val=0, seg_pad_val=255,
                                   mean=[128.] * 3, std=[64.] * 3)),
        train_dataloader=dict(batch_size=8, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
                              dataset=dict(type='ConcatDataset', datasets=[strong, weak])),
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=2), log_level='WARNING',
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))))
    runner = Runner.from_cfg(config)
    seen = []
    runner.model.decode_head.loss_decode.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    before = [parameter.detach().clone() for parameter in runner.model.parameters()]
    runner.train()
    assert len(seen) == 2
    for _, tags, _, masks, _ in seen:
        assert sum(mask is not None for mask in masks) == 4
        for tag, mask in zip(tags.tolist(), masks, strict=True):
            assert tag == ([1., 1.] if mask is None else [-1., -1.])
    assert any(not torch.equal(a, b) for a, b in zip(before, runner.model.parameters(), strict=True))
