"""MCTformer and WeakTr: class tokens in a transformer of a folder, losses, gradients, maps, errors of one line."""

from copy import deepcopy

import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.functional import class_token_contrast, global_weighted_rank_pool
from mmwsl.models import ClassTokenTransformer
from mmwsl.models.decode_heads import AdaptiveAttentionFusion
from mmwsl.registry import MODELS
from tests.tiny_transformers import PATCH, REASON, SIDE, WIDTH, write_clip, write_vision

pytest.importorskip('transformers', reason=REASON)
LAYERS, HEADS, CLASSES = 3, 4, 3
KINDS = ['ViT', 'DeiT', 'Dinov2', 'Dinov2WithRegisters', 'Siglip', 'CLIP']


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp('models')
    found = {kind: str(write_vision(root / kind, kind)) for kind in KINDS[:-1]}
    return found | dict(CLIP=str(write_clip(root / 'CLIP')))


def build(folder, kind='MCTformer', backbone=None, classes=CLASSES, **head):
    """Build a segmentor as the configs do."""
    extra = dict(num_layers=LAYERS, num_heads=HEADS) if kind == 'WeakTr' else {}
    aggregator = dict(type=f'mmwsl.{"GlobalWeightedRankPooling" if kind == "MCTformer" else "GlobalAveragePooling"}')
    config = dict(
        type='mmwsl.WeakEncoderDecoder',
        backbone=dict(
            type='mmwsl.ClassTokenTransformer',
            folder=folder,
            num_tokens=classes,
            attention='mean' if kind == 'MCTformer' else 'heads',
            **(backbone or {}),
        ),
        decode_head=dict(
            type=f'mmwsl.{kind}Head',
            in_channels=WIDTH,
            num_classes=classes + 1,
            hidden_channels=(),
            kernel_size=3,
            aggregator=aggregator,
            background=dict(type='mmwsl.ConstantBackground'),
            loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
            **extra,
            **head,
        ),
        inference=dict(class_maps=dict(type='mmwsl.ClassActivationMaps')),
    )
    torch.manual_seed(0)
    return MODELS.build(deepcopy(config))


