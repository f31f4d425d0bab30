"""``mmwsl label``: the pseudo-labels of a project, with new thresholds or another teacher if given."""

from mmwsl.apis.project.commands import label_project
from mmwsl.apis.project.teacher import DTYPES
from mmwsl.utils.parser import Parser


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = Parser(
        description='Write the pseudo-labels of the last round of a project, with --teacher those of the first; resumes'
    )
    parser.add_argument('project', metavar='PROJECT', help='folder of `mmwsl run`')
    parser.add_argument(
        '--thresholds', metavar='FILE', help='JSON file that the report exported; no network is needed then'
    )
    parser.add_argument(
        '--teacher',
        metavar='FOLDER',
        help='score the images by CLIP, without training: folder of a model of transformers, such as a copy of '
        'openai/clip-vit-base-patch16; `none` returns to the network of the project',
    )
    parser.add_argument(
        '--prompts', metavar='FILE', help='JSON file of texts for the classes and the background, with --teacher'
    )
    parser.add_argument('--dtype', choices=DTYPES, help='precision of CLIP, with --teacher (default float32)')
    parser.add_argument('--overwrite', action='store_true', help='replace also masks that were changed by hand')
    args = parser.parse_args(argv)
    label_project(args.project, args.thresholds, args.overwrite, args.teacher, args.prompts, args.dtype)
