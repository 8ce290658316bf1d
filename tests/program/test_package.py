"""The package for Debian: built of this tree, looked at by lintian, and installed on a Debian that had no mail."""
import email
import email.policy
import os
import pathlib
import re
import select
import shutil
import subprocess

import pytest

import debian_host
from conftest import PALOMA
from debian_host import HERE, Host
from queues import is_sanitized
from service import until

PORT = 2525
SETTINGS = f"[paloma]\nrelay = smtp://127.0.0.1:{PORT}\n[route {debian_host.NAME}]\nvia = smtp://127.0.0.1:{PORT}\n"
MAINTAINER = "Ann Example <ann@example.net>"
needs_host = pytest.mark.skipif(bool(debian_host.why_not()), reason=str(debian_host.why_not()))


@pytest.fixture(scope="module")
def package():
    """The .deb. The sanitized tree is the same tree, and no compiler for packages."""
    if is_sanitized() or not (HERE / "Makefile").exists():
        pytest.skip("packages are made of the plain build")
    if not shutil.which("dh_apparmor") or not shutil.which("dpkg-buildpackage"):
        pytest.skip("debhelper or dh-apparmor is not installed")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent",
                   "DEBFULLNAME": MAINTAINER.split(" <")[0], "DEBEMAIL": MAINTAINER.split("<")[1].rstrip(">"), "DEB_BUILD_OPTIONS": f"parallel={os.cpu_count()} noautodbgsym"}
    result = subprocess.run(["make", "-s", "-C", HERE, "deb"], capture_output=True, text=True, env=environment, timeout=1800)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    [deb] = (HERE / "build/debian").glob("paloma_*.deb")
    return deb


def fields_of(package):
    return dict(re.findall(r"(?m)^([\w-]+): (.*)$", subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout))


def package_of(library):
    """The package of this system that has what a program which is linked with the library needs."""
    link = subprocess.run(["cc", f"-print-file-name=lib{library}.so"], capture_output=True, text=True, check=True).stdout.strip()
    owners = subprocess.run(["dpkg-query", "-S", f"*/{pathlib.Path(link).resolve().name}"], capture_output=True, text=True, check=True).stdout
    [name] = {line.split(":")[0] for line in owners.splitlines()}
    return name


def test_what_is_loaded_is_depended_on(package):
    fields = fields_of(package)
    for field, libraries in ("Depends", ("ssl", "cares", "gsasl", "iniparser")), ("Recommends", ("idn2", "magic", "seccomp", "unistring", "curl")):
        assert {package_of(library) for library in libraries} <= set(fields[field].split(", ")), fields
    assert "ca-certificates" in fields["Recommends"].split(", ")
    assert fields["Maintainer"] == MAINTAINER, "who builds it, as DEBFULLNAME and DEBEMAIL say"
    assert fields["Provides"] == fields["Conflicts"] == fields["Replaces"] == "mail-transport-agent"


def test_lintian_finds_no_error(package):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    # There is no bug to close before there is an upload.
    words = ["lintian", "--allow-root", "--fail-on", "error", "--suppress-tags", "initial-upload-closes-no-bugs", package, *package.parent.glob("*.dsc")]
    result = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=600, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
    assert result.returncode == 0 and "E: " not in result.stdout, result.stdout + result.stderr


class Relay:
    """paloma serve --catch beside a host, on its loopback; what it catches lies outside."""

    def __init__(self, host, folder):
        self.folder = folder
        words = ["nsenter", "-t", host.pid, "-n", PALOMA, "serve", "--listen", f"127.0.0.1:{PORT}", "--catch", folder, "--host-name", "relay.example"]
        # unbuffered: what has been read of a second line would not be waited for
        self.process = subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, bufsize=0)
        assert self.process.stdout.readline().startswith(b"listening on ")

    def mail(self):
        assert select.select([self.process.stdout], [], [], 60)[0], "no mail came"
        line = self.process.stdout.readline().decode()
        assert line.startswith("caught "), line
        path = self.folder / line.rsplit("file=", 1)[1].strip()
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        message.recipients = line
        return message

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture
def new_host(tmp_path, package):
    """A host without the package, which lies in its /root."""
    host = Host(tmp_path / "host")
    shutil.copy(package, host.root / "root/paloma.deb")
    yield host
    host.stop()


