"""The libraries that programs send mail by: nodemailer, PHPMailer and Ruby's mail, each by the two ways it has, sendmail and SMTP."""
import json
import subprocess

import certificates
import pytest
from box import needs_boxes
from callers import TEXT, box, call, content, needs, parse, port  # noqa: F401 (fixtures)

ALL = ["bob@example.net", "eve@example.net", "hidden@example.net"]
needs_node = needs("node", "/usr/share/nodejs/nodemailer/package.json")
needs_php = needs("php", "/usr/share/php/libphp-phpmailer/autoload.php")
needs_ruby = needs("ruby", "/usr/lib/ruby/vendor_ruby/mail.rb")
NODE = {"NODE_PATH": "/usr/share/nodejs", "LC_ALL": "C.UTF-8"}


def run(*words, **environment):
    """A program beside the service; what it prints is JSON."""
    result = subprocess.run([*map(str, words)], capture_output=True, timeout=100,
                            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **environment})
    assert result.returncode == 0, result
    return json.loads(result.stdout)


def check(mail, sender="ann@example.org"):
    """One with everything: names that are not ASCII, a copy that nobody is told of, a dot on a line, and octets of all kinds."""
    message = parse(mail.data)
    assert sorted(mail.recipients) == ALL and mail.sender == sender
    assert message["Bcc"] is None and b"hidden" not in mail.data and message["Subject"] == "Grüße" and message["Message-ID"] and message["Date"]
    assert message["From"].addresses[0].display_name == "Ann Müller" and message["To"].addresses[0].addr_spec == "bob@example.net"
    assert content(message.get_body()).rstrip("\n") == TEXT.rstrip("\n")
    part, = message.iter_attachments()
    assert part.get_filename() == "report.bin" and part.get_content() == bytes(range(256))
    assert not message.defects and not any(sub.defects for sub in message.walk())
    return message


# ---- nodemailer ----

# Standard output is a list of [the error or null, what is told of the mail], in the order of the mails.
NODEMAILER = """
const transport = require('nodemailer').createTransport(JSON.parse(process.argv[1]));
const whole = {
  from: 'Ann Müller <ann@example.org>', to: 'Bob <bob@example.net>', cc: 'eve@example.net', bcc: 'hidden@example.net', subject: 'Grüße',
  text: 'Grüße\\n.\\nFrom here on\\n', attachments: [{filename: 'report.bin', content: Buffer.from(Array.from(Array(256).keys()))}],
};
Promise.all(JSON.parse(process.argv[2]).map(mail => transport.sendMail({...whole, ...mail}).then(
  info => [null, info.response, info.rejected || []], error => [error.message, null, []]))).then(told => {
  console.log(JSON.stringify(told));
  transport.close();
});
"""
RAW = "From: ann@example.org\r\nTo: bob@example.net\r\nSubject: x\r\n\r\nGrüße\r\n.\r\nFrom here on\r\n"


@needs_boxes
@needs_node
@pytest.mark.parametrize("newline", ["unix", "windows"])
@pytest.mark.parametrize("mail,sender", [({}, "ann@example.org"), ({"envelope": {"from": "bounce@example.org", "to": ALL}}, "bounce@example.org")], ids=["header", "envelope"])
def test_nodemailer_by_sendmail(call, newline, mail, sender):
    result, caught = call("node", "-e", NODEMAILER, json.dumps({"sendmail": True, "path": "/usr/sbin/sendmail", "newline": newline}), json.dumps([mail]), env=NODE)
    assert json.loads(result.stdout) == [[None, "Messages queued for delivery", []]]
    check(caught, sender)


@needs_boxes
@needs_node
@pytest.mark.parametrize("newline", ["unix", "windows"])
def test_nodemailer_with_words_and_8_bits_of_its_own(call, newline):
    """A message that is there already goes as it is, without MIME; its words stand behind -i."""
    options = {"sendmail": True, "newline": newline, "args": ["-f", "bounce@example.org", "-N", "never"]}
    mails = [{"raw": RAW, "envelope": {"from": "ann@example.org", "to": ["bob@example.net"]}}]
    result, caught = call("node", "-e", NODEMAILER, json.dumps(options), json.dumps(mails), env=NODE)
    assert json.loads(result.stdout)[0][0] is None and caught.sender == "bounce@example.org" and caught.recipients == ["bob@example.net"]
    message = parse(caught.data)
    assert content(message) == TEXT and message.get_content_charset() == "utf-8"


