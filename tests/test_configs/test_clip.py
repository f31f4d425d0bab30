"""CLIP-ES through the commands: the texts have the classes of the dataset, and no checkpoint is needed."""

import json
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmwsl.apis.launch import build_runner
from mmwsl.cli.main import run_command
from mmwsl.datasets import COCOWeakDataset, VOC6WeakDataset, VOCWeakDataset
from mmwsl.models.decode_heads.text_similarity_head import _TextEncoder
from tests.tiny_transformers import REASON

from .shorten import CONFIGS, short_config

TEXT = SimpleNamespace(max_position_embeddings=77)
CLIP = {'wsl_clipes_voc': VOCWeakDataset, 'wsl_clipes_voc6': VOC6WeakDataset, 'wsl_clipes_coco': COCOWeakDataset}


@pytest.mark.parametrize('name', CLIP)
def test_the_texts_have_the_classes_of_the_dataset(name):
    head = Config.fromfile(CONFIGS[name]).model.decode_head
    assert tuple(head.class_names) == CLIP[name].METAINFO['classes'][1:]
    words = 23 if 'coco' in name else 25
    assert len(head.background_prompts) == len(set(head.background_prompts)) == words
    assert not set(head.background_prompts) & set(head.class_names)
    assert head.templates == ['a clean origami {}.'] and head.prompts.person == 'person with clothes,people,human'


def test_the_masks_of_coco_are_named():
    maps = Config.fromfile(CONFIGS['wsl_clipes_coco']).model.inference.class_maps
    assert maps.box_threshold == 0.7 and 'COCO' in maps.tuned_on and 'VOC' not in maps.tuned_on


@pytest.fixture(scope='module')
def openai_tokenizer(tmp_path_factory):
    """The tokenizer of CLIP, from the vocabulary that mmseg ships."""
    transformers = pytest.importorskip('transformers', reason=REASON)
    mmseg_tokenizer = pytest.importorskip('mmseg.utils.tokenizer').SimpleTokenizer()
    folder = tmp_path_factory.mktemp('tokenizer')
    vocabulary = {token.replace('_of_', 'of'): i for token, i in mmseg_tokenizer.encoder.items() if '_of_' in token}
    vocabulary = {f'<|{token.strip("<>")}|>': i for token, i in vocabulary.items()}
    plain = {token: i for token, i in mmseg_tokenizer.encoder.items() if i < len(mmseg_tokenizer.encoder) - 2}
    (folder / 'vocab.json').write_text(json.dumps(plain | vocabulary))
    merges = sorted(mmseg_tokenizer.bpe_ranks, key=mmseg_tokenizer.bpe_ranks.get)
    (folder / 'merges.txt').write_text('\n'.join(['#version: 0.2', *map(' '.join, merges)]))
    (folder / 'config.json').write_text('{"model_type": "clip"}')
    (folder / 'tokenizer_config.json').write_text('{"tokenizer_class": "CLIPTokenizer", "model_max_length": 77}')
    return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True), mmseg_tokenizer


def test_the_published_texts_have_the_tokens_of_clip(openai_tokenizer):
    ours, reference = openai_tokenizer
    head = Config.fromfile(CONFIGS['wsl_clipes_voc']).model.decode_head
    texts = [head.prompts.get(name, name) for name in head.class_names] + head.background_prompts
    encoder = _TextEncoder(SimpleNamespace(config=SimpleNamespace(text_config=TEXT)), ours, head.templates)
    lengths = []
    for text in texts:
        sentence = head.templates[0].format(text)
        ids = encoder._tokens(text, sentence)[0].tolist()
        assert ids == [49406, *reference.encode(sentence), 49407]
        lengths.append(len(ids))
    assert (min(lengths), max(lengths)) == (7, 13)


@pytest.fixture
def config(tmp_path):
    """The config of voc6 with two images, as a file."""
    pytest.importorskip('transformers', reason=REASON)
    cfg = short_config('wsl_clipes_voc6')
    cfg.train_dataloader.dataset.indices = 2
    del cfg._cfg_dict.work_dir
    cfg.dump(str(tmp_path / 'clip.py'))
    return str(tmp_path / 'clip.py')


