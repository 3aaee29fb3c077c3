"""Debian's docker client types the same commands to ctrd and to dockerd: what it prints, on which stream, and how it
exits, line by line. What stays different is listed in cli_differences.json with its reason."""

import re
import shlex
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import Engine
from peer_comparison import Meant, compare, normalise
from peer_images import docker_archive
from peers import docker, unlike_the_reference

MEANT = Meant("cli_differences.json")

# As typed behind "docker", in this order.
COMMANDS = """
run --rm plain:1 echo hello
run --rm plain:1 sh -c 'echo out; echo err >&2; exit 7'
run --rm plain:1 none-such
run --rm plain:1 /etc
run --rm plain:1 /etc/passwd
run --rm --entrypoint none-such plain:1
run --rm -w relative plain:1 true
run --rm -m 1k plain:1 true
run --rm --network none-such plain:1 true
run --rm -p 99999:80 plain:1 true
run --rm -v /tmp:relative plain:1 true
run --rm --mount type=bind,src=/none/such,dst=/x plain:1 true
run --rm --user none-such plain:1 true
run --rm --cap-add NONE plain:1 true
run --rm --device /none/such plain:1 true
run --rm --ulimit nofile=3:2 plain:1 true
run --rm --volumes-from none-such plain:1 true
run --rm --link none-such:x plain:1 true
run --rm --log-driver none-such plain:1 true
run --rm --security-opt none-such plain:1 true
run --rm --sysctl kernel.panic=1 plain:1 true
run --rm --ipc container:none-such plain:1 true
run --rm --restart often plain:1 true
run --rm --runtime none-such plain:1 true
run --rm -e A=b -e HOME=/x plain:1 sh -c 'echo $A $HOME $PATH'
run --rm rich:1
run --rm --read-only plain:1 touch /x
run --rm --tmpfs /x:size=1m plain:1 df -h /x
run --rm --hostname hh --add-host a:10.0.0.9 plain:1 sh -c 'hostname; grep 10.0.0.9 /etc/hosts'
run -d --name web -p 127.0.0.1:18080:80 --label a=b --memory 64m plain:1 sleep 1000
run --name web plain:1 true
create --name made rich:1
ps
ps -a
ps -a --no-trunc
ps -aq --filter name=web
ps -a --filter status=none-such
ps -a --filter none-such=x
ps -a --format 'table {{.Names}}\\t{{.Image}}\\t{{.Command}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Labels}}\\t{{.Mounts}}\\t{{.Networks}}'
ps -s
inspect --format '{{.State.Status}} {{.HostConfig.Memory}} {{.Config.Labels}} {{json .NetworkSettings.Ports}} {{.Path}} {{.Args}}' web
inspect --format '{{.None}}' web
inspect none-such
inspect --type image web
port web
port web 80
port web 81
port none-such
logs web
logs none-such
exec web echo inside
exec -e A=b -w /tmp -u 1:2 web sh -c 'pwd; id -u; id -g; echo $A'
exec web none-such
exec web sh -c 'exit 9'
exec none-such true
exec made true
top made
cp web:/none-such -
cp web:/etc/passwd /none/such/place
cp /etc/hostname web:/none/such/place
cp none-such:/x -
diff web
diff none-such
stats --no-stream --format '{{.Name}} {{.PIDs}}' web
stats --no-stream none-such
rename web web2
rename web2 made
rename none-such x1
rename web2 web
pause web
pause web
ps --filter name=web --format '{{.Status}}'
exec web true
unpause web
unpause web
pause made
update --memory 128m --memory-swap 256m web
update --memory 1k web
update none-such --memory 64m
kill --signal NONE web
kill made
kill none-such
wait none-such
restart -t 0 web
start made
start -a made
start none-such
stop -t 0 web
stop none-such
attach made
rm none-such
rm -f none-such
images
images --no-trunc --digests
images -q none
images --filter dangling=true
images --filter none-such=x
image inspect --format '{{.Config.Cmd}} {{.Architecture}} {{.Os}} {{.Config.Env}} {{len .RootFS.Layers}}' rich:1
image inspect none-such
history --format '{{.CreatedBy}} {{.Size}} {{.Comment}}' rich:1
history none-such
tag rich:1 second:1
tag none-such second:1
tag rich:1 UPPER
rmi second:1
rmi none-such
rmi plain:1
save none-such
load -i /etc/passwd
import /none/such
commit none-such x:1
commit made committed:1
rmi committed:1
push rich:1
network ls
network create net
network create net
network create --subnet x net2
network create --driver none-such net2
network create --subnet 10.1.0.0/24 --gateway 10.2.0.1 net2
network connect net web
network connect net none-such
network connect none-such web
network inspect --format '{{.Name}} {{.Driver}} {{.Internal}} {{.Scope}} {{len .Containers}}' net
network inspect none-such
network rm net
network disconnect net web
network disconnect net web
network rm net
network rm bridge
network rm none-such
network prune -f
volume create vol
volume create vol
volume create 'a b'
volume create --driver none-such vol2
volume ls
volume ls -q
volume inspect --format '{{.Name}} {{.Driver}} {{.Mountpoint}} {{.Scope}}' vol
volume inspect none-such
volume rm vol
volume rm none-such
volume prune -f
system df
info --format '{{.Driver}} {{.Containers}} {{.Images}} {{.CgroupDriver}} {{.LoggingDriver}} {{.Swarm.LocalNodeState}} {{.MemoryLimit}} {{.OSType}}'
version --format '{{.Server.Os}} {{.Server.Arch}} {{.Client.APIVersion}}'
swarm init
node ls
service ls
login -u a -p b 127.0.0.1:9
search
events --since 1 --until 2
container prune -f
ps -aq
image prune -f
system prune -f
none-such
"""


