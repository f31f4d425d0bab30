"""WeCLIP: labels by the frozen CLIP, losses of the equations, what is trained, predictions, errors of one line."""

from copy import deepcopy

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.functional import (
    foreground_balanced_mean,
    guided_attention,
    pixel_adaptive_refinement,
    token_affinity_loss,
)
from mmwsl.registry import MODELS
from tests.tiny_transformers import PATCH, REASON, WIDTH, write_clip

pytest.importorskip('transformers', reason=REASON)
LAYERS, CLASSES = 3, 3
TEXTS = dict(num_classes=4, class_names=['cat', 'cow', 'person'], background_prompts=['ground', 'sky'])


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return str(write_clip(tmp_path_factory.mktemp('models') / 'clip'))


def config(folder, backbone=None, head=None, **changes):
    text_head = dict(type='mmwsl.TextSimilarityHead', folder=folder, **TEXTS)
    return (
        dict(
            type='mmwsl.WeCLIP',
            backbone=dict(type='mmwsl.TransformerBackbone', folder=folder, layers=[0, 1, 2], **(backbone or {})),
            decode_head=dict(
                type='mmwsl.WeCLIPHead',
                in_channels=[WIDTH] * LAYERS,
                channels=16,
                num_layers=1,
                num_heads=2,
                num_classes=CLASSES + 1,
                align_corners=False,
            )
            | (head or {}),
            text_head=text_head,
            label_maps=dict(type='mmwsl.CLIPESMaps', attention_layers=2),
        )
        | changes
    )


def build(folder, **changes):
    torch.manual_seed(0)
    return MODELS.build(deepcopy(config(folder, **changes)))


def sample_of(labels, size, padding=(0, 0, 0, 0)):
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size, img_padding_size=padding))
    sample.gt_label = LabelData(score=torch.tensor([0.0, *labels]))
    return sample


@pytest.fixture
def iteration():
    """Sets the iteration of a training, and forgets it."""
    info = MessageHub.get_current_instance().runtime_info
    yield lambda number: info.update(iter=number)
    info.pop('iter', None)


@pytest.mark.parametrize('size', [(20, 28), (18, 27)])
def test_labels_are_those_of_clip_es_refined_by_the_colors(folder, size):
    model = build(folder).eval()
    image, sample = torch.randn(1, 3, *size), sample_of((1, 0, 1), size)
    clip = MODELS.build(
        dict(
            type='mmwsl.CLIPSegmentor',
            backbone=dict(type='mmwsl.TransformerBackbone', folder=folder),
            decode_head=dict(type='mmwsl.TextSimilarityHead', folder=folder, **TEXTS),
            inference=dict(
                class_maps=dict(type='mmwsl.CLIPESMaps', attention_layers=2),
                image_labels=dict(type='mmwsl.KnownImageLabels'),
            ),
        )
    ).eval()
    scores = clip.predict(image, [deepcopy(sample)])[0].pred_scores.data
    refined = pixel_adaptive_refinement(scores, image[0], variant='par', iterations=20)
    refined[2] = -1  # an absent class; it is nowhere the highest
    labels = model.label_pixels(image, sample)
    assert labels.shape == size and set(labels.unique().tolist()) <= {0, 1, 3} and len(labels.unique()) > 1
    assert (labels == refined.argmax(0)).float().mean() > 0.99  # ties may differ
    assert not model.label_pixels(image, sample_of((0, 0, 0), size)).any()
    # the background of an image may show a class whose presence is unknown
    unknown = model.label_pixels(image, sample_of((1, -1, 1), size))
    assert torch.equal(unknown, labels.masked_fill(labels == 0, 255))
    assert (model.label_pixels(image, sample_of((0, 0, -1), size)) == 255).all()


