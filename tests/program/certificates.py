"""A small authority of one's own, made by openssl: good, expired, wrong-name, self-signed and IP certificates."""
import subprocess


def openssl(*words, cwd):
    subprocess.run(["openssl", *map(str, words)], cwd=cwd, check=True, capture_output=True, timeout=60)


def make_key(folder, name):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key", cwd=folder)


def make_authority(folder, name="ca"):
    make_key(folder, name)
    openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN=Test {name}", "-days", "30", "-out", f"{name}.pem",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign", cwd=folder)


def make_certificate(folder, name, alt_names, authority="ca", days=30, usage="serverAuth"):
    make_key(folder, name)
    openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr", cwd=folder)
    (folder / f"{name}.ext").write_text(f"subjectAltName={alt_names}\nextendedKeyUsage={usage}\n")
    dates = ["-days", str(days)]
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", *dates,
            "-extfile", f"{name}.ext", "-out", f"{name}.crt", cwd=folder)
    (folder / f"{name}.pem").write_bytes((folder / f"{name}.crt").read_bytes() + (folder / f"{name}.key").read_bytes())


def make_self_signed(folder, name, alt_names):
    make_key(folder, name)
    openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "30", "-out", f"{name}.crt",
            "-addext", f"subjectAltName={alt_names}", cwd=folder)
    (folder / f"{name}.pem").write_bytes((folder / f"{name}.crt").read_bytes() + (folder / f"{name}.key").read_bytes())


def make_all(folder):
    make_authority(folder)
    make_authority(folder, "other")
    make_certificate(folder, "good", "DNS:localhost,IP:127.0.0.1")
    make_certificate(folder, "name", "DNS:mail.example.org")
    make_certificate(folder, "partial", "DNS:local*")
    make_certificate(folder, "foreign", "DNS:localhost,IP:127.0.0.1", authority="other")
    make_certificate(folder, "expired", "DNS:localhost,IP:127.0.0.1", days=-1)
    make_certificate(folder, "client", "email:ann@example.org", usage="clientAuth")
    make_self_signed(folder, "self", "DNS:localhost,IP:127.0.0.1")
