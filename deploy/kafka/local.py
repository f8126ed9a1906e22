"""One Apache Kafka node on this machine, from its own jars: for tests and for developers.

Owns fetching the jars (Maven), formatting the data directory and the life of the Java process.
It listens on the loopback interface only, without security: not for production.

    python deploy/kafka/local.py fetch          copy the jars into .tools/kafka
    python deploy/kafka/local.py run            localhost:9092, data in .tools/kafka-data
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from monitor.children import answers, free_port, last_line, spawn, stop
from monitor.errors import NewsurgeError

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent.parent / ".tools"
JARS = TOOLS / "kafka"

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_PULL_SECONDS = 300.0
_IMAGE = "apache/kafka:4.1.1"
# A small heap and the plainest compiler and collector: it starts fast and leaves the cores alone.
_JAVA = ("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{more}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{more_advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,{protocols}
log.dirs={data}/log
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=16777216
"""


# Appended where users must log in.
_SASL_PROPERTIES = """\
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_{user}="{password}";
"""


@dataclass(frozen=True)
class SaslListener:
    """A second listener, SASL_PLAINTEXT with PLAIN, for one user; to test logging in."""

    port: int
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class ProxiedListener:
    """A further listener at `port`, whose clients are sent to `proxy_port`; to test bad networks.

    A client goes where the node's metadata send it, so a proxy must be what they name.
    """

    port: int
    proxy_port: int


class KafkaUnavailableError(NewsurgeError):
    """Java or Maven is missing, the jars can't be fetched, or the node does not start."""


def available() -> bool:
    """Whether this machine has what it takes: Java, and the jars or Maven to fetch them."""
    return shutil.which("java") is not None and (_fetched() or shutil.which("mvn") is not None)


async def fetch() -> Path:
    """Copy Kafka's jars into `.tools/kafka`, unless they are there.

    Raises:
        KafkaUnavailableError: when Maven is missing or can't fetch them.
    """
    if _fetched():
        return JARS
    if shutil.which("mvn") is None:
        raise KafkaUnavailableError("Maven is not installed; run `make test-tools` (on Debian)")
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix="kafka-") as work:
        target = Path(work) / "jars"
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        status, said = await _output([*command, f"-DoutputDirectory={target}"])
        if status != 0:
            raise KafkaUnavailableError(f"Maven can't fetch Kafka's jars: {said}")
        # Another run may have been first.
        if not _fetched():
            shutil.rmtree(JARS, ignore_errors=True)
            target.rename(JARS)
    return JARS


@asynccontextmanager
async def local_kafka(
    data: Path,
    port: int | None = None,
    sasl: SaslListener | None = None,
    proxied: ProxiedListener | None = None,
) -> AsyncIterator[str]:
    """Run one node for the length of the block; gives its address once it answers.

    Args:
        data: a directory for its properties, its log and its data, which are kept and reused.
        port: where it listens; a free port when absent.
        sasl: where it listens for a user who logs in, besides.
        proxied: where it listens for clients that come through a proxy, besides.

    Raises:
        KafkaUnavailableError: when it can't be fetched or does not start.
    """
    jars = await fetch()
    properties, port = _prepare(data, port, sasl, proxied)
    if not (data / "log" / "meta.properties").exists():
        await _format(jars, properties)
    log = data / "kafka.log"
    with log.open("wb") as output:
        process = await spawn([*_JAVA, "-cp", f"{jars}/*", "kafka.Kafka", str(properties)], output)
        try:
            if not await answers(process, port, _START_SECONDS):
                said = last_line(log.read_text("utf-8", "replace"))
                raise KafkaUnavailableError(
                    f"Kafka does not start on port {port}: {said} (all of it: {log})"
                )
            yield f"127.0.0.1:{port}"
        finally:
            await stop(process, _STOP_SECONDS)


async def docker_available() -> bool:
    """Whether a Docker engine answers here."""
    if shutil.which("docker") is None:
        return False
    status, _ = await _output(["docker", "version", "--format", "{{.Server.Version}}"])
    return status == 0


