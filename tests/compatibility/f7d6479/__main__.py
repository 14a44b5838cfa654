"""Make the home, write down what that commit says of it, and pack both beside this file.

Runs with commit f7d6479 and with no other: its imports are those of that commit. Like every home, this one
names the folder that it was made in at a few places, so make it in one that says nothing of a machine:

    git archive --prefix=code/ f7d6479 | tar -x -C /srv
    PYTHONPATH=/srv/code OMP_NUM_THREADS=1 python tests/compatibility/f7d6479 /srv/earlier
"""

import json
import sys
import tarfile
from pathlib import Path

from installation import make_installation
from material import write_material
from recorded import facts_of_home
from searches import home_in, make_searches

_HERE = Path(__file__).resolve().parent


def main(folder: Path) -> None:
    """Make everything below a folder that is not there yet."""
    folder.mkdir(parents=True)
    write_material(folder)
    with home_in(folder):
        make_searches(folder)
        facts = facts_of_home()
    facts["dagster"] = make_installation(folder)
    (_HERE / "expected.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    with tarfile.open(_HERE / "home.tar.xz", "w:xz", preset=9) as archive:
        archive.add(folder, ".", filter=_of_nobody)


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The member without the names of whoever made it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


main(Path(sys.argv[1]))