@needs_boxes
@needs_node
def test_nodemailer_hears_of_a_failure(box):
    mails = [{"envelope": {"from": "ann@example.org", "to": ["bad@@example.net"]}}, {"envelope": {"from": "ann@example.org", "to": ["-X/tmp/shell.php"]}},
             {"envelope": {"from": "ann@example.org", "to": []}}]
    result = box.run("node", "-e", NODEMAILER, json.dumps({"sendmail": True}), json.dumps(mails), env=NODE, conf="[paloma]\nrelay = smtp://127.0.0.1:1\n",
                     after="find var/spool tmp -maxdepth 1 -type f >&2; find var/spool/paloma -type f >&2")
    # what is read of it comes before its end is known: node has written all to a pipe, or nobody reads it any more
    for (error, _, _), told in zip(json.loads(result.stdout), ("Sendmail exited with code 65", "Invalid envelope addresses", "Sendmail exited with code 64"), strict=True):
        assert told in error or error == "write EPIPE", result
    assert b"tmp/" not in result.stderr and b"paloma/queue" not in result.stderr, result


@needs_node
@pytest.mark.parametrize("pool", [False, True])
def test_nodemailer_over_the_port(port, pool):
    number, server = port
    options = {"host": "127.0.0.1", "port": number, "pool": pool, "maxConnections": 2, "maxMessages": 3}
    mails = [{"headers": {"X-Number": str(count)}, "dsn": {"id": f"id{count}", "return": "headers", "notify": ["failure", "delay"], "recipient": "ann@example.org"}}
             for count in range(8)]
    mails.append({"envelope": {"from": "ann@example.org", "to": ["bob@example.net", "bad@@example.net"]}})
    told = run("node", "-e", NODEMAILER, json.dumps(options), json.dumps(mails), **NODE)
    assert all(error is None and response.startswith("250 2.0.0 Ok: queued as ") for error, response, _ in told), told
    assert told[-1][2] == ["bad@@example.net"] and all(not rejected for _, _, rejected in told[:-1])
    caught = {parse(mail.data)["X-Number"]: mail for mail in server.wait_mails(9)}
    assert set(caught) == {None, *map(str, range(8))} and caught[None].recipients == ["bob@example.net"]
    for count in range(8):
        check(caught[str(count)])


@needs_node
def test_nodemailer_by_starttls_and_a_password(catcher, tmp_path):
    """A developer's server, as his program will meet the real one."""
    certificates.make_authority(tmp_path)
    certificates.make_certificate(tmp_path, "good", "DNS:localhost,IP:127.0.0.1")
    users = tmp_path / "users"
    users.write_text("ann:secret\n")
    users.chmod(0o600)
    server = catcher("--tls-cert", tmp_path / "good.crt", "--tls-key", tmp_path / "good.key", "--password-file", users, "--require-auth")
    options = {"host": "localhost", "port": server.port, "requireTLS": True, "pool": True, "maxConnections": 1, "auth": {"user": "ann", "pass": "secret"}}
    told = run("node", "-e", NODEMAILER, json.dumps(options), json.dumps([{}, {}]), NODE_EXTRA_CA_CERTS=str(tmp_path / "ca.pem"), **NODE)
    assert [error for error, _, _ in told] == [None, None]
    for _ in told:
        assert "ESMTPSA" in str(server.mail()["Received"])
    for wrong in ({"auth": {"user": "ann", "pass": "wrong"}}, {"auth": None}):
        told = run("node", "-e", NODEMAILER, json.dumps({**options, **wrong}), json.dumps([{}]), NODE_EXTRA_CA_CERTS=str(tmp_path / "ca.pem"), **NODE)
        assert "5.7." in told[0][0] or "Invalid login" in told[0][0], told


# ---- PHPMailer ----

