"""Errors of users and bugs."""

import json
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS

from mmwsl.engine.hooks import NonFiniteError
from mmwsl.functional import constant_background
from mmwsl.models.aggregators import LSEPooling
from mmwsl.registry import MODELS
from mmwsl.utils.errors import FAILURE, INPUT, exit_code, user_message

from .test_files import small_files


def caught(function, *arguments):
    with pytest.raises(Exception) as error:  # noqa: PT011
        function(*arguments)
    return error.value


def test_what_mmwsl_raises_is_an_error_of_the_user():
    error = caught(LSEPooling, -1.0)
    assert user_message(error) == str(error) and exit_code(error) == INPUT


def test_what_a_library_raises_for_mmwsl_is_a_bug():
    assert user_message(caught(constant_background, 'text', 0.5)) is None


def test_what_python_raises_in_mmwsl_is_a_bug(tmp_path, monkeypatch):
    """A ``KeyError`` of a dictionary has no message for a user, wherever it is raised."""
    (tmp_path / 'broken.py').write_text(
        'def find():\n    return {}["key"]\n\ndef reject():\n    raise KeyError("no key")\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    import broken

    monkeypatch.setattr('mmwsl.utils.errors.PACKAGE', tmp_path)
    assert user_message(caught(broken.find)) is None
    assert user_message(caught(broken.reject)) == 'no key'
    sys.modules.pop('broken')


def test_files_are_matters_of_the_user(tmp_path):
    error = caught(open, tmp_path / 'none')
    assert str(tmp_path / 'none') in user_message(error) and exit_code(error) == INPUT
    assert exit_code(NonFiniteError('the loss must be finite')) == FAILURE  # no input was wrong
    full = OSError(28, 'No space left on device', 'file')
    assert 'No space left' in user_message(full) and exit_code(full) == FAILURE


def test_configs_are_matters_of_the_user(tmp_path):
    assert 'mmwsl.LSEPoling is not in the' in user_message(caught(MODELS.build, dict(type='mmwsl.LSEPoling')))
    # mmengine raises the error of a class again, with a longer message.
    error = caught(MODELS.build, dict(type='mmwsl.LSEPooling', r=-1.0))
    assert user_message(error).startswith('LSEPooling: `r` must be')
    error = caught(OPTIMIZERS.build, dict(type='SGD', params=[torch.zeros(1, requires_grad=True)], lr=-1.0))
    assert 'Invalid learning rate' in user_message(error)
    assert "'rr'" in user_message(caught(MODELS.build, dict(type='mmwsl.LSEPooling', rr=1.0)))
    (tmp_path / 'config.txt').write_text('x')
    assert user_message(caught(Config.fromfile, tmp_path / 'config.txt'))


def test_errors_of_json_keep_their_place():
    assert user_message(caught(json.loads, '{')) is None  # without a file it helps nobody


def test_a_full_disk_is_a_failure_that_names_the_open_file(tmp_path):
    def write(path):
        with open(path, 'w') as file:
            file.write('x' * 100)  # found when the file is closed

    with small_files(10):
        error = caught(write, tmp_path / 'last_checkpoint')
    assert error.filename is None
    assert user_message(error) == f"[Errno 27] File too large: '{tmp_path}/last_checkpoint'"
    assert exit_code(error) == FAILURE


def test_a_file_that_is_named_already_keeps_its_name(tmp_path):
    def read():
        with open(__file__):
            open(tmp_path / 'missing')

    assert user_message(caught(read)).endswith(f"'{tmp_path}/missing'")
    assert user_message(caught(lambda: (_ for _ in ()).throw(OSError('a text')))) == 'a text'
