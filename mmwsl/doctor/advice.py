"""Known problems of an installation, by the text of the error, and what to do."""

import re
from collections.abc import Iterable
from importlib import metadata

INSTALL = "pip install 'mmwsl[mm]' (in a checkout: pip install -e '.[mm]' -c constraints.txt)"
# Patterns of an error message, first match; then what to do.
KNOWN = (
    (r'libGL\.so|libgthread', 'pip uninstall opencv-python, pip install opencv-python-headless: it needs no display'),
    (r'torchvision::', 'pip uninstall torchvision: it was built for another torch, and only the extra `timm` needs it'),
    (
        r'Numpy is not available|_ARRAY_API|numpy\.core\.multiarray|compiled (using|against)|dtype size changed',
        'reinstall this package, or numpy at the version of constraints.txt: they were built for different numpys',
    ),
    (r"No module named 'mmcv\._ext'", 'not needed by the configs of mmwsl; full mmcv compiles them'),
    (r'undefined symbol|DLL load failed', 'reinstall mmcv: it was compiled for another torch'),
    (r'MMSegmentation|mmseg|mmcv|mmengine|MMCV', INSTALL),
    (r"No module named 'torch'", 'pip install torch'),
    (r'process ends', 'reinstall it: a compiled part does not fit this machine or another package'),
)
# Distributions that install files at the same place.
RIVALS = (
    ('mmengine', 'onedl-mmengine'),
    ('mmcv', 'mmcv-lite', 'mmcv-full', 'onedl-mmcv'),
    ('mmsegmentation', 'onedl-mmsegmentation'),
    ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python', 'opencv-contrib-python-headless'),
)


def advice(error: str, module: str, distribution: str) -> str:
    """Return what to do about the error of an import.

    Args:
        error: Its message.
        module: What was imported.
        distribution: The name of the module for pip.
    """
    found = (text for pattern, text in KNOWN if re.search(pattern, error))
    missing = f"No module named '{module}'" in error
    return next(found, f'pip install {"" if missing else "--force-reinstall --no-deps "}{distribution}')


def rivals() -> Iterable[list[str]]:
    """Iterate over groups of installed distributions that overwrite each other's files."""
    installed = {re.sub(r'[-_.]+', '-', name).lower() for d in metadata.distributions() if (name := d.metadata['Name'])}
    for names in RIVALS:
        found = [name for name in names if name in installed]
        if len(found) > 1:
            yield found
