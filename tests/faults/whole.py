"""Whether the files of a folder are whole: each one loads, by its suffix."""

import csv
import io
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import numpy as np
import onnx
import torch
import yaml
from mmengine.config import Config
from PIL import Image

APPENDED = re.compile(r'.*\.log|predictions\.jsonl|\.mmwsl_files|last_checkpoint|\d{8}_\d{6}')
"""Files that may be partial: those that grow by lines, such as logs, mmengine's folders of one start, and its note of
the last checkpoint, without which a training resumes from the newest complete one."""


def _image(path):
    with Image.open(path) as image:
        image.load()


def _npz(path):
    with np.load(path) as content:
        return [content[name].shape for name in content.files]


def _zip(path):
    with ZipFile(path) as archive:
        assert archive.testzip() is None, 'damaged'


def _html(path):
    assert path.read_text().rstrip().endswith('</html>')


def _text(path):
    assert path.read_bytes(), 'empty'


LOADERS = {
    '.pth': lambda path: torch.load(path, map_location='cpu', weights_only=True),
    '.png': _image,
    '.jpg': _image,
    '.npy': lambda path: np.load(path, allow_pickle=False),
    '.npz': _npz,
    '.zip': _zip,
    '.json': lambda path: json.loads(path.read_text()),
    '.jsonl': lambda path: [json.loads(line) for line in path.read_text().splitlines()],
    '.csv': lambda path: list(csv.reader(io.StringIO(path.read_text()), strict=True)),
    '.html': _html,
    '.py': Config.fromfile,
    '.md': _text,
    '.txt': _text,
    '.xml': ElementTree.parse,
    '.yaml': lambda path: yaml.safe_load(path.read_text()),
    '.onnx': lambda path: onnx.checker.check_model(onnx.load(path)),
    '.js': _text,
    '.css': _text,
    '': _text,
}


def paths_below(folder):
    """Return the paths below a folder. A subfolder may vanish meanwhile, which `Path.rglob` does not survive."""
    return [Path(parent, name) for parent, folders, files in os.walk(folder) for name in (*folders, *files)]


def final_files(folder):
    """Return size and time of each file under a final name."""
    found = {}
    for path in paths_below(folder):
        try:
            if path.is_file() and not any(name.endswith('.part') for name in path.relative_to(folder).parts):
                status = path.stat()
                found[path] = status.st_size, status.st_mtime_ns
        except FileNotFoundError:  # replaced in the meantime
            continue
    return found


def partial_files(folder):
    """Return the temporary files of writers that did not end."""
    return [
        Path(parent, name)
        for parent, folders, files in os.walk(folder)
        for name in (*folders, *files)
        if name.endswith('.part')
    ]


def broken_files(folder):
    """Return the error of each file that does not load, or whose suffix has no loader."""
    broken = {}
    for path in final_files(folder):
        if any(map(APPENDED.fullmatch, path.relative_to(folder).parts)):
            continue
        try:
            LOADERS[path.suffix](path)
        except Exception as error:
            broken[str(path.relative_to(folder))] = f'{type(error).__name__}: {str(error)[:200]}'
    return broken