@pytest.fixture(scope="module")
def host(tmp_path_factory, package):
    """One with the package, and programs that ask for an MTA, in one go."""
    folder = tmp_path_factory.mktemp("package")
    host = Host(folder / "host")
    shutil.copy(package, host.root / "root/paloma.deb")
    host.apt("install", "/root/paloma.deb", "bsd-mailx", "logwatch")
    host.put("/etc/paloma/paloma.conf", SETTINGS)
    host.run("adduser", "--quiet", "--disabled-password", "--gecos", "Ann Example", "ann")
    host.relay = Relay(host, folder / "caught")
    yield host
    host.relay.stop()
    host.stop()


def next_version(host):
    """The same package, called a later one."""
    host.run("sh", "-ec", "dpkg-deb -R /root/paloma.deb /root/next; sed -i '/^Version:/s/$/.1/' /root/next/DEBIAN/control;"
                          "dpkg-deb -b /root/next /root/next.deb")
    return "/root/next.deb"


def runner_of(host):
    """Whether a process of the host holds the lock of the queue. Others may have a lock of the same number on other file systems."""
    inode = (host.root / "var/spool/paloma/runner.lock").stat().st_ino
    return any(line.split()[1] == "FLOCK" and line.split()[5].endswith(f":{inode}") for line in host.get("/proc/locks").splitlines())


@needs_host
def test_a_life_of_a_package(new_host, tmp_path):
    host = new_host
    host.apt("install", "/root/paloma.deb")
    assert host.run("stat", "-c", "%a %U %G", "/var/spool/paloma") == "700 paloma paloma\n"
    for name in "/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/mailq", "/usr/bin/newaliases":
        assert host.run("realpath", name) == "/usr/bin/paloma\n"
    assert host.run("realpath", "-e", "/usr/share/man/man5/aliases.5.gz") == "/usr/share/man/man5/paloma-aliases.5.gz\n"
    for path in "bash-completion/completions/paloma", "zsh/vendor-completions/_paloma", "fish/vendor_completions.d/paloma.fish":
        assert host.get(f"/usr/share/{path}").count("attach-inline")
    assert host.get("/etc/aliases").endswith("\npostmaster: root\n")
    assert host.has("/etc/systemd/system/sockets.target.wants/paloma.socket")
    assert not host.try_run("find", "/usr/bin/paloma", "-perm", "/6000").stdout

    # the relay does not answer yet: what is accepted waits
    host.put("/etc/paloma/paloma.conf", SETTINGS)
    host.run("sendmail", "user@elsewhere.example", input="hi\n")
    until(lambda: "Connection refused" in host.run("mailq"), "the first attempt")
    until(lambda: runner_of(host), "the runner")  # the kernel tells of the locks in pieces, and one may be missed

    host.apt("install", next_version(host))
    assert host.get("/etc/paloma/paloma.conf") == SETTINGS and "user@elsewhere.example" in host.run("mailq")

    # a removal leaves settings and mail, and no process; another installation goes on where it ended
    host.apt("remove", "paloma")
    assert not runner_of(host)
    assert not host.has("/usr/sbin/sendmail") and host.get("/etc/paloma/paloma.conf") == SETTINGS
    assert len(list((host.root / "var/spool/paloma/queue").iterdir())) == 1
    host.apt("install", "/root/paloma.deb")
    relay = Relay(host, tmp_path / "caught")
    host.run("sendmail", "-q")
    mail = relay.mail()
    assert mail.get_content() == "hi\n" and mail["From"].addresses[0].addr_spec == f"root@{debian_host.NAME}"
    relay.stop()
    until(lambda: not list((host.root / "var/spool/paloma/queue").iterdir()), "the end of the mail")

    # a purge throws no mail away
    host.run("sendmail", "-odq", "user@elsewhere.example", input="still here\n")
    host.run("mv", "/etc/paloma", "/etc/elsewhere")
    host.run("ln", "-s", "elsewhere", "/etc/paloma")
    told = host.apt("purge", "paloma")
    assert "still has 1 " in told and not host.has("/etc/paloma/paloma.conf")
    host.run("rm", "-rf", "/etc/paloma", "/etc/elsewhere")
    [kept] = (host.root / "var/spool/paloma/queue").iterdir()
    kept.unlink()
    host.apt("install", "/root/paloma.deb")
    host.put("/etc/paloma/msmtprc", "account default\nhost smtp.example.org\ntls on\nauth on\nuser ann\npassword secret\n", 0o600)
    host.run("paloma", "import", "--force", "-o", "/etc/paloma/paloma.conf", "msmtprc", "/etc/paloma/msmtprc")
    host.run("rm", "/etc/paloma/msmtprc")
    assert "secret" in host.get("/etc/paloma/password")
    host.apt("purge", "paloma")
    assert not host.has("/var/spool/paloma") and not host.has("/var/lib/paloma") and not host.has("/etc/paloma")
    assert not host.has("/etc/systemd/system/sockets.target.wants/paloma.socket")


