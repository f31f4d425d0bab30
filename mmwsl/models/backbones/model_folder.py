"""Models of the package `transformers`, read from a folder on disk and never downloaded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

EXTRA = 'pip install "mmwsl[foundation]" (in a checkout: pip install -e ".[foundation]" -c constraints.txt)'
PREPROCESSOR = 'preprocessor_config.json'


def import_transformers() -> ModuleType:
    """Import ``transformers``.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            f'models from a folder need transformers, which could not be imported ({error}). Install it with: {EXTRA}'
        ) from error
    return transformers


def read_model_config(folder: str) -> Any:
    """Read the configuration of the model in a folder.

    Raises:
        FileNotFoundError: If there is no such folder, or it has no ``config.json``.
        ImportError: If ``transformers`` is not installed.
        ValueError: If the installed ``transformers`` cannot read it.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(
            f'the model folder {folder!r} does not exist. Put a copy of the model there, with its config.json, weights '
            'and tokenizer: models are not downloaded.'
        )
    if not Path(folder, 'config.json').is_file():
        raise FileNotFoundError(
            f'the model folder {folder!r} has no config.json. Copy the whole folder of the model, not its weights only.'
        )
    transformers = import_transformers()
    with _readable(folder):
        return transformers.AutoConfig.from_pretrained(folder, local_files_only=True)


def load_model(folder: str, kind: str, config: Any = None) -> nn.Module:
    """Load a model in float32, in evaluation mode, with attention that can be returned.

    Args:
        folder: Folder of the model.
        kind: Class of ``transformers``, such as ``'AutoModel'``.
        config: Configuration, of a part of the model if it has several. That of the folder if None.

    Raises:
        FileNotFoundError: See :func:`read_model_config`.
        ImportError: If ``transformers`` is not installed.
        ValueError: If the weights cannot be read or lack a parameter.
    """
    config = read_model_config(folder) if config is None else config
    transformers = import_transformers()
    with _readable(folder), _quiet():
        model, report = getattr(transformers, kind).from_pretrained(
            folder, config=config, local_files_only=True, output_loading_info=True, attn_implementation='eager'
        )
    # A pooler of the class token is not used, and files of a classifier have none.
    missing = sorted(name for name in report['missing_keys'] if 'pooler' not in name)
    if missing:
        raise ValueError(
            f'the model folder {folder!r} lacks {len(missing)} parameters of {type(model).__name__}, {missing[0]} the '
            'first. Copy the folder again.'
        )
    return model.float().eval()


def load_tokenizer(folder: str) -> Any:
    """Load the tokenizer of a folder.

    Raises:
        ImportError: If ``transformers`` is not installed.
        ValueError: If the folder has no tokenizer, or none that can be read.
    """
    transformers = import_transformers()
    with _readable(folder), _quiet():
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)


def read_normalization(folder: str) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation, RGB, of pixel values in 0 to 255 that a model expects.

    Raises:
        FileNotFoundError: If the folder has no ``preprocessor_config.json``.
        ValueError: If the file cannot be read, or has no three values of each.
    """
    path = Path(folder, PREPROCESSOR)
    if not path.is_file():
        raise FileNotFoundError(
            f'the model folder {folder!r} has no {PREPROCESSOR}, which has the mean and standard deviation of the '
            'images. Copy the whole folder of the model.'
        )
    try:
        settings = json.loads(path.read_text(encoding='utf-8'))
        scale = settings.get('rescale_factor', 1 / 255) if settings.get('do_rescale', True) else 1.0
        normalize = settings.get('do_normalize', True)
        mean = [float(value) / scale for value in settings['image_mean']] if normalize else [0.0] * 3
        std = [float(value) / scale for value in settings['image_std']] if normalize else [1 / scale] * 3
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ValueError(
            f'{path} must have `image_mean` and `image_std` as lists of numbers, got {error!r}.'
        ) from error
    if len(mean) != 3 or len(std) != 3 or not all(value > 0 for value in std):
        raise ValueError(f'{path} must have three values of `image_mean` and positive `image_std`, got {mean}, {std}.')
    return mean, std


@contextmanager
def _readable(folder: str) -> Iterator[None]:
    """Turn the errors of ``transformers`` for a folder that it cannot read, which have many types, into one line."""
    try:
        yield
    except Exception as error:
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f'the model folder {folder!r} cannot be read by transformers: {text}') from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep progress bars and reports about parts that are not used off the terminal."""
    logging = import_transformers().utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
