"""DICOM series to the dataset of section 2.2, at the scale of the OAI.

Work in progress is kept in a folder beside the output: the catalogue of
headers and a file for each volume that is done. The dataset appears once it
is whole, and the folder is gone then. A run that was stopped, however, is
continued by the next one with the same arguments. One that another is at work
on is waited for.
"""

import contextlib
import json
import os
from collections import Counter, namedtuple

import numpy as np

import kneerepro
from kneerepro.data.convert import Options, normalise
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.data.reading import arrays
from kneerepro.data.reading import records as finding
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.data.reading.scan import scan, survey
from kneerepro.data.reading.selection import Selection
from kneerepro.data.report import Report, report_paths
from kneerepro.data.work import convert_series
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing
from kneerepro.utils.locks import exclusive
from kneerepro.utils.workers import Workers

Summary = namedtuple('Summary', 'converted rejected not_selected codes')
Summary.__doc__ = """What became of the series.

Attributes
----------
converted, rejected, not_selected : int
    Rejected files that belong to no series count as well.
codes : dict of str to int
    How often each code occurred, of rejections and of notes.
"""


def prepare(
    sources,
    out,
    options=Options(),
    limits=Limits(),
    selection=Selection(),
    *,
    key,
    workers=1,
    one_per_patient=False,
    identifiers=False,
    overwrite=False,
    at_least=1,
    npy=False,
    report_failure=True,
    progress=None,
):
    """Convert series of images to a dataset file.

    Parameters
    ----------
    sources : list of str
        Folders with DICOM series at any depth under any file names, and with
        volumes as .mat or .npy files; or such files.
    out : str
        The HDF5 file to write, see :mod:`kneerepro.data.dataset`. If it was
        made from the same files with the same arguments before, it is kept.
        While another process makes it, that is waited for.
    options : Options
    limits : Limits
    selection : Selection
    key : bytes
        Of the patients' hashes, see :func:`kneerepro.data.reading.identity.load_key`.
    workers : int
        Processes. Their number changes nothing in the result.
    one_per_patient : bool
        Take only the first series of each patient.
    identifiers : bool
        Keep PatientIDs and absolute paths in dataset and report.
    overwrite : bool
        Replace `out` even if it is something else.
    at_least : int
        Volumes without which it is not worth it.
    npy : bool
        Write the volumes to ``out`` with the ending .npy as well.
    report_failure : bool
        Leave the report behind where there is no dataset.
    progress : callable, optional
        Called with what is going on ('reading headers' or 'converting'),
        the numbers done, of all, and rejected.

    Returns
    -------
    Summary or None
        None if `out` was kept.

    Raises
    ------
    UserError
        If fewer than `at_least` series can be converted, or `out` cannot be
        written. No dataset is left behind then.
    """
    out = os.path.abspath(out)
    work = out + '.partial'
    sources = _distinct(sources)
    excluded = [out, work, *report_paths(out), _npy_path(out)]
    surveyed = survey(sources, excluded)
    made_from = {
        'version': kneerepro.__version__,
        'source': surveyed.fingerprint,
        'options': options._asdict(),
        'limits': limits._asdict(),
        'series_description': selection.pattern,
        'one_per_patient': one_per_patient,
        'identifiers': identifiers,
        'key': keyed_hash(key, ''),
    }
    # Where nothing is to be done, nothing need be writable.
    if not os.path.exists(work) and _is_kept(out, made_from, at_least, npy):
        return None
    with contextlib.ExitStack() as stack:
        finished = stack.enter_context(_working_folder(work, out))
        # Another run may just have made it, or one was killed after its last
        # act but one.
        if _is_kept(out, made_from, at_least, npy):
            finished()
            return None
        for path in [out] + npy * [_npy_path(out)]:
            if os.path.lexists(path) and not overwrite:
                raise UserError(
                    f'{path} is there already and was made from other data or '
                    'with other options: name another --out, or say '
                    '--overwrite'
                )
        catalogue = stack.enter_context(
            contextlib.closing(
                Catalogue(os.path.join(work, 'catalogue.sqlite'))
            )
        )
        catalogue.start(made_from['source'] + str(options.depth))
        with (
            Workers(workers) as pool,
            new_dataset(
                out,
                (options.depth, options.size, options.size),
                os.path.join(work, 'assembled.h5'),
            ) as writer,
        ):
            scan(
                catalogue,
                sources,
                pool,
                options.depth,
                excluded,
                progress
                and (
                    lambda done: progress(
                        'reading headers', done, surveyed.count, 0
                    )
                ),
            )
            found = finding.find(catalogue, selection, limits, options)
            if one_per_patient:
                found = list(finding.one_per_patient(found))
            results = convert_series(
                catalogue, found, limits, options, work, pool, progress
            )
            report, tally = Report(out, sources, identifiers), _Tally()
            _add_files(catalogue, report, tally)
            _add_volumes(
                _decided(
                    catalogue,
                    found,
                    results,
                    limits,
                    report,
                    tally,
                    key,
                    identifiers,
                ),
                writer,
                options,
            )
            summary = tally.summary()
            enough = summary.converted >= at_least
            if enough or report_failure:
                report.write()
            if not enough:
                finished()
                raise UserError(
                    _too_few(
                        sources,
                        found,
                        summary,
                        selection,
                        at_least,
                        report_failure and report,
                    )
                )
            writer.provenance = {
                **made_from,
                'converted': summary.converted,
                'rejected': summary.rejected,
                'not_selected': summary.not_selected,
            }
        if npy:
            _write_npy(out)
        finished()
    return summary


