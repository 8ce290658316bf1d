"""Postfix, Exim and OpenSMTPD as they are packaged, run from where bootstrap has unpacked them: on a port of loopback,
with a configuration, queue and certificate of their own, in a mount and process namespace that knows their users."""
import contextlib
import email
import email.policy
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from ports import free_port

HERE = pathlib.Path(os.environ.get("PALOMA_BUILD", pathlib.Path(__file__).parents[2])).resolve()
# What bootstrap has unpacked serves the sanitized build below it, too.
BUILD = next((folder / "build" for folder in (HERE, *HERE.parents) if (folder / "build/deb").exists()), HERE / "build")
SIZE_LIMIT = 200000
USER, PASSWORD = "ann", "corr3ct horse"

# The namespace ends with its first process, and with it everything that a server has started.
ENTER = """set -e
for file in passwd group; do mount --bind "$1/$file" "/etc/$file"; done
for folder in /run /var/lib /var/spool; do mount -t tmpfs -o mode=755 none "$folder"; done
folder=$1
shift
[ ! -e "$folder/prepare" ] || . "$folder/prepare"
"$@"
exit $?
"""
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]


class Mta:
    """What the three have in common. Mail to ann@inbox.example is kept, that to others there bounces; example.org is catcher's."""
    package, binary, users = None, None, ()
    has_login = True
    envelope_id = "QQ+31"  # as its reports repeat it
    report_type = "multipart/report"
    heeds_return = True
    mechanisms = ("PLAIN", "LOGIN")
    mails_per_connection = 3  # of those that have such a limit

    def __init__(self, certificates, catcher):
        self.root = BUILD / self.package
        # Not pytest's own folder, which is closed to the users that the servers become.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="paloma-mta-"))
        self.folder.chmod(0o755)
        self.certificates, self.catcher, self.process = certificates, catcher, None
        self.port = free_port()
        self.url = f"submission://{USER}@127.0.0.1:{self.port}" if self.has_login else f"smtp://127.0.0.1:{self.port}"

    @classmethod
    def why_not(cls):
        """Why this one cannot be run here, or None."""
        if os.getuid() != 0:
            return "only root starts a server"
        if not (BUILD / cls.package / cls.binary).exists():
            return f"{cls.package} is not unpacked"
        if not shutil.which("unshare") or subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/run"], capture_output=True).returncode != 0:
            return "no namespace of mounts is to be had"
        listing = subprocess.run(["ldd", BUILD / cls.package / cls.binary], capture_output=True, env=cls.environment())
        return f"{cls.package} lacks a library" if b"not found" in listing.stdout else None

    @classmethod
    def environment(cls):
        root = BUILD / cls.package
        libraries = [root / "usr/lib/postfix", *(root / "usr/lib").glob("*-linux-*")]
        return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", "LD_LIBRARY_PATH": ":".join(map(str, libraries))}

    def write(self, name, text, owner=None, mode=0o644):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        if owner:
            os.chown(path, self.id_of(owner), self.id_of(owner))
        return path

    def make_folder(self, name, owner=None, mode=0o755):
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if owner:
            os.chown(path, self.id_of(owner), self.id_of(owner))
        return path

    def id_of(self, user):
        return 64100 + self.users.index(user)

    def start(self):
        for name, line in ("passwd", "{0}:x:{1}:{1}::{2}/home/{0}:/bin/sh\n"), ("group", "{0}:x:{1}:\n"):
            known = [row for row in open(f"/etc/{name}") if row.split(":")[0] not in self.users]
            self.write(name, "".join([*known, *(line.format(user, self.id_of(user), self.folder) for user in self.users)]))
        self.write("key.pem", (self.certificates / "good.key").read_text(), mode=0o600)
        self.write("certificate.pem", (self.certificates / "good.crt").read_text())
        command = self.configure()
        self.output = (self.folder / "output").open("wb")
        self.process = subprocess.Popen([*UNSHARE, "sh", "-c", ENTER, "sh", str(self.folder), *map(str, command)], env=self.environment(),
                                        stdin=subprocess.PIPE, stdout=self.output, stderr=self.output, start_new_session=True)
        self.until("the server to listen", self.is_listening)
        # who logs by way of another process may tell of this connection later still
        self.until("the log of a connection", lambda: self.connection_line in self.told())

    def is_listening(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                return connection.recv(1) == b"2"
        except OSError:
            return False

    def until(self, what, look):
        """What look() gives as soon as that is anything; a server that has ended, or a minute of nothing, fails."""
        end = time.monotonic() + 60
        while not (found := look()):
            try:
                self.process.wait(0.02)
                raise AssertionError(f"the server has ended: {self.told()}")
            except subprocess.TimeoutExpired:
                assert time.monotonic() < end, f"waited in vain for {what}: {self.told()}"
        return found

    def told(self):
        """What the server has logged."""
        logs = [self.folder / "output", *self.folder.glob("log/*")]
        return "\n".join(path.read_text(errors="replace") for path in logs if path.exists())

    def mails(self, count=1):
        """The mails in ann's Maildir, when there are so many."""
        new = self.folder / "mail" / USER / "new"
        files = self.until(f"{count} mails", lambda: (found := sorted(new.glob("*"))) and len(found) >= count and found)
        assert len(files) == count
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]

    def kill(self):
        self.process.kill()
        self.process.wait(30)
        self.process.stdin.close()
        self.output.close()

    @contextlib.contextmanager
    def down(self):
        """It is not there for a while, nor is anybody else where it was; what it has on its disk stays."""
        self.kill()
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end = time.monotonic() + 60
            while not self.can_hold(held):  # the last of its processes may be dying still
                assert time.monotonic() < end
                time.sleep(0.02)
            yield
        self.start()

    def can_hold(self, held):
        try:
            held.bind(("127.0.0.1", self.port))
        except OSError:
            return False
        return True

    def stop(self):
        if self.process:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postfix(Mta):
    package, binary, users = "postfix", "usr/lib/postfix/sbin/smtpd", ("postfix", "postdrop")
    extensions = {"SIZE", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "PIPELINING", "ENHANCEDSTATUSCODES"}
    connection_line, chunking_line = ": connect from ", " bdat=1 "
    mechanisms = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
    mails_per_connection = None
    services = [("cleanup", "unix n - n - 0 cleanup"), ("qmgr", "unix n - n 300 1 qmgr"), ("tlsmgr", "unix - - n 1000? 1 tlsmgr"),
                ("rewrite", "unix - - n - - trivial-rewrite"), ("bounce", "unix - - n - 0 bounce"), ("defer", "unix - - n - 0 bounce"),
                ("trace", "unix - - n - 0 bounce"), ("verify", "unix - - n - 1 verify"), ("flush", "unix n - n 1000? 0 flush"),
                ("proxymap", "unix - - n - - proxymap"), ("smtp", "unix - - n - - smtp"), ("error", "unix - - n - - error"),
                ("retry", "unix - - n - - error"), ("virtual", "unix - n n - - virtual"), ("anvil", "unix - - n - 1 anvil"),
                ("scache", "unix - - n - 1 scache"), ("postlog", "unix-dgram n - n - 1 postlogd")]

    @classmethod
    def why_not(cls):
        if not (BUILD / "sasl2-bin/usr/sbin/saslpasswd2").exists():
            return "sasl2-bin is not unpacked"
        if not list(pathlib.Path("/usr/lib").glob("*/sasl2/libsasldb.so*")) or not list(pathlib.Path("/usr/lib").glob("*/sasl2/libplain.so*")):
            return "libsasl2-modules or libsasl2-modules-db is not installed"
        return super().why_not()

    def configure(self):
        self.make_folder("queue")
        for name in "active bounce corrupt defer deferred flush hold incoming private saved trace maildrop public".split():
            self.make_folder(f"queue/{name}", "postfix", 0o700)
        self.make_folder("queue/pid")
        for name in "data", "mail", "log":
            self.make_folder(name, "postfix")
        self.make_users()
        self.write("conf/master.cf", "".join(f"{name} {rest}\n" for name, rest in [(f"127.0.0.1:{self.port}", "inet n - n - - smtpd"), *self.services]))
        self.write("conf/main.cf", f"""compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {self.folder}/data
command_directory = {self.root}/usr/sbin
daemon_directory = {self.root}/usr/lib/postfix/sbin
shlib_directory = {self.root}/usr/lib/postfix
meta_directory = {self.root}/etc/postfix
import_environment = MAIL_CONFIG TZ LC_ALL LD_LIBRARY_PATH POSTLOG_SERVICE POSTLOG_HOSTNAME
maillog_file = {self.folder}/log/mail
maillog_file_prefixes = {self.folder}
myhostname = mta.example
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
message_size_limit = {SIZE_LIMIT}
smtputf8_enable = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = {self.folder}/certificate.pem
smtpd_tls_key_file = {self.folder}/key.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = mta.example
cyrus_sasl_config_path = {self.folder}/conf/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_reject_unlisted_recipient = no
virtual_mailbox_domains = inbox.example
virtual_mailbox_base = {self.folder}/mail
virtual_mailbox_maps = inline:{{ {USER}@inbox.example={USER}/ }}
virtual_uid_maps = static:{self.id_of("postfix")}
virtual_gid_maps = static:{self.id_of("postfix")}
virtual_minimum_uid = 1
transport_maps = inline:{{ example.org=smtp:[127.0.0.1]:{self.catcher.port} }}
""")
        return [self.root / "usr/lib/postfix/sbin/master", "-d", "-c", self.folder / "conf"]

    def make_users(self):
        """A sasldb is the way to passwords that needs no daemon beside."""
        base = self.folder / "sasldb2"
        subprocess.run([BUILD / "sasl2-bin/usr/sbin/saslpasswd2", "-p", "-c", "-f", base, "-u", "mta.example", USER],
                       input=PASSWORD.encode(), check=True, capture_output=True, timeout=60)
        os.chown(base, self.id_of("postfix"), self.id_of("postfix"))
        self.write("conf/sasl/smtpd.conf", f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {base}\n"
                                           "mech_list: PLAIN LOGIN SCRAM-SHA-256\n")


