"""A Debian of its own to install the package on: what bootstrap has unpacked into build/debian-root, under an overlay that
is thrown away, with processes, a host name and a network of nothing but loopback for itself."""
import os
import pathlib
import shutil
import subprocess

from service import until

HERE = pathlib.Path(os.environ.get("PALOMA_BUILD", pathlib.Path(__file__).parents[2])).resolve()
ROOT = HERE / "build/debian-root"
NAME = "host.example"

# What is read from standard input never comes: at its end, the first process of the namespace ends, and all others with it.
SETUP = """set -e
if [ -n "$GROUP" ]; then
	mount -t cgroup2 none /mnt
	mkdir "/mnt/$GROUP"
	echo 0 >"/mnt/$GROUP/cgroup.procs"
	umount /mnt
fi
mount -t tmpfs none "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" none "$2/root"
cd "$2/root"
mount -t proc none proc
mount -t tmpfs -o mode=755 none dev
mount -t tmpfs -o mode=755 none run
for node in null zero full random urandom tty; do
	cp -a /dev/$node dev/
done
mkdir dev/pts dev/shm dev/mqueue dev/hugepages
mount -t devpts -o newinstance,ptmxmode=0666 none dev/pts
ln -s pts/ptmx dev/ptmx
hostname "$3"
printf '127.0.0.1 localhost\n127.0.1.1 %s host\n' "$3" >etc/hosts
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
ip link set lo up
shift 3
exec chroot . "$@"
"""
FIRST = ["perl", "-e", '$SIG{CHLD} = "IGNORE"; $| = 1; print "ready\\n"; <STDIN>']
# systemd as the first process. Its tree of groups of processes is the group that is made for it.
BOOT = ["unshare", "--cgroup", "sh", "-c", """set -e
rm /usr/sbin/policy-rc.d
mount -t sysfs -o ro none /sys
mount -t cgroup2 none /sys/fs/cgroup
echo ready
export container=lxc
exec /lib/systemd/systemd --unit=multi-user.target </dev/null >/dev/null 2>&1"""]
# Groups outlive their processes, and have to be empty of groups to go.
REMOVE = """mount -t cgroup2 none /mnt && find "/mnt/$1" -depth -type d -exec rmdir {} +"""
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc", "--cgroup", "--propagation", "private"]


def why_not():
    """Why there is no such host here, or None."""
    if os.getuid() != 0:
        return "only root makes a host"
    if not (ROOT / "usr/bin/dpkg").exists():
        return "bootstrap has unpacked no Debian"
    missing = [tool for tool in ("unshare", "nsenter", "ip") if not shutil.which(tool)]
    if missing:
        return f"{missing[0]} is not there"
    if subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode != 0:
        return "no namespace of mounts is to be had"
    return None


class Host:
    def __init__(self, folder, first=FIRST):
        folder.mkdir()
        self.group = f"paloma-test-{os.getpid()}" if first is BOOT else None
        self.process = subprocess.Popen([*UNSHARE, "sh", "-c", SETUP, "sh", ROOT, folder, NAME, *first], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={**self.environment(), "GROUP": self.group or ""}, text=True, start_new_session=True)
        self.started = []
        assert self.process.stdout.readline() == "ready\n"
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        self.pid = int(children.split()[0])
        self.root = pathlib.Path(f"/proc/{self.pid}/root")

    @staticmethod
    def environment():
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                "DEBIAN_FRONTEND": "noninteractive"}

    def command(self, words, user=None):
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-n", "-u", "-i", "-r", "-w"]
        become = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--reset-env"] if user else []
        return [*enter, *become, *map(str, words)]

    def try_run(self, *words, input="", user=None, env=None):
        return subprocess.run(self.command(words, user), input=input, capture_output=True, text=True, timeout=600,
                              env={**self.environment(), **(env or {})})

    def run(self, *words, **rest):
        result = self.try_run(*words, **rest)
        assert result.returncode == 0, (words, result.stdout, result.stderr)
        return result.stdout + result.stderr

    def start(self, *words, user=None):
        self.started.append(subprocess.Popen(self.command(words, user), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL, env=self.environment()))
        return self.started[-1]

    def apt(self, *words):
        """Packages come from files, or are what bootstrap has downloaded; nothing else is within reach."""
        return self.run("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", *words)

    def put(self, path, text, mode=0o644):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def get(self, path):
        return (self.root / path.lstrip("/")).read_text()

    def has(self, path):
        return os.path.lexists(self.root / path.lstrip("/"))

    def stop(self):
        self.process.kill()
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        for process in self.started:
            process.wait(60)
        if self.group:
            until(self.remove_group, "the end of all processes")

    def remove_group(self):
        words = ["unshare", "--mount", "--cgroup", "--propagation", "private", "sh", "-c", REMOVE, "sh", self.group]
        return subprocess.run(words, capture_output=True).returncode == 0
