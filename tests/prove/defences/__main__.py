"""`python -m tests.prove.defences`, the same as `scripts/prove defences`."""

import argparse
import sys

from tests.prove.defences import command

parser = argparse.ArgumentParser(prog="scripts/prove defences", description=command.__doc__)
command.add_options(parser)
sys.exit(command.prove(parser.parse_args()))