@needs_host
def test_without_a_configuration_root_has_his_mail(new_host):
    host = new_host
    host.apt("install", "/root/paloma.deb", "bsd-mailx")
    host.run("sendmail", "root", "postmaster", input="Subject: to root\n\nhi\n")
    until(lambda: host.has("/var/mail/root") and host.get("/var/mail/root").endswith("\nhi\n\n"), "the mail")
    assert host.run("stat", "-c", "%U %G", "/var/mail/root") == "root mail\n"
    assert "to root" in host.run("mail", "-N", "-u", "root", input="p 1\nx\n")
    host.run("newaliases")


@needs_host
def test_another_mta_makes_room_and_comes_back(new_host):
    host = new_host
    host.apt("install", "msmtp-mta")
    assert host.run("realpath", "/usr/sbin/sendmail") == "/usr/bin/msmtp\n"
    host.apt("install", "/root/paloma.deb")
    assert host.run("realpath", "/usr/sbin/sendmail") == "/usr/bin/paloma\n"
    host.run("sendmail", "-odq", "user@elsewhere.example", input="kept\n")
    host.apt("install", "msmtp-mta")
    assert host.run("realpath", "/usr/sbin/sendmail") == "/usr/bin/msmtp\n"
    assert len(list((host.root / "var/spool/paloma/queue").iterdir())) == 1


@needs_host
def test_a_user_sends_through_the_service(host):
    host.run("install", "-d", "-o", "paloma", "-g", "paloma", "/run/paloma")
    service = host.start("paloma", "serve")
    until(lambda: host.has("/run/paloma/submit.sock"), "the service")
    host.run("/usr/sbin/sendmail", "-oi", "user@elsewhere.example", input="Subject: from ann\n\nhi\n", user="ann")
    mail = host.relay.mail()
    assert mail["Subject"] == "from ann" and mail["From"].addresses[0].username == "ann"
    # the service knows who it was
    uid = host.run("id", "-u", "ann").strip()
    assert any(re.search(rf"\b{uid}\b", field) for field in mail.get_all("Received")), mail.get_all("Received")
    service.terminate()
    service.wait(60)


