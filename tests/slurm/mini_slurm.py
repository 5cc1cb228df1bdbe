"""A real Slurm on this machine, from Debian's packages, started and stopped by the tests.

One node of two cores and a fake GPU is where jobs go; the partition `pair` has two more, for jobs on several nodes.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

#: Slurm was compiled to look here. `srun` inside a job looks nowhere else: the job's environment is not passed on.
CONF = Path("/etc/slurm/slurm.conf")

_CONFIGLESS = Path("/run/slurm/conf/slurm.conf")

_DAEMONS = ("munged", "slurmctld", "slurmd")
_START_S, _STOP_S = 30.0, 20.0
_POLL_S = 0.1

_NODES = ("one", "pair1", "pair2")

# Memory is what jobs ask for, not what the machine has: the same on any machine.
_SLURM_CONF = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdParameters=config_overrides
MailProg=/bin/true
AccountingStorageType=accounting_storage/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
EnforcePartLimits=ALL
MinJobAge=3600
KillWait=5
OverTimeLimit=0
ReturnToService=2
MpiDefault=none
GresTypes=gpu
NodeName=DEFAULT RealMemory=64000 State=UNKNOWN
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Sockets=1 CoresPerSocket=2 Gres=gpu:fake:1 Port={ports[1]}
NodeName=pair1 NodeHostname={host} NodeAddr=127.0.0.1 Sockets=1 CoresPerSocket=2 Gres=gpu:fake:2 Port={ports[2]}
NodeName=pair2 NodeHostname={host} NodeAddr=127.0.0.1 Sockets=1 CoresPerSocket=2 Gres=gpu:fake:2 Port={ports[3]}
PartitionName=main Nodes=one Default=YES MaxTime=INFINITE DefMemPerCPU=500 State=UP
PartitionName=pair Nodes=pair1,pair2 MaxTime=INFINITE DefMemPerCPU=500 State=UP
"""
_GRES_CONF = """\
NodeName=one Name=gpu Type=fake File=/dev/null
NodeName=pair1,pair2 Name=gpu Type=fake File=/dev/null
NodeName=pair1,pair2 Name=gpu Type=fake File=/dev/zero
"""


def why_not() -> str | None:
    """Tell why no Slurm can be started here; None where it can."""
    absent = [name for name in (*_DAEMONS, "sbatch", "srun") if shutil.which(name, path=_search_path()) is None]
    if absent:
        return f"Slurm is not installed: no {', '.join(absent)} (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0 or not os.access(CONF.parent, os.W_OK):
        return f"Slurm runs as root here, and needs to write {CONF.parent}"
    if os.environ.get("SLURM_CONF") or _CONFIGLESS.exists() or (CONF.is_file() and not CONF.is_symlink()):
        return f"this machine has a Slurm of its own: SLURM_CONF, {_CONFIGLESS} or {CONF} says so"
    if CONF.exists():
        return f"{CONF} leads to {CONF.readlink()}: another run of these tests has its Slurm there"
    return None


@contextmanager
def mini_slurm(folder: Path) -> Iterator[None]:
    """Start a Slurm that keeps everything in a folder, and stop what was started, whatever happens meanwhile."""
    with ExitStack() as stack:
        _write_files(folder)
        stack.callback(_kill_what_is_left, folder)
        stack.enter_context(_linked(folder / "slurm.conf"))
        stack.enter_context(_daemon(folder, "munged", "--foreground", "--force", *_munge_options(folder)))
        _wait_until((folder / "munge.socket").is_socket, "munged does not listen", folder)
        stack.enter_context(_daemon(folder, "slurmctld", "-D"))
        _wait_until(lambda: "UP" in ask("scontrol", "ping"), "slurmctld does not answer", folder)
        for node in _NODES:
            stack.enter_context(_daemon(folder, "slurmd", "-D", "-N", node))
        _wait_until(lambda: _states() == ["idle"] * len(_NODES), "the nodes are not up", folder)
        stack.callback(_cancel_all, folder)
        yield


def _states() -> list[str]:
    return ask("sinfo", "--Node", "--noheader", "--format=%T").split()


def _munge_options(folder: Path) -> list[str]:
    names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    return [f"--{option}={folder}/munge.{name}" for option, name in names.items()]


def _write_files(folder: Path) -> None:
    for name in ("state", *(f"spool.{node}" for node in _NODES)):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    host = socket.gethostname().split(".")[0]
    text = _SLURM_CONF.format(folder=folder, host=host, ports=_free_ports(1 + len(_NODES)))
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text(_GRES_CONF)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def _linked(target: Path) -> Iterator[None]:
    """Put the configuration where Slurm looks; a link that leads nowhere was left by a run that was killed."""
    if CONF.is_symlink() and not CONF.exists():
        CONF.unlink()
    CONF.symlink_to(target)
    try:
        yield
    finally:
        CONF.unlink()


@contextmanager
def _daemon(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    program = shutil.which(name, path=_search_path())
    assert program is not None
    with (folder / f"{name}.out").open("a") as out:
        process = subprocess.Popen(
            [program, *arguments],
            # By the link alone it would not see the file of the GPUs beside the configuration.
            env=os.environ | {"SLURM_CONF": str(folder / "slurm.conf")},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _cancel_all(folder: Path) -> None:
    """End the jobs that a test left behind, before the daemons that know them."""
    ask("scancel", "--user=root")
    _wait_until(lambda: not ask("squeue", "--noheader"), "jobs do not end", folder)


def _kill_what_is_left(folder: Path) -> None:
    """Kill what outlived its cancelled job and its parent, where this Slurm, without cgroups, lost sight of it."""
    mark = f"SLURM_CONF={folder}/slurm.conf".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        # A process may end meanwhile.
        with suppress(OSError):
            if mark in environment.read_bytes().split(b"\0"):
                os.kill(int(environment.parent.name), signal.SIGKILL)


def _wait_until(holds: Callable[[], bool], complaint: str, folder: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not holds():
        if time.monotonic() > deadline:
            logs = "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(folder.glob("*.out")))
            raise TimeoutError(f"{complaint} after {_START_S:.0f} s\n{logs}")
        time.sleep(_POLL_S)


def ask(program: str, *arguments: str) -> str:
    """Run one of Slurm's commands and return what it says; nothing, if no Slurm answers."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=_START_S)
    return done.stdout


def _search_path() -> str:
    # Debian keeps the daemons where only root's own shell looks.
    return f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin{os.pathsep}/sbin"
