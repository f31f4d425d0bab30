"""Heads of AffinityNet and IRN: their losses by hand, what they are trained on, and the mean displacement."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import affinity_losses, boundary_affinities, half_disc_offsets, pair_labels
from mmwsl.models import AffinityHead, InterPixelRelationHead

CHANNELS = dict(in_channels=(4, 8), in_index=(1, 0), num_classes=3)
IRN = dict(displacement_channels=(8, 16), coarse_index=1, fused_channels=16, edge_channels=4, radius=3)
HEADS = {
    'psa': lambda **options: AffinityHead(level_channels=(4, 6), radius=3, **CHANNELS, **options),
    'irn': lambda **options: InterPixelRelationHead(**{**CHANNELS, **IRN, **options}),
}


def features(requires_grad=False):
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 8, 4, 5), (2, 4, 8, 10)
    return [torch.randn(shape, generator=generator).requires_grad_(requires_grad) for shape in shapes]


def samples(value=None):
    """Return two masks of twice the size of the locations."""
    masks = torch.randint(0, 3, (2, 8, 10), generator=torch.Generator().manual_seed(1))
    masks[:, :2] = 255
    if value is not None:
        masks[:] = value
    pixels = masks.repeat_interleave(2, 1).repeat_interleave(2, 2)
    return masks, [SegDataSample(gt_sem_seg=PixelData(data=mask[None])) for mask in pixels]


def test_the_parts_of_affinitynet():
    head = HEADS['psa']()
    shapes = {name: tuple(parameter.shape) for name, parameter in head.named_parameters()}
    assert shapes == {
        'levels.0.0.weight': (4, 4, 1, 1),
        'levels.1.0.weight': (6, 8, 1, 1),
        'fusion.0.weight': (10, 10, 1, 1),
    }
    assert head.fusion[0].weight.abs().max() > (6 / 20) ** 0.5  # Xavier without a gain
    assert head(features()).shape == (2, 10, 8, 10)


@pytest.mark.parametrize('name', HEADS)
def test_losses_of_the_labeled_pairs(name):
    torch.manual_seed(0)
    head = HEADS[name](margin=1)
    masks, data = samples()
    losses = head.loss(features(), data, {})
    output = head(features())
    pairs = pair_labels(masks, half_disc_offsets(3), margin=1)
    expected = affinity_losses(head.affinities(output, 3), pairs)
    weights = dict(loss_background_pairs=0.25, loss_foreground_pairs=0.25, loss_negative_pairs=0.5)
    for (key, weight), value in zip(weights.items(), expected, strict=True):
        torch.testing.assert_close(losses[key], weight * value)
    assert (len(losses) == 5) == (name == 'irn')
    sum(losses.values()).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in head.parameters())


@pytest.mark.parametrize('name', HEADS)
@pytest.mark.parametrize('value', [0, 2, 255])
def test_masks_of_one_kind_have_finite_losses(name, value):
    head = HEADS[name]()
    losses = head.loss(features(), samples(value)[1], {})
    sum(losses.values()).backward()
    gradients = [parameter.grad for parameter in head.parameters() if parameter.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    if value == 255:
        assert sum(losses.values()) == 0 and not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize('name, reaches', [('psa', True), ('irn', False)])
def test_which_head_trains_the_backbone(name, reaches):
    inputs = features(requires_grad=True)
    sum(HEADS[name]().loss(inputs, samples()[1], {}).values()).backward()
    assert all((x.grad is not None and x.grad.any()) == reaches for x in inputs)


def test_semantics_do_not_depend_on_displacements():
    """The boundary head alone has the weights, the affinities and the losses of the whole one."""
    whole, alone = HEADS['irn'](), HEADS['irn'](displacement_channels=())
    alone.load_state_dict({key: value for key, value in whole.state_dict().items() if key.startswith('edge')})
    boundary, both = alone(features()), whole(features())
    assert both.shape == (2, 3, 8, 10) and torch.equal(boundary, both[:, :1])
    expected = boundary_affinities(boundary[:, 0].sigmoid(), half_disc_offsets(5))
    for output in (boundary, both, torch.cat([boundary, 9 * torch.ones(2, 2, 8, 10)], 1)):
        torch.testing.assert_close(alone.affinities(output, 5), expected)
        torch.testing.assert_close(whole.confidence(output), 1 - boundary[:, 0].sigmoid())


def test_the_mean_displacement_is_subtracted_in_evaluation_only():
    head = HEADS['irn']()
    trained = head.train()(features())
    head.mean_displacement.copy_(torch.tensor([2.0, -1.0]))
    assert torch.equal(head.train()(features()), trained)
    evaluated = head.eval()(features())
    assert torch.equal(evaluated[:, 0], trained[:, 0])
    torch.testing.assert_close(evaluated[:, 1:], trained[:, 1:] - torch.tensor([2.0, -1.0]).view(2, 1, 1))


@pytest.mark.parametrize('name', HEADS)
def test_the_output_of_a_flipped_image_is_flipped_back(name):
    head = HEADS[name]().eval()
    output = head([x.flip(3) for x in features()])
    back, expected = head.unflip(output), head(features())
    if name == 'irn':
        expected = expected.clone()
        torch.testing.assert_close(back[:, 2], -output[:, 2].flip(2))
        back[:, 2] = -back[:, 2]
    torch.testing.assert_close(back, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    'call, error, message',
    [
        (lambda: HEADS['psa'](margin=-1), ValueError, 'AffinityHead: `margin` must be a non-negative integer, got -1'),
        (lambda: AffinityHead(**CHANNELS), ValueError, '`level_channels` must have one number for each feature map'),
        (lambda: HEADS['irn'](radius=1), ValueError, '`radius` must be an integer of at least 2'),
        (lambda: HEADS['irn'](coarse_index=2), ValueError, '`coarse_index` be in 1..1, got .* and 2'),
        (lambda: HEADS['irn'](displacement_channels=(8,)), ValueError, '`displacement_channels` must have one'),
        (lambda: HEADS['psa']().predict(features(), [{}], {}), TypeError, 'predicts affinities, not masks'),
        (lambda: HEADS['psa']().loss(features(), [SegDataSample()] * 2, {}), KeyError, 'needs the field `gt_sem_seg`'),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def train(path, head, hooks=(), iterations=40, frozen=False):
    """Train a head with the tiny U-Net on images of a bright square; returns the runner and the losses."""
    cfg = Config.fromfile(path)
    cfg.model.decode_head = head
    cfg.train_cfg.max_iters = iterations
    cfg.optim_wrapper = dict(optimizer=dict(type='Adam', lr=0.02))
    if frozen:
        cfg.optim_wrapper.paramwise_cfg = dict(custom_keys=dict(backbone=dict(lr_mult=0.0)))
    for name in ('val', 'test'):
        cfg.update({f'{name}_{part}': None for part in ('cfg', 'dataloader', 'evaluator')})
    del cfg.default_hooks['visualization']
    cfg.default_hooks.checkpoint.interval = iterations
    cfg.custom_hooks, cfg.work_dir = list(hooks), str(path.parent / 'work')
    runner = Runner.from_cfg(cfg)
    runner.train()
    logged, _ = runner.message_hub.get_scalar('train/loss').data
    return runner, logged


def test_affinitynet_learns_in_the_runner_which_pixels_belong_together(tiny_config):
    head = dict(type='mmwsl.AffinityHead', in_channels=(4, 8), in_index=(1, 0), level_channels=(4, 4), num_classes=2)
    runner, losses = train(tiny_config(), dict(head, radius=3))
    assert losses[-10:].mean() < 0.6 * losses[:3].mean()
    model = runner.model.eval()
    data = model.data_preprocessor(next(iter(runner.train_dataloader)), True)
    with torch.no_grad():
        found = model.decode_head.affinities(model(data['inputs'], mode='tensor'), 3)
    pairs = model.decode_head.pairs((16, 16), data['data_samples'])
    assert found[(pairs == 0) | (pairs == 1)].mean() > found[pairs == 2].mean() + 0.3


def test_irn_stores_the_mean_displacement_in_the_last_checkpoint(tiny_config, tmp_path):
    head = dict(type='mmwsl.InterPixelRelationHead', in_channels=(4, 8), in_index=(1, 0), num_classes=2, **IRN)
    path = tiny_config()
    runner, losses = train(path, head, [dict(type='mmwsl.MeanDisplacementHook')], 20, frozen=True)
    assert losses[-5:].mean() < losses[:3].mean()
    saved = torch.load(tmp_path / 'work' / 'iter_20.pth', weights_only=True)['state_dict']
    model = runner.model.eval()
    fields = []
    for index in range(7):  # the seven images, one by one
        item = runner.train_dataloader.dataset[index]
        data = model.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]), True)
        with torch.no_grad():
            fields.append(model(data['inputs'], mode='tensor')[0, 1:].mean((1, 2)))
    mean = torch.stack(fields).mean(0)
    torch.testing.assert_close(mean, torch.zeros(2), atol=1e-5, rtol=0)
    assert torch.equal(saved['decode_head.mean_displacement'], model.decode_head.mean_displacement)
    assert model.decode_head.mean_displacement.abs().sum() > 0


def test_the_hook_needs_displacements(tiny_config):
    head = dict(type='mmwsl.AffinityHead', in_channels=(4, 8), in_index=(1, 0), level_channels=(4, 4), num_classes=2)
    with pytest.raises(ValueError, match='MeanDisplacementHook: `model.decode_head` must predict displacements'):
        train(tiny_config(), head, [dict(type='mmwsl.MeanDisplacementHook')])
