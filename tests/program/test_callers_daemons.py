"""Programs that send mail of their own accord, with nobody at a terminal: cronie, anacron, systemd-cron, and reportbug for a user."""
import email
import email.policy
import os
import re
import subprocess

import pytest
from box import BUILD, IS_ROOT, USER, needs_boxes, needs_users
from callers import TEXT, box, call, content, needs, parse, port  # noqa: F401 (fixtures)

ANACRON = BUILD / "anacron/usr/sbin/anacron"
SYSTEMD_CRON = BUILD / "systemd-cron/lib/systemd-cron/mail_on_failure"
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root runs a cron")


# ---- cronie, which Debian does not have: what its source does ----

# cronie's child has the user's rights, words and nothing else of his; what it says goes where crond's own words go.
CRONIE = r"""import os, sys
read, write = os.pipe()
if os.fork() == 0:
    os.dup2(read, 0)
    for fd in %s:
        os.close(fd)
    os.closerange(3, 64)
    os.chdir('/')
    os.execve('/usr/sbin/sendmail', '/usr/sbin/sendmail -FCronDaemon -i -odi -oem -oi -t -f %s'.split(), %s)
os.close(read)
mail = open(write, 'wb')
mail.write(b'From: "(Cron Daemon)" <%s>\nTo: %s\nSubject: Cron <ann@box> run-parts /etc/cron.daily; echo "<x>"\nMIME-Version: 1.0\n'
           b'Content-Type: text/plain; charset=UTF-8\nAuto-Submitted: auto-generated\nPrecedence: bulk\nX-Cron-Env: <LANG=C.UTF-8>\n'
           b'X-Cron-Env: <MAILTO=%s>\nX-Cron-Env: <EMPTY=>\nX-Cron-Env: <NAME=a <b@example.org>, "c>\n\n' + 'Grüße\n.\nFrom here on\n'.encode())
mail.close()
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))"""


JOB = {"LANG": "C.UTF-8", "PATH": "/usr/bin", "SHELL": "/bin/sh", "HOME": "/root", "LOGNAME": "root", "USER": "root"}


@needs_boxes
@pytest.mark.parametrize("closed", [(), (1, 2)], ids=["open", "closed"])
@pytest.mark.parametrize("environment", [{}, JOB], ids=["bare", "of the job"])
@pytest.mark.parametrize("sender,told", [("root", "root@box.example"), ("ann@example.org", "ann@example.org")])
@pytest.mark.parametrize("to", ["admin@example.net", "admin@example.net,eve@example.net"], ids=["one", "two"])
def test_cronie(call, closed, environment, sender, told, to):
    result, mail = call("/usr/bin/python3", "-c", CRONIE % (closed, sender, environment, sender, to, to), input=b"",
                        before="echo 'host_name = box.example' >>etc/paloma/paloma.conf")
    assert (result.stdout, result.stderr) == (b"", b"") and mail.sender == told and mail.recipients == to.split(",")
    message = parse(mail.data)
    assert content(message) == TEXT and not message.defects and message["From"].addresses[0].addr_spec == told
    assert message["From"].addresses[0].display_name == "(Cron Daemon)" and message["Auto-Submitted"] == "auto-generated"
    assert message.get_all("X-Cron-Env")[0] == "<LANG=C.UTF-8>" and message.get_all("X-Cron-Env")[2:] == ["<EMPTY=>", '<NAME=a <b@example.org>, "c>']
    assert message["Subject"] == 'Cron <ann@box> run-parts /etc/cron.daily; echo "<x>"' and message["Content-Transfer-Encoding"] in ("8bit", "quoted-printable", "base64")


# ---- anacron ----

@needs_boxes
@needs_root
@needs(ANACRON)
@pytest.mark.parametrize("mailto,recipients", [("admin@example.net", ["admin@example.net"]), (None, ["root@box.example"])])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_anacron(call, mailto, recipients, locale):
    """It names the character set of its locale, of which C has none for what a job may say; and as it does not say -i, a dot would end the mail."""
    table = ("" if mailto is None else f"MAILTO={mailto}\n") + "1 0 daily cat /root/said\n"
    result, mail = call(ANACRON, "-d", "-f", "-n", "-t", "/etc/anacrontab", "-S", "/var/spool/anacron", env={"LC_ALL": locale},
                        before=f"mkdir -p var/spool/anacron; printf 'Grüße\\nFrom here on\\n' >root/said; cat >etc/anacrontab <<'END'\n{table}END\necho 'local = no' >>etc/paloma/paloma.conf")
    message = parse(mail.data)
    assert mail.recipients == recipients and "anacron" in message["Subject"].lower()
    assert message["From"].addresses[0].addr_spec == "root@box.example" and "Anacron" in message["From"].addresses[0].display_name
    assert content(message) == "Grüße\nFrom here on\n" and message.get_content_charset() == "utf-8" and not message.defects


