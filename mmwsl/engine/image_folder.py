"""Output folder of a test with a file per image."""

import os

from mmengine.dist import barrier, is_main_process
from mmengine.runner import Runner

from ..utils.nested import dataset_paths
from ..utils.output_folder import OutputFolder
from .output_names import output_names


class ImageFolder(OutputFolder):
    """:class:`OutputFolder` with a PNG file for each image of a test, named by :func:`.output_names`."""

    def check_apart_from(self, runner: Runner) -> None:
        """Check the folder before the test; see :meth:`OutputFolder.check`.

        Args:
            runner: The runner, whose test dataset is built. The files and folders that its config names are inputs,
                and the images and masks, which a list may name elsewhere.
        """
        dataset = runner.test_dataloader.dataset
        infos = (dataset.get_data_info(index) for index in range(len(dataset)))
        files = [info.get(key) for info in infos for key in ('img_path', 'seg_map_path') if info.get(key)]
        folders = {os.path.dirname(file): file for file in files if os.path.exists(file)}
        self.check([*dataset_paths(runner.cfg), *folders.values()])

    def begin_images(self, runner: Runner) -> dict[str, str]:
        """Record the files of the test, and return the path of each, without suffix, by ``img_path``."""
        names = output_names(runner.test_dataloader.dataset)
        if is_main_process():
            self.begin(f'{name}.png' for name in names.values())
        barrier()
        return names
