"""Dense scores from a network with a stride, by running it on shifted images."""

from collections.abc import Callable

from torch import Tensor


def shift_and_stitch(score: Callable[[Tensor], Tensor], inputs: Tensor, stride: int, step: int = 1) -> Tensor:
    r"""Score every ``step``-th pixel with a network that scores every ``stride``-th one.

    For each shift :math:`(\delta_y, \delta_x)` of :math:`\{0, t, 2t, \ldots < S\}^2` the network sees the image
    without its first :math:`\delta_y` rows and :math:`\delta_x` columns, and the maps are interleaved:

    .. math:: s_{(S i + \delta_y) / t, \, (S j + \delta_x) / t} = f(x_{\delta_y:, \, \delta_x:})_{ij}

    This is the definition of dense inference (Sermanet et al., ICLR 2014, Sec. 3.3; Pinheiro & Collobert, CVPR 2015,
    Sec. 5), at the price of :math:`(S/t)^2` runs; :func:`mmwsl.models.convert_to_dense` gives the same scores for less.

    Args:
        score: The network, ``(N, C, H, W)`` to ``(N, K, h, w)``. It must not depend on training mode or chance.
        inputs: Images, ``(N, C, H, W)``, so large that the network has a cell left at the largest shift,
            ``stride - step`` pixels.
        stride: Stride S of the network, in pixels of the input.
        step: Stride t of the result, in pixels; a divisor of ``stride``.

    Returns:
        Scores, ``(N, K, h', w')``; cell ``(i, j)`` is ``(i * step, j * step)`` pixels right of and below cell (0, 0).

    Raises:
        ValueError: If ``step`` does not divide ``stride``, or the sizes of the maps are not those of this stride.
    """
    if stride < 1 or step < 1 or stride % step:
        raise ValueError(f'`step` must be a divisor of `stride`, got step={step} and stride={stride}')
    count = stride // step
    stitched = None
    shape = [0, 0]
    for row in range(count):
        for column in range(count):
            cells = score(inputs[:, :, row * step :, column * step :])
            if stitched is None:
                height, width = cells.shape[2:]
                stitched = cells.new_zeros(*cells.shape[:2], height * count, width * count)
            lost = (height - cells.shape[2], width - cells.shape[3])
            if not {*lost} <= {0, 1}:
                raise ValueError(
                    f'`stride` {stride} is not that of `score`: the inputs {tuple(inputs.shape)} have '
                    f'{height} x {width} cells, but {cells.shape[2]} x {cells.shape[3]} if shifted by '
                    f'({row * step}, {column * step}) pixels; at most one row and one column may be lost'
                )
            stitched[:, :, row::count, column::count][:, :, : cells.shape[2], : cells.shape[3]] = cells
            shape[0] += cells.shape[2] if column == 0 else 0
            shape[1] += cells.shape[3] if row == 0 else 0
    return stitched[:, :, : shape[0], : shape[1]]