PHPMAILER = """require '/usr/share/php/libphp-phpmailer/autoload.php';
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->CharSet = 'UTF-8';
$mail->setFrom('ann@example.org', 'Ann Müller');
$mail->addAddress('bob@example.net', 'Bob');
$mail->addCC('eve@example.net');
$mail->addBCC('hidden@example.net');
$mail->Subject = 'Grüße';
$mail->Body = "Grüße\\n.\\nFrom here on\\n";
$mail->addStringAttachment(implode(array_map('chr', range(0, 255))), 'report.bin');
$told = [];
%s
echo json_encode($told);"""
SEND = """try { $told[] = $mail->send(); } catch (Exception $error) { $told[] = $error->getMessage(); }"""


@needs_boxes
@needs_php
@pytest.mark.parametrize("way", ["$mail->isSendmail();", "$mail->isMail();"], ids=["sendmail", "mail()"])
@pytest.mark.parametrize("more,sender", [("", "ann@example.org"), ("$mail->Sender = 'bounce+bob=example.net@example.org';", "ann@example.org"),
                                         ("$mail->Sender = 'bounce@example.org';", "bounce@example.org"), ("$mail->Sender = \"o'brien@example.org\";", "ann@example.org"),
                                         ("$mail->Encoding = 'base64';", "ann@example.org"), ("$mail->UseSendmailOptions = true;", "ann@example.org")],
                         ids=["plain", "a plus", "a bounce address", "a quote", "base64", "options"])
def test_phpmailer_by_sendmail(call, way, more, sender):
    """A sender that a shell might see something in is not given to it at all; then it is who stands in From."""
    result, caught = call("php", "-r", PHPMAILER % (way + more + SEND))
    assert json.loads(result.stdout) == [True]
    check(caught, sender)


@needs_boxes
@needs_php
def test_phpmailer_by_the_sendmail_of_qmail(call):
    """It has no words for the recipients: whoever has a mailer in qmail's place says in php.ini how it is called."""
    result, caught = call("php", "-d", "sendmail_path=/var/qmail/bin/sendmail -t -i", "-r", PHPMAILER % ("$mail->isQmail();" + SEND),
                          before="mkdir -p var/qmail/bin && ln -s /usr/sbin/sendmail var/qmail/bin/sendmail")
    assert json.loads(result.stdout) == [True]
    check(caught)


@needs_boxes
@needs_php
def test_phpmailer_with_one_mail_for_each(call):
    """SingleTo: the recipient stands in a field before the message."""
    script = PHPMAILER % ("$mail->isSendmail(); $mail->SingleTo = true; $mail->clearCCs(); $mail->clearBCCs(); $mail->addAddress('eve@example.net');" + SEND)
    result, *mails = call("php", "-d", "error_reporting=0", "-r", script, count=2)
    assert json.loads(result.stdout) == [True]
    assert sorted((mail.recipients, parse(mail.data)["To"].addresses[0].addr_spec) for mail in mails) == [(["bob@example.net"], "bob@example.net"), (["eve@example.net"], "eve@example.net")]


@needs_boxes
@needs_php
@pytest.mark.parametrize("way", ["$mail->isSendmail();", "$mail->isMail();"], ids=["sendmail", "mail()"])
def test_phpmailer_hears_of_a_failure(box, way):
    """An address that it takes for one and that is none: with a domain of the length that none has."""
    script = PHPMAILER % (way + "$mail::$validator = fn($address) => true; $mail->addAddress('bad@' . str_repeat('x', 300) . '.example');" + SEND)
    result = box.run("php", "-r", script, conf="[paloma]\nrelay = smtp://127.0.0.1:1\n", after="find var/spool -type f >&2")
    told, = json.loads(result.stdout)
    assert told is not True and "Could not" in told and b"var/spool" not in result.stderr, result


@needs_php
@pytest.mark.parametrize("keep", ["false", "true"])
def test_phpmailer_over_the_port(port, keep):
    """Three mails, by one connection or by three; the id that we give is one that it finds."""
    number, server = port
    script = PHPMAILER % (f"$mail->isSMTP(); $mail->Host = '127.0.0.1'; $mail->Port = {number}; $mail->SMTPKeepAlive = {keep};" + 3 * (
        SEND + "$told[] = $mail->getSMTPInstance()->getLastTransactionID();") + "$mail->clearAddresses(); $mail->clearCCs(); $mail->clearBCCs();"
        "$mail::$validator = fn($address) => true; $mail->addAddress('bad@@example.net');" + SEND)
    told = run("php", "-r", script)
    assert told[0:6:2] == [True] * 3 and all(len(word) == 15 for word in told[1:6:2]) and "bad@@example.net" in told[6], told
    for mail in server.wait_mails(3):
        check(mail)


