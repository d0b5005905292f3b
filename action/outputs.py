"""Writes the outputs of the action and its job summary. Arguments: verdict and exit code; everything else is in the environment."""

import json
import os
import pathlib
import sys

# GitHub refuses a whole summary above 1 MiB; other steps of the job have theirs.
BUDGET = 900_000
COUNTS = ("errors", "warnings", "waived")


def report(folder):
    try:
        return json.loads((folder / "report.json").read_text())
    except (OSError, ValueError):
        return {}


def first(values):
    return next((str(value) for value in values if value not in (None, "")), "")


def outputs(verdict, code):
    folder = pathlib.Path(os.environ.get("OUT", "."))
    found = report(folder)
    subjects = found.get("subjects") or []
    applied = found.get("applied") or {}
    written = found.get("written") or {}
    # Of several images there is no one digest.
    of_subjects = [subject.get("digest") for subject in subjects] if len(subjects) == 1 else []
    plan = os.environ.get("INPUT_PLAN_OUT", "")
    counts = {}
    for subject in subjects:
        for key, number in (subject.get("counts") or {}).items():
            counts[key] = counts.get(key, 0) + number
    # Only what passes is promoted.
    judged = (found.get("plan") or {}).get("verdict") or {}
    if judged:
        counts = {"errors": 0, "warnings": judged.get("warnings"), "waived": judged.get("waived")}
    values = {
        "verdict": verdict,
        "exit-code": code,
        "digest": first([found.get("digest"), *of_subjects]),
        "report": str(folder / "report.json") if found else "",
        "sarif": str(folder / "imgguard.sarif") if (folder / "imgguard.sarif").is_file() else "",
        "plan": plan if plan and pathlib.Path(plan).is_file() else "",
        "plan-digest": first([found.get("plan-digest")]),
        "tags": ",".join(applied.get("tags") or written.get("tags") or []),
        "record-digest": first([applied.get("record")]),
    }
    for name in COUNTS:
        values[name] = first([counts.get(name)])
    return folder, values


def main():
    verdict, code = sys.argv[1:3]
    folder, values = outputs(verdict, code)
    # One line each: a line break in a value would begin another output.
    lines = "".join(f"{name}={' '.join(str(value).split())}\n" for name, value in values.items())
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        file.write(lines)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if not summary:
        return
    try:
        text = (folder / "summary.md").read_text(encoding="utf-8")
    except OSError:
        digest = f" `{values['digest']}`" if values["digest"] else ""
        text = f"## imgguard: {verdict}\n\nexit {code}{digest}\n"
        if values["tags"]:
            text += f"\ntags: {values['tags']}\n"
    encoded = text.encode()
    if len(encoded) > BUDGET:
        encoded = encoded[:BUDGET].decode(errors="ignore").encode() + b"\n\ncut: see the report of the job\n"
    with open(summary, "ab") as file:
        file.write(encoded)


if __name__ == "__main__":
    main()
