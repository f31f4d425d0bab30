"""Imports of the packages, in a process of their own: one that crashes does not end the command.

``python -m mmwsl.doctor.probe MODULE...`` prints one JSON object a line, before and after each import.
"""

import importlib
import json
import os
import sys
import warnings
from typing import IO, Any


def main(modules: list[str]) -> None:
    """Import modules in turn and print their versions or errors, then the devices of torch."""
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # some packages print when they are imported
    warnings.simplefilter('ignore')
    for name in modules:
        _print(out, module=name, error='the process ends when it is imported')
        try:
            module = importlib.import_module(name)
            if name == 'torch' and 'numpy' in sys.modules:
                module.from_numpy(sys.modules['numpy'].zeros(1))  # fails if they do not fit, unlike the import
            version = getattr(module, '__version__', '')
        except BaseException as error:  # packages raise what they like, such as SystemExit
            _print(out, module=name, error=f'{type(error).__name__}: {error}')
        else:
            _print(out, module=name, version=str(version))
    if 'torch' in sys.modules:
        _print(out, devices=_devices(sys.modules['torch']), cuda=str(sys.modules['torch'].version.cuda or ''))
    if os.environ.get('MMWSL_TRITON') == '1' and 'mmwsl' in sys.modules:
        _print(out, triton=_triton_problem())


def _triton_problem() -> str:
    """Return why the Triton kernels cannot run, or an empty text."""
    functions = importlib.import_module('mmwsl.functional.neighbor_average')
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        if functions.triton_kernels() is not None:
            return ''
    texts = [str(warning.message) for warning in caught]  # Triton may warn too
    return next(text for text in texts if text.startswith('MMWSL_TRITON=1'))


def _devices(torch: Any) -> list[dict[str, Any]]:
    """Return name and bytes of memory of each CUDA device."""
    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        found.append(dict(name=torch.cuda.get_device_name(index), free=free, total=total))
    return found


def _print(out: IO[str], **content: Any) -> None:
    out.write(json.dumps(content) + '\n')
    out.flush()


if __name__ == '__main__':
    main(sys.argv[1:])
