"""TLS: who is believed, who is not, what is said about it, and that no password goes without it."""
import contextlib
import hashlib
import re
import socket
import ssl
import subprocess
import threading

import certificates
import pytest

FROM = ("-r", "ann@example.org")


@pytest.fixture(scope="session")
def ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca")
    certificates.make_all(folder)
    return folder


def send(paloma, url, *words, **rest):
    return paloma("send", "--relay", url, *FROM, "--body", "x", "bob@example.net", *words, **rest)


def starttls(catcher, ca, name, *words):
    server = catcher("--tls-cert", ca / f"{name}.pem", *words)
    return server, f"smtp://localhost:{server.port}"


def test_starttls_and_implicit_tls_verified(paloma, catcher, ca):
    for words, scheme in ((), "smtp"), (("--implicit-tls",), "smtps"):
        server = catcher("--tls-cert", ca / "good.pem", *words)
        for host in ("localhost", "127.0.0.1"):
            result = send(paloma, f"{scheme}://{host}:{server.port}", "--tls", "verify", "--tls-ca", ca / "ca.pem")
            assert result.returncode == 0, result.stderr
            assert b"TLSv1.3" in result.stdout and "tls=TLSv1.3" in server.caught()


def test_a_server_that_waits_for_tls_is_told_from_one_that_is_deaf(paloma, catcher, ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca / "good.pem")

    def run():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        thread = threading.Thread(target=run)
        thread.start()
        result = send(paloma, f"smtp://127.0.0.1:{listener.getsockname()[1]}", "--timeout", "1")
        thread.join()
    assert result.returncode == 75 and b"waiting for the greeting" in result.stderr and b"say smtps:// instead" in result.stderr, result.stderr
    # and the advice is true
    server = catcher("--tls-cert", ca / "good.pem", "--implicit-tls")
    result = send(paloma, f"smtps://localhost:{server.port}", "--tls-ca", ca / "ca.pem")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name,why", [("expired", "expired"), ("name", "another name"), ("self", "self-signed"),
                                      ("foreign", "no authority"), ("partial", "another name")])
def test_bad_certificates_are_refused_with_the_reason_and_the_pin(paloma, catcher, ca, name, why):
    server, url = starttls(catcher, ca, name)
    result = send(paloma, url, "--tls", "verify", "--tls-ca", ca / "ca.pem")
    told = result.stderr.decode()
    assert result.returncode == 77 and why in told and "localhost" in told, told
    pin = re.search(r"--tls-pin (sha256:[0-9a-f]{64})", told).group(1)
    der = subprocess.run(f"openssl x509 -in {ca}/{name}.crt -pubkey -noout | openssl pkey -pubin -outform DER", shell=True,
                         capture_output=True, check=True).stdout
    assert pin == "sha256:" + hashlib.sha256(der).hexdigest()
    # and the advice is true
    result = send(paloma, url, "--tls-pin", pin)
    assert result.returncode == 0, result.stderr
    assert server.caught()
    wrong = pin[:-1] + ("0" if pin[-1] != "0" else "1")
    assert send(paloma, url, "--tls-pin", wrong).returncode == 77
    assert send(paloma, url, "--tls-pin", f"{wrong},{pin}").returncode == 0


def test_the_pin_of_a_whole_certificate(paloma, catcher, ca):
    server, url = starttls(catcher, ca, "self")
    der = subprocess.run(["openssl", "x509", "-in", ca / "self.crt", "-outform", "DER"], capture_output=True, check=True).stdout
    assert send(paloma, url, "--tls-pin", hashlib.sha256(der).hexdigest()).returncode == 0


def test_opportunistic_takes_any_certificate_and_none(paloma, catcher, ca):
    server, url = starttls(catcher, ca, "self")
    assert send(paloma, url).returncode == 0 and "tls=TLSv1.3" in server.caught()
    plain = catcher()
    assert send(paloma, plain.url).returncode == 0 and "tls=no" in plain.caught()


