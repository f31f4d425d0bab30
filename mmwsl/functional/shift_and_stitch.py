"""Dense score maps from a network with a stride, run on shifted images."""

from collections.abc import Callable

from torch import Tensor


def shift_and_stitch(score: Callable[[Tensor], Tensor], inputs: Tensor, stride: int, step: int = 1) -> Tensor:
    r"""Score every ``step``-th pixel with a network that scores every ``stride``-th pixel.

    For each shift :math:`(\delta_y, \delta_x)` of :math:`\{0, t, 2t, \ldots < S\}^2` the network scores the image
    without its first :math:`\delta_y` rows and :math:`\delta_x` columns. The score maps are interleaved:

    .. math:: s_{(S i + \delta_y) / t, \, (S j + \delta_x) / t} = f(x_{\delta_y:, \, \delta_x:})_{ij}

    This is the definition of dense inference (Sermanet et al., ICLR 2014, Sec. 3.3; Pinheiro & Collobert, CVPR 2015,
    Sec. 5). It costs :math:`(S/t)^2` forward passes. ``convert_to_dense`` computes the same scores faster.

    Args:
        score: The network, ``(N, C, H, W)`` to ``(N, K, h, w)``. It must be deterministic.
        inputs: Images, ``(N, C, H, W)``, so large that the score map has a location left at the largest shift,
            ``stride - step`` pixels.
        stride: Stride S of the network, in pixels of the input.
        step: Stride t of the result, in pixels; a divisor of ``stride``.

    Returns:
        Scores, ``(N, K, h', w')``; location ``(i, j)`` is ``(i * step, j * step)`` pixels below and right of (0, 0).

    Raises:
        ValueError: If ``step`` does not divide ``stride``, or the sizes of the score maps do not match ``stride``.
    """
    if stride < 1 or step < 1 or stride % step:
        raise ValueError(f'`step` must be a divisor of `stride`, got step={step} and stride={stride}.')
    count = stride // step
    unshifted = score(inputs)
    height, width = unshifted.shape[2:]
    stitched = unshifted.new_zeros(*unshifted.shape[:2], height * count, width * count)
    shape = [0, 0]
    for row in range(count):
        for column in range(count):
            found = score(inputs[:, :, row * step :, column * step :]) if row or column else unshifted
            if not {height - found.shape[2], width - found.shape[3]} <= {0, 1}:
                raise ValueError(
                    f'`stride` must be the stride of `score`, got {stride}: the score map of inputs '
                    f'{tuple(inputs.shape)} has {height} x {width} locations, but {found.shape[2]} x {found.shape[3]} '
                    f'after a shift by ({row * step}, {column * step}) pixels, which may remove one row and one column.'
                )
            stitched[:, :, row::count, column::count][:, :, : found.shape[2], : found.shape[3]] = found
            shape[0] += found.shape[2] if column == 0 else 0
            shape[1] += found.shape[3] if row == 0 else 0
    return stitched[:, :, : shape[0], : shape[1]]
