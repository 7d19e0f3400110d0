"""Planted faults of the studio, and of models trained on corrections."""

from __future__ import annotations

from fault import Fault

_STUDIO, _JOBS, _LATE = (
    f"tests/test_integration/test_{name}.py" for name in ("studio", "studio_jobs", "studio_in_time")
)
_LABELS = "tests/test_behavior/test_on_database.py"
_REFUSED = (f"{_JOBS}::test_what_is_not_begun",)
_NEWS = (f"{_STUDIO}::test_a_page_says_when_the_database_was_changed_elsewhere",)
_AT_WORK = (f"{_JOBS}::test_what_another_process_works_on_is_left_to_it",)
_JUDGED = (f"{_LABELS}::test_what_counts_is_judged_on_the_same_frames",)
_CODED = ("tests/test_storage/test_coded.py",)
_UNSURE = (f"{_LABELS}::test_from_what_a_coder_was_not_sure_of_nothing_is_learnt",)

_UPLOADS = "tests/test_integration/test_studio_uploads.py"
_PARTS = (f"{_STUDIO}::test_joints_are_asked_for_in_parts",)

FAULTS: tuple[Fault, ...] = (
    Fault("behavior/studio/shelf.py", "if _file_of(self._where[number]) != self._files[number]:", "if False:",
          "what is saved into a deleted database is lost",
          (f"{_STUDIO}::test_a_database_that_is_deleted_while_it_is_open",)),
    Fault("behavior/studio/uploads.py", "if size > free:", "if False:", "an upload fills the disk",
          (f"{_UPLOADS}::test_what_is_not_taken",)),
    Fault("behavior/studio/uploads.py", "        part.unlink(missing_ok=True)\n", "        pass\n",
          "what was cancelled stays", (f"{_UPLOADS}::test_an_upload_is_shown_and_cancelled",)),
    Fault("behavior/studio/uploads.py", "last = PureWindowsPath(unicodedata.normalize(\"NFC\", name)).name",
          "last = unicodedata.normalize(\"NFC\", name)", "folders in a name", (f"{_UPLOADS}::test_names",)),
    Fault("behavior/pipeline/told.py", "found[name] == files[name] for name in OF_FRAMES", "True for name in OF_FRAMES",
          "a damaged table of every frame is kept",
          ("tests/test_integration/test_report_again.py"
           "::test_tables_of_every_frame_are_written_again_only_where_people_changed",)),
    Fault("behavior/report/blocks.py", "if stop and digest(text) == wanted", "if stop",
          "joints of another telling", _PARTS),
    Fault("behavior/report/script/motion.js", "    if (part < 0 || part > last || parts[part]) return null;",
          "    if (part < 0 || part > last) return null;", "parts are asked for twice", _PARTS),
    Fault("behavior/studio/app.py", 'headers.get(b"origin") != f"http://{host}"', "False",
          "pages from elsewhere begin analyses", _REFUSED),
    Fault("behavior/studio/work.py", "if not path.is_absolute():", "if False:",
          "a path is taken from anywhere", _REFUSED),
    Fault("behavior/studio/work.py", "if not here:", "if False:", "what is done is gone on with", _REFUSED),
    Fault("behavior/studio/work.py", 'if here[0]["at_work"]:', "if False:", "two processes on one analysis", _AT_WORK),
    Fault("behavior/studio/work.py", "grew = now if found.frames > frames else grew", "grew = None",
          "another process is not seen at work", _AT_WORK),
    Fault("behavior/studio/jobs.py", "        with turn:\n", "        if True:\n", "all jobs at once",
          (f"{_JOBS}::test_jobs_of_a_kind_wait_and_fail_in_a_sentence",)),
    Fault("behavior/studio/shelf.py", '"actions": str(now.actions.id if now.actions else ""),', '"actions": "",',
          "another model's bouts are no news", _NEWS),
    Fault("behavior/report/script/studio.js", "known = after; tell();", "tell();", "one's own change is news", _NEWS),
    Fault("behavior/report/script/studio.js", "  if (saving || mine < heard) return;\n", "", "late answers are news",
          (f"{_LATE}::test_news_of_before_a_change_of_ones_own_is_no_news",)),
    Fault("behavior/report/script/keeping.js", "(line = line.then(() => byUs(act)))", "byUs(act)",
          "changes are saved in any order", (f"{_LATE}::test_changes_are_saved_one_after_the_other",)),
    Fault("behavior/report/script/player.js", "if (!video.seeking && presentationTime >= since) hear", "hear",
          "a frame from before a seek counts",
          ("tests/test_behavior/test_page_in_time.py::test_a_frame_from_before_a_seek_is_no_news",)),
    Fault("behavior/studio/shelf.py", 'if stamp["people"] != known.get("people"):', "if False:",
          "corrections land on somebody else",
          (f"{_LATE}::test_what_was_deleted_in_between_is_a_conflict_and_numbers_of_others_are_refused",)),
    Fault("behavior/report/script/keeping.js", "      keep({ people: others });\n", "",
          "what was saved is shown again as unsaved", _NEWS),
    Fault("behavior/report/script/keeping.js", "note: (edits) => keep({ edits }),", "note: () => {},",
          "what was noted of who is who is lost", _NEWS),
    Fault("storage/coded.py", "            left = uncovered(one.start_s, one.stop_s, covered)\n",
          "            left = [(one.start_s, one.stop_s)]\n", "corrections are added to what they correct",
          (f"{_LABELS}::test_corrections_take_the_place_of_other_labels_of_the_same_person",)),
    Fault("behavior/pipeline/believed.py", "left = uncovered(bout.start_s, bout.stop_s, word.spans)",
          "left = [] if word.spans else [(bout.start_s, bout.stop_s)]", "a few labels take all automatic bouts away",
          _CODED),
    Fault("behavior/pipeline/believed.py", "one.start_s < stop_s or goes_on", "one.start_s < stop_s",
          "a label within a bout of its own action splits it", _CODED),
    Fault("behavior/training/cut.py", "~within(time_s, person.spans)", "np.zeros(len(time_s), dtype=bool)",
          "what nobody coded is learnt as unknown", (f"{_LABELS}::test_of_what_nobody_looked_at_nothing_is_learnt",)),
    Fault("behavior/report/script/corrections.js", "return byTime([...inside, ...empty]);", "return byTime(inside);",
          "a bout that was deleted comes back", ("tests/test_integration/test_studio.py::test_only_what_was_changed_is"
          "_the_humans",)),
    Fault("behavior/training/cut.py", "        if not unsure[first]\n", "",
          "what a coder was not sure of is learnt", _UNSURE),
    Fault("behavior/training/decoding.py", " & ~not_known_at(person, person.track.time_s)", "",
          "what a coder was not sure of is judged", _UNSURE),
    Fault("behavior/training/on_database.py", "learnt_here |= person.sha256 in",
          "learnt_here |= False and person.sha256 in",
          "whether a model had seen the recordings", _JUDGED),
    Fault("behavior/training/on_database.py", "(place, rows, now.bouts[place])", "(place, rows, now.bouts[0])",
          "one person's bouts judged as another's", _JUDGED),
    Fault("behavior/pipeline/classify.py", "runs.choose(tx, before.id)", "pass",
          "a model tried aside counts at once", (f"{_LABELS}::test_classify_names_everyone_again",)),
)  # fmt: skip