def prepare_for(
    path,
    out,
    options,
    selection=Selection(),
    *,
    key,
    limits=Limits(),
    at_least=2,
    report=print,
    progress=None,
):
    """The dataset file for an experiment, made where it is not one already.

    Parameters
    ----------
    path : str
        A dataset file, which is taken as it is, or a source.
    out : str
        The dataset file to write otherwise.
    options, selection, limits, at_least, progress
        See :func:`prepare`.
    key : callable
        Gives the key of :func:`prepare`, if one is needed.
    report : callable
        Takes lines on what was left out.

    Returns
    -------
    str
        Path of the dataset file.
    """
    if os.path.isfile(path) and not _is_array_file(path):
        return path
    summary = prepare(
        [path],
        out,
        options,
        limits,
        selection,
        key=key(),
        overwrite=True,
        at_least=at_least,
        report_failure=False,
        progress=progress,
    )
    if summary is not None:
        for line in describe(summary, out):
            report(line)
    return out


def describe(summary, out):
    """Lines that tell of a :class:`Summary`."""
    yield (
        f'{summary.converted} series converted, {summary.rejected} series '
        f'or files rejected, {summary.not_selected} not selected'
    )
    for code, count in sorted(summary.codes.items()):
        yield f'  {code}: {count}'
    if summary.codes:
        yield f'which series or file and why: {report_paths(out)[0]}'


# ------------------------------------------------------------ the single steps


class _Tally:
    """Counts decisions and codes."""

    def __init__(self):
        self._decisions, self._codes = Counter(), Counter()

    def add(self, decision, codes):
        self._decisions[decision] += 1
        self._codes.update(codes)

    def summary(self):
        return Summary(
            *(
                self._decisions[decision]
                for decision in ('converted', 'rejected', 'not selected')
            ),
            dict(self._codes),
        )


def _add_files(catalogue, report, tally):
    """Report the files that belong to no series."""
    for path, message in catalogue.passed_over_files():
        report.add([path], decision='passed over', reason=message)
    for path, code, message in catalogue.defective_files():
        report.add([path], decision='rejected', code=code, reason=message)
        tally.add('rejected', [code])


def _decided(
    catalogue, found, results, limits, report, tally, key, identifiers
):
    """Report all series; yields (found, result, name of the patient) of those
    that become volumes.
    """
    numbers = {}  # of volumes, by a hash of their pixels
    for one in found:
        usable = one.selected and one.defect is None
        result = next(results) if usable else {}
        code, why = one.defect or (
            result.get('code', ''),
            result.get('reason', ''),
        )
        if usable and not code:
            if result['pixels'] in numbers:
                code = 'DUPLICATE_PIXELS'
                why = f'the same pixels as volume {numbers[result["pixels"]]}'
            else:
                numbers[result['pixels']] = len(numbers)
        converted = usable and not code
        decision = (
            'converted'
            if converted
            else 'rejected'
            if code
            else 'not selected'
        )
        notes = one.notes if converted else []
        tally.add(decision, notes + ([code] if code else []))
        patient = (
            one.identity.patient
            if identifiers
            else keyed_hash(key, one.identity.patient)
        )
        report.add(
            result['files']
            if usable
            else finding.paths(finding.load(catalogue, one, limits)),
            volume=len(numbers) - 1 if converted else '',
            decision=decision,
            code=code,
            reason=why,
            notes=notes,
            patient=patient,
            side=one.side,
            series_uid=one.uid,
            part=one.part,
            slices=one.slices,
            rows=one.rows,
            columns=one.columns,
            spacing_mm=[round(length, 4) for length in one.spacing],
            plane=one.plane,
            directions=one.directions,
        )
        if converted:
            yield one, result, patient


