"""`mmwsl export`: the ONNX file gives what torch gives, at any size."""

import json
import runpy
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmwsl import apis
from mmwsl.apis import WeakSegInferencer
from mmwsl.apis.export import export_onnx
from mmwsl.apis.onnx_network import OnnxNetwork, find_resize_rule
from mmwsl.apis.registered import is_mask_loader, without
from mmwsl.cli.main import main

from .trained import write_shapes, write_weights

pytest.importorskip('onnx', reason='the extra `onnx` is not installed')
onnxruntime = pytest.importorskip('onnxruntime', reason='the extra `onnx` is not installed')


def open_session(path):
    return onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])


def run(session, *images):
    """Predict RGB images, and return the outputs by name."""
    outputs = session.run(None, dict(image=np.stack(images).transpose(0, 3, 1, 2)))
    return dict(zip([output.name for output in session.get_outputs()], outputs, strict=True))


def metadata(session):
    return {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}


def bare(config, weights):
    """The inferencer of a config without its post-processors."""
    cfg = apis.get_config(config)
    cfg.model.inference = dict(cfg.model.get('inference') or {}, postprocessors=None)
    return WeakSegInferencer(cfg, weights, 'cpu')


@pytest.fixture(scope='module')
def voc6(data_root, weights_root, repository, tmp_path_factory):
    """A config that resizes, on pretrained features; its weights, its ONNX file, and real images."""
    folder = tmp_path_factory.mktemp('voc6')
    config = repository / 'configs/priors/wsl_lse_voc6_ilp.py'
    weights = write_weights(config, folder / 'weights.pth', pretrained=True, scale=0.05)
    files = sorted((data_root / 'voc6/JPEGImages').glob('*.jpg'))[:4]
    return config, weights, export_onnx(config, folder / 'model.onnx', weights=weights), files


def test_three_sizes_of_real_images_equal_torch(voc6):
    config, weights, path, files = voc6
    session = open_session(path)
    inferencer = bare(config, weights)
    network = OnnxNetwork(inferencer.model, find_resize_rule(inferencer.cfg)).eval()
    for file, size in zip(files, [(448, 336), (320, 240), (150, 211)], strict=False):
        image = np.asarray(Image.open(file).resize(size))
        found = run(session, image, image[::-1])
        with torch.no_grad():
            expected = network(torch.from_numpy(np.stack([image, image[::-1]]).transpose(0, 3, 1, 2)))
        for output, tensor in zip(found.values(), expected, strict=True):
            assert np.abs(output - tensor.numpy()).max() < 1e-4
        assert (found['probs'].argmax(1) == expected[0].argmax(1).numpy()).mean() >= 0.9999
        # The test pipeline itself, with OpenCV's resizing. Of the same size, its scores are the same.
        (one,) = inferencer([np.ascontiguousarray(image[..., ::-1])], return_scores=True)['predictions']
        assert found['probs'][0].shape == one['scores'].shape
        assert (found['probs'][0].argmax(0) == one['mask']).mean() >= 0.999
        probs = np.array(list(one['image_probs'].values()))
        assert np.abs(found['image_probs'][0, 1:] - probs).max() < 0.02
        if max(size) == 448:
            assert np.abs(found['probs'][0] - one['scores']).max() < 1e-4


def test_the_example_without_torch_gives_the_masks(voc6, repository, tmp_path):
    config, weights, path, files = voc6
    hide = "import sys; sys.modules['torch'] = sys.modules['mmwsl'] = None; sys.argv = sys.argv[1:]; "
    example = repository / 'docs/onnx_example.py'
    assert len(example.read_text().splitlines()) <= 50
    inferencer = WeakSegInferencer(config, weights, 'cpu')
    for file in files:
        call = [str(example), str(path), str(file), str(tmp_path / 'mask.png')]
        run_it = f"{hide}import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
        subprocess.run([sys.executable, '-c', run_it, *call], check=True, capture_output=True)
        (one,) = inferencer(file)['predictions']
        with Image.open(tmp_path / 'mask.png') as mask:
            assert mask.getpalette()[3:6] == list(inferencer.palette[1])
            assert (np.asarray(mask) == one['mask']).mean() >= 0.999


def test_a_segmentor_with_an_image_level_head_has_both_outputs(voc6, repository, tmp_path):
    """Its post-processor, the image-level prior, is applied by the example, so that the masks are those of torch."""
    config, files = repository / 'configs/folder/psl_deeplabv3plus_mobilenet-v2_folder.py', voc6[-1]
    weights = write_weights(config, tmp_path / 'weights.pth', pretrained=True, scale=0.5)
    path = export_onnx(config, tmp_path / 'model.onnx', weights=weights)
    image = np.asarray(Image.open(files[0]).resize((320, 240)))
    found = run(open_session(path), image)
    (one,) = bare(config, weights)([np.ascontiguousarray(image[..., ::-1])], return_scores=True)['predictions']
    assert np.abs(found['probs'][0] - one['scores']).max() < 1e-4
    assert np.abs(found['image_probs'][0, 1:] - list(one['image_probs'].values())).max() < 1e-4
    predict = runpy.run_path(str(repository / 'docs/onnx_example.py'))['predict']
    cfg = apis.get_config(config)
    cfg.model.inference.postprocessors[2].iterations = 0  # the CRF, which the example leaves out
    (masked,) = WeakSegInferencer(cfg, weights, 'cpu')([np.ascontiguousarray(image[..., ::-1])])['predictions']
    assert (predict(open_session(path), image) == masked['mask']).mean() >= 0.999
    assert (masked['mask'] != one['mask']).any()