@pytest.mark.parametrize('given', [(1, 1, 0), (1, 1, -1)], ids=['known', 'unknown'])
@pytest.mark.parametrize('size', [(20, 28), (18, 27)])
def test_losses_are_those_of_the_equations(folder, size, given):
    model = build(folder).train()
    image, sample = torch.randn(1, 3, *size), sample_of(given, size)
    losses = model.loss(image, [sample])
    features = model.decode_head.features(model.backbone(image))
    h, w = features.shape[2:]
    assert (h, w) == (-(-size[0] // PATCH), -(-size[1] // PATCH))
    labels = model.label_pixels(image, sample)
    logits = F.interpolate(model.decode_head.decode(features), (h * PATCH, w * PATCH), mode='bilinear')
    pixels = F.cross_entropy(logits[:, :, : size[0], : size[1]], labels[None], reduction='none', ignore_index=255)
    expected = foreground_balanced_mean(pixels, labels[None], labels[None] != 255)
    torch.testing.assert_close(losses['decode.loss_seg'], expected)
    flat = features[0].flatten(1)
    affinity = (1 / (1 + torch.exp(-(flat.T @ flat))))[None]
    of_patches = torch.full((1, h, w), 255)
    for y in range(h):
        for x in range(w):
            if 4 * y + 2 < size[0] and 4 * x + 2 < size[1]:
                of_patches[0, y, x] = labels[4 * y + 2, 4 * x + 2]
    torch.testing.assert_close(losses['decode.loss_affinity'], 0.1 * token_affinity_loss(affinity, of_patches))


def test_the_decoder_guides_the_labels_from_an_iteration_on(folder, iteration, monkeypatch):
    model = build(folder, guided_from=5, guided_layers=2).train()
    image, sample, guides = torch.randn(1, 3, 20, 28), sample_of((1, 1, 0), (20, 28)), []
    plain = model.label_maps.image_maps

    def record(clip, crop, present, guide=None, layers=6):
        guides.append((guide, layers))
        return plain(clip, crop, present, guide, layers)

    monkeypatch.setattr(model.label_maps, 'image_maps', record)
    for number in (0, 4, 5):
        iteration(number)
        model.loss(image, [sample])
    assert guides[0][0] is None and guides[1][0] is None and guides[2][1] == 2
    guide = guides[2][0]
    assert guide.shape == (35, 35) and not guide.requires_grad
    # The refinement gets the selected attention, times the affinity.
    match = model.match_prompts(image, [1, 2])
    found = plain(model, image, [0, 1], guide, 2)
    selected = guided_attention(match.attentions, guide)
    monkeypatch.setattr(model, 'match_prompts', lambda *_: deepcopy_with(model, image, [selected]))
    torch.testing.assert_close(plain(model, image, [0, 1]), found)


def deepcopy_with(model, image, attentions):
    """Return the match of an image with other attention."""
    match = type(model).match_prompts(model, image, [2])
    return type(match)(match.class_logits, match.background_logits, attentions, match.valid)


def test_an_image_of_unknown_labels_alone_has_no_loss_and_no_gradient(folder):
    model = build(folder).train()
    losses = model.loss(torch.randn(1, 3, 20, 28), [sample_of((-1, 0, 0), (20, 28))])
    assert losses['decode.loss_seg'] == losses['decode.loss_affinity'] == 0
    sum(losses.values()).backward()
    assert all(value.grad is None or not value.grad.any() for value in model.parameters())


def test_only_the_decoder_is_trained(folder):
    model = build(folder)
    model.init_weights()
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    sum(model.loss(torch.randn(2, 3, 20, 28), [sample_of((1, 0, 1), (20, 28))] * 2).values()).backward()
    optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith('decode_head.') for name in changed)
    assert not model.backbone.model.training and not model.training_free
    trained = {name for name, value in model.named_parameters() if value.grad is not None and value.grad.any()}
    assert trained >= {name for name in changed if 'norm' not in name}


def test_the_affinity_loss_does_not_reach_the_decoder_blocks(folder):
    model = build(folder).train()
    model.loss(torch.randn(1, 3, 20, 28), [sample_of((1, 0, 1), (20, 28))])['decode.loss_affinity'].backward()
    learning = {name for name, value in model.named_parameters() if value.grad is not None and value.grad.any()}
    assert learning and all(name.startswith(('decode_head.reduce', 'decode_head.fuse')) for name in learning)


def test_a_batch_of_different_sizes_is_its_images(folder):
    model = build(folder).train()
    sizes, labels = [(20, 28), (18, 9)], [(1, 1, 0), (0, 0, 1)]
    images = [torch.randn(1, 3, *size) for size in sizes]
    padded = torch.cat([F.pad(one, (0, 28 - one.shape[3], 0, 20 - one.shape[2]), value=9) for one in images])
    samples = [
        sample_of(own, size, (0, 28 - size[1], 0, 20 - size[0])) for own, size in zip(labels, sizes, strict=True)
    ]
    both = model.loss(padded, samples)
    alone = [model.loss(one, [sample_of(own, tuple(one.shape[2:]))]) for one, own in zip(images, labels, strict=True)]
    for name in both:
        torch.testing.assert_close(both[name], (alone[0][name] + alone[1][name]) / 2)
    predicted = model.eval().predict(padded, samples)
    for found, image, own in zip(predicted, images, labels, strict=True):
        (single,) = model.predict(image, [sample_of(own, tuple(image.shape[2:]))])
        torch.testing.assert_close(found.pred_scores.data, single.pred_scores.data, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found.pred_label.score, single.pred_label.score, atol=1e-5, rtol=1e-4)


def test_the_order_of_the_classes_permutes_the_labels(folder):
    weak = dict(refinement=dict(iterations=1))
    model, image = build(folder, **weak), torch.randn(1, 3, 20, 28)
    order = [2, 0, 1]
    text_head = config(folder)['text_head'] | dict(class_names=[TEXTS['class_names'][k] for k in order])
    other = build(folder, text_head=text_head, **weak)
    labels = model.label_pixels(image, sample_of((1, 1, 0), (20, 28)))
    permuted = other.label_pixels(image, sample_of((0, 1, 1), (20, 28)))
    new = torch.tensor([0, *(order.index(k) + 1 for k in range(3))])
    assert torch.equal(new[labels], permuted) and labels.unique().numel() > 1


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision_and_mixed_precision_train(folder, dtype):
    image, sample = torch.randn(1, 3, 20, 28), sample_of((1, 1, 0), (20, 28))
    exact = build(folder).train().loss(image, [sample])
    half = build(folder, backbone=dict(dtype=dtype)).train().loss(image, [sample])
    model = build(folder).train()
    with torch.autocast('cpu', torch.bfloat16):
        mixed = model.loss(image, [sample])
    for losses in (half, mixed):
        for name, value in losses.items():
            assert value.dtype == torch.float32 and value.item() == pytest.approx(exact[name].item(), rel=0.2), name
        sum(losses.values()).backward()


def test_a_checkpoint_restores_the_decoder_and_the_texts(folder, tmp_path):
    model, image = build(folder).eval(), torch.randn(1, 3, 20, 28)
    torch.save(model.state_dict(), tmp_path / 'checkpoint.pth')
    other = build(str(write_clip(tmp_path / 'other', seed=1))).eval()
    other.load_state_dict(torch.load(tmp_path / 'checkpoint.pth', weights_only=True))
    one, two = (each.predict(image, [sample_of((1, 0, 0), (20, 28))])[0] for each in (model, other))
    torch.testing.assert_close(one.pred_scores.data, two.pred_scores.data)
    torch.testing.assert_close(one.pred_label.score, two.pred_label.score)


@pytest.mark.parametrize(
    'changes, words',
    [
        (dict(backbone=dict(frozen=False)), '`backbone` must be frozen'),
        (dict(affinity_weight=-1), '`affinity_weight` must be non-negative'),
        (dict(guided_layers=0), '`guided_layers` at least 1'),
        (dict(refinement=dict(iterations=-1)), '`iterations` must be'),
        (dict(head=dict(num_classes=5)), '`text_head` must have 5 classes'),
        (dict(head=dict(num_heads=3)), '`num_heads` must divide'),
        (dict(label_maps=dict(type='mmwsl.CLIPESMaps', attention_layers=9)), 'must be at most 3'),
        (dict(label_maps=dict(type='mmwsl.Probabilities')), '`label_maps` must be a CLIPESMaps, got Probabilities'),
    ],
)
def test_wrong_parts_are_one_line(folder, changes, words):
    with pytest.raises(ValueError, match=words) as error:
        build(folder, **changes)
    assert '\n' not in str(error.value)
