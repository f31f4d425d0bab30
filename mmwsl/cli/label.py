"""``mmwsl label``: the pseudo-labels of a project, with new thresholds if a file is given."""

import argparse

from mmwsl.apis.project.commands import label_project


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description='Write the pseudo-labels of a project; resumes')
    parser.add_argument('project', metavar='PROJECT', help='folder of `mmwsl run`')
    parser.add_argument(
        '--thresholds', metavar='FILE', help='JSON file that the report exported; no network is needed then'
    )
    args = parser.parse_args(argv)
    label_project(args.project, args.thresholds)
