"""``mmwsl report``: the report of a project."""

import shlex

from mmwsl.apis.project.commands import refresh_report
from mmwsl.utils.parser import Parser


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = Parser(description='Make or refresh PROJECT/report/index.html')
    parser.add_argument('project', metavar='PROJECT', help='folder of `mmwsl run`')
    args = parser.parse_args(argv)
    print(f'Open {refresh_report(args.project)}')
    project = shlex.quote(args.project)
    print(f'Next: mmwsl label {project} --thresholds EXPORTED.json, or mmwsl predict {project} NEW_IMAGES --out masks')
