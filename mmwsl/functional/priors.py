"""Priors that clean a map of class probabilities."""

from torch import Tensor


def image_level_prior(probs: Tensor, image_probs: Tensor) -> Tensor:
    r"""Weigh every pixel by how likely its class is in the picture (Pinheiro & Collobert, CVPR 2015, Eq. 7).

    .. math:: \hat y_{ij}(k) = p_{ij}(k \mid I) \, p(k \mid I)

    Args:
        probs: Class probabilities of the pixels, ``(K, H, W)``.
        image_probs: Class probabilities of the picture, ``(K,)``.

    Returns:
        Scores ``(K, H, W)``; they no longer sum to one.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    if image_probs.shape != probs.shape[:1]:
        raise ValueError(f'`image_probs` must have one value for each of the {probs.shape[0]} classes of `probs`, '
                         f'got shape {tuple(image_probs.shape)}')
    return probs * image_probs.to(probs)[:, None, None]