@asynccontextmanager
async def docker_kafka() -> AsyncIterator[str]:
    """The same node in a container, for machines without Java; gives its address.

    Docker takes connections before Kafka does: ask with a client until it answers.

    Raises:
        KafkaUnavailableError: when the container does not start.
    """
    port = free_port()
    name = f"newsurge-kafka-{port}"
    lines = _properties(port, 9093, "/var/lib/kafka").splitlines()
    # The image reads its configuration from the environment, and must listen beyond loopback.
    properties = dict(line.split("=", 1) for line in lines)
    properties["listeners"] = f"PLAINTEXT://:{port},CONTROLLER://:9093"
    variables = [
        f"--env=KAFKA_{key.upper().replace('.', '_')}={value}" for key, value in properties.items()
    ]
    publish = f"--publish=127.0.0.1:{port}:{port}"
    command = ["docker", "run", "--rm", f"--name={name}", publish, *variables, _IMAGE]
    with tempfile.TemporaryFile() as output:
        process = await spawn(command, output)
        try:
            if not await answers(process, port, _PULL_SECONDS):
                output.seek(0)
                said = last_line(output.read().decode("utf-8", "replace"))
                raise KafkaUnavailableError(f"Kafka's container does not start: {said}")
            yield f"127.0.0.1:{port}"
        finally:
            await _output(["docker", "rm", "--force", name])
            await stop(process, _STOP_SECONDS)


def _fetched() -> bool:
    return any(JARS.glob("kafka_2.13-*.jar"))


def _prepare(
    data: Path, port: int | None, sasl: SaslListener | None, proxied: ProxiedListener | None
) -> tuple[Path, int]:
    data.mkdir(parents=True, exist_ok=True)
    chosen, controller = port or free_port(), free_port()
    text = _properties(chosen, controller, str(data.resolve()), sasl, proxied)
    properties = data / "server.properties"
    properties.write_text(text, "utf-8")
    return properties, chosen


def _properties(
    port: int,
    controller: int,
    data: str,
    sasl: SaslListener | None = None,
    proxied: ProxiedListener | None = None,
) -> str:
    more, more_advertised = "", ""
    if sasl is not None:
        more += f",SASL://127.0.0.1:{sasl.port}"
        more_advertised += f",SASL://127.0.0.1:{sasl.port}"
    if proxied is not None:
        more += f",PROXIED://127.0.0.1:{proxied.port}"
        more_advertised += f",PROXIED://127.0.0.1:{proxied.proxy_port}"
    text = _PROPERTIES.format(
        port=port,
        controller=controller,
        data=data,
        more=more,
        more_advertised=more_advertised,
        protocols="SASL:SASL_PLAINTEXT,PROXIED:PLAINTEXT",
    )
    if sasl is not None:
        text += _SASL_PROPERTIES.format(user=sasl.user, password=sasl.password)
    return text


async def _format(jars: Path, properties: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = [*_JAVA, "-cp", f"{jars}/*", "kafka.tools.StorageTool", "format"]
    status, said = await _output([*tool, f"--cluster-id={cluster}", "-c", str(properties)])
    if status != 0:
        raise KafkaUnavailableError(f"Kafka's data directory can't be formatted: {said}")


async def _output(command: list[str]) -> tuple[int | None, str]:
    """Run a command to its end; its exit status and the last line that it said."""
    with tempfile.TemporaryFile() as output:
        process = await spawn(command, output)
        try:
            status = await process.wait()
        finally:
            if process.returncode is None:
                await stop(process, _STOP_SECONDS)
        output.seek(0)
        return status, last_line(output.read().decode("utf-8", "replace"))


async def _run(data: Path, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with local_kafka(data, port) as address:
        sys.stdout.write(f"Apache Kafka at {address}, data in {data}; Ctrl-C stops it\n")
        sys.stdout.flush()
        await stopped.wait()


def main() -> int:
    """Fetch the jars, or run a node until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="copy the jars into .tools/kafka")
    run = commands.add_parser("run", help="run a node until Ctrl-C")
    run.add_argument("--port", type=int, default=9092)
    run.add_argument("--data", type=Path, default=TOOLS / "kafka-data")
    arguments = parser.parse_args()
    try:
        if arguments.command == "fetch":
            sys.stdout.write(f"Kafka's jars are in {asyncio.run(fetch())}\n")
        else:
            asyncio.run(_run(arguments.data, arguments.port))
    except NewsurgeError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