class Exim(Mta):
    package, binary, users = "exim4-daemon-light", "usr/sbin/exim4", ("Debian-exim",)
    extensions = {"SIZE", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "PIPELINING"}
    connection_line, chunking_line = "(TCP/IP connection count", " K S="
    envelope_id = "QQ+2B31"  # left as it comes, in xtext

    def configure(self):
        for name in "spool", "mail", "log":
            self.make_folder(name, "Debian-exim")
        for name in "key.pem", "certificate.pem":
            os.chown(self.folder / name, self.id_of("Debian-exim"), 0)
        configuration = self.write("exim.conf", f"""exim_path = {self.root}/{self.binary}
spool_directory = {self.folder}/spool
log_file_path = {self.folder}/log/%slog
log_selector = +smtp_connection
primary_hostname = mta.example
keep_environment = LD_LIBRARY_PATH
deliver_drop_privilege
never_users =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max_per_connection = {self.mails_per_connection}
message_size_limit = {SIZE_LIMIT}
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = {self.folder}/certificate.pem
tls_privatekey = {self.folder}/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept
begin acl
check_rcpt:
  accept authenticated = *
  deny message = Authenticate first
begin routers
inbox:
  driver = accept
  domains = inbox.example
  local_parts = {USER}
  transport = inbox
out:
  driver = manualroute
  domains = example.org
  route_list = * 127.0.0.1
  self = send
  transport = out
begin transports
inbox:
  driver = appendfile
  directory = {self.folder}/mail/{USER}
  maildir_format
  envelope_to_add
  return_path_add
out:
  driver = smtp
  port = {self.catcher.port}
begin retry
* * F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{USER}}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth1
""")
        return [self.root / self.binary, "-C", configuration, "-bdf", "-oX", f"127.0.0.1.{self.port}", "-oP", self.folder / "spool/pid"]


