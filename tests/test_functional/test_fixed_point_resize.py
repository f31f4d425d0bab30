import cv2
import numpy as np
import pytest
import torch

from mmwsl.functional import fixed_point_resize


def smooth_image(height, width, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def resized(image, size):
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    return fixed_point_resize(tensor, torch.tensor(size))[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize('size', [(72, 96), (37, 41), (150, 200), (90, 301), (1, 1)])
def test_it_equals_opencv_up_to_one_in_few_values(size):
    image = smooth_image(72, 96)
    expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    found = resized(image, size)
    assert found.dtype == np.float32 and found.shape == expected.shape
    difference = np.abs(found - expected)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.005


def test_the_same_size_changes_nothing():
    image = smooth_image(40, 56)
    assert np.array_equal(resized(image, (40, 56)), image)


def test_every_image_and_channel_is_resized_on_its_own():
    images = torch.from_numpy(np.stack([smooth_image(40, 56, seed) for seed in range(3)])).permute(0, 3, 1, 2)
    whole = fixed_point_resize(images, torch.tensor([31, 77]))
    for number, image in enumerate(images):
        assert torch.equal(whole[number : number + 1], fixed_point_resize(image[None], torch.tensor([31, 77])))
