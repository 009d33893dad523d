"""Public Theano and Lasagne programs on the engine and on Theano's own code.

The programs are not part of this package. Put checkouts of their repositories,
or unpacked source archives, into a folder and name it: those that are found
there are run, unmodified, with ``import kneerepro`` before them. Random
numbers stand in for their datasets. Each is stopped after a few calls of its
compiled functions, and what these returned, and the parameters they updated,
are compared.

Theano's own Python code takes long for convolutions. With --with-c, Theano
compiles C code instead.
"""

import argparse
import dataclasses
import glob
import os
import sys

from tests.engine.clients import comparison
from tests.engine.clients.programs import PROGRAMS, Program


def make_parser():
    parser = argparse.ArgumentParser(
        prog='python -m tests.engine.clients',
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        'checkouts',
        metavar='CHECKOUTS',
        help='the folder with the checkouts, or a program of your own',
    )
    parser.add_argument(
        'arguments', nargs='*', help='the command line of your own program'
    )
    parser.add_argument(
        '--only',
        metavar='TEXT',
        default='',
        help='only programs with this in their names',
    )
    parser.add_argument(
        '--calls',
        type=int,
        help='stop programs after so many calls (default: by program)',
    )
    parser.add_argument(
        '--python2',
        action='store_true',
        help='your own program is written in Python 2',
    )
    parser.add_argument(
        '--floatX', choices=list(comparison.TOLERANCES), default='float64'
    )
    parser.add_argument(
        '--with-c',
        action='store_true',
        help="compile C code for Theano's own mode",
    )
    parser.add_argument(
        '--timeout', type=float, default=600, help='seconds for each run'
    )
    parser.add_argument(
        '--data',
        metavar='FOLDER',
        default='build/clients',
        help='where the stand-ins for datasets are kept',
    )
    parser.add_argument(
        '--table',
        metavar='FILE',
        help='write the outcomes as a table in reStructuredText',
    )
    return parser


def selected(args):
    """The programs that are to be run, and the folder they are in."""
    if args.checkouts.endswith('.py'):
        folder, name = os.path.split(args.checkouts)
        program = Program(
            name,
            glob.escape(name),
            args.checkouts,
            calls=args.calls or 10,
            arguments=tuple(args.arguments),
            python2=args.python2,
        )
        return folder or '.', [program]
    programs = [
        dataclasses.replace(program, calls=args.calls or program.calls)
        for program in PROGRAMS
        if args.only in program.name
    ]
    return args.checkouts, programs


def describe(outcome):
    """An outcome in one line, or a few if something failed."""
    line = f'{outcome.program.name}: {outcome.verdict}'
    if not outcome.seconds:
        return line + (f' ({outcome.text})' if outcome.text else '')
    engine, theano = outcome.seconds
    line += f', engine {engine:.0f} s, Theano {theano:.0f} s'
    if outcome.verdict in ('agrees', 'differs'):
        return (
            f'{line}, {outcome.program.calls} calls, largest relative '
            f'difference {outcome.difference:.1e} ({outcome.text})'
        )
    return f'{line}\n{outcome.text}'


def write_table(path, outcomes):
    """Write the outcomes of the programs that were found, as a list-table."""
    lines = ['.. list-table::', '   :header-rows: 1', '']
    for cells in [
        ['Program', 'Calls', 'Outcome', 'Largest relative difference'],
        *(
            [
                outcome.program.name,
                outcome.program.calls,
                outcome.verdict,
                f'{outcome.difference:.1e}'
                if outcome.verdict in ('agrees', 'differs')
                else '',
            ]
            for outcome in outcomes
            if outcome.verdict != 'not found'
        ),
    ]:
        start = '   * - '
        for cell in cells:
            lines.append(f'{start}{cell}')
            start = '     - '
    with open(path, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines) + '\n')


def main():
    parser = make_parser()
    args = parser.parse_intermixed_args()
    if not os.path.exists(args.checkouts):
        parser.error(
            f'there is no {args.checkouts!r}: name the folder that has the '
            'checkouts, as in make clients CHECKOUTS=folder'
        )
    folder, programs = selected(args)
    if not any(comparison.find(program, folder) for program in programs):
        parser.error(
            f'{folder} has none of the programs: '
            + ', '.join(program.file for program in programs)
        )
    outcomes = []
    for program in programs:
        outcome = comparison.compare(
            program, folder, args.data, args.floatX, args.timeout, args.with_c
        )
        print(describe(outcome), flush=True)
        outcomes.append(outcome)
    if args.table:
        write_table(args.table, outcomes)
    return int(
        any(
            outcome.verdict in ('differs', 'fails on the engine')
            for outcome in outcomes
        )
    )


if __name__ == '__main__':
    sys.exit(main())
