"""Faults during commands: killed processes, full disks, and two commands on one folder.

``python -m tests.faults --help`` lists the options; ``test_faults.py`` runs the short form.
"""