def _add_volumes(decided, writer, options):
    limits = None
    if options.normalise == 'dataset':
        decided = list(decided)
        if decided:
            limits = (
                min(result['low'] for _, result, _ in decided),
                max(result['high'] for _, result, _ in decided),
            )
    for one, result, patient in decided:
        volume = np.load(result['path'], mmap_mode='r')
        if limits is not None:
            volume = normalise(volume, 'dataset', limits)
        writer.append(volume, patient, one.side, one.identity.certain)


def _write_npy(out):
    path = _npy_path(out)
    with Dataset(out, verify=False) as dataset, replacing(path) as temporary:
        # Not through a memory map: on a full disk, that ends the process.
        with open(temporary, 'wb') as file:
            np.lib.format.write_array_header_1_0(
                file,
                {
                    'descr': '<f4',
                    'fortran_order': False,
                    'shape': dataset.volumes.shape,
                },
            )
            for volume in dataset.volumes:
                file.write(volume.astype('<f4', copy=False).tobytes())


def _npy_path(out):
    return os.path.splitext(out)[0] + '.npy'


def _too_few(sources, found, summary, selection, at_least, report):
    text = (
        f'{", ".join(sources)}: {summary.converted} usable series, '
        f'{summary.rejected} series or files rejected, '
        f'{summary.not_selected} not selected; needed are at least '
        f'{at_least}'
    )
    others = selection.explain(found)
    if others:
        text += '. ' + others
    if summary.rejected:
        text += '. ' + (
            f'The reasons are in {report.paths[0]}'
            if report
            else 'data/inspect.py tells the reasons'
        )
    return text


# ------------------------------------------------------------ around the steps


def _distinct(sources):
    """Sources without those that lie in another one."""
    real = {source: os.path.realpath(source) for source in sources}
    return [
        source
        for i, source in enumerate(sources)
        if not any(
            os.path.commonpath([real[source], real[other]]) == real[other]
            and (real[other] != real[source] or j < i)
            for j, other in enumerate(sources)
            if j != i
        )
    ]


def _is_kept(out, made_from, at_least, npy):
    """Whether there is nothing left to do, but to write the ``.npy``."""
    try:
        with Dataset(out, verify=False) as dataset:
            # JSON knows no tuples.
            wanted = json.loads(json.dumps(made_from))
            kept = len(dataset.volumes) >= at_least and all(
                dataset.provenance.get(name) == value
                for name, value in wanted.items()
            )
    except UserError:
        return False
    if kept and npy and not os.path.lexists(_npy_path(out)):
        _write_npy(out)
    return kept


def _is_array_file(path):
    with open(path, 'rb') as file:
        return arrays.is_array_file(file.read(1024))


@contextlib.contextmanager
def _working_folder(work, out):
    """A folder that no other run uses meanwhile; yields what to call when
    what it holds is no longer needed.
    """
    parent, lock = os.path.dirname(work), os.path.join(work, 'lock')
    new = not os.path.isdir(parent)
    done = []
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(lock, out))
        except OSError as error:
            raise UserError(f'cannot write {out}: {reason(error)}') from None
        try:
            yield lambda: done.append(True)
        finally:
            held = [os.path.join(work, name) for name in os.listdir(work)]
            if done or held == [lock]:
                # The lock last: without it, the folder is another run's.
                for path in [*set(held) - {lock}, lock]:
                    os.remove(path)
                with contextlib.suppress(OSError):  # not empty
                    os.rmdir(work)
                    if new:
                        os.rmdir(parent)
