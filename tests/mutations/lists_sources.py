"""Planted faults of recordings on other machines, and of damaged ones."""

from __future__ import annotations

from fault import Fault

_REMOTE = "pose/sources/remote.py"
_READ, _WHOLE = "tests/test_pose/test_sources_remote.py", "tests/test_integration/test_elsewhere.py"
_SECRETS = (f"{_READ}::test_secrets_are_not_shown",)
_REFUSED = (f"{_READ}::test_what_is_not_there_or_not_ours",)
_LOST = (f"{_READ}::test_a_lost_connection_is_made_again",)

FAULTS: tuple[Fault, ...] = (
    Fault(_REMOTE, "(?:[^/]*@)?", "", "passwords of addresses are shown", _SECRETS),
    Fault(_REMOTE, 're.split(r"[?#]", address["rest"])[0]', 'address["rest"]', "keys of addresses are shown", _SECRETS),
    Fault(_REMOTE, '"known_hosts": (), ', "", "any host is trusted", _REFUSED),
    Fault(_REMOTE, "if len(data) == length:", "if True:", "half a block is a block", _LOST),
    Fault(_REMOTE, "Nature.WHOLE_ONLY if whole", "Nature.RECORDING if whole", "what is only given whole is a recording",
          (f"{_READ}::test_a_server_without_ranges",)),
    Fault("behavior/pipeline/commands.py", "spec=given)", "spec=None)", "an address is opened again without its key",
          (f"{_WHOLE}::test_as_the_file_itself_without_its_secrets",)),
    Fault("behavior/pipeline/cluster.py", "except (UnreachableError, StorageError, OSError)",
          "except (StorageError, OSError)", "a lost server is not asked again",
          (f"{_WHOLE}::test_a_worker_says_that_another_time_may_do",)),
    Fault("pose/sources/video.py", "sum(self._selection.holds(self._time_s(stamp)) for stamp in stamps)",
          "len(list(stamps))", "what is lost behind a seam is counted on both sides of it",
          ("tests/test_pose/test_cuts.py::test_damage_at_a_seam_is_counted_once",)),
    Fault("behavior/pipeline/stages.py", "source.skipped if ended else", "source.skipped if True else",
          "skipped frames behind the last stored one are counted again when it is gone on",
          ("tests/test_integration/test_cutting.py::test_damage_is_told_of_once",)),
)  # fmt: skip