def test_pseudo_labels_without_a_checkpoint(config, tmp_path, capsys):
    command = [config, '--out', 'labels', '--fg-threshold', '0.95', '--bg-threshold', '0.05', '--gt-masks']
    run_command('generate-pseudo-labels', command)
    assert len(list((tmp_path / 'labels' / 'masks').glob('*.png'))) == 2
    manifest = json.loads((tmp_path / 'labels' / 'manifest.json').read_text())
    assert 'CLIP-ES' in json.dumps(manifest['provenance']) and 'image-level labels' in json.dumps(
        manifest['provenance']
    )
    assert [path for path in manifest['options']['checkpoint'] if path.endswith('model.safetensors')]
    assert 'mIoU' in capsys.readouterr().out
    run_command('generate-pseudo-labels', command)
    assert '2 of 2 images have scores' in capsys.readouterr().out


def test_pseudo_labels_by_two_models(tmp_path):
    """The manifest has the digests of both."""
    pytest.importorskip('transformers', reason=REASON)
    cfg = short_config('wsl_proxyclip_voc')
    head = cfg.model.decode_head
    assert tuple(head.class_names) == VOCWeakDataset.METAINFO['classes'][1:] and len(set(head.background_prompts)) == 26
    del cfg._cfg_dict.work_dir
    cfg.dump(str(tmp_path / 'proxy.py'))
    run_command('generate-pseudo-labels', [str(tmp_path / 'proxy.py'), '--out', 'labels'])
    assert len(list((tmp_path / 'labels' / 'masks').glob('*.png'))) == 1
    files = json.loads((tmp_path / 'labels' / 'manifest.json').read_text())['options']['checkpoint']
    assert {path.split('/')[-2] for path in files} == {'clip-vit-base-patch16', 'dino-vitb8'}


def test_an_evaluation_without_a_checkpoint_and_without_labels(config, capsys):
    run_command('test', [config, '--tta', '--out', 'masks'])
    run_command('generate-pseudo-labels', [config, '--out', 'predicted', '--split', 'val'])
    assert 'Pseudo-labels' in capsys.readouterr().out


@pytest.mark.parametrize(
    'command, words',
    [
        ('train {}', 'must be a model that is trained'),
        ('test {} --cfg-options model.decode_head.num_classes=5', 'the names of the 4 foreground classes'),
        ('test {} --cfg-options model.backbone.folder=nowhere', "'nowhere' does not exist"),
        ('test {} --cfg-options model.data_preprocessor.folder=nowhere', 'has no preprocessor_config.json'),
        ('test {} --cfg-options model.decode_head.prompts.person=a_person', 'without underscores'),
        ('test {} --cfg-options model.inference.class_maps.attention_layers=13', 'must be at most 8'),
    ],
)
def test_a_wrong_command_is_one_line(config, command, words, capsys):
    name, *arguments = command.format(config).split()
    with pytest.raises(SystemExit) as end:
        run_command(name, arguments)
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and words in error and '\n' not in error, error


def test_texts_in_another_order_are_rejected(config, tmp_path, capsys):
    cfg = Config.fromfile(config)
    cfg.model.decode_head.class_names.reverse()
    cfg.dump(str(tmp_path / 'turned.py'))
    with pytest.raises(SystemExit):
        run_command('test', [str(tmp_path / 'turned.py')])
    assert "classes of the dataset in its order, ['cat', 'cow'" in capsys.readouterr().err


def test_a_trained_model_needs_a_checkpoint(capsys):
    for command in (['test'], ['generate-pseudo-labels', '--out', 'labels']):
        with pytest.raises(SystemExit) as end:
            run_command(command[0], [str(CONFIGS['wsl_lse_voc6']), *command[1:]])
        error = capsys.readouterr().err.strip()
        assert end.value.code == 2 and 'the checkpoint must be the file or URL' in error and '\n' not in error


def test_a_training_with_texts_of_another_order_is_rejected():
    pytest.importorskip('transformers', reason=REASON)
    cfg = short_config('wsl_weclip_voc')
    names = cfg.model.text_head.class_names
    cfg.model.text_head.class_names = [*names[1:], names[0]]
    with pytest.raises(ValueError, match='must be the classes of the dataset in its order'):
        build_runner(cfg).train()