def typed():
    """[(the command, its words)]; one that is typed again has a number."""
    seen, commands = {}, []
    for line in COMMANDS.strip().splitlines():
        seen[line] = seen.get(line, 0) + 1
        commands.append((line if seen[line] == 1 else f"{line} #{seen[line]}", shlex.split(line)))
    return commands


TYPED = typed()


# What the client says of itself, or not, as its goroutines happen to run.
SOMETIMES = 'level=error msg="error waiting for container: context canceled"'


def lines(text):
    """Without what depends on the width of a column."""
    return [re.sub(r"\s{2,}", "  ", line).rstrip() for line in text.splitlines() if SOMETIMES not in line]


def type_all(call, archive, places):
    call("load", "-i", archive)
    answers = {}
    for name, words in TYPED:
        done = call(*words, check=False)
        answers[name] = normalise({"exit": done.returncode, "out": lines(done.stdout), "err": lines(done.stderr)}, places)
    return answers


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    if why := unlike_the_reference():
        pytest.skip(why)
    archive = tmp_path_factory.mktemp("images") / "images.tar"
    archive.write_bytes(docker_archive())
    with Engine() as engine, docker(bridge=True) as peer, ThreadPoolExecutor() as pool:
        peer.call("rmi", "busybox")
        sides = [(engine.docker, {str(engine.data): "<data>"}), (peer.call, {f"{peer.base}/data": "<data>"})]
        ours, theirs = pool.map(lambda side: type_all(side[0], archive, side[1]), sides)
    return {name: compare(name, ours[name], theirs[name]) for name, _ in TYPED}


@pytest.mark.parametrize("name", [name for name, _ in TYPED])
def test_both_say_the_same(differences, name):
    left = MEANT.unlisted(differences[name])
    assert not left, "\n" + "\n".join(left)


def test_every_listed_difference_is_still_there(differences):
    gone = MEANT.gone([difference for found in differences.values() for difference in found])
    assert not gone, gone