@pytest.mark.parametrize("option", ["--tls-ca", "--tls-cert"])
def test_files_that_cannot_be_used_are_told_with_the_reason(paloma, catcher, ca, tmp_path, option):
    (tmp_path / "no.pem").write_text("no certificate\n")
    server, url = starttls(catcher, ca, "good")
    for file, why in (tmp_path / "none.pem", "No such file or directory"), (tmp_path / "no.pem", "no certificate or crl found|none in PEM form"):
        result = send(paloma, url, "--tls", "verify", option, file)
        assert result.returncode == 78 and re.search(f"{file}.*({why})", result.stderr.decode()), result.stderr
    result = send(paloma, url, "--tls", "verify", "--tls-cert", ca / "good.crt", "--tls-key", ca / "name.key")
    assert result.returncode == 78 and b"key values mismatch" in result.stderr


def test_the_wrong_kind_of_port_is_told(paloma, catcher):
    server = catcher()
    result = send(paloma, f"smtps://127.0.0.1:{server.port}")
    assert result.returncode == 75 and b"submission://" in result.stderr


def test_required_tls_never_falls_back(paloma, catcher):
    server = catcher()
    for mode in ("require", "verify"):
        result = send(paloma, server.url, "--tls", mode)
        assert result.returncode == 75 and b"TLS" in result.stderr
    assert server.stop() == 0 and server.process.stdout.read() == b""


@pytest.fixture
def password(tmp_path):
    file = tmp_path / "password"
    file.write_text("s3cret:with colon\n")
    file.chmod(0o600)
    users = tmp_path / "users"
    users.write_text("ann:s3cret:with colon\n")
    users.chmod(0o600)
    return file, users


def test_login_over_verified_tls(paloma, catcher, ca, password, tmp_path):
    server, url = starttls(catcher, ca, "good", "--password-file", password[1], "--require-auth")
    words = ("--user", "ann", "--tls-ca", ca / "ca.pem")
    for more in (), ("--auth", "PLAIN"), ("--auth", "LOGIN"):
        result = send(paloma, url, *words, "--password-file", password[0], "--transcript", tmp_path / "t", *more)
        assert result.returncode == 0, result.stderr
        text = (tmp_path / "t").read_text()
        assert "s3cret" not in text and "AUTH" in text and "czNjcmV0" not in text
        assert "with ESMTPSA" in server.raw().decode()
    result = send(paloma, url, *words, env={"PALOMA_PASSWORD": "s3cret:with colon"})
    assert result.returncode == 0, result.stderr
    result = send(paloma, url, *words, "--password-command", "echo s3cret:with colon")
    assert result.returncode == 0, result.stderr


def test_a_refused_password_is_77(paloma, catcher, ca, password):
    server, url = starttls(catcher, ca, "good", "--password-file", password[1])
    result = send(paloma, url, "--user", "ann", "--tls-ca", ca / "ca.pem", env={"PALOMA_PASSWORD": "wrong"})
    assert result.returncode == 77 and b"5.7.8" in result.stderr and b"wrong" not in result.stderr


def test_no_password_at_all_is_told(paloma, catcher, ca):
    server, url = starttls(catcher, ca, "good")
    result = send(paloma, url, "--user", "ann", "--tls-ca", ca / "ca.pem")
    assert result.returncode == 77 and b"password_file" in result.stderr


def test_a_password_never_goes_in_the_clear(paloma, catcher, password):
    server = catcher("--password-file", password[1])  # offers AUTH without TLS
    result = send(paloma, server.url, "--user", "ann", "--password-file", password[0])
    assert result.returncode != 0 and b"TLS" in result.stderr
    result = send(paloma, server.url, "--user", "ann", "--password-file", password[0], "--tls", "opportunistic")
    assert result.returncode == 77, result.stderr
    result = send(paloma, server.url, "--user", "ann", "--password-file", password[0], "--tls", "none", "-O", "password_in_clear=yes")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("scheme,mode", [("smtp", "require"), ("smtp", "opportunistic"), ("smtps", "require"), ("smtps", "none")])
def test_a_password_never_goes_to_whoever_answers(paloma, catcher, ca, password, scheme, mode):
    implicit = ("--implicit-tls",) if scheme == "smtps" else ()
    server = catcher("--tls-cert", ca / "self.pem", "--password-file", password[1], *implicit)
    words = (f"{scheme}://localhost:{server.port}", "--user", "ann", "--password-file", password[0], "--tls", mode)
    result = send(paloma, *words, "-v")
    assert result.returncode == 77 and b"password_in_clear" in result.stderr and b"C: AUTH" not in result.stderr, result.stderr
    result = send(paloma, *words, "-O", "password_in_clear=yes", "-v")
    assert result.returncode == 0 and b"C: AUTH PLAIN ********\n" in result.stderr, result.stderr


