"""Reads the suite's index.json: what is good, what is not; the exit code says whether anything is not."""

import collections
import json
import sys

GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


def section(case):
    return int(case.split(".")[0])


with open(sys.argv[1]) as file:
    agents = json.load(file)
bad = []
for agent, cases in agents.items():
    sections = collections.defaultdict(collections.Counter)
    for case, result in cases.items():
        sections[section(case)][result["behavior"]] += 1
        if result["behavior"] not in GOOD or result["behaviorClose"] not in GOOD:
            bad.append((case, result["behavior"], result["behaviorClose"]))
    for number in sorted(sections):
        print(agent, "section", number, dict(sections[number]))
    total = sum(sections.values(), collections.Counter())
    print(agent, "in all", sum(total.values()), dict(total))
for case, behavior, close in sorted(bad, key=lambda row: [int(part) for part in row[0].split(".")]):
    print("not good:", case, behavior, "close:", close)
sys.exit(bool(bad))