# ---- systemd-cron ----

@needs_boxes
@needs(SYSTEMD_CRON)
@pytest.mark.parametrize("mailto", ["admin@example.net", "root"])
def test_systemd_cron(call, mailto):
    """Its sender is "root (systemd-cron)", whose name is a comment."""
    systemctl = f"""#!/bin/sh
case "$*" in
*property=User*) echo User=root ;;
*property=Environment*) echo 'Environment=MAILTO={mailto} PATH=/usr/bin' ;;
status*) printf '● cron-x.service\\n  Active: failed\\n.\\nGrüße\\n'; exit 3 ;;
esac
"""
    result, mail = call("/usr/bin/python3", SYSTEMD_CRON, "cron-x.service", before=f"rm -f usr/sbin/systemctl; cat >usr/sbin/systemctl <<'END'\n{systemctl}END\n"
                        "chmod 755 usr/sbin/systemctl; echo 'local = no' >>etc/paloma/paloma.conf")
    message = parse(mail.data)
    assert mail.recipients == ["root@box.example" if mailto == "root" else mailto] and message["To"].addresses[0].addr_spec == mail.recipients[0]
    assert message["From"].addresses[0].addr_spec == "root@box.example" and "systemd-cron" in str(message["From"])
    assert re.fullmatch(r"\[.*\] job cron-x.service failed", message["Subject"]) and content(message).endswith("Active: failed\n.\nGrüße\n")


# ---- reportbug ----

# It takes no address that is only an example.
REPORT = ("reportbug", "--no-config-files", "--ui", "text", "--offline", "--no-query-bts", "--no-check-installed", "--no-bug-script", "--no-tags-menu", "--no-cc-menu", "--no-cc",
          "--no-paranoid", "--no-verify", "--email", "ann@box.internal", "--realname", "Ann Müller", "--subject", "Grüße", "--body", TEXT, "--severity", "normal",
          "--tag", "none", "--package-version", "1.0")
BUGS, SAID = "submit@bugs.debian.org", "Package: coreutils\nVersion: 1.0\nSeverity: normal\n\nGrüße . From here on\n"


@needs_boxes
@needs_users
@needs("reportbug")
@pytest.mark.parametrize("words,sender", [((), "ann@box.internal"), (("--envelope-from", "bounce@example.org"), "bounce@example.org"),
                                                     (("--attach", "/usr/bin/true"), "ann@box.internal")],
                         ids=["plain", "a bounce address", "a file"])
def test_reportbug(call, words, sender):
    """Mail for elsewhere goes to the sink, as all does."""
    result, mail = call(*REPORT, "--mta", "/usr/sbin/sendmail", *words, "coreutils", input=b"", uid=USER)
    message = parse(mail.data)
    assert mail.recipients == [BUGS] and mail.sender == sender and message["From"].addresses[0].display_name == "Ann Müller"
    assert SAID in content(message.get_body())
    parts = [part.get_content() for part in message.iter_attachments()]
    assert parts == ([open("/usr/bin/true", "rb").read()] if "--attach" in words else [])


@needs_boxes
@needs_users
@needs("reportbug")
def test_reportbug_keeps_what_is_not_taken(box):
    """It looks at the exit status, and says where the report is."""
    result = box.run(*REPORT, "--mta", "/usr/sbin/sendmail -X/tmp/x", "coreutils", uid=USER, conf="[paloma]\nrelay = smtp://127.0.0.1:1\n",
                     before="mkdir -p 'usr/sbin/sendmail -X/tmp'; : >'usr/sbin/sendmail -X/tmp/x'", after="cat tmp/reportbug-coreutils-*")
    message = email.message_from_bytes(result.stdout, policy=email.policy.default)
    assert message["To"].addresses[0].addr_spec == BUGS and SAID in content(message), result


@needs("reportbug")
def test_reportbug_over_the_port(port, tmp_path):
    number, server = port
    result = subprocess.run([*REPORT, "--smtphost", f"127.0.0.1:{number}", "coreutils"], input=b"", capture_output=True, timeout=100, preexec_fn=lambda: os.setuid(65534) if IS_ROOT else None,
                            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"})
    assert result.returncode == 0, result
    mail, = server.wait_mails(1)
    assert mail.recipients == [BUGS] and mail.sender == "ann@box.internal" and SAID in content(parse(mail.data))
