"""Training of the SVMs of zoom-out features, and evaluation with them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsl.apis import load_config
from mmwsl.apis.instances import collect_instances
from mmwsl.apis.testing import test as evaluate
from mmwsl.apis.zoom_out import fit_zoom_out, main
from mmwsl.registry import DATASETS, MODELS
from mmwsl.utils.output_path import OutputError

SHORT = [
    option
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader')
    for option in (f'{loader}.dataset.length=40', f'{loader}.num_workers=0', f'{loader}.persistent_workers=False')
]


@pytest.fixture
def config(repository, tmp_path):
    """A config of the synthetic dataset with superpixels; the SVM file that it names does not exist."""
    path = tmp_path / 'config.py'
    path.write_text(f"""_base_ = ['{repository}/configs/shapes/wsl_lse_shapes.py']
model = dict(inference=dict(
    class_maps=dict(type='mmwsl.GuidedBackpropSaliency', layers=['backbone.layers.0'], scores=dict(
        type='mmwsl.ZoomOutMaps', layers=['backbone.layers.0', 'decode_head.convs.0'], scene=False,
        svm='work/zoom_out/svm.pth')),
    postprocessors=[dict(type='mmwsl.ImageLevelPrior'), dict(type='mmwsl.SuperpixelCRF')]))
maps = [dict(type='mmwsl.KeepOriginalImage'), dict(type='mmwsl.ComputeSuperpixels', method='slic', n_segments=30)]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
work_dir = 'work'
""")
    return path


def test_fit_then_test(config, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(config)
    cfg.model.inference = None
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    torch.save(MODELS.build(cfg.model).state_dict(), 'checkpoint.pth')
    fit = [str(config), 'checkpoint.pth', '--per-image', '5', '--iterations', '2', '--every', '2']
    main([*fit, '--cfg-options', *SHORT])
    content = torch.load('work/zoom_out/svm.pth', weights_only=True)
    assert content['weight'].shape == (6, 80) and content['bias'].shape == (6,) and len(content['classes']) == 7
    entries = {path: path.stat().st_ino for path in Path('work', 'zoom_out', 'features').rglob('*.npy')}
    assert len(entries) == 20
    assert '100 superpixels of 20 images, 80 features each' in ''.join(capfd.readouterr())

    # An interrupted run keeps its files and computes the missing one; the result is the same.
    lost, *kept = entries
    lost.unlink()
    main([*fit, '--out', 'again.pth', '--cfg-options', *SHORT])
    again = torch.load('again.pth', weights_only=True)
    assert torch.equal(again['weight'], content['weight']) and torch.equal(again['bias'], content['bias'])
    # With all files there, no feature is computed.
    with pytest.raises(OutputError, match="--out must be a new file, got 'again.pth'"):
        main([*fit, '--out', 'again.pth', '--cfg-options', *SHORT])
    main([*fit, '--out', 'again.pth', '--overwrite', '--cfg-options', *SHORT])
    assert torch.equal(torch.load('again.pth', weights_only=True)['weight'], content['weight'])
    assert lost.exists() and all(path.stat().st_ino == entries[path] for path in kept)

    cfg = load_config(config)
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.test_dataloader.dataset.length = 5
    metrics = evaluate(cfg, 'checkpoint.pth')
    assert {'mIoU', 'mAP'} <= set(metrics)


def test_all_superpixels_of_images_with_few(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = load_config(config, {'train_dataloader.dataset.length': 2})
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    model = Config.fromfile(config).model
    model.inference = None
    init_default_scope('mmseg')
    torch.save(MODELS.build(model).state_dict(), 'checkpoint.pth')
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=cfg.test_dataloader.dataset.pipeline))
    counts = [len(dataset[index]['data_samples'].superpixels.data.unique()) for index in range(2)]
    instances = collect_instances(cfg, 'checkpoint.pth', 'cache', per_image=max(counts))
    assert np.bincount(instances.bags).tolist() == counts
    assert instances.features.shape == (sum(counts), 80) and instances.labels.shape == (2, 7)


def test_damaged_features_are_computed_again_and_the_folder_is_limited(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(config)
    cfg.model.inference = None
    init_default_scope('mmseg')
    torch.save(MODELS.build(cfg.model).state_dict(), 'checkpoint.pth')

    def collect(**changed):
        cfg = load_config(config, {'train_dataloader.dataset.length': 4} | changed)
        cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
        return collect_instances(cfg, 'checkpoint.pth', 'cache', per_image=5, **limit)

    limit = {}
    first = collect().features
    files = sorted(Path('cache').rglob('*.npy'))
    files[0].write_bytes(files[0].read_bytes()[:50])
    files[1].write_bytes(b'')
    assert np.array_equal(collect().features, first) and len(files) == 4
    assert all(np.load(file).shape == (5, 80) for file in files)
    assert not np.array_equal(collect(**{'train_dataloader.dataset.seed': 9}).features, first)
    assert len(list(Path('cache').rglob('*.npy'))) == 8  # other images
    shutil.rmtree('cache')
    limit['max_size'] = 2000
    assert np.array_equal(collect().features, first)
    assert sum(file.stat().st_size for file in Path('cache').rglob('*.npy')) <= 2000


def test_configs_and_arguments_that_cannot_be_fitted_are_rejected(config, tmp_path):
    cfg = Config.fromfile(config)
    cfg.model.inference.class_maps = None
    with pytest.raises(ValueError, match='`model.inference.class_maps` must use zoom-out features, got None'):
        fit_zoom_out(cfg, 'none.pth', str(tmp_path / 'svm.pth'))
    for name in ('per_image', 'every'):
        with pytest.raises(ValueError, match=f'`{name}` must be at least 1, got 0'):
            fit_zoom_out(Config.fromfile(config), 'none.pth', str(tmp_path / 'svm.pth'), **{name: 0})
    with pytest.raises(ValueError, match="--launcher must be 'none', got 'pytorch'"):
        main([str(config), 'none.pth', '--launcher', 'pytorch'])
    assert not (tmp_path / 'svm.pth').exists()
