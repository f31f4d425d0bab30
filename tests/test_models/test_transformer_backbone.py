"""Vision transformers of a folder: shapes, attention, sizes off the grid, precision, and errors of one line."""

import json
import sys

import pytest
import torch
from torch.nn import functional as F

from mmwsl.models import FolderPreProcessor, TransformerBackbone
from mmwsl.registry import MODELS
from tests.tiny_transformers import PATCH, REASON, SIDE, WIDTH, write_clip, write_preprocessor, write_vision

transformers = pytest.importorskip('transformers', reason=REASON)
KINDS = {'clip': 1, 'ViT': 1, 'DeiT': 2, 'Dinov2': 1, 'Dinov2WithRegisters': 5, 'DINOv3ViT': 3, 'Siglip': 0}


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """A folder of each kind of model."""
    root = tmp_path_factory.mktemp('models')
    registers = dict(DINOv3ViT=dict(num_register_tokens=2))
    return {
        kind: str(
            (write_clip if kind == 'clip' else write_vision)(root / kind, *_kind(kind), **registers.get(kind, {}))
        )
        for kind in KINDS
    }


def _kind(kind):
    return () if kind == 'clip' else (kind,)


@pytest.mark.parametrize('kind', KINDS)
def test_tokens_are_those_of_the_library(folders, kind):
    """On the grid of the training; the reference is the model of `transformers` itself, by its public class."""
    backbone = TransformerBackbone(folders[kind], layers=(0, -1))
    x = torch.randn(2, 3, SIDE, SIDE)
    names = {'clip': 'CLIPVisionModel', 'Siglip': 'SiglipVisionModel'}
    reference = getattr(transformers, names.get(kind, f'{kind}Model')).from_pretrained(folders[kind]).eval()
    expected = reference(x, output_hidden_states=True)
    tokens = backbone.encode(x, (1,))
    prefix = KINDS[kind]
    for found, level in zip(tokens.maps, (expected.hidden_states[1], expected.last_hidden_state), strict=True):
        assert found.shape == (2, WIDTH, SIDE // PATCH, SIDE // PATCH)
        torch.testing.assert_close(found.flatten(2).transpose(1, 2), level[:, prefix:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(tokens.prefix, expected.last_hidden_state[:, :prefix], atol=1e-4, rtol=1e-4)
    assert all(torch.equal(a, b) for a, b in zip(backbone(x), tokens.maps, strict=True))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', [(20, 28), (18, 9), (3, 16)])
def test_sizes_off_the_grid_and_rows_of_attention(folders, kind, size):
    backbone = TransformerBackbone(folders[kind])
    tokens = backbone.encode(torch.randn(1, 3, *size), (0, -1))
    h, w = (-(-side // PATCH) for side in size)
    assert tokens.maps[0].shape == (1, WIDTH, h, w)
    assert len(tokens.attentions) == 2
    for attention in tokens.attentions:
        assert attention.shape == (1, 4, KINDS[kind] + h * w, KINDS[kind] + h * w)
        torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:-1]))


def test_padding_is_zeros_on_the_right_and_at_the_bottom(folders):
    backbone, x = TransformerBackbone(folders['clip']), torch.randn(1, 3, 18, 9)
    assert torch.equal(backbone(x)[0], backbone(F.pad(x, (0, 3, 0, 2)))[0])


def test_attention_is_the_softmax_of_queries_and_keys(folders):
    backbone, x = TransformerBackbone(folders['clip'], layers=(0, 1, 2)), torch.randn(1, 3, SIDE, SIDE)
    attention = backbone.encode(x, (2,)).attentions[0][0]
    block = backbone.get_submodule(backbone.attention_input.rpartition('.')[0])
    hidden = []
    hook = block.register_forward_pre_hook(lambda module, args: hidden.append(args[0]))
    backbone(x)
    hook.remove()
    normed = block.layer_norm1(hidden[0][0])
    q, k = (
        proj(normed).unflatten(1, (4, 8)).transpose(0, 1) for proj in (block.self_attn.q_proj, block.self_attn.k_proj)
    )
    torch.testing.assert_close(attention, (q @ k.transpose(1, 2) / 8**0.5).softmax(-1))


@pytest.mark.parametrize('kind', ['clip', 'ViT', 'Dinov2', 'DINOv3ViT'])
def test_a_batch_is_its_images(folders, kind):
    backbone, x = TransformerBackbone(folders[kind]), torch.randn(2, 3, 20, 28)
    whole = backbone.encode(x, (0,))
    for n in range(2):
        own = backbone.encode(x[n : n + 1], (0,))
        torch.testing.assert_close(whole.maps[0][n : n + 1], own.maps[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(whole.attentions[0][n : n + 1], own.attentions[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('kind', ['clip', 'ViT', 'DeiT', 'Dinov2', 'DINOv3ViT', 'Siglip'])
def test_the_layer_before_the_last_attention(folders, kind):
    backbone = TransformerBackbone(folders[kind])
    layer = backbone.get_submodule(backbone.attention_input)
    assert isinstance(layer, torch.nn.LayerNorm) and '.2.' in backbone.attention_input
    seen = []
    layer.register_forward_hook(lambda module, args, output: seen.append(output.shape))
    backbone(torch.randn(1, 3, SIDE, SIDE))
    assert seen == [(1, KINDS[kind] + 16, WIDTH)]


def test_frozen_weights_stay_and_others_train(folders):
    frozen = TransformerBackbone(folders['ViT'])
    before = [parameter.clone() for parameter in frozen.parameters()]
    frozen.init_weights()
    frozen.train()
    assert not frozen.model.training and not any(parameter.requires_grad for parameter in frozen.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, frozen.parameters(), strict=True))
    trained = TransformerBackbone(folders['ViT'], frozen=False).train()
    assert trained.model.training
    trained(torch.randn(1, 3, SIDE, SIDE))[0].square().sum().backward()
    used = {name for name, parameter in trained.named_parameters() if parameter.grad is not None}
    assert {name for name, _ in trained.named_parameters()} - used <= {
        'model.pooler.dense.weight',
        'model.pooler.dense.bias',
    }


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
@pytest.mark.parametrize('kind', ['clip', 'ViT', 'Dinov2', 'DINOv3ViT'])
def test_half_precision(folders, kind, dtype):
    x = torch.randn(1, 3, 20, 28)
    exact, half = TransformerBackbone(folders[kind]), TransformerBackbone(folders[kind], dtype=dtype)
    tokens = half.encode(x, (0,))
    assert tokens.maps[0].dtype == torch.float32 and half.model.dtype == getattr(torch, dtype)
    expected = exact(x)[0]
    with torch.autocast('cpu', torch.bfloat16):
        mixed = exact(x)[0]
    for found in (tokens.maps[0], mixed.float()):
        assert 0 < (found - expected).norm() < 0.05 * expected.norm()


def test_a_state_dict_restores_the_weights(folders, tmp_path):
    first = TransformerBackbone(folders['ViT'])
    other = TransformerBackbone(str(write_vision(tmp_path / 'other', 'ViT', seed=1)))
    x = torch.randn(1, 3, 20, 20)
    assert not torch.equal(first(x)[0], other(x)[0])
    other.load_state_dict(first.state_dict())
    assert torch.equal(first(x)[0], other(x)[0])


def test_the_preprocessor_normalizes_rgb_in_0_to_1(folders):
    pixels = torch.randint(0, 256, (3, SIDE, SIDE), dtype=torch.uint8)
    ours = FolderPreProcessor(folder=folders['clip'])(dict(inputs=[pixels], data_samples=None))['inputs'][0]
    mean, std = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
    expected = (pixels.flip(0).float() / 255 - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_the_preprocessor_follows_the_file(tmp_path):
    write_preprocessor(tmp_path, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    settings = json.loads((tmp_path / 'preprocessor_config.json').read_text())
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(settings | dict(do_rescale=False)))
    processor = FolderPreProcessor(folder=str(tmp_path))
    assert processor.mean.flatten().tolist() == [0, 0, 0] and processor.std.flatten().tolist() == [1, 1, 1]
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(settings | dict(do_normalize=False)))
    assert FolderPreProcessor(folder=str(tmp_path)).std.flatten().tolist() == pytest.approx([255] * 3)


@pytest.mark.parametrize('text', ['{', '[]', '{}', '{"image_mean": 1, "image_std": [1, 1, 1]}'])
def test_a_preprocessor_file_that_cannot_be_read(tmp_path, text):
    (tmp_path / 'preprocessor_config.json').write_text(text)
    with pytest.raises(ValueError, match='must have') as error:
        FolderPreProcessor(folder=str(tmp_path))
    assert '\n' not in str(error.value) and 'preprocessor_config.json' in str(error.value)


def test_errors_of_the_preprocessor(tmp_path, folders):
    with pytest.raises(FileNotFoundError, match='has no preprocessor_config.json'):
        FolderPreProcessor(folder=str(tmp_path))
    with pytest.raises(ValueError, match='`mean` must not be set'):
        FolderPreProcessor(folder=folders['ViT'], mean=[0, 0, 0])


@pytest.mark.parametrize(
    'arguments, words',
    [
        (dict(layers=(3,)), r'`layers` must be numbers of blocks in \[-3, 2\]'),
        (dict(layers=()), '`layers` must be'),
        (dict(layers='all'), '`layers` must be'),
        (dict(dtype='int8'), '`dtype` must be one of'),
    ],
)
def test_errors_of_arguments(folders, arguments, words):
    with pytest.raises(ValueError, match=words):
        TransformerBackbone(folders['ViT'], **arguments)
    with pytest.raises(ValueError, match='attention_layers'):
        TransformerBackbone(folders['ViT']).encode(torch.zeros(1, 3, 8, 8), (7,))


def _text_model(folder):
    transformers.BertModel(
        transformers.BertConfig(
            hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=9
        )
    ).save_pretrained(folder)


def _pyramid(folder):
    transformers.SwinModel(
        transformers.SwinConfig(
            image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 1], window_size=4
        )
    ).save_pretrained(folder)


def _without_a_parameter(folder):
    write_vision(folder, 'ViT')
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / 'model.safetensors')
    del weights[next(name for name in weights if name.endswith('layernorm.weight'))]
    save_file(weights, folder / 'model.safetensors', metadata=dict(format='pt'))


def _damaged(folder):
    write_vision(folder, 'ViT')
    path = folder / 'model.safetensors'
    path.write_bytes(path.read_bytes()[:100])


def _without_weights(folder):
    write_vision(folder, 'ViT')
    (folder / 'model.safetensors').unlink()


def _config(text):
    return lambda folder: (folder.mkdir(), (folder / 'config.json').write_text(text))


@pytest.mark.parametrize(
    'make, words',
    [
        (lambda folder: None, 'does not exist'),
        (lambda folder: folder.mkdir(), 'has no config.json'),
        (_config('{'), 'cannot be read'),
        (_config('{"model_type": "no such model"}'), 'cannot be read'),
        (_text_model, 'plain vision transformer'),
        (_pyramid, 'token|plain vision transformer'),
        (_without_a_parameter, 'lacks 1 parameters of ViTModel'),
        (_without_weights, 'cannot be read'),
        (_damaged, 'cannot be read'),
    ],
)
def test_a_wrong_folder_is_one_line(tmp_path, make, words):
    folder = tmp_path / 'model'
    make(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=words) as error:
        TransformerBackbone(str(folder))(torch.zeros(1, 3, 32, 32))
    assert '\n' not in str(error.value)


def test_a_missing_package_is_one_line(folders, monkeypatch):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    with pytest.raises(ImportError, match=r'need transformers.*mmwsl\[foundation\]') as error:
        TransformerBackbone(folders['ViT'])
    assert '\n' not in str(error.value)


def test_it_is_built_from_a_config_without_network(folders, monkeypatch):
    monkeypatch.setattr('socket.socket.connect', lambda *args: pytest.fail('a connection was opened'))
    backbone = MODELS.build(dict(type='mmwsl.TransformerBackbone', folder=folders['Dinov2'], layers=(1, 2)))
    assert len(backbone(torch.zeros(1, 3, 16, 16))) == 2
