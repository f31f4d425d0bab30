"""Parameters of the fully connected CRF."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CRFParams:
    r"""Parameters of :func:`mmwsl.functional.dense_crf`.

    Args:
        gaussian_sxy: Width :math:`\sigma_\gamma` of the smoothness kernel, in pixels.
        gaussian_weight: Weight :math:`w_2` of the smoothness kernel; 0 disables it.
        bilateral_sxy: Width :math:`\sigma_\alpha` of the appearance kernel, in pixels.
        bilateral_srgb: Width :math:`\sigma_\beta` of the appearance kernel, in units of the pixel values.
        bilateral_weight: Weight :math:`w_1` of the appearance kernel; 0 disables it.
        iterations: Mean-field updates; 0 returns the unary distribution.
        gt_prob: Probability, in (0, 1), of the highest-scoring label in a unary term of hard labels; the other labels
            get equal parts of the remaining probability. None uses the probabilities themselves.

    Raises:
        ValueError: If a value is out of range.
    """

    gaussian_sxy: float = 3.0
    gaussian_weight: float = 3.0
    bilateral_sxy: float = 80.0
    bilateral_srgb: float = 13.0
    bilateral_weight: float = 10.0
    iterations: int = 10
    gt_prob: float | None = None

    def __post_init__(self) -> None:
        for name in ('gaussian_sxy', 'bilateral_sxy', 'bilateral_srgb'):
            if not 0 < getattr(self, name) < float('inf'):
                raise ValueError(f'`{name}` must be a positive finite number, got {getattr(self, name)}.')
        for name in ('gaussian_weight', 'bilateral_weight'):
            if not 0 <= getattr(self, name) < float('inf'):
                raise ValueError(f'`{name}` must be a non-negative finite number, got {getattr(self, name)}.')
        if not isinstance(self.iterations, int) or self.iterations < 0:
            raise ValueError(f'`iterations` must be a non-negative integer, got {self.iterations!r}.')
        if self.gt_prob is not None and not 0 < self.gt_prob < 1:
            raise ValueError(f'`gt_prob` must be None or in (0, 1), got {self.gt_prob}.')

    @property
    def kernel_key(self) -> tuple[float, ...]:
        """The parameters that the kernels depend on."""
        smoothness = self.gaussian_sxy, self.gaussian_weight
        return *smoothness, self.bilateral_sxy, self.bilateral_srgb, self.bilateral_weight


CRF_PRESETS = {
    'ccnn': CRFParams(6.0, 6.0, 50.0, 4.0, 5.0),
    'deeplab': CRFParams(19.0, 15.0, 61.0, 10.0, 35.0),
    'irn': CRFParams(3.0, 3.0, 50.0, 5.0, 10.0, gt_prob=0.7),
    'psa': CRFParams(3.0, 3.0, 80.0, 13.0, 10.0),
}
"""Parameters of published systems, 10 iterations each.

``ccnn``: the defaults of the code of Pathak et al., ICCV 2015. ``deeplab``: the tuned parameters of DeepLab as in
CCNN and WSSL (Papandreou et al., ICCV 2015). ``irn``: for hard labels, Ahn et al., CVPR 2019. ``psa``: for softmax
scores, as in PSA (Ahn & Kwak, CVPR 2018), AFA and ToCo.
"""