# ---- Ruby ----

RUBY = """require 'mail'; require 'json'
mail = Mail.new(charset: 'UTF-8') do
  from 'Ann Müller <ann@example.org>'; to 'Bob <bob@example.net>'; cc 'eve@example.net'; bcc 'hidden@example.net'; subject 'Grüße'
  body "Grüße\\n.\\nFrom here on\\n"
  add_file filename: 'report.bin', content: (0..255).to_a.pack('C*')
end
told = []
%s
puts told.to_json"""


@needs_boxes
@needs_ruby
@pytest.mark.parametrize("more,sender", [("", "ann@example.org"), ("mail.smtp_envelope_from = 'bounce@example.org'", "bounce@example.org"),
                                         ("mail.smtp_envelope_from = %q(a+x$y`z@example.org)", "a+x$y`z@example.org"),
                                         ("mail.transport_encoding = '7bit'", "ann@example.org")],
                         ids=["plain", "a bounce address", "what a shell sees", "7bit"])
def test_ruby_by_sendmail(call, more, sender):
    script = RUBY % (f"{more}; mail.delivery_method :sendmail; mail.deliver!; told << $?.exitstatus")
    result, caught = call("ruby", "-e", script)
    assert json.loads(result.stdout) == [0]
    check(caught, sender)


@needs_boxes
@needs_ruby
def test_ruby_with_recipients_that_begin_like_options(call):
    """They stand behind --."""
    script = RUBY % "mail.smtp_envelope_to = ['-bob@example.net', '-X/tmp/x@example.net']; mail.delivery_method :sendmail; mail.deliver!; told << $?.exitstatus"
    result, caught = call("ruby", "-e", script)
    assert json.loads(result.stdout) == [0] and sorted(caught.recipients) == ["-X/tmp/x@example.net", "-bob@example.net"]


@needs_boxes
@needs_ruby
def test_ruby_sees_the_exit_status(box):
    script = RUBY % "mail.smtp_envelope_to = ['bad@@example.net']; mail.delivery_method :sendmail; mail.deliver!; told << $?.exitstatus"
    result = box.run("ruby", "-e", script, conf="[paloma]\nrelay = smtp://127.0.0.1:1\n", after="find var/spool -type f >&2")

    assert json.loads(result.stdout.splitlines()[-1]) == [65] and b"var/spool" not in result.stderr, result


@needs_ruby
def test_ruby_over_the_port(port):
    number, server = port
    told = run("ruby", "-e", RUBY % f"2.times {{ mail.delivery_method :smtp, address: '127.0.0.1', port: {number}, return_response: true; told << mail.deliver!.string }}")
    assert all(word.startswith("250 2.0.0 Ok: queued as ") for word in told) and len(told) == 2
    for mail in server.wait_mails(2):
        check(mail)


@needs_ruby
def test_net_smtp_over_the_port(port):
    """One connection, a mail in pieces with bare LF, and what is refused is an exception that it goes on after."""
    number, server = port
    told = run("ruby", "-e", f"""require 'net/smtp'; require 'json'
told = []
Net::SMTP.start('127.0.0.1', {number}, 'client.example') do |smtp|
  told << smtp.capable_starttls?
  2.times {{ |count| smtp.open_message_stream('ann@example.org', ['bob@example.net', 'eve@example.net']) {{ |out| out.puts "Subject: #{{count}}"; out.puts; out.puts ".x\\n.\\nend" }} }}
  begin smtp.send_message("x", 'ann@example.org', 'bad@@example.net') rescue told << $!.class.name end
  smtp.rset
  smtp.send_message("Subject: last\\n\\nx", 'ann@example.org', 'bob@example.net')
end
puts told.to_json""")
    assert told == [False, "Net::SMTPSyntaxError"] or told == [False, "Net::SMTPFatalError"], told
    mails = server.wait_mails(3)
    assert sorted(parse(mail.data)["Subject"] for mail in mails) == ["0", "1", "last"]
    assert all(content(parse(mail.data)) == ".x\n.\nend\n" for mail in mails if parse(mail.data)["Subject"] != "last")
