"""A file system of one's own for a program: paloma is its /usr/sbin/sendmail, and nothing of this host's mail is in it.

A root of tmpfs in a mount namespace, with the programs of this host in it, what is wanted in /etc, and /var, /run and /home
that are empty. It is gone when the program has ended."""
import os
import pathlib
import shlex
import shutil
import subprocess

import pytest
from conftest import PALOMA, clean_environment

TOP = pathlib.Path(__file__).resolve().parents[2]
TREE = pathlib.Path(os.environ.get("PALOMA_BUILD", TOP)).resolve()
BUILD = next((folder / "build" for folder in (TREE, *TREE.parents) if (folder / "build/deb").exists()), TREE / "build")  # as real_mtas has it
IS_ROOT = os.geteuid() == 0
USER = 12345
ETC = ("alternatives", "ld.so.cache", "mailutils.conf", "perl", "php", "Muttrc", "Muttrc.d", "s-nail.rc", "mime.types", "localtime")

MAKE = r"""
set -e
new=$1
mount -t tmpfs -o mode=755 box "$new"
cd "$new"
mkdir usr etc dev proc var var/spool var/tmp var/mail run home tmp run/paloma "${TOP#/}" -p
chmod 1777 tmp var/tmp
mount --rbind /usr usr
for name in bin sbin lib lib32 lib64 libx32; do
	[ ! -L /$name ] || cp -P /$name $name
	[ -L /$name ] || [ ! -d /$name ] || { mkdir $name; mount --rbind /$name $name; }
done
mount -t tmpfs -o mode=755 sbin usr/sbin
mkdir usr/sbin/host
mount --bind /usr/sbin usr/sbin/host
(cd usr/sbin && ln -s host/* .)
rm -f usr/sbin/sendmail usr/sbin/mailq usr/sbin/newaliases usr/sbin/runq
ln -s "$PALOMA" usr/sbin/sendmail
(cd usr/sbin && cp -P sendmail mailq && cp -P sendmail newaliases && cp -P sendmail runq)
(cd /etc && cp -a $ETC "$new/etc/" 2>/dev/null) || true
printf 'hosts: files\npasswd: files\ngroup: files\n' >etc/nsswitch.conf
printf '127.0.0.1 localhost\n127.0.1.1 box.example box\n' >etc/hosts
printf 'root:x:0:0:root:/root:/bin/sh\nann:x:12345:12345:Ann Example:/home/ann:/bin/sh\n' >etc/passwd
printf 'root:x:0:\nann:x:12345:\n' >etc/group
mkdir -p root home/ann etc/paloma etc/ssl
[ ! -d /etc/ssl ] || mount --bind /etc/ssl etc/ssl
[ -z "$CONF" ] || printf '%s' "$CONF" >etc/paloma/paloma.conf
chown 12345:12345 home/ann 2>/dev/null || true
mount --bind "$TOP" "${TOP#/}"
[ "$BUILD" = "$TOP/build" ] || { mkdir -p "${BUILD#/}"; mount --bind "$BUILD" "${BUILD#/}"; }
mkdir -p "${FOLDER#/}" "${BINARY#/}"
mount --bind "$FOLDER" "${FOLDER#/}"
[ -e "${PALOMA#/}" ] || mount --bind "$BINARY" "${BINARY#/}"
for name in null zero full urandom random tty; do : >dev/$name; mount --bind /dev/$name dev/$name; done
ln -s /proc/self/fd dev/fd
mount --rbind /proc proc
"""


class Box:
    def __init__(self, folder, home):
        self.folder, self.root = folder, folder / "root"
        self.root.mkdir()
        self.environment = {name: value for name, value in clean_environment(home).items() if name not in ("PALOMA_QUEUE", "PALOMA_MAILBOX", "XDG_CONFIG_HOME")}
        self.environment.update(HOME="/root", PATH="/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR="/tmp")

    def run(self, *words, input=b"", env=None, uid=None, before="", conf="", read_only=False, under=(), timeout=100, after="true"):
        """The program in a new box. conf: its /etc/paloma/paloma.conf; before and after: shell commands of the box's root, in it."""
        become = f"setpriv --reuid={uid} --regid={uid} --clear-groups" if uid is not None else ""
        environment = {**self.environment, **({"HOME": "/home/ann"} if uid is not None else {}), **(env or {})}
        settings = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in environment.items() if value is not None)
        script = MAKE + f"""
{before}
{"mount -o remount,ro,bind . 2>/dev/null || mount -o remount,ro ." if read_only else ""}
status=0
cd /
chroot "$new" {' '.join(map(shlex.quote, under))} {become} /usr/bin/env -i {settings} {' '.join(shlex.quote(str(word)) for word in words)} || status=$?
cd "$new"
{after} </dev/null
exit $status
"""
        own = {"TOP": str(TOP), "PALOMA": str(pathlib.Path(PALOMA).resolve()), "BINARY": str(pathlib.Path(PALOMA).resolve().parent), "BUILD": str(BUILD),
               "FOLDER": str(self.folder), "ETC": " ".join(ETC), "CONF": conf, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        BUILD.mkdir(exist_ok=True)
        return subprocess.run(["unshare", "--mount", *([] if IS_ROOT else ["--map-root-user"]), "bash", "-c", script, "box", str(self.root)], input=input,
                              capture_output=True, env=own, timeout=timeout)


def is_possible():
    words = ["unshare", "--mount", *([] if IS_ROOT else ["--map-root-user"]), "sh", "-c", "mount -t tmpfs x /mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(words, capture_output=True).returncode == 0


needs_boxes = pytest.mark.skipif(not is_possible(), reason="there are no mount namespaces to be had")
needs_users = pytest.mark.skipif(not IS_ROOT, reason="only root can be several users")
