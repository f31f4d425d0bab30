"""The examples of docs/inference_pipeline.md, run as a user's own package."""

import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from skimage.measure import label

from mmwsl.inference import InferencePipeline


@pytest.fixture
def blocks(repository):
    """Return the Python blocks of the page, in order."""
    page = (repository / 'docs' / 'inference_pipeline.md').read_text()
    return re.findall(r'```python\n(.*?)```', page, re.DOTALL)


def test_the_first_example_is_a_valid_pipeline(blocks, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(blocks[0])
    pipeline = InferencePipeline(**Config.fromfile(config).model.inference)
    assert type(pipeline.scorer).__name__ == 'DenseScorer' and len(pipeline.postprocessors) == 2


def test_a_users_own_steps_run_in_the_runner(blocks, repository, tmp_path, monkeypatch):
    for block in blocks:
        if path := re.match(r'# (my_project/\w+\.py)\n', block):
            file = tmp_path / path.group(1)
            file.parent.mkdir(exist_ok=True)
            file.write_text(block)
            assert len(block.splitlines()) < 40
    monkeypatch.syspath_prepend(tmp_path)
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = ['{repository / 'configs/shapes/wsl_lse_shapes.py'}']\n{blocks[-1]}")
    cfg = Config.fromfile(config)
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'work'), tmp_path.name
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.test_dataloader.dataset.length = 4
    torch.manual_seed(0)
    runner = Runner.from_cfg(cfg)
    assert type(runner.model.pipeline.class_maps).__module__ == 'my_project.max_of_views'
    assert 0 <= runner.test()['mIoU'] <= 100

    def component_sizes():
        masks = [sample.pred_sem_seg.data[0].numpy() for batch in runner.test_dataloader for sample in step(batch)]
        return [size for mask in masks for size in np.bincount(label(mask).ravel())[1:]]

    step = runner.model.test_step
    assert min(component_sizes(), default=200) >= 200
    runner.model.pipeline.postprocessors = []
    assert min(component_sizes()) < 200, 'there was nothing to remove'