class OpenSmtpd(Mta):
    """Without TLS, for its version 6.8 with OpenSSL 3 fails every handshake ("missing private key": the process that speaks
    has none, and its engine that would ask the one that has is passed by); and so without AUTH, which it ties to TLS."""
    has_login = False
    report_type, envelope_id = "multipart/mixed", None  # of which it says nothing
    heeds_return = False
    package, binary, users = "opensmtpd", "usr/sbin/smtpd", ("opensmtpd", "opensmtpq", USER)
    extensions = {"SIZE", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES"}
    connection_line = " smtp connected "

    @classmethod
    def why_not(cls):
        return super().why_not() or (None if pathlib.Path("/usr/libexec").is_dir() else "there is no /usr/libexec to lay its programs over")

    def configure(self):
        self.make_folder(f"home/{USER}", USER, 0o700)
        self.make_folder("mail", USER)
        self.write("unknown", f"@ {USER}\n")
        self.write("prepare", f"""mount --bind {self.root}/usr/libexec /usr/libexec
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
""")
        # It knows no recipient that it takes and only afterwards does not know, so a delivery program refuses those.
        configuration = self.write("smtpd.conf", f"""table unknown file:{self.folder}/unknown
smtp max-message-size {SIZE_LIMIT}
smtp limit max-mails {self.mails_per_connection}
listen on 127.0.0.1 port {self.port} hostname mta.example
action "inbox" maildir "{self.folder}/mail/{USER}"
action "nobody" mda "/bin/sh -c 'echo No such user here; exit 67'" virtual <unknown>
action "out" relay host smtp://127.0.0.1:{self.catcher.port}
match from any for rcpt-to "{USER}@inbox.example" action "inbox"
match from any for domain "inbox.example" action "nobody"
match from any for domain "example.org" action "out"
""", mode=0o600)
        return [self.root / self.binary, "-d", "-f", configuration]


ALL = [Postfix, Exim, OpenSmtpd]