def sample_of(labels, size):
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
    sample.gt_label = LabelData(score=torch.tensor([0.0, *labels]))
    return sample


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', [(SIDE, SIDE), (18, 27)])
def test_class_tokens_take_the_place_of_the_class_token(folders, kind, size):
    backbone = ClassTokenTransformer(folders[kind], CLASSES).eval()
    maps, tokens, attention = backbone(torch.randn(2, 3, *size))
    h, w = (-(-side // PATCH) for side in size)
    total = CLASSES + h * w
    assert maps.shape == (2, WIDTH, h, w) and tokens.shape == (2, LAYERS, total, WIDTH)
    assert attention.shape == (2, LAYERS, total, total)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, LAYERS, total), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(maps.flatten(2).transpose(1, 2), tokens[:, -1, CLASSES:])
    heads = ClassTokenTransformer(folders[kind], CLASSES, attention='heads').eval()
    heads.load_state_dict(backbone.state_dict())
    assert heads(torch.randn(2, 3, *size))[2].shape == (2, LAYERS, HEADS, total, total)


@pytest.mark.parametrize('kind', KINDS)
def test_every_parameter_that_is_trained_has_a_gradient(folders, kind):
    """Others, such as those of a pooler, are errors in a training by several processes."""
    for config in (
        dict(type='mmwsl.TransformerBackbone', folder=folders[kind], layers=[0, 1], frozen=False),
        dict(type='mmwsl.ClassTokenTransformer', folder=folders[kind], num_tokens=CLASSES),
    ):
        backbone = MODELS.build(config)
        sum(one.sum() for one in backbone(torch.randn(1, 3, SIDE, SIDE)) if one.requires_grad).backward()
        trained = {name for name, value in backbone.named_parameters() if value.requires_grad}
        assert len(trained) > 20
        assert trained == {name for name, value in backbone.named_parameters() if value.grad is not None}


def test_one_class_token_without_noise_is_the_pretrained_model(folders, monkeypatch):
    monkeypatch.setattr('mmwsl.models.backbones.class_token_transformer.NOISE', 0.0)
    image = torch.randn(1, 3, SIDE, SIDE)
    plain = MODELS.build(dict(type='mmwsl.TransformerBackbone', folder=folders['ViT'])).eval()
    maps, tokens, _ = ClassTokenTransformer(folders['ViT'], 1).eval()(image)
    torch.testing.assert_close(maps, plain(image)[0])
    torch.testing.assert_close(tokens[:, -1, :1], plain.encode(image).prefix)


@pytest.mark.parametrize('kind', ['MCTformer', 'WeakTr'])
def test_losses_are_those_of_the_equations(folders, kind):
    model = build(folders['ViT'], kind).train()
    images, labels = torch.randn(2, 3, 20, 28), torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    samples = [sample_of(one.tolist(), (20, 28)) for one in labels]
    losses = model.loss(images, samples)
    _, tokens, attention = features = model.backbone(images)
    scores = model.decode_head(features)[:, 1:]
    pooled = global_weighted_rank_pool(scores, 0.996) if kind == 'MCTformer' else scores.mean((2, 3))

    def soft_margin(logits):
        return F.multilabel_soft_margin_loss(logits, labels)

    (name,) = (key for key in losses if 'loss' in key and key.rpartition('_')[2] not in ('tokens', 'contrast', 'fused'))
    torch.testing.assert_close(losses[name], soft_margin(pooled))
    torch.testing.assert_close(losses[f'{name}_tokens'], soft_margin(tokens[:, -1, :CLASSES].mean(2)))
    if kind == 'MCTformer':
        torch.testing.assert_close(losses['decode.loss_contrast'], class_token_contrast(tokens[:, :, :CLASSES], labels))
        return
    weights = model.decode_head.fusion(tokens)[..., None, None]
    fused = (weights * attention).mean((1, 2))
    crossed = fused[:, :CLASSES, CLASSES:] * scores.relu().flatten(2)
    fine = torch.einsum('nij,ncj->nci', fused[:, CLASSES:, CLASSES:], crossed)
    torch.testing.assert_close(losses[f'{name}_fused'], soft_margin(fine.mean(2)))


def test_only_the_fusion_learns_from_the_fused_maps(folders):
    model = build(folders['ViT'], 'WeakTr').train()
    losses = model.loss(torch.randn(2, 3, 20, 28), [sample_of((1, 0, 1), (20, 28)), sample_of((0, 1, 0), (20, 28))])
    (fused,) = (value for key, value in losses.items() if key.endswith('_fused'))
    fused.backward(retain_graph=True)
    learning = {name for name, value in model.named_parameters() if value.grad is not None and value.grad.any()}
    assert learning and all(name.startswith('decode_head.fusion') for name in learning)
    sum(losses.values()).backward()
    assert model.backbone.model.embeddings.class_tokens.grad.flatten(1).any(1).all()
    assert model.decode_head.conv_seg.weight.grad[1:].any()


def test_a_frozen_backbone_has_no_gradient(folders):
    model = build(folders['ViT'], backbone=dict(frozen=True)).train()
    sum(model.loss(torch.randn(1, 3, 20, 28), [sample_of((1, 0, 1), (20, 28))]).values()).backward()
    assert all(value.grad is None for value in model.backbone.parameters())
    assert model.decode_head.conv_seg.weight.grad.any()


@pytest.mark.parametrize('root, refine', [(True, True), (False, False)])
def test_maps_are_those_of_the_equations(folders, root, refine):
    model = build(folders['ViT'], root=root, refine=refine, attention_layers=2).eval()
    image = torch.randn(1, 3, 20, 28)
    with torch.no_grad():
        features = model.backbone(image)
        scores = model.decode_head(features)
        found = model.decode_head.localize(features, scores, image, torch.ones(1, 5, 7, dtype=torch.bool))[0, 1:]
    attention = features[2][0]
    expected = attention[-2:, :CLASSES, CLASSES:].mean(0).view(CLASSES, 5, 7) * scores[0, 1:].clamp(min=0)
    expected = expected**0.5 if root else expected
    if refine:
        expected = (attention[:, CLASSES:, CLASSES:].mean(0) @ expected.flatten(1).T).T.view(CLASSES, 5, 7)
    torch.testing.assert_close(found, expected)
    sample = model.predict(image, [sample_of((1, 0, 1), (20, 28))])[0]
    resized = F.interpolate(expected[None], (20, 28), mode='bilinear')[0]
    peak = resized.amax((1, 2), keepdim=True)
    torch.testing.assert_close(sample.pred_scores.data[1:], resized / peak.masked_fill(peak == 0, 1))


@pytest.mark.parametrize('kind', ['MCTformer', 'WeakTr'])
def test_the_order_of_the_classes_permutes_the_maps(folders, kind):
    model, image, order = build(folders['ViT'], kind).eval(), torch.randn(1, 3, 20, 28), [2, 0, 1]
    before = model.predict(image, [sample_of((1, 1, 1), (20, 28))])[0].pred_scores.data
    with torch.no_grad():
        tokens = model.backbone.model.embeddings.class_tokens
        tokens.copy_(tokens[order].clone())
        for value in model.decode_head.conv_seg.parameters():
            value.copy_(value[[0, *(k + 1 for k in order)]].clone())
    after = model.predict(image, [sample_of((1, 1, 1), (20, 28))])[0].pred_scores.data
    torch.testing.assert_close(after[1:], before[1:][order], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('kind', ['MCTformer', 'WeakTr'])
def test_a_batch_is_its_images_and_a_checkpoint_restores_all(folders, kind, tmp_path):
    model, images = build(folders['ViT'], kind).eval(), torch.randn(2, 3, 20, 27)
    samples = [sample_of((1, 1, 0), (20, 27)), sample_of((0, 0, 1), (20, 27))]
    both = model.predict(images, deepcopy(samples))
    for index in range(2):
        (alone,) = model.predict(images[index : index + 1], deepcopy(samples[index : index + 1]))
        torch.testing.assert_close(both[index].pred_scores.data, alone.pred_scores.data, atol=1e-4, rtol=1e-4)
    torch.save(model.state_dict(), tmp_path / 'checkpoint.pth')
    torch.manual_seed(5)
    other = deepcopy(model)
    for value in other.parameters():
        torch.nn.init.normal_(value)
    other.load_state_dict(torch.load(tmp_path / 'checkpoint.pth', weights_only=True))
    again = other.predict(images, deepcopy(samples))
    torch.testing.assert_close(again[0].pred_scores.data, both[0].pred_scores.data)


@pytest.mark.parametrize('kind', ['MCTformer', 'WeakTr'])
def test_mixed_precision_trains(folders, kind):
    model = build(folders['ViT'], kind).train()
    samples = [sample_of((1, 0, 1), (20, 28))]
    image = torch.randn(1, 3, 20, 28)
    exact = model.loss(image, samples)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = model.loss(image, samples)
    for name, value in mixed.items():
        assert value.dtype == torch.float32 and value.item() == pytest.approx(exact[name].item(), abs=0.05), name
    sum(mixed.values()).backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in model.parameters())


def test_weights_of_heads_are_those_of_the_equations():
    fusion, tokens = AdaptiveAttentionFusion(8, 2, 4, 2), torch.randn(3, 2, 5, 8)
    first, second = (layer.weight for layer in fusion.pool)
    values = []
    for layer in range(2):
        for head in range(4):
            highest = tokens[:, layer, :, 2 * head : 2 * head + 2].amax(1)
            hidden = highest @ first.T + fusion.pool[0].bias
            values.append(hidden @ second.T + fusion.pool[1].bias)
    expected = fusion.excite(torch.cat(values, 1)).sigmoid().view(3, 2, 4)
    torch.testing.assert_close(fusion(tokens), expected)
    with pytest.raises(ValueError, match='`num_heads` must divide 8'):
        AdaptiveAttentionFusion(8, 2, 3)


@pytest.mark.parametrize(
    'arguments, words',
    [
        (dict(contrast_weight=-1), '`contrast_weight` must be non-negative'),
        (dict(attention_layers=0), '`attention_layers` must be at least 1'),
        (dict(backbone=dict(dtype='int8')), '`dtype` must be one of'),
        (dict(classes=0), 'num_tokens'),
    ],
)
def test_wrong_arguments_are_one_line(folders, arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        build(folders['ViT'], **arguments)
    assert '\n' not in str(error.value)


def test_another_backbone_or_background_is_one_line(folders):
    model = build(folders['ViT'])
    with pytest.raises(ValueError, match='`num_tokens` 3, the foreground classes, got no tokens'):
        model.decode_head.loss([torch.randn(1, WIDTH, 4, 4)], [sample_of((1, 0, 0), (16, 16))], {})
    with pytest.raises(ValueError, match='the background has no token, got LearnedBackground'):
        MODELS.build(dict(type='mmwsl.MCTformerHead', in_channels=8, num_classes=3, hidden_channels=()))
    heads = build(folders['ViT'], 'WeakTr')
    heads.backbone.attention = 'mean'
    with pytest.raises(ValueError, match="must have attention='heads'"):
        heads.eval().predict(torch.randn(1, 3, 16, 16), [sample_of((1, 0, 0), (16, 16))])
