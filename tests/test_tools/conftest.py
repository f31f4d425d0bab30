"""Commands run as a user runs them, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import free_port


@pytest.fixture
def command(repository, tmp_path):
    """A function that starts a script of ``tools/`` with the interpreter of the tests, in an empty folder."""
    environment = dict(os.environ, OMP_NUM_THREADS='1')
    environment.pop('LOCAL_RANK', None)  # a command that ran in this process may have set it
    environment['PATH'] = f'{Path(sys.executable).parent}:{environment["PATH"]}'
    environment['PORT'] = str(free_port())

    def start(script, *arguments, **env):
        interpreter = 'bash' if script.endswith('.sh') else sys.executable
        return subprocess.Popen(
            [interpreter, str(repository / 'tools' / script), *map(str, arguments)],
            cwd=tmp_path,
            text=True,
            env={**environment, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return start


@pytest.fixture
def run(command):
    """A function that runs a script, fails unless it succeeds, and returns its output."""

    def complete(script, *arguments, **env):
        process = command(script, *arguments, **env)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output[-4000:]
        return output

    return complete
