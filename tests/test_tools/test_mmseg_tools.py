"""mmseg's own command line on our configs."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_mmsegs_own_tools_run_our_configs(tmp_path):
    """The scope prefix is enough: nothing of ours is imported by the tools that mmseg ships."""
    import mmseg

    tools = Path(mmseg.__file__).parent / '.mim' / 'tools'
    if not tools.is_dir():
        pytest.skip('needs the tools of mmseg. Install them with: pip install onedl-mmsegmentation')
    config = str(Path(__file__).parents[2] / 'configs/shapes/wsl_lse_shapes_ilp.py')
    short = ['--work-dir', str(tmp_path), '--cfg-options', 'train_cfg.max_epochs=1', 'default_hooks.logger.interval=1']
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        short += [f'{loader}.dataset.length=4', f'{loader}.num_workers=0', f'{loader}.persistent_workers=False']
    outputs = []
    for command in (['train.py', config], ['test.py', config, str(tmp_path / 'epoch_1.pth')]):
        run = subprocess.run(
            [sys.executable, str(tools / command[0]), *command[1:], *short],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=300,
        )
        assert run.returncode == 0, run.stderr[-3000:]
        outputs.append(run.stdout + run.stderr)
    assert 'decode.loss_cls' in outputs[0] and 'Epoch(train) [1]' in outputs[0]
    assert 'mIoU' in outputs[1] and 'mAP' in outputs[1]