def test_ways_to_log_in_that_do_not_meet_are_told(paloma, catcher, ca, password):
    server, url = starttls(catcher, ca, "good", "--password-file", password[1])
    words = ("--user", "ann", "--tls-ca", ca / "ca.pem")
    result = send(paloma, url, *words, "--password-file", password[0], "--auth", "CRAM-MD5")
    assert result.returncode == 69 and b"PLAIN LOGIN" in result.stderr and b"only CRAM-MD5" in result.stderr
    result = send(paloma, url, *words, "--oauth-token-command", "echo token")
    assert result.returncode == 69 and b"OAUTHBEARER" in result.stderr


def test_a_password_file_for_all_to_read_is_refused(paloma, catcher, ca, password):
    server, url = starttls(catcher, ca, "good", "--password-file", password[1])
    password[0].chmod(0o644)
    result = send(paloma, url, "--user", "ann", "--tls-ca", ca / "ca.pem", "--password-file", password[0])
    assert result.returncode == 78 and b"chmod" in result.stderr


def serve_tls(ca, script, context_words):
    """A server of Python's ssl for what paloma serve does not do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca / "good.pem")
    context_words(context)
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def run():
        connection, _ = listener.accept()
        with connection:
            script(connection, context, seen)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return listener.getsockname()[1], seen, thread


def talk(file, replies):
    for reply in replies:
        file.write(reply.encode() + b"\r\n")
        file.flush()
        yield file.readline().decode().strip()


def test_client_certificate_and_sni(paloma, ca):
    def script(connection, context, seen):
        with context.wrap_socket(connection, server_side=True) as secure:
            seen.append(secure.getpeercert()["subject"])
            file = secure.makefile("rwb")
            for line in talk(file, ["220 x", "250 x", "250 ok", "250 ok", "354 go"]):
                seen.append(line)
            while file.readline() != b".\r\n":
                pass
            file.write(b"250 2.0.0 taken\r\n")
            file.flush()
            file.readline()

    names = []

    def prepare(context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca / "ca.pem")
        context.sni_callback = lambda _, name, __: names.append(name)

    for host, sni in ("localhost", "localhost"), ("127.0.0.1", None):
        port, seen, thread = serve_tls(ca, script, prepare)
        result = send(paloma, f"smtps://{host}:{port}", "--tls-ca", ca / "ca.pem", "--tls-cert", ca / "client.crt", "--tls-key", ca / "client.key")
        thread.join(30)
        assert result.returncode == 0, result.stderr
        assert seen[0] == ((("commonName", "client"),),) and names.pop() == sni


def test_old_versions_of_tls_are_not_spoken(paloma, ca):
    def script(connection, context, seen):
        try:
            context.wrap_socket(connection, server_side=True)
            seen.append("shaken")
        except (ssl.SSLError, OSError):
            seen.append("failed")

    def prepare(context):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")

    port, seen, thread = serve_tls(ca, script, prepare)
    result = send(paloma, f"smtps://localhost:{port}", "--tls-ca", ca / "ca.pem")
    thread.join(30)
    assert result.returncode == 75 and seen == ["failed"]


def test_octets_behind_starttls_end_the_session(paloma, ca):
    seen = []

    def run(listener):
        connection, _ = listener.accept()
        with connection:
            file = connection.makefile("rwb")
            file.write(b"220 x\r\n")
            file.flush()
            file.readline()
            file.write(b"250-x\r\n250 STARTTLS\r\n")
            file.flush()
            file.readline()
            file.write(b"220 go\r\n250 injected\r\n")
            file.flush()
            seen.append(connection.recv(1000))

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=run, args=(listener,), daemon=True)
    thread.start()
    result = send(paloma, f"smtp://127.0.0.1:{listener.getsockname()[1]}", "--tls", "require")
    thread.join(30)
    assert result.returncode == 75 and b"STARTTLS" in result.stderr and seen == [b""]