def test_images_of_any_size_and_number_without_resizing(repository, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = ['{repository / 'configs/shapes/wsl_lse_shapes.py'}']\n"
        "thresholds = dict(type='mmwsl.ClassThresholds', thresholds=[.1, .2, .3, .4, .5, .6], tuned_on='masks of x')\n"
        "model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior'), thresholds]))\n"
    )
    weights = write_weights(config, tmp_path / 'weights.pth', scale=2)
    session = open_session(export_onnx(config, tmp_path / 'model.onnx', weights=weights, opset=13))
    inferencer = bare(config, weights)
    for file in write_shapes(tmp_path / 'images').rglob('*.*'):
        image = np.asarray(Image.open(file))
        found = run(session, image)
        (one,) = inferencer(file, return_scores=True)['predictions']
        assert np.abs(found['probs'][0] - one['scores']).max() < 1e-4
        assert (found['probs'][0].argmax(0) == one['mask']).mean() >= 0.9999
    assert session.get_inputs()[0].type == 'tensor(uint8)' and session.get_inputs()[0].shape[1] == 3
    found = metadata(session)
    assert found['classes'] == inferencer.classes and found['palette'][0] == [0, 0, 0] and found['resize'] is None
    assert np.allclose(found['thresholds'], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) and found['tuned_on'] == 'masks of x'
    assert [step['type'] for step in found['postprocessors']] == ['mmwsl.ImageLevelPrior', 'mmwsl.ClassThresholds']
    assert found['mean'] == inferencer.model.data_preprocessor.mean.flatten().tolist()


def test_a_segmentor_of_mmseg_has_probabilities_of_pixels_only(repository, tmp_path):
    cfg = apis.get_config('fsl_fcn_voc6')
    weights = write_weights(cfg.filename, tmp_path / 'weights.pth')
    path = export_onnx(cfg, tmp_path / 'model.onnx', weights=weights)
    found = run(open_session(path), np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8))
    assert list(found) == ['probs'] and found['probs'].shape == (1, 7, 50, 70)
    assert np.allclose(found['probs'].sum(1), 1, atol=1e-5)


def test_an_aggregator_that_onnx_lacks_is_left_out(repository, tmp_path):
    aggregator = {'model.decode_head.aggregator': dict(_delete_=True, type='mmwsl.NoisyOrPooling')}
    weights = write_weights('wsl_lse_shapes', tmp_path / 'weights.pth', aggregator)
    path = export_onnx('wsl_lse_shapes', tmp_path / 'model.onnx', weights=weights, options=aggregator)
    assert [output.name for output in open_session(path).get_outputs()] == ['probs']


@pytest.mark.parametrize(
    'options, message',
    [
        ({'model.inference': dict(scorer=dict(type='mmwsl.DenseScorer'))}, 'must have a WholeScorer and Probabilities'),
        ({'model.inference': dict(class_maps=dict(type='mmwsl.ClassActivationMaps'))}, 'got .*ClassActivationMaps'),
        ({'model.data_preprocessor.test_cfg': dict(size_divisor=32)}, 'size_divisor` must be None'),
    ],
)
def test_what_cannot_be_exported_is_named_in_one_line(options, message, tmp_path, capsys):
    weights = write_weights('wsl_lse_shapes', tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match=message):
        export_onnx('wsl_lse_shapes', tmp_path / 'model.onnx', weights=weights, options=options)
    assert not (tmp_path / 'model.onnx').exists()


def test_a_pipeline_with_another_transform_is_rejected():
    cfg = apis.get_config('wsl_lse_voc6')
    pipeline = without(cfg.test_dataloader.dataset.pipeline, is_mask_loader)
    assert find_resize_rule(cfg) == ((448, 448), True)
    for step in (dict(type='RandomFlip', prob=1.0), dict(type='Resize', scale=(9, 9)), dict(type='ResizeToMultiple')):
        cfg.test_dataloader.dataset.pipeline = [*pipeline[:-1], step, pipeline[-1]]
        with pytest.raises(ValueError, match='must contain one bilinear Resize at most'):
            find_resize_rule(cfg)


def test_layers_that_onnx_lacks_are_named(tiny_config, tmp_path, capsys):
    config = tiny_config()  # a U-Net, which computes sizes in Python
    weights = tmp_path / 'weights.pth'
    cfg = Config.fromfile(config)
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), weights)
    with pytest.raises(SystemExit, match='2'):
        main(['export', str(config), '--checkpoint', str(weights), '--out', str(tmp_path / 'model.onnx')])
    captured = capsys.readouterr()
    assert 'mmwsl export: the network must consist of layers that ONNX has' in captured.err
    assert len(captured.err.splitlines()) == 1 and not (tmp_path / 'model.onnx').exists()


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    weights = write_weights('wsl_lse_shapes', tmp_path / 'weights.pth')
    path = tmp_path / 'model.onnx'
    main(['export', 'wsl_lse_shapes', '--checkpoint', weights, '--out', str(path), '--opset', '16'])
    warning, *lines = capsys.readouterr().out.splitlines()
    assert warning.startswith('warning: `weights` stores no class names')
    assert len(lines) == 3 and lines[0].startswith(f'{path}: ') and 'opset 16' in lines[0]
    with pytest.raises(SystemExit, match='2'):
        main(['export', 'wsl_lse_shapes', '--checkpoint', weights, '--out', str(path), '--opset', '9'])
    assert '--opset must be at least 11, got 9' in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(SystemExit, match='2'):
        main(['export', 'wsl_lse_shapes', '--checkpoint', 'x.pth', '--out', str(tmp_path / 'model.onnx')])
    error = capsys.readouterr().err
    assert 'the export needs onnx and onnxruntime' in error and 'mmwsl[onnx]' in error
