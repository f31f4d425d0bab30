"""Differences of two results, which must be equal bit by bit."""

from pathlib import Path

import torch


def differences(one, other, folders: tuple[Path, Path], key: str = '') -> list[str]:
    """Return the keys of the values that differ. Paths are compared relative to the folder of their result."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = dict.fromkeys([*one, *other])
        return [
            found
            for name in keys
            for found in differences(one.get(name), other.get(name), folders, f'{key}.{name}'.lstrip('.'))
        ]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return [] if torch.equal(one, other) else [f'{key}: {_distance(one, other)}']
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [
            found
            for index, pair in enumerate(zip(one, other, strict=True))
            for found in differences(*pair, folders, f'{key}.{index}')
        ]
    if isinstance(one, str) and isinstance(other, str):
        one, other = (text.replace(str(folder), '') for text, folder in zip((one, other), folders, strict=True))
    return [] if one == other or (one != one and other != other) else [f'{key}: {str(one)[:80]} and {str(other)[:80]}']


def _distance(one, other):
    return f'{(one - other).abs().max():.3g}' if one.shape == other.shape else f'{one.shape}, {other.shape}'
