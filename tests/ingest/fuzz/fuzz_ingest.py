"""Feed the doors of files with what nobody would write, for minutes, guided by what the code does with it.

    python tests/ingest/fuzz/fuzz_ingest.py --minutes 10 --findings findings/

Needs atheris, which is no dependency of the project. Every different defect is kept once, as the bytes that
make it and its traceback; the exit code is 1 where there is one, also where an input took too long or too
much memory. ``--again FILE`` feeds one kept input again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[3]
LONGEST = 32 << 10
SECONDS, MEGABYTES = 30, 3000


def main() -> int:
    """Run the fuzzer in a process of its own and count what it found."""
    parser = argparse.ArgumentParser(description="Fuzz what reads files.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--again", type=Path)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return 2
    if given.worker is not None:
        work(given.worker, given.findings, given.minutes)
        return 0
    if given.again is not None:
        with tempfile.TemporaryDirectory() as folder:
            feed(given.again.read_bytes(), Path(folder))
        return 0
    given.findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--worker", folder, "--findings", str(given.findings)]
        done = subprocess.run([*command, "--minutes", str(given.minutes)], check=False)
    found = sorted(path.name for path in given.findings.iterdir())
    print(f"{len(found)} findings in {given.findings}: {', '.join(found) or 'none'}")
    return 1 if found or done.returncode else 0


def feed(data: bytes, folder: Path) -> None:
    """Give an input to the target that its first byte names."""
    import atheris  # noqa: PLC0415 - it is asked for first

    from tests.ingest.fuzz import targets  # noqa: PLC0415 - instrumented by whoever fuzzes

    if len(data) < 2:
        return
    choice, rest = data[0] % 8, data[1:]
    if choice == 2:
        targets.read_sheet(folder, rest)
        return
    if choice < 2:
        ending = targets.FORMATS[rest[0] % len(targets.FORMATS)]
        targets.read_file(folder, rest[1:], ending)
        return
    source = atheris.FuzzedDataProvider(rest)
    if choice == 3:
        targets.read_value(source.ConsumeUnicodeNoSurrogates(200))
    elif choice == 4:
        targets.read_time(source.ConsumeUnicodeNoSurrogates(100))
    elif choice == 5:
        targets.read_unit(source.ConsumeUnicodeNoSurrogates(60))
    else:
        header = (targets.HEADER, targets.LONG_HEADER)[rest[0] % 2] if choice == 6 else targets.PLACES
        text = rest[1:].decode("utf-8", "replace")
        rows = [line.split("\t")[: len(header)] for line in text.split("\n")[:5]]
        targets.read_rows(folder, header, *rows)


def seeds(folder: Path) -> None:
    """The hostile corpus and sound cells as the inputs to begin with."""
    from tests.ingest.fuzz import targets  # noqa: PLC0415 - as in `feed`
    from tests.ingest.hostile.facilities import FACILITIES  # noqa: PLC0415
    from tests.ingest.hostile.readings import READINGS  # noqa: PLC0415

    inputs: list[bytes] = []
    for case in (*READINGS, *FACILITIES):
        ending = "".join(Path(case.file).suffixes[-1:])
        if ending in targets.FORMATS and len(case.content) < LONGEST:
            inputs.append(bytes([0, targets.FORMATS.index(ending)]) + case.content)
    words = {
        3: ("0.05L", "<0.05", "nd(0.01)", "1.2×10^4", "１，２３４．５", "未检出", "12%", "-0.3", "1 234"),
        4: ("2023年6月30日 8时", "2023-06-30T08:00:00+08:00", "45108.25", "06-30 下午2:00", "20230630080000"),
        5: ("mg/L as NO3", "个/100mL", "°F", "10^4个/L", "NH3-N(μg/L)", "m3/s", "万立方米/日"),
    }
    # The provider takes the kind of text from the first byte, the rest is the text.
    inputs += [bytes([choice, 255]) + word.encode("utf-8") for choice, some in words.items() for word in some]
    sound = "沌口\t湖北省\t2023-06-30 08:00\t0.05L\t68\t85%\tⅡ\t正常"
    long = "S1\t2023-06-30\t总磷\t50\tμg/L\t0.01\t2023-07-01\tGB 11893"
    place = "P1\t甲\t114°18′18″\t30.5925\t2023-06-30\t工业\t420100\t5"
    metres = "P1\t甲\t38529242.9\t3385673.4\t45107\t其他\t420100\t5"
    inputs += [
        bytes([6, 0]) + sound.encode(),
        bytes([6, 1]) + long.encode(),
        bytes([7, 0]) + place.encode(),
        bytes([7, 0]) + metres.encode(),
    ]
    inputs += [bytes([2]) + sheet for sheet in targets.sheets(READINGS)]
    for content in inputs:
        (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


def work(folder: Path, findings: Path, minutes: float) -> None:
    """Fuzz until the time is over; libFuzzer ends the process."""
    sys.path.insert(0, str(ROOT))
    import atheris  # noqa: PLC0415 - as in `feed`

    with atheris.instrument_imports(include=["ingest"]):
        from tests.ingest.fuzz import targets  # noqa: F401, PLC0415 - to be instrumented
    warnings.simplefilter("error")
    corpus, files = folder / "corpus", folder / "files"
    corpus.mkdir()
    files.mkdir()
    seeds(corpus)
    known: set[str] = set()

    def once(data: bytes) -> None:
        try:
            feed(data, files)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            own = [frame for frame in traceback.extract_tb(error.__traceback__) if "ingest" in frame.filename]
            last = own[-1] if own else place
            mark = f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}"
            if mark not in known:
                known.add(mark)
                (findings / f"{mark}.bin").write_bytes(data)
                (findings / f"{mark}.txt").write_text(traceback.format_exc(), encoding="utf-8")
                print(f"found {mark}", file=sys.stderr)

    options = [
        f"-max_total_time={int(minutes * 60)}",
        f"-max_len={LONGEST}",
        f"-timeout={SECONDS}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
