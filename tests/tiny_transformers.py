"""Folders of tiny transformers with random weights, written without a network; tests that need them are skipped
where the package `transformers` is not installed."""

import json

import pytest
import torch

REASON = 'the extra `foundation` is not installed (pip install -e ".[foundation]")'
LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789,.-'
PATCH, SIDE, WIDTH = 4, 16, 32
VISION = dict(
    hidden_size=WIDTH,
    intermediate_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
    image_size=SIDE,
    patch_size=PATCH,
)


def write_preprocessor(folder, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3)):
    """Write the normalization of a model."""
    settings = dict(do_normalize=True, do_rescale=True, image_mean=mean, image_std=std, rescale_factor=1 / 255)
    (folder / 'preprocessor_config.json').write_text(json.dumps(settings))


def write_tokenizer(folder, length=77):
    """Write a tokenizer of letters, digits and some punctuation, and return its number of tokens."""
    tokens = [*LETTERS, *(f'{letter}</w>' for letter in LETTERS), '<|startoftext|>', '<|endoftext|>']
    (folder / 'vocab.json').write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / 'merges.txt').write_text('#version: 0.2\n')
    special = dict(bos_token='<|startoftext|>', eos_token='<|endoftext|>', unk_token='<|endoftext|>')
    settings = dict(tokenizer_class='CLIPTokenizer', model_max_length=length, pad_token='<|endoftext|>', **special)
    (folder / 'tokenizer_config.json').write_text(json.dumps(settings))
    return len(tokens)


def write_clip(folder, seed=0, length=77, patch=PATCH, layers=3):
    """Write a tiny CLIP with its tokenizer, and return the folder."""
    transformers = pytest.importorskip('transformers', reason=REASON)
    folder.mkdir(parents=True, exist_ok=True)
    count = write_tokenizer(folder, length)
    text = dict(
        VISION, vocab_size=count, max_position_embeddings=length, bos_token_id=count - 2, eos_token_id=count - 1
    )
    del text['image_size'], text['patch_size']
    torch.manual_seed(seed)
    vision = VISION | dict(patch_size=patch, image_size=4 * patch, num_hidden_layers=layers)
    config = transformers.CLIPConfig(
        text_config=text | dict(pad_token_id=count - 1), vision_config=vision, projection_dim=24
    )
    model = transformers.CLIPModel(config)
    with torch.no_grad():  # the initial scale of the weights makes all attention alike
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    model.save_pretrained(folder)
    write_preprocessor(folder, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
    return folder


def write_vision(folder, kind, seed=0, **settings):
    """Write a tiny vision transformer, and return the folder.

    ``kind`` is ``'ViT'``, ``'DeiT'`` (two class tokens), ``'Dinov2'``, ``'Dinov2WithRegisters'`` (four registers),
    ``'DINOv3ViT'`` (rotary positions) or ``'Siglip'`` (no class token).
    """
    transformers = pytest.importorskip('transformers', reason=REASON)
    torch.manual_seed(seed)
    name = f'{kind}Vision' if kind == 'Siglip' else kind
    settings = VISION | settings
    if kind.startswith('Dinov2'):
        settings = {key: value for key, value in settings.items() if key != 'intermediate_size'}
    model = getattr(transformers, f'{name}Model')(getattr(transformers, f'{name}Config')(**settings))
    model.save_pretrained(folder)
    write_preprocessor(folder)
    return folder


def write_sam(folder, seed=0, side=64):
    """Write a tiny SAM, and return the folder; its masks have half the side of its input."""
    transformers = pytest.importorskip('transformers', reason=REASON)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    vision = dict(hidden_size=32, output_channels=16, num_hidden_layers=2, num_attention_heads=2, image_size=side)
    vision |= dict(patch_size=8, window_size=4, global_attn_indexes=[1], mlp_dim=32, num_pos_feats=8)
    vision |= dict(initializer_range=0.02)  # by default the image has no influence
    prompt = dict(hidden_size=16, image_size=side, patch_size=8, mask_input_channels=4)
    decoder = dict(hidden_size=16, mlp_dim=32, num_hidden_layers=2, num_attention_heads=2, iou_head_hidden_dim=16)
    config = transformers.SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    model = transformers.SamModel(config)
    with torch.no_grad():  # the initial scale of the weights makes all masks alike
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and 'iou' not in name:
                parameter.mul_(4)
    model.save_pretrained(folder)
    write_preprocessor(folder, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return folder
