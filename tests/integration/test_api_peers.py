"""The same requests to ctrd and to Debian's dockerd, and their answers compared field by field: status codes, content
types, which fields there are, their types, values and the texts of errors. What stays different is listed in
api_differences.json with its reason; what is not listed fails, and so does what is listed and not there any more."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api_questions import QUESTIONS
from api_session import ask
from engine import Engine
from peer_comparison import Meant, compare, normalise
from peer_images import docker_archive
from peers import docker, unlike_the_reference

NAMES = [question.name for question in QUESTIONS]
assert len(set(NAMES)) == len(NAMES), {name for name in NAMES if NAMES.count(name) > 1}
MEANT = Meant("api_differences.json")
PATIENCE = 30


def without_numbers(value):
    """Of what is measured, the types."""
    if isinstance(value, dict):
        return {name: "<a list>" if name.endswith("_recursive") and isinstance(inner, list) else without_numbers(inner)
                for name, inner in value.items()}
    if isinstance(value, list):
        return [without_numbers(inner) for inner in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"<{type(value).__name__}>"
    return value


class Interview:
    """One engine is asked everything, in order."""

    def __init__(self, socket, places):
        self.socket = socket
        self.places = places
        self.kept = {"begin": f"{time.time():.9f}"}

    def ask(self, method, path, body=None, version="1.41"):
        self.kept["now"] = f"{time.time():.9f}"
        for name, value in self.kept.items():
            path = path.replace("{%s}" % name, value)
        return ask(self.socket, method, f"/v{version}{path}", body)

    def answer(self, question):
        end = time.monotonic() + PATIENCE
        answer = self.ask(question.method, question.path, question.body, question.version)
        while question.until and not question.until(answer) and time.monotonic() < end:
            time.sleep(0.05)
            answer = self.ask(question.method, question.path, question.body, question.version)
        if question.keep:
            self.kept[question.keep] = answer["body"].get("Id", "none")
        if question.starts and answer["status"] == 201:
            answer["start"] = self.ask("POST", f"/containers/{answer['body']['Id']}/start")
            self.ask("DELETE", f"/containers/{answer['body']['Id']}?force=1&v=1")
        if "/stats" in question.path:
            answer["body"] = without_numbers(answer["body"])
        if "/top" in question.path and answer["status"] == 200:
            answer["body"]["Processes"] = [[re.sub(r"\d+", "N", re.sub(r"pts/\d+|\?", "<terminal>", word)) for word in row]
                                           for row in answer["body"]["Processes"]]
        return normalise(answer, self.places)

    def all_answers(self, archive):
        loaded = self.ask("POST", "/images/load", archive)
        assert loaded["status"] == 200 and "rror" not in str(loaded), loaded
        self.kept["image"] = self.ask("GET", "/images/rich:1/json")["body"]["Id"]
        return {question.name: self.answer(question) for question in QUESTIONS}


@pytest.fixture(scope="module")
def differences():
    if why := unlike_the_reference():
        pytest.skip(why)
    archive = docker_archive()
    with Engine() as engine, docker(bridge=True) as peer, ThreadPoolExecutor() as pool:
        peer.call("rmi", "busybox")
        interviews = [
            Interview(engine.socket, {str(engine.data): "<data>", str(engine.run_dir): "<run>", engine.name: "<engine>"}),
            Interview(peer.base / "docker.sock", {f"{peer.base}/data": "<data>", f"{peer.base}/run": "<run>",
                                                  str(peer.base): "<engine>"})]
        ours, theirs = pool.map(lambda interview: interview.all_answers(archive), interviews)
    return {name: compare(name, ours[name], theirs[name]) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_both_answer_the_same(differences, name):
    left = MEANT.unlisted(differences[name])
    assert not left, "\n" + "\n".join(left)


def test_every_listed_difference_is_still_there(differences):
    gone = MEANT.gone([difference for found in differences.values() for difference in found])
    assert not gone, gone
