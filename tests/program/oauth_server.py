"""A provider of OAuth tokens on loopback: device authorization (RFC 8628), codes (RFC 7636) and refresh with rotation."""
import base64
import hashlib
import http.server
import json
import ssl
import threading
import urllib.parse


class Provider:
    def __init__(self, certificate):
        provider = self
        self.news = threading.Condition()
        self.asked = []                 # (path, {field: value}) of each question
        self.device_answers = []        # what is said before the person has agreed: an error each
        self.lifetime = 3600
        self.rotates = True
        self.count = 0                  # tokens given
        self.good_refresh = set()
        self.refusal = None             # (status, body) to every question for a new token
        self.gate = None                # an event that each refresh waits for
        self.challenge = None           # of the browser's way

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True))
                with provider.news:
                    provider.asked.append((self.path, form))
                    provider.news.notify_all()
                status, answer = provider.answer(self.path, form)
                data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(data)
                self.close_connection = True

            def log_message(self, *words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # one who does not trust us

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def answer(self, path, form):
        if path == "/device":
            return 200, {"device_code": "dev:code/1", "user_code": "ABCD-EFGH", "verification_uri": "https://login.example/device",
                         "verification_uri_complete": "https://login.example/device?code=ABCD-EFGH", "expires_in": 600, "interval": 0}
        if path != "/token":
            return 404, "<html>"
        if self.refusal:
            return self.refusal
        return getattr(self, "grant_" + form["grant_type"].rsplit(":", 1)[-1])(form)

    def tokens(self):
        with self.news:
            self.count += 1
            number = self.count
            if self.rotates:
                self.good_refresh.clear()
            self.good_refresh.add(f"refresh-{number}")
        return 200, {"token_type": "Bearer", "access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": self.lifetime}

    def grant_device_code(self, form):
        assert form["device_code"] == "dev:code/1"
        if self.device_answers:
            return 400, {"error": self.device_answers.pop(0), "error_description": "so it is"}
        return self.tokens()

    def grant_authorization_code(self, form):
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if form["code"] != "code 1&" or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != self.challenge:
            return 400, {"error": "invalid_grant"}
        return self.tokens()

    def grant_refresh_token(self, form):
        if self.gate:
            self.gate.wait(60)
        with self.news:
            is_good = form["refresh_token"] in self.good_refresh
        return self.tokens() if is_good else (400, {"error": "invalid_grant", "error_description": "The token has been revoked."})

    def refreshes(self):
        with self.news:
            return [form for path, form in self.asked if form.get("grant_type") == "refresh_token"]

    def wait(self, condition):
        with self.news:
            assert self.news.wait_for(condition, 60), self.asked

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
