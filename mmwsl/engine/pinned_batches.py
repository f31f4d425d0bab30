"""Data samples that the loaders of torch can copy to pinned memory."""

from mmengine.structures import BaseDataElement
from torch.utils.data._utils.pin_memory import pin_memory


def make_samples_pinnable() -> None:
    """Give mmengine's data elements the method ``pin_memory``, which torch calls for types that it does not know.

    Without it, torch pins tensors in dictionaries and lists only: masks and test images, which are in data samples,
    would be copied to the GPU from pageable memory, and the program would wait for each. A class of batches with this
    method would not do: older versions of torch do not ask a dictionary for it.
    """
    BaseDataElement.pin_memory = _pinned


def _pinned(element: BaseDataElement) -> BaseDataElement:
    """Return a data element with its tensors in pinned memory, also those in dictionaries, lists and elements."""
    pinned = element.new()
    pinned.set_data({name: pin_memory(value) for name, value in element.items()})
    return pinned
