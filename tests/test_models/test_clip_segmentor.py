"""CLIP-ES: texts, class maps against an independent computation, batches, labels, precision, errors of one line."""

from copy import deepcopy

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.models import CLIPSegmentor, TextSimilarityHead
from mmwsl.registry import MODELS
from tests.tiny_transformers import PATCH, REASON, SIDE, write_clip, write_vision

transformers = pytest.importorskip('transformers', reason=REASON)
PROMPTS = dict(cow=['cow', 'bull'], person='person with clothes,people,human')
NAMES = ['cat', 'cow', 'person']
BACKGROUND = ['ground', 'sky']
TEMPLATE = 'a clean origami {}.'
HEAD = dict(num_classes=4, class_names=NAMES, prompts=PROMPTS, background_prompts=BACKGROUND, templates=[TEMPLATE])
KNOWN = dict(type='mmwsl.KnownImageLabels')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return str(write_clip(tmp_path_factory.mktemp('models') / 'clip'))


@pytest.fixture(scope='module')
def library(folder):
    """The model of `transformers` and its tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.CLIPModel.from_pretrained(folder, attn_implementation='eager').eval()
    return model.requires_grad_(False), tokenizer


def build(folder, head=None, inference=None, **backbone):
    """Build a segmentor of three classes and the background, as the configs do."""
    head = HEAD | (head or {})
    maps = dict(class_maps=dict(type='mmwsl.CLIPESMaps', attention_layers=2), image_labels=KNOWN)
    config = dict(
        type='mmwsl.CLIPSegmentor',
        backbone=dict(type='mmwsl.TransformerBackbone', folder=folder, **backbone),
        decode_head=dict(type='mmwsl.TextSimilarityHead', folder=folder, **head),
        inference=maps | (inference or {}),
    )
    torch.manual_seed(0)
    return MODELS.build(deepcopy(config)).eval()


def sample_of(labels, size, padding=(0, 0, 0, 0), **meta):
    """Return a sample with labels of the three classes; the size is that of the image."""
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size, img_padding_size=padding, **meta))
    sample.gt_label = LabelData(score=torch.tensor([0.0, *labels]))
    return sample


def text_features(library, texts):
    """Return the normalized mean of the normalized features of sentences, by the library."""
    model, tokenizer = library
    features = []
    for text in texts:
        tokens = tokenizer([TEMPLATE.format(text)], return_tensors='pt')
        hidden = model.text_model(**tokens).pooler_output
        features.append(F.normalize(model.text_projection(hidden), dim=-1))
    return F.normalize(torch.cat(features).mean(0), dim=0)


def reference_maps(library, image, present, layers=2, threshold=0.4):
    """Compute CLIP-ES on one image of whole patches, block by block, to numpy maps; without attention for 0 layers."""
    model, _ = library
    vision = model.vision_model
    hidden = vision.embeddings(image, interpolate_pos_encoding=True)
    hidden = vision.pre_layrnorm(hidden)
    attentions = []
    for layer in vision.encoder.layers:
        normed = layer.layer_norm1(hidden)
        if layer is vision.encoder.layers[-1]:
            normed = normed.detach().requires_grad_()
            last = normed
        output, attention = layer.self_attn(normed, attention_mask=None, output_attentions=True)
        attentions.append(attention[0].mean(0)[1:, 1:].detach().double().numpy())
        hidden = hidden + output
        hidden = hidden + layer.mlp(layer.layer_norm2(hidden))
    image_vector = F.normalize(model.visual_projection(vision.post_layernorm(hidden[0, 1:].mean(0))), dim=0)
    texts = [text_features(library, text) for text in (['cat'], PROMPTS['cow'], [PROMPTS['person']])]
    texts = [texts[k] for k in present] + [text_features(library, [word]) for word in BACKGROUND]
    probs = (model.logit_scale.exp() * torch.stack(texts) @ image_vector).softmax(0)
    h, w = (side // PATCH for side in image.shape[2:])

    matrix = np.mean(attentions[-layers:], 0)
    for _ in range(3):
        matrix = matrix / matrix.sum(0, keepdims=True)
        matrix = matrix / matrix.sum(1, keepdims=True)
    matrix = (matrix + matrix.T) / 2
    matrix = matrix @ matrix

    maps = []
    for k in range(len(present)):
        (gradient,) = torch.autograd.grad(probs[k], last, retain_graph=True)
        weights = gradient[0, 1:].double().mean(0)
        cam = (last.detach()[0, 1:].double() @ weights).clamp(min=0).numpy()
        cam = (cam - cam.min()) / (cam.max() - cam.min() + 1e-7)
        if not layers:
            maps.append(cam.reshape(h, w))
            continue
        count, labels = cv2.connectedComponents((cam > threshold * cam.max()).reshape(h, w).astype(np.uint8), None, 4)
        box = np.zeros((h, w))
        for component in range(1, count):
            ys, xs = np.nonzero(labels == component)
            box[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] = 1
        refined = (matrix * box.reshape(1, -1)) @ cam
        refined = (refined - refined.min()) / (refined.max() - refined.min() + 1e-7)
        maps.append(refined.reshape(h, w))
    return np.stack(maps)


def foreground(model, image, labels):
    """Return the predicted foreground scores of one image at its own size."""
    sample = sample_of(labels, tuple(image.shape[2:]))
    return model.predict(image, [sample])[0].pred_scores.data[1:]


def test_text_features_are_those_of_the_library(folder, library):
    features = build(folder).decode_head.text_features
    expected = [text_features(library, ['cat']), text_features(library, ['cow', 'bull'])]
    expected += [text_features(library, [text]) for text in (PROMPTS['person'], 'ground', 'sky')]
    torch.testing.assert_close(features, torch.stack(expected))
    assert (features[0] - features[2]).norm() > 0.1


@pytest.mark.parametrize('size', [(SIDE, SIDE), (20, 28)])
@pytest.mark.parametrize('labels', [(1, 0, 0), (0, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize('layers', [0, 2, 3])
def test_maps_are_those_of_the_equations(folder, library, size, labels, layers):
    torch.manual_seed(sum(size))
    image = torch.randn(1, 3, *size)
    present = [k for k in range(3) if labels[k]]
    expected = torch.zeros(3, *size)
    maps = torch.from_numpy(reference_maps(library, image, present, layers)).float()
    expected[present] = F.interpolate(maps[None], size, mode='bilinear')[0]
    assert maps.std() > 0.1
    model = build(folder, inference=dict(class_maps=dict(type='mmwsl.CLIPESMaps', attention_layers=layers)))
    sample = model.predict(image, [sample_of(labels, size)])[0]
    torch.testing.assert_close(sample.pred_scores.data[1:], expected, atol=2e-4, rtol=1e-3)
    torch.testing.assert_close(sample.pred_scores.data[0], 1 - expected.amax(0), atol=2e-4, rtol=1e-3)


def test_image_level_logits_compare_the_mean_patch(folder, library):
    model, _ = library
    image = torch.randn(1, 3, 20, 28)
    hidden = model.vision_model(image, interpolate_pos_encoding=True).last_hidden_state[0, 1:]
    vector = F.normalize(model.visual_projection(model.vision_model.post_layernorm(hidden.mean(0))), dim=0)
    segmentor = build(folder)
    logits = model.logit_scale.exp() * segmentor.decode_head.text_features @ vector
    found = segmentor.score(image, [sample_of((1, 0, 0), (20, 28)).metainfo], (20, 28), (20, 28))[1][0]
    torch.testing.assert_close(found[1:], logits[:3], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[0], logits[3:].logsumexp(0), atol=1e-4, rtol=1e-4)
    probs = found.softmax(0)
    torch.testing.assert_close(probs, torch.cat([logits.softmax(0)[3:].sum()[None], logits.softmax(0)[:3]]))


def test_patches_whose_center_is_padding_take_no_part(folder):
    """Of 18 x 9 pixels, the fifth row of patches begins 2 pixels before the end, and the third column 1 pixel."""
    model, image = build(folder), torch.randn(1, 3, 18, 9)
    tokens = model.backbone(image)[0]
    assert tokens.shape[2:] == (5, 3)
    classes, _ = model.decode_head.split_similarity(tokens[:, :, :4, :2].mean((2, 3)))
    found = model.score(image, [sample_of((1, 0, 0), (18, 9)).metainfo], (18, 9), (18, 9))[1]
    torch.testing.assert_close(found[:, 1:], classes)
    match = model.match_prompts(image, [0])
    assert match.valid.tolist() == [[True, True, False]] * 4 + [[False] * 3]
    assert match.attentions[0].shape == (15, 15)


def test_the_order_of_the_texts_permutes_the_channels(folder):
    image, order = torch.randn(1, 3, 20, 28), [2, 0, 1]
    found = foreground(build(folder, dict(class_names=[NAMES[k] for k in order])), image, (1, 1, 1))
    torch.testing.assert_close(found, foreground(build(folder), image, (1, 1, 1))[order])
    words = build(folder, dict(background_prompts=BACKGROUND[::-1]))
    torch.testing.assert_close(foreground(words, image, (1, 1, 1))[order], found, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('maps', ['mmwsl.CLIPESMaps', 'mmwsl.Probabilities'])
def test_a_batch_of_different_sizes_is_its_images(folder, maps):
    """Padding takes no part: neither whole patches of it, nor the rest of a patch."""
    options = dict(attention_layers=2) if maps == 'mmwsl.CLIPESMaps' else {}
    model = build(folder, inference=dict(class_maps=dict(type=maps, **options)))
    sizes, labels = [(20, 28), (18, 9)], [(1, 1, 0), (0, 0, 1)]
    images = [torch.randn(1, 3, *size) for size in sizes]
    padded = torch.cat([F.pad(one, (0, 28 - one.shape[3], 0, 20 - one.shape[2]), value=9) for one in images])
    samples = [
        sample_of(own, size, (0, 28 - size[1], 0, 20 - size[0])) for own, size in zip(labels, sizes, strict=True)
    ]
    batch = model.predict(padded, samples)
    for found, image, size, own in zip(batch, images, sizes, labels, strict=True):
        (alone,) = model.predict(image, [sample_of(own, size)])
        assert found.pred_scores.shape == size
        torch.testing.assert_close(found.pred_scores.data, alone.pred_scores.data, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found.pred_label.raw_score, alone.pred_label.raw_score, atol=1e-5, rtol=1e-4)


def test_a_flipped_view_is_flipped_back(folder):
    model, image = build(folder), torch.randn(1, 3, 20, 28)
    (plain,) = model.predict(image.flip(3), [sample_of((1, 1, 0), (20, 28))])
    (flipped,) = model.predict(image.flip(3), [sample_of((1, 1, 0), (20, 28), flip=True, flip_direction='horizontal')])
    torch.testing.assert_close(flipped.pred_scores.data, plain.pred_scores.data.flip(2))


def test_absent_classes_are_zero_and_an_image_without_a_class_is_background(folder):
    model, image = build(folder), torch.randn(1, 3, 20, 28)
    found = foreground(model, image, (0, 1, 0))
    assert not found[[0, 2]].any() and found[1].max() > 0.5
    sample = model.predict(image, [sample_of((0, 0, 0), (20, 28))])[0]
    assert not sample.pred_scores.data[1:].any() and (sample.pred_scores.data[0] == 1).all()
    assert not sample.pred_sem_seg.data.any()


@pytest.mark.parametrize('known', [True, False])
def test_unknown_classes_are_those_that_are_probable(folder, known):
    """Without known labels, or with the label -1."""
    image, settings = torch.randn(1, 3, 20, 28), dict(image_labels=KNOWN if known else None)
    probs = build(folder, inference=settings).predict(image, [sample_of((-1, -1, -1), (20, 28))])[0].pred_label
    probs = probs.score[1:]
    middle = probs.sort().values[:2].mean().item()
    model = build(
        folder,
        inference=settings | dict(class_maps=dict(type='mmwsl.CLIPESMaps', attention_layers=0, threshold=middle)),
    )
    found = foreground(model, image, (-1, -1, -1))
    assert found.flatten(1).any(1).tolist() == (probs > middle).tolist() and sum(probs > middle) == 2


def test_an_image_without_a_label_field_is_named(folder):
    sample = sample_of((1, 0, 0), (20, 28))
    del sample.gt_label
    with pytest.raises(KeyError, match='gt_label'):
        build(folder).predict(torch.randn(1, 3, 20, 28), [sample])


def test_no_parameter_is_trained_or_changed(folder):
    model = build(folder)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.init_weights()
    model.train()
    model.predict(torch.randn(1, 3, 20, 28), [sample_of((1, 0, 0), (20, 28))])
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.backbone.model.training and model.training_free
    with pytest.raises(ValueError, match='not trained'):
        model.loss(torch.randn(1, 3, 20, 28), [sample_of((1, 0, 0), (20, 28))])


def test_a_checkpoint_restores_weights_and_texts(folder, tmp_path):
    other = build(str(write_clip(tmp_path / 'other', seed=1)))
    model, image = build(folder), torch.randn(1, 3, 20, 28)
    expected = foreground(model, image, (1, 0, 1))
    assert not torch.allclose(foreground(other, image, (1, 0, 1)), expected, atol=0.01)
    torch.save(model.state_dict(), tmp_path / 'checkpoint.pth')
    other.load_state_dict(torch.load(tmp_path / 'checkpoint.pth', weights_only=True))
    torch.testing.assert_close(foreground(other, image, (1, 0, 1)), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision_finds_nearly_the_same_maps(folder, dtype):
    image = torch.randn(1, 3, 20, 28)
    exact, half = (foreground(build(folder, dtype=own), image, (1, 0, 0))[0] for own in ('float32', dtype))
    assert half.dtype == torch.float32 and half.isfinite().all()
    assert np.corrcoef(exact.flatten(), half.flatten())[0, 1] > 0.9
    whole = foreground(build(folder).to(getattr(torch, dtype)), image.to(getattr(torch, dtype)), (1, 0, 0))[0]
    assert whole.isfinite().all() and np.corrcoef(exact.flatten(), whole.float().flatten())[0, 1] > 0.9
    model = build(folder)
    with torch.autocast('cpu', torch.bfloat16), torch.inference_mode():
        mixed = foreground(model, image, (1, 0, 0))[0]
    torch.testing.assert_close(mixed, exact, atol=1e-5, rtol=1e-4)  # the class maps are never computed in it


@pytest.mark.parametrize(
    'head, words',
    [
        (dict(num_classes=3), 'the names of the 2 foreground classes, got'),
        (dict(class_names=['a', 'b', 'b']), 'the names of the 3 foreground classes, got'),
        (dict(prompts=dict(d='d')), "names of `class_names`, got 'd'"),
        (dict(class_names=['a', 'b', 'traffic_light']), 'without underscores'),
        (dict(prompts=dict(a='', b='b', c='c')), "class 'a' must be words"),
        (dict(prompts=dict(a=[], b='b', c='c')), "class 'a' must be words"),
        (dict(prompts=dict(a=7, b='b', c='c')), "class 'a' must be words"),
        (dict(prompts=dict(a='traffic_light', b='b', c='c')), 'without underscores'),
        (dict(prompts=dict(a='a ' * 80, b='b', c='c')), "class 'a' must have at most 77 tokens .*got 9"),
        (dict(prompts=dict(a='猫', b='b', c='c')), "class 'a' must have characters that the tokenizer knows"),
        (dict(prompts=dict(a='<|endoftext|> x', b='b', c='c')), "class 'a' must have characters"),
        (dict(background_prompts=[]), 'background_prompts'),
        (dict(background_prompts='sky'), 'background_prompts'),
        (dict(background_prompts=['sky', 'x_y']), 'the background must be words'),
        (dict(templates=['a photo']), 'templates'),
        (dict(templates=['a {} {}']), 'templates'),
        (dict(templates='a {}'), 'templates'),
    ],
)
def test_a_wrong_text_is_one_line(folder, head, words):
    settings = HEAD | (dict(class_names=['a', 'b', 'c'], prompts={}) if 'prompts' in head else {}) | dict(head)
    if 'class_names' in head:
        settings['prompts'] = {}
    with pytest.raises(ValueError, match=words) as error:
        TextSimilarityHead(folder, **settings)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'settings, words',
    [
        (dict(attention_layers=-1), 'attention_layers'),
        (dict(attention_layers=4), '`class_maps.attention_layers` must be at most 3'),
        (dict(rounds=-1), 'rounds'),
        (dict(steps=0.5), 'steps'),
        (dict(box_threshold=1.0), 'box_threshold'),
        (dict(threshold=2), 'threshold'),
    ],
)
def test_a_wrong_argument_of_the_maps(folder, settings, words):
    with pytest.raises(ValueError, match=words):
        build(folder, inference=dict(class_maps=dict(type='mmwsl.CLIPESMaps') | settings))


def test_parts_that_do_not_fit(folder, tmp_path):
    for inference, words in (
        (dict(scorer=dict(type='mmwsl.OverlapTileScorer', tile=8, margin=4)), 'scorer.* must be a WholeScorer'),
        (dict(class_maps=dict(type='mmwsl.BeamSearchBoxes')), 'class_maps.* must be a CLIPESMaps or'),
    ):
        with pytest.raises(ValueError, match=words):
            build(folder, inference=inference)
    learned = dict(type='mmwsl.CLIPESMaps', attention_layers=2, background=dict(type='mmwsl.LearnedBackground'))
    with pytest.raises(TypeError, match='derive the background'):
        build(folder, inference=dict(class_maps=learned))
    with pytest.raises(ValueError, match="must have a CLIP model, got 'vit'"):
        TextSimilarityHead(
            str(write_vision(tmp_path / 'vit', 'ViT')), num_classes=2, class_names=['a'], background_prompts=['b']
        )
    wide = dict(type='VisionTransformer', img_size=16, patch_size=4, embed_dims=32, num_layers=1, num_heads=2)
    with pytest.raises(ValueError, match='backbone.* must be a TransformerBackbone'):
        CLIPSegmentor(
            backbone=wide,
            decode_head=dict(type='mmwsl.TextSimilarityHead', folder=folder, **HEAD),
        )


def test_clip_maps_need_the_segmentor():
    backbone = dict(type='ResNetV1c', depth=18, base_channels=8)
    with pytest.raises(ValueError, match="`model.type` must be 'mmwsl.CLIPSegmentor' for the class maps of CLIPESMaps"):
        MODELS.build(
            dict(
                type='mmwsl.WeakEncoderDecoder',
                backbone=backbone,
                decode_head=dict(type='mmwsl.LSEAggregationHead', in_channels=64, num_classes=4),
                inference=dict(class_maps=dict(type='mmwsl.CLIPESMaps')),
            )
        )


def test_a_folder_without_a_tokenizer_is_one_line(tmp_path):
    folder = write_clip(tmp_path / 'clip')
    for name in ('vocab.json', 'merges.txt', 'tokenizer_config.json'):
        (folder / name).unlink()
    with pytest.raises(ValueError, match='cannot be read|tokenizer') as error:
        build(str(folder))
    assert '\n' not in str(error.value)
