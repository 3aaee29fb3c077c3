"""Two engines' answers to one question: what differs, field by field, and which differences are meant.

A list of meant differences is a JSON file of {"reason", "questions": […], "fields": […]}; in the latter two * stands for
anything.
"""

import dataclasses
import functools
import json
import pathlib
import re


@dataclasses.dataclass
class Difference:
    question: str
    field: str
    ours: object
    theirs: object

    def __str__(self):
        return f"{self.question} | {self.field}: ctr {repr(self.ours)[:300]}, peer {repr(self.theirs)[:300]}"


MISSING = "(missing)"


def compare(question, ours, theirs, field=""):
    """Types count: 1, 1.0, true and "1" are four values. What only one side has is one difference, whatever is in it."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = [(key, ours.get(key, MISSING), theirs.get(key, MISSING)) for key in sorted({*ours, *theirs})]
    elif isinstance(ours, list) and isinstance(theirs, list):
        longest = range(max(len(ours), len(theirs)))
        keys = [(n, *(side[n] if n < len(side) else MISSING for side in (ours, theirs))) for n in longest]
    else:
        same = (type(ours), ours) == (type(theirs), theirs)
        return [] if same else [Difference(question, field, ours, theirs)]
    return [difference for key, mine, other in keys
            for difference in compare(question, mine, other, f"{field}.{key}" if field else str(key))]


@functools.cache
def expression(pattern):
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.DOTALL)


def matches(pattern, text):
    """Only * stands for something else: questions are full of brackets and question marks."""
    return pattern == text or "*" in pattern and expression(pattern).fullmatch(text) is not None


class Meant:
    """The differences that stay, in groups with one reason each: any of its fields in the answer to any of its questions."""

    def __init__(self, file):
        self.groups = json.loads((pathlib.Path(__file__).parent / file).read_text())
        for group in self.groups:
            assert set(group) == {"reason", "questions", "fields"} and group["reason"], group

    @staticmethod
    def _is_in(group, difference):
        return (any(matches(pattern, difference.question) for pattern in group["questions"]) and
                any(matches(pattern, difference.field) for pattern in group["fields"]))

    def unlisted(self, differences):
        return [str(difference) for difference in differences
                if not any(self._is_in(group, difference) for group in self.groups)]

    def gone(self, differences):
        """Patterns that no difference needs any more."""
        unused = []
        for group in self.groups:
            found = [difference for difference in differences if self._is_in(group, difference)]
            unused += [pattern for pattern in group["questions"] if not any(matches(pattern, d.question) for d in found)]
            unused += [pattern for pattern in group["fields"] if not any(matches(pattern, d.field) for d in found)]
        return unused


# Lists whose order nobody promises, or whose elements have names: a difference then names the element.
SORTED = {"RepoTags", "Tags", "Env", "Aliases"}


def name_of(element):
    if not isinstance(element, dict):
        return None
    if element.get("Names"):
        return element["Names"][0]
    if "IPAM" in element:
        return element["Name"]
    return next((str(element[key]) for key in ("RepoTags", "Destination", "Mountpoint", "Path") if element.get(key)), None)


def event_text(event):
    attributes = event["Actor"]["Attributes"] or {}
    words = [f"{name}={attributes[name]}" for name in sorted(attributes)]
    return " ".join([event["Type"], event["Action"], event["Actor"]["ID"], *words])


def by_name(elements):
    """{name: element, …} of a list whose elements have names, else the list. An order is promised for containers only.
    Events, whose order differs where things happen at one time, are counted."""
    if elements and all(isinstance(element, dict) and "Actor" in element for element in elements):
        texts = [event_text(element) for element in elements]
        return {"(fields)": ", ".join(sorted(elements[0])), **{text: texts.count(text) for text in texts}}
    names = [name_of(element) for element in elements]
    if not names or None in names:
        return elements
    named = {"(order)": ", ".join(names)} if "Names" in elements[0] else {}
    elements = sorted(elements, key=str)
    names = [name_of(element) for element in elements]
    for name, element in zip(names, elements):
        while name in named:  # anonymous volumes
            name += "'"
        named[name] = element
    return named


ID = re.compile("[0-9a-f]{64}")
TIME = re.compile(r"(?!0001-)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
# What is of one engine or one run; `places` are its directories: {"/var/tmp/x/data": "<data>"}.
PATTERNS = [(TIME, "<time>"), (re.compile(r"\b172\.(1[789]|2\d)\.0\.(?![01]\b)\d+\b"), "172.N.0.N"),
            (re.compile(r"\b02:42:ac:1[0-9a-f]:00:[0-9a-f]{2}\b"), "<mac>"),
            (re.compile(r"\b(Less than a second|About a minute|\d+ (second|minute)s?)"), "<a while>"), (re.compile(r"\b[0-9a-f]{64}\b"), "<id>"), (re.compile(r"\b[0-9a-f]{12}([0-9a-f]{2}…|\b)"), "<short>")]
SECONDS = {"Created", "time", "timeNano", "created"}
PROCESSES = {"Pid"}
COUNTS = {"NFd", "NGoroutines", "NEventsListener"}


def normalise(value, places, key=""):
    if isinstance(value, dict):
        # A network's containers are keyed by their ids.
        return {inner["Name"] if ID.fullmatch(name) and isinstance(inner, dict) and "Name" in inner else normalise(name, places):
                normalise(inner, places, name) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [normalise(element, places) for element in value]
        if key in SORTED or key == "Ports":
            inner.sort(key=str)
        return by_name(inner)
    if isinstance(value, str):
        for place, name in places.items():
            value = value.replace(place, name)
        for pattern, name in PATTERNS:
            value = pattern.sub(name, value)
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if key in SECONDS and value > 1_500_000_000:
            return "<a time>"
        if key in PROCESSES and value > 0:
            return "<a process>"
        if key in COUNTS:
            return "<a count>"
    return value
