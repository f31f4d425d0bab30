"""Packaging of mmwsl."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def version() -> str:
    """Read the version from the package's source: importing it is not possible before it is installed."""
    return re.search(r"^__version__ = '(.+)'$", (ROOT / 'mmwsl' / '__init__.py').read_text(), re.MULTILINE).group(1)


def readme() -> str:
    """Return the read-me, where there is one."""
    path = ROOT / 'README.md'
    return path.read_text(encoding='utf-8') if path.exists() else ''


setup(
    name='mmwsl',
    version=version(),
    description='Weakly supervised semantic segmentation for MMSegmentation: image-level labels in, pixel masks out',
    long_description=readme(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmwsl', 'mmwsl.*']),
    package_data={'mmwsl': ['py.typed']},
    python_requires='>=3.10,<3.13',
    # The OpenMMLab packages are the extra `mm`: two families of distributions provide the same imports (mmcv or
    # onedl-mmcv, ...), and requiring either here would install it over the other. OpenCV is not listed for the same
    # reason: four distributions provide cv2, and mmcv, without which nothing of ours runs, already brings one.
    install_requires=['torch>=2.0', 'numpy', 'scikit-image', 'Pillow>=10.1'],
    extras_require={
        'mm': ['onedl-mmengine>=0.10.12', 'onedl-mmcv>=2.3.6', 'onedl-mmsegmentation>=1.4.2'],
        'svm': ['scikit-learn>=1.4'],
        'coco': ['pycocotools>=2.0.8'],
        'test': [
            'captum>=0.8',
            'mypy>=1.18',
            'pycocotools>=2.0.8',
            'pytest>=8',
            'pytest-cov>=7',
            'pytest-xdist>=3',
            'ruff>=0.9',
            'scikit-learn>=1.4',
        ],
        # Reference implementations without a wheel: they need a C++ compiler, and their tests are skipped without one.
        'oracles': ['pydensecrf2'],
    },
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