@needs_host
@pytest.mark.skipif("cgroup2" not in pathlib.Path("/proc/filesystems").read_text(), reason="there are no cgroups for systemd")
def test_systemd_runs_the_service_in_its_sandbox(tmp_path, package):
    host = Host(tmp_path / "host", debian_host.BOOT)
    try:
        until(lambda: host.try_run("systemctl", "is-system-running").stdout in ("running\n", "degraded\n"), "the boot")
        shutil.copy(package, host.root / "root/paloma.deb")
        host.apt("install", "/root/paloma.deb")
        assert host.try_run("systemctl", "is-active", "paloma.socket", "paloma.service").stdout == "active\nactive\n"
        host.run("adduser", "--quiet", "--disabled-password", "--gecos", "Ann Example", "ann")

        def send(count):
            host.run("/usr/sbin/sendmail", "ann", "root", input=f"Subject: number {count}\n\nhi\n", user="ann")
            for box in "ann", "root":
                until(lambda: host.has(f"/var/mail/{box}") and host.get(f"/var/mail/{box}").count("Subject: number") == count, f"mail {count} of {box}")

        send(1)
        # the socket alone starts it
        host.run("systemctl", "stop", "paloma.service")
        send(2)
        # an upgrade starts another, and the socket stays
        show = ["systemctl", "show", "-P", "ActiveEnterTimestampMonotonic"]
        before = host.run(*show, "paloma.socket"), host.run(*show, "paloma.service")
        host.apt("install", next_version(host))
        after = host.run(*show, "paloma.socket"), host.run(*show, "paloma.service")
        assert before[0] == after[0] and before[1] != after[1]
        send(3)
        assert host.run("systemctl", "show", "-P", "NRestarts", "paloma.service") == "0\n"
        host.apt("remove", "paloma")
        assert host.try_run("systemctl", "is-active", "paloma.socket", "paloma.service").stdout == "inactive\ninactive\n"
    finally:
        host.stop()


CALLERS = {
    "mailx": ("echo text | mail -s 'by mailx' admin@elsewhere.example", "by mailx", "text"),
    "mdadm": ("echo 'MAILADDR admin@elsewhere.example' >/etc/mdadm/mdadm.conf; mdadm --monitor --test --oneshot /dev/md0", "TestMessage event on /dev/md0", "automatically generated mail"),
    "smartd": ("SMARTD_ADDRESS=admin@elsewhere.example SMARTD_MESSAGE='Device: /dev/sda, self-test failed' SMARTD_FAILTYPE=EmailTest SMARTD_SUBJECT='SMART error (EmailTest)' "
               "SMARTD_DEVICE=/dev/sda SMARTD_DEVICESTRING=/dev/sda SMARTD_DEVICETYPE=sat SMARTD_TFIRST=now SMARTD_TFIRSTEPOCH=1 SMARTD_PREVCNT=0 SMARTD_NEXTDAYS= "
               "/usr/share/smartmontools/smartd_warning.sh", "SMART error", "self-test failed"),
    "logwatch": ("mkdir -p /var/cache/logwatch; logwatch --output mail --mailto admin@elsewhere.example --range all --service dpkg", "Logwatch for", "Logwatch End"),
    "at": ("/usr/sbin/atd -f & echo 'echo done by at' | at -m now 2>&1; wait $!", "Output from your job", "done by at"),
    "cron": ("printf 'MAILTO=admin@elsewhere.example\\n@reboot root echo done by cron\\n' >/tmp/test; rm -f /run/crond.reboot /etc/crontab /etc/cron.d/*; mv /tmp/test /etc/cron.d/; cron -f", "Cron <root@", "done by cron"),
    "unattended-upgrades": ("printf 'Unattended-Upgrade::Mail \"admin@elsewhere.example\";\\nUnattended-Upgrade::MailReport \"always\";\\n' >/etc/apt/apt.conf.d/99mail;"
                            "unattended-upgrade -v", "unattended-upgrades result", "No packages found that can be upgraded"),
}


@needs_host
@pytest.mark.parametrize("caller", CALLERS)
def test_caller(host, caller):
    command, subject, text = CALLERS[caller]
    process = host.start("sh", "-c", command)
    mail = host.relay.mail()
    assert subject in mail["Subject"] and text in mail.get_body().get_content(), mail
    process.terminate()
    process.wait(60)
