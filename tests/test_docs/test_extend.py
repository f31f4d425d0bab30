"""The examples of docs/extend.md, run as a user's own package by the real runner on the synthetic shapes dataset."""

import re
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsl import apis
from mmwsl.datasets import ShapesDataset

PARTS = {
    'An aggregator': 'AboveAveragePooling',
    'A loss': 'MultiLabelHingeLoss',
    'A prior': 'CenterPrior',
    'A data reader': 'TextLabelDataset',
}


@pytest.fixture
def example(repository, tmp_path, monkeypatch):
    """Return a function that writes the module of a section, and returns its config."""

    def write(section):
        page = (repository / 'docs' / 'extend.md').read_text()
        text = re.search(rf'^## {section}\n(.*?)(?=^## )', page, re.MULTILINE | re.DOTALL).group(1)
        module, config = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
        assert len(module.splitlines()) <= 34, f'{section} is longer than the page says'
        file = tmp_path / re.match(r'# (my_project/\w+\.py)\n', module).group(1)
        file.parent.mkdir()
        file.write_text(module)
        monkeypatch.syspath_prepend(tmp_path)
        for name in [name for name in sys.modules if name.split('.')[0] == 'my_project']:
            monkeypatch.delitem(sys.modules, name)
        base = next((repository / 'configs').rglob('wsl_lse_shapes.py'))
        path = tmp_path / 'config.py'
        path.write_text(re.sub(r"'configs/shapes/(\w+\.py)'", repr(str(base)), config))
        cfg = apis.load_config(path, work_dir=str(tmp_path / 'work'))
        cfg.experiment_name = tmp_path.name
        cfg.train_cfg.update(max_epochs=2, val_interval=2)
        cfg.param_scheduler = None
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            loader.update(num_workers=0, persistent_workers=False)
            if loader.dataset.type == 'mmwsl.ShapesDataset':
                loader.dataset.length = 32
        cfg.train_dataloader.batch_size = 8
        cfg.default_hooks.logger.interval = 1
        return cfg

    return write


def losses(runner):
    """Return the loss of every training step."""
    return list(runner.message_hub.get_scalar('train/loss').data[0])


def trained(cfg):
    """Train, check that the loss decreases, and return the runner with the metrics of the test."""
    torch.manual_seed(0)
    runner = apis.train(cfg)
    history = losses(runner)
    assert len(history) == 8 and np.mean(history[-2:]) < np.mean(history[:2])
    return runner, runner.test()


def test_the_page_has_these_examples(repository):
    page = (repository / 'docs' / 'extend.md').read_text()
    assert re.findall(r'^class (\w+)', page, re.MULTILINE) == list(PARTS.values())


def test_an_aggregator_trains(example):
    cfg = example('An aggregator')
    runner, metrics = trained(cfg)
    aggregator = runner.model.decode_head.aggregator
    assert type(aggregator).__module__ == 'my_project.pooling' and aggregator.sharpness == 2.0
    assert 0 <= metrics['mIoU'] <= 100
    scores = torch.randn(2, 3, 4, 5)
    valid = torch.ones(2, 4, 5, dtype=torch.bool)
    valid[:, :, 3:] = False
    torch.testing.assert_close(aggregator(scores, valid), aggregator(scores[..., :3]))
    torch.testing.assert_close(type(aggregator)(0.0)(scores), scores.mean((2, 3)))


def test_a_loss_trains_and_ignores_unknown_labels(example):
    runner, _ = trained(example('A loss'))
    loss = runner.model.decode_head.loss_decode
    assert type(loss).__module__ == 'my_project.hinge' and loss.margin == 2.0
    weights = torch.ones(3)
    values = [
        loss.image_loss(torch.tensor([[3.0, -3.0, score]]), torch.tensor([[1.0, 0.0, -1.0]]), weights)
        for score in (-9.0, 9.0)
    ]
    assert values == [0, 0]


def test_a_prior_moves_foreground_to_the_center(example):
    runner, metrics = trained(example('A prior'))
    (prior,) = runner.model.pipeline.postprocessors
    assert type(prior).__module__ == 'my_project.center' and 0 <= metrics['mIoU'] <= 100
    refined = prior(torch.full((3, 5, 7), 0.5), None)
    assert refined[1, 2, 3] == 0.5 and refined[1, 0, 0] < 0.01 and (refined[0] == 0.5).all()


def test_a_backbone_of_timm_trains(repository, tmp_path, monkeypatch):
    timm = pytest.importorskip('timm', reason='the extra `timm` is not installed (pip install -e ".[timm]")')
    page = (repository / 'docs' / 'extend.md').read_text()
    text = re.search(r'^## A backbone\n(.*?)(?=^## )', page, re.MULTILINE | re.DOTALL).group(1)
    config, weights = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'weights').mkdir()
    create_model = timm.create_model
    monkeypatch.setattr(timm, 'create_model', lambda name, pretrained: create_model(name))  # without a download
    exec(weights, {})
    (tmp_path / 'config.py').write_text(config.replace("'configs/", f"'{repository.as_posix()}/configs/"))
    monkeypatch.undo()
    cfg = apis.load_config(tmp_path / 'config.py', work_dir=str(tmp_path / 'work'))
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'weights' / 'resnet18_imagenet.pth'))
    cfg.model.backbone.init_cfg = init_cfg
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    cfg.param_scheduler = None
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.length = 32
    cfg.train_dataloader.batch_size = 8
    cfg.default_hooks.logger.interval = 1
    runner, metrics = trained(cfg)
    assert runner.model.backbone.out_channels == (512,) and 0 <= metrics['mIoU'] <= 100


def test_a_data_reader_reads_the_labels_that_train(example, tmp_path):
    cfg = example('A data reader')
    source = ShapesDataset(length=32, pipeline=[dict(type='mmwsl.RenderShapesImage')])
    root = tmp_path / 'data' / 'shapes'
    (root / 'images').mkdir(parents=True)
    lines, labels = [], []
    for item in map(source.__getitem__, range(len(source))):
        Image.fromarray(item['img'][..., ::-1]).save(root / 'images' / item['img_path'])
        labels.append(item['img_label'])
        lines.append(f'{item["img_path"]}: {", ".join(source.metainfo["classes"][label] for label in labels[-1])}')
    (root / 'labels.txt').write_text('\n'.join(lines))
    cfg.train_dataloader.dataset.data_root = str(root)
    runner, _ = trained(cfg)
    dataset = runner.train_dataloader.dataset.dataset  # in the wrapper that seeds its transforms
    assert type(dataset).__module__ == 'my_project.text_labels'
    assert [dataset.get_data_info(index)['img_label'] for index in range(len(dataset))] == labels

    (root / 'labels.txt').write_text('\n'.join(lines).replace('ring', 'rnig'))
    number = next(number for number, line in enumerate(lines, 1) if 'ring' in line)
    with pytest.raises(ValueError, match=rf"labels\.txt:{number}: image .* has the unknown class 'rnig'"):
        type(dataset)(**{key: value for key, value in cfg.train_dataloader.dataset.items() if key != 'type'})
