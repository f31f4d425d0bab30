"""A dataset whose data infos may be packed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dataset import force_full_init
from mmseg.datasets import BaseSegDataset

from .packed_infos import InfoFormat, PackedInfos, row_of


class PackedDataset(BaseSegDataset):
    """Dataset whose ``load_data_list`` may return :class:`.packed_infos.PackedInfos` instead of a list.

    Unlike the parent's pickled data infos of several hundred bytes, packed ones need about 30, and no objects while the
    dataset is built. They lie in the same arrays, ``data_bytes`` and ``data_address``, which processes share.
    """

    data_list: Sequence[dict]

    def __init__(self, **kwargs: Any) -> None:
        self._form: InfoFormat | None = None
        super().__init__(**kwargs)

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return the data info of an image, with its index as ``sample_idx``."""
        if self._form is None:
            info: dict = super().get_data_info(idx)
            return info
        place = idx if idx >= 0 else len(self) + idx
        info = self._form.decode(row_of(self.data_bytes, self.data_address, place))
        return info | dict(sample_idx=place)

    def _get_unserialized_subset(self, indices: Sequence[int] | int) -> Sequence[dict]:
        if isinstance(self.data_list, PackedInfos) and isinstance(indices, Sequence):
            return self.data_list.take(indices)
        subset: Sequence[dict] = super()._get_unserialized_subset(indices)
        return subset

    def _serialize_data(self) -> tuple[np.ndarray, np.ndarray]:
        if not isinstance(self.data_list, PackedInfos):
            arrays: tuple[np.ndarray, np.ndarray] = super()._serialize_data()
            return arrays
        infos, self.data_list = self.data_list, []
        self._form = infos.form
        return infos.rows, infos.ends
